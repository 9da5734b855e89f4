//! Which rule applies to a unit: nearest scope first, field by field, with the place it came from.

use crate::escalation::Plans;
use crate::food_safety::defrost::Params;
use crate::rules::{LimitRule, RuleFields, RulePack, RuleScope, RuleSet};
use freshtrack_core::device::Device;
use freshtrack_core::evidence::Sha256Hash;
use freshtrack_core::hierarchy::{Unit, UnitType};
use freshtrack_core::ids::OrgId;
use freshtrack_core::reading::Zone;
use freshtrack_core::temperature::{Limit, Temperature, TemperatureDelta};
use freshtrack_core::time::Span;
use freshtrack_core::wire_enum;
use serde::Serialize;
use uuid::Uuid;

wire_enum! {
    /// Where an effective field was set.
    RuleLevel {
        /// At the unit.
        Unit = "unit",
        /// At its area.
        Area = "area",
        /// At its site.
        Site = "site",
        /// At the organization.
        Organization = "organization",
        /// Nowhere: built in.
        Default = "default",
        /// At the primary device; check-in interval only.
        Device = "device",
    }
}

/// Who supplied the value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// The level.
    pub level: RuleLevel,
    /// The unit, area, site, organization or device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope_id: Option<Uuid>,
    /// The unit type the rule set is limited to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_type: Option<UnitType>,
    /// Version of the rule set; 0 for what is built in.
    pub version: i64,
}

const BUILT_IN: Provenance = Provenance {
    level: RuleLevel::Default,
    scope_id: None,
    unit_type: None,
    version: 0,
};

macro_rules! rule_fields {
    ($($(#[$doc:meta])* $field:ident: $ty:ty,)+) => {
        /// The rules of one unit, every field decided.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        pub struct EffectiveRules {
            $($(#[$doc])* pub $field: $ty,)+
            /// Who is called again, and when.
            #[serde(skip)]
            pub escalation: Plans,
            /// Changes whenever a rule set that reaches the unit changes.
            #[serde(skip)]
            pub version: i64,
        }

        /// Where each field of [`EffectiveRules`] came from.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        pub struct RuleSources {
            $($(#[$doc])* pub $field: Provenance,)+
        }
    };
}

rule_fields! {
    /// Upper limit, unless there is none.
    temp_max: Option<Limit>,
    /// Lower limit, unless there is none.
    temp_min: Option<Limit>,
    /// How far inside the limits a value must be to count as back in range.
    hysteresis: TemperatureDelta,
    /// Confirmation delay with the door closed or unknown.
    confirm_closed_seconds: u32,
    /// Confirmation delay with the door open.
    confirm_open_seconds: u32,
    /// How long an open door holds an excursion back.
    door_hold_seconds: u32,
    /// When an alarm has lasted too long.
    max_excursion_seconds: u32,
    /// In-band readings that end an excursion.
    restore_readings: u32,
    /// Expected time between readings.
    check_in_interval_seconds: u32,
    /// Missed check-ins that make a sensor late.
    offline_warning_missed: u32,
    /// Missed check-ins that make a sensor silent.
    offline_critical_missed: u32,
    /// Whether people are asked to measure.
    manual_logging_enabled: bool,
    /// Missed check-ins after which people are asked to measure.
    manual_missed_threshold: u32,
    /// Time between manual logs.
    manual_interval_seconds: u32,
    /// Grace on top.
    manual_grace_seconds: u32,
    /// Open door: warning.
    door_warning_seconds: u32,
    /// Open door: critical.
    door_critical_seconds: u32,
    /// How an excursion is confirmed.
    rule_pack: RulePack,
    /// Proven time above the upper limit until an alarm, without grace.
    defrost_on_delay_seconds: u32,
    /// Grace, from the crossing of the limit.
    defrost_grace_seconds: u32,
    /// Any reading at or above raises at once.
    defrost_ceiling: Temperature,
    /// A steeper rise suggests a defrost; milli-°C per minute.
    defrost_rise_milli_per_minute: u32,
    /// A new peak this long after the crossing cancels grace.
    defrost_rise_max_seconds: u32,
    /// A peak needs its recovery within this, or 2.5 check-in intervals if longer.
    defrost_recovery_seconds: u32,
    /// Back from the peak by this much is a recovery.
    defrost_recovery: TemperatureDelta,
    /// Used graces per 24 hours.
    defrost_grace_budget: u32,
}

impl EffectiveRules {
    /// The built-in rules of a unit type.
    #[must_use]
    pub fn built_in(unit_type: UnitType) -> Self {
        let (max, min) = unit_type.default_limits();
        Self {
            temp_max: Some(max),
            temp_min: Some(min),
            hysteresis: TemperatureDelta::from_milli_celsius(500),
            confirm_closed_seconds: 600,
            confirm_open_seconds: 1_200,
            door_hold_seconds: 1_200,
            max_excursion_seconds: 3_600,
            restore_readings: 2,
            check_in_interval_seconds: 300,
            offline_warning_missed: 1,
            offline_critical_missed: 5,
            manual_logging_enabled: true,
            manual_missed_threshold: 5,
            manual_interval_seconds: 14_400,
            manual_grace_seconds: 0,
            door_warning_seconds: 180,
            door_critical_seconds: 600,
            rule_pack: match unit_type {
                UnitType::Freezer | UnitType::WalkInFreezer => RulePack::DefrostAware,
                UnitType::Fridge
                | UnitType::WalkInCooler
                | UnitType::DisplayCase
                | UnitType::BlastChiller => RulePack::Basic,
            },
            defrost_on_delay_seconds: 900,
            defrost_grace_seconds: 5_400,
            defrost_ceiling: Temperature::from_milli_celsius(10_000),
            defrost_rise_milli_per_minute: 170,
            defrost_rise_max_seconds: 2_700,
            defrost_recovery_seconds: 1_800,
            defrost_recovery: TemperatureDelta::from_milli_celsius(2_000),
            defrost_grace_budget: 6,
            escalation: Plans::default(),
            version: 0,
        }
    }

    /// Where `t` stands against the limits.
    ///
    /// Where the limits are closer together than twice the hysteresis, half their distance is used, so
    /// that a way back always exists.
    #[must_use]
    pub fn zone(&self, t: Temperature) -> Zone {
        let (max, min) = (self.temp_max.as_ref(), self.temp_min.as_ref());
        if max.is_some_and(|limit| limit.is_above(t)) || min.is_some_and(|limit| limit.is_below(t))
        {
            return Zone::Out;
        }
        let milli = |limit: &Limit| i64::from(limit.temperature().milli_celsius());
        let (max, min, t) = (max.map(milli), min.map(milli), i64::from(t.milli_celsius()));
        let mut band = i64::from(self.hysteresis.milli_celsius());
        if let (Some(max), Some(min)) = (max, min)
            && max - min < 2 * band
        {
            band = (max - min).max(0) / 2;
        }
        if max.is_none_or(|max| t <= max - band) && min.is_none_or(|min| t >= min + band) {
            Zone::In
        } else {
            Zone::Margin
        }
    }

    /// Settings of the defrost-aware rule, if that is the unit's pack and there is an upper limit.
    #[must_use]
    pub fn defrost_params(&self) -> Option<Params> {
        match self.rule_pack {
            RulePack::Basic => None,
            RulePack::DefrostAware => self.temp_max.map(|limit| Params {
                on_delay: seconds(self.defrost_on_delay_seconds),
                door_delay: seconds(self.confirm_open_seconds),
                grace: seconds(self.defrost_grace_seconds),
                ceiling: self.defrost_ceiling,
                rise_milli_per_minute: i32::try_from(self.defrost_rise_milli_per_minute)
                    .unwrap_or(i32::MAX),
                rise_max: seconds(self.defrost_rise_max_seconds),
                recovery_within: seconds(self.defrost_recovery_seconds),
                recovery: self.defrost_recovery,
                grace_budget: u8::try_from(self.defrost_grace_budget).unwrap_or(u8::MAX),
                ..Params::freezer(limit, self.check_in_interval())
            }),
        }
    }

    /// SHA-256 of the fields as JSON, in the order above: rules with the same hash decide the same. Who is
    /// called, and the version, are left out.
    ///
    /// # Panics
    /// Never: the fields are numbers, words and limits, and all of them have a JSON form.
    #[must_use]
    pub fn hash(&self) -> Sha256Hash {
        let json = serde_json::to_vec(self).expect("rule fields have a JSON form");
        Sha256Hash::of(&[&json])
    }

    /// The expected time between readings.
    #[must_use]
    pub const fn check_in_interval(&self) -> Span {
        seconds(self.check_in_interval_seconds)
    }
}

/// A span of unsigned seconds, as rules hold them.
pub(crate) const fn seconds(count: u32) -> Span {
    Span::from_seconds(count as i64)
}

/// Rule sets that reach one unit, nearest first.
struct Layers<'a>([Option<&'a RuleSet>; 7]);

impl<'a> Layers<'a> {
    fn of(sets: &'a [RuleSet], org: OrgId, unit: &Unit) -> Self {
        let mut layers = [None; 7];
        for set in sets {
            let scope = match set.scope {
                RuleScope::Unit if set.scope_id == unit.id.as_uuid() => 0,
                RuleScope::Area if set.scope_id == unit.area_id.as_uuid() => 1,
                RuleScope::Site if set.scope_id == unit.site_id.as_uuid() => 3,
                RuleScope::Organization if set.scope_id == org.as_uuid() => 5,
                RuleScope::Unit | RuleScope::Area | RuleScope::Site | RuleScope::Organization => {
                    continue;
                }
            };
            let slot = match set.unit_type {
                Some(own) if own == unit.unit_type => scope,
                Some(_) => continue,
                None if scope == 0 => 0,
                None => scope + 1,
            };
            layers[slot] = Some(set);
        }
        Self(layers)
    }

    fn nearest<T>(&self, get: impl Fn(&RuleFields) -> Option<T>, built_in: T) -> (T, Provenance) {
        for set in self.0.iter().flatten() {
            if let Some(value) = get(&set.fields) {
                return (value, provenance(set));
            }
        }
        (built_in, BUILT_IN)
    }
}

fn provenance(set: &RuleSet) -> Provenance {
    Provenance {
        level: match set.scope {
            RuleScope::Unit => RuleLevel::Unit,
            RuleScope::Area => RuleLevel::Area,
            RuleScope::Site => RuleLevel::Site,
            RuleScope::Organization => RuleLevel::Organization,
        },
        scope_id: Some(set.scope_id),
        unit_type: set.unit_type,
        version: set.version,
    }
}

/// The rules of `unit`, and where each came from.
///
/// `sets` are all rule sets of the organization in any order; `devices` those assigned to the unit:
/// the primary one may name its own check-in interval.
#[must_use]
pub fn resolve(
    sets: &[RuleSet],
    org: OrgId,
    unit: &Unit,
    devices: &[Device],
) -> (EffectiveRules, RuleSources) {
    let layers = Layers::of(sets, org, unit);
    let base = EffectiveRules::built_in(unit.unit_type);
    let limit = |rule: LimitRule| match rule {
        LimitRule::None => None,
        LimitRule::At(limit) => Some(limit),
    };
    macro_rules! decide {
        ($($field:ident),+) => {{
            $(let $field = layers.nearest(|fields| fields.$field, base.$field);)+
            let temp_max = layers.nearest(|fields| fields.temp_max.map(limit), base.temp_max);
            let temp_min = layers.nearest(|fields| fields.temp_min.map(limit), base.temp_min);
            let version = layers.0.iter().flatten().map(|set| set.version).sum();
            (
                EffectiveRules { temp_max: temp_max.0, temp_min: temp_min.0, $($field: $field.0,)+ escalation: base.escalation, version },
                RuleSources { temp_max: temp_max.1, temp_min: temp_min.1, $($field: $field.1,)+ },
            )
        }};
    }
    let (mut rules, mut sources) = decide!(
        hysteresis,
        confirm_closed_seconds,
        confirm_open_seconds,
        door_hold_seconds,
        max_excursion_seconds,
        restore_readings,
        check_in_interval_seconds,
        offline_warning_missed,
        offline_critical_missed,
        manual_logging_enabled,
        manual_missed_threshold,
        manual_interval_seconds,
        manual_grace_seconds,
        door_warning_seconds,
        door_critical_seconds,
        rule_pack,
        defrost_on_delay_seconds,
        defrost_grace_seconds,
        defrost_ceiling,
        defrost_rise_milli_per_minute,
        defrost_rise_max_seconds,
        defrost_recovery_seconds,
        defrost_recovery,
        defrost_grace_budget
    );
    let own_interval = devices
        .iter()
        .filter(|device| device.is_primary)
        .find_map(|device| device.uplink_interval_seconds.map(|s| (device, s)));
    if let Some((device, interval)) = own_interval {
        rules.check_in_interval_seconds = interval;
        sources.check_in_interval_seconds = Provenance {
            level: RuleLevel::Device,
            scope_id: Some(device.id.as_uuid()),
            unit_type: None,
            version: device.version,
        };
    }
    (rules, sources)
}
