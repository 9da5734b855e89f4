//! What the machine tells about itself: counts, events for metrics, heartbeats, readiness.
//!
//! No organization, phone number or address is ever in a label: the types here have no place for one.

use crate::job::{Kind, Lane, QueueName};
use crate::retry::Class;
use freshtrack_core::time::{Span, Timestamp};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A consumer loop whose last beat is older is dead, though the process lives.
pub const BEAT_AGE_MAX: Span = Span::from_seconds(30);

/// A due critical job older than this while slots are free means something is stuck.
pub const CRITICAL_AGE_MAX: Span = Span::from_seconds(60);

/// Names of the series this crate feeds, with their labels; a dashboard may rely on them.
pub mod series {
    /// `{queue, lane, state}`
    pub const DEPTH: &str = "freshtrack_jobs_depth";
    /// `{queue, lane}`
    pub const OLDEST_AGE: &str = "freshtrack_jobs_oldest_age_seconds";
    /// `run_at` to start.
    pub const WAIT: &str = "freshtrack_jobs_wait_seconds";
    /// Start to end of an attempt.
    pub const RUN: &str = "freshtrack_jobs_run_seconds";
    /// `{queue, kind, outcome, class}`
    pub const FINISHED: &str = "freshtrack_jobs_finished_total";
    /// `{class}`
    pub const RETRIES: &str = "freshtrack_jobs_retries_total";
    /// `{kind}`
    pub const DEAD: &str = "freshtrack_jobs_dead_total";
    /// Leases lost while a handler ran.
    pub const LEASE_LOST: &str = "freshtrack_jobs_lease_lost_total";
    /// Expired leases returned.
    pub const CRASHED: &str = "freshtrack_jobs_crashed_total";
    /// Enqueues that met a kept key.
    pub const DUPLICATES: &str = "freshtrack_jobs_duplicates_total";
    /// Enqueues that failed.
    pub const ENQUEUE_FAILED: &str = "freshtrack_jobs_enqueue_failed_total";
    /// `{queue, lane}`
    pub const ADMISSION_WAITING: &str = "freshtrack_jobs_admission_waiting";
    /// `{kind}`
    pub const SCHEDULES_LAG: &str = "freshtrack_schedules_lag_seconds";
    /// `{loop}`
    pub const BEAT_AGE: &str = "freshtrack_worker_beat_age_seconds";
}

/// Counts and ages of one lane of one queue, of the jobs in the scope that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneStats {
    /// Queue.
    pub queue: QueueName,
    /// Lane.
    pub lane: Lane,
    /// Due, waiting for a slot.
    pub waiting: u64,
    /// Not before a later instant.
    pub delayed: u64,
    /// In workers' hands.
    pub active: u64,
    /// Kept after a good end.
    pub done: u64,
    /// Dead letters.
    pub dead: u64,
    /// `run_at` of the oldest job that is due and waits.
    pub oldest_due: Option<Timestamp>,
    /// Whether it starts nothing.
    pub paused: bool,
}

impl LaneStats {
    /// A lane without jobs.
    #[must_use]
    pub const fn empty(queue: QueueName, lane: Lane) -> Self {
        Self {
            queue,
            lane,
            waiting: 0,
            delayed: 0,
            active: 0,
            done: 0,
            dead: 0,
            oldest_due: None,
            paused: false,
        }
    }

    /// How long the oldest due job has waited.
    #[must_use]
    pub fn oldest_age(&self, now: Timestamp) -> Span {
        self.oldest_due
            .map_or(Span::ZERO, |at| (now - at).max(Span::ZERO))
    }
}

/// How an attempt ended, as metrics count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The work is done.
    Done,
    /// It will be tried again.
    Retried(Class),
    /// It will not.
    Dead(Class),
    /// It was given back, uncounted.
    Released,
    /// The lease was lost; somebody else settles it.
    LeaseLost,
}

/// Something a metric counts.
#[derive(Debug, Clone)]
pub enum JobEvent {
    /// An attempt starts.
    Started {
        /// Queue.
        queue: QueueName,
        /// Lane.
        lane: Lane,
        /// From `run_at` to now.
        waited: Duration,
    },
    /// An attempt ended.
    Ended {
        /// Queue.
        queue: QueueName,
        /// Kind; none if what was stored is no job.
        kind: Option<Kind>,
        /// How.
        how: Ended,
        /// How long it ran.
        ran: Duration,
    },
    /// Expired leases were found.
    Crashed(u64),
    /// A schedule fired, so long after its instant.
    Fired {
        /// Kind of its jobs.
        kind: Kind,
        /// Lag.
        lag: Span,
    },
    /// Enqueues that met a kept key.
    Duplicates(u64),
    /// An enqueue failed.
    EnqueueFailed,
}

/// Receives what metrics count. no contract: it only listens.
pub trait JobMetrics: Send + Sync + fmt::Debug {
    /// Something happened. Must not block.
    fn record(&self, event: JobEvent);
}

/// Counts nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMetrics;

impl JobMetrics for NoMetrics {
    fn record(&self, _event: JobEvent) {}
}

/// The last sign of life of each loop of this process.
#[derive(Debug, Default)]
pub struct Beats(Mutex<BTreeMap<String, Timestamp>>);

impl Beats {
    /// The loop of this name lives at `now`.
    pub fn beat(&self, name: &str, now: Timestamp) {
        let mut beats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match beats.get_mut(name) {
            Some(last) => *last = now,
            None => {
                beats.insert(name.to_owned(), now);
            }
        }
    }

    /// The loop of this name ended as it should and is not missed.
    pub fn retire(&self, name: &str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
    }

    /// Last beat of every loop, by name.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, Timestamp> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Loops that were silent for [`BEAT_AGE_MAX`] or longer: not live if there is one.
    #[must_use]
    pub fn silent(&self, now: Timestamp) -> Vec<String> {
        self.all()
            .into_iter()
            .filter(|(_, last)| now - *last >= BEAT_AGE_MAX)
            .map(|(name, _)| name)
            .collect()
    }
}

/// Lanes whose oldest due critical job waits too long although `free_slots` says there is room.
#[must_use]
pub fn stuck(
    stats: &[LaneStats],
    now: Timestamp,
    free_slots: impl Fn(&QueueName, Lane) -> usize,
) -> Vec<&LaneStats> {
    stats
        .iter()
        .filter(|lane| lane.lane == Lane::Critical && !lane.paused)
        .filter(|lane| lane.oldest_age(now) > CRITICAL_AGE_MAX)
        .filter(|lane| free_slots(&lane.queue, lane.lane) > 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_silent_from_thirty_seconds_on() {
        let beats = Beats::default();
        let start = Timestamp::from_seconds(1_000);
        beats.beat("sms/critical", start);
        beats.beat("ticker", start + Span::from_seconds(10));
        assert!(beats.silent(start + Span::from_seconds(29)).is_empty());
        assert_eq!(
            beats.silent(start + Span::from_seconds(30)),
            ["sms/critical"]
        );
        beats.retire("sms/critical");
        assert!(beats.silent(start + Span::from_seconds(30)).is_empty());
    }

    #[test]
    fn old_critical_jobs_beside_free_slots_are_stuck() {
        let now = Timestamp::from_seconds(1_000);
        let queue = QueueName::new("sms-notifications").unwrap();
        let mut lane = LaneStats::empty(queue, Lane::Critical);
        lane.oldest_due = Some(now - Span::from_seconds(61));
        let stats = [lane];
        assert_eq!(stuck(&stats, now, |_, _| 1).len(), 1);
        assert_eq!(stuck(&stats, now, |_, _| 0).len(), 0, "busy is not stuck");
        assert_eq!(
            stuck(&stats, now - Span::from_seconds(1), |_, _| 1).len(),
            0
        );
    }
}
