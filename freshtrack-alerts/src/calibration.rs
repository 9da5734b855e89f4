//! Calibrations: how far a sensor is off, and when to look again.

use freshtrack_core::ids::{CalibrationId, DeviceId, UserId};
use freshtrack_core::temperature::{Temperature, TemperatureDelta};
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a calibration is good for if nobody says.
pub const CALIBRATION_VALID: Span = Span::from_minutes(365 * 24 * 60);
/// Longest that anybody may say.
pub const CALIBRATION_VALID_MAX: Span = Span::from_minutes(5 * 365 * 24 * 60);
/// Largest offset; a sensor further off is broken.
pub const OFFSET_MAX: TemperatureDelta = TemperatureDelta::from_milli_celsius(10_000);

/// One calibration of one device. Append-only: a wrong one is followed by a right one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calibration {
    /// Id.
    pub id: CalibrationId,
    /// The device.
    pub device: DeviceId,
    /// When it was compared.
    pub calibrated_at: Timestamp,
    /// Who wrote it down.
    pub by: UserId,
    /// Added to every raw value from then on.
    pub temperature_offset: TemperatureDelta,
    /// What the reference showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_temperature: Option<Temperature>,
    /// Where the certificate lies; never fetched by us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_url: Option<String>,
    /// Notes, at most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// When it is due again.
    pub due_at: Timestamp,
    /// When it was written down.
    pub recorded_at: Timestamp,
}
