//! One durable write for any number of changes.

use super::{
    Adapter, Connection, WriteTx, finish, inbox, incident_store, journal, lookup, write_alerts,
    write_readings, write_records,
};
use crate::store::batch::Batch;
use crate::store::error::failed;
use crate::store::keys::{Keys, Named};
use freshtrack_alerts::change::Change;
use freshtrack_core::error::StoreError;

/// Applies the changes in one transaction and answers each.
///
/// First all together, one statement per table. Only if that meets a conflict is it taken back and
/// each change tried by itself, so that one does not spoil the others.
pub(super) async fn commit(
    store: &Adapter,
    changes: &[Change],
) -> Result<Vec<Result<(), StoreError>>, StoreError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let mut tx = store.begin().await?;
    let mut keys = lookup::keys(&mut tx, &Named::of(changes)).await?;
    let results = match try_all(&mut tx, changes, &mut keys).await? {
        Some(results) => results,
        None => one_by_one(&mut tx, changes, &mut keys).await?,
    };
    for head in keys.heads.values() {
        journal::store_head(&mut tx, head).await?;
    }
    finish(tx).await?;
    Ok(results)
}

/// Applies all changes that name nothing unknown as one batch; nothing if they conflict.
async fn try_all(
    tx: &mut WriteTx,
    changes: &[Change],
    keys: &mut Keys,
) -> Result<Option<Vec<Result<(), StoreError>>>, StoreError> {
    let mut batch = Batch::default();
    let mut results = Vec::with_capacity(changes.len());
    for change in changes {
        let checked = keys.check(change);
        if checked.is_ok() {
            batch.add(change, keys)?;
        }
        results.push(checked);
    }
    Ok(apply(tx, batch, keys).await?.is_ok().then_some(results))
}

async fn one_by_one(
    tx: &mut WriteTx,
    changes: &[Change],
    keys: &mut Keys,
) -> Result<Vec<Result<(), StoreError>>, StoreError> {
    let mut results = Vec::with_capacity(changes.len());
    for change in changes {
        results.push(match keys.check(change) {
            Ok(()) => {
                let mut batch = Batch::default();
                batch.add(change, keys)?;
                apply(tx, batch, keys).await?
            }
            Err(refused) => Err(refused),
        });
    }
    Ok(results)
}

/// Writes a batch inside a savepoint and moves the heads on, or takes it back.
///
/// # Errors
/// The outer one if the database did not answer, the inner one if the batch is refused.
async fn apply(
    tx: &mut WriteTx,
    mut batch: Batch,
    keys: &mut Keys,
) -> Result<Result<(), StoreError>, StoreError> {
    batch.sort_readings();
    statement(tx, "SAVEPOINT change").await?;
    match write(tx, &batch).await {
        Ok(()) => {
            statement(tx, "RELEASE change").await?;
            keys.heads.extend(batch.heads);
            Ok(Ok(()))
        }
        Err(refused @ (StoreError::Conflict | StoreError::Missing { .. })) => {
            statement(tx, "ROLLBACK TO change").await?;
            statement(tx, "RELEASE change").await?;
            Ok(Err(refused))
        }
        Err(error) => Err(error),
    }
}

async fn statement(tx: &mut WriteTx, text: &'static str) -> Result<(), StoreError> {
    sqlx::query(text)
        .execute(&mut **tx)
        .await
        .map(|_| ())
        .map_err(failed)
}

/// Table by table; versions first, since they refuse most of what is to be refused.
async fn write(conn: &mut Connection, batch: &Batch) -> Result<(), StoreError> {
    write_readings::monitors(conn, &batch.monitors).await?;
    incident_store::write(conn, batch).await?;
    write_readings::refuse_known(conn, batch).await?;
    write_readings::readings(conn, &batch.readings).await?;
    write_readings::quarantined(conn, &batch.quarantined).await?;
    write_readings::doors(conn, &batch.doors).await?;
    write_readings::seen(conn, &batch.seen).await?;
    write_alerts::changed(conn, &batch.alerts_changed).await?;
    write_alerts::raised(conn, &batch.alerts_raised).await?;
    write_alerts::events(conn, &batch.alert_events).await?;
    write_records::state_changes(conn, &batch.state_changes).await?;
    write_records::records(conn, &batch.records).await?;
    inbox::consume(conn, &batch.consumed).await?;
    journal::write_entries(conn, &batch.entries).await
}
