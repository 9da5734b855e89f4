//! Tests of the crate through its public interface.

mod bus_outage;
mod commands;
mod contracts;
mod hub_basics;
mod laws;
mod mailbox_pressure;
mod rendering;
mod world;
