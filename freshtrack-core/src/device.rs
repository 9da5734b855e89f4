//! Sensors.

use crate::hierarchy::Archived;
use crate::ids::{DeviceId, UnitId};
use crate::temperature::{Temperature, TemperatureDelta};
use crate::time::Timestamp;
use crate::wire_enum;
use serde::{Deserialize, Serialize};

wire_enum! {
    /// What a device measures.
    DeviceKind {
        /// Temperature, perhaps humidity.
        Temperature = "temperature",
        /// Whether a door is open.
        Door = "door",
        /// Both.
        Combo = "combo",
    }
}

wire_enum! {
    /// How a device reaches us.
    Transport {
        /// LoRaWAN.
        Lora = "lora",
        /// Bluetooth Low Energy.
        Ble = "ble",
        /// Wi-Fi.
        Wifi = "wifi",
        /// Some program posts its readings.
        Api = "api",
    }
}

/// A sensor of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Id.
    pub id: DeviceId,
    /// `LoRaWAN` identity: 16 upper-case hex digits, unique in the organization.
    pub dev_eui: Option<String>,
    /// Display name.
    pub name: String,
    /// What it measures.
    pub kind: DeviceKind,
    /// How it reaches us.
    pub transport: Transport,
    /// Sensor model, which names its codec and probe roles, e.g. `dragino-lht65`.
    pub model: Option<String>,
    /// The unit it is assigned to.
    pub unit_id: Option<UnitId>,
    /// Whether its readings drive the unit.
    pub is_primary: bool,
    /// Seconds between uplinks, 30…86 400; the rule's interval unless set.
    pub uplink_interval_seconds: Option<u32>,
    /// Voltage at or below which the battery counts as low.
    pub battery_low_mv: u16,
    /// Values by which this model says "no probe", beside the general ones.
    pub sentinel_temperatures: Vec<Temperature>,
    /// Latest calibration offset, added to every raw value at ingest.
    pub temperature_offset: TemperatureDelta,
    /// When the latest calibration is due again.
    pub calibration_due_at: Option<Timestamp>,
    /// Last uplink of any kind.
    pub last_seen_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed, by people.
    pub updated_at: Timestamp,
    /// Raised by one with each change.
    pub version: i64,
    /// Whether and when it was archived.
    pub archived: Option<Archived>,
}

/// Battery threshold of a device that sets none, in millivolts.
pub const BATTERY_LOW_MV_DEFAULT: u16 = 2_500;

/// What an uplink told about its device, kept as the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceSeen {
    /// The device.
    pub device: DeviceId,
    /// When.
    pub at: Timestamp,
    /// Battery in percent.
    pub battery_percent: Option<u8>,
    /// Battery in millivolts.
    pub battery_mv: Option<u16>,
    /// Signal strength in dBm.
    pub rssi_dbm: Option<i16>,
}
