//! [`ReadingStore`] on PostgreSQL.

use super::PostgresStore;
use crate::store::column::At;
use crate::store::error::failed;
use crate::store::rows::{QuarantinedRow, ReadingRow};
use crate::store::series::Window;
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::ports::{ReadingCursor, ReadingOrder, ReadingQuery, ReadingStore};
use freshtrack_core::reading::{QuarantinedReading, Reading};
use uuid::Uuid;

/// The columns of a [`ReadingRow`].
macro_rules! reading_columns {
    () => {
        "u.id AS unit_id, d.id AS device_id, r.probe, r.recorded_at, r.effective_at, r.received_at,
         r.temperature, r.raw_temperature, r.reported_unit, r.humidity_centi, r.battery_percent,
         r.battery_mv, r.rssi_dbm, r.snr_centi, r.door, r.zone, r.source, r.flags"
    };
}

/// Readings of one unit in a window, without those of the window's edge that were answered before.
macro_rules! window {
    () => {
        " FROM unit u
          JOIN reading r ON r.unit_key = u.key
          LEFT JOIN device d ON d.key = r.device_key
          WHERE u.org_key = (SELECT key FROM organization WHERE id = $1) AND u.id = $2
            AND r.recorded_at >= $3 AND r.recorded_at < $4 "
    };
}

const OLDEST_FIRST: &str = concat!(
    "SELECT ",
    reading_columns!(),
    window!(),
    "AND (r.recorded_at IS DISTINCT FROM $5 OR coalesce(d.id, '00000000-0000-0000-0000-000000000000') > $6 OR (coalesce(d.id, '00000000-0000-0000-0000-000000000000') = $6 AND r.probe > $7))
     ORDER BY r.recorded_at, coalesce(d.id, '00000000-0000-0000-0000-000000000000'), r.probe LIMIT $8"
);

const NEWEST_FIRST: &str = concat!(
    "SELECT ",
    reading_columns!(),
    window!(),
    "AND (r.recorded_at IS DISTINCT FROM $5 OR coalesce(d.id, '00000000-0000-0000-0000-000000000000') < $6 OR (coalesce(d.id, '00000000-0000-0000-0000-000000000000') = $6 AND r.probe < $7))
     ORDER BY r.recorded_at DESC, coalesce(d.id, '00000000-0000-0000-0000-000000000000') DESC, r.probe DESC LIMIT $8"
);

#[async_trait]
impl ReadingStore for PostgresStore {
    async fn list(
        &self,
        org: OrgId,
        query: ReadingQuery,
        page: PageRequest<ReadingCursor>,
    ) -> Result<Page<Reading, ReadingCursor>, StoreError> {
        let window = Window::of(&query, page.after);
        let text = match query.order {
            ReadingOrder::OldestFirst => OLDEST_FIRST,
            ReadingOrder::NewestFirst => NEWEST_FIRST,
        };
        let mut reader = self.tenant(org).await?;
        let rows: Vec<ReadingRow> = sqlx::query_as(text)
            .bind(org.as_uuid())
            .bind(query.unit.as_uuid())
            .bind(At(window.from))
            .bind(At(window.to))
            .bind(window.edge.map(|edge| At(edge.0)))
            // Nobody stands first: the nil id is below every other.
            .bind(window.device().unwrap_or_default())
            .bind(window.probe())
            .bind(i64::from(page.limit) + 1)
            .fetch_all(&mut *reader)
            .await
            .map_err(failed)?;
        let readings: Result<Vec<Reading>, StoreError> =
            rows.into_iter().map(ReadingRow::into_reading).collect();
        Ok(Page::from_surplus(readings?, page.limit, |row| {
            (row.recorded_at, row.device, row.probe)
        }))
    }

    async fn latest(&self, org: OrgId, units: &[UnitId]) -> Result<Vec<Reading>, StoreError> {
        let mut reader = self.tenant(org).await?;
        let rows: Vec<ReadingRow> = sqlx::query_as(concat!(
            "SELECT ",
            reading_columns!(),
            " FROM unit u
              CROSS JOIN LATERAL (
                  SELECT n.* FROM reading n LEFT JOIN device nd ON nd.key = n.device_key
                  WHERE n.unit_key = u.key AND n.zone IS NOT NULL AND n.temperature IS NOT NULL
                  ORDER BY n.recorded_at DESC,
                           coalesce(nd.id, '00000000-0000-0000-0000-000000000000') DESC, n.probe DESC
                  LIMIT 1) r
              LEFT JOIN device d ON d.key = r.device_key
              WHERE u.org_key = (SELECT key FROM organization WHERE id = $1)
                AND u.id = ANY($2)
              ORDER BY u.id"
        ))
        .bind(org.as_uuid())
        .bind(units.iter().map(UnitId::as_uuid).collect::<Vec<Uuid>>())
        .fetch_all(&mut *reader)
        .await
        .map_err(failed)?;
        rows.into_iter().map(ReadingRow::into_reading).collect()
    }

    async fn quarantined(
        &self,
        org: OrgId,
        unit: Option<UnitId>,
        limit: u16,
    ) -> Result<Vec<QuarantinedReading>, StoreError> {
        let mut reader = self.tenant(org).await?;
        let rows: Vec<QuarantinedRow> = sqlx::query_as(
            "SELECT u.id AS unit_id, d.id AS device_id, q.probe, q.recorded_at, q.received_at,
                    q.reason, q.raw_value
             FROM quarantined_reading q
             JOIN unit u ON u.key = q.unit_key
             LEFT JOIN device d ON d.key = q.device_key
             WHERE q.org_key = (SELECT key FROM organization WHERE id = $1)
               AND ($2 IS NULL OR u.id = $2)
             ORDER BY q.received_at DESC, q.recorded_at DESC LIMIT $3",
        )
        .bind(org.as_uuid())
        .bind(unit.map(|id| id.as_uuid()))
        .bind(i64::from(limit))
        .fetch_all(&mut *reader)
        .await
        .map_err(failed)?;
        rows.into_iter()
            .map(QuarantinedRow::into_quarantined)
            .collect()
    }
}
