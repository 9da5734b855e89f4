//! Returning expired leases, burying poison and removing what is kept no longer.

use super::SqliteQueue;
use crate::job::{Lane, QueueName};
use crate::ports::{Promoted, QueueError};
use crate::retry::CRASHES_MAX;
use crate::sql::{count, micros, unavailable};
use freshtrack_core::time::Timestamp;

const EXPIRED: &str = "select 1 from queue_jobs where lease_until <= $1 limit 1";

const POISONED: &str = "
    select seq from queue_jobs where lease_until <= $1 and crashes + 1 >= $2
    order by lease_until limit $3";

const BURY: &str = "
    insert into queue_jobs_finished (queue, id, lane, tenant, kind, version, payload, key, policy,
        trace, enqueued_at, first_run_at, run_at, attempts, crashes, last_class, last_code, dead,
        finished_at, reason)
    select queue, id, lane, tenant, kind, version, payload, key, policy, trace, enqueued_at,
        first_run_at, run_at, attempts, crashes + 1, 'crashed', 'poison', 1, $2, null
    from queue_jobs where seq in (select value from json_each($1))
    on conflict do nothing";

const LEAVE: &str = "delete from queue_jobs where seq in (select value from json_each($1))";

const RETURN: &str = "
    update queue_jobs set token = null, lease_until = null, crashes = crashes + 1, run_at = $1
    where seq in (select seq from queue_jobs where lease_until <= $1 order by lease_until limit $2)
    returning queue, lane";

const TOO_OLD: &str = "
    select seq from queue_jobs_finished where queue = $1 and dead = $2 and finished_at <= $3
    order by finished_at limit $4";

const TOO_MANY: &str = "
    select seq from queue_jobs_finished where queue = $1 and dead = $2
    order by finished_at desc, seq desc limit $4 offset $3";

const REMOVE: &str =
    "delete from queue_jobs_finished where seq in (select value from json_each($1))";

pub(super) async fn promote(
    queue: &SqliteQueue,
    pruned: Option<QueueName>,
    now: Timestamp,
    limit: usize,
) -> Result<Promoted, QueueError> {
    let mut promoted = return_expired(queue, now, limit).await?;
    if let Some(name) = pruned {
        promoted.removed = prune(queue, &name, now, limit).await?;
    }
    Ok(promoted)
}

async fn return_expired(
    queue: &SqliteQueue,
    now: Timestamp,
    limit: usize,
) -> Result<Promoted, QueueError> {
    let mut promoted = Promoted::default();
    // Looking costs no write lock, and mostly there is nothing.
    let any: Option<i64> = sqlx::query_scalar(EXPIRED)
        .bind(micros(now))
        .fetch_optional(&queue.file.reader)
        .await
        .map_err(unavailable)?;
    if any.is_none() {
        return Ok(promoted);
    }
    let mut tx = queue.write().await?;
    let poisoned: Vec<i64> = sqlx::query_scalar(POISONED)
        .bind(micros(now))
        .bind(i64::from(CRASHES_MAX))
        .bind(count(limit))
        .fetch_all(&mut *tx)
        .await
        .map_err(unavailable)?;
    if !poisoned.is_empty() {
        let seqs = numbers(&poisoned);
        let bury = sqlx::query(BURY).bind(&seqs).bind(micros(now));
        bury.execute(&mut *tx).await.map_err(unavailable)?;
        sqlx::query(LEAVE)
            .bind(&seqs)
            .execute(&mut *tx)
            .await
            .map_err(unavailable)?;
    }
    let returned: Vec<(String, i64)> = sqlx::query_as(RETURN)
        .bind(micros(now))
        .bind(count(limit.saturating_sub(poisoned.len())))
        .fetch_all(&mut *tx)
        .await
        .map_err(unavailable)?;
    tx.commit().await.map_err(unavailable)?;
    for (name, lane) in &returned {
        if let (Ok(name), Some(lane)) = (QueueName::new(name), Lane::from_stored(*lane)) {
            queue.wake(&name, lane);
        }
    }
    promoted.poisoned = amount(poisoned.len());
    promoted.returned = promoted.poisoned + amount(returned.len());
    Ok(promoted)
}

async fn prune(
    queue: &SqliteQueue,
    name: &QueueName,
    now: Timestamp,
    limit: usize,
) -> Result<u64, QueueError> {
    let kept = queue.settings.retention(name);
    let mut removed = 0;
    for (dead, most, age) in [(0, kept.done, kept.done_age), (1, kept.dead, kept.dead_age)] {
        for (statement, bound) in [(TOO_OLD, micros(now - age)), (TOO_MANY, count(most))] {
            let seqs: Vec<i64> = sqlx::query_scalar(statement)
                .bind(name.as_str())
                .bind(dead)
                .bind(bound)
                .bind(count(limit))
                .fetch_all(&queue.file.reader)
                .await
                .map_err(unavailable)?;
            if seqs.is_empty() {
                continue;
            }
            let gone = sqlx::query(REMOVE)
                .bind(numbers(&seqs))
                .execute(&queue.file.writer)
                .await;
            removed += gone.map_err(unavailable)?.rows_affected();
            break; // one batch per state and call
        }
    }
    Ok(removed)
}

fn numbers(seqs: &[i64]) -> String {
    serde_json::Value::from(seqs).to_string()
}

fn amount(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
