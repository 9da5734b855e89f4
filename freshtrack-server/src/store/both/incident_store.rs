//! [`IncidentStore`] on either database, and the incidents' part of a commit.

use super::{Adapter, Connection};
use crate::store::batch::{Batch, OutagesOut};
use crate::store::column::{At, from_json};
use crate::store::error::failed;
use async_trait::async_trait;
use freshtrack_alerts::incident::Incident;
use freshtrack_alerts::ports::{IncidentCursor, IncidentFilter, IncidentStore};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{IncidentId, OrgId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::Timestamp;
use uuid::Uuid;

/// Incidents of an organization below a cursor, newest first. `$2` is 0 for all, 1 for open ones, 2 for
/// closed ones; `$4` and `$5` are the cursor or its greatest value.
const LIST: &str = "
    SELECT i.body FROM incident i
    WHERE i.org_key = (SELECT key FROM organization WHERE id = $1)
      AND ($2 = 0 OR ($2 = 1 AND i.closed_at IS NULL) OR ($2 = 2 AND i.closed_at IS NOT NULL))
      AND ($3 IS NULL OR i.site_key = (SELECT s.key FROM site s
                                       WHERE s.org_key = i.org_key AND s.id = $3))
      AND (i.opened_at, i.id) < ($4, $5)
    ORDER BY i.opened_at DESC, i.id DESC LIMIT $6";

#[async_trait]
impl IncidentStore for Adapter {
    async fn find(&self, org: OrgId, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        let body: Option<String> = sqlx::query_scalar(
            "SELECT body FROM incident
             WHERE org_key = (SELECT key FROM organization WHERE id = $1) AND id = $2",
        )
        .bind(org.as_uuid())
        .bind(id.as_uuid())
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        body.map(|body| incident(&body)).transpose()
    }

    async fn list(
        &self,
        org: OrgId,
        filter: &IncidentFilter,
        page: PageRequest<IncidentCursor>,
    ) -> Result<Page<Incident, IncidentCursor>, StoreError> {
        let (before, before_id) = page
            .after
            .map_or((Timestamp::MAX, Uuid::max()), |(at, id)| (at, id.as_uuid()));
        let state: i64 = match filter.open {
            None => 0,
            Some(true) => 1,
            Some(false) => 2,
        };
        let bodies: Vec<String> = sqlx::query_scalar(LIST)
            .bind(org.as_uuid())
            .bind(state)
            .bind(filter.site.map(|id| id.as_uuid()))
            .bind(At(before))
            .bind(before_id)
            .bind(i64::from(page.limit) + 1)
            .fetch_all(self.reader())
            .await
            .map_err(failed)?;
        let rows: Result<Vec<Incident>, StoreError> =
            bodies.iter().map(|body| incident(body)).collect();
        Ok(Page::from_surplus(rows?, page.limit, |row| {
            (row.opened_at, row.id)
        }))
    }
}

fn incident(body: &str) -> Result<Incident, StoreError> {
    from_json("incident", "body", body)
}

/// Writes silences and incidents, each from the version it was loaded with, and wakes the units they
/// concern.
pub(super) async fn write(conn: &mut Connection, batch: &Batch) -> Result<(), StoreError> {
    for row in &batch.outages {
        outages(conn, row).await?;
        for incident in &row.incidents {
            sqlx::query(
                "INSERT INTO incident (org_key, id, site_key, opened_at, closed_at, body)
                 VALUES ($1, $2, (SELECT key FROM site WHERE org_key = $1 AND id = $3), $4, $5, $6)
                 ON CONFLICT (org_key, id)
                 DO UPDATE SET closed_at = excluded.closed_at, body = excluded.body",
            )
            .bind(row.org_key)
            .bind(incident.id)
            .bind(incident.site)
            .bind(incident.opened_at)
            .bind(incident.closed_at)
            .bind(&incident.body)
            .execute(&mut *conn)
            .await
            .map_err(failed)?;
        }
    }
    for (org_key, unit, at) in &batch.wake {
        sqlx::query(
            "UPDATE unit_monitor SET version = version + 1,
                    next_deadline = CASE WHEN next_deadline < $3 THEN next_deadline ELSE $3 END
             WHERE unit_key = (SELECT key FROM unit WHERE org_key = $1 AND id = $2)",
        )
        .bind(org_key)
        .bind(unit)
        .bind(at)
        .execute(&mut *conn)
        .await
        .map_err(failed)?;
    }
    Ok(())
}

async fn outages(conn: &mut Connection, row: &OutagesOut) -> Result<(), StoreError> {
    let text = if row.expected == 0 {
        "INSERT INTO outages (org_key, body, version) VALUES ($1, $2, $3 + 1)
         ON CONFLICT (org_key) DO NOTHING"
    } else {
        "UPDATE outages SET body = $2, version = version + 1 WHERE org_key = $1 AND version = $3"
    };
    let done = sqlx::query(text)
        .bind(row.org_key)
        .bind(&row.body)
        .bind(row.expected)
        .execute(conn)
        .await
        .map_err(failed)?;
    if done.rows_affected() == 0 {
        return Err(StoreError::Conflict);
    }
    Ok(())
}
