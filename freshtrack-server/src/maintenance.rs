//! What keeps the database from growing for ever: events that nobody can resume from are removed.

use crate::heartbeat::Heartbeat;
use freshtrack_core::ports::{Clock, Outbox};
use freshtrack_core::time::Span;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Clients may resume for at least this long …
const EVENTS_KEPT_FOR: Span = Span::from_seconds(24 * 3_600);
/// … and over at least this many events of their organization.
const EVENTS_KEPT: u32 = 10_000;
/// Events removed at once, so that no other write waits long.
const EVENTS_AT_ONCE: u32 = 5_000;
/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_mins(10);
/// The loop shows life this often between looks.
const BEAT_EVERY: Duration = Duration::from_secs(10);

/// Prunes until `stop`.
pub async fn run(
    outbox: Arc<dyn Outbox>,
    clock: Arc<dyn Clock>,
    beat: Arc<Heartbeat>,
    stop: CancellationToken,
) {
    let mut next = tokio::time::Instant::now();
    while !stop.is_cancelled() {
        beat.beat();
        if tokio::time::Instant::now() >= next {
            let before = clock.now() - EVENTS_KEPT_FOR;
            match outbox.prune(before, EVENTS_KEPT, EVENTS_AT_ONCE).await {
                Ok(removed) if removed >= u64::from(EVENTS_AT_ONCE) => continue,
                Ok(removed) => tracing::debug!(removed, "old events are pruned"),
                Err(error) => tracing::warn!(error = ?error, "old events could not be pruned"),
            }
            next = tokio::time::Instant::now() + LOOK_EVERY;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(BEAT_EVERY) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use freshtrack_core::error::StoreError;
    use freshtrack_core::event::OutboxEvent;
    use freshtrack_core::ids::OrgId;
    use freshtrack_core::time::Timestamp;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// An outbox with so many old events.
    struct Old(AtomicU64);

    #[async_trait::async_trait]
    impl Outbox for Old {
        async fn since(&self, _: OrgId, _: i64, _: u16) -> Result<Vec<OutboxEvent>, StoreError> {
            Ok(Vec::new())
        }
        async fn bounds(&self, _: OrgId) -> Result<(i64, i64), StoreError> {
            Ok((0, 1))
        }
        async fn heads(&self) -> Result<Vec<(OrgId, i64)>, StoreError> {
            Ok(Vec::new())
        }
        async fn prune(&self, _: Timestamp, _: u32, limit: u32) -> Result<u64, StoreError> {
            let removed = self.0.load(Ordering::Relaxed).min(u64::from(limit));
            self.0.fetch_sub(removed, Ordering::Relaxed);
            Ok(removed)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_backlog_is_removed_piece_by_piece_in_one_look() {
        let outbox = Arc::new(Old(AtomicU64::new(12_345)));
        let stop = CancellationToken::new();
        let beat = Arc::new(Heartbeat::starting("maintenance"));
        let work = run(
            Arc::<Old>::clone(&outbox),
            Arc::new(SystemClock::start()),
            beat,
            stop.clone(),
        );
        let rest = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stop.cancel();
        };
        tokio::join!(work, rest);
        assert_eq!(outbox.0.load(Ordering::Relaxed), 0);
    }
}
