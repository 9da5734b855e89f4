//! Proof of life of a loop: how long ago it last came round, by the machine's own steady clock.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Last round of one loop.
#[derive(Debug)]
pub struct Heartbeat {
    name: &'static str,
    last: Mutex<Instant>,
}

impl Heartbeat {
    /// A loop that begins now.
    #[must_use]
    pub fn starting(name: &'static str) -> Self {
        Self {
            name,
            last: Mutex::new(Instant::now()),
        }
    }

    /// The loop came round.
    pub fn beat(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// The loop's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// How long ago it last came round.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
    }
}
