//! Tests of the crate through its public interface.

mod contracts;
mod hub_basics;
mod world;
