//! [`QueueAdmin`] in PostgreSQL.

use super::{CHANNEL, PostgresQueue};
use crate::job::{JobId, Lane, QueueName};
use crate::ports::{
    JobFilter, JobState, JobView, LIST_MAX, QueueAdmin, QueueError, REQUEUE_MAX, Removal, Scope,
    Selection,
};
use crate::sql::{LaneRow, ViewRow, answered, count, micros, tenant_filter, unavailable};
use crate::stats::LaneStats;
use async_trait::async_trait;
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::Timestamp;
use sqlx::PgConnection;

const STATS: &str = "
    select queue, lane, sum(waiting)::bigint as waiting, sum(delayed)::bigint as delayed,
           sum(active)::bigint as active, sum(done)::bigint as done, sum(dead)::bigint as dead,
           min(oldest_due) as oldest_due, max(paused)::bigint as paused
    from (
        select queue, lane, count(*) filter (where lease_until is null and run_at <= $2) as waiting,
               count(*) filter (where lease_until is null and run_at > $2) as delayed,
               count(*) filter (where lease_until is not null) as active, 0 as done, 0 as dead,
               min(run_at) filter (where lease_until is null and run_at <= $2) as oldest_due,
               0 as paused
        from queue_jobs where $1 is null or tenant = $1 group by queue, lane
        union all
        select queue, lane, 0, 0, 0, count(*) filter (where dead = 0),
               count(*) filter (where dead = 1), null, 0
        from queue_jobs_finished where $1 is null or tenant = $1 group by queue, lane
        union all
        select queue, lane, 0, 0, 0, 0, 0, null, 1 from queue_lanes where paused = 1
    ) lanes group by queue, lane order by queue, lane";

/// Parameters: queue, after, tenant, kind, class, code, now, state, limit.
const LIST: &str = "
    select * from (
        (select queue, id, lane, tenant, kind, version, payload, key, enqueued_at, run_at,
                attempts, crashes, last_class, last_code, lease_until, null::bigint as dead,
                null::bigint as finished_at, null::text as reason
         from queue_jobs
         where queue = $1 and id > $2 and ($3 is null or tenant = $3)
           and ($4 is null or kind = $4) and ($5 is null or last_class = $5)
           and ($6 is null or last_code = $6)
           and ($8 is null or $8 = case when lease_until is not null then 'active'
                                        when run_at > $7 then 'delayed' else 'waiting' end)
         order by id limit $9)
        union all
        (select queue, id, lane, tenant, kind, version, payload, key, enqueued_at, run_at,
                attempts, crashes, last_class, last_code, null::bigint, dead, finished_at, reason
         from queue_jobs_finished
         where queue = $1 and id > $2 and ($3 is null or tenant = $3)
           and ($4 is null or kind = $4) and ($5 is null or last_class = $5)
           and ($6 is null or last_code = $6)
           and ($8 is null or $8 = case dead when 1 then 'dead' else 'done' end)
         order by id limit $9)
    ) jobs order by id limit $9";

const GET: &str = "
    select queue, id, lane, tenant, kind, version, payload, key, enqueued_at, run_at, attempts,
           crashes, last_class, last_code, lease_until, null::bigint as dead,
           null::bigint as finished_at, null::text as reason
    from queue_jobs where queue = $1 and id = $2 and ($3 is null or tenant = $3)
    union all
    select queue, id, lane, tenant, kind, version, payload, key, enqueued_at, run_at, attempts,
           crashes, last_class, last_code, null::bigint, dead, finished_at, reason
    from queue_jobs_finished where queue = $1 and id = $2 and ($3 is null or tenant = $3)";

const DEAD: &str = "
    select seq from queue_jobs_finished
    where queue = $1 and dead = 1 and ($2 is null or tenant = $2) and ($3 is null or id = $3)
      and ($4 is null or kind = $4) and ($5 is null or last_class = $5)
    order by finished_at limit $6 for update skip locked";

const REVIVE: &str = "
    with back as (delete from queue_jobs_finished where seq = any($1) returning *)
    insert into queue_jobs (queue, id, lane, tenant, kind, version, payload, key, policy, trace,
                            enqueued_at, first_run_at, run_at)
    select queue, id, lane, tenant, kind, version, payload, key, policy, trace, enqueued_at, $2, $2
    from back on conflict do nothing";

/// A claim between the look and the removal keeps the job.
const REMOVE_WAITING: &str =
    "delete from queue_jobs where queue = $1 and id = $2 and lease_until is null";

const REMOVE_FINISHED: &str = "delete from queue_jobs_finished where queue = $1 and id = $2";

const NOTIFY: &str = "select pg_notify($1, $2)";

const PAUSE: &str = "
    insert into queue_lanes (queue, lane, paused) values ($1, $2, $3)
    on conflict (queue, lane) do update set paused = excluded.paused";

impl PostgresQueue {
    async fn set_paused(
        &self,
        queue: &QueueName,
        lane: Option<Lane>,
        paused: i64,
    ) -> Result<(), QueueError> {
        let mut tx = self.write().await?;
        for lane in lane.map_or(Lane::ALL.to_vec(), |lane| vec![lane]) {
            sqlx::query(PAUSE)
                .bind(queue.as_str())
                .bind(i64::from(lane.to_stored()))
                .bind(paused)
                .execute(&mut *tx)
                .await
                .map_err(unavailable)?;
        }
        ring(&mut tx, queue).await?;
        tx.commit().await.map_err(unavailable)
    }

    async fn revive(
        &self,
        scope: Scope,
        queue: &QueueName,
        selection: &Selection,
        now: Timestamp,
    ) -> Result<usize, QueueError> {
        let (id, kind, class, limit) = match selection {
            Selection::One(id) => (Some(id), None, None, 1),
            Selection::Matching { kind, class, limit } => (None, kind.as_ref(), *class, *limit),
        };
        if limit > REQUEUE_MAX {
            return Err(QueueError::LimitExceeded {
                what: "dead jobs",
                limit: REQUEUE_MAX,
            });
        }
        let mut tx = self.write().await?;
        let seqs: Vec<i64> = sqlx::query_scalar(DEAD)
            .bind(queue.as_str())
            .bind(tenant_filter(scope))
            .bind(id.map(JobId::as_str))
            .bind(kind.map(crate::job::Kind::as_str))
            .bind(class.map(crate::retry::Class::as_str))
            .bind(count(limit))
            .fetch_all(&mut *tx)
            .await
            .map_err(unavailable)?;
        let revive = sqlx::query(REVIVE).bind(&seqs).bind(micros(now));
        let revived = revive
            .execute(&mut *tx)
            .await
            .map_err(unavailable)?
            .rows_affected();
        ring(&mut tx, queue).await?;
        tx.commit().await.map_err(unavailable)?;
        self.wakeups.ring_queue(queue);
        Ok(usize::try_from(revived).unwrap_or(usize::MAX))
    }

    async fn take_out(
        &self,
        scope: Scope,
        queue: &QueueName,
        id: &JobId,
        now: Timestamp,
    ) -> Result<Removal, QueueError> {
        let mut tx = self.write().await?;
        let row: Option<ViewRow> = sqlx::query_as(GET)
            .bind(queue.as_str())
            .bind(id.as_str())
            .bind(tenant_filter(scope))
            .fetch_optional(&mut *tx)
            .await
            .map_err(unavailable)?;
        let Some(row) = row else {
            return Ok(Removal::Unknown);
        };
        let view = row.into_view(now)?;
        if view.state == JobState::Active {
            return Ok(Removal::Active);
        }
        let mut removed = 0;
        for statement in [REMOVE_WAITING, REMOVE_FINISHED] {
            let gone = sqlx::query(statement)
                .bind(queue.as_str())
                .bind(id.as_str());
            removed += gone
                .execute(&mut *tx)
                .await
                .map_err(unavailable)?
                .rows_affected();
        }
        if removed == 0 {
            return Ok(Removal::Active);
        }
        tx.commit().await.map_err(unavailable)?;
        Ok(Removal::Removed(Box::new(view)))
    }
}

/// Wakes every worker of a queue when the transaction commits.
async fn ring(tx: &mut PgConnection, queue: &QueueName) -> Result<(), QueueError> {
    for lane in Lane::ALL {
        let bell = format!("{queue}/{}", lane.to_stored());
        let ring = sqlx::query(NOTIFY).bind(CHANNEL).bind(bell);
        ring.execute(&mut *tx).await.map_err(unavailable)?;
    }
    Ok(())
}

#[async_trait]
impl QueueAdmin for PostgresQueue {
    async fn stats(&self, scope: Scope, now: Timestamp) -> Result<Vec<LaneStats>, QueueError> {
        let rows = sqlx::query_as::<_, LaneRow>(STATS)
            .bind(tenant_filter(scope))
            .bind(micros(now))
            .fetch_all(&self.pool);
        let rows = answered(async { rows.await.map_err(unavailable) }).await?;
        rows.into_iter().map(LaneRow::into_stats).collect()
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
        let rows = sqlx::query_as::<_, ViewRow>(LIST)
            .bind(queue.as_str())
            .bind(page.after.as_ref().map_or("", JobId::as_str))
            .bind(tenant_filter(scope))
            .bind(filter.kind.as_ref().map(crate::job::Kind::as_str))
            .bind(filter.class.map(crate::retry::Class::as_str))
            .bind(filter.code.as_ref().map(crate::job::Code::as_str))
            .bind(micros(now))
            .bind(filter.state.map(JobState::as_str))
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.pool);
        let rows = answered(async { rows.await.map_err(unavailable) }).await?;
        let views: Result<Vec<_>, _> = rows.into_iter().map(|row| row.into_view(now)).collect();
        Ok(Page::from_surplus(views?, limit, |view: &JobView| {
            view.id.clone()
        }))
    }

    async fn get(
        &self,
        scope: Scope,
        queue: &QueueName,
        id: &JobId,
        now: Timestamp,
    ) -> Result<Option<JobView>, QueueError> {
        let row = sqlx::query_as::<_, ViewRow>(GET)
            .bind(queue.as_str())
            .bind(id.as_str())
            .bind(tenant_filter(scope))
            .fetch_optional(&self.pool);
        let row = answered(async { row.await.map_err(unavailable) }).await?;
        row.map(|row| row.into_view(now)).transpose()
    }

    async fn pause(&self, queue: &QueueName, lane: Option<Lane>) -> Result<(), QueueError> {
        answered(self.set_paused(queue, lane, 1)).await
    }

    async fn resume(&self, queue: &QueueName, lane: Option<Lane>) -> Result<(), QueueError> {
        answered(self.set_paused(queue, lane, 0)).await?;
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
        answered(self.revive(scope, queue, selection, now)).await
    }

    async fn remove(
        &self,
        scope: Scope,
        queue: &QueueName,
        id: &JobId,
        now: Timestamp,
    ) -> Result<Removal, QueueError> {
        answered(self.take_out(scope, queue, id, now)).await
    }
}
