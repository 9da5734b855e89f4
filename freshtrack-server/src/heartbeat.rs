//! Proof of life of a loop: when it last came round.

use freshtrack_core::time::{Span, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering};

/// Last round of one loop.
#[derive(Debug)]
pub struct Heartbeat {
    name: &'static str,
    last: AtomicI64,
}

impl Heartbeat {
    /// A loop that begins now.
    #[must_use]
    pub const fn starting(name: &'static str, now: Timestamp) -> Self {
        Self {
            name,
            last: AtomicI64::new(now.as_micros()),
        }
    }

    /// The loop came round.
    pub fn beat(&self, now: Timestamp) {
        self.last.fetch_max(now.as_micros(), Ordering::Relaxed);
    }

    /// The loop's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// When it last came round.
    #[must_use]
    pub fn last(&self) -> Timestamp {
        Timestamp::from_micros(self.last.load(Ordering::Relaxed))
    }

    /// How long ago that is.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Span {
        now - self.last()
    }
}
