//! [`QueueAdmin`] over BullMQ.

use super::codec::{Mark, marked, tenant, view};
use super::lanes::LaneQueue;
use super::{RedisQueue, SCAN_MAX, answered, failed};
use crate::job::{JobId, Lane, QueueName};
use crate::ports::{
    JobFilter, JobState, JobView, LIST_MAX, QueueAdmin, QueueError, REQUEUE_MAX, Removal, Scope,
    Selection,
};
use crate::stats::LaneStats;
use async_trait::async_trait;
use bullmq::{Job, RetryOptions};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::Timestamp;
use std::collections::BTreeMap;

/// Jobs read from Redis at once.
const BATCH: usize = 500;

/// BullMQ's names of a state.
const fn names(state: JobState) -> &'static [&'static str] {
    match state {
        JobState::Waiting => &["waiting", "paused", "prioritized"],
        JobState::Delayed => &["delayed"],
        JobState::Active => &["active"],
        JobState::Done => &["completed"],
        JobState::Dead => &["failed"],
    }
}

fn covers(scope: Scope, job: &Job) -> bool {
    match (scope, tenant(job.data())) {
        (Scope::Everything, _) => true,
        (Scope::Organization(_), Ok(tenant)) => scope.covers(tenant),
        (Scope::Organization(_), Err(_)) => false,
    }
}

fn index(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

impl RedisQueue {
    /// Jobs of a lane and state in scope, oldest first, of the first [`SCAN_MAX`].
    async fn scan(
        &self,
        lane: &LaneQueue,
        state: JobState,
        scope: Scope,
    ) -> Result<Vec<Job>, QueueError> {
        let mut found = Vec::new();
        for start in (0..SCAN_MAX).step_by(BATCH) {
            let end = index(start + BATCH - 1);
            let jobs = lane
                .queue
                .get_jobs(names(state), index(start), end, true)
                .await;
            let jobs = jobs.map_err(failed)?;
            let last = jobs.len() < BATCH;
            found.extend(jobs.into_iter().filter(|job| covers(scope, job)));
            if last {
                break;
            }
        }
        Ok(found)
    }

    async fn lane_stats(&self, lane: &LaneQueue, scope: Scope) -> Result<LaneStats, QueueError> {
        let (queue, place) = (&lane.queue, &lane.place);
        let mut stats = LaneStats::empty(place.0.clone(), place.1);
        stats.paused = queue.is_paused().await.map_err(failed)?;
        let oldest = match scope {
            Scope::Everything => {
                let counts = queue.get_job_counts().await.map_err(failed)?;
                stats.waiting = counts.waiting + counts.paused + counts.prioritized;
                stats.delayed = counts.delayed;
                stats.active = counts.active;
                stats.done = counts.completed;
                stats.dead = counts.failed;
                queue
                    .get_jobs(names(JobState::Waiting), 0, 0, true)
                    .await
                    .map_err(failed)?
            }
            Scope::Organization(_) => {
                let mut oldest = Vec::new();
                for state in JobState::ALL {
                    let mut jobs = self.scan(lane, state, scope).await?;
                    let count = u64::try_from(jobs.len()).unwrap_or(u64::MAX);
                    match state {
                        JobState::Waiting => {
                            stats.waiting = count;
                            jobs.truncate(1);
                            oldest = jobs;
                        }
                        JobState::Delayed => stats.delayed = count,
                        JobState::Active => stats.active = count,
                        JobState::Done => stats.done = count,
                        JobState::Dead => stats.dead = count,
                    }
                }
                oldest
            }
        };
        stats.oldest_due = oldest
            .first()
            .and_then(|job| shown(lane, job, JobState::Waiting, 0))
            .map(|view| view.run_at);
        Ok(stats)
    }

    /// The job and where it stands, in whichever lane it is.
    async fn find(
        &self,
        scope: Scope,
        queue: &QueueName,
        id: &JobId,
    ) -> Result<Option<(LaneQueue, Job, JobState)>, QueueError> {
        for lane in self.lanes.lanes(queue).await? {
            let job = lane.queue.get_job(id.as_str()).await.map_err(failed)?;
            let Some(job) = job.filter(|job| covers(scope, job)) else {
                continue;
            };
            let state = match lane
                .queue
                .get_job_state(id.as_str())
                .await
                .map_err(failed)?
            {
                bullmq::JobState::Completed => JobState::Done,
                bullmq::JobState::Failed => JobState::Dead,
                bullmq::JobState::Active => JobState::Active,
                bullmq::JobState::Delayed => JobState::Delayed,
                _ => JobState::Waiting,
            };
            return Ok(Some((lane, job, state)));
        }
        Ok(None)
    }

    async fn look_at(
        &self,
        scope: Scope,
        queue: &QueueName,
        id: &JobId,
    ) -> Result<Option<JobView>, QueueError> {
        let Some((lane, job, state)) = self.find(scope, queue, id).await? else {
            return Ok(None);
        };
        let crashes = self.crashes(queue, lane.place.1, id.as_str()).await?;
        Ok(shown(&lane, &job, state, crashes))
    }

    async fn page(
        &self,
        scope: Scope,
        queue: &QueueName,
        filter: &JobFilter,
        page: PageRequest<JobId>,
    ) -> Result<Page<JobView, JobId>, QueueError> {
        let limit = page.limit.clamp(1, LIST_MAX);
        let mut views = BTreeMap::new();
        for lane in self.lanes.lanes(queue).await? {
            for state in JobState::ALL {
                if filter.state.is_some_and(|wanted| wanted != state) {
                    continue;
                }
                let jobs = self.scan(&lane, state, scope).await?;
                let shown = jobs.iter().filter_map(|job| shown(&lane, job, state, 0));
                views.extend(
                    shown
                        .filter(|view| filter.shows(view))
                        .filter(|view| page.after.as_ref().is_none_or(|after| view.id > *after))
                        .map(|view| (view.id.clone(), view)),
                );
            }
        }
        let rows = views.into_values().take(usize::from(limit) + 1).collect();
        Ok(Page::from_surplus(rows, limit, |view: &JobView| {
            view.id.clone()
        }))
    }

    async fn revive(
        &self,
        scope: Scope,
        queue: &QueueName,
        selection: &Selection,
        now: Timestamp,
    ) -> Result<usize, QueueError> {
        let (filter, limit) = match selection {
            Selection::One(id) => {
                let Some((lane, job, JobState::Dead)) = self.find(scope, queue, id).await? else {
                    return Ok(0);
                };
                return self.revive_one(&lane, job, now).await.map(usize::from);
            }
            Selection::Matching { kind, class, limit } => (
                JobFilter {
                    kind: kind.clone(),
                    class: *class,
                    ..JobFilter::default()
                },
                *limit,
            ),
        };
        if limit > REQUEUE_MAX {
            return Err(QueueError::LimitExceeded {
                what: "dead jobs",
                limit: REQUEUE_MAX,
            });
        }
        let mut revived = 0;
        for lane in self.lanes.lanes(queue).await? {
            for job in self.scan(&lane, JobState::Dead, scope).await? {
                let fits = shown(&lane, &job, JobState::Dead, 0).is_some_and(|v| filter.shows(&v));
                if fits && revived < limit {
                    revived += usize::from(self.revive_one(&lane, job, now).await?);
                }
            }
        }
        Ok(revived)
    }

    /// Data and crash count first: once it is back in line a worker may take it.
    async fn revive_one(
        &self,
        lane: &LaneQueue,
        mut job: Job,
        now: Timestamp,
    ) -> Result<bool, QueueError> {
        let data = marked(job.data(), &Mark::Revived { now });
        job.update_data(data).await.map_err(failed)?;
        let mut forget = redis::cmd("HDEL");
        forget
            .arg(lane.queue.keys().job_key(job.id()))
            .arg("stc")
            .arg("defa");
        lane.queue
            .connection()
            .cmd::<u32>(&mut forget)
            .await
            .map_err(failed)?;
        let anew = RetryOptions {
            reset_attempts_made: true,
            reset_attempts_started: true,
        };
        match job.retry("failed", Some(anew)).await.map_err(failed) {
            Ok(()) => Ok(true),
            // Somebody else was first.
            Err(QueueError::LeaseLost) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn shown(lane: &LaneQueue, job: &Job, state: JobState, crashes: u32) -> Option<JobView> {
    let id = JobId::new(job.id()).ok()?;
    Some(view(job, &id, &lane.place.0, lane.place.1, state, crashes))
}

#[async_trait]
impl QueueAdmin for RedisQueue {
    async fn stats(&self, scope: Scope, _now: Timestamp) -> Result<Vec<LaneStats>, QueueError> {
        let all = async {
            let mut stats = Vec::new();
            for lane in self.lanes.met() {
                let lane = self.lane_stats(&lane, scope).await?;
                let jobs = lane.waiting + lane.delayed + lane.active + lane.done + lane.dead;
                if jobs > 0 || lane.paused {
                    stats.push(lane);
                }
            }
            Ok(stats)
        };
        answered(all).await
    }

    async fn list(
        &self,
        scope: Scope,
        queue: &QueueName,
        filter: &JobFilter,
        page: PageRequest<JobId>,
        _now: Timestamp,
    ) -> Result<Page<JobView, JobId>, QueueError> {
        answered(self.page(scope, queue, filter, page)).await
    }

    async fn get(
        &self,
        scope: Scope,
        queue: &QueueName,
        id: &JobId,
        _now: Timestamp,
    ) -> Result<Option<JobView>, QueueError> {
        answered(self.look_at(scope, queue, id)).await
    }

    async fn pause(&self, queue: &QueueName, lane: Option<Lane>) -> Result<(), QueueError> {
        answered(async {
            for one in self.lanes.lanes(queue).await? {
                if lane.is_none_or(|lane| lane == one.place.1) {
                    one.queue.pause().await.map_err(failed)?;
                }
            }
            Ok(())
        })
        .await
    }

    async fn resume(&self, queue: &QueueName, lane: Option<Lane>) -> Result<(), QueueError> {
        answered(async {
            for one in self.lanes.lanes(queue).await? {
                if lane.is_none_or(|lane| lane == one.place.1) {
                    one.queue.resume().await.map_err(failed)?;
                }
            }
            Ok(())
        })
        .await
    }

    async fn requeue(
        &self,
        scope: Scope,
        queue: &QueueName,
        selection: &Selection,
        now: Timestamp,
    ) -> Result<usize, QueueError> {
        // A bounded selection of a thousand takes longer than a second; each job is moved whole.
        self.revive(scope, queue, selection, now).await
    }

    async fn remove(
        &self,
        scope: Scope,
        queue: &QueueName,
        id: &JobId,
        _now: Timestamp,
    ) -> Result<Removal, QueueError> {
        answered(async {
            let Some((lane, job, state)) = self.find(scope, queue, id).await? else {
                return Ok(Removal::Unknown);
            };
            if state == JobState::Active {
                return Ok(Removal::Active);
            }
            // BullMQ refuses to remove a job that was locked meanwhile.
            if !lane.queue.remove(id.as_str()).await.map_err(failed)? {
                return Ok(Removal::Active);
            }
            let view = shown(&lane, &job, state, 0);
            Ok(view.map_or(Removal::Unknown, |view| Removal::Removed(Box::new(view))))
        })
        .await
    }
}
