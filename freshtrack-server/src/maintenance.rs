//! The chores of an installation: events that nobody can resume from are removed, readings go after their
//! time, and the audit logs are signed every day.

use crate::audit_tree::AuditTrees;
use crate::heartbeat::Heartbeat;
use crate::http::idempotency::KEPT_FOR;
use crate::retention::{self, Policy};
use crate::store::ports::OnceLedger;
use crate::store::retention::ReadingRetention;
use freshtrack_core::ports::{Clock, Outbox};
use freshtrack_core::time::{Span, Timestamp};
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

/// Organizations whose logs are signed at one look.
const SIGNED_AT_ONCE: u16 = 500;
/// A head is signed every day.
const DAY: Span = Span::from_seconds(86_400);

/// The chores of an installation; any number of processes may do them at once.
pub struct Maintenance {
    /// What is pruned.
    pub outbox: Arc<dyn Outbox>,
    /// Answers kept for requests that are repeated.
    pub answers: Arc<dyn OnceLedger>,
    /// Readings, removed month by month after their time.
    pub retention: Option<Arc<dyn ReadingRetention>>,
    /// What is signed every day, if this process has a key.
    pub audit_trees: Option<AuditTrees>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Shows life.
    pub beat: Arc<Heartbeat>,
}

impl std::fmt::Debug for Maintenance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Maintenance").finish_non_exhaustive()
    }
}

impl Maintenance {
    /// Does its chores until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut next = tokio::time::Instant::now();
        while !stop.is_cancelled() {
            self.beat.beat();
            if tokio::time::Instant::now() >= next {
                if self.prune_events().await == Left::More {
                    continue;
                }
                self.prune_answers().await;
                self.sign_heads(&stop).await;
                self.keep_readings(&stop).await;
                next = tokio::time::Instant::now() + LOOK_EVERY;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(BEAT_EVERY) => {}
            }
        }
    }

    async fn prune_events(&self) -> Left {
        let before = self.clock.now() - EVENTS_KEPT_FOR;
        match self.outbox.prune(before, EVENTS_KEPT, EVENTS_AT_ONCE).await {
            Ok(removed) if removed >= u64::from(EVENTS_AT_ONCE) => return Left::More,
            Ok(removed) => tracing::debug!(removed, "old events are pruned"),
            Err(error) => tracing::warn!(error = ?error, "old events could not be pruned"),
        }
        Left::Nothing
    }

    async fn prune_answers(&self) {
        let before = self.clock.now() - KEPT_FOR;
        match self.answers.prune_answers(before, ANSWERS_AT_ONCE).await {
            Ok(removed) => tracing::debug!(removed, "old answers are pruned"),
            Err(error) => tracing::warn!(error = ?error, "old answers could not be pruned"),
        }
    }

    /// Makes room for readings and removes what has been kept long enough.
    async fn keep_readings(&self, stop: &CancellationToken) {
        let Some(store) = &self.retention else {
            return;
        };
        let now = self.clock.now();
        let done = retention::run(store.as_ref(), Policy::default(), now, stop).await;
        let report = match done {
            Ok(report) => report,
            Err(error) => {
                tracing::warn!(error = ?error, "old readings could not be looked after");
                return;
            }
        };
        metrics::gauge!("freshtrack_partitions_future").set(as_figure(report.months_ahead));
        metrics::gauge!("freshtrack_partition_default_rows").set(as_figure(report.strays));
        let blocked = i64::try_from(report.blocked.len()).unwrap_or(i64::MAX);
        metrics::gauge!("freshtrack_retention_blocked").set(as_figure(blocked));
        for (month, readings) in report.removed {
            if readings > 0 {
                metrics::counter!("freshtrack_partition_dropped_total").increment(1);
                tracing::info!(%month, readings, "readings are removed after their time");
            }
        }
        if let Some(month) = report.blocked.first() {
            tracing::info!(%month, blocked, "blocked:no_backup_proof: old readings stay");
        }
    }

    /// Signs the log of every organization with events that no head of today covers.
    async fn sign_heads(&self, stop: &CancellationToken) {
        let Some(trees) = &self.audit_trees else {
            return;
        };
        let day = self.clock.now().as_micros().div_euclid(DAY.as_micros());
        let today = Timestamp::from_micros(day.saturating_mul(DAY.as_micros()));
        let due = match trees.heads.heads_due(today, SIGNED_AT_ONCE).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(error = ?error, "due audit heads could not be listed");
                return;
            }
        };
        for org in due {
            if stop.is_cancelled() {
                return;
            }
            self.beat.beat();
            match trees.sign(org).await {
                Ok(head) => {
                    let size = head.map_or(0, |head| head.head.size);
                    tracing::debug!(%org, size, "audit head is signed");
                }
                Err(error) => {
                    metrics::counter!("freshtrack_audit_heads_failed_total").increment(1);
                    tracing::error!(%org, error = ?error, "the audit log could not be signed");
                }
            }
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "figures of a gauge are far below 2^52"
)]
const fn as_figure(count: i64) -> f64 {
    count as f64
}

/// Whether a chore has more to do at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    More,
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::store::ports::{Begun, KeptAnswer, OnceKey};
    use freshtrack_core::error::StoreError;
    use freshtrack_core::event::OutboxEvent;
    use freshtrack_core::ids::OrgId;
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
        let chores = Maintenance {
            outbox: Arc::<Old>::clone(&outbox),
            answers: Arc::<Old>::clone(&outbox),
            retention: None,
            audit_trees: None,
            clock: Arc::new(SystemClock::start()),
            beat,
        };
        let work = chores.run(stop.clone());
        let rest = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stop.cancel();
        };
        tokio::join!(work, rest);
        assert_eq!(outbox.0.load(Ordering::Relaxed), 0);
        assert_eq!(outbox.1.load(Ordering::Relaxed), 1, "kept answers too");
    }
}
