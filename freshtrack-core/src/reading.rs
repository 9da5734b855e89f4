//! Readings: what a sensor said about a unit, and what became of it.

use crate::ids::{DeviceId, ReadingId, UnitId};
use crate::temperature::{Temperature, TemperatureUnit};
use crate::time::Timestamp;
use crate::wire_enum;
use serde::{Deserialize, Serialize};

wire_enum! {
    /// Where a reading came from.
    ReadingSource {
        /// A LoRaWAN network.
        Ttn = "ttn",
        /// The bulk endpoint.
        Api = "api",
        /// History brought over from elsewhere; stored, never evaluated.
        Import = "import",
        /// A simulator; evaluated only where the organization opted in.
        Simulator = "simulator",
    }
}

wire_enum! {
    /// State of a unit's door.
    DoorState {
        /// Open.
        Open = "open",
        /// Closed.
        Closed = "closed",
        /// Not known.
        Unknown = "unknown",
    }
}

wire_enum! {
    /// Where a temperature stands against the limits.
    Zone {
        /// Inside both limits by the hysteresis.
        In = "in",
        /// Neither in nor out.
        Margin = "margin",
        /// Violates a limit.
        Out = "out",
    }
}

wire_enum! {
    /// Why a reading was put aside: kept as evidence, changing no temperature state.
    QuarantineReason {
        /// Dated more than five minutes ahead.
        ClockAhead = "clock_ahead",
        /// Outside −100…150 °C or beyond 32 bits.
        Implausible = "implausible",
        /// A value by which this model says "no probe".
        Sentinel = "sentinel",
        /// The payload could not be decoded.
        DecoderError = "decoder_error",
    }
}

wire_enum! {
    /// Why a reading was refused.
    RejectReason {
        /// No such unit in this organization.
        UnknownUnit = "unknown_unit",
        /// No such device in this organization.
        UnknownDevice = "unknown_device",
        /// The device is assigned to another unit.
        DeviceUnitMismatch = "device_unit_mismatch",
        /// The device is assigned to no unit.
        UnassignedDevice = "unassigned_device",
        /// A required field is missing or cannot be read.
        InvalidField = "invalid_field",
        /// Older than the record is kept.
        TooOld = "too_old",
    }
}

/// What the store keeps beside a reading's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReadingFlags {
    /// Older than the newest evaluated one: changes the record, never the live state.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
    /// Dated ahead of the server's clock and evaluated as of its arrival.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clock_ahead: bool,
    /// Made by a simulator.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
}

/// An accepted reading, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The unit it is of.
    pub unit: UnitId,
    /// The device that took it, if known.
    pub device: Option<DeviceId>,
    /// Which probe of the device; 0 is the one that drives the unit.
    pub probe: u8,
    /// When it was taken, by the sender.
    pub recorded_at: Timestamp,
    /// When it counts: `min(recorded_at, arrival)`.
    pub effective_at: Timestamp,
    /// When it arrived.
    pub received_at: Timestamp,
    /// Corrected temperature; evaluated.
    pub temperature: Option<Temperature>,
    /// Temperature before the calibration offset; kept only where it differs.
    pub raw_temperature: Option<Temperature>,
    /// Scale the sender used.
    pub reported_unit: TemperatureUnit,
    /// Relative humidity in hundredths of a percent, 0–10 000.
    pub humidity_centi: Option<i32>,
    /// Battery in percent, 0–100.
    pub battery_percent: Option<u8>,
    /// Battery in millivolts, 0–10 000.
    pub battery_mv: Option<u16>,
    /// Signal strength in dBm, −150…0.
    pub rssi_dbm: Option<i16>,
    /// Signal to noise ratio in hundredths of a dB.
    pub snr_centi: Option<i32>,
    /// Door state, when the reading carries one.
    pub door: Option<DoorState>,
    /// Where it stood against the limits of its time; nothing for what was not evaluated.
    pub zone: Option<Zone>,
    /// Where it came from.
    pub source: ReadingSource,
    /// Late, clock ahead, simulated.
    pub flags: ReadingFlags,
}

impl Reading {
    /// The reading's id, derived from what it is a reading of.
    #[must_use]
    pub fn id(&self) -> ReadingId {
        ReadingId::derive(
            self.unit,
            self.device,
            self.probe,
            self.recorded_at.as_micros(),
        )
    }

    /// The reading's identity.
    #[must_use]
    pub const fn key(&self) -> ReadingKey {
        ReadingKey {
            unit: self.unit,
            device: self.device,
            probe: self.probe,
            recorded_at: self.recorded_at,
        }
    }
}

/// Identity of a reading: two with the same key are the same reading, and the first value wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadingKey {
    /// The unit.
    pub unit: UnitId,
    /// The device, or nobody.
    pub device: Option<DeviceId>,
    /// Which probe of the device.
    pub probe: u8,
    /// When it was taken.
    pub recorded_at: Timestamp,
}

impl ReadingKey {
    /// The id of the reading with this key.
    #[must_use]
    pub fn id(&self) -> ReadingId {
        ReadingId::derive(
            self.unit,
            self.device,
            self.probe,
            self.recorded_at.as_micros(),
        )
    }
}

/// A value put aside: evidence, but neither state nor check-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedReading {
    /// The unit it claims to be of.
    pub unit: UnitId,
    /// The device that sent it.
    pub device: Option<DeviceId>,
    /// Which probe of the device.
    pub probe: u8,
    /// When it claims to have been taken.
    pub recorded_at: Timestamp,
    /// When it arrived.
    pub received_at: Timestamp,
    /// Why it was put aside.
    pub reason: QuarantineReason,
    /// The value as it was written, at most 64 characters.
    pub raw_value: String,
}

/// Plausible temperatures of food storage, inclusive: −100…150 °C.
pub const PLAUSIBLE: std::ops::RangeInclusive<Temperature> =
    Temperature::from_milli_celsius(-100_000)..=Temperature::from_milli_celsius(150_000);
