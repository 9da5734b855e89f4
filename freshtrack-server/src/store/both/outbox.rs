//! [`Outbox`] on either database.

use super::{Adapter, finish};
use crate::store::column::At;
use crate::store::error::failed;
use crate::store::rows::OutboxRow;
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::event::OutboxEvent;
use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::Outbox;
use freshtrack_core::time::Timestamp;
use uuid::Uuid;

#[async_trait]
impl Outbox for Adapter {
    async fn since(
        &self,
        org: OrgId,
        after: i64,
        limit: u16,
    ) -> Result<Vec<OutboxEvent>, StoreError> {
        let rows: Vec<OutboxRow> = sqlx::query_as(
            "SELECT seq, kind, occurred_at, site_id, unit_id, alert_id, user_id, payload
             FROM outbox_event
             WHERE org_key = (SELECT key FROM organization WHERE id = $1) AND seq > $2
             ORDER BY seq LIMIT $3",
        )
        .bind(org.as_uuid())
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        rows.into_iter().map(|row| row.into_event(org)).collect()
    }

    async fn bounds(&self, org: OrgId) -> Result<(i64, i64), StoreError> {
        let bounds: Option<(i64, i64)> = sqlx::query_as(
            "SELECT h.outbox_seq,
                    coalesce((SELECT e.seq FROM outbox_event e WHERE e.org_key = h.org_key
                              ORDER BY e.seq LIMIT 1), h.outbox_seq + 1)
             FROM organization o JOIN organization_head h ON h.org_key = o.key
             WHERE o.id = $1",
        )
        .bind(org.as_uuid())
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        Ok(bounds.unwrap_or((0, 1)))
    }

    async fn heads(&self) -> Result<Vec<(OrgId, i64)>, StoreError> {
        let heads: Vec<(Uuid, i64)> = sqlx::query_as(
            "SELECT o.id, h.outbox_seq
             FROM organization_head h JOIN organization o ON o.key = h.org_key
             WHERE h.outbox_seq > 0 ORDER BY o.id",
        )
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        Ok(heads
            .into_iter()
            .map(|(id, seq)| (id.into(), seq))
            .collect())
    }

    /// Removes from the old end only, up to the first event that is young enough: what is kept must
    /// have no gap, though times need not be in order.
    async fn prune(&self, before: Timestamp, keep: u32, limit: u32) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let removed = sqlx::query(
            "DELETE FROM outbox_event WHERE (org_key, seq) IN (
                 SELECT e.org_key, e.seq
                 FROM organization_head h JOIN outbox_event e ON e.org_key = h.org_key
                 WHERE e.seq <= h.outbox_seq - $2
                   AND e.seq < coalesce(
                       (SELECT y.seq FROM outbox_event y
                        WHERE y.org_key = h.org_key AND y.occurred_at >= $1
                        ORDER BY y.seq LIMIT 1),
                       h.outbox_seq + 1)
                 ORDER BY e.org_key, e.seq LIMIT $3)",
        )
        .bind(At(before))
        .bind(i64::from(keep))
        .bind(i64::from(limit))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        finish(tx).await?;
        Ok(removed.rows_affected())
    }
}
