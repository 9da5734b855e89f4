//! Where monitors live, and where an evaluation's whole change is committed.

use crate::change::{Change, Loaded, Resolved, Stored, Target};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::reading::ReadingKey;
use freshtrack_core::time::Timestamp;

/// Most changes one commit takes, most units one load takes, most keys one look-up takes.
pub const BATCH_MAX: usize = 1_000;

/// Monitors with the readings, alerts and events that change with them.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait MonitorStore: Send + Sync {
    /// What each target is, in order; `None` for what this organization does not have.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn resolve(
        &self,
        org: OrgId,
        targets: &[Target],
    ) -> Result<Vec<Option<Resolved>>, StoreError>;

    /// The named units of `org`, with all an evaluation needs; `None` if the organization is unknown.
    /// Units it does not have are left out. Each monitor knows the suppressions that reach its unit as
    /// they are now ([`Monitor::learn`](crate::monitor::Monitor::learn)).
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn load(&self, org: OrgId, units: &[UnitId]) -> Result<Option<Loaded>, StoreError>;

    /// What is stored under each key, in order.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn stored(
        &self,
        org: OrgId,
        keys: &[ReadingKey],
    ) -> Result<Vec<Option<Stored>>, StoreError>;

    /// Commits changes of one or several organizations with one durable write.
    ///
    /// Each change is applied whole or not at all, and answered by itself, in order:
    /// [`StoreError::Conflict`] if a unit's or an alert's version is not the expected one, if an open
    /// alert for one of its keys exists already, or if one of its readings is stored already; then the
    /// caller loads again and repeats. Sequence numbers of outbox and audit are given here, gapless and
    /// in commit order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: nothing of any change is stored.
    async fn commit(&self, changes: &[Change]) -> Result<Vec<Result<(), StoreError>>, StoreError>;

    /// Units whose stored deadline is at or before `now`, earliest first; at most `limit`.
    ///
    /// Several sweepers may be told the same unit: the version decides who evaluates it.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn due(&self, now: Timestamp, limit: u16) -> Result<Vec<(OrgId, UnitId)>, StoreError>;
}
