//! The queue: at-least-once delivery of jobs to workers.

use super::QueueError;
use crate::job::{InvalidJob, Job, JobId, Lane, NewJob, QueueName, Reason};
use crate::retry::Decision;
use async_trait::async_trait;
use freshtrack_core::time::{Span, Timestamp};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Most jobs one enqueue takes.
pub const ENQUEUE_MAX: usize = 1_000;

/// Most jobs one claim gives.
pub const CLAIM_MAX: usize = 100;

/// A worker process. Unique per process start, since lease tokens are built from it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct WorkerId(Arc<str>);

impl WorkerId {
    /// Takes a text that no other process start uses, a UUID for instance.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkerId({})", self.0)
    }
}

/// What became of one job of an enqueue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enqueued {
    /// It is in the queue now.
    Created(JobId),
    /// A job with its key is kept already; this is its id.
    Duplicate(JobId),
}

impl Enqueued {
    /// The id, old or new.
    #[must_use]
    pub const fn id(&self) -> &JobId {
        match self {
            Self::Created(id) | Self::Duplicate(id) => id,
        }
    }
}

/// The right to run one job, until it runs out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Queue of the job.
    pub queue: QueueName,
    /// Lane of the job.
    pub lane: Lane,
    /// The job.
    pub job: JobId,
    /// The token; a later claim of the same job has another.
    pub token: Arc<str>,
    /// How long it was given for; a renewal gives the same again.
    pub length: Span,
}

/// A job in hand.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The right to run it.
    pub lease: Lease,
    /// The job, or why what was stored is none: that is to be failed dead, never run.
    pub job: Result<Job, InvalidJob>,
}

/// What a worker wants.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// From this queue.
    pub queue: QueueName,
    /// And this lane.
    pub lane: Lane,
    /// For this worker.
    pub worker: WorkerId,
    /// At most this many, itself at most [`CLAIM_MAX`].
    pub max: usize,
    /// Each leased for so long.
    pub lease: Span,
    /// The present instant; the adapter adds what it waits.
    pub now: Timestamp,
    /// How long to wait if nothing is due; zero looks once.
    pub wait: Duration,
    /// Ends the waiting early; nothing is claimed after it.
    pub stop: CancellationToken,
}

/// Answer to a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// The lease runs anew from now.
    Held,
    /// Somebody else has the job.
    Lost,
}

/// What a promotion did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Promoted {
    /// Expired leases whose jobs went back.
    pub returned: u64,
    /// Jobs that became dead `poison`.
    pub poisoned: u64,
    /// Finished jobs removed by age or count.
    pub removed: u64,
}

/// Keeps jobs and hands each to one worker at a time.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Queue: Send + Sync + fmt::Debug {
    /// Takes all of `jobs` or none, and answers in their order. At most [`ENQUEUE_MAX`].
    ///
    /// A job whose (queue, tenant, key) is kept already, or stands earlier in the same call, is a duplicate.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`] within 1 s: repeating the call is safe.
    async fn enqueue(&self, jobs: Vec<NewJob>, now: Timestamp)
    -> Result<Vec<Enqueued>, QueueError>;

    /// Due jobs, oldest `run_at` first, each with a fresh lease; none if the wait was in vain.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`]; jobs that were claimed all the same return when their leases end.
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claimed>, QueueError>;

    /// Gives the lease its whole length again, from `now`.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    async fn renew(&self, lease: &Lease, now: Timestamp) -> Result<Renewal, QueueError>;

    /// The job is done.
    ///
    /// # Errors
    /// [`QueueError::LeaseLost`] if the token is not the current one: nothing was changed.
    async fn finish(
        &self,
        lease: &Lease,
        reason: &Reason,
        now: Timestamp,
    ) -> Result<(), QueueError>;

    /// The job is to be retried, is dead, or is given back.
    ///
    /// # Errors
    /// [`QueueError::LeaseLost`] if the token is not the current one: nothing was changed.
    async fn fail(
        &self,
        lease: &Lease,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), QueueError>;

    /// Returns expired leases, makes due jobs claimable and removes what is kept no longer.
    ///
    /// Bounded work: at most `limit` jobs per call and purpose. Any number of processes may call it.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    async fn promote(&self, now: Timestamp, limit: usize) -> Result<Promoted, QueueError>;
}
