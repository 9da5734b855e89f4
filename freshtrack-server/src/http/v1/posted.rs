//! Lenient reading of a posted batch: each element stands for itself, so that one bad reading loses
//! nothing that was good beside it.
//!
//! Numbers are taken from the text as it was sent, so no temperature passes through a float.

use crate::http::problem::{Code, Problem};
use freshtrack_alerts::change::Target;
use freshtrack_alerts::posted::{PostedReading, PostedTemperature};
use freshtrack_core::decimal::{Milli, parse_milli};
use freshtrack_core::ids::{DeviceId, UnitId};
use freshtrack_core::reading::{DoorState, ReadingSource};
use freshtrack_core::temperature::{InvalidTemperature, TemperatureUnit};
use freshtrack_core::time::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::str::FromStr;

/// Most readings in one request.
pub const BATCH_READINGS_MAX: usize = 1_000;
/// Longest name of an unknown field in a warning.
const NAME_CHARS_MAX: usize = 64;

/// Why an element has no usable content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidElement {
    /// The field.
    pub field: &'static str,
    /// What would have been right.
    pub detail: String,
}

/// Reads a request body as a batch.
///
/// # Errors
/// 400 if it is not JSON, 422 if it is not a batch of 1 to 1,000 readings.
pub fn parse_batch(body: &[u8]) -> Result<Vec<Result<PostedReading, InvalidElement>>, Problem> {
    let batch: Batch<'_> = serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        if error.is_data() {
            Problem::detailed(
                Code::ValidationFailed,
                format!("not a batch of readings: {place}"),
            )
        } else {
            Problem::detailed(Code::MalformedRequest, format!("not JSON: {place}"))
        }
    })?;
    let readings = batch
        .readings
        .ok_or_else(|| Problem::field("/readings", "is required"))?;
    if readings.is_empty() || readings.len() > BATCH_READINGS_MAX {
        return Err(Problem::field(
            "/readings",
            format!("must hold 1 to {BATCH_READINGS_MAX}"),
        ));
    }
    let default_unit = match batch.temperature_unit {
        None => TemperatureUnit::C,
        Some(raw) => temperature_unit(raw)
            .ok_or_else(|| Problem::field("/temperature_unit", "must be C or F"))?,
    };
    Ok(readings
        .into_iter()
        .map(|raw| parse_element(raw, default_unit))
        .collect())
}

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow, default)]
    temperature_unit: Option<&'a RawValue>,
    #[serde(borrow, default)]
    readings: Option<Vec<&'a RawValue>>,
}

/// The known fields of an element, in the order of [`Fields`].
const FIELDS: [&str; 15] = [
    "unit_id",
    "device_id",
    "dev_eui",
    "recorded_at",
    "temperature",
    "temperature_unit",
    "door",
    "humidity_percent",
    "battery_percent",
    "battery_mv",
    "rssi_dbm",
    "snr_db",
    "source",
    "raw",
    "client_ref",
];

/// Raw values of the known fields, the names of unknown ones, and a field that came twice.
#[derive(Default)]
struct Fields<'a> {
    values: [Option<&'a RawValue>; FIELDS.len()],
    unknown: Vec<String>,
    repeated: Option<&'static str>,
}

/// Most unknown fields that are named in warnings.
const UNKNOWN_FIELDS_NAMED: usize = 8;

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Fields::default();
                while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                    if let Some(at) = FIELDS.iter().position(|name| *name == key) {
                        if fields.values[at].replace(map.next_value()?).is_some() {
                            fields.repeated = Some(FIELDS[at]);
                        }
                    } else {
                        map.next_value::<IgnoredAny>()?;
                        if fields.unknown.len() < UNKNOWN_FIELDS_NAMED {
                            fields
                                .unknown
                                .push(key.chars().take(NAME_CHARS_MAX).collect());
                        }
                    }
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

impl<'a> Fields<'a> {
    /// The value of a field; an explicit null counts as absent.
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        let at = FIELDS.iter().position(|field| *field == name)?;
        self.values[at].filter(|raw| raw.get() != "null")
    }
}

fn invalid(field: &'static str, detail: &str) -> InvalidElement {
    InvalidElement {
        field,
        detail: detail.to_owned(),
    }
}

fn parse_element(
    raw: &RawValue,
    default_unit: TemperatureUnit,
) -> Result<PostedReading, InvalidElement> {
    let fields: Fields<'_> =
        serde_json::from_str(raw.get()).map_err(|_| invalid("readings", "must be an object"))?;
    if let Some(field) = fields.repeated {
        return Err(invalid(field, "is given twice"));
    }
    let mut warnings: Vec<String> = fields
        .unknown
        .iter()
        .map(|name| format!("unknown field `{name}` ignored"))
        .collect();
    let (target, claimed_unit) = target(&fields)?;
    let recorded_at: Timestamp =
        required_form(&fields, "recorded_at", "must be RFC 3339 with an offset")?
            .ok_or_else(|| invalid("recorded_at", "is required"))?;
    let unit_of_temperature = match fields.get("temperature_unit") {
        None => default_unit,
        Some(raw) => {
            temperature_unit(raw).ok_or_else(|| invalid("temperature_unit", "must be C or F"))?
        }
    };
    let temperature = temperature(&fields, unit_of_temperature)?;
    let door = door(&fields, temperature.is_some(), &mut warnings)?;
    if temperature.is_none() && door.is_none() {
        return Err(invalid("temperature", "is required unless door is given"));
    }
    let mut number = |name, range| optional_milli(&fields, name, range, &mut warnings);
    let humidity_centi = number("humidity_percent", 0..=100_000).map(milli_to_centi);
    let battery_percent = number("battery_percent", 0..=100_000);
    let battery_mv = number("battery_mv", 0..=10_000_000);
    let rssi_dbm = number("rssi_dbm", -150_000..=0);
    let snr_centi = number("snr_db", -100_000..=100_000).map(milli_to_centi);
    let source = source(&fields, &mut warnings);
    Ok(PostedReading {
        claimed_unit,
        temperature,
        door,
        humidity_centi,
        battery_percent: battery_percent.and_then(|milli| u8::try_from(milli / 1_000).ok()),
        battery_mv: battery_mv.and_then(|milli| u16::try_from(milli / 1_000).ok()),
        rssi_dbm: rssi_dbm.and_then(|milli| i16::try_from(milli / 1_000).ok()),
        snr_centi,
        source,
        warnings,
        ..PostedReading::new(target, recorded_at)
    })
}

/// What the element is of: a device where one is named, with the unit it claims; else the unit.
fn target(fields: &Fields<'_>) -> Result<(Target, Option<UnitId>), InvalidElement> {
    let unit: Option<UnitId> = required_form(fields, "unit_id", "must be a UUID")?;
    let device: Option<DeviceId> = required_form(fields, "device_id", "must be a UUID")?;
    let dev_eui = dev_eui(fields)?;
    match (
        device.map(Target::Device).or(dev_eui.map(Target::DevEui)),
        unit,
    ) {
        (Some(device), claimed) => Ok((device, claimed)),
        (None, Some(unit)) => Ok((Target::Unit(unit), None)),
        (None, None) => Err(invalid(
            "unit_id",
            "unit_id, device_id or dev_eui is required",
        )),
    }
}

/// The text of a JSON string without escapes, or of a number.
fn plain_text(raw: &RawValue) -> Option<&str> {
    let text = raw.get();
    match text.as_bytes().first()? {
        b'"' => text
            .get(1..text.len() - 1)
            .filter(|inner| !inner.contains('\\')),
        b'-' | b'0'..=b'9' => Some(text),
        _ => None,
    }
}

fn is_string(raw: &RawValue) -> bool {
    raw.get().starts_with('"')
}

/// A field that identifies the reading: absent is fine, unreadable is not.
fn required_form<T: FromStr>(
    fields: &Fields<'_>,
    name: &'static str,
    form: &str,
) -> Result<Option<T>, InvalidElement> {
    fields
        .get(name)
        .map(|raw| {
            plain_text(raw)
                .filter(|_| is_string(raw))
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| invalid(name, form))
        })
        .transpose()
}

fn dev_eui(fields: &Fields<'_>) -> Result<Option<String>, InvalidElement> {
    let Some(text) = required_form::<String>(fields, "dev_eui", "must be 16 hex digits")? else {
        return Ok(None);
    };
    let digits = text.to_ascii_uppercase();
    if digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(Some(digits))
    } else {
        Err(invalid("dev_eui", "must be 16 hex digits"))
    }
}

fn temperature_unit(raw: &RawValue) -> Option<TemperatureUnit> {
    match raw.get() {
        r#""C""# => Some(TemperatureUnit::C),
        r#""F""# => Some(TemperatureUnit::F),
        _ => None,
    }
}

/// The temperature; a number beyond any sensor is an impossible value, not an unreadable one.
fn temperature(
    fields: &Fields<'_>,
    unit: TemperatureUnit,
) -> Result<Option<PostedTemperature>, InvalidElement> {
    let Some(raw) = fields.get("temperature") else {
        return Ok(None);
    };
    let posted = plain_text(raw).map(|text| PostedTemperature::parse(text, unit));
    match posted {
        Some(posted) if posted.value != Err(InvalidTemperature::NotANumber) => Ok(Some(posted)),
        _ => Err(invalid("temperature", "must be a number or numeric text")),
    }
}

/// The door state; an unreadable one beside a temperature is dropped with a warning.
fn door(
    fields: &Fields<'_>,
    has_temperature: bool,
    warnings: &mut Vec<String>,
) -> Result<Option<DoorState>, InvalidElement> {
    let Some(raw) = fields.get("door") else {
        return Ok(None);
    };
    match plain_text(raw).and_then(|text| text.parse().ok()) {
        Some(state) => Ok(Some(state)),
        None if has_temperature => {
            warnings.push("`door` must be open, closed or unknown: ignored".to_owned());
            Ok(None)
        }
        None => Err(invalid("door", "must be open, closed or unknown")),
    }
}

fn optional_milli(
    fields: &Fields<'_>,
    name: &str,
    range: std::ops::RangeInclusive<i32>,
    warnings: &mut Vec<String>,
) -> Option<i32> {
    let raw = fields.get(name)?;
    match plain_text(raw).map(parse_milli) {
        Some(Milli::Value(milli)) if range.contains(&milli) => Some(milli),
        _ => {
            warnings.push(format!(
                "`{name}` must be from {} to {}: ignored",
                range.start() / 1_000,
                range.end() / 1_000
            ));
            None
        }
    }
}

fn milli_to_centi(milli: i32) -> i32 {
    i32::try_from(freshtrack_core::temperature::div_round_half_away(
        i64::from(milli),
        10,
    ))
    .unwrap_or(i32::MAX)
}

fn source(fields: &Fields<'_>, warnings: &mut Vec<String>) -> ReadingSource {
    match fields.get("source").map(RawValue::get) {
        None | Some(r#""api""#) => ReadingSource::Api,
        Some(r#""import""#) => ReadingSource::Import,
        Some(r#""simulator""#) => ReadingSource::Simulator,
        Some(_) => {
            warnings.push("`source` must be api, import or simulator: ignored".to_owned());
            ReadingSource::Api
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: &str = "01890000-0000-7000-8000-000000000001";

    fn one(fields: &str) -> Result<PostedReading, InvalidElement> {
        let body = format!(
            r#"{{"readings":[{{"unit_id":"{UNIT}","recorded_at":"2026-01-01T00:00:00Z",{fields}}}]}}"#
        );
        parse_batch(body.as_bytes()).unwrap().remove(0)
    }

    #[test]
    fn a_temperature_is_read_exactly_from_number_or_text() {
        for fields in [r#""temperature":4.0005"#, r#""temperature":"4.0005""#] {
            let t = one(fields).unwrap().temperature.unwrap().value.unwrap();
            assert_eq!(t.milli_celsius(), 4_001);
        }
        let f = one(r#""temperature":41,"temperature_unit":"F""#).unwrap();
        assert_eq!(f.temperature.unwrap().value.unwrap().milli_celsius(), 5_000);
    }

    #[test]
    fn a_number_beyond_any_sensor_is_kept_as_evidence_and_text_is_refused() {
        let t = one(r#""temperature":1e308"#).unwrap().temperature.unwrap();
        assert_eq!(
            (t.value, t.raw.as_str()),
            (Err(InvalidTemperature::OutOfRange), "1e308")
        );
        assert_eq!(
            one(r#""temperature":"NaN""#).unwrap_err().field,
            "temperature"
        );
        assert_eq!(
            one(r#""temperature":true"#).unwrap_err().field,
            "temperature"
        );
    }

    #[test]
    fn an_invalid_optional_field_never_loses_the_temperature() {
        let e = one(
            r#""temperature":4,"humidity_percent":101,"battery_percent":"full","rssi_dbm":5,"snr_db":[],"door":7,"source":9"#,
        )
        .unwrap();
        assert!(e.temperature.is_some());
        assert_eq!(e.warnings.len(), 6, "{:?}", e.warnings);
        assert_eq!(
            (e.humidity_centi, e.battery_percent, e.door),
            (None, None, None)
        );
    }

    #[test]
    fn unknown_fields_are_ignored_with_a_warning_and_repeated_ones_refused() {
        let e = one(r#""temperature":4,"colour":"blue""#).unwrap();
        assert_eq!(e.warnings, ["unknown field `colour` ignored"]);
        assert_eq!(
            one(r#""temperature":4,"temperature":9"#).unwrap_err().field,
            "temperature"
        );
    }

    #[test]
    fn an_element_without_place_time_or_content_is_refused_by_field() {
        let field = |element: &str| {
            parse_batch(format!(r#"{{"readings":[{element}]}}"#).as_bytes())
                .unwrap()
                .remove(0)
                .unwrap_err()
                .field
        };
        assert_eq!(
            field(r#"{"recorded_at":"2026-01-01T00:00:00Z","temperature":1}"#),
            "unit_id"
        );
        assert_eq!(
            field(&format!(r#"{{"unit_id":"{UNIT}","temperature":1}}"#)),
            "recorded_at"
        );
        assert_eq!(
            field(&format!(
                r#"{{"unit_id":"{UNIT}","recorded_at":"2026-01-01T00:00:00","temperature":1}}"#
            )),
            "recorded_at"
        );
        assert_eq!(field(r#"{"unit_id":7,"temperature":1}"#), "unit_id");
        assert_eq!(field("7"), "readings");
        assert_eq!(field("null"), "readings");
    }

    #[test]
    fn what_is_not_a_batch_is_refused_whole() {
        let code = |body: &str| parse_batch(body.as_bytes()).unwrap_err().code();
        for body in [
            "",
            "{",
            r#"{"readings":[NaN]}"#,
            r#"{"readings":[{"temperature":NaN}]}"#,
        ] {
            assert_eq!(code(body), Code::MalformedRequest, "{body}");
        }
        for body in [
            "[]",
            "{}",
            r#"{"readings":[]}"#,
            r#"{"readings":7}"#,
            "null",
        ] {
            assert_eq!(code(body), Code::ValidationFailed, "{body}");
        }
        assert_eq!(
            code(r#"{"readings":[{}],"temperature_unit":"K"}"#),
            Code::ValidationFailed
        );
        let many = format!(r#"{{"readings":[{}]}}"#, vec!["{}"; 1_001].join(","));
        assert_eq!(code(&many), Code::ValidationFailed);
    }

    proptest::proptest! {
        #[test]
        fn no_body_whatever_ends_the_process(body in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = parse_batch(&body);
        }
    }
}
