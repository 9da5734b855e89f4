//! Writing audit and outbox events, and the head they are numbered by.

use super::{Connection, ROWS_PER_STATEMENT};
use crate::store::chain::{Entries, Head};
use crate::store::error::failed;
use crate::store::rows::{AuditRow, OutboxRow};
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use sqlx::{QueryBuilder, Sqlite};

/// Takes the head of an organization for this transaction.
pub(super) async fn hold_head(conn: &mut Connection, org: OrgId) -> Result<Head, StoreError> {
    sqlx::query_as(
        "SELECT h.org_key, h.outbox_seq, h.audit_seq, h.audit_hash
         FROM organization o JOIN organization_head h ON h.org_key = o.key
         WHERE o.id = $1",
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
    for rows in entries.audit.chunks(ROWS_PER_STATEMENT) {
        insert_audit(conn, rows).await?;
    }
    for rows in entries.outbox.chunks(ROWS_PER_STATEMENT) {
        insert_outbox(conn, rows).await?;
    }
    Ok(())
}

async fn insert_audit(conn: &mut Connection, rows: &[(i64, AuditRow)]) -> Result<(), StoreError> {
    let mut insert = QueryBuilder::<Sqlite>::new(
        "INSERT INTO audit_event (org_key, seq, at, actor, category, kind, severity, title, refs,
         data, previous_hash, hash) ",
    );
    insert.push_values(rows, |mut values, (org_key, row)| {
        values
            .push_bind(*org_key)
            .push_bind(row.seq)
            .push_bind(row.at)
            .push_bind(&row.actor)
            .push_bind(&row.category)
            .push_bind(&row.kind)
            .push_bind(&row.severity)
            .push_bind(&row.title)
            .push_bind(&row.refs)
            .push_bind(&row.data)
            .push_bind(&row.previous_hash)
            .push_bind(&row.hash);
    });
    run(conn, insert, rows.len()).await.map(|_| ())
}

async fn insert_outbox(conn: &mut Connection, rows: &[(i64, OutboxRow)]) -> Result<(), StoreError> {
    let mut insert = QueryBuilder::<Sqlite>::new(
        "INSERT INTO outbox_event (org_key, seq, kind, occurred_at, site_id, unit_id, alert_id,
         user_id, payload) ",
    );
    insert.push_values(rows, |mut values, (org_key, row)| {
        values
            .push_bind(*org_key)
            .push_bind(row.seq)
            .push_bind(&row.kind)
            .push_bind(row.occurred_at)
            .push_bind(row.site_id)
            .push_bind(row.unit_id)
            .push_bind(row.alert_id)
            .push_bind(row.user_id)
            .push_bind(&row.payload);
    });
    run(conn, insert, rows.len()).await.map(|_| ())
}

/// Runs a multi-row statement and answers how many rows it touched.
///
/// Only texts for a few rows are kept prepared: they come again with every small commit, while each of
/// the thousand longer ones would push one of those out.
pub(super) async fn run(
    conn: &mut Connection,
    mut statement: QueryBuilder<Sqlite>,
    rows: usize,
) -> Result<u64, StoreError> {
    const KEPT_PREPARED: usize = 4;
    statement
        .build()
        .persistent(rows <= KEPT_PREPARED)
        .execute(conn)
        .await
        .map(|done| done.rows_affected())
        .map_err(failed)
}
