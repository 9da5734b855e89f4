//! Mapping profiles: rules as data, one per field of a codec's output.

use super::numbers;
use crate::canonical::{
    Battery, Contact, Decoded, FaultCause, Flag, Leak, MeasuredAt, Measurement, Probe, Quantity,
    Role, SensorKind,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which field of a codec's output is what.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappingProfile {
    /// For people and records.
    pub name: String,
    /// One per field; fields without a rule are not read.
    pub rules: Vec<FieldRule>,
}

/// One field of a codec's output.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldRule {
    /// JSON pointer; one segment may be `*`, which stands for every element of an array.
    ///
    /// A number for a `*` means: the elements are history.
    pub pointer: String,
    /// What it is.
    #[serde(flatten)]
    pub quantity: RuleQuantity,
    /// Which probe.
    pub probe: Probe,
    /// What the probe measures for us.
    pub role: Role,
    /// The unit the codec writes.
    #[serde(default)]
    pub unit: Unit,
    /// Numbers that stand for "no sensor", beside the usual ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sentinels: Vec<f64>,
    /// What must hold for the field to mean anything; otherwise it is a fault, whatever it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_if: Option<Condition>,
    /// How a string may carry the number.
    #[serde(default)]
    pub text: TextForm,
}

/// What a field is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "quantity")]
pub enum RuleQuantity {
    /// A temperature of this kind of sensor.
    Temperature {
        /// Decides range and artefacts.
        #[serde(default)]
        sensor: SensorKind,
    },
    /// Relative humidity in percent.
    Humidity,
    /// Battery voltage.
    BatteryVolts,
    /// Battery percentage.
    BatteryPercent,
    /// Battery grade, 0 to 3.
    BatteryGrade,
    /// Battery band, as text such as `80-100%`.
    BatteryBand,
    /// A door or contact.
    Contact {
        /// Which number or word is open.
        open: Polarity,
    },
    /// Water.
    Leak {
        /// Which number or word is water.
        wet: Polarity,
    },
    /// Anything else.
    Extra {
        /// Its name.
        name: String,
    },
}

/// The unit a codec writes a number in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// °C, %, V: the unit of the canonical record.
    #[default]
    Native,
    /// °F.
    Fahrenheit,
    /// K.
    Kelvin,
    /// Thousandths: mV.
    Milli,
}

/// The values of a two-state field.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Polarity {
    /// Means open, or wet.
    pub yes: Vec<Value>,
    /// Means closed, or dry.
    pub no: Vec<Value>,
}

/// Another field that must have a value.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// JSON pointer to it.
    pub pointer: String,
    /// The value it must have; absent counts as fulfilled.
    pub equals: Value,
}

/// How a string may carry a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextForm {
    /// Not at all.
    #[default]
    Never,
    /// `"<volts>(low battery)"`: the number, and the low flag.
    LowBattery,
    /// `"<number>"`.
    Number,
}

/// Reads `data` by `profile`; a field that is absent or null is not there, which is no fault.
#[must_use]
pub fn map_profile(profile: &MappingProfile, data: &Value) -> Decoded {
    let mut decoded = Decoded::default();
    for rule in &profile.rules {
        if let Some((list, rest)) = rule.pointer.split_once("/*") {
            let items = data.pointer(list).and_then(Value::as_array);
            for item in items.map_or(&[][..], Vec::as_slice) {
                let found = item
                    .pointer(rest)
                    .and_then(|field| apply(rule, field, data));
                let stored =
                    |m: Measurement| m.measured(MeasuredAt::Stored(None)).flagged(Flag::History);
                decoded.measurements.extend(found.map(stored));
            }
        } else if let Some(field) = data.pointer(&rule.pointer) {
            decoded.measurements.extend(apply(rule, field, data));
        }
    }
    decoded
}

fn apply(rule: &FieldRule, field: &Value, data: &Value) -> Option<Measurement> {
    if field.is_null() {
        return None;
    }
    let invalid = rule.valid_if.as_ref().is_some_and(|condition| {
        data.pointer(&condition.pointer)
            .is_some_and(|actual| *actual != condition.equals)
    });
    if invalid {
        let cause = FaultCause::Disconnected;
        return Some(Measurement::fault(
            rule.probe.clone(),
            rule.role,
            quantity(rule),
            cause,
        ));
    }
    let number = scalar(rule, field);
    let on = || rule.probe.clone();
    match &rule.quantity {
        RuleQuantity::Temperature { sensor } => {
            let (number, _) = number?;
            numbers::temperature(
                on(),
                rule.role,
                &number,
                rule.unit,
                *sensor,
                &rule.sentinels,
            )
        }
        RuleQuantity::Humidity => numbers::humidity(on(), rule.role, &number?.0, &rule.sentinels),
        RuleQuantity::BatteryVolts => {
            let (number, low) = number?;
            let millivolts = match rule.unit {
                Unit::Milli => numbers::milli(&number)? / 1_000,
                Unit::Native | Unit::Fahrenheit | Unit::Kelvin => numbers::milli(&number)?,
            };
            let battery = Measurement::battery(Battery::Volts(millivolts));
            Some(if low {
                battery.flagged(Flag::LowBattery)
            } else {
                battery
            })
        }
        RuleQuantity::BatteryPercent => {
            numbers::percent(&number?.0).map(|n| Measurement::battery(Battery::Percent(n)))
        }
        RuleQuantity::BatteryGrade => {
            let grade = u8::try_from(number?.0.as_u64()?)
                .ok()
                .filter(|grade| *grade <= 3)?;
            Some(Measurement::battery(Battery::Grade(grade)))
        }
        RuleQuantity::BatteryBand => {
            let (low, high) = field.as_str()?.trim_end_matches('%').split_once('-')?;
            let band = Battery::Band(low.trim().parse().ok()?, high.trim().parse().ok()?);
            Some(Measurement::battery(band))
        }
        RuleQuantity::Contact { open } => {
            let contact = if open.of(field)? {
                Contact::Open
            } else {
                Contact::Closed
            };
            Some(Measurement::contact(on(), contact))
        }
        RuleQuantity::Leak { wet } => {
            let leak = if wet.of(field)? { Leak::Wet } else { Leak::Dry };
            Some(Measurement::leak(on(), leak))
        }
        RuleQuantity::Extra { name } => {
            Some(Measurement::extra(on(), name.clone(), number?.0.as_f64()?))
        }
    }
}

fn quantity(rule: &FieldRule) -> Quantity {
    match &rule.quantity {
        RuleQuantity::Temperature { .. } => Quantity::Temperature,
        RuleQuantity::Humidity => Quantity::Humidity,
        RuleQuantity::BatteryVolts
        | RuleQuantity::BatteryPercent
        | RuleQuantity::BatteryGrade
        | RuleQuantity::BatteryBand => Quantity::Battery,
        RuleQuantity::Contact { .. } => Quantity::Contact,
        RuleQuantity::Leak { .. } => Quantity::Leak,
        RuleQuantity::Extra { name } => Quantity::Extra(name.clone().into()),
    }
}

/// The number of a field, and whether the text said that the battery is low.
fn scalar(rule: &FieldRule, field: &Value) -> Option<(serde_json::Number, bool)> {
    match (field, rule.text) {
        (Value::Number(number), _) => Some((number.clone(), false)),
        (Value::String(text), TextForm::LowBattery) => {
            let (number, low) = match text.split_once('(') {
                Some((number, note)) => (number, note.to_ascii_lowercase().contains("low")),
                None => (text.as_str(), false),
            };
            Some((number.trim().parse().ok()?, low))
        }
        (Value::String(text), TextForm::Number) => Some((text.trim().parse().ok()?, false)),
        _ => None,
    }
}

impl Polarity {
    fn of(&self, field: &Value) -> Option<bool> {
        if self.yes.contains(field) {
            return Some(true);
        }
        self.no.contains(field).then_some(false)
    }
}
