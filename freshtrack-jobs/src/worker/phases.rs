//! The three phases of a stop, as tokens every attempt follows.

use super::{DrainBounds, Drained};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// `stop`: claim nothing. `cancel`: handlers are asked to end. `release`: they are ended.
#[derive(Debug, Clone)]
pub(crate) struct Phases {
    pub(crate) stop: CancellationToken,
    pub(crate) cancel: CancellationToken,
    pub(crate) release: CancellationToken,
}

impl Phases {
    pub(crate) fn following(stop: CancellationToken) -> Self {
        Self {
            stop,
            cancel: CancellationToken::new(),
            release: CancellationToken::new(),
        }
    }

    /// Waits for `all`, stepping through the phases when their time comes.
    pub(crate) async fn drain(
        &self,
        bounds: DrainBounds,
        all: impl Future<Output = ()> + Send,
    ) -> Drained {
        let begun = Instant::now();
        let mut all = std::pin::pin!(all);
        for (bound, next) in [
            (bounds.cancel_after, Some(&self.cancel)),
            (bounds.release_after, Some(&self.release)),
            (bounds.exit_after, None),
        ] {
            if timeout_at(begun + bound, all.as_mut()).await.is_ok() {
                return Drained::Completely;
            }
            if let Some(token) = next {
                token.cancel();
            }
        }
        Drained::WithLeasesOpen
    }
}
