//! [`Schedules`] in SQLite.

use super::SqliteFile;
use crate::ports::{Advance, LIST_MAX, QueueError, ScheduleClaim, Schedules, WorkerId};
use crate::schedule::{Change, Schedule, ScheduleId};
use crate::sql::{ScheduleRow, answered, count, micros, unavailable};
use async_trait::async_trait;
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::{Span, Timestamp};
use sqlx::SqliteConnection;

const LIST: &str = "select * from queue_schedules where id > $1 order by id limit $2";

const PUT: &str = "
    insert into queue_schedules (id, tenant, queue, kind, version, lane, payload, cadence, timezone,
                                 misfire, enabled, next_run_at, last_run_at, cursor)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    on conflict (id) do update set tenant = excluded.tenant, queue = excluded.queue,
        kind = excluded.kind, version = excluded.version, lane = excluded.lane,
        payload = excluded.payload, cadence = excluded.cadence, timezone = excluded.timezone,
        misfire = excluded.misfire, enabled = excluded.enabled, next_run_at = excluded.next_run_at,
        last_run_at = excluded.last_run_at, cursor = excluded.cursor, fence = fence + 1,
        held_until = null";

const DUE: &str = "select 1 from queue_schedules where enabled = 1 and next_run_at <= $1 limit 1";

const CLAIM: &str = "
    update queue_schedules set fence = fence + 1, held_until = $2
    where id in (select id from queue_schedules
                 where enabled = 1 and next_run_at <= $1 and coalesce(held_until, 0) <= $1
                 order by next_run_at, id limit $3)
    returning *";

const ADVANCE: &str = "
    update queue_schedules
    set next_run_at = $3, last_run_at = coalesce($4, last_run_at), held_until = null
    where id = $1 and fence = $2";

/// Schedules in a SQLite file. Clones share it.
#[derive(Debug, Clone)]
pub struct SqliteSchedules(SqliteFile);

impl SqliteSchedules {
    /// The schedules in a file whose tables are there.
    #[must_use]
    pub const fn new(file: SqliteFile) -> Self {
        Self(file)
    }

    async fn write(&self, changes: &[Change]) -> Result<(), QueueError> {
        let mut tx = self
            .0
            .writer
            .begin_with("begin immediate")
            .await
            .map_err(unavailable)?;
        apply_in(&mut tx, changes).await?;
        tx.commit().await.map_err(unavailable)
    }

    async fn claim(
        &self,
        now: Timestamp,
        hold: Span,
        limit: usize,
    ) -> Result<Vec<ScheduleRow>, QueueError> {
        // Every node looks every second, and mostly nothing is due: no write lock for that.
        let due: Option<i64> = sqlx::query_scalar(DUE)
            .bind(micros(now))
            .fetch_optional(&self.0.reader)
            .await
            .map_err(unavailable)?;
        if due.is_none() {
            return Ok(Vec::new());
        }
        sqlx::query_as(CLAIM)
            .bind(micros(now))
            .bind(micros(now + hold))
            .bind(count(limit))
            .fetch_all(&self.0.writer)
            .await
            .map_err(unavailable)
    }
}

/// Applies schedule changes within a transaction the caller holds, beside the settings they follow from.
///
/// # Errors
/// [`QueueError::Unavailable`].
pub async fn apply_in(tx: &mut SqliteConnection, changes: &[Change]) -> Result<(), QueueError> {
    for change in changes {
        match change {
            Change::Insert(schedule) | Change::Replace(schedule) => put(tx, schedule).await?,
            Change::Remove(id) => {
                let gone =
                    sqlx::query("delete from queue_schedules where id = $1").bind(id.as_str());
                gone.execute(&mut *tx).await.map_err(unavailable)?;
            }
        }
    }
    Ok(())
}

async fn put(tx: &mut SqliteConnection, schedule: &Schedule) -> Result<(), QueueError> {
    let spec = &schedule.spec;
    sqlx::query(PUT)
        .bind(spec.id.as_str())
        .bind(spec.tenant.to_text())
        .bind(spec.queue.as_str())
        .bind(spec.kind.as_str())
        .bind(i64::from(spec.version))
        .bind(i64::from(spec.lane.to_stored()))
        .bind(spec.payload.as_json())
        .bind(spec.cadence.to_text())
        .bind(spec.zone.name())
        .bind(spec.misfire.as_str())
        .bind(i64::from(spec.enabled))
        .bind(micros(schedule.next_run_at))
        .bind(schedule.last_run_at.map(micros))
        .bind(schedule.cursor.map(micros))
        .execute(&mut *tx)
        .await
        .map_err(unavailable)?;
    Ok(())
}

#[async_trait]
impl Schedules for SqliteSchedules {
    async fn list(
        &self,
        page: PageRequest<ScheduleId>,
    ) -> Result<Page<Schedule, ScheduleId>, QueueError> {
        let limit = page.limit.clamp(1, LIST_MAX);
        let rows = sqlx::query_as::<_, ScheduleRow>(LIST)
            .bind(page.after.as_ref().map_or("", ScheduleId::as_str))
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.0.reader);
        let rows = answered(async { rows.await.map_err(unavailable) }).await?;
        let rows: Result<Vec<_>, _> = rows.into_iter().map(ScheduleRow::into_schedule).collect();
        Ok(Page::from_surplus(rows?, limit, |schedule: &Schedule| {
            schedule.spec.id.clone()
        }))
    }

    async fn apply(&self, changes: &[Change]) -> Result<(), QueueError> {
        answered(self.write(changes)).await
    }

    async fn claim_due(
        &self,
        _worker: &WorkerId,
        now: Timestamp,
        hold: Span,
        limit: usize,
    ) -> Result<Vec<ScheduleClaim>, QueueError> {
        let mut rows = answered(self.claim(now, hold, limit)).await?;
        rows.sort_by(|a, b| (a.next_run_at, &a.id).cmp(&(b.next_run_at, &b.id)));
        rows.into_iter().map(ScheduleRow::into_claim).collect()
    }

    async fn advance(&self, claim: &ScheduleClaim, to: Advance) -> Result<(), QueueError> {
        let moved = sqlx::query(ADVANCE)
            .bind(claim.schedule.spec.id.as_str())
            .bind(claim.fence)
            .bind(micros(to.next_run_at))
            .bind(to.last_run_at.map(micros))
            .execute(&self.0.writer);
        let moved = answered(async { moved.await.map_err(unavailable) }).await?;
        if moved.rows_affected() == 1 {
            Ok(())
        } else {
            Err(QueueError::LeaseLost)
        }
    }

    async fn set_cursor(&self, id: &ScheduleId, cursor: Timestamp) -> Result<(), QueueError> {
        let moved = sqlx::query("update queue_schedules set cursor = $2 where id = $1")
            .bind(id.as_str())
            .bind(micros(cursor))
            .execute(&self.0.writer);
        answered(async { moved.await.map_err(unavailable) })
            .await
            .map(|_| ())
    }
}
