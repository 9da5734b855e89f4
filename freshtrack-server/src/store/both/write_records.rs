//! Writing what people wrote down and asked for, and what units went through.

use super::{Connection, Database};
use crate::store::batch::{RecordOut, StateOut};
use crate::store::column::At;
use crate::store::error::failed;
use freshtrack_core::error::StoreError;
use sqlx::QueryBuilder;

/// Most rows of one statement.
const ROWS_PER_STATEMENT: usize = 500;

/// Inserts changes of states, in the order given.
pub(super) async fn state_changes(
    conn: &mut Connection,
    rows: &[StateOut],
) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let mut insert = QueryBuilder::<Database>::new(
            "INSERT INTO state_change (org_key, unit_key, at, body) ",
        );
        insert.push_values(rows, |mut values, row| {
            values
                .push_bind(row.org_key)
                .push_bind(row.unit_key)
                .push_bind(row.at)
                .push_bind(&row.body);
        });
        insert.build().execute(&mut *conn).await.map_err(failed)?;
    }
    Ok(())
}

/// Inserts records one by one: what people write is never much.
pub(super) async fn records(conn: &mut Connection, rows: &[RecordOut]) -> Result<(), StoreError> {
    for row in rows {
        match row {
            RecordOut::ManualLog { .. } => manual_log(conn, row).await?,
            RecordOut::CorrectiveAction { .. } => corrective_action(conn, row).await?,
            RecordOut::Suppression { org_key, row } => {
                super::suppressions::insert(conn, *org_key, row).await?;
            }
        }
    }
    Ok(())
}

async fn manual_log(conn: &mut Connection, row: &RecordOut) -> Result<(), StoreError> {
    let RecordOut::ManualLog {
        org_key,
        unit_key,
        log,
        body,
    } = row
    else {
        return Ok(());
    };
    sqlx::query(
        "INSERT INTO manual_log (org_key, id, unit_key, recorded_at, in_range, client_ref, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(org_key)
    .bind(log.id.as_uuid())
    .bind(unit_key)
    .bind(At(log.recorded_at))
    .bind(log.in_range)
    .bind(&log.client_ref)
    .bind(body)
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}

async fn corrective_action(conn: &mut Connection, row: &RecordOut) -> Result<(), StoreError> {
    let RecordOut::CorrectiveAction {
        org_key,
        unit_key,
        action,
        body,
    } = row
    else {
        return Ok(());
    };
    sqlx::query(
        "INSERT INTO corrective_action (org_key, id, unit_key, alert_key, manual_log_key,
                                        recorded_at, body)
         VALUES ($1, $2, $3, (SELECT a.key FROM alert a WHERE a.org_key = $1 AND a.id = $4),
                 (SELECT l.key FROM manual_log l WHERE l.org_key = $1 AND l.id = $5), $6, $7)",
    )
    .bind(org_key)
    .bind(action.id.as_uuid())
    .bind(unit_key)
    .bind(action.alert.map(|id| id.as_uuid()))
    .bind(action.manual_log.map(|id| id.as_uuid()))
    .bind(At(action.recorded_at))
    .bind(body)
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}
