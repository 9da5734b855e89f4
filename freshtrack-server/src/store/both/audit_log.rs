//! [`AuditLog`] on either database.

use super::Adapter;
use crate::store::column::{At, to_json};
use crate::store::error::failed;
use crate::store::rows::AuditRow;
use async_trait::async_trait;
use freshtrack_core::audit::{AuditCategory, AuditEvent, AuditSeverity, CHAIN_START};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::ports::{AuditLog, AuditQuery, AuditRange};
use freshtrack_core::time::Timestamp;
use uuid::Uuid;

/// Events that match, newest first; a part of the query that is NULL holds of every event.
const SEARCH: &str = concat!(
    "SELECT seq, at, actor, category, kind, severity, title, refs, data, previous_hash, hash
     FROM audit_event
     WHERE org_key = (SELECT key FROM organization WHERE id = $1) AND seq < $2
       AND ($3 IS NULL OR actor = $3) AND ($4 IS NULL OR category = $4)
       AND ($5 IS NULL OR severity = $5) AND ($6 IS NULL OR kind = $6)
       AND ($7 IS NULL OR ",
    member!("refs", "unit"),
    " = $7) AND ($8 IS NULL OR ",
    member!("refs", "device"),
    " = $8) AND ($9 IS NULL OR ",
    member!("refs", "alert"),
    " = $9)
       AND at >= $10 AND at < $11
     ORDER BY seq DESC LIMIT $12"
);

#[async_trait]
impl AuditLog for Adapter {
    async fn list(&self, org: OrgId, range: AuditRange) -> Result<Vec<AuditEvent>, StoreError> {
        let mut reader = self.tenant(org).await?;
        let rows: Vec<AuditRow> = sqlx::query_as(
            "SELECT seq, at, actor, category, kind, severity, title, refs, data, previous_hash, hash
             FROM audit_event
             WHERE org_key = (SELECT key FROM organization WHERE id = $1) AND seq >= $2
             ORDER BY seq LIMIT $3",
        )
        .bind(org.as_uuid())
        .bind(range.from)
        .bind(i64::from(range.limit))
        .fetch_all(&mut *reader)
        .await
        .map_err(failed)?;
        rows.into_iter().map(|row| row.into_event(org)).collect()
    }

    async fn search(
        &self,
        org: OrgId,
        query: &AuditQuery,
        page: PageRequest<i64>,
    ) -> Result<Page<AuditEvent, i64>, StoreError> {
        let actor = query.actor.as_ref().map(to_json).transpose()?;
        let mut reader = self.tenant(org).await?;
        let rows: Vec<AuditRow> = sqlx::query_as(SEARCH)
            .bind(org.as_uuid())
            .bind(page.after.unwrap_or(i64::MAX))
            .bind(actor)
            .bind(query.category.map(AuditCategory::as_str))
            .bind(query.severity.map(AuditSeverity::as_str))
            .bind(query.kind.as_deref())
            .bind(query.unit.map(|id| id.to_string()))
            .bind(query.device.map(|id| id.to_string()))
            .bind(query.alert.map(|id| id.to_string()))
            .bind(At(query.from.unwrap_or(Timestamp::MIN)))
            .bind(At(query.to.unwrap_or(Timestamp::MAX)))
            .bind(i64::from(page.limit) + 1)
            .fetch_all(&mut *reader)
            .await
            .map_err(failed)?;
        let events: Result<Vec<AuditEvent>, StoreError> =
            rows.into_iter().map(|row| row.into_event(org)).collect();
        Ok(Page::from_surplus(events?, page.limit, |event| event.seq))
    }

    async fn chains(&self) -> Result<Vec<OrgId>, StoreError> {
        let chains: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM organization ORDER BY id")
            .fetch_all(self.reader())
            .await
            .map_err(failed)?;
        Ok(chains.into_iter().map(OrgId::from).collect())
    }

    async fn head(&self, org: OrgId) -> Result<(i64, String), StoreError> {
        let recorded: Option<(i64, String)> = sqlx::query_as(
            "SELECT h.audit_seq, h.audit_hash
             FROM organization_head h JOIN organization o ON o.key = h.org_key WHERE o.id = $1",
        )
        .bind(org.as_uuid())
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        Ok(recorded.unwrap_or_else(|| (0, CHAIN_START.to_owned())))
    }
}
