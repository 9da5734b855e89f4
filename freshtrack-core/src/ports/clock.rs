//! The clock.
//!
//! no contract: it has no law beside telling the time.

use crate::time::Timestamp;

/// Tells the time to services; decisions get it as a value.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The present instant. Never goes backwards between two calls.
    fn now(&self) -> Timestamp;
}
