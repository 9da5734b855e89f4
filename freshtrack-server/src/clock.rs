//! The real clock and real randomness.

use freshtrack_core::ports::{Clock, IdGen};
use freshtrack_core::time::{Span, Timestamp};
use std::time::Instant;
use uuid::Uuid;

/// Wall time at start plus monotonic time since: a step of the machine's clock moves nothing until the
/// process restarts, and is seen by [`SystemClock::wall_offset`].
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started_wall: Timestamp,
    started: Instant,
}

impl SystemClock {
    /// A clock that starts at the machine's present time.
    #[must_use]
    pub fn start() -> Self {
        Self {
            started_wall: wall_time(),
            started: Instant::now(),
        }
    }

    /// How far the machine's wall clock is ahead of this one.
    #[must_use]
    pub fn wall_offset(&self) -> Span {
        wall_time() - self.now()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.started_wall + Span::from_micros(elapsed)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the adapter that reads the machine's clock"
)]
fn wall_time() -> Timestamp {
    let since_1970 = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX))
}

/// `UUIDv7` ids and secrets from the operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl IdGen for RandomIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the adapter that makes real ids"
    )]
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        use ring::rand::SecureRandom;
        ring::rand::SystemRandom::new()
            .fill(bytes)
            .expect("the operating system gives randomness, or nothing here is safe");
    }
}
