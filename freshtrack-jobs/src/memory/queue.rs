//! [`Queue`] in memory.

use super::jobs::Jobs;
use crate::job::{NewJob, Reason};
use crate::ports::{
    CLAIM_MAX, ClaimRequest, Claimed, ENQUEUE_MAX, Enqueued, Lease, Promoted, Queue, QueueError,
    Renewal,
};
use crate::queue_settings::QueueSettings;
use crate::retry::Decision;
use crate::wakeups::{Wakeups, claim_when_due};
use async_trait::async_trait;
use freshtrack_core::time::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Nothing else changes this state, so a poll is only a safety net.
const POLL: Duration = Duration::from_secs(1);

/// A queue in this process. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryQueue {
    jobs: Arc<Mutex<Jobs>>,
    pub(super) settings: Arc<QueueSettings>,
    pub(super) wakeups: Arc<Wakeups>,
}

impl MemoryQueue {
    /// An empty queue.
    #[must_use]
    pub fn new(settings: QueueSettings) -> Self {
        Self {
            settings: Arc::new(settings),
            ..Self::default()
        }
    }

    // A std mutex: it is held for a look or a change, never across an await.
    pub(super) fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn enqueue(
        &self,
        jobs: Vec<NewJob>,
        now: Timestamp,
    ) -> Result<Vec<Enqueued>, QueueError> {
        if jobs.len() > ENQUEUE_MAX {
            return Err(QueueError::LimitExceeded {
                what: "jobs",
                limit: ENQUEUE_MAX,
            });
        }
        let places: Vec<_> = jobs
            .iter()
            .map(|job| (job.queue().clone(), job.lane()))
            .collect();
        let answers = {
            let mut state = self.jobs();
            jobs.into_iter()
                .map(|job| state.enqueue(job, now))
                .collect()
        };
        for (queue, lane) in places {
            self.wakeups.ring(&queue, lane);
        }
        Ok(answers)
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claimed>, QueueError> {
        if request.max > CLAIM_MAX {
            return Err(QueueError::LimitExceeded {
                what: "claims",
                limit: CLAIM_MAX,
            });
        }
        claim_when_due(&request, &self.wakeups, POLL, |now| {
            let look = self.jobs().look(&request, &self.settings, now);
            async move { Ok(look) }
        })
        .await
    }

    async fn renew(&self, lease: &Lease, now: Timestamp) -> Result<Renewal, QueueError> {
        Ok(self.jobs().renew(lease, now))
    }

    async fn finish(
        &self,
        lease: &Lease,
        reason: &Reason,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        self.jobs().finish(lease, reason, now)
    }

    async fn fail(
        &self,
        lease: &Lease,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        self.jobs().fail(lease, decision, now)?;
        self.wakeups.ring(&lease.queue, lease.lane);
        Ok(())
    }

    async fn promote(&self, now: Timestamp, limit: usize) -> Result<Promoted, QueueError> {
        let (promoted, rung) = self.jobs().promote(&self.settings, now, limit);
        for (queue, lane) in rung {
            self.wakeups.ring(&queue, lane);
        }
        Ok(promoted)
    }
}
