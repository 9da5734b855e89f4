//! Sensors.

use super::StampColumns;
use crate::store::column::{At, from_json, narrow, parse};
use freshtrack_core::device::Device;
use freshtrack_core::error::StoreError;
use freshtrack_core::temperature::TemperatureDelta;
use sqlx::FromRow;
use uuid::Uuid;

/// A row of `device` with its unit's id.
#[derive(FromRow)]
pub(crate) struct DeviceRow {
    id: Uuid,
    dev_eui: Option<String>,
    name: String,
    kind: String,
    transport: String,
    model: Option<String>,
    unit_id: Option<Uuid>,
    is_primary: bool,
    uplink_interval_seconds: Option<i32>,
    battery_low_mv: i32,
    sentinel_temperatures: String,
    temperature_offset: i32,
    calibration_due_at: Option<At>,
    last_seen_at: Option<At>,
    created_at: At,
    updated_at: At,
    version: i64,
    #[sqlx(flatten)]
    stamp: StampColumns,
}

impl DeviceRow {
    pub(crate) fn into_device(self) -> Result<Device, StoreError> {
        Ok(Device {
            id: self.id.into(),
            dev_eui: self.dev_eui,
            name: self.name,
            kind: parse("device", "kind", &self.kind)?,
            transport: parse("device", "transport", &self.transport)?,
            model: self.model,
            unit_id: self.unit_id.map(Into::into),
            is_primary: self.is_primary,
            uplink_interval_seconds: self
                .uplink_interval_seconds
                .map(|seconds| narrow("device", "uplink_interval_seconds", seconds))
                .transpose()?,
            battery_low_mv: narrow("device", "battery_low_mv", self.battery_low_mv)?,
            sentinel_temperatures: from_json(
                "device",
                "sentinel_temperatures",
                &self.sentinel_temperatures,
            )?,
            temperature_offset: TemperatureDelta::from_milli_celsius(self.temperature_offset),
            calibration_due_at: self.calibration_due_at.map(|at| at.0),
            last_seen_at: self.last_seen_at.map(|at| at.0),
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
            version: self.version,
            archived: self.stamp.into_archived(),
        })
    }
}
