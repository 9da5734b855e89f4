//! Tests of the crate through its public interface.

mod bus_outage;
mod commands;
mod contracts;
mod hub_basics;
mod laws;
mod mailbox_pressure;
#[cfg(feature = "redis")]
mod redis_node;
mod rendering;
mod resume_model;
mod saboteurs;
mod schema;
mod world;
