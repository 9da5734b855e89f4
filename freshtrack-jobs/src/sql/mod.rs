//! What the two SQL adapters share: the shape of rows, and batches of settlements.

mod combiner;
mod rows;
mod settlement;

pub(crate) use combiner::Combiner;
pub(crate) use rows::{JobRow, LaneRow, ScheduleRow, ViewRow, tenant_filter};
pub(crate) use settlement::{Settlement, Settlements};

use crate::job::{JobId, NewJob};
use crate::ports::{Enqueued, QueueError};
use freshtrack_core::time::Timestamp;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// A call answers or fails within a second; this leaves room for the answer.
const ANSWER_WITHIN: Duration = Duration::from_millis(950);

/// Settlements written by one transaction.
pub(crate) const BATCH_MAX: usize = 200;

/// Bounds a call: a backend that does not answer is unavailable.
pub(crate) async fn answered<T>(
    call: impl Future<Output = Result<T, QueueError>> + Send,
) -> Result<T, QueueError> {
    match tokio::time::timeout(ANSWER_WITHIN, call).await {
        Ok(answer) => answer,
        Err(elapsed) => Err(QueueError::unavailable(elapsed)),
    }
}

/// Names a failure of the database driver: what cannot be read will not be readable later either.
pub(crate) fn unavailable(error: sqlx::Error) -> QueueError {
    match &error {
        sqlx::Error::ColumnDecode { index, .. } | sqlx::Error::ColumnNotFound(index) => {
            QueueError::Corrupt {
                table: "queue",
                row: format!("column {index}"),
            }
        }
        _ => QueueError::unavailable(error),
    }
}

/// One job of an enqueue, as the statements read it.
#[derive(Debug, Serialize)]
pub(crate) struct NewRow {
    pub(crate) queue: String,
    pub(crate) id: String,
    pub(crate) lane: i16,
    pub(crate) tenant: String,
    pub(crate) kind: String,
    pub(crate) version: u16,
    pub(crate) payload: String,
    pub(crate) key: String,
    pub(crate) policy: Option<String>,
    pub(crate) trace: Option<String>,
    pub(crate) run_at: i64,
}

impl NewRow {
    pub(crate) fn of(job: &NewJob) -> Self {
        Self {
            queue: job.queue().to_string(),
            id: job.id().to_string(),
            lane: job.lane().to_stored(),
            tenant: job.tenant().to_text(),
            kind: job.kind().to_string(),
            version: job.version(),
            payload: job.payload().as_json().to_owned(),
            key: job.key().to_string(),
            policy: job.policy().map(ToString::to_string),
            trace: job.trace().map(ToString::to_string),
            run_at: job.run_at().as_micros(),
        }
    }
}

/// A kept job with its key.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct KeyRow {
    pub(crate) queue: String,
    pub(crate) tenant: String,
    pub(crate) key: String,
    pub(crate) id: String,
}

/// The answers of an enqueue: `created` are (queue, id) that were inserted, `kept` the jobs that met a key.
pub(crate) fn answers(
    rows: &[NewRow],
    mut created: HashSet<(String, String)>,
    kept: Vec<KeyRow>,
) -> Result<Vec<Enqueued>, QueueError> {
    let kept: HashMap<_, _> = kept
        .into_iter()
        .map(|row| ((row.queue, row.tenant, row.key), row.id))
        .collect();
    rows.iter()
        .map(|row| {
            if created.remove(&(row.queue.clone(), row.id.clone())) {
                return job_id(&row.id).map(Enqueued::Created);
            }
            let key = (row.queue.clone(), row.tenant.clone(), row.key.clone());
            // Removed since the insert met it: the derived id is what it had.
            job_id(kept.get(&key).unwrap_or(&row.id)).map(Enqueued::Duplicate)
        })
        .collect()
}

pub(crate) fn job_id(text: &str) -> Result<JobId, QueueError> {
    JobId::new(text).map_err(|_| QueueError::Corrupt {
        table: "queue_jobs",
        row: text.chars().take(40).collect(),
    })
}

pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_micros()
}

pub(crate) fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
