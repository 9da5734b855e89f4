//! Readings, accepted and put aside.

use super::codes;
use crate::store::column::{At, narrow, parse};
use crate::store::error::corrupt;
use freshtrack_alerts::change::Stored;
use freshtrack_core::error::StoreError;
use freshtrack_core::reading::{QuarantinedReading, Reading};
use freshtrack_core::temperature::Temperature;
use sqlx::FromRow;
use uuid::Uuid;

/// A row of `reading` with the ids of its unit and device.
#[derive(FromRow)]
pub(crate) struct ReadingRow {
    unit_id: Uuid,
    device_id: Option<Uuid>,
    probe: i16,
    recorded_at: At,
    effective_at: At,
    received_at: At,
    temperature: Option<i32>,
    raw_temperature: Option<i32>,
    reported_unit: i16,
    humidity_centi: Option<i32>,
    battery_percent: Option<i16>,
    battery_mv: Option<i32>,
    rssi_dbm: Option<i16>,
    snr_centi: Option<i32>,
    door: Option<i16>,
    zone: Option<i16>,
    source: i16,
    flags: i16,
}

const TABLE: &str = "reading";

/// Reads an optional code back.
fn code<T>(
    column: &str,
    value: Option<i16>,
    of: impl Fn(i16) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    value
        .map(|value| of(value).ok_or_else(|| corrupt(TABLE, column)))
        .transpose()
}

impl ReadingRow {
    pub(crate) fn into_reading(self) -> Result<Reading, StoreError> {
        Ok(Reading {
            unit: self.unit_id.into(),
            device: self.device_id.map(Into::into),
            probe: narrow(TABLE, "probe", self.probe)?,
            recorded_at: self.recorded_at.0,
            effective_at: self.effective_at.0,
            received_at: self.received_at.0,
            temperature: self.temperature.map(Temperature::from_milli_celsius),
            raw_temperature: self.raw_temperature.map(Temperature::from_milli_celsius),
            reported_unit: codes::scale_of(self.reported_unit)
                .ok_or_else(|| corrupt(TABLE, "reported_unit"))?,
            humidity_centi: self.humidity_centi,
            battery_percent: self
                .battery_percent
                .map(|percent| narrow(TABLE, "battery_percent", percent))
                .transpose()?,
            battery_mv: self
                .battery_mv
                .map(|mv| narrow(TABLE, "battery_mv", mv))
                .transpose()?,
            rssi_dbm: self.rssi_dbm,
            snr_centi: self.snr_centi,
            door: code("door", self.door, codes::door_of)?,
            zone: code("zone", self.zone, codes::zone_of)?,
            source: codes::source_of(self.source).ok_or_else(|| corrupt(TABLE, "source"))?,
            flags: codes::flags_of(self.flags),
        })
    }
}

/// A row of `quarantined_reading` with the ids of its unit and device.
#[derive(FromRow)]
pub(crate) struct QuarantinedRow {
    unit_id: Uuid,
    device_id: Option<Uuid>,
    probe: i16,
    recorded_at: At,
    received_at: At,
    reason: String,
    raw_value: String,
}

impl QuarantinedRow {
    pub(crate) fn into_quarantined(self) -> Result<QuarantinedReading, StoreError> {
        Ok(QuarantinedReading {
            unit: self.unit_id.into(),
            device: self.device_id.map(Into::into),
            probe: narrow("quarantined_reading", "probe", self.probe)?,
            recorded_at: self.recorded_at.0,
            received_at: self.received_at.0,
            reason: parse("quarantined_reading", "reason", &self.reason)?,
            raw_value: self.raw_value,
        })
    }
}

/// What is stored under the key at `position` of a list of keys.
#[derive(FromRow)]
pub(crate) struct StoredRow {
    pub(crate) position: i64,
    quarantined: bool,
    temperature: Option<i32>,
    raw_temperature: Option<i32>,
}

impl From<StoredRow> for Stored {
    fn from(row: StoredRow) -> Self {
        if row.quarantined {
            Self::Quarantined
        } else {
            // The raw value is kept only where the calibration changed it.
            let raw = row.raw_temperature.or(row.temperature);
            Self::Accepted(raw.map(Temperature::from_milli_celsius))
        }
    }
}
