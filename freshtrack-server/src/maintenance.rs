//! What keeps the database from growing for ever: events that nobody can resume from are removed.

use crate::heartbeat::Heartbeat;
use crate::http::idempotency::KEPT_FOR;
use crate::store::ports::OnceLedger;
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
/// Kept answers removed in one look.
const ANSWERS_AT_ONCE: u32 = 20_000;
/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_mins(10);
/// The loop shows life this often between looks.
const BEAT_EVERY: Duration = Duration::from_secs(10);

/// Prunes until `stop`.
pub async fn run(
    outbox: Arc<dyn Outbox>,
    answers: Arc<dyn OnceLedger>,
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
            let before = clock.now() - KEPT_FOR;
            match answers.prune_answers(before, ANSWERS_AT_ONCE).await {
                Ok(removed) => tracing::debug!(removed, "old answers are pruned"),
                Err(error) => tracing::warn!(error = ?error, "old answers could not be pruned"),
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
    use crate::store::ports::{Begun, KeptAnswer, OnceKey};
    use freshtrack_core::error::StoreError;
    use freshtrack_core::event::OutboxEvent;
    use freshtrack_core::ids::OrgId;
    use freshtrack_core::time::Timestamp;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// An outbox with so many old events.
    struct Old(AtomicU64, AtomicU64);

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

    #[async_trait::async_trait]
    impl OnceLedger for Old {
        async fn begin(
            &self,
            _: &OnceKey,
            _: [u8; 32],
            _: Timestamp,
            _: (Timestamp, Timestamp),
        ) -> Result<Begun, StoreError> {
            Ok(Begun::First)
        }
        async fn end(&self, _: &OnceKey, _: Option<KeptAnswer>) -> Result<(), StoreError> {
            Ok(())
        }
        async fn prune_answers(&self, _: Timestamp, _: u32) -> Result<u64, StoreError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            Ok(0)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_backlog_is_removed_piece_by_piece_in_one_look() {
        let outbox = Arc::new(Old(AtomicU64::new(12_345), AtomicU64::new(0)));
        let stop = CancellationToken::new();
        let beat = Arc::new(Heartbeat::starting("maintenance"));
        let work = run(
            Arc::<Old>::clone(&outbox),
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
        assert_eq!(outbox.1.load(Ordering::Relaxed), 1, "kept answers too");
    }
}
