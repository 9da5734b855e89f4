//! [`AuditHeads`] on either database.

use super::{Adapter, WriteTx, finish};
use crate::store::column::{At, from_json, to_json};
use crate::store::error::failed;
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::evidence::merkle::empty_root;
use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::{AuditHeads, HeadKey, SignedHead};
use freshtrack_core::time::Timestamp;
use uuid::Uuid;

fn size_of(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

fn head(body: &str) -> Result<SignedHead, StoreError> {
    from_json("audit_head", "body", body)
}

#[async_trait]
impl AuditHeads for Adapter {
    async fn heads(
        &self,
        org: OrgId,
        after: u64,
        limit: u16,
    ) -> Result<Vec<SignedHead>, StoreError> {
        let bodies: Vec<String> = sqlx::query_scalar(
            "SELECT body FROM audit_head
             WHERE org_key = (SELECT key FROM organization WHERE id = $1) AND size > $2
             ORDER BY size LIMIT $3",
        )
        .bind(org.as_uuid())
        .bind(size_of(after))
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        bodies.iter().map(|body| head(body)).collect()
    }

    async fn newest_head(&self, org: OrgId) -> Result<Option<SignedHead>, StoreError> {
        let body: Option<String> = sqlx::query_scalar(
            "SELECT body FROM audit_head
             WHERE org_key = (SELECT key FROM organization WHERE id = $1)
             ORDER BY size DESC LIMIT 1",
        )
        .bind(org.as_uuid())
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        body.as_deref().map(head).transpose()
    }

    async fn heads_due(&self, before: Timestamp, limit: u16) -> Result<Vec<OrgId>, StoreError> {
        let due: Vec<Uuid> = sqlx::query_scalar(
            "SELECT o.id
             FROM organization_head h
             JOIN organization o ON o.key = h.org_key
             LEFT JOIN audit_head a ON a.org_key = h.org_key
                  AND a.size = (SELECT max(b.size) FROM audit_head b WHERE b.org_key = h.org_key)
             WHERE h.audit_seq > coalesce(a.size, 0) AND (a.made_at IS NULL OR a.made_at < $1)
             ORDER BY o.id LIMIT $2",
        )
        .bind(At(before))
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        Ok(due.into_iter().map(OrgId::from).collect())
    }

    async fn record_head(
        &self,
        org: OrgId,
        head: SignedHead,
        key: HeadKey,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let org_key = must_follow(&mut tx, org, &head).await?;
        sqlx::query(
            "INSERT INTO audit_key (key_id, public_key, first_used_at) VALUES ($1, $2, $3)
             ON CONFLICT (key_id) DO NOTHING",
        )
        .bind(&key.key_id)
        .bind(&key.public_key)
        .bind(At(key.first_used_at))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        sqlx::query(
            "INSERT INTO audit_head (org_key, size, made_at, body) VALUES ($1, $2, $3, $4)",
        )
        .bind(org_key)
        .bind(size_of(head.head.size))
        .bind(At(head.head.time))
        .bind(to_json(&head)?)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        finish(tx).await
    }

    async fn head_keys(&self) -> Result<Vec<HeadKey>, StoreError> {
        let keys: Vec<(String, String, At)> = sqlx::query_as(
            "SELECT key_id, public_key, first_used_at FROM audit_key
             ORDER BY first_used_at, key_id",
        )
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        let key = |(key_id, public_key, first_used_at): (String, String, At)| HeadKey {
            key_id,
            public_key,
            first_used_at: first_used_at.0,
        };
        Ok(keys.into_iter().map(key).collect())
    }
}

/// Holds the organization's head row and refuses a tree head that does not follow the newest one.
async fn must_follow(tx: &mut WriteTx, org: OrgId, new: &SignedHead) -> Result<i64, StoreError> {
    let org_key: Option<i64> = sqlx::query_scalar(concat!(
        "SELECT h.org_key FROM organization_head h JOIN organization o ON o.key = h.org_key
         WHERE o.id = $1",
        row_lock!("h")
    ))
    .bind(org.as_uuid())
    .fetch_optional(&mut **tx)
    .await
    .map_err(failed)?;
    let org_key = org_key.ok_or(StoreError::Missing {
        what: "organization",
    })?;
    let newest: Option<String> = sqlx::query_scalar(
        "SELECT body FROM audit_head WHERE org_key = $1 ORDER BY size DESC LIMIT 1",
    )
    .bind(org_key)
    .fetch_optional(&mut **tx)
    .await
    .map_err(failed)?;
    let (size, root) = match newest {
        Some(body) => {
            let newest = head(&body)?.head;
            (newest.size, newest.root)
        }
        None => (0, empty_root()),
    };
    let follows =
        new.head.size > size && new.head.previous_size == size && new.head.previous_root == root;
    if follows {
        Ok(org_key)
    } else {
        Err(StoreError::Conflict)
    }
}
