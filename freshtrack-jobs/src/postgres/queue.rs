//! [`Queue`] in PostgreSQL.

use super::listener::Listener;
use super::{enqueue_in, retention};
use crate::job::{NewJob, QueueName, Reason};
use crate::ports::{
    CLAIM_MAX, ClaimRequest, Claimed, Enqueued, Lease, Promoted, Queue, QueueError, Renewal,
};
use crate::queue_settings::QueueSettings;
use crate::retry::Decision;
use crate::sql::{
    BATCH_MAX, Combiner, JobRow, Settlement, Settlements, answered, count, micros, unavailable,
};
use crate::wakeups::{Look, Wakeups, claim_when_due};
use async_trait::async_trait;
use freshtrack_core::time::Timestamp;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How soon a job is seen whose notification was lost.
const POLL: Duration = Duration::from_secs(1);

/// Enqueues written by one transaction; each may bring a thousand jobs.
const ENQUEUES_MAX: usize = 32;

const PEEK: &str = "
    select coalesce((select paused from queue_lanes where queue = $1 and lane = $2), 0),
           (select run_at from queue_jobs
            where queue = $1 and lane = $2 and lease_until is null order by run_at limit 1)";

const CLAIM: &str = "
    with due as (
        select seq from queue_jobs
        where queue = $1 and lane = $2 and lease_until is null and run_at <= $3
        order by run_at, seq limit $6 for update skip locked)
    update queue_jobs j
    set fence = j.fence + 1, lease_until = $5,
        token = $4 || ':' || j.seq || ':' || (j.fence + 1)
    from due where j.seq = due.seq
    returning j.*";

const HELD: &str = "
    select j.queue, j.id, j.token
    from jsonb_to_recordset($1::jsonb) as e (queue text, id text, token text)
    join queue_jobs j on j.queue = e.queue and j.id = e.id and j.token = e.token
    order by j.seq for update of j";

const END: &str = "
    with gone as (
        delete from queue_jobs j
        using jsonb_to_recordset($1::jsonb) as e (queue text, id text, token text, dead bigint,
            finished_at bigint, reason text, class text, code text)
        where j.queue = e.queue and j.id = e.id and j.token = e.token
        returning j.*, e.dead, e.finished_at, e.reason, e.class, e.code)
    insert into queue_jobs_finished (queue, id, lane, tenant, kind, version, payload, key, policy,
        trace, enqueued_at, first_run_at, run_at, attempts, crashes, last_class, last_code, dead,
        finished_at, reason)
    select queue, id, lane, tenant, kind, version, payload, key, policy, trace, enqueued_at,
        first_run_at, run_at, attempts + dead, crashes,
        case dead when 1 then class else last_class end,
        case dead when 1 then code else last_code end, dead, finished_at, reason
    from gone on conflict do nothing";

const BACK: &str = "
    update queue_jobs j
    set token = null, lease_until = null, run_at = e.run_at, attempts = j.attempts + e.counted,
        last_class = case e.counted when 1 then e.class else j.last_class end,
        last_code = case e.counted when 1 then e.code else j.last_code end
    from jsonb_to_recordset($1::jsonb) as e (queue text, id text, token text, run_at bigint,
        counted bigint, class text, code text)
    where j.queue = e.queue and j.id = e.id and j.token = e.token";

/// A queue in a PostgreSQL database. Clones share it and its listener.
#[derive(Debug, Clone)]
pub struct PostgresQueue {
    pub(super) pool: PgPool,
    pub(super) settings: Arc<QueueSettings>,
    pub(super) wakeups: Arc<Wakeups>,
    settling: Arc<Combiner<Settlement, bool>>,
    enqueueing: Arc<Combiner<Vec<NewJob>, Vec<Enqueued>>>,
    /// Queues this process met, in turn for retention.
    met: Arc<Mutex<VecDeque<QueueName>>>,
    _listener: Arc<Listener>,
}

impl PostgresQueue {
    /// The queue in a database whose tables are there; listens from now on, so call it in a runtime.
    ///
    /// One connection of the pool is kept for listening.
    #[must_use]
    pub fn new(pool: PgPool, settings: QueueSettings) -> Self {
        let wakeups: Arc<Wakeups> = Arc::default();
        Self {
            settings: Arc::new(settings),
            settling: Arc::new(Combiner::new(BATCH_MAX)),
            enqueueing: Arc::new(Combiner::new(ENQUEUES_MAX)),
            met: Arc::default(),
            _listener: Arc::new(Listener::start(pool.clone(), Arc::clone(&wakeups))),
            wakeups,
            pool,
        }
    }

    pub(super) async fn write(&self) -> Result<Transaction<'static, Postgres>, QueueError> {
        self.pool.begin().await.map_err(unavailable)
    }

    fn meet(&self, queue: &QueueName) {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        if !met.contains(queue) {
            met.push_back(queue.clone());
        }
    }

    fn next_met(&self) -> Option<QueueName> {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let next = met.pop_front()?;
        met.push_back(next.clone());
        Some(next)
    }

    async fn look(&self, request: &ClaimRequest, now: Timestamp) -> Result<Look, QueueError> {
        let (paused, next): (i64, Option<i64>) = sqlx::query_as(PEEK)
            .bind(request.queue.as_str())
            .bind(i64::from(request.lane.to_stored()))
            .fetch_one(&self.pool)
            .await
            .map_err(unavailable)?;
        let next = next.filter(|_| paused == 0).map(Timestamp::from_micros);
        match next {
            Some(at) if at <= now => {}
            later => return Ok(Look::Nothing { next: later }),
        }
        let mut tx = self.write().await?;
        let (allowed, free_at) = self.allowed(&mut tx, request, now).await?;
        if allowed == 0 {
            return Ok(Look::Nothing { next: free_at });
        }
        let mut rows: Vec<JobRow> = sqlx::query_as(CLAIM)
            .bind(request.queue.as_str())
            .bind(i64::from(request.lane.to_stored()))
            .bind(micros(now))
            .bind(request.worker.as_str())
            .bind(micros(now + request.lease))
            .bind(count(allowed))
            .fetch_all(&mut *tx)
            .await
            .map_err(unavailable)?;
        tx.commit().await.map_err(unavailable)?;
        rows.sort_by_key(|row| (row.run_at, row.seq));
        let claimed: Result<Vec<_>, _> = rows
            .into_iter()
            .map(|row| row.into_claimed(request.lease))
            .collect();
        claimed.map(|jobs| {
            if jobs.is_empty() {
                Look::Nothing { next: None }
            } else {
                Look::Found(jobs)
            }
        })
    }

    /// How many jobs may start now, and when the next may if none: pause and rate, under the write lock.
    async fn allowed(
        &self,
        tx: &mut PgConnection,
        request: &ClaimRequest,
        now: Timestamp,
    ) -> Result<(usize, Option<Timestamp>), QueueError> {
        let lane = i64::from(request.lane.to_stored());
        let Some(rate) = self.settings.rate(&request.queue, request.lane) else {
            return Ok((request.max, None));
        };
        // The lane's row is the limiter: workers pass it one after another.
        sqlx::query("insert into queue_lanes (queue, lane) values ($1, $2) on conflict do nothing")
            .bind(request.queue.as_str())
            .bind(lane)
            .execute(&mut *tx)
            .await
            .map_err(unavailable)?;
        let free_at: i64 = sqlx::query_scalar(
            "select free_at from queue_lanes where queue = $1 and lane = $2 for update",
        )
        .bind(request.queue.as_str())
        .bind(lane)
        .fetch_one(&mut *tx)
        .await
        .map_err(unavailable)?;
        let due: i64 = sqlx::query_scalar(
            "select count(*) from (select 1 from queue_jobs where queue = $1 and lane = $2
             and lease_until is null and run_at <= $3 limit $4) due",
        )
        .bind(request.queue.as_str())
        .bind(lane)
        .bind(micros(now))
        .bind(count(request.max))
        .fetch_one(&mut *tx)
        .await
        .map_err(unavailable)?;
        let wanted = usize::try_from(due).unwrap_or(0);
        let (allowed, after) = rate.admit(Timestamp::from_micros(free_at), wanted, now);
        if allowed > 0 {
            sqlx::query("update queue_lanes set free_at = $3 where queue = $1 and lane = $2")
                .bind(request.queue.as_str())
                .bind(lane)
                .bind(micros(after))
                .execute(&mut *tx)
                .await
                .map_err(unavailable)?;
        }
        Ok((allowed, Some(after)))
    }

    async fn settle(&self, settlement: Settlement) -> Result<(), QueueError> {
        let held = self
            .settling
            .submit(settlement, |batch| self.write_settlements(batch));
        if answered(held).await? {
            Ok(())
        } else {
            Err(QueueError::LeaseLost)
        }
    }

    async fn write_settlements(&self, batch: Vec<Settlement>) -> Result<Vec<bool>, QueueError> {
        let sorted = Settlements::of(&batch);
        let endings = serde_json::to_string(&sorted.endings).map_err(QueueError::unavailable)?;
        let backs = serde_json::to_string(&sorted.backs).map_err(QueueError::unavailable)?;
        let mut held = HashSet::new();
        let mut tx = self.write().await?;
        for (json, some) in [
            (&endings, !sorted.endings.is_empty()),
            (&backs, !sorted.backs.is_empty()),
        ] {
            if some {
                let rows: Vec<(String, String, String)> = sqlx::query_as(HELD)
                    .bind(json)
                    .fetch_all(&mut *tx)
                    .await
                    .map_err(unavailable)?;
                held.extend(rows);
            }
        }
        if !sorted.endings.is_empty() {
            sqlx::query(END)
                .bind(&endings)
                .execute(&mut *tx)
                .await
                .map_err(unavailable)?;
        }
        if !sorted.backs.is_empty() {
            sqlx::query(BACK)
                .bind(&backs)
                .execute(&mut *tx)
                .await
                .map_err(unavailable)?;
        }
        tx.commit().await.map_err(unavailable)?;
        Ok(Settlements::held(&batch, held))
    }

    async fn write_jobs(
        &self,
        batch: Vec<Vec<NewJob>>,
        now: Timestamp,
    ) -> Result<Vec<Vec<Enqueued>>, QueueError> {
        let mut tx = self.write().await?;
        let mut answers = Vec::with_capacity(batch.len());
        for jobs in &batch {
            answers.push(enqueue_in(&mut tx, jobs, now).await?);
        }
        tx.commit().await.map_err(unavailable)?;
        for job in batch.iter().flatten() {
            self.meet(job.queue());
            self.wakeups.ring(job.queue(), job.lane());
        }
        Ok(answers)
    }
}

#[async_trait]
impl Queue for PostgresQueue {
    async fn enqueue(
        &self,
        jobs: Vec<NewJob>,
        now: Timestamp,
    ) -> Result<Vec<Enqueued>, QueueError> {
        if jobs.len() > crate::ports::ENQUEUE_MAX {
            let limit = crate::ports::ENQUEUE_MAX;
            return Err(QueueError::LimitExceeded {
                what: "jobs",
                limit,
            });
        }
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        answered(
            self.enqueueing
                .submit(jobs, |batch| self.write_jobs(batch, now)),
        )
        .await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claimed>, QueueError> {
        if request.max > CLAIM_MAX {
            return Err(QueueError::LimitExceeded {
                what: "claims",
                limit: CLAIM_MAX,
            });
        }
        self.meet(&request.queue);
        claim_when_due(&request, &self.wakeups, POLL, |now| {
            answered(self.look(&request, now))
        })
        .await
    }

    async fn renew(&self, lease: &Lease, now: Timestamp) -> Result<Renewal, QueueError> {
        let renewed = sqlx::query(
            "update queue_jobs set lease_until = $4 where queue = $1 and id = $2 and token = $3",
        )
        .bind(lease.queue.as_str())
        .bind(lease.job.as_str())
        .bind(&*lease.token)
        .bind(micros(now + lease.length))
        .execute(&self.pool);
        let renewed = answered(async { renewed.await.map_err(unavailable) }).await?;
        Ok(if renewed.rows_affected() == 1 {
            Renewal::Held
        } else {
            Renewal::Lost
        })
    }

    async fn finish(
        &self,
        lease: &Lease,
        reason: &Reason,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        self.settle(Settlement::finish(lease, reason, now)).await
    }

    async fn fail(
        &self,
        lease: &Lease,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        self.settle(Settlement::fail(lease, decision, now)).await?;
        self.wakeups.ring(&lease.queue, lease.lane);
        Ok(())
    }

    async fn promote(&self, now: Timestamp, limit: usize) -> Result<Promoted, QueueError> {
        answered(retention::promote(self, self.next_met(), now, limit)).await
    }
}
