//! Contract suites: what every adapter of a port must do, one test per rule.

pub mod inbox;
pub mod saga_store;
