//! Enqueueing, in a transaction of our own or the caller's.

use crate::job::NewJob;
use crate::ports::{ENQUEUE_MAX, Enqueued, QueueError};
use crate::sql::{KeyRow, NewRow, answers, unavailable};
use freshtrack_core::time::Timestamp;
use sqlx::SqliteConnection;
use std::collections::HashSet;

const INSERT: &str = "
    insert into queue_jobs (queue, id, lane, tenant, kind, version, payload, key, policy, trace,
                            enqueued_at, first_run_at, run_at)
    select e.value ->> 'queue', e.value ->> 'id', e.value ->> 'lane', e.value ->> 'tenant',
           e.value ->> 'kind', e.value ->> 'version', e.value ->> 'payload', e.value ->> 'key',
           e.value ->> 'policy', e.value ->> 'trace', $2, e.value ->> 'run_at', e.value ->> 'run_at'
    from json_each($1) e
    where not exists (select 1 from queue_jobs_finished f
                      where f.queue = e.value ->> 'queue' and f.tenant = e.value ->> 'tenant'
                        and f.key = e.value ->> 'key')
    on conflict do nothing
    returning queue, id";

const KEPT: &str = "
    select j.queue, j.tenant, j.key, j.id from json_each($1) e
    join queue_jobs j on j.queue = e.value ->> 'queue' and j.tenant = e.value ->> 'tenant'
                     and j.key = e.value ->> 'key'
    union all
    select f.queue, f.tenant, f.key, f.id from json_each($1) e
    join queue_jobs_finished f on f.queue = e.value ->> 'queue' and f.tenant = e.value ->> 'tenant'
                              and f.key = e.value ->> 'key'";

/// Enqueues within a transaction the caller holds: the jobs follow its commit and its rollback.
///
/// After the commit, [`SqliteQueue::wake`](super::SqliteQueue::wake) spares them the next poll.
///
/// # Errors
/// [`QueueError::Unavailable`], [`QueueError::LimitExceeded`].
pub async fn enqueue_in(
    tx: &mut SqliteConnection,
    jobs: &[NewJob],
    now: Timestamp,
) -> Result<Vec<Enqueued>, QueueError> {
    if jobs.len() > ENQUEUE_MAX {
        return Err(QueueError::LimitExceeded {
            what: "jobs",
            limit: ENQUEUE_MAX,
        });
    }
    let rows: Vec<_> = jobs.iter().map(NewRow::of).collect();
    let json = serde_json::to_string(&rows).map_err(QueueError::unavailable)?;
    let created: HashSet<(String, String)> = sqlx::query_as(INSERT)
        .bind(&json)
        .bind(now.as_micros())
        .fetch_all(&mut *tx)
        .await
        .map_err(unavailable)?
        .into_iter()
        .collect();
    let kept: Vec<KeyRow> = if created.len() == rows.len() {
        Vec::new()
    } else {
        sqlx::query_as(KEPT)
            .bind(&json)
            .fetch_all(&mut *tx)
            .await
            .map_err(unavailable)?
    };
    answers(&rows, created, kept)
}
