//! Writing alerts and their history.

use super::journal::run;
use super::{Connection, ROWS_PER_STATEMENT};
use crate::store::batch::{AlertEventOut, AlertOut};
use freshtrack_core::error::StoreError;
use sqlx::{QueryBuilder, Sqlite};

/// Replaces alerts whose stored version is the one before. Comes before new ones: an alert that closes
/// frees its key for another.
pub(super) async fn changed(conn: &mut Connection, rows: &[AlertOut]) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let mut update = QueryBuilder::<Sqlite>::new(
            "WITH v (org_key, id, severity, status, body, version) AS (",
        );
        update.push_values(rows, |mut values, row| {
            values
                .push_bind(row.org_key)
                .push_bind(row.id)
                .push_bind(row.severity)
                .push_bind(row.status)
                .push_bind(&row.body)
                .push_bind(row.version);
        });
        update.push(
            ") UPDATE alert SET severity = v.severity, status = v.status, body = v.body,
               version = v.version
             FROM v WHERE alert.org_key = v.org_key AND alert.id = v.id
               AND alert.version = v.version - 1",
        );
        if run(conn, update, rows.len()).await? != rows.len() as u64 {
            return Err(StoreError::Conflict);
        }
    }
    Ok(())
}

/// Inserts new alerts; the index over open ones refuses a second one of a kind.
pub(super) async fn raised(conn: &mut Connection, rows: &[AlertOut]) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO alert (org_key, id, site_key, unit_key, alert_type, device_key, severity,
             status, raised_at, body, version) ",
        );
        insert.push_values(rows, |mut values, row| {
            values
                .push_bind(row.org_key)
                .push_bind(row.id)
                .push_bind(row.site_key)
                .push_bind(row.unit_key)
                .push_bind(row.alert_type)
                .push_bind(row.device_key)
                .push_bind(row.severity)
                .push_bind(row.status)
                .push_bind(row.raised_at)
                .push_bind(&row.body)
                .push_bind(row.version);
        });
        run(conn, insert, rows.len()).await?;
    }
    Ok(())
}

/// Appends lines of alert history, in the order given.
pub(super) async fn events(
    conn: &mut Connection,
    rows: &[AlertEventOut],
) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let mut insert = QueryBuilder::<Sqlite>::new(
            "WITH v (position, org_key, alert_id, at, kind, actor, details) AS (",
        );
        insert.push_values(rows.iter().zip(0_i64..), |mut values, (row, position)| {
            values
                .push_bind(position)
                .push_bind(row.org_key)
                .push_bind(row.alert_id)
                .push_bind(row.at)
                .push_bind(row.kind)
                .push_bind(&row.actor)
                .push_bind(&row.details);
        });
        insert.push(
            ") INSERT INTO alert_event (org_key, alert_key, at, kind, actor, details)
             SELECT v.org_key, a.key, v.at, v.kind, v.actor, v.details
             FROM v CROSS JOIN alert a ON a.org_key = v.org_key AND a.id = v.alert_id
             ORDER BY v.position",
        );
        if run(conn, insert, rows.len()).await? != rows.len() as u64 {
            return Err(StoreError::Missing { what: "alert" });
        }
    }
    Ok(())
}
