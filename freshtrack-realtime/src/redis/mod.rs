//! Adapters on Redis.

mod bus;
mod link;

pub use bus::{RedisBus, RedisBusConfig, RedisBusError};
