//! The network's schema of normalised measurements: checked as the network checks it, then mapped.
//!
//! It has no second probe, no setpoint and no freezer channel, so it is one input among others and never
//! our record.
//!
//! Source: The Things Stack, payload formatters, normalised payload.

use super::numbers;
use super::profile::Unit;
use crate::canonical::{Battery, Contact, Decoded, Leak, Measurement, Probe, Role, SensorKind};
use serde_json::{Map, Value};

/// What a field must be.
#[derive(Clone, Copy)]
enum Kind {
    Object,
    Number(f64, f64),
    Words(&'static [&'static str]),
    Flag,
    Text,
}

/// The value has a field of the wrong type, or one the schema does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} does not fit the normalised schema")]
pub struct NotNormalized {
    /// The field, as a JSON pointer.
    pub path: String,
}

const ANY: Kind = Kind::Number(f64::MIN, f64::MAX);
const POSITIVE: Kind = Kind::Number(0.0, f64::MAX);
const KELVIN: Kind = Kind::Number(-273.15, f64::MAX);
const PERCENT: Kind = Kind::Number(0.0, 100.0);

fn kind(path: &str) -> Option<Kind> {
    Some(match path {
        "/air" | "/soil" | "/wind" | "/rain" | "/water" | "/water/temperature" | "/metering"
        | "/metering/water" | "/action" | "/action/motion" | "/position" => Kind::Object,
        "/time" => Kind::Text,
        "/battery"
        | "/air/lightIntensity"
        | "/soil/ec"
        | "/soil/n"
        | "/soil/p"
        | "/soil/k"
        | "/wind/speed"
        | "/rain/intensity"
        | "/rain/cumulative"
        | "/metering/water/total"
        | "/action/motion/count" => POSITIVE,
        "/air/location" => Kind::Words(&["indoor", "outdoor"]),
        "/air/temperature"
        | "/soil/temperature"
        | "/water/temperature/min"
        | "/water/temperature/max"
        | "/water/temperature/avg"
        | "/water/temperature/current" => KELVIN,
        "/air/relativeHumidity" | "/soil/moisture" => PERCENT,
        "/air/pressure" => Kind::Number(900.0, 1_100.0),
        "/air/co2" => Kind::Number(0.0, 1e6),
        "/soil/depth" | "/position/altitude" => ANY,
        "/soil/pH" => Kind::Number(0.0, 14.0),
        "/wind/direction" => Kind::Number(0.0, 360.0),
        "/water/leak" | "/action/motion/detected" => Kind::Flag,
        "/action/contactState" => Kind::Words(&["open", "closed"]),
        "/position/latitude" => Kind::Number(-90.0, 90.0),
        "/position/longitude" => Kind::Number(-180.0, 180.0),
        _ => return None,
    })
}

/// Checks measurements as the network does: a wrong type or an unknown field fails all of them, a number out
/// of range is dropped with a warning.
///
/// # Errors
/// [`NotNormalized`] names the first field that does not fit.
pub fn check_normalized(
    measurements: &[Value],
) -> Result<(Vec<Value>, Vec<String>), NotNormalized> {
    let mut warnings = Vec::new();
    let mut checked = Vec::with_capacity(measurements.len());
    for (at, measurement) in measurements.iter().enumerate() {
        let Value::Object(members) = measurement else {
            return Err(NotNormalized {
                path: format!("/{at}"),
            });
        };
        let fields = check_object(members, "", at + 1, &mut warnings)?;
        checked.push(Value::Object(fields));
    }
    Ok((checked, warnings))
}

fn check_object(
    members: &Map<String, Value>,
    path: &str,
    number: usize,
    warnings: &mut Vec<String>,
) -> Result<Map<String, Value>, NotNormalized> {
    let mut kept = Map::new();
    for (key, value) in members {
        let path = format!("{path}/{key}");
        let wrong = || NotNormalized { path: path.clone() };
        let value = match (kind(&path).ok_or_else(wrong)?, value) {
            (Kind::Object, Value::Object(inner)) => {
                Value::Object(check_object(inner, &path, number, warnings)?)
            }
            (Kind::Number(low, high), Value::Number(n)) => {
                if n.as_f64().is_some_and(|n| (low..=high).contains(&n)) {
                    value.clone()
                } else {
                    warnings.push(format!("measurement {number}: {path} is out of range"));
                    continue;
                }
            }
            (Kind::Words(words), Value::String(word)) if words.contains(&word.as_str()) => {
                value.clone()
            }
            (Kind::Flag, Value::Bool(_)) | (Kind::Text, Value::String(_)) => value.clone(),
            _ => return Err(wrong()),
        };
        kept.insert(key.clone(), value);
    }
    Ok(kept)
}

/// Maps checked measurements; nobody confirmed their meaning, so all are `unassigned`.
#[must_use]
pub fn map_normalized(measurements: &[Value]) -> Decoded {
    let mut decoded = Decoded::default();
    for (at, measurement) in measurements.iter().enumerate() {
        let probe = |name: &str| Probe::from(format!("/{at}/{name}"));
        let number = |path: &str| measurement.pointer(path).and_then(Value::as_number);
        for (path, name) in [
            ("/air/temperature", "air"),
            ("/soil/temperature", "soil"),
            ("/water/temperature/current", "water"),
        ] {
            decoded.measurements.extend(number(path).and_then(|n| {
                let (unit, kind) = (Unit::Native, SensorKind::Unknown);
                numbers::temperature(probe(name), Role::Unassigned, n, unit, kind, &[])
            }));
        }
        let humidity = number("/air/relativeHumidity");
        let humidity =
            humidity.and_then(|n| numbers::humidity(probe("air"), Role::Unassigned, n, &[]));
        decoded.measurements.extend(humidity);
        let battery = number("/battery")
            .and_then(numbers::milli)
            .map(Battery::Volts);
        decoded
            .measurements
            .extend(battery.map(Measurement::battery));
        let contact = match measurement
            .pointer("/action/contactState")
            .and_then(Value::as_str)
        {
            Some("open") => Some(Contact::Open),
            Some("closed") => Some(Contact::Closed),
            Some(_) | None => None,
        };
        decoded
            .measurements
            .extend(contact.map(|c| Measurement::contact(probe("contact"), c)));
        let leak = measurement.pointer("/water/leak").and_then(Value::as_bool);
        let leak = leak.map(|wet| if wet { Leak::Wet } else { Leak::Dry });
        decoded
            .measurements
            .extend(leak.map(|l| Measurement::leak(probe("leak"), l)));
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_wrong_type_or_an_unknown_field_fails_the_whole() {
        let fails = |value: Value| {
            check_normalized(&[json!({"battery": 3}), value])
                .unwrap_err()
                .path
        };
        assert_eq!(
            fails(json!({"air": {"temperature": "3"}})),
            "/air/temperature"
        );
        assert_eq!(fails(json!({"air": {"freezer": 3}})), "/air/freezer");
        assert_eq!(fails(json!({"air": 3})), "/air");
        assert_eq!(
            fails(json!({"air": {"location": "cellar"}})),
            "/air/location"
        );
        assert_eq!(fails(json!(3)), "/1");
    }

    #[test]
    fn a_number_out_of_range_is_dropped_with_a_warning() {
        let given = [json!({"air": {"relativeHumidity": 101, "temperature": -18.45}})];
        let (kept, warnings) = check_normalized(&given).unwrap();
        assert_eq!(kept, [json!({"air": {"temperature": -18.45}})]);
        assert_eq!(
            warnings,
            ["measurement 1: /air/relativeHumidity is out of range"]
        );
    }

    #[test]
    fn measurements_map_to_unassigned_probes() {
        let decoded = map_normalized(&[
            json!({"air": {"temperature": -18.45, "relativeHumidity": 48.3}, "battery": 3.014}),
            json!({"water": {"temperature": {"min": 1, "current": 2}, "leak": true}, "action": {"contactState": "open"}}),
        ]);
        let milli: Vec<_> = decoded
            .measurements
            .iter()
            .filter_map(Measurement::temperature_value)
            .collect();
        assert_eq!(
            milli.iter().map(|t| t.milli_celsius()).collect::<Vec<_>>(),
            [-18_450, 2_000]
        );
        assert_eq!(decoded.measurements.len(), 6);
        assert!(
            decoded
                .measurements
                .iter()
                .filter(|m| m.temperature_value().is_some())
                .all(|m| m.role == Role::Unassigned)
        );
    }
}
