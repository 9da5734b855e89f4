//! Looking into queues and moving jobs by hand.

use super::QueueError;
use crate::job::{Code, JobId, JobKey, Kind, Lane, Payload, QueueName, Tenant};
use crate::retry::Class;
use crate::stats::LaneStats;
use async_trait::async_trait;
use freshtrack_core::ids::OrgId;
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::Timestamp;
use std::fmt;

/// Most jobs one list shows.
pub const LIST_MAX: u16 = 200;

/// Most dead jobs one call requeues.
pub const REQUEUE_MAX: usize = 1_000;

/// Whose jobs a call may see and move. Enforced by every method, not by its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything: the operators of the system.
    Everything,
    /// One organization's own jobs; another's id is answered like an unknown one.
    Organization(OrgId),
}

impl Scope {
    /// Whether jobs of `tenant` are in scope.
    #[must_use]
    pub fn covers(&self, tenant: Tenant) -> bool {
        match self {
            Self::Everything => true,
            Self::Organization(org) => tenant == Tenant::Organization(*org),
        }
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobState {
    /// Due, waiting for a slot.
    Waiting,
    /// Not before a later instant.
    Delayed,
    /// A worker has it.
    Active,
    /// Ended well.
    Done,
    /// Ended for good.
    Dead,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Delayed,
        Self::Active,
        Self::Done,
        Self::Dead,
    ];

    /// The word for it in labels and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delayed => "delayed",
            Self::Active => "active",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }
}

/// What a list shows. Nothing set shows everything in scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only this state.
    pub state: Option<JobState>,
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only this class of the last failure.
    pub class: Option<Class>,
    /// Only this code of the last failure.
    pub code: Option<Code>,
}

/// A job as it is shown: ids, state, times, and the payload, which holds ids only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobView {
    /// Its id.
    pub id: JobId,
    /// Its queue.
    pub queue: QueueName,
    /// Its lane.
    pub lane: Lane,
    /// Whose it is; none if what is stored names no tenant.
    pub tenant: Option<Tenant>,
    /// What is to be done, as stored.
    pub kind: String,
    /// Version of its payload.
    pub version: u16,
    /// Its key; none if a foreign producer gave none.
    pub key: Option<JobKey>,
    /// Its payload; none if what is stored is no payload.
    pub payload: Option<Payload>,
    /// Where it stands.
    pub state: JobState,
    /// Attempts that ended in a retry.
    pub attempts: u32,
    /// Workers that died holding it.
    pub crashes: u32,
    /// Class of the last failure.
    pub class: Option<Class>,
    /// Code of the last failure.
    pub code: Option<Code>,
    /// Why it is done.
    pub reason: Option<String>,
    /// When it was enqueued.
    pub enqueued_at: Timestamp,
    /// Not before.
    pub run_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl JobFilter {
    /// Whether a view passes.
    #[must_use]
    pub fn shows(&self, view: &JobView) -> bool {
        self.state.is_none_or(|state| state == view.state)
            && self
                .kind
                .as_ref()
                .is_none_or(|kind| kind.as_str() == view.kind)
            && self.class.is_none_or(|class| Some(class) == view.class)
            && self
                .code
                .as_ref()
                .is_none_or(|code| Some(code) == view.code.as_ref())
    }
}

/// Which dead jobs to requeue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// This one.
    One(JobId),
    /// The oldest that match, at most `limit`, itself at most [`REQUEUE_MAX`].
    Matching {
        /// Only this kind.
        kind: Option<Kind>,
        /// Only this class.
        class: Option<Class>,
        /// At most so many.
        limit: usize,
    },
}

/// Answer to a removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// It is gone; this is what it was.
    Removed(Box<JobView>),
    /// A worker has it: not removed.
    Active,
    /// No such job in scope.
    Unknown,
}

/// Looks into queues and moves jobs by hand, inside a [`Scope`].
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait QueueAdmin: Send + Sync + fmt::Debug {
    /// Counts and ages per queue and lane, of the jobs in scope. Lanes that hold and did nothing are left out.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    async fn stats(&self, scope: Scope, now: Timestamp) -> Result<Vec<LaneStats>, QueueError>;

    /// Jobs of a queue in order of id. A page may be short and still have a successor.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    async fn list(
        &self,
        scope: Scope,
        queue: &QueueName,
        filter: &JobFilter,
        page: PageRequest<JobId>,
        now: Timestamp,
    ) -> Result<Page<JobView, JobId>, QueueError>;

    /// The job, if it is in scope.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    async fn get(
        &self,
        scope: Scope,
        queue: &QueueName,
        id: &JobId,
        now: Timestamp,
    ) -> Result<Option<JobView>, QueueError>;

    /// Stops a queue, or one lane of it: it accepts jobs and starts none, also after a restart.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    async fn pause(&self, queue: &QueueName, lane: Option<Lane>) -> Result<(), QueueError>;

    /// Lets a queue, or one lane of it, run again.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    async fn resume(&self, queue: &QueueName, lane: Option<Lane>) -> Result<(), QueueError>;

    /// Makes dead jobs waiting again: id and key stay, attempts and horizon start anew. Answers how many.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`], [`QueueError::LimitExceeded`].
    async fn requeue(
        &self,
        scope: Scope,
        queue: &QueueName,
        selection: &Selection,
        now: Timestamp,
    ) -> Result<usize, QueueError>;

    /// Removes a job that no worker has.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    async fn remove(
        &self,
        scope: Scope,
        queue: &QueueName,
        id: &JobId,
        now: Timestamp,
    ) -> Result<Removal, QueueError>;
}
