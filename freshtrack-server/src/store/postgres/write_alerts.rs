//! Writing alerts and their history.

use super::{Connection, column};
use crate::store::batch::{AlertEventOut, AlertOut};
use crate::store::error::failed;
use freshtrack_core::error::StoreError;

/// Replaces alerts whose stored version is the one before. Comes before new ones: an alert that closes
/// frees its key for another.
pub(super) async fn changed(conn: &mut Connection, rows: &[AlertOut]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let done = sqlx::query(
        "UPDATE alert SET severity = v.severity, status = v.status, body = v.body,
                          version = v.version
         FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[])
              AS v (org_key, id, severity, status, body, version)
         WHERE alert.org_key = v.org_key AND alert.id = v.id AND alert.version = v.version - 1",
    )
    .bind(column(rows, |row| row.org_key))
    .bind(column(rows, |row| row.id))
    .bind(column(rows, |row| row.severity))
    .bind(column(rows, |row| row.status))
    .bind(column(rows, |row| row.body.as_str()))
    .bind(column(rows, |row| row.version))
    .execute(conn)
    .await
    .map_err(failed)?;
    if done.rows_affected() != rows.len() as u64 {
        return Err(StoreError::Conflict);
    }
    Ok(())
}

/// Inserts new alerts; the index over open ones refuses a second one of a kind.
pub(super) async fn raised(conn: &mut Connection, rows: &[AlertOut]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO alert (org_key, id, site_key, unit_key, alert_type, device_key, severity, status,
                            raised_at, body, version)
         SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bigint[], $4::bigint[], $5::text[],
                              $6::bigint[], $7::text[], $8::text[], $9::timestamptz[], $10::text[],
                              $11::bigint[])",
    )
    .bind(column(rows, |row| row.org_key))
    .bind(column(rows, |row| row.id))
    .bind(column(rows, |row| row.site_key))
    .bind(column(rows, |row| row.unit_key))
    .bind(column(rows, |row| row.alert_type))
    .bind(column(rows, |row| row.device_key))
    .bind(column(rows, |row| row.severity))
    .bind(column(rows, |row| row.status))
    .bind(column(rows, |row| row.raised_at))
    .bind(column(rows, |row| row.body.as_str()))
    .bind(column(rows, |row| row.version))
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}

/// Appends lines of alert history, in the order given.
pub(super) async fn events(
    conn: &mut Connection,
    rows: &[AlertEventOut],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let done = sqlx::query(
        "INSERT INTO alert_event (org_key, alert_key, at, kind, actor, details)
         SELECT v.org_key, a.key, v.at, v.kind, v.actor, v.details
         FROM unnest($1::bigint[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[])
              WITH ORDINALITY AS v (org_key, alert_id, at, kind, actor, details, n)
         JOIN alert a ON a.org_key = v.org_key AND a.id = v.alert_id
         ORDER BY v.n",
    )
    .bind(column(rows, |row| row.org_key))
    .bind(column(rows, |row| row.alert_id))
    .bind(column(rows, |row| row.at))
    .bind(column(rows, |row| row.kind))
    .bind(column(rows, |row| row.actor.as_str()))
    .bind(column(rows, |row| row.details.as_str()))
    .execute(conn)
    .await
    .map_err(failed)?;
    if done.rows_affected() != rows.len() as u64 {
        return Err(StoreError::Missing { what: "alert" });
    }
    Ok(())
}
