//! Where schedules are kept: SQLite, PostgreSQL or memory, never Redis.

use super::{QueueError, WorkerId};
use crate::schedule::{Change, Schedule, ScheduleId};
use async_trait::async_trait;
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::{Span, Timestamp};
use std::fmt;

/// The right to fire one schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleClaim {
    /// The schedule as it stood when it was claimed.
    pub schedule: Schedule,
    /// Number of the claim; a later one of the same schedule is higher.
    pub fence: i64,
}

/// Where a fired schedule stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    /// Its next instant.
    pub next_run_at: Timestamp,
    /// The last instant it fired for, if it fired.
    pub last_run_at: Option<Timestamp>,
}

/// Keeps schedules and gives each due one to one node at a time.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Schedules: Send + Sync + fmt::Debug {
    /// Schedules in order of id.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    async fn list(
        &self,
        page: PageRequest<ScheduleId>,
    ) -> Result<Page<Schedule, ScheduleId>, QueueError>;

    /// Applies all changes or none. Inserting what is there replaces it; removing what is not does nothing.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    async fn apply(&self, changes: &[Change]) -> Result<(), QueueError>;

    /// Claims enabled schedules that are due, oldest first, at most `limit`.
    ///
    /// No other claim gets them until they are advanced or `hold` has passed, so a node that died
    /// between firing and advancing is repeated with the same keys.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    async fn claim_due(
        &self,
        worker: &WorkerId,
        now: Timestamp,
        hold: Span,
        limit: usize,
    ) -> Result<Vec<ScheduleClaim>, QueueError>;

    /// Moves a claimed schedule on.
    ///
    /// # Errors
    /// [`QueueError::LeaseLost`] if it was claimed again, changed or removed meanwhile.
    async fn advance(&self, claim: &ScheduleClaim, to: Advance) -> Result<(), QueueError>;

    /// Sets how far the work of a schedule came. Unknown schedules are left unknown.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    async fn set_cursor(&self, id: &ScheduleId, cursor: Timestamp) -> Result<(), QueueError>;
}
