//! Writing unit states, readings and what came with them.

use super::{Connection, column};
use crate::store::batch::{
    Batch, DoorOut, MonitorOut, QuarantinedOut, ReadingOut, SeenOut, SeriesKey,
};
use crate::store::column::At;
use crate::store::error::failed;
use freshtrack_core::error::StoreError;
use std::collections::BTreeMap;

/// Replaces unit states whose version is the expected one.
pub(super) async fn monitors(conn: &mut Connection, rows: &[MonitorOut]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let done = sqlx::query(
        "UPDATE unit_monitor SET body = v.body, status = v.status, next_deadline = v.next_deadline,
                                 stored_until = v.stored_until, version = unit_monitor.version + 1
         FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::timestamptz[],
                     $6::timestamptz[])
              AS v (unit_key, expected, body, status, next_deadline, stored_until)
         WHERE unit_monitor.unit_key = v.unit_key AND unit_monitor.version = v.expected",
    )
    .bind(column(rows, |row| row.unit_key))
    .bind(column(rows, |row| row.expected))
    .bind(column(rows, |row| row.body.as_str()))
    .bind(column(rows, |row| row.status))
    .bind(column(rows, |row| row.next_deadline))
    .bind(column(rows, |row| row.stored_until))
    .execute(conn)
    .await
    .map_err(failed)?;
    if done.rows_affected() != rows.len() as u64 {
        return Err(StoreError::Conflict);
    }
    Ok(())
}

/// Refuses a reading where a value was put aside, and the other way round. Two of a kind are refused
/// by their index.
pub(super) async fn refuse_known(conn: &mut Connection, batch: &Batch) -> Result<(), StoreError> {
    let Some((first, last)) = batch.reading_window() else {
        return Ok(());
    };
    let units: Vec<i64> = batch.reading_units().into_iter().collect();
    let mut taken = series_keys(
        conn,
        "SELECT unit_key, recorded_at, device_key, probe FROM quarantined_reading
         WHERE unit_key = ANY($1) AND recorded_at BETWEEN $2 AND $3",
        &units,
        (first, last),
    )
    .await?;
    for row in &batch.quarantined {
        let at = row.key.recorded_at;
        taken.extend(
            series_keys(
                conn,
                "SELECT unit_key, recorded_at, device_key, probe FROM reading
                 WHERE unit_key = ANY($1) AND recorded_at BETWEEN $2 AND $3",
                &[row.key.unit_key],
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
    units: &[i64],
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
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO reading (unit_key, recorded_at, device_key, probe, org_key, effective_at,
                              received_at, temperature, raw_temperature, reported_unit,
                              humidity_centi, battery_percent, battery_mv, rssi_dbm, snr_centi, door,
                              zone, source, flags)
         SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::bigint[], $4::smallint[],
                              $5::bigint[], $6::timestamptz[], $7::timestamptz[], $8::integer[],
                              $9::integer[], $10::smallint[], $11::integer[], $12::smallint[],
                              $13::integer[], $14::smallint[], $15::integer[], $16::smallint[],
                              $17::smallint[], $18::smallint[], $19::smallint[])",
    )
    .bind(column(rows, |row| row.key.unit_key))
    .bind(column(rows, |row| row.key.recorded_at))
    .bind(column(rows, |row| row.key.device_key))
    .bind(column(rows, |row| row.key.probe))
    .bind(column(rows, |row| row.org_key))
    .bind(column(rows, |row| row.effective_at))
    .bind(column(rows, |row| row.received_at))
    .bind(column(rows, |row| row.temperature))
    .bind(column(rows, |row| row.raw_temperature))
    .bind(column(rows, |row| row.reported_unit))
    .bind(column(rows, |row| row.humidity_centi))
    .bind(column(rows, |row| row.battery_percent))
    .bind(column(rows, |row| row.battery_mv))
    .bind(column(rows, |row| row.rssi_dbm))
    .bind(column(rows, |row| row.snr_centi))
    .bind(column(rows, |row| row.door))
    .bind(column(rows, |row| row.zone))
    .bind(column(rows, |row| row.source))
    .bind(column(rows, |row| row.flags))
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}

/// Inserts values put aside.
pub(super) async fn quarantined(
    conn: &mut Connection,
    rows: &[QuarantinedOut],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO quarantined_reading (unit_key, recorded_at, device_key, probe, org_key,
                                          received_at, reason, raw_value)
         SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::bigint[], $4::smallint[],
                              $5::bigint[], $6::timestamptz[], $7::text[], $8::text[])",
    )
    .bind(column(rows, |row| row.key.unit_key))
    .bind(column(rows, |row| row.key.recorded_at))
    .bind(column(rows, |row| row.key.device_key))
    .bind(column(rows, |row| row.key.probe))
    .bind(column(rows, |row| row.org_key))
    .bind(column(rows, |row| row.received_at))
    .bind(column(rows, |row| row.reason))
    .bind(column(rows, |row| row.raw_value.as_str()))
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}

/// Inserts door events.
pub(super) async fn doors(conn: &mut Connection, rows: &[DoorOut]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO door_event (org_key, unit_key, device_key, recorded_at, state,
                                 duration_seconds)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::text[],
                              $6::bigint[])",
    )
    .bind(column(rows, |row| row.org_key))
    .bind(column(rows, |row| row.unit_key))
    .bind(column(rows, |row| row.device_key))
    .bind(column(rows, |row| row.recorded_at))
    .bind(column(rows, |row| row.state))
    .bind(column(rows, |row| row.duration_seconds))
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}

/// Keeps the latest a device told about itself; an older uplink changes nothing, and a value it does
/// not carry stays.
pub(super) async fn seen(
    conn: &mut Connection,
    rows: &BTreeMap<i64, SeenOut>,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows: Vec<&SeenOut> = rows.values().collect();
    sqlx::query(
        "UPDATE device SET last_seen_at = v.at,
                battery_percent = coalesce(v.battery_percent, device.battery_percent),
                battery_mv = coalesce(v.battery_mv, device.battery_mv),
                rssi_dbm = coalesce(v.rssi_dbm, device.rssi_dbm)
         FROM unnest($1::bigint[], $2::timestamptz[], $3::smallint[], $4::integer[], $5::smallint[])
              AS v (device_key, at, battery_percent, battery_mv, rssi_dbm)
         WHERE device.key = v.device_key
           AND (device.last_seen_at IS NULL OR device.last_seen_at <= v.at)",
    )
    .bind(column(&rows, |row| row.device_key))
    .bind(column(&rows, |row| row.at))
    .bind(column(&rows, |row| row.battery_percent))
    .bind(column(&rows, |row| row.battery_mv))
    .bind(column(&rows, |row| row.rssi_dbm))
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}
