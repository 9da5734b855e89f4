//! A clock that runs on the simulation's time and may be wrong.

use freshtrack_core::ports::Clock;
use freshtrack_core::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Set by the world alone. It may go back, but only between two processes: inside one, the port
/// promises that it does not.
#[derive(Debug, Clone)]
pub(super) struct SimClock(Arc<AtomicI64>);

impl SimClock {
    pub(super) fn new(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.as_micros())))
    }

    pub(super) fn set(&self, now: Timestamp) {
        self.0.store(now.as_micros(), Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}
