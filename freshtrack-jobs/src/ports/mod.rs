//! Ports: where jobs and schedules are kept.
//!
//! Adapters only store. Concurrency, renewal, time limits, panics, drain and metrics belong to the
//! one runtime in [`worker`](crate::worker). Time is a value in every call; what waits has a deadline.

mod queue;
mod queue_admin;
mod schedules;

pub use queue::{
    CLAIM_MAX, ClaimRequest, Claimed, ENQUEUE_MAX, Enqueued, Lease, Promoted, Queue, Renewal,
    WorkerId,
};
pub use queue_admin::{
    JobFilter, JobState, JobView, LIST_MAX, QueueAdmin, REQUEUE_MAX, Removal, Scope, Selection,
};
pub use schedules::{Advance, ScheduleClaim, Schedules};

use freshtrack_core::error::BoxError;

/// Failure of a queue or schedule port, named for what the caller can do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The backend did not answer; repeating the call later may succeed.
    #[error("queue backend unavailable")]
    Unavailable(#[source] BoxError),
    /// The lease is no longer the current one: somebody else has the job, and nothing was changed.
    #[error("the lease was lost")]
    LeaseLost,
    /// More than the port takes at once.
    #[error("more than {limit} {what}")]
    LimitExceeded {
        /// Of what.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// The backend is set up in a way that loses jobs; refused until it is changed.
    #[error("queue backend refused: {reason}")]
    Refused {
        /// What has to be changed.
        reason: String,
    },
    /// A stored row cannot be read back; the row names itself.
    #[error("stored {table} row {row} is inconsistent")]
    Corrupt {
        /// Table or key.
        table: &'static str,
        /// Its id.
        row: String,
    },
}

impl QueueError {
    /// Whether repeating the same call later may succeed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Wraps an adapter's cause.
    pub fn unavailable(cause: impl Into<BoxError>) -> Self {
        Self::Unavailable(cause.into())
    }
}
