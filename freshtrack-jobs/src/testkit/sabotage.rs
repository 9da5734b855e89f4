//! Saboteurs: the memory adapter with one law broken. A law that does not catch its own proves nothing.

use super::{Bench, MemoryBench};
use crate::job::{JobId, Lane, NewJob, QueueName, Reason};
use crate::ports::{
    ClaimRequest, Claimed, Enqueued, JobFilter, JobView, Lease, Promoted, Queue, QueueAdmin,
    QueueError, Removal, Renewal, Scope, Selection,
};
use crate::retry::Decision;
use crate::stats::LaneStats;
use async_trait::async_trait;
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::ports::Clock;
use freshtrack_core::time::{Span, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};

/// What the saboteur does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Gives every job to two claimers.
    ClaimsTwice,
    /// Takes a settlement under any token.
    IgnoresTokens,
    /// Forgets renewals.
    ForgetsRenewals,
    /// Says held though the lease is lost.
    AlwaysHeld,
    /// Never returns expired leases.
    NeverReturns,
    /// Keys are unique per call only.
    ForgetsKeys,
    /// Equal keys of two organizations collapse.
    MixesTenantsInKeys,
    /// Starts jobs a minute early.
    StartsEarly,
    /// Never wakes a waiting claim.
    SleepsOn,
    /// Makes every retry due at once.
    RetriesAtOnce,
    /// Counts a release.
    CountsReleases,
    /// Removes nothing by age or count.
    KeepsForEver,
    /// Takes half of an enqueue that is too large.
    TakesHalf,
    /// Loses every tenth job.
    LosesJobs,
    /// Knows no lane rate.
    IgnoresRates,
    /// Answers every scope with everything.
    IgnoresScopes,
    /// Removes jobs workers have.
    RemovesActive,
    /// Forgets a pause.
    ForgetsPauses,
    /// Requeues nothing.
    LosesDeadLetters,
    /// Turns a dead decision into a retry.
    NeverBuries,
    /// Gives lane default the jobs of lane bulk.
    MixesLanes,
}

/// The memory bench with a fault in it.
#[derive(Debug)]
pub struct Saboteur {
    bench: MemoryBench,
    adapter: Arc<Faulty>,
}

impl Saboteur {
    /// A fresh one.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        let bench = MemoryBench::new();
        let adapter = Faulty {
            queue: bench.queue(),
            admin: bench.admin(),
            clock: bench.clock(),
            fault,
            seen: Mutex::default(),
        };
        Self {
            adapter: Arc::new(adapter),
            bench,
        }
    }
}

#[async_trait]
impl Bench for Saboteur {
    fn queue(&self) -> Arc<dyn Queue> {
        Arc::<Faulty>::clone(&self.adapter)
    }
    fn admin(&self) -> Arc<dyn QueueAdmin> {
        Arc::<Faulty>::clone(&self.adapter)
    }
    async fn reopen(&self) -> (Arc<dyn Queue>, Arc<dyn QueueAdmin>) {
        (self.queue(), self.admin())
    }
    fn clock(&self) -> Arc<dyn Clock> {
        self.bench.clock()
    }
    async fn pass(&self, span: Span) {
        self.bench.pass(span).await;
    }
    fn flood(&self) -> usize {
        2_000
    }
    async fn break_lease(&self, claimed: &NewJob) {
        self.bench.break_lease(claimed).await;
    }
}

#[derive(Debug)]
struct Faulty {
    queue: Arc<dyn Queue>,
    admin: Arc<dyn QueueAdmin>,
    clock: Arc<dyn Clock>,
    fault: Fault,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    doubled: Vec<Claimed>,
    current: Vec<Lease>,
    calls: usize,
}

impl Faulty {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn scope(&self, scope: Scope) -> Scope {
        if self.has(Fault::IgnoresScopes) {
            Scope::Everything
        } else {
            scope
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lease that is current for the job, whatever token was shown.
    fn any_token(&self, lease: &Lease) -> Lease {
        let seen = self.seen();
        let current = seen
            .current
            .iter()
            .rev()
            .find(|other| other.job == lease.job);
        current
            .filter(|_| self.has(Fault::IgnoresTokens))
            .unwrap_or(lease)
            .clone()
    }
}

fn rekeyed(job: &NewJob, key: &str, run_at: Timestamp) -> NewJob {
    let parts = (
        job.queue().clone(),
        job.kind().clone(),
        job.payload().clone(),
    );
    let key = crate::job::JobKey::new(key).unwrap_or_else(|_| job.key().clone());
    NewJob::new(
        job.tenant(),
        parts.0,
        parts.1,
        job.version(),
        key,
        parts.2,
        run_at,
    )
    .map_or_else(|_| job.clone(), |new| new.in_lane(job.lane()))
}

#[async_trait]
impl Queue for Faulty {
    async fn enqueue(
        &self,
        mut jobs: Vec<NewJob>,
        now: Timestamp,
    ) -> Result<Vec<Enqueued>, QueueError> {
        match self.fault {
            Fault::ForgetsKeys => {
                let mut seen = self.seen();
                for job in &mut jobs {
                    seen.calls += 1;
                    *job = rekeyed(job, &format!("{}#{}", job.key(), seen.calls), job.run_at());
                }
            }
            Fault::MixesTenantsInKeys => {
                for n in 1..jobs.len() {
                    if jobs[n].key() == jobs[0].key() {
                        jobs[n] = jobs[0].clone();
                    }
                }
            }
            Fault::StartsEarly => {
                for job in &mut jobs {
                    *job = rekeyed(job, job.key().as_str(), now);
                }
            }
            Fault::TakesHalf => jobs.truncate(500),
            Fault::MixesLanes => jobs = jobs.into_iter().map(|j| j.in_lane(Lane::Bulk)).collect(),
            _ => {}
        }
        self.queue.enqueue(jobs, now).await
    }

    async fn claim(&self, mut request: ClaimRequest) -> Result<Vec<Claimed>, QueueError> {
        if self.has(Fault::SleepsOn) {
            tokio::time::sleep(request.wait).await;
            request.wait = std::time::Duration::ZERO;
        }
        if self.has(Fault::ClaimsTwice) {
            let doubled = std::mem::take(&mut self.seen().doubled);
            if !doubled.is_empty() {
                return Ok(doubled);
            }
        }
        if self.has(Fault::IgnoresRates) && request.queue.as_str() == super::RATED {
            // a new second for the limiter with every look
            self.seen().calls += 1;
            let calls = i64::try_from(self.seen().calls).unwrap_or(i64::MAX);
            request.now = request.now + Span::from_seconds(calls);
        }
        let mut claimed = self.queue.claim(request).await?;
        let mut seen = self.seen();
        if self.has(Fault::LosesJobs) {
            seen.calls += 1;
            if seen.calls.is_multiple_of(10) {
                claimed.truncate(claimed.len() / 2);
            }
        }
        seen.current
            .extend(claimed.iter().map(|job| job.lease.clone()));
        if self.has(Fault::ClaimsTwice) {
            seen.doubled.clone_from(&claimed);
        }
        Ok(claimed)
    }

    async fn renew(&self, lease: &Lease, now: Timestamp) -> Result<Renewal, QueueError> {
        match self.fault {
            Fault::ForgetsRenewals | Fault::AlwaysHeld => Ok(Renewal::Held),
            _ => self.queue.renew(&self.any_token(lease), now).await,
        }
    }

    async fn finish(
        &self,
        lease: &Lease,
        reason: &Reason,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        self.queue.finish(&self.any_token(lease), reason, now).await
    }

    async fn fail(
        &self,
        lease: &Lease,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let lease = self.any_token(lease);
        let changed = match (self.fault, decision) {
            (Fault::RetriesAtOnce, Decision::Retry { failure, .. })
            | (Fault::NeverBuries, Decision::Dead { failure }) => Decision::Retry {
                run_at: now,
                failure: failure.clone(),
            },
            (Fault::CountsReleases, Decision::Release { run_at }) => Decision::Retry {
                run_at: *run_at,
                failure: crate::retry::Failure::known(crate::retry::Class::Transient, "released"),
            },
            _ => decision.clone(),
        };
        self.queue.fail(&lease, &changed, now).await
    }

    async fn promote(&self, now: Timestamp, limit: usize) -> Result<Promoted, QueueError> {
        match self.fault {
            Fault::NeverReturns | Fault::KeepsForEver => Ok(Promoted::default()),
            _ => self.queue.promote(now, limit).await,
        }
    }
}

#[async_trait]
impl QueueAdmin for Faulty {
    async fn stats(&self, scope: Scope, now: Timestamp) -> Result<Vec<LaneStats>, QueueError> {
        self.admin.stats(self.scope(scope), now).await
    }
    async fn list(
        &self,
        scope: Scope,
        queue: &QueueName,
        filter: &JobFilter,
        page: PageRequest<JobId>,
        now: Timestamp,
    ) -> Result<Page<JobView, JobId>, QueueError> {
        self.admin
            .list(self.scope(scope), queue, filter, page, now)
            .await
    }
    async fn get(
        &self,
        scope: Scope,
        queue: &QueueName,
        id: &JobId,
        now: Timestamp,
    ) -> Result<Option<JobView>, QueueError> {
        self.admin.get(self.scope(scope), queue, id, now).await
    }
    async fn pause(&self, queue: &QueueName, lane: Option<Lane>) -> Result<(), QueueError> {
        if self.has(Fault::ForgetsPauses) {
            return Ok(());
        }
        self.admin.pause(queue, lane).await
    }
    async fn resume(&self, queue: &QueueName, lane: Option<Lane>) -> Result<(), QueueError> {
        self.admin.resume(queue, lane).await
    }
    async fn requeue(
        &self,
        scope: Scope,
        queue: &QueueName,
        selection: &Selection,
        now: Timestamp,
    ) -> Result<usize, QueueError> {
        if self.has(Fault::LosesDeadLetters) {
            return Ok(0);
        }
        self.admin
            .requeue(self.scope(scope), queue, selection, now)
            .await
    }
    async fn remove(
        &self,
        scope: Scope,
        queue: &QueueName,
        id: &JobId,
        now: Timestamp,
    ) -> Result<Removal, QueueError> {
        if self.has(Fault::RemovesActive) {
            let far = self.clock.now() + Span::from_seconds(86_400);
            self.queue.promote(far, 1_000).await?;
        }
        self.admin.remove(self.scope(scope), queue, id, now).await
    }
}
