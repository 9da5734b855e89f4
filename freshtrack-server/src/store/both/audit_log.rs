//! [`AuditLog`] on either database.

use super::Adapter;
use crate::store::error::failed;
use crate::store::rows::AuditRow;
use async_trait::async_trait;
use freshtrack_core::audit::{AuditEvent, CHAIN_START};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::{AuditLog, AuditRange};

#[async_trait]
impl AuditLog for Adapter {
    async fn list(&self, org: OrgId, range: AuditRange) -> Result<Vec<AuditEvent>, StoreError> {
        let rows: Vec<AuditRow> = sqlx::query_as(
            "SELECT seq, at, actor, category, kind, severity, title, refs, data, previous_hash, hash
             FROM audit_event
             WHERE org_key = (SELECT key FROM organization WHERE id = $1) AND seq >= $2
             ORDER BY seq LIMIT $3",
        )
        .bind(org.as_uuid())
        .bind(range.from)
        .bind(i64::from(range.limit))
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        rows.into_iter().map(|row| row.into_event(org)).collect()
    }

    async fn head(&self, org: OrgId) -> Result<(i64, String), StoreError> {
        let newest: Option<(i64, String)> = sqlx::query_as(
            "SELECT seq, hash FROM audit_event
             WHERE org_key = (SELECT key FROM organization WHERE id = $1)
             ORDER BY seq DESC LIMIT 1",
        )
        .bind(org.as_uuid())
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        Ok(newest.unwrap_or_else(|| (0, CHAIN_START.to_owned())))
    }
}
