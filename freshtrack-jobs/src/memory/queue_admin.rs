//! [`QueueAdmin`] in memory.

use super::MemoryQueue;
use crate::job::{JobId, Lane, QueueName};
use crate::ports::{
    JobFilter, JobState, JobView, LIST_MAX, QueueAdmin, QueueError, REQUEUE_MAX, Removal, Scope,
    Selection,
};
use crate::stats::LaneStats;
use async_trait::async_trait;
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::Timestamp;
use std::collections::BTreeMap;
use std::ops::Bound;

#[async_trait]
impl QueueAdmin for MemoryQueue {
    async fn stats(&self, scope: Scope, now: Timestamp) -> Result<Vec<LaneStats>, QueueError> {
        let jobs = self.jobs();
        let mut lanes = BTreeMap::new();
        for (queue, lane) in &jobs.paused {
            let stats = LaneStats {
                paused: true,
                ..LaneStats::empty(queue.clone(), *lane)
            };
            lanes.insert((queue.clone(), *lane), stats);
        }
        for ((queue, _), entry) in &jobs.entries {
            if !scope.covers(entry.job.spec.tenant()) {
                continue;
            }
            let lane = entry.job.spec.lane();
            let stats = lanes
                .entry((queue.clone(), lane))
                .or_insert_with(|| LaneStats::empty(queue.clone(), lane));
            match entry.state(now) {
                JobState::Waiting => stats.waiting += 1,
                JobState::Delayed => stats.delayed += 1,
                JobState::Active => stats.active += 1,
                JobState::Done => stats.done += 1,
                JobState::Dead => stats.dead += 1,
            }
            if let Some(since) = entry.waited_since(now) {
                stats.oldest_due = Some(stats.oldest_due.map_or(since, |old| old.min(since)));
            }
        }
        Ok(lanes.into_values().collect())
    }

    async fn list(
        &self,
        scope: Scope,
        queue: &QueueName,
        filter: &JobFilter,
        page: PageRequest<JobId>,
        now: Timestamp,
    ) -> Result<Page<JobView, JobId>, QueueError> {
        let limit = page.limit.clamp(1, LIST_MAX);
        let state = self.jobs();
        let from = match page.after {
            Some(id) => Bound::Excluded((queue.clone(), id)),
            None => match JobId::new(" ") {
                Ok(first) => Bound::Included((queue.clone(), first)),
                Err(_) => Bound::Unbounded,
            },
        };
        let rows: Vec<_> = state
            .entries
            .range((from, Bound::Unbounded))
            .take_while(|((name, _), _)| name == queue)
            .filter(|(_, entry)| scope.covers(entry.job.spec.tenant()))
            .map(|(_, entry)| entry.view(now))
            .filter(|view| filter.shows(view))
            .take(usize::from(limit) + 1)
            .collect();
        Ok(Page::from_surplus(rows, limit, |view| view.id.clone()))
    }

    async fn get(
        &self,
        scope: Scope,
        queue: &QueueName,
        id: &JobId,
        now: Timestamp,
    ) -> Result<Option<JobView>, QueueError> {
        let state = self.jobs();
        Ok(state
            .entries
            .get(&(queue.clone(), id.clone()))
            .filter(|entry| scope.covers(entry.job.spec.tenant()))
            .map(|entry| entry.view(now)))
    }

    async fn pause(&self, queue: &QueueName, lane: Option<Lane>) -> Result<(), QueueError> {
        let mut state = self.jobs();
        for lane in lane.map_or(Lane::ALL.to_vec(), |lane| vec![lane]) {
            state.paused.insert((queue.clone(), lane));
        }
        Ok(())
    }

    async fn resume(&self, queue: &QueueName, lane: Option<Lane>) -> Result<(), QueueError> {
        for lane in lane.map_or(Lane::ALL.to_vec(), |lane| vec![lane]) {
            self.jobs().paused.remove(&(queue.clone(), lane));
        }
        self.wakeups.ring_queue(queue);
        Ok(())
    }

    async fn requeue(
        &self,
        scope: Scope,
        queue: &QueueName,
        selection: &Selection,
        now: Timestamp,
    ) -> Result<usize, QueueError> {
        let (wanted, limit) = match selection {
            Selection::One(id) => (Some(id), 1),
            Selection::Matching { limit, .. } => (None, *limit),
        };
        if limit > REQUEUE_MAX {
            return Err(QueueError::LimitExceeded {
                what: "dead jobs",
                limit: REQUEUE_MAX,
            });
        }
        let chosen: Vec<_> = {
            let state = self.jobs();
            state
                .dead(queue)
                .filter(|entry| scope.covers(entry.job.spec.tenant()))
                .filter(|entry| wanted.is_none_or(|id| *id == entry.job.id))
                .filter(|entry| match selection {
                    Selection::One(_) => true,
                    Selection::Matching { kind, class, .. } => {
                        let filter = JobFilter {
                            kind: kind.clone(),
                            class: *class,
                            ..JobFilter::default()
                        };
                        filter.shows(&entry.view(now))
                    }
                })
                .take(limit)
                .map(|entry| (queue.clone(), entry.job.id.clone()))
                .collect()
        };
        let mut state = self.jobs();
        for address in &chosen {
            state.requeue(address, now);
        }
        drop(state);
        self.wakeups.ring_queue(queue);
        Ok(chosen.len())
    }

    async fn remove(
        &self,
        scope: Scope,
        queue: &QueueName,
        id: &JobId,
        now: Timestamp,
    ) -> Result<Removal, QueueError> {
        let mut state = self.jobs();
        let address = (queue.clone(), id.clone());
        let found = state
            .entries
            .get(&address)
            .filter(|e| scope.covers(e.job.spec.tenant()));
        let Some(entry) = found else {
            return Ok(Removal::Unknown);
        };
        if entry.is_active() {
            return Ok(Removal::Active);
        }
        let view = entry.view(now);
        state.remove(&address);
        Ok(Removal::Removed(Box::new(view)))
    }
}
