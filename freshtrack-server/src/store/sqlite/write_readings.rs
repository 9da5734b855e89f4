//! Writing unit states, readings and what came with them.

use super::journal::run;
use super::{Connection, ROWS_PER_STATEMENT};
use crate::store::batch::{
    Batch, DoorOut, MonitorOut, QuarantinedOut, ReadingOut, SeenOut, SeriesKey,
};
use crate::store::column::At;
use crate::store::error::failed;
use freshtrack_core::error::StoreError;
use serde_json::json;
use sqlx::{QueryBuilder, Sqlite};
use std::collections::BTreeMap;

/// Replaces unit states whose version is the expected one.
pub(super) async fn monitors(conn: &mut Connection, rows: &[MonitorOut]) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let mut update = QueryBuilder::<Sqlite>::new(
            "WITH v (unit_key, expected, body, status, next_deadline, stored_until) AS (",
        );
        update.push_values(rows, |mut values, row| {
            values
                .push_bind(row.unit_key)
                .push_bind(row.expected)
                .push_bind(&row.body)
                .push_bind(row.status)
                .push_bind(row.next_deadline)
                .push_bind(row.stored_until);
        });
        update.push(
            ") UPDATE unit_monitor SET body = v.body, status = v.status,
               next_deadline = v.next_deadline, stored_until = v.stored_until,
               version = unit_monitor.version + 1
             FROM v WHERE unit_monitor.unit_key = v.unit_key AND unit_monitor.version = v.expected",
        );
        if run(conn, update, rows.len()).await? != rows.len() as u64 {
            return Err(StoreError::Conflict);
        }
    }
    Ok(())
}

/// Refuses a reading where a value was put aside, and the other way round. Two of a kind are refused
/// by their index.
pub(super) async fn refuse_known(conn: &mut Connection, batch: &Batch) -> Result<(), StoreError> {
    let Some((first, last)) = batch.reading_window() else {
        return Ok(());
    };
    let units = json!(batch.reading_units()).to_string();
    let mut taken = series_keys(
        conn,
        "SELECT unit_key, recorded_at, device_key, probe FROM quarantined_reading
         WHERE unit_key IN (SELECT value FROM json_each($1)) AND recorded_at BETWEEN $2 AND $3",
        &units,
        (first, last),
    )
    .await?;
    for row in &batch.quarantined {
        let at = row.key.recorded_at;
        let unit = json!([row.key.unit_key]).to_string();
        taken.extend(
            series_keys(
                conn,
                "SELECT unit_key, recorded_at, device_key, probe FROM reading
                 WHERE unit_key IN (SELECT value FROM json_each($1))
                   AND recorded_at BETWEEN $2 AND $3",
                &unit,
                (at, at),
            )
            .await?,
        );
    }
    if batch.collides(taken) {
        return Err(StoreError::Conflict);
    }
    Ok(())
}

async fn series_keys(
    conn: &mut Connection,
    text: &'static str,
    units: &str,
    (first, last): (At, At),
) -> Result<Vec<SeriesKey>, StoreError> {
    let found: Vec<(i64, At, i64, i16)> = sqlx::query_as(text)
        .bind(units)
        .bind(first)
        .bind(last)
        .fetch_all(conn)
        .await
        .map_err(failed)?;
    let key = |(unit_key, recorded_at, device_key, probe)| SeriesKey {
        unit_key,
        recorded_at,
        device_key,
        probe,
    };
    Ok(found.into_iter().map(key).collect())
}

/// Inserts accepted readings.
pub(super) async fn readings(conn: &mut Connection, rows: &[ReadingOut]) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO reading (unit_key, recorded_at, device_key, probe, org_key, effective_at,
             received_at, temperature, raw_temperature, reported_unit, humidity_centi,
             battery_percent, battery_mv, rssi_dbm, snr_centi, door, zone, source, flags) ",
        );
        insert.push_values(rows, |mut values, row| {
            values
                .push_bind(row.key.unit_key)
                .push_bind(row.key.recorded_at)
                .push_bind(row.key.device_key)
                .push_bind(row.key.probe)
                .push_bind(row.org_key)
                .push_bind(row.effective_at)
                .push_bind(row.received_at)
                .push_bind(row.temperature)
                .push_bind(row.raw_temperature)
                .push_bind(row.reported_unit)
                .push_bind(row.humidity_centi)
                .push_bind(row.battery_percent)
                .push_bind(row.battery_mv)
                .push_bind(row.rssi_dbm)
                .push_bind(row.snr_centi)
                .push_bind(row.door)
                .push_bind(row.zone)
                .push_bind(row.source)
                .push_bind(row.flags);
        });
        run(conn, insert, rows.len()).await?;
    }
    Ok(())
}

/// Inserts values put aside.
pub(super) async fn quarantined(
    conn: &mut Connection,
    rows: &[QuarantinedOut],
) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO quarantined_reading (unit_key, recorded_at, device_key, probe, org_key,
             received_at, reason, raw_value) ",
        );
        insert.push_values(rows, |mut values, row| {
            values
                .push_bind(row.key.unit_key)
                .push_bind(row.key.recorded_at)
                .push_bind(row.key.device_key)
                .push_bind(row.key.probe)
                .push_bind(row.org_key)
                .push_bind(row.received_at)
                .push_bind(row.reason)
                .push_bind(&row.raw_value);
        });
        run(conn, insert, rows.len()).await?;
    }
    Ok(())
}

/// Inserts door events.
pub(super) async fn doors(conn: &mut Connection, rows: &[DoorOut]) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO door_event (org_key, unit_key, device_key, recorded_at, state,
             duration_seconds) ",
        );
        insert.push_values(rows, |mut values, row| {
            values
                .push_bind(row.org_key)
                .push_bind(row.unit_key)
                .push_bind(row.device_key)
                .push_bind(row.recorded_at)
                .push_bind(row.state)
                .push_bind(row.duration_seconds);
        });
        run(conn, insert, rows.len()).await?;
    }
    Ok(())
}

/// Keeps the latest a device told about itself; an older uplink changes nothing, and a value it does
/// not carry stays.
pub(super) async fn seen(
    conn: &mut Connection,
    rows: &BTreeMap<i64, SeenOut>,
) -> Result<(), StoreError> {
    let rows: Vec<&SeenOut> = rows.values().collect();
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let mut update = QueryBuilder::<Sqlite>::new(
            "WITH v (device_key, at, battery_percent, battery_mv, rssi_dbm) AS (",
        );
        update.push_values(rows, |mut values, row| {
            values
                .push_bind(row.device_key)
                .push_bind(row.at)
                .push_bind(row.battery_percent)
                .push_bind(row.battery_mv)
                .push_bind(row.rssi_dbm);
        });
        update.push(
            ") UPDATE device SET last_seen_at = v.at,
               battery_percent = coalesce(v.battery_percent, device.battery_percent),
               battery_mv = coalesce(v.battery_mv, device.battery_mv),
               rssi_dbm = coalesce(v.rssi_dbm, device.rssi_dbm)
             FROM v WHERE device.key = v.device_key
               AND (device.last_seen_at IS NULL OR device.last_seen_at <= v.at)",
        );
        run(conn, update, rows.len()).await?;
    }
    Ok(())
}
