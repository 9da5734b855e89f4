//! The generic rule: which numbers in unknown JSON are temperatures, humidities and batteries.
//!
//! A wrong guess here becomes somebody's reading, so the rule prefers to see nothing: a key that smells of
//! configuration is skipped with everything below it, and strings are never numbers.

use super::numbers;
use super::profile::Unit;
use crate::canonical::{Battery, Decoded, Flag, MeasuredAt, Measurement, Probe, Role, SensorKind};
use serde_json::{Number, Value};

/// A field that looks like a door or a leak: proposed to a person, never read unasked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    /// JSON pointer to the field.
    pub pointer: String,
    /// `contact` or `leak`.
    pub quantity: &'static str,
}

const SKIP: [&str; 42] = [
    "min",
    "max",
    "low",
    "high",
    "lower",
    "upper",
    "limit",
    "threshold",
    "alarm",
    "alert",
    "change",
    "changed",
    "delta",
    "delt",
    "diff",
    "offset",
    "cal",
    "calibrate",
    "calibration",
    "set",
    "setpoint",
    "target",
    "mutation",
    "range",
    "enable",
    "enabled",
    "interval",
    "period",
    "rate",
    "trigger",
    "trig",
    "hysteresis",
    "count",
    "type",
    "status",
    "cfg",
    "config",
    // the same words in the plural, as some codecs write them
    "limits",
    "thresholds",
    "alarms",
    "alerts",
    "counts",
];
const TEMPERATURE: [&str; 3] = ["temp", "temperature", "tmp"];
const HUMIDITY: [&str; 4] = ["hum", "humi", "humidity", "rh"];
const BOARD: [&str; 5] = ["board", "mcu", "chip", "cpu", "pcb"];
const HISTORY: [&str; 3] = ["history", "readings", "backlog"];
const BATTERY: [&str; 6] = ["bat", "batt", "battery", "vbat", "vdd", "volt"];
const CONTACT: [&str; 5] = ["door", "contact", "reed", "open", "magnet"];
const LEAK: [&str; 3] = ["leak", "leakage", "water"];

/// Deeper JSON than this is nobody's reading.
const DEPTH_MAX: usize = 32;

/// What `data` says, as far as names can tell; everything is `unassigned`.
#[must_use]
pub fn map_generic(data: &Value) -> (Decoded, Vec<Proposal>) {
    let mut walk = Walk {
        decoded: Decoded::default(),
        proposals: Vec::new(),
    };
    walk.visit(
        data,
        "",
        Place {
            stored: false,
            board: false,
            depth: 0,
        },
    );
    (walk.decoded, walk.proposals)
}

#[derive(Clone, Copy)]
struct Place {
    stored: bool,
    board: bool,
    depth: usize,
}

struct Walk {
    decoded: Decoded,
    proposals: Vec<Proposal>,
}

impl Walk {
    fn visit(&mut self, value: &Value, pointer: &str, place: Place) {
        if place.depth > DEPTH_MAX {
            return;
        }
        let deeper = Place {
            depth: place.depth + 1,
            ..place
        };
        match value {
            Value::Object(members) => {
                for (key, member) in members {
                    let path = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                    self.visit_member(key, member, &path, deeper);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.visit(item, &format!("{pointer}/{index}"), deeper);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn visit_member(&mut self, key: &str, member: &Value, pointer: &str, place: Place) {
        let tokens = tokens(key);
        let any = |words: &[&str]| tokens.iter().any(|token| words.contains(&token.as_str()));
        if any(&CONTACT) || any(&LEAK) {
            let quantity = if any(&LEAK) { "leak" } else { "contact" };
            self.proposals.push(Proposal {
                pointer: pointer.to_owned(),
                quantity,
            });
        }
        if any(&SKIP) {
            return;
        }
        let place = Place {
            stored: place.stored || any(&HISTORY),
            board: place.board || any(&BOARD),
            ..place
        };
        let quantity = if any(&TEMPERATURE) {
            Some(Guess::Temperature(named_unit(&tokens)))
        } else if any(&HUMIDITY) {
            Some(Guess::Humidity)
        } else if any(&BATTERY) {
            Some(Guess::Battery)
        } else {
            None
        };
        match quantity {
            Some(guess) if self.read(guess, &tokens, member, pointer, place) => {}
            Some(_) | None => self.visit(member, pointer, place),
        }
    }

    /// Reads one field; false if it is not a value but something to look into.
    fn read(
        &mut self,
        guess: Guess,
        tokens: &[String],
        field: &Value,
        pointer: &str,
        place: Place,
    ) -> bool {
        match field {
            Value::Number(number) => {
                self.push(guess, tokens, number, None, pointer, place);
                true
            }
            Value::Object(members) => match members.get("value") {
                Some(Value::Number(number)) => {
                    let unit = members.get("unit").and_then(Value::as_str);
                    self.push(guess, tokens, number, unit, pointer, place);
                    true
                }
                Some(_) | None => false,
            },
            Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_number) => {
                for (index, number) in items.iter().filter_map(Value::as_number).enumerate() {
                    let stored = place.stored || index > 0;
                    self.push(
                        guess,
                        tokens,
                        number,
                        None,
                        pointer,
                        Place { stored, ..place },
                    );
                }
                true
            }
            Value::Array(_) | Value::Null | Value::Bool(_) | Value::String(_) => false,
        }
    }

    fn push(
        &mut self,
        guess: Guess,
        tokens: &[String],
        number: &Number,
        unit: Option<&str>,
        pointer: &str,
        place: Place,
    ) {
        let probe = Probe::from(pointer.to_owned());
        let role = if place.board {
            Role::Board
        } else {
            Role::Unassigned
        };
        let found = match guess {
            Guess::Temperature(named) => {
                let given = unit.and_then(temperature_unit).or(named);
                let unit = given.unwrap_or(Unit::Native);
                numbers::temperature(probe, role, number, unit, SensorKind::Unknown, &[]).map(|m| {
                    if given.is_some() {
                        m
                    } else {
                        m.flagged(Flag::UnitAssumed)
                    }
                })
            }
            Guess::Humidity => numbers::humidity(probe, role, number, &[]).map(|m| {
                if unit.is_some() {
                    m
                } else {
                    m.flagged(Flag::UnitAssumed)
                }
            }),
            Guess::Battery => battery(tokens, number, unit).map(Measurement::battery),
        };
        let Some(mut measurement) = found else { return };
        if place.stored {
            measurement = measurement
                .measured(MeasuredAt::Stored(None))
                .flagged(Flag::History);
        }
        self.decoded.measurements.push(measurement);
    }
}

#[derive(Clone, Copy)]
enum Guess {
    Temperature(Option<Unit>),
    Humidity,
    Battery,
}

/// The unit a key itself names: a last token `f` is Fahrenheit, `c` Celsius, `k` Kelvin.
fn named_unit(tokens: &[String]) -> Option<Unit> {
    match tokens.last()?.as_str() {
        "f" | "fahrenheit" => Some(Unit::Fahrenheit),
        "c" | "celsius" => Some(Unit::Native),
        "k" | "kelvin" => Some(Unit::Kelvin),
        _ => None,
    }
}

fn temperature_unit(text: &str) -> Option<Unit> {
    match text
        .trim()
        .trim_start_matches('°')
        .to_ascii_lowercase()
        .as_str()
    {
        "f" | "fahrenheit" | "degf" => Some(Unit::Fahrenheit),
        "k" | "kelvin" => Some(Unit::Kelvin),
        "c" | "celsius" | "degc" => Some(Unit::Native),
        _ => None,
    }
}

/// Volts or percent, if the name or the number leaves no doubt.
fn battery(tokens: &[String], number: &Number, unit: Option<&str>) -> Option<Battery> {
    let last = tokens.last()?.as_str();
    let before = tokens
        .len()
        .checked_sub(2)
        .and_then(|at| tokens.get(at))
        .map(String::as_str);
    let volts = || {
        numbers::milli(number)
            .filter(|mv| *mv >= 0)
            .map(Battery::Volts)
    };
    match (before, last) {
        // "mV" splits at its case change
        (_, "mv") | (Some("m"), "v") => numbers::milli(number)
            .filter(|mv| *mv >= 0)
            .map(|mv| Battery::Volts(mv / 1_000)),
        (_, "v" | "volt" | "volts" | "voltage") => volts(),
        (_, "level" | "percent" | "percentage" | "pct" | "soc") => {
            numbers::percent(number).map(Battery::Percent)
        }
        (_, "battery") => match unit {
            Some("V" | "v") => volts(),
            Some("%") => numbers::percent(number).map(Battery::Percent),
            Some(_) | None => bare(number),
        },
        _ => None,
    }
}

/// A bare `battery`: above 5 it can only be percent, a fraction up to 5 only volts; a grade is neither.
fn bare(number: &Number) -> Option<Battery> {
    let milli = numbers::milli(number)?;
    if milli > 5_000 && milli <= 100_000 {
        return numbers::percent(number).map(Battery::Percent);
    }
    (milli > 0 && milli <= 5_000 && milli % 1_000 != 0).then_some(Battery::Volts(milli))
}

/// Splits a key at case changes, borders of letters and digits, and everything else; lower-case.
fn tokens(key: &str) -> Vec<String> {
    let chars: Vec<char> = key.chars().collect();
    let mut tokens: Vec<String> = Vec::new();
    let mut current = String::new();
    for (at, c) in chars.iter().copied().enumerate() {
        let previous = at.checked_sub(1).map(|before| chars[before]);
        let next = chars.get(at + 1).copied();
        if previous.is_some_and(|previous| is_border(previous, c, next)) && !current.is_empty() {
            tokens.push(std::mem::take(&mut current));
        }
        if c.is_alphanumeric() {
            current.extend(c.to_lowercase());
        }
    }
    if !current.is_empty() {
        tokens.push(current);
    }
    tokens
}

fn is_border(previous: char, c: char, next: Option<char>) -> bool {
    let acronym_ends =
        previous.is_uppercase() && c.is_uppercase() && next.is_some_and(char::is_lowercase);
    !c.is_alphanumeric()
        || !previous.is_alphanumeric()
        || previous.is_numeric() != c.is_numeric()
        || (previous.is_lowercase() && c.is_uppercase())
        || acronym_ends
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::Quality;
    use serde_json::json;

    fn temperatures(data: &Value) -> Vec<(String, i32, Role)> {
        let (decoded, _) = map_generic(data);
        let read = |m: &Measurement| {
            let t = m.temperature_value()?;
            Some((m.probe.as_str().to_owned(), t.milli_celsius(), m.role))
        };
        decoded.measurements.iter().filter_map(read).collect()
    }

    #[test]
    fn keys_split_where_people_see_words() {
        for (key, expected) in [
            ("TempC_DS18B20", "temp c ds 18 b 20"),
            ("relativeHumidity", "relative humidity"),
            ("RHValue", "rh value"),
            ("mcu_temperature", "mcu temperature"),
            ("Bat_mV", "bat m v"),
            ("temp1", "temp 1"),
        ] {
            assert_eq!(tokens(key).join(" "), expected, "{key}");
        }
    }

    #[test]
    fn settings_and_statistics_are_no_readings() {
        let data = json!({
            "TempChange": 0.5, "tempAlarmLimitHigh": 10, "minTemp": 1, "config": {"temperature": 3},
            "temperature": "4.5", "temp_enabled": 1, "tempOk": true,
        });
        assert_eq!(temperatures(&data), []);
    }

    #[test]
    fn units_are_converted_and_their_absence_is_noted() {
        let data = json!({"a": {"temperature": {"value": 41.01, "unit": "°F"}}, "tempF": 32,
            "tempK": {"value": 273.15, "unit": "K"}, "temp": 4.5});
        let found = temperatures(&data);
        let milli: Vec<_> = found.iter().map(|(_, milli, _)| *milli).collect();
        assert_eq!(milli, [5_006, 4_500, 0, 0]);
        let (decoded, _) = map_generic(&data);
        let assumed = |m: &Measurement| m.flags.contains(Flag::UnitAssumed);
        assert_eq!(
            decoded.measurements.iter().map(assumed).collect::<Vec<_>>(),
            [false, true, false, false]
        );
    }

    #[test]
    fn an_array_is_now_and_then_history() {
        let (decoded, _) = map_generic(&json!({"temperature": [1.5, 2.5, 327.67]}));
        let at: Vec<_> = decoded
            .measurements
            .iter()
            .map(|m| (m.at, m.quality))
            .collect();
        assert_eq!(at[0], (MeasuredAt::Frame, Quality::Ok));
        assert_eq!(at[1], (MeasuredAt::Stored(None), Quality::Ok));
        assert!(
            matches!(at[2].1, Quality::Fault(_)),
            "a sentinel is never a number"
        );
    }

    #[test]
    fn batteries_need_a_name_or_a_number_without_doubt() {
        let read = |data: Value| {
            let (decoded, _) = map_generic(&data);
            decoded.measurements.first().and_then(|m| m.value.clone())
        };
        let volts = |mv| Some(crate::canonical::Value::Battery(Battery::Volts(mv)));
        let percent = |n| Some(crate::canonical::Value::Battery(Battery::Percent(n)));
        assert_eq!(read(json!({"BatV": 3.014})), volts(3_014));
        assert_eq!(read(json!({"Bat_mV": 2952})), volts(2_952));
        assert_eq!(read(json!({"battery": 3.6})), volts(3_600));
        assert_eq!(read(json!({"battery": 92})), percent(92));
        assert_eq!(read(json!({"battery_level": 3})), percent(3));
        assert_eq!(
            read(json!({"battery": 3})),
            None,
            "a grade or three volts: nobody knows"
        );
        assert_eq!(read(json!({"Bat_status": 3})), None);
    }
}
