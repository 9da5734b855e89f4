//! [`Queue`] in SQLite.

use super::{SqliteFile, enqueue_in, retention};
use crate::job::{Lane, NewJob, QueueName, Reason};
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
use sqlx::{Sqlite, SqliteConnection, Transaction};
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How soon a job of another process is seen.
const POLL: Duration = Duration::from_millis(250);

/// Enqueues written by one transaction; each may bring a thousand jobs.
const ENQUEUES_MAX: usize = 32;

const PEEK: &str = "
    select coalesce((select paused from queue_lanes where queue = $1 and lane = $2), 0),
           (select run_at from queue_jobs
            where queue = $1 and lane = $2 and lease_until is null order by run_at limit 1)";

const CLAIM: &str = "
    update queue_jobs
    set fence = fence + 1, token = $4 || ':' || seq || ':' || (fence + 1), lease_until = $5
    where seq in (select seq from queue_jobs
                  where queue = $1 and lane = $2 and lease_until is null and run_at <= $3
                  order by run_at, seq limit $6)
    returning *";

const HELD: &str = "
    select j.queue, j.id, j.token from json_each($1) e
    join queue_jobs j on j.queue = e.value ->> 'queue' and j.id = e.value ->> 'id'
                     and j.token = e.value ->> 'token'";

const END: &str = "
    insert into queue_jobs_finished (queue, id, lane, tenant, kind, version, payload, key, policy,
        trace, enqueued_at, first_run_at, run_at, attempts, crashes, last_class, last_code, dead,
        finished_at, reason)
    select j.queue, j.id, j.lane, j.tenant, j.kind, j.version, j.payload, j.key, j.policy,
        j.trace, j.enqueued_at, j.first_run_at, j.run_at, j.attempts + (e.value ->> 'dead'),
        j.crashes, iif(e.value ->> 'dead', e.value ->> 'class', j.last_class),
        iif(e.value ->> 'dead', e.value ->> 'code', j.last_code), e.value ->> 'dead',
        e.value ->> 'finished_at', e.value ->> 'reason'
    from json_each($1) e
    join queue_jobs j on j.queue = e.value ->> 'queue' and j.id = e.value ->> 'id'
                     and j.token = e.value ->> 'token'
    where true on conflict do nothing";

const LEAVE: &str = "
    delete from queue_jobs where seq in (
        select j.seq from json_each($1) e
        join queue_jobs j on j.queue = e.value ->> 'queue' and j.id = e.value ->> 'id'
                         and j.token = e.value ->> 'token')";

const BACK: &str = "
    update queue_jobs
    set token = null, lease_until = null, run_at = e.run_at, attempts = attempts + e.counted,
        last_class = iif(e.counted, e.class, last_class),
        last_code = iif(e.counted, e.code, last_code)
    from (select value ->> 'queue' as queue, value ->> 'id' as id, value ->> 'token' as token,
                 value ->> 'run_at' as run_at, value ->> 'counted' as counted,
                 value ->> 'class' as class, value ->> 'code' as code from json_each($1)) e
    where queue_jobs.queue = e.queue and queue_jobs.id = e.id and queue_jobs.token = e.token";

/// A queue in a SQLite file. Clones share it.
#[derive(Debug, Clone)]
pub struct SqliteQueue {
    pub(super) file: SqliteFile,
    pub(super) settings: Arc<QueueSettings>,
    pub(super) wakeups: Arc<Wakeups>,
    settling: Arc<Combiner<Settlement, bool>>,
    enqueueing: Arc<Combiner<Vec<NewJob>, Vec<Enqueued>>>,
    /// Queues this process met, in turn for retention.
    met: Arc<Mutex<VecDeque<QueueName>>>,
}

impl SqliteQueue {
    /// The queue in a file whose tables are there.
    #[must_use]
    pub fn new(file: SqliteFile, settings: QueueSettings) -> Self {
        Self {
            file,
            settings: Arc::new(settings),
            wakeups: Arc::default(),
            settling: Arc::new(Combiner::new(BATCH_MAX)),
            enqueueing: Arc::new(Combiner::new(ENQUEUES_MAX)),
            met: Arc::default(),
        }
    }

    /// Wakes this process's claims of a lane, after a commit that holds an
    /// [`enqueue_in`].
    pub fn wake(&self, queue: &QueueName, lane: Lane) {
        self.wakeups.ring(queue, lane);
    }

    pub(super) async fn write(&self) -> Result<Transaction<'static, Sqlite>, QueueError> {
        // Deferred, a transaction that read first would fail at its first write, at once and for good.
        self.file
            .writer
            .begin_with("begin immediate")
            .await
            .map_err(unavailable)
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
            .fetch_one(&self.file.reader)
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
        tx: &mut SqliteConnection,
        request: &ClaimRequest,
        now: Timestamp,
    ) -> Result<(usize, Option<Timestamp>), QueueError> {
        let lane = i64::from(request.lane.to_stored());
        let row: Option<(i64, i64)> = sqlx::query_as(
            "select paused, free_at from queue_lanes where queue = $1 and lane = $2",
        )
        .bind(request.queue.as_str())
        .bind(lane)
        .fetch_optional(&mut *tx)
        .await
        .map_err(unavailable)?;
        let (paused, free_at) = row.unwrap_or((0, 0));
        if paused != 0 {
            return Ok((0, None));
        }
        let Some(rate) = self.settings.rate(&request.queue, request.lane) else {
            return Ok((request.max, None));
        };
        let due: i64 = sqlx::query_scalar(
            "select count(*) from (select 1 from queue_jobs where queue = $1 and lane = $2
             and lease_until is null and run_at <= $3 limit $4)",
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
            sqlx::query(
                "insert into queue_lanes (queue, lane, free_at) values ($1, $2, $3)
                 on conflict (queue, lane) do update set free_at = excluded.free_at",
            )
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
            sqlx::query(LEAVE)
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
impl Queue for SqliteQueue {
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
        .execute(&self.file.writer);
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
