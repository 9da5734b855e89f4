//! Settlements of many jobs, sorted into those that end and those that come back.

use crate::job::Reason;
use crate::ports::Lease;
use crate::retry::{Decision, Failure};
use freshtrack_core::time::Timestamp;
use serde::Serialize;
use std::collections::HashSet;

/// How one attempt ended, as it waits to be written.
#[derive(Debug, Clone)]
pub(crate) struct Settlement {
    pub(crate) lease: Lease,
    pub(crate) how: How,
    pub(crate) now: Timestamp,
}

#[derive(Debug, Clone)]
pub(crate) enum How {
    Done(Reason),
    Decided(Decision),
}

impl Settlement {
    pub(crate) fn finish(lease: &Lease, reason: &Reason, now: Timestamp) -> Self {
        Self {
            lease: lease.clone(),
            how: How::Done(reason.clone()),
            now,
        }
    }

    pub(crate) fn fail(lease: &Lease, decision: &Decision, now: Timestamp) -> Self {
        Self {
            lease: lease.clone(),
            how: How::Decided(decision.clone()),
            now,
        }
    }
}

/// A job that leaves the hot table.
#[derive(Debug, Serialize)]
pub(crate) struct Ending {
    pub(crate) queue: String,
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) dead: i64,
    pub(crate) finished_at: i64,
    pub(crate) reason: Option<String>,
    pub(crate) class: Option<String>,
    pub(crate) code: Option<String>,
}

/// A job that becomes claimable again.
#[derive(Debug, Serialize)]
pub(crate) struct Back {
    pub(crate) queue: String,
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) run_at: i64,
    /// 1 for a retry, 0 for a release, which leaves class and code alone.
    pub(crate) counted: i64,
    pub(crate) class: Option<String>,
    pub(crate) code: Option<String>,
}

/// A batch, each job in it once.
#[derive(Debug, Default)]
pub(crate) struct Settlements {
    pub(crate) endings: Vec<Ending>,
    pub(crate) backs: Vec<Back>,
}

impl Settlements {
    /// Sorts a batch. A second settlement of one job loses its lease to the first.
    pub(crate) fn of(batch: &[Settlement]) -> Self {
        let mut sorted = Self::default();
        let mut seen = HashSet::new();
        for settlement in batch {
            let lease = &settlement.lease;
            if seen.insert((lease.queue.as_str(), lease.job.as_str())) {
                sorted.add(settlement);
            }
        }
        sorted
    }

    fn add(&mut self, settlement: &Settlement) {
        let lease = &settlement.lease;
        let (queue, id) = (lease.queue.to_string(), lease.job.to_string());
        let token = lease.token.to_string();
        let finished_at = settlement.now.as_micros();
        match &settlement.how {
            How::Done(reason) => self.endings.push(Ending {
                queue,
                id,
                token,
                dead: 0,
                finished_at,
                reason: Some(reason.to_string()),
                class: None,
                code: None,
            }),
            How::Decided(Decision::Dead { failure }) => {
                let (class, code) = texts(failure);
                let reason = None;
                self.endings.push(Ending {
                    queue,
                    id,
                    token,
                    dead: 1,
                    finished_at,
                    reason,
                    class,
                    code,
                });
            }
            How::Decided(Decision::Retry { run_at, failure }) => {
                let (class, code) = texts(failure);
                let run_at = run_at.as_micros();
                self.backs.push(Back {
                    queue,
                    id,
                    token,
                    run_at,
                    counted: 1,
                    class,
                    code,
                });
            }
            How::Decided(Decision::Release { run_at }) => {
                let run_at = run_at.as_micros();
                let (class, code) = (None, None);
                self.backs.push(Back {
                    queue,
                    id,
                    token,
                    run_at,
                    counted: 0,
                    class,
                    code,
                });
            }
        }
    }

    /// Whether each of `batch` was written, given the (queue, id, token) that were.
    pub(crate) fn held(
        batch: &[Settlement],
        mut written: HashSet<(String, String, String)>,
    ) -> Vec<bool> {
        batch
            .iter()
            .map(|settlement| {
                let lease = &settlement.lease;
                let (queue, id) = (lease.queue.to_string(), lease.job.to_string());
                written.remove(&(queue, id, lease.token.to_string()))
            })
            .collect()
    }
}

fn texts(failure: &Failure) -> (Option<String>, Option<String>) {
    (
        Some(failure.class.as_str().to_owned()),
        failure.code.as_ref().map(ToString::to_string),
    )
}
