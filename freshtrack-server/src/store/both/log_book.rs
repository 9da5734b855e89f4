//! [`LogBook`] on either database.

use super::Adapter;
use crate::store::alert_filter::bound;
use crate::store::column::At;
use crate::store::error::failed;
use crate::store::rows::BodyRow;
use async_trait::async_trait;
use freshtrack_alerts::log_book::{CorrectiveAction, ManualLog};
use freshtrack_alerts::ports::{ActionCursor, ActionFilter, LogBook, LogCursor, LogFilter};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{CorrectiveActionId, ManualLogId, OrgId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::Timestamp;

const LOG: &str = "manual_log";
const ACTION: &str = "corrective_action";

#[async_trait]
impl LogBook for Adapter {
    async fn find_log(&self, org: OrgId, id: ManualLogId) -> Result<Option<ManualLog>, StoreError> {
        let row: Option<BodyRow> = sqlx::query_as(
            "SELECT body FROM manual_log
             WHERE org_key = (SELECT key FROM organization WHERE id = $1) AND id = $2",
        )
        .bind(org.as_uuid())
        .bind(id.as_uuid())
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        row.map(|row| row.into_record(LOG)).transpose()
    }

    async fn find_log_by_ref(
        &self,
        org: OrgId,
        client_ref: &str,
    ) -> Result<Option<ManualLog>, StoreError> {
        let row: Option<BodyRow> = sqlx::query_as(
            "SELECT body FROM manual_log
             WHERE org_key = (SELECT key FROM organization WHERE id = $1) AND client_ref = $2",
        )
        .bind(org.as_uuid())
        .bind(client_ref)
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        row.map(|row| row.into_record(LOG)).transpose()
    }

    async fn logs(
        &self,
        org: OrgId,
        filter: &LogFilter,
        page: PageRequest<LogCursor>,
    ) -> Result<Page<ManualLog, LogCursor>, StoreError> {
        let after = page.after.map(|(at, id)| (at, id.as_uuid()));
        let (before, before_id) = bound(filter.to, after);
        let rows: Vec<BodyRow> = sqlx::query_as(
            "SELECT l.body FROM manual_log l JOIN unit u ON u.key = l.unit_key
             WHERE l.org_key = (SELECT key FROM organization WHERE id = $1)
               AND l.recorded_at >= $2 AND (l.recorded_at, l.id) < ($3, $4)
               AND ($5 IS NULL OR u.site_key = (SELECT s.key FROM site s
                                                WHERE s.org_key = l.org_key AND s.id = $5))
               AND ($6 IS NULL OR u.id = $6) AND ($7 IS NULL OR l.in_range = $7)
             ORDER BY l.recorded_at DESC, l.id DESC LIMIT $8",
        )
        .bind(org.as_uuid())
        .bind(At(filter.from.unwrap_or(Timestamp::MIN)))
        .bind(At(before))
        .bind(before_id)
        .bind(filter.site.map(|id| id.as_uuid()))
        .bind(filter.unit.map(|id| id.as_uuid()))
        .bind(filter.in_range)
        .bind(i64::from(page.limit) + 1)
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        let logs: Result<Vec<ManualLog>, StoreError> =
            rows.into_iter().map(|row| row.into_record(LOG)).collect();
        Ok(Page::from_surplus(logs?, page.limit, |log| {
            (log.recorded_at, log.id)
        }))
    }

    async fn find_action(
        &self,
        org: OrgId,
        id: CorrectiveActionId,
    ) -> Result<Option<CorrectiveAction>, StoreError> {
        let row: Option<BodyRow> = sqlx::query_as(
            "SELECT body FROM corrective_action
             WHERE org_key = (SELECT key FROM organization WHERE id = $1) AND id = $2",
        )
        .bind(org.as_uuid())
        .bind(id.as_uuid())
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        row.map(|row| row.into_record(ACTION)).transpose()
    }

    async fn actions(
        &self,
        org: OrgId,
        filter: &ActionFilter,
        page: PageRequest<ActionCursor>,
    ) -> Result<Page<CorrectiveAction, ActionCursor>, StoreError> {
        let after = page.after.map(|(at, id)| (at, id.as_uuid()));
        let (before, before_id) = bound(filter.to, after);
        let rows: Vec<BodyRow> = sqlx::query_as(
            "SELECT c.body FROM corrective_action c
             WHERE c.org_key = (SELECT key FROM organization WHERE id = $1)
               AND c.recorded_at >= $2 AND (c.recorded_at, c.id) < ($3, $4)
               AND ($5 IS NULL OR c.unit_key = (SELECT u.key FROM unit u
                                                WHERE u.org_key = c.org_key AND u.id = $5))
               AND ($6 IS NULL OR c.alert_key = (SELECT a.key FROM alert a
                                                 WHERE a.org_key = c.org_key AND a.id = $6))
               AND ($7 IS NULL OR c.manual_log_key = (SELECT l.key FROM manual_log l
                                                      WHERE l.org_key = c.org_key AND l.id = $7))
             ORDER BY c.recorded_at DESC, c.id DESC LIMIT $8",
        )
        .bind(org.as_uuid())
        .bind(At(filter.from.unwrap_or(Timestamp::MIN)))
        .bind(At(before))
        .bind(before_id)
        .bind(filter.unit.map(|id| id.as_uuid()))
        .bind(filter.alert.map(|id| id.as_uuid()))
        .bind(filter.manual_log.map(|id| id.as_uuid()))
        .bind(i64::from(page.limit) + 1)
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        let actions: Result<Vec<CorrectiveAction>, StoreError> = rows
            .into_iter()
            .map(|row| row.into_record(ACTION))
            .collect();
        Ok(Page::from_surplus(actions?, page.limit, |action| {
            (action.recorded_at, action.id)
        }))
    }
}
