//! Rules as the API writes them: limits as authored, in the author's scale.

use super::Scale;
use crate::http::problem::Problem;
use crate::http::wire::Wire;
use freshtrack_alerts::cascade::{EffectiveRules, Provenance, RuleLevel, RuleSources};
use freshtrack_alerts::rules::{LimitRule, RuleFields, RulePack};
use freshtrack_core::decimal::{Milli, parse_milli};
use freshtrack_core::hierarchy::UnitType;
use freshtrack_core::temperature::{
    Boundary, Limit, Temperature, TemperatureDelta, TemperatureUnit,
};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use poem_openapi::{Enum, Object};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Text of a limit that is explicitly none.
const NONE: &str = "none";

/// Whether a temperature of exactly the limit violates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "Boundary", rename_all = "snake_case")]
pub enum BoundaryView {
    /// Exactly the limit is fine.
    Safe,
    /// Exactly the limit violates.
    Violates,
}

/// A limit as authored.
#[derive(Debug, Object)]
#[oai(rename = "RuleLimit")]
struct RuleLimitView {
    /// The number as authored, up to three decimals.
    value: f64,
    /// The author's scale.
    unit: Scale,
    /// Whether exactly the limit violates; `safe` if left out.
    boundary: Option<BoundaryView>,
    /// The same in degrees Celsius.
    #[oai(read_only)]
    celsius: Option<f64>,
}

/// A limit, or `none`: no limit on this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitField(LimitRule);

impl Type for LimitField {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "LimitOrNone".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference("LimitOrNone".to_owned())
    }

    fn register(registry: &mut Registry) {
        RuleLimitView::register(registry);
        registry.create_schema::<Self, _>("LimitOrNone".to_owned(), |_| {
            let mut none = MetaSchema::new("string");
            none.enum_items = vec![Value::from(NONE)];
            let mut schema = MetaSchema::ANY;
            schema.any_of = vec![
                MetaSchemaRef::Inline(Box::new(none)),
                RuleLimitView::schema_ref(),
            ];
            schema
        });
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromJSON for LimitField {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        let invalid = || {
            ParseError::custom(
                "must be \"none\" or {value, unit: C or F, boundary: safe or violates}",
            )
        };
        let fields = match value {
            Some(Value::String(text)) if text == NONE => return Ok(Self(LimitRule::None)),
            Some(Value::Object(fields)) => fields,
            _ => return Err(invalid()),
        };
        let known = ["value", "unit", "boundary"];
        if fields.keys().any(|name| !known.contains(&name.as_str())) {
            return Err(invalid());
        }
        let milli = fields.get("value").and_then(milli).ok_or_else(invalid)?;
        let unit = fields.get("unit").and_then(scale).ok_or_else(invalid)?;
        let boundary = match fields.get("boundary").map(Value::as_str) {
            None | Some(Some("safe")) => Boundary::Safe,
            Some(Some("violates")) => Boundary::Violates,
            Some(_) => return Err(invalid()),
        };
        Ok(Self(LimitRule::At(Limit {
            milli,
            unit,
            boundary,
        })))
    }
}

impl ToJSON for LimitField {
    fn to_json(&self) -> Option<Value> {
        Some(match self.0 {
            LimitRule::None => Value::from(NONE),
            LimitRule::At(limit) => json!({
                "value": f64::from(limit.milli) / 1_000.0,
                "unit": letter(limit.unit),
                "boundary": match limit.boundary {
                    Boundary::Safe => "safe",
                    Boundary::Violates => "violates",
                },
                "celsius": limit.temperature().in_unit(TemperatureUnit::C),
            }),
        })
    }
}

/// A difference of temperatures.
#[derive(Debug, Clone, Copy, Object)]
#[oai(rename = "TemperatureDelta", deny_unknown_fields)]
pub struct DeltaView {
    /// The number, up to three decimals.
    value: f64,
    /// Its scale; C in answers.
    unit: Scale,
}

/// A temperature.
#[derive(Debug, Clone, Copy, Object)]
#[oai(rename = "RuleTemperature", deny_unknown_fields)]
pub struct TemperatureView {
    /// The number, up to three decimals.
    value: f64,
    /// Its scale; C in answers.
    unit: Scale,
}

pub(super) fn temperature_view(temperature: Temperature) -> TemperatureView {
    TemperatureView {
        value: temperature.in_unit(TemperatureUnit::C),
        unit: Scale::C,
    }
}

/// Reads a difference of temperatures.
pub(super) fn delta_of(
    field: &str,
    delta: Option<DeltaView>,
) -> Result<Option<TemperatureDelta>, Problem> {
    delta
        .map(|delta| {
            milli(&json!(delta.value))
                .map(|milli| TemperatureDelta::from_milli(milli, delta.unit.into()))
                .ok_or_else(|| Problem::field(field, "must be a number of degrees"))
        })
        .transpose()
}

/// Reads a temperature.
pub(super) fn temperature_of(
    field: &str,
    temperature: Option<TemperatureView>,
) -> Result<Option<Temperature>, Problem> {
    temperature
        .map(|view| {
            milli(&json!(view.value))
                .and_then(|milli| Temperature::from_milli(milli, view.unit.into()).ok())
                .ok_or_else(|| Problem::field(field, "must be a number of degrees"))
        })
        .transpose()
}

/// An exact decimal: a number, or one in a text.
fn milli(value: &Value) -> Option<i32> {
    let parsed = match value {
        Value::Number(number) => parse_milli(&number.to_string()),
        Value::String(text) => parse_milli(text),
        _ => return None,
    };
    match parsed {
        Milli::Value(milli) => Some(milli),
        _ => None,
    }
}

fn scale(value: &Value) -> Option<TemperatureUnit> {
    match value.as_str()? {
        "C" => Some(TemperatureUnit::C),
        "F" => Some(TemperatureUnit::F),
        _ => None,
    }
}

const fn letter(unit: TemperatureUnit) -> &'static str {
    match unit {
        TemperatureUnit::C => "C",
        TemperatureUnit::F => "F",
    }
}

pub(super) fn delta_view(delta: TemperatureDelta) -> DeltaView {
    DeltaView {
        value: f64::from(delta.milli_celsius()) / 1_000.0,
        unit: Scale::C,
    }
}

macro_rules! plain_fields {
    ($($(#[$doc:meta])* $field:ident: $ty:ty,)+) => {
        /// Fields of a rule set; one that is absent is inherited.
        #[derive(Debug, Default, Object)]
        #[oai(rename = "RuleFields", deny_unknown_fields)]
        pub struct RuleFieldsView {
            /// Upper limit, or `none`.
            #[oai(skip_serializing_if_is_none)]
            temp_max: Option<LimitField>,
            /// Lower limit, or `none`.
            #[oai(skip_serializing_if_is_none)]
            temp_min: Option<LimitField>,
            /// How far inside the limits a value must be to count as back in range, 0–5 °C.
            #[oai(skip_serializing_if_is_none)]
            hysteresis: Option<DeltaView>,
            /// How an excursion is confirmed; the `defrost_` fields are read by `defrost_aware` only.
            #[oai(skip_serializing_if_is_none)]
            rule_pack: Option<Wire<RulePack>>,
            /// Air at or above this raises at once, −30…30 °C.
            #[oai(skip_serializing_if_is_none)]
            defrost_ceiling: Option<TemperatureView>,
            /// Back from the peak by this much is a recovery, 0.5–10 °C.
            #[oai(skip_serializing_if_is_none)]
            defrost_recovery: Option<DeltaView>,
            /// What a unit without power warms to, -30…60 °C; 30 °C unless set.
            #[oai(skip_serializing_if_is_none)]
            warming_ambient: Option<TemperatureView>,
            $($(#[$doc])* #[oai(skip_serializing_if_is_none)] $field: Option<$ty>,)+
        }

        impl RuleFieldsView {
            /// The fields that are given.
            ///
            /// # Errors
            /// 422 for a hysteresis that is no number of degrees.
            pub(super) fn into_fields(self) -> Result<RuleFields, Problem> {
                Ok(RuleFields {
                    temp_max: self.temp_max.map(|field| field.0),
                    temp_min: self.temp_min.map(|field| field.0),
                    hysteresis: delta_of("/fields/hysteresis", self.hysteresis)?,
                    rule_pack: self.rule_pack.map(|pack| pack.0),
                    defrost_ceiling: temperature_of("/fields/defrost_ceiling", self.defrost_ceiling)?,
                    warming_ambient: temperature_of("/fields/warming_ambient", self.warming_ambient)?,
                    defrost_recovery: delta_of("/fields/defrost_recovery", self.defrost_recovery)?,
                    $($field: self.$field,)+
                })
            }

            /// All fields, decided.
            pub(super) fn effective(rules: &EffectiveRules) -> Self {
                let limit = |limit: Option<Limit>| {
                    Some(LimitField(limit.map_or(LimitRule::None, LimitRule::At)))
                };
                Self {
                    temp_max: limit(rules.temp_max),
                    temp_min: limit(rules.temp_min),
                    hysteresis: Some(delta_view(rules.hysteresis)),
                    rule_pack: Some(Wire(rules.rule_pack)),
                    defrost_ceiling: Some(temperature_view(rules.defrost_ceiling)),
                    warming_ambient: Some(temperature_view(rules.warming_ambient)),
                    defrost_recovery: Some(delta_view(rules.defrost_recovery)),
                    $($field: Some(rules.$field),)+
                }
            }
        }

        impl From<&RuleFields> for RuleFieldsView {
            fn from(fields: &RuleFields) -> Self {
                Self {
                    temp_max: fields.temp_max.map(LimitField),
                    temp_min: fields.temp_min.map(LimitField),
                    hysteresis: fields.hysteresis.map(delta_view),
                    rule_pack: fields.rule_pack.map(Wire),
                    defrost_ceiling: fields.defrost_ceiling.map(temperature_view),
                    defrost_recovery: fields.defrost_recovery.map(delta_view),
                    warming_ambient: fields.warming_ambient.map(temperature_view),
                    $($field: fields.$field,)+
                }
            }
        }

        /// Where each field came from, by its name.
        pub(super) fn sources_by_field(sources: &RuleSources) -> BTreeMap<String, ProvenanceView> {
            let mut by_field = BTreeMap::from([
                ("temp_max".to_owned(), sources.temp_max.into()),
                ("temp_min".to_owned(), sources.temp_min.into()),
                ("hysteresis".to_owned(), sources.hysteresis.into()),
                ("rule_pack".to_owned(), sources.rule_pack.into()),
                ("defrost_ceiling".to_owned(), sources.defrost_ceiling.into()),
                ("defrost_recovery".to_owned(), sources.defrost_recovery.into()),
                ("warming_ambient".to_owned(), sources.warming_ambient.into()),
            ]);
            $(by_field.insert(stringify!($field).to_owned(), sources.$field.into());)+
            by_field
        }
    };
}

plain_fields! {
    /// Confirmation delay with the door closed or unknown, 60–7200.
    confirm_closed_seconds: u32,
    /// Confirmation delay with the door open, 60–7200; not below the other.
    confirm_open_seconds: u32,
    /// How long an open door holds an excursion back, 0–3600.
    door_hold_seconds: u32,
    /// When an excursion has lasted too long, 600–14400.
    max_excursion_seconds: u32,
    /// In-band readings that end an excursion, 1–10.
    restore_readings: u32,
    /// Expected time between readings, 30–86400.
    check_in_interval_seconds: u32,
    /// Missed check-ins that make a sensor late, 1–20.
    offline_warning_missed: u32,
    /// Missed check-ins that make a sensor silent; more than the other, up to 100.
    offline_critical_missed: u32,
    /// Whether people are asked to measure.
    manual_logging_enabled: bool,
    /// Missed check-ins after which people are asked to measure, 1–100.
    manual_missed_threshold: u32,
    /// Time between manual logs, 900–604800.
    manual_interval_seconds: u32,
    /// Grace on top, 0–86400.
    manual_grace_seconds: u32,
    /// Open door: warning, 30–7200.
    door_warning_seconds: u32,
    /// Open door: critical; above the other, up to 7200.
    door_critical_seconds: u32,
    /// Proven time above the upper limit until an alarm, without grace, 300–3600.
    defrost_on_delay_seconds: u32,
    /// Grace of a suspected defrost, from the crossing of the limit, 900–7200.
    defrost_grace_seconds: u32,
    /// A steeper rise suggests a defrost; milli-°C per minute, 50–2000.
    defrost_rise_milli_per_minute: u32,
    /// A new peak this long after the crossing cancels grace, 300–5400.
    defrost_rise_max_seconds: u32,
    /// A peak needs its recovery within this, 600–5400.
    defrost_recovery_seconds: u32,
    /// Used graces per 24 hours, 0–12.
    defrost_grace_budget: u32,
    /// Whether the unit is a critical control point: taking its alarm needs a reason and lapses after 30
    /// minutes without a corrective action.
    ccp: bool,
    /// Time constant of the product behind the air sensor, 0–86400; 0 models none.
    product_tau_seconds: u32,
    /// Time constant of the unit without power, 600–604800; 8 hours unless set.
    warming_tau_seconds: u32,
}

/// Who supplied the value of a field.
#[derive(Debug, Object)]
#[oai(rename = "Provenance")]
pub struct ProvenanceView {
    /// The level.
    level: Wire<RuleLevel>,
    /// The unit, area, site, organization or device.
    #[oai(skip_serializing_if_is_none)]
    scope_id: Option<Uuid>,
    /// The unit type the rule set is limited to.
    #[oai(skip_serializing_if_is_none)]
    unit_type: Option<Wire<UnitType>>,
    /// Version of the rule set; 0 for what is built in.
    version: i64,
}

impl From<Provenance> for ProvenanceView {
    fn from(provenance: Provenance) -> Self {
        Self {
            level: Wire(provenance.level),
            scope_id: provenance.scope_id,
            unit_type: provenance.unit_type.map(Wire),
            version: provenance.version,
        }
    }
}
