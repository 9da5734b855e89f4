//! The network's [`Inbox`] and the server's [`InboxQueue`] on SQLite.

use super::journal::run;
use super::{Connection as Session, ROWS_PER_STATEMENT, SqliteStore, finish};
use crate::store::column::{At, to_json};
use crate::store::error::failed;
use crate::store::ports::{InboxQueue, PendingEvent, QuarantinedEvent, event_id};
use crate::store::rows::{PendingRow, QuarantinedEventRow, identity};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{LnsEventId, OrgId};
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_ttn::canonical::QuarantineReason;
use freshtrack_ttn::key::RepeatGuard;
use freshtrack_ttn::ports::{Inbox, InboxEntry, InboxError, Stored};
use sqlx::{QueryBuilder, Sqlite};

#[async_trait]
impl Inbox for SqliteStore {
    async fn store(&self, org: OrgId, entry: &InboxEntry) -> Result<Stored, InboxError> {
        store(self, org, entry)
            .await
            .map_err(|cause| InboxError::Unavailable(cause.into()))
    }
}

async fn store(store: &SqliteStore, org: OrgId, entry: &InboxEntry) -> Result<Stored, StoreError> {
    let mut tx = store.begin().await?;
    let connection: Option<(i64, i64)> = sqlx::query_as(
        "SELECT c.key, c.org_key FROM ttn_connection c JOIN organization o ON o.key = c.org_key
         WHERE c.id = $1 AND o.id = $2",
    )
    .bind(entry.connection.as_str())
    .bind(org.as_uuid())
    .fetch_optional(&mut *tx)
    .await
    .map_err(failed)?;
    let connection = connection.ok_or(StoreError::Missing { what: "connection" })?;
    if let Some(guard) = &entry.guard
        && is_repeat(&mut tx, connection.1, guard).await?
    {
        return Ok(Stored::Duplicate);
    }
    let new = insert(&mut tx, connection, entry).await?;
    finish(tx).await?;
    Ok(if new { Stored::New } else { Stored::Duplicate })
}

/// Whether the same uplink came before under another key.
async fn is_repeat(
    conn: &mut Session,
    org_key: i64,
    guard: &RepeatGuard,
) -> Result<bool, StoreError> {
    let window = RepeatGuard::WINDOW.as_micros().saturating_mul(1_000);
    sqlx::query(
        "SELECT 1 FROM lns_inbox
         WHERE guard_digest = $1 AND guard_nanos BETWEEN $2 AND $3 AND org_key = $4 LIMIT 1",
    )
    .bind(guard.digest.as_bytes().as_slice())
    .bind(guard.time.as_nanos().saturating_sub(window))
    .bind(guard.time.as_nanos().saturating_add(window))
    .bind(org_key)
    .fetch_optional(conn)
    .await
    .map(|found| found.is_some())
    .map_err(failed)
}

async fn insert(
    conn: &mut Session,
    (connection_key, org_key): (i64, i64),
    entry: &InboxEntry,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO lns_inbox (org_key, id, connection_key, event_key, guard_digest, guard_nanos,
                                network, kind, device, route, hint, arrived_at, body, status, reason,
                                attempts, next_attempt_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, $12)
         ON CONFLICT (org_key, id) DO NOTHING",
    )
    .bind(org_key)
    .bind(event_id(&entry.key).as_uuid())
    .bind(connection_key)
    .bind(entry.key.as_bytes().as_slice())
    .bind(entry.guard.map(|guard| guard.digest.as_bytes().to_vec()))
    .bind(entry.guard.map(|guard| guard.time.as_nanos()))
    .bind(to_json(&entry.network)?)
    .bind(to_json(&entry.kind)?)
    .bind(identity(&entry.device)?)
    .bind(entry.route.replace('\0', "\u{fffd}"))
    .bind(identity(&entry.hint)?)
    .bind(At(entry.arrived_at))
    .bind(entry.body.as_slice())
    .bind(if entry.quarantine.is_some() { "quarantined" } else { "received" })
    .bind(entry.quarantine.map(QuarantineReason::as_str))
    .execute(conn)
    .await
    .map_err(failed)?;
    Ok(done.rows_affected() > 0)
}

/// Takes what is free, in order of arrival.
const CLAIM: &str = "
    UPDATE lns_inbox SET attempts = attempts + 1, next_attempt_at = $2
    WHERE key IN (SELECT e.key FROM lns_inbox e
                  WHERE e.status = 'received' AND e.next_attempt_at <= $1
                  ORDER BY e.key LIMIT $3)
    RETURNING key, id, (SELECT o.id FROM organization o WHERE o.key = lns_inbox.org_key) AS org_id,
              (SELECT c.id FROM ttn_connection c WHERE c.key = lns_inbox.connection_key)
                  AS connection_id,
              event_key, guard_digest, guard_nanos, network, kind, device, route, hint, arrived_at,
              body, attempts";

#[async_trait]
impl InboxQueue for SqliteStore {
    async fn claim(
        &self,
        now: Timestamp,
        lease: Span,
        limit: u16,
    ) -> Result<Vec<PendingEvent>, StoreError> {
        let mut tx = self.begin().await?;
        let mut rows: Vec<PendingRow> = sqlx::query_as(CLAIM)
            .bind(At(now))
            .bind(At(now + lease))
            .bind(i64::from(limit))
            .fetch_all(&mut *tx)
            .await
            .map_err(failed)?;
        finish(tx).await?;
        // What is returned by an update has no order of its own.
        rows.sort_unstable_by_key(|row| row.key);
        rows.into_iter().map(PendingRow::into_pending).collect()
    }

    async fn postpone(&self, org: OrgId, id: LnsEventId, at: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "UPDATE lns_inbox SET next_attempt_at = $3
             WHERE org_key = (SELECT key FROM organization WHERE id = $1) AND id = $2
               AND status = 'received'",
        )
        .bind(org.as_uuid())
        .bind(id.as_uuid())
        .bind(At(at))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        finish(tx).await
    }

    async fn quarantine(
        &self,
        org: OrgId,
        id: LnsEventId,
        reason: QuarantineReason,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "UPDATE lns_inbox SET status = 'quarantined', reason = $3
             WHERE org_key = (SELECT key FROM organization WHERE id = $1) AND id = $2
               AND status = 'received'",
        )
        .bind(org.as_uuid())
        .bind(id.as_uuid())
        .bind(reason.as_str())
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        finish(tx).await
    }

    async fn quarantined(
        &self,
        org: OrgId,
        limit: u16,
    ) -> Result<Vec<QuarantinedEvent>, StoreError> {
        let rows: Vec<QuarantinedEventRow> = sqlx::query_as(
            "SELECT e.id, c.id AS connection_id, e.arrived_at, e.reason
             FROM lns_inbox e JOIN ttn_connection c ON c.key = e.connection_key
             WHERE e.org_key = (SELECT key FROM organization WHERE id = $1)
               AND e.status = 'quarantined'
             ORDER BY e.key DESC LIMIT $2",
        )
        .bind(org.as_uuid())
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        rows.into_iter()
            .map(QuarantinedEventRow::into_event)
            .collect()
    }
}

/// Marks messages as done with, in the transaction of their readings.
pub(super) async fn consume(
    conn: &mut Session,
    consumed: &[(i64, uuid::Uuid)],
) -> Result<(), StoreError> {
    for rows in consumed.chunks(ROWS_PER_STATEMENT) {
        let mut update = QueryBuilder::<Sqlite>::new("WITH v (org_key, id) AS (");
        update.push_values(rows, |mut values, (org_key, id)| {
            values.push_bind(*org_key).push_bind(*id);
        });
        update.push(
            ") UPDATE lns_inbox SET status = 'processed', reason = NULL
             FROM v WHERE lns_inbox.org_key = v.org_key AND lns_inbox.id = v.id
               AND lns_inbox.status = 'received'",
        );
        run(conn, update, rows.len()).await?;
    }
    Ok(())
}
