//! The record every network, device and codec ends in.
//!
//! A [`Measurement`] is what a codec says; a [`CanonicalReading`] is that, placed in time and given its role.
//! Temperatures are degrees Celsius from here on, as whole milli-degrees: nothing after this module sees a
//! float, and nothing before it has rounded one.

mod chemistry;
mod measurement;
mod value;

pub use chemistry::Chemistry;
pub use measurement::{
    Decoded, Fact, MeasuredAt, Measurement, NoMeasurement, Rejected, SensorKind,
};
pub use value::{
    Battery, Contact, FaultCause, Flag, Flags, Humidity, Leak, Probe, Quality, Quantity, Role,
    Value,
};

use crate::ids::DevEui;
use freshtrack_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One reading of one probe of one device.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct CanonicalReading {
    /// The device, when the message named it by EUI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev_eui: Option<DevEui>,
    /// Which probe of the device.
    pub probe: Probe,
    /// What the probe measures for us.
    pub role: Role,
    /// What is measured.
    pub quantity: Quantity,
    /// The value; `None` for a fault.
    pub value: Option<Value>,
    /// When it was measured, as far as anybody knows.
    pub event_time: Timestamp,
    /// Who said so.
    pub time_source: TimeSource,
    /// Place within the uplink; with the event's key it is unique.
    pub index: u32,
    /// Whether it may be used.
    #[serde(flatten)]
    pub quality: Quality,
    /// Circumstances.
    pub flags: Flags,
    /// Which codec read it.
    pub decoded_by: DecodedBy,
}

/// Whose clock an event time comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeSource {
    /// The device's own clock, within its gates.
    Device,
    /// The network server.
    Network,
    /// The application side of the network.
    Application,
    /// Our own arrival time.
    Arrival,
}

/// Which codec produced a reading.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecodedBy {
    /// The built-in decoder of this family.
    Native(String),
    /// The tenant's own script.
    Script,
    /// The network's formatter.
    Network,
    /// The declared `CayenneLPP` codec.
    Cayenne,
}

/// Why a message is kept but not ingested.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum QuarantineReason {
    /// It names another application or network domain than its connection.
    WrongApplication,
    /// No device of this connection is meant.
    UnknownDevice,
    /// The device is there, but watches no unit.
    UnassignedDevice,
    /// The device is switched off.
    DisabledDevice,
    /// The kind of event is not known here.
    UnknownEvent,
    /// The event is known and yields no readings.
    NotAnUplink,
    /// No codec could read the payload.
    Undecodable,
    /// The payload is encrypted for somebody else: a configuration error of that device.
    Encrypted,
    /// The frame comes from another model than the profile says.
    WrongModel,
}

impl QuarantineReason {
    /// The name used in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WrongApplication => "wrong_application",
            Self::UnknownDevice => "unknown_device",
            Self::UnassignedDevice => "unassigned_device",
            Self::DisabledDevice => "disabled_device",
            Self::UnknownEvent => "unknown_event",
            Self::NotAnUplink => "not_an_uplink",
            Self::Undecodable => "undecodable",
            Self::Encrypted => "encrypted",
            Self::WrongModel => "wrong_model",
        }
    }
}
