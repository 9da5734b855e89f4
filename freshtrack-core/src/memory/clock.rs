//! A clock that stands still until it is moved.

use crate::ports::Clock;
use crate::time::{Span, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A clock for tests and replays. Clones tell the same time.
#[derive(Debug, Clone)]
pub struct ManualClock {
    micros: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            micros: Arc::new(AtomicI64::new(now.as_micros())),
        }
    }

    /// Moves the clock on to `now`; an earlier instant leaves it where it is, as clocks never go back.
    pub fn set(&self, now: Timestamp) {
        self.micros.fetch_max(now.as_micros(), Ordering::SeqCst);
    }

    /// Moves the clock on by `span`; a negative span does nothing.
    pub fn advance(&self, span: Span) {
        self.set(self.now() + span);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_moves_only_when_told_and_never_back() {
        let clock = ManualClock::new(Timestamp::from_seconds(100));
        let same = clock.clone();
        assert_eq!(clock.now(), Timestamp::from_seconds(100));
        clock.advance(Span::from_seconds(5));
        assert_eq!(same.now(), Timestamp::from_seconds(105));
        same.set(Timestamp::from_seconds(50));
        same.advance(Span::from_seconds(-5));
        assert_eq!(clock.now(), Timestamp::from_seconds(105));
    }
}
