//! Adapter over the official Rust port of BullMQ: Node workers and Bull Board work on our queues, and
//! ours on theirs.
//!
//! A lane is a BullMQ queue: `<queue>`, `<queue>.critical`, `<queue>.bulk`. Jobs are fetched and settled
//! by BullMQ's own scripts, its lock is the lease. The outcome of a settlement has to be known to answer
//! [`QueueError::LeaseLost`], so jobs are fetched by hand instead of being parked in BullMQ's processor.
//!
//! What Redis cannot keep: the order among jobs of different `run_at` (BullMQ serves by arrival), who of
//! racing enqueues created a job, one key over two kinds or lanes, and an index by id or organization
//! (lists look at [`SCAN_MAX`] jobs per lane and state).

mod codec;
mod lanes;
mod queue;
mod queue_admin;
mod server;

pub use queue::RedisQueue;
pub use server::ServerCheck;

use crate::ports::QueueError;
use crate::queue_settings::QueueSettings;
use std::time::Duration;

/// Jobs of one lane and state that a list or a scoped count looks at.
pub const SCAN_MAX: usize = 5_000;

/// A call answers or fails within a second; this leaves room for the answer.
const ANSWER_WITHIN: Duration = Duration::from_millis(950);

/// How to reach Redis, and how its queues are kept.
#[derive(Debug, Clone)]
pub struct RedisConfig {
    /// `redis://…` or `rediss://…`.
    pub url: String,
    /// First part of every key.
    pub prefix: String,
    /// How often expired locks are looked for.
    pub stalled_interval: Duration,
    /// Retention and rates.
    pub settings: QueueSettings,
}

impl RedisConfig {
    /// Prefix `bull`, a look every 15 s, default settings.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            prefix: "bull".to_owned(),
            stalled_interval: Duration::from_secs(15),
            settings: QueueSettings::default(),
        }
    }
}

async fn answered<T>(
    call: impl Future<Output = Result<T, QueueError>> + Send,
) -> Result<T, QueueError> {
    match tokio::time::timeout(ANSWER_WITHIN, call).await {
        Ok(answer) => answer,
        Err(elapsed) => Err(QueueError::unavailable(elapsed)),
    }
}

/// Script answers that say the lock is not ours are a lost lease; anything else may be repeated.
fn failed(error: bullmq::Error) -> QueueError {
    use bullmq::error::error_code::{
        JOB_LOCK_MISMATCH, JOB_LOCK_NOT_EXIST, JOB_NOT_EXIST, JOB_NOT_IN_STATE,
    };
    match error {
        bullmq::Error::Script { code, .. }
            if [
                JOB_LOCK_MISMATCH,
                JOB_LOCK_NOT_EXIST,
                JOB_NOT_EXIST,
                JOB_NOT_IN_STATE,
            ]
            .contains(&code) =>
        {
            QueueError::LeaseLost
        }
        bullmq::Error::JobLocked(_) | bullmq::Error::JobNotFound(_) => QueueError::LeaseLost,
        other => QueueError::unavailable(other),
    }
}
