//! Numbers out of JSON, judged the same way wherever they stand.

use super::profile::Unit;
use crate::canonical::{FaultCause, Measurement, Probe, Quantity, Role, SensorKind};
use freshtrack_core::temperature::{Temperature, TemperatureUnit};
use serde_json::Number;

/// What devices send instead of a number, as their codecs scale it.
///
/// These are the 16-bit integers 0x7FFF, 0x8000 and 0x8001 in hundredths and tenths, and 0xFFFF unsigned.
const SENTINELS: [f64; 8] = [
    327.67, -327.68, -327.67, 3276.7, -3276.8, -3276.7, 655.35, 6553.5,
];

/// Codecs do arithmetic in binary; a sentinel is one when it is this near.
const SENTINEL_TOLERANCE: f64 = 1e-6;

/// Whether a number stands for "no sensor"; `more` adds a profile's own.
pub(super) fn is_sentinel(number: f64, more: &[f64]) -> bool {
    SENTINELS
        .iter()
        .chain(more)
        .any(|s| (s - number).abs() <= SENTINEL_TOLERANCE)
}

/// Thousandths of a decimal number, rounded half away from zero; read from its text, not its float.
pub(super) fn milli(number: &Number) -> Option<i32> {
    let text = number.to_string();
    Temperature::parse(&text, TemperatureUnit::C)
        .ok()
        .map(Temperature::milli_celsius)
}

/// A temperature, a sentinel as a fault; `None` when no temperature can be that large.
pub(super) fn temperature(
    probe: Probe,
    role: Role,
    number: &Number,
    unit: Unit,
    sensor: SensorKind,
    sentinels: &[f64],
) -> Option<Measurement> {
    if is_sentinel(number.as_f64()?, sentinels) {
        return Some(Measurement::fault(
            probe,
            role,
            Quantity::Temperature,
            FaultCause::Sentinel,
        ));
    }
    let celsius = match unit {
        Unit::Fahrenheit => Temperature::parse(&number.to_string(), TemperatureUnit::F)
            .ok()?
            .milli_celsius(),
        Unit::Kelvin => milli(number)?.checked_sub(273_150)?,
        Unit::Native | Unit::Milli => milli(number)?,
    };
    Some(Measurement::temperature(probe, role, celsius, sensor))
}

/// A humidity in percent, a sentinel as a fault.
pub(super) fn humidity(
    probe: Probe,
    role: Role,
    number: &Number,
    sentinels: &[f64],
) -> Option<Measurement> {
    if is_sentinel(number.as_f64()?, sentinels) {
        return Some(Measurement::fault(
            probe,
            role,
            Quantity::Humidity,
            FaultCause::Sentinel,
        ));
    }
    Some(Measurement::humidity(probe, role, milli(number)?))
}

/// A whole percentage from 0 to 100.
pub(super) fn percent(number: &Number) -> Option<u8> {
    let milli = milli(number)?;
    if !(0..=100_000).contains(&milli) {
        return None;
    }
    u8::try_from((milli + 500) / 1_000).ok()
}
