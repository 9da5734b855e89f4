//! Enqueueing, in a transaction of our own or the caller's.

use super::CHANNEL;
use crate::job::NewJob;
use crate::ports::{ENQUEUE_MAX, Enqueued, QueueError};
use crate::sql::{KeyRow, NewRow, answers, unavailable};
use freshtrack_core::time::Timestamp;
use sqlx::PgConnection;
use std::collections::{BTreeSet, HashSet};

/// In order of id, so that two enqueues of the same keys never wait for each other in a circle.
const INSERT: &str = "
    insert into queue_jobs (queue, id, lane, tenant, kind, version, payload, key, policy, trace,
                            enqueued_at, first_run_at, run_at)
    select e.queue, e.id, e.lane, e.tenant, e.kind, e.version, e.payload, e.key, e.policy, e.trace,
           $2, e.run_at, e.run_at
    from jsonb_to_recordset($1::jsonb) as e (queue text, id text, lane bigint, tenant text,
        kind text, version bigint, payload text, key text, policy text, trace text, run_at bigint)
    where not exists (select 1 from queue_jobs_finished f
                      where f.queue = e.queue and f.tenant = e.tenant and f.key = e.key)
    order by e.queue, e.id collate \"C\"
    on conflict do nothing
    returning queue, id";

/// A job may have left the hot table between the look and the insert: what ended stays the one.
const OVERTAKEN: &str = "
    delete from queue_jobs j using jsonb_to_recordset($1::jsonb) as e (queue text, id text),
                                   queue_jobs_finished f
    where j.queue = e.queue and j.id = e.id and f.queue = j.queue and f.tenant = j.tenant
      and f.key = j.key
    returning j.queue, j.id";

const KEPT: &str = "
    with e as (select * from jsonb_to_recordset($1::jsonb) as e (queue text, tenant text, key text))
    select j.queue, j.tenant, j.key, j.id from e
    join queue_jobs j on j.queue = e.queue and j.tenant = e.tenant and j.key = e.key
    union all
    select f.queue, f.tenant, f.key, f.id from e
    join queue_jobs_finished f on f.queue = e.queue and f.tenant = e.tenant and f.key = e.key";

/// Rung at commit; the payload is queue and lane.
const NOTIFY: &str = "select pg_notify($1, $2)";

/// Enqueues within a transaction the caller holds: the jobs follow its commit and its rollback.
///
/// Workers are woken by the commit.
///
/// # Errors
/// [`QueueError::Unavailable`], [`QueueError::LimitExceeded`].
pub async fn enqueue_in(
    tx: &mut PgConnection,
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
    let mut created: HashSet<(String, String)> = sqlx::query_as(INSERT)
        .bind(&json)
        .bind(now.as_micros())
        .fetch_all(&mut *tx)
        .await
        .map_err(unavailable)?
        .into_iter()
        .collect();
    let fresh: Vec<_> = rows
        .iter()
        .filter(|row| created.contains(&(row.queue.clone(), row.id.clone())))
        .collect();
    let fresh = serde_json::to_string(&fresh).map_err(QueueError::unavailable)?;
    let overtaken: Vec<(String, String)> = sqlx::query_as(OVERTAKEN)
        .bind(&fresh)
        .fetch_all(&mut *tx)
        .await
        .map_err(unavailable)?;
    for row in &overtaken {
        created.remove(row);
    }
    for lane in rows
        .iter()
        .map(|row| (&row.queue, row.lane))
        .collect::<BTreeSet<_>>()
    {
        let bell = format!("{}/{}", lane.0, lane.1);
        let ring = sqlx::query(NOTIFY).bind(CHANNEL).bind(bell);
        ring.execute(&mut *tx).await.map_err(unavailable)?;
    }
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
