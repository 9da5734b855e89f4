//! What comes in and what becomes of it: one posted reading, one answer, in the same order.

use crate::change::Target;
use freshtrack_core::ids::ReadingId;
use freshtrack_core::reading::{DoorState, QuarantineReason, ReadingSource, RejectReason};
use freshtrack_core::temperature::{InvalidTemperature, Temperature, TemperatureUnit};
use freshtrack_core::time::Timestamp;

/// A reading as its sender told it, parsed but not yet believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedReading {
    /// What it is of.
    pub target: Target,
    /// A unit the sender named beside a device; must be the device's.
    pub claimed_unit: Option<freshtrack_core::ids::UnitId>,
    /// When it was taken.
    pub recorded_at: Timestamp,
    /// The temperature, if it carries one.
    pub temperature: Option<PostedTemperature>,
    /// The door, if it carries it.
    pub door: Option<DoorState>,
    /// Relative humidity in hundredths of a percent.
    pub humidity_centi: Option<i32>,
    /// Battery in percent.
    pub battery_percent: Option<u8>,
    /// Battery in millivolts.
    pub battery_mv: Option<u16>,
    /// Signal strength in dBm.
    pub rssi_dbm: Option<i16>,
    /// Signal to noise ratio in hundredths of a dB.
    pub snr_centi: Option<i32>,
    /// Where it came from.
    pub source: ReadingSource,
    /// Which probe of the device; 0 is the one in the cabinet.
    pub probe: u8,
    /// Where the probe sits.
    pub role: ProbeRole,
    /// What the decoder thinks of it.
    pub quality: Quality,
    /// Optional fields that were dropped, for the answer.
    pub warnings: Vec<String>,
}

impl PostedReading {
    /// A reading with everything optional left out.
    #[must_use]
    pub const fn new(target: Target, recorded_at: Timestamp) -> Self {
        Self {
            target,
            claimed_unit: None,
            recorded_at,
            temperature: None,
            door: None,
            humidity_centi: None,
            battery_percent: None,
            battery_mv: None,
            rssi_dbm: None,
            snr_centi: None,
            source: ReadingSource::Api,
            probe: 0,
            role: ProbeRole::Cabinet,
            quality: Quality::Ok,
            warnings: Vec::new(),
        }
    }
}

/// A temperature as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedTemperature {
    /// The text, at most 64 characters; evidence if it has to be put aside.
    pub raw: String,
    /// Its scale.
    pub unit: TemperatureUnit,
    /// What it says; a number beyond 32 bits is an impossible value, not a malformed reading.
    pub value: Result<Temperature, InvalidTemperature>,
}

/// Longest raw text that is kept, in characters.
pub const RAW_CHARS_MAX: usize = 64;

impl PostedTemperature {
    /// Reads a decimal in `unit`.
    #[must_use]
    pub fn parse(text: &str, unit: TemperatureUnit) -> Self {
        Self {
            raw: text.chars().take(RAW_CHARS_MAX).collect(),
            unit,
            value: Temperature::parse(text, unit),
        }
    }
}

/// Where a probe sits. Only the cabinet's drives the unit, and no other stands in for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProbeRole {
    /// In the cabinet.
    #[default]
    Cabinet,
    /// Anywhere else: ambient, product, board, unassigned.
    Other,
}

/// What a decoder thinks of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quality {
    /// Nothing wrong.
    #[default]
    Ok,
    /// The device says its probe is at fault.
    Fault,
    /// Outside what the probe can measure.
    OutOfRange,
    /// May or may not be true.
    Suspect,
    /// The time of the measurement is not known: kept, never evaluated.
    TimeUnknown,
    /// The payload could not be decoded.
    DecoderError,
}

/// A reading that could not even be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    /// Why.
    pub reason: RejectReason,
}

/// What became of one posted reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadingOutcome {
    /// Stored, and evaluated unless it came late.
    Accepted {
        /// Its id.
        reading_id: ReadingId,
        /// Older than the newest evaluated one.
        late: bool,
        /// Optional fields that were dropped.
        warnings: Vec<String>,
    },
    /// Known already; the first value stands.
    Duplicate {
        /// Id of the stored one.
        reading_id: ReadingId,
        /// Whether this one says something else.
        value_differs: bool,
    },
    /// Put aside as evidence.
    Quarantined {
        /// Why.
        reason: QuarantineReason,
    },
    /// Refused.
    Rejected {
        /// Why.
        reason: RejectReason,
    },
}
