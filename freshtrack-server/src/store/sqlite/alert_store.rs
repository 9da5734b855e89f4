//! [`AlertStore`] on SQLite.

use super::SqliteStore;
use crate::store::alert_filter::{upper_bound, wanted};
use crate::store::column::At;
use crate::store::error::failed;
use crate::store::rows::{AlertEventRow, AlertRow};
use async_trait::async_trait;
use freshtrack_alerts::alert::{Alert, AlertEvent, AlertStatus, AlertType, Severity};
use freshtrack_alerts::ports::{AlertCursor, AlertFilter, AlertStore};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{AlertId, OrgId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::Timestamp;
use serde_json::json;

/// Alerts of an organization below a cursor, newest first. `$3` and `$4` are the cursor or its
/// greatest value, so that the index on (organization, time, id) gives the order.
const LIST: &str = "
    SELECT a.body FROM alert a
    WHERE a.org_key = (SELECT key FROM organization WHERE id = $1)
      AND a.raised_at >= $2 AND (a.raised_at, a.id) < ($3, $4)
      AND a.status IN (SELECT value FROM json_each($5))
      AND a.severity IN (SELECT value FROM json_each($6))
      AND a.alert_type IN (SELECT value FROM json_each($7))
      AND ($8 IS NULL OR a.site_key = (SELECT s.key FROM site s
                                       WHERE s.org_key = a.org_key AND s.id = $8))
      AND ($9 IS NULL OR a.unit_key = (SELECT u.key FROM unit u
                                       WHERE u.org_key = a.org_key AND u.id = $9))
      AND ($10 IS NULL OR a.unit_key IN (SELECT u.key FROM unit u JOIN area r ON r.key = u.area_key
                                         WHERE r.org_key = a.org_key AND r.id = $10))
    ORDER BY a.raised_at DESC, a.id DESC LIMIT $11";

#[async_trait]
impl AlertStore for SqliteStore {
    async fn find(&self, org: OrgId, id: AlertId) -> Result<Option<Alert>, StoreError> {
        let row: Option<AlertRow> = sqlx::query_as(
            "SELECT body FROM alert
             WHERE org_key = (SELECT key FROM organization WHERE id = $1) AND id = $2",
        )
        .bind(org.as_uuid())
        .bind(id.as_uuid())
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        row.map(AlertRow::into_alert).transpose()
    }

    async fn list(
        &self,
        org: OrgId,
        filter: &AlertFilter,
        page: PageRequest<AlertCursor>,
    ) -> Result<Page<Alert, AlertCursor>, StoreError> {
        let (before, before_id) = upper_bound(filter, page.after);
        let status = wanted(&filter.status, AlertStatus::ALL, AlertStatus::as_str);
        let severity = wanted(&filter.severity, Severity::ALL, Severity::as_str);
        let kinds = wanted(&filter.alert_type, AlertType::ALL, AlertType::as_str);
        let rows: Vec<AlertRow> = sqlx::query_as(LIST)
            .bind(org.as_uuid())
            .bind(At(filter.from.unwrap_or(Timestamp::MIN)))
            .bind(At(before))
            .bind(before_id)
            .bind(json!(status).to_string())
            .bind(json!(severity).to_string())
            .bind(json!(kinds).to_string())
            .bind(filter.site.map(|id| id.as_uuid()))
            .bind(filter.unit.map(|id| id.as_uuid()))
            .bind(filter.area.map(|id| id.as_uuid()))
            .bind(i64::from(page.limit) + 1)
            .fetch_all(self.reader())
            .await
            .map_err(failed)?;
        let alerts: Result<Vec<Alert>, StoreError> =
            rows.into_iter().map(AlertRow::into_alert).collect();
        Ok(Page::from_surplus(alerts?, page.limit, |alert| {
            (alert.raised_at, alert.id)
        }))
    }

    async fn history(
        &self,
        org: OrgId,
        id: AlertId,
        limit: u16,
    ) -> Result<Vec<AlertEvent>, StoreError> {
        let mut rows: Vec<AlertEventRow> = sqlx::query_as(
            "SELECT e.at, e.kind, e.actor, e.details
             FROM alert a JOIN alert_event e ON e.alert_key = a.key
             WHERE a.org_key = (SELECT key FROM organization WHERE id = $1) AND a.id = $2
             ORDER BY e.key DESC LIMIT $3",
        )
        .bind(org.as_uuid())
        .bind(id.as_uuid())
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        rows.reverse();
        rows.into_iter().map(|row| row.into_event(id)).collect()
    }
}
