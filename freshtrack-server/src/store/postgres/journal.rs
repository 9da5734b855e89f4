//! Writing audit and outbox events, and the head they are numbered by.

use super::{Connection, column};
use crate::store::chain::{Entries, Head};
use crate::store::error::failed;
use crate::store::rows::{AuditRow, OutboxRow};
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;

/// Takes the head of an organization for this transaction.
pub(super) async fn hold_head(conn: &mut Connection, org: OrgId) -> Result<Head, StoreError> {
    sqlx::query_as(
        "SELECT h.org_key, h.outbox_seq, h.audit_seq, h.audit_hash
         FROM organization o JOIN organization_head h ON h.org_key = o.key
         WHERE o.id = $1 FOR UPDATE OF h",
    )
    .bind(org.as_uuid())
    .fetch_optional(conn)
    .await
    .map_err(failed)?
    .ok_or(StoreError::Missing {
        what: "organization",
    })
}

/// Writes one change's journal under the head held.
pub(super) async fn append(
    conn: &mut Connection,
    org: OrgId,
    mut head: Head,
    journal: &Journal,
) -> Result<(), StoreError> {
    let before = head.clone();
    let mut entries = Entries::default();
    head.append(org, journal, &mut entries)?;
    write_entries(conn, &entries).await?;
    if head == before {
        return Ok(());
    }
    store_head(conn, &head).await
}

/// Moves an organization's head on.
pub(super) async fn store_head(conn: &mut Connection, head: &Head) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE organization_head SET outbox_seq = $2, audit_seq = $3, audit_hash = $4
         WHERE org_key = $1",
    )
    .bind(head.org_key)
    .bind(head.outbox_seq)
    .bind(head.audit_seq)
    .bind(&head.audit_hash)
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}

/// Inserts rows of both journals.
pub(super) async fn write_entries(
    conn: &mut Connection,
    entries: &Entries,
) -> Result<(), StoreError> {
    insert_audit(conn, &entries.audit).await?;
    insert_outbox(conn, &entries.outbox).await
}

async fn insert_audit(conn: &mut Connection, rows: &[(i64, AuditRow)]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let text = |of: fn(&AuditRow) -> &str| column(rows, |(_, row)| of(row));
    sqlx::query(
        "INSERT INTO audit_event (org_key, seq, at, actor, category, kind, severity, title, refs,
                                  data, previous_hash, hash)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[],
                              $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
                              $11::text[], $12::text[])",
    )
    .bind(column(rows, |(org_key, _)| *org_key))
    .bind(column(rows, |(_, row)| row.seq))
    .bind(column(rows, |(_, row)| row.at))
    .bind(text(|row| &row.actor))
    .bind(text(|row| &row.category))
    .bind(text(|row| &row.kind))
    .bind(text(|row| &row.severity))
    .bind(text(|row| &row.title))
    .bind(text(|row| &row.refs))
    .bind(text(|row| &row.data))
    .bind(text(|row| &row.previous_hash))
    .bind(text(|row| &row.hash))
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}

async fn insert_outbox(conn: &mut Connection, rows: &[(i64, OutboxRow)]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO outbox_event (org_key, seq, kind, occurred_at, site_id, unit_id, alert_id,
                                   user_id, payload)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[], $5::uuid[],
                              $6::uuid[], $7::uuid[], $8::uuid[], $9::text[])",
    )
    .bind(column(rows, |(org_key, _)| *org_key))
    .bind(column(rows, |(_, row)| row.seq))
    .bind(column(rows, |(_, row)| row.kind.as_str()))
    .bind(column(rows, |(_, row)| row.occurred_at))
    .bind(column(rows, |(_, row)| row.site_id))
    .bind(column(rows, |(_, row)| row.unit_id))
    .bind(column(rows, |(_, row)| row.alert_id))
    .bind(column(rows, |(_, row)| row.user_id))
    .bind(column(rows, |(_, row)| row.payload.as_str()))
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}
