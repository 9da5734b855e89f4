//! [`UnitHistory`] on either database.

use super::Adapter;
use crate::store::column::At;
use crate::store::error::failed;
use crate::store::rows::{DoorRow, StateRow};
use async_trait::async_trait;
use freshtrack_alerts::change::{DoorEvent, StateChange};
use freshtrack_alerts::ports::{HistoryCursor, UnitHistory};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::Timestamp;

#[async_trait]
impl UnitHistory for Adapter {
    async fn door_events(
        &self,
        org: OrgId,
        unit: UnitId,
        (from, to): (Timestamp, Timestamp),
        page: PageRequest<HistoryCursor>,
    ) -> Result<Page<DoorEvent, HistoryCursor>, StoreError> {
        let (before, before_key) = last_before(to, page.after);
        let rows: Vec<DoorRow> = sqlx::query_as(
            "SELECT e.key, d.id AS device_id, e.recorded_at, e.state, e.duration_seconds
             FROM door_event e LEFT JOIN device d ON d.key = e.device_key
             WHERE e.unit_key = (SELECT u.key FROM unit u JOIN organization o ON o.key = u.org_key
                                 WHERE o.id = $1 AND u.id = $2)
               AND e.recorded_at >= $3 AND (e.recorded_at, e.key) < ($4, $5)
             ORDER BY e.recorded_at DESC, e.key DESC LIMIT $6",
        )
        .bind(org.as_uuid())
        .bind(unit.as_uuid())
        .bind(At(from))
        .bind(At(before))
        .bind(before_key)
        .bind(i64::from(page.limit) + 1)
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        let page = Page::from_surplus(rows, page.limit, |row| (row.recorded_at.0, row.key));
        let items: Result<Vec<DoorEvent>, StoreError> = page
            .items
            .into_iter()
            .map(|row| row.into_event(unit))
            .collect();
        Ok(Page {
            items: items?,
            next: page.next,
        })
    }

    async fn state_changes(
        &self,
        org: OrgId,
        unit: UnitId,
        (from, to): (Timestamp, Timestamp),
        page: PageRequest<HistoryCursor>,
    ) -> Result<Page<StateChange, HistoryCursor>, StoreError> {
        let (before, before_key) = last_before(to, page.after);
        let rows: Vec<StateRow> = sqlx::query_as(
            "SELECT key, at, body FROM state_change
             WHERE unit_key = (SELECT u.key FROM unit u JOIN organization o ON o.key = u.org_key
                               WHERE o.id = $1 AND u.id = $2)
               AND at >= $3 AND (at, key) < ($4, $5)
             ORDER BY at DESC, key DESC LIMIT $6",
        )
        .bind(org.as_uuid())
        .bind(unit.as_uuid())
        .bind(At(from))
        .bind(At(before))
        .bind(before_key)
        .bind(i64::from(page.limit) + 1)
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        let page = Page::from_surplus(rows, page.limit, |row| (row.at.0, row.key));
        let items: Result<Vec<StateChange>, StoreError> = page
            .items
            .into_iter()
            .map(|row| row.body.into_record("state_change"))
            .collect();
        Ok(Page {
            items: items?,
            next: page.next,
        })
    }
}

/// The sort key below which rows are wanted: the window's end or the cursor, whichever is earlier.
fn last_before(to: Timestamp, after: Option<HistoryCursor>) -> HistoryCursor {
    let end = (to, i64::MIN);
    after.map_or(end, |after| after.min(end))
}
