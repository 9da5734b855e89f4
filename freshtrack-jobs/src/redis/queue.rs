//! [`Queue`] over BullMQ.

use super::codec::{Mark, decode, encode, marked, millis, to_millis};
use super::lanes::{LaneQueue, LaneWorker, Lanes, lane_name};
use super::server::{ServerCheck, check};
use super::{RedisConfig, answered, failed};
use crate::job::{JobId, NewJob, QueueName, Reason};
use crate::ports::{
    CLAIM_MAX, ClaimRequest, Claimed, ENQUEUE_MAX, Enqueued, Lease, Promoted, Queue, QueueError,
    Renewal,
};
use crate::queue_settings::Retention;
use crate::retry::{CRASHES_MAX, Class, Decision, Failure};
use crate::wakeups::span;
use async_trait::async_trait;
use bullmq::options::JobOptions;
use bullmq::types::{KeepJobs, RemoveOnFinish};
use bullmq::{FlowJob, FlowProducer, Job};
use freshtrack_core::time::{Span, Timestamp};
use futures_util::future::join_all;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};
use tokio::time::Instant;

/// A waiting claim looks at least this often, for a stop and for markers another process took.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Pause of a lane that holds jobs but may not start them: paused, or at its rate.
const HELD_BACK: Duration = Duration::from_millis(20);

/// A queue in Redis. Clones share it.
#[derive(Debug, Clone)]
pub struct RedisQueue {
    pub(super) lanes: Arc<Lanes>,
    /// Jobs in this process's hands, by lease token.
    held: Arc<Mutex<HashMap<Arc<str>, Job>>>,
    tokens: Arc<AtomicU64>,
    turn: Arc<AtomicUsize>,
}

impl RedisQueue {
    /// A queue that connects when it is first used.
    #[must_use]
    pub fn new(config: RedisConfig) -> Self {
        Self {
            lanes: Arc::new(Lanes::new(config)),
            held: Arc::default(),
            tokens: Arc::default(),
            turn: Arc::default(),
        }
    }

    /// Whether the server may hold jobs; ask before starting workers, and for health.
    ///
    /// # Errors
    /// [`QueueError::Refused`] for an evicting policy, [`QueueError::Unavailable`].
    pub async fn check_server(&self) -> Result<ServerCheck, QueueError> {
        answered(async { check(&self.lanes.conn().await?).await }).await
    }

    fn options(&self, job: &NewJob, now: Timestamp) -> JobOptions {
        let kept = self.lanes.config.settings.retention(job.queue());
        let mut options = JobOptions::new()
            .job_id(job.id().as_str())
            .timestamp(UNIX_EPOCH + Duration::from_millis(to_millis(now)))
            .remove_on_complete(keep(kept.done, kept.done_age))
            .remove_on_fail(keep(kept.dead, kept.dead_age));
        if job.run_at() > now {
            let wait = to_millis(job.run_at())
                .saturating_sub(to_millis(now))
                .max(1);
            options = options.delay(Duration::from_millis(wait));
        }
        options
    }

    async fn add(&self, jobs: &[NewJob], now: Timestamp) -> Result<Vec<Enqueued>, QueueError> {
        let places: BTreeSet<_> = jobs
            .iter()
            .map(|job| (job.queue().clone(), job.lane()))
            .collect();
        let mut lanes = HashMap::new();
        for (queue, lane) in places {
            let made = self.lanes.lane(&queue, lane).await?;
            lanes.insert((queue, lane), made);
        }
        let conn = self.lanes.conn().await?;
        // Sent ahead on the same connection, so it is answered before the add.
        let mut exists = redis::pipe();
        for job in jobs {
            let lane = &lanes[&(job.queue().clone(), job.lane())];
            exists.exists(lane.queue.keys().job_key(job.id().as_str()));
        }
        let (known, added) = tokio::join!(biased; conn.pipe::<Vec<bool>>(&exists), async {
            match jobs {
                [job] => self.add_one(&lanes[&(job.queue().clone(), job.lane())], job, now).await,
                many => self.add_many(many, now).await,
            }
        });
        added?;
        let mut seen: BTreeSet<JobId> = BTreeSet::new();
        let known = known.map_err(failed)?;
        let answers = jobs.iter().zip(known).map(|(job, known)| {
            let id = job.id();
            if known || !seen.insert(id.clone()) {
                Enqueued::Duplicate(id)
            } else {
                Enqueued::Created(id)
            }
        });
        Ok(answers.collect())
    }

    async fn add_one(
        &self,
        lane: &LaneQueue,
        job: &NewJob,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let data = encode(job, now).map_err(QueueError::unavailable)?;
        let add = lane
            .queue
            .add(job.kind().as_str(), data)
            .options(self.options(job, now));
        add.await.map(|_| ()).map_err(failed)
    }

    /// One MULTI over all queues: flows without children are plain jobs.
    async fn add_many(&self, jobs: &[NewJob], now: Timestamp) -> Result<(), QueueError> {
        let prefix = Some(self.lanes.config.prefix.clone());
        let conn = self.lanes.conn().await?;
        let producer = FlowProducer::with_connection(conn, prefix).map_err(failed)?;
        let flows: Result<Vec<_>, bullmq::Error> = jobs
            .iter()
            .map(|job| {
                let data = encode(job, now)?;
                let flow = FlowJob::new(
                    job.kind().as_str(),
                    lane_name(job.queue(), job.lane()),
                    data,
                )?;
                Ok(flow.options(self.options(job, now)))
            })
            .collect();
        producer
            .add_bulk(flows.map_err(failed)?)
            .await
            .map(|_| ())
            .map_err(failed)
    }

    fn token(&self, request: &ClaimRequest) -> Arc<str> {
        let n = self.tokens.fetch_add(1, Ordering::Relaxed);
        format!("{}:{n}", request.worker.as_str()).into()
    }

    /// Takes what is due, at most `max`: one first, the others at once only if there was one.
    async fn take(
        &self,
        request: &ClaimRequest,
        worker: &LaneWorker,
    ) -> Result<Vec<Claimed>, QueueError> {
        let mut claimed = Vec::new();
        let mut wanted = 1;
        while claimed.len() < request.max && wanted > 0 {
            let tokens: Vec<_> = (0..wanted).map(|_| self.token(request)).collect();
            let fetched = join_all(tokens.iter().map(|token| async {
                let job = worker.fetcher.get_next_job_nonblocking(token).await;
                (Arc::clone(token), job)
            }))
            .await;
            worker.drain_events();
            let before = claimed.len();
            let mut broken = None;
            for (token, job) in fetched {
                match job {
                    Ok(Some(job)) => claimed.extend(self.taken(request, token, job).await?),
                    Ok(None) => {}
                    Err(error) => broken = Some(failed(error)),
                }
            }
            match broken {
                Some(error) if claimed.is_empty() => return Err(error),
                Some(_) => break,
                None if claimed.len() == before => break,
                None => wanted = request.max - claimed.len(),
            }
        }
        Ok(claimed)
    }

    /// A fetched job: ours to hand out, or one whose third worker died.
    async fn taken(
        &self,
        request: &ClaimRequest,
        token: Arc<str>,
        mut job: Job,
    ) -> Result<Option<Claimed>, QueueError> {
        // Only a job that was started before can have lost a worker.
        let crashes = if job.attempts_started() > 1 {
            self.crashes(&request.queue, request.lane, job.id()).await?
        } else {
            0
        };
        if job.deferred_failure().is_some() || crashes >= CRASHES_MAX {
            let failure = Failure::known(Class::Crashed, "poison");
            let data = marked(
                job.data(),
                &Mark::Failed {
                    failure,
                    run_at: None,
                },
            );
            job.update_data(data).await.map_err(failed)?;
            job.move_to_failed("crashed poison").await.map_err(failed)?;
            return Ok(None);
        }
        let Ok(id) = JobId::new(job.id()) else {
            job.move_to_failed("permanent invalid_job")
                .await
                .map_err(failed)?;
            return Ok(None);
        };
        let content = decode(&job, &id, &request.queue, request.lane, crashes);
        let lease = Lease {
            queue: request.queue.clone(),
            lane: request.lane,
            job: id,
            token: Arc::clone(&token),
            length: request.lease,
        };
        self.held().insert(token, job);
        Ok(Some(Claimed {
            lease,
            job: content,
        }))
    }

    pub(super) async fn crashes(
        &self,
        queue: &QueueName,
        lane: crate::job::Lane,
        id: &str,
    ) -> Result<u32, QueueError> {
        let lane = self.lanes.lane(queue, lane).await?;
        let mut ask = redis::cmd("HGET");
        ask.arg(lane.queue.keys().job_key(id)).arg("stc");
        let count: Option<u32> = lane
            .queue
            .connection()
            .cmd(&mut ask)
            .await
            .map_err(failed)?;
        Ok(count.unwrap_or(0))
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<str>, Job>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The job behind a lease of this process.
    fn holding(&self, lease: &Lease) -> Result<Job, QueueError> {
        let held = self.held();
        let job = held
            .get(&lease.token)
            .filter(|job| job.id() == lease.job.as_str());
        job.cloned().ok_or(QueueError::LeaseLost)
    }

    /// Lets go of a job that is settled or lost; one that could not be settled stays in hand.
    fn let_go(&self, lease: &Lease, settled: &Result<(), QueueError>) {
        if !settled.as_ref().is_err_and(QueueError::is_transient) {
            self.held().remove(&lease.token);
        }
    }

    async fn decide(
        &self,
        mut job: Job,
        lease: &Lease,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        // Data is written without a look at the lock: make sure of it first.
        job.extend_lock(&lease.token, length_ms(lease))
            .await
            .map_err(failed)?;
        let mark = match decision {
            Decision::Retry { run_at, failure } => Mark::Failed {
                failure: failure.clone(),
                run_at: Some(*run_at),
            },
            Decision::Dead { failure } => Mark::Failed {
                failure: failure.clone(),
                run_at: None,
            },
            Decision::Release { run_at } => Mark::Released { run_at: *run_at },
        };
        let data = marked(job.data(), &mark);
        job.update_data(data).await.map_err(failed)?;
        match decision {
            // At the head of the line at once, as if it had not been taken.
            Decision::Release { run_at } if *run_at <= now => {
                job.move_to_wait(None).await.map(|_| ()).map_err(failed)
            }
            Decision::Retry { run_at, .. } | Decision::Release { run_at } => job
                .move_to_delayed(to_millis(*run_at))
                .await
                .map_err(failed),
            Decision::Dead { failure } => {
                let code = failure.code.as_ref().map_or("", |code| code.as_str());
                let reason = format!("{} {code}", failure.class.as_str());
                job.move_to_failed(reason.trim_end()).await.map_err(failed)
            }
        }
    }

    /// Waits on the lane's marker until there may be work; a delayed job's marker tells when.
    async fn wait_for_marker(
        &self,
        worker: &LaneWorker,
        lane: &LaneQueue,
        limit: Duration,
        now: Timestamp,
    ) {
        let begun = Instant::now();
        let mut limit = limit.min(LOOK_EVERY);
        while let Some(left) = limit
            .checked_sub(begun.elapsed())
            .filter(|left| !left.is_zero())
        {
            let mut pop = redis::cmd("BZPOPMIN");
            // Zero would wait for ever.
            pop.arg(lane.queue.keys().marker())
                .arg(left.as_secs_f64().max(0.01));
            match worker
                .marker
                .cmd::<Option<(String, String, f64)>>(&mut pop)
                .await
            {
                Ok(Some((_, _, score))) => {
                    let at = Duration::try_from_secs_f64(score / 1_000.0).unwrap_or_default();
                    let due = millis(u64::try_from(at.as_millis()).unwrap_or(0));
                    let present = now + span(begun.elapsed());
                    if due <= present {
                        return;
                    }
                    limit = limit.min(begun.elapsed() + (due - present).to_duration());
                }
                Ok(None) => return,
                Err(_) => {
                    // Down: the next look tells.
                    tokio::time::sleep(left.min(HELD_BACK)).await;
                    return;
                }
            }
        }
    }

    async fn prune(
        &self,
        queue: &LaneQueue,
        kept: Retention,
        limit: usize,
    ) -> Result<u64, QueueError> {
        let counts = queue.queue.get_job_counts().await.map_err(failed)?;
        let mut removed = 0;
        for (state, count, most, age) in [
            ("completed", counts.completed, kept.done, kept.done_age),
            ("failed", counts.failed, kept.dead, kept.dead_age),
        ] {
            let limit = u64::try_from(limit).unwrap_or(u64::MAX);
            let surplus = count
                .saturating_sub(u64::try_from(most).unwrap_or(u64::MAX))
                .min(limit);
            let clean = |grace, limit: u64| {
                queue
                    .queue
                    .clean(grace, u32::try_from(limit).unwrap_or(u32::MAX), state)
            };
            if surplus > 0 {
                removed += clean(0, surplus).await.map_err(failed)?.len();
            } else if count > 0 {
                let grace = u64::try_from(age.as_micros() / 1_000).unwrap_or(0);
                removed += clean(grace, limit).await.map_err(failed)?.len();
            }
        }
        Ok(u64::try_from(removed).unwrap_or(u64::MAX))
    }
}

fn keep(count: usize, age: Span) -> RemoveOnFinish {
    // BullMQ reads the age of kept jobs in seconds.
    let age = u64::try_from(age.as_seconds()).ok();
    RemoveOnFinish::Options(KeepJobs {
        age,
        count: Some(count),
        limit: None,
    })
}

fn length_ms(lease: &Lease) -> u64 {
    u64::try_from(lease.length.as_micros() / 1_000).unwrap_or(0)
}

#[async_trait]
impl Queue for RedisQueue {
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
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        answered(self.add(&jobs, now)).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claimed>, QueueError> {
        if request.max > CLAIM_MAX {
            return Err(QueueError::LimitExceeded {
                what: "claims",
                limit: CLAIM_MAX,
            });
        }
        let begun = Instant::now();
        let set_up = async {
            let lane = self.lanes.lane(&request.queue, request.lane).await?;
            let worker = self
                .lanes
                .worker(&request.queue, request.lane, request.lease)
                .await?;
            Ok((lane, worker))
        };
        let (lane, worker) = answered(Box::pin(set_up)).await?;
        loop {
            if request.stop.is_cancelled() || request.max == 0 {
                return Ok(Vec::new());
            }
            // Not bounded like the others: dropped halfway, it would strand what it fetched.
            let claimed = self.take(&request, &worker).await?;
            let left = request.wait.saturating_sub(begun.elapsed());
            if !claimed.is_empty() || left.is_zero() {
                return Ok(claimed);
            }
            let now = request.now + span(begun.elapsed());
            tokio::select! {
                () = self.wait_for_marker(&worker, &lane, left, now) => {}
                () = request.stop.cancelled() => return Ok(Vec::new()),
            }
        }
    }

    async fn renew(&self, lease: &Lease, _now: Timestamp) -> Result<Renewal, QueueError> {
        let Ok(job) = self.holding(lease) else {
            return Ok(Renewal::Lost);
        };
        let extend = async {
            job.extend_lock(&lease.token, length_ms(lease))
                .await
                .map_err(failed)
        };
        match answered(extend).await {
            Ok(()) => Ok(Renewal::Held),
            Err(QueueError::LeaseLost) => {
                self.held().remove(&lease.token);
                Ok(Renewal::Lost)
            }
            Err(error) => Err(error),
        }
    }

    async fn finish(
        &self,
        lease: &Lease,
        reason: &Reason,
        _now: Timestamp,
    ) -> Result<(), QueueError> {
        let mut job = self.holding(lease)?;
        let end = async { job.move_to_completed(reason.as_str()).await.map_err(failed) };
        let settled = answered(end).await;
        self.let_go(lease, &settled);
        settled
    }

    async fn fail(
        &self,
        lease: &Lease,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let job = self.holding(lease)?;
        let settled = answered(self.decide(job, lease, decision, now)).await;
        self.let_go(lease, &settled);
        settled
    }

    /// Delayed jobs and expired locks are moved by BullMQ's own scripts: at every fetch, and by the
    /// watcher of each lane that is claimed here. What is left is retention, one lane a call.
    async fn promote(&self, _now: Timestamp, limit: usize) -> Result<Promoted, QueueError> {
        let met = self.lanes.met();
        if met.is_empty() {
            return Ok(Promoted::default());
        }
        let lane = &met[self.turn.fetch_add(1, Ordering::Relaxed) % met.len()];
        let kept = self.lanes.config.settings.retention(&lane.place.0);
        let removed = answered(self.prune(lane, kept, limit)).await?;
        Ok(Promoted {
            removed,
            ..Promoted::default()
        })
    }
}
