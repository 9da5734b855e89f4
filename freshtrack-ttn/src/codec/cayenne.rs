//! `CayenneLPP`: channel, type, big-endian value. Used only where it is declared, never guessed: almost any
//! bytes read as something.
//!
//! Source: Cayenne Low Power Payload, data types.

use super::CodecOutput;
use crate::canonical::{Battery, Decoded, Flag, Measurement, Probe, Role, SensorKind};
use freshtrack_core::temperature::div_round_half_away;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Which channels of a device are what.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CayenneProfile {
    /// Temperature channels, the cabinet's first, then the goods'; others stay `unassigned`.
    ///
    /// Empty means: the lowest channel of the frame is the cabinet, the next the goods. A device whose
    /// frames differ must be declared, or a role would depend on what one frame contains.
    pub temperatures: Vec<u8>,
    /// The analog channel that is the battery in volts.
    pub battery: Option<u8>,
}

/// One value of a frame.
struct Item {
    channel: u8,
    name: &'static str,
    value: Value,
    /// The single number in thousandths, where there is one.
    milli: Option<i32>,
}

/// Reads a frame as measurements.
#[must_use]
pub fn decode_cayenne(profile: &CayenneProfile, bytes: &[u8]) -> Decoded {
    let (items, ending) = read(bytes);
    let mut decoded = Decoded::default();
    let mut channels = profile.temperatures.clone();
    if channels.is_empty() {
        channels = items
            .iter()
            .filter(|i| i.name == "temperature")
            .map(|i| i.channel)
            .collect();
        channels.sort_unstable();
        channels.dedup();
    }
    for item in &items {
        let probe = Probe::from(format!("{}_{}", item.name, item.channel));
        let role = match channels.iter().position(|channel| *channel == item.channel) {
            Some(0) => Role::Cabinet,
            Some(1) => Role::Product,
            Some(_) | None => Role::Unassigned,
        };
        let measurement = match (item.name, item.milli) {
            ("temperature", Some(milli)) if is_sentinel(milli) => Measurement::fault(
                probe,
                role,
                crate::canonical::Quantity::Temperature,
                crate::canonical::FaultCause::Sentinel,
            ),
            ("temperature", Some(milli)) => {
                Measurement::temperature(probe, role, milli, SensorKind::Unknown)
            }
            ("relative_humidity", Some(milli)) => {
                Measurement::humidity(probe, Role::Unassigned, milli)
            }
            ("analog_in", Some(milli)) if profile.battery == Some(item.channel) => {
                Measurement::battery(Battery::Volts(milli))
            }
            (name, Some(milli)) => Measurement::extra(probe, name, f64::from(milli) / 1_000.0),
            (name, None) => {
                decoded.fact(format!("{name}_{}", item.channel), item.value.clone());
                continue;
            }
        };
        decoded.measurements.push(measurement);
    }
    match ending {
        Ending::Complete => {}
        Ending::Truncated => decoded.flag_all(Flag::Truncated),
        Ending::Unknown(kind) => decoded.warn(format!("unknown type {kind}")),
    }
    if decoded.measurements.is_empty() {
        decoded.no_measurement = Some(crate::canonical::NoMeasurement::Nothing);
    }
    decoded
}

/// Reads a frame as the JSON a network makes of it.
#[must_use]
pub fn cayenne_fields(bytes: &[u8]) -> CodecOutput {
    let (items, ending) = read(bytes);
    let mut data = Map::new();
    for item in items {
        data.insert(format!("{}_{}", item.name, item.channel), item.value);
    }
    let warnings = match ending {
        Ending::Complete => Vec::new(),
        Ending::Truncated => vec!["the frame is shorter than its layout".to_owned()],
        Ending::Unknown(kind) => vec![format!("unknown type {kind}")],
    };
    CodecOutput {
        data: Value::Object(data),
        warnings,
        normalized: Vec::new(),
    }
}

enum Ending {
    Complete,
    Truncated,
    Unknown(u8),
}

fn read(bytes: &[u8]) -> (Vec<Item>, Ending) {
    let mut items = Vec::new();
    let mut rest = bytes;
    loop {
        let (channel, kind, tail) = match rest {
            [] => return (items, Ending::Complete),
            [_] => return (items, Ending::Truncated),
            [channel, kind, tail @ ..] => (*channel, *kind, tail),
        };
        let Some((name, length)) = layout(kind) else {
            return (items, Ending::Unknown(kind));
        };
        let Some((value, tail)) = tail.split_at_checked(length) else {
            return (items, Ending::Truncated);
        };
        items.push(item(channel, kind, name, value));
        rest = tail;
    }
}

const fn layout(kind: u8) -> Option<(&'static str, usize)> {
    Some(match kind {
        0 => ("digital_in", 1),
        1 => ("digital_out", 1),
        2 => ("analog_in", 2),
        3 => ("analog_out", 2),
        101 => ("luminosity", 2),
        102 => ("presence", 1),
        103 => ("temperature", 2),
        104 => ("relative_humidity", 1),
        113 => ("accelerometer", 6),
        115 => ("barometric_pressure", 2),
        134 => ("gyrometer", 6),
        136 => ("gps", 9),
        _ => return None,
    })
}

fn item(channel: u8, kind: u8, name: &'static str, value: &[u8]) -> Item {
    let signed = |at: usize, length: usize| {
        let bytes = value.get(at..at + length).unwrap_or(&[]);
        let start = if bytes.first().is_some_and(|b| b & 0x80 != 0) {
            -1
        } else {
            0
        };
        bytes.iter().fold(start, |n: i32, b| n << 8 | i32::from(*b))
    };
    let unsigned = value.iter().fold(0_i32, |n, b| n << 8 | i32::from(*b));
    let axis = |n: i32, per: f64| json!(f64::from(n) / per);
    let (value, milli) = match kind {
        2 | 3 => (axis(signed(0, 2), 100.0), Some(signed(0, 2) * 10)),
        103 => (axis(signed(0, 2), 10.0), Some(signed(0, 2) * 100)),
        104 => (axis(unsigned, 2.0), Some(unsigned * 500)),
        115 => (axis(unsigned, 10.0), Some(unsigned * 100)),
        113 | 134 => {
            let per = if kind == 113 { 1_000.0 } else { 100.0 };
            let [x, y, z] = [0, 2, 4].map(|at| axis(signed(at, 2), per));
            (json!({"x": x, "y": y, "z": z}), None)
        }
        136 => {
            let [latitude, longitude] = [0, 3].map(|at| axis(signed(at, 3), 10_000.0));
            let altitude = axis(signed(6, 3), 100.0);
            (
                json!({"latitude": latitude, "longitude": longitude, "altitude": altitude}),
                None,
            )
        }
        _ => (json!(unsigned), Some(unsigned * 1_000)),
    };
    Item {
        channel,
        name,
        value,
        milli,
    }
}

/// 0x7FFF, 0x8000 and 0x8001 in tenths.
fn is_sentinel(milli: i32) -> bool {
    matches!(
        div_round_half_away(i64::from(milli), 100),
        32_767 | -32_768 | -32_767
    )
}
