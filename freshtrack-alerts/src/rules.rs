//! Rules: limits and timings, set at a scope and inherited by what lies below.

use freshtrack_core::hierarchy::UnitType;
use freshtrack_core::temperature::{Limit, Temperature, TemperatureDelta};
use freshtrack_core::wire_enum;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

wire_enum! {
    /// Where a rule is set; the nearer scope wins.
    RuleScope {
        /// One unit.
        Unit = "unit",
        /// Every unit of an area.
        Area = "area",
        /// Every unit of a site.
        Site = "site",
        /// Every unit of the organization.
        Organization = "organization",
    }
}

wire_enum! {
    /// How an excursion is confirmed.
    RulePack {
        /// By the fixed delays of the rules.
        Basic = "basic",
        /// Above the upper limit by the defrost-aware rule, which gives a freezer that warms fast a
        /// bounded and shown time to come back.
        DefrostAware = "defrost_aware",
    }
}

/// A limit field: inherit (absent), explicitly none, or a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitRule {
    /// No limit on this side.
    None,
    /// This limit.
    At(Limit),
}

/// The fields of a rule set; an absent field is inherited.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RuleFields {
    /// Upper limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temp_max: Option<LimitRule>,
    /// Lower limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temp_min: Option<LimitRule>,
    /// How far inside the limits a value must be to count as back in range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hysteresis: Option<TemperatureDelta>,
    /// Confirmation delay with the door closed or unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_closed_seconds: Option<u32>,
    /// Confirmation delay with the door open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_open_seconds: Option<u32>,
    /// How long an open door holds an excursion back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub door_hold_seconds: Option<u32>,
    /// When an excursion has lasted too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_excursion_seconds: Option<u32>,
    /// In-band readings that end an excursion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore_readings: Option<u32>,
    /// Expected time between readings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_in_interval_seconds: Option<u32>,
    /// Missed check-ins that make a sensor late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline_warning_missed: Option<u32>,
    /// Missed check-ins that make a sensor silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline_critical_missed: Option<u32>,
    /// Whether people are asked to measure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manual_logging_enabled: Option<bool>,
    /// Missed check-ins after which people are asked to measure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manual_missed_threshold: Option<u32>,
    /// Time between manual logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manual_interval_seconds: Option<u32>,
    /// Grace on top.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manual_grace_seconds: Option<u32>,
    /// Open door: warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub door_warning_seconds: Option<u32>,
    /// Open door: critical.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub door_critical_seconds: Option<u32>,
    /// How an excursion is confirmed. The fields below are read by the defrost-aware pack only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_pack: Option<RulePack>,
    /// Proven time above the upper limit until an alarm, without grace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defrost_on_delay_seconds: Option<u32>,
    /// Grace, from the crossing of the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defrost_grace_seconds: Option<u32>,
    /// Any reading at or above raises at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defrost_ceiling: Option<Temperature>,
    /// A steeper rise suggests a defrost; milli-°C per minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defrost_rise_milli_per_minute: Option<u32>,
    /// A new peak this long after the crossing cancels grace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defrost_rise_max_seconds: Option<u32>,
    /// A peak needs its recovery within this, or 2.5 check-in intervals if longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defrost_recovery_seconds: Option<u32>,
    /// Back from the peak by this much is a recovery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defrost_recovery: Option<TemperatureDelta>,
    /// Used graces per 24 hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defrost_grace_budget: Option<u32>,
    /// Whether the unit is a critical control point: taking its alarm needs a reason and lapses without a
    /// corrective action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ccp: Option<bool>,
    /// Time constant of the product behind the air sensor; 0 models none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_tau_seconds: Option<u32>,
    /// Time constant of the unit without power.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warming_tau_seconds: Option<u32>,
    /// What it warms to then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warming_ambient: Option<Temperature>,
}

/// The rule fields set at one scope, for one unit type or for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSet {
    /// Where it is set.
    pub scope: RuleScope,
    /// The unit, area, site or organization.
    pub scope_id: Uuid,
    /// Only for units of this type, if given.
    pub unit_type: Option<UnitType>,
    /// The fields.
    pub fields: RuleFields,
    /// Raised by one with each change.
    pub version: i64,
}
