//! [`ApiKeys`] on either database.

use super::{Adapter, Connection, finish, journal};
use crate::store::column::{At, to_json};
use crate::store::error::{failed, inserted};
use crate::store::rows::ApiKeyRow;
use async_trait::async_trait;
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{ApiKeyId, OrgId};
use freshtrack_core::ports::ApiKeys;
use freshtrack_core::principal::ApiKey;
use freshtrack_core::time::Timestamp;

const UNKNOWN: StoreError = StoreError::Missing { what: "api_key" };

#[async_trait]
impl ApiKeys for Adapter {
    async fn create(&self, org: OrgId, key: ApiKey, journal: Journal) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        insert(&mut tx, head.org_key, &key).await?;
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await
    }

    async fn find_by_prefix(&self, prefix: &str) -> Result<Option<ApiKey>, StoreError> {
        let row: Option<ApiKeyRow> = sqlx::query_as(
            "SELECT k.id, o.id AS org_id, k.name, k.prefix, k.secret_hash, k.scopes, k.expires_at,
                    k.revoked_at, k.last_used_at, k.rotated_from, k.created_at
             FROM api_key k JOIN organization o ON o.key = k.org_key
             WHERE k.prefix = $1",
        )
        .bind(prefix)
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        row.map(ApiKeyRow::into_api_key).transpose()
    }

    async fn list(&self, org: OrgId, limit: u16) -> Result<Vec<ApiKey>, StoreError> {
        let rows: Vec<ApiKeyRow> = sqlx::query_as(
            "SELECT k.id, o.id AS org_id, k.name, k.prefix, k.secret_hash, k.scopes, k.expires_at,
                    k.revoked_at, k.last_used_at, k.rotated_from, k.created_at
             FROM organization o JOIN api_key k ON k.org_key = o.key
             WHERE o.id = $1 ORDER BY k.id LIMIT $2",
        )
        .bind(org.as_uuid())
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        rows.into_iter().map(ApiKeyRow::into_api_key).collect()
    }

    async fn revoke(
        &self,
        org: OrgId,
        id: ApiKeyId,
        now: Timestamp,
        journal: Journal,
    ) -> Result<ApiKey, StoreError> {
        let mut tx = self.begin().await?;
        let head = match journal::hold_head(&mut tx, org).await {
            Err(StoreError::Missing { .. }) => return Err(UNKNOWN),
            head => head?,
        };
        let revoked = sqlx::query(
            "UPDATE api_key SET revoked_at = $3
             WHERE org_key = $1 AND id = $2 AND revoked_at IS NULL",
        )
        .bind(head.org_key)
        .bind(id.as_uuid())
        .bind(At(now))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        let key = find(&mut tx, head.org_key, id).await?.ok_or(UNKNOWN)?;
        if revoked.rows_affected() > 0 {
            journal::append(&mut tx, org, head, &journal).await?;
            finish(tx).await?;
        }
        Ok(key)
    }

    async fn supersede(
        &self,
        org: OrgId,
        id: ApiKeyId,
        mut successor: ApiKey,
        until: Timestamp,
        journal: Journal,
    ) -> Result<ApiKey, StoreError> {
        let mut tx = self.begin().await?;
        let head = match journal::hold_head(&mut tx, org).await {
            Err(StoreError::Missing { .. }) => return Err(UNKNOWN),
            head => head?,
        };
        let mut old = find(&mut tx, head.org_key, id).await?.ok_or(UNKNOWN)?;
        let now = successor.created_at;
        if old.revoked_at.is_some() || old.expires_at.is_some_and(|at| at <= now) {
            return Err(StoreError::Refused { rule: "key_ended" });
        }
        let ends = old.expires_at.map_or(until, |at| at.min(until));
        sqlx::query("UPDATE api_key SET expires_at = $3 WHERE org_key = $1 AND id = $2")
            .bind(head.org_key)
            .bind(id.as_uuid())
            .bind(At(ends))
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        successor.rotated_from = Some(id);
        insert(&mut tx, head.org_key, &successor).await?;
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await?;
        old.expires_at = Some(ends);
        Ok(old)
    }

    async fn touch(&self, org: OrgId, id: ApiKeyId, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let touched = sqlx::query(
            "UPDATE api_key
             SET last_used_at = CASE WHEN last_used_at > $3 THEN last_used_at ELSE $3 END
             WHERE org_key = (SELECT key FROM organization WHERE id = $1) AND id = $2",
        )
        .bind(org.as_uuid())
        .bind(id.as_uuid())
        .bind(At(now))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        finish(tx).await?;
        if touched.rows_affected() == 0 {
            return Err(UNKNOWN);
        }
        Ok(())
    }
}

async fn find(
    conn: &mut Connection,
    org_key: i64,
    id: ApiKeyId,
) -> Result<Option<ApiKey>, StoreError> {
    let row: Option<ApiKeyRow> = sqlx::query_as(
        "SELECT k.id, o.id AS org_id, k.name, k.prefix, k.secret_hash, k.scopes, k.expires_at,
                k.revoked_at, k.last_used_at, k.rotated_from, k.created_at
         FROM api_key k JOIN organization o ON o.key = k.org_key
         WHERE k.org_key = $1 AND k.id = $2",
    )
    .bind(org_key)
    .bind(id.as_uuid())
    .fetch_optional(conn)
    .await
    .map_err(failed)?;
    row.map(ApiKeyRow::into_api_key).transpose()
}

/// Stores a key for the organization.
pub(super) async fn insert(
    conn: &mut Connection,
    org_key: i64,
    key: &ApiKey,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "INSERT INTO api_key (org_key, id, name, prefix, secret_hash, scopes, expires_at, revoked_at,
                              last_used_at, rotated_from, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (prefix) DO NOTHING",
    )
    .bind(org_key)
    .bind(key.id.as_uuid())
    .bind(&key.name)
    .bind(&key.prefix)
    .bind(key.secret_hash.as_slice())
    .bind(to_json(&key.scopes)?)
    .bind(key.expires_at.map(At))
    .bind(key.revoked_at.map(At))
    .bind(key.last_used_at.map(At))
    .bind(key.rotated_from.map(|id| id.as_uuid()))
    .bind(At(key.created_at))
    .execute(conn)
    .await
    .map_err(failed)?;
    inserted(done.rows_affected(), "prefix")
}
