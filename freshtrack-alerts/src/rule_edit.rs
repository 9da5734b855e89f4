//! Deciding a change of rules: what is stored, what history says, and whether it may be.

use crate::ports::{RuleChange, RuleLine, RulePlace, RulesBelow};
use crate::rule_check::{RuleError, check_effect, check_fields};
use crate::rules::{RuleFields, RuleSet};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::principal::Actor;
use freshtrack_core::time::Timestamp;
use serde_json::{Map, Value};

/// Names of all rule fields, as they are written.
pub const RULE_FIELDS: &[&str] = &[
    "temp_max",
    "temp_min",
    "hysteresis",
    "confirm_closed_seconds",
    "confirm_open_seconds",
    "door_hold_seconds",
    "max_excursion_seconds",
    "restore_readings",
    "check_in_interval_seconds",
    "offline_warning_missed",
    "offline_critical_missed",
    "manual_logging_enabled",
    "manual_missed_threshold",
    "manual_interval_seconds",
    "manual_grace_seconds",
    "door_warning_seconds",
    "door_critical_seconds",
    "rule_pack",
    "defrost_on_delay_seconds",
    "defrost_grace_seconds",
    "defrost_ceiling",
    "defrost_rise_milli_per_minute",
    "defrost_rise_max_seconds",
    "defrost_recovery_seconds",
    "defrost_recovery",
    "defrost_grace_budget",
    "ccp",
    "product_tau_seconds",
    "warming_tau_seconds",
    "warming_ambient",
];

/// What somebody wants to do to the rules at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one short-lived value per request"
)]
pub enum Edit {
    /// Set the fields that are given, keep the others.
    Set(RuleFields),
    /// Inherit this field again.
    Clear(&'static str),
}

/// Why a change of rules was not decided.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The rules are not acceptable.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A rule cannot be written or read as JSON.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who changes rules, when, and what they say about it.
#[derive(Debug, Clone, Copy)]
pub struct Author<'a> {
    /// Who.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
    /// What they say.
    pub note: Option<&'a str>,
}

/// The rule set at a place, if anything was ever set there.
#[must_use]
pub fn set_at(sets: &[RuleSet], place: RulePlace) -> Option<&RuleSet> {
    sets.iter().find(|set| place_of(set) == place)
}

/// Where a rule set belongs.
#[must_use]
pub const fn place_of(set: &RuleSet) -> RulePlace {
    RulePlace {
        scope: set.scope,
        scope_id: set.scope_id,
        unit_type: set.unit_type,
    }
}

/// Decides a change: `None` if nothing would be different.
///
/// # Errors
/// The first field that is not acceptable, or the units that would be left with contradictory rules.
pub fn decide(
    below: &RulesBelow,
    org: OrgId,
    place: RulePlace,
    edit: &Edit,
    author: Author<'_>,
) -> Result<Option<RuleChange>, EditError> {
    let stored = set_at(&below.rule_sets, place);
    let before = stored.map_or_else(RuleFields::default, |set| set.fields.clone());
    let before = as_map(&before)?;
    let mut after = before.clone();
    match edit {
        Edit::Set(fields) => {
            check_fields(place.scope, place.unit_type, fields)?;
            after.extend(as_map(fields)?);
        }
        Edit::Clear(field) => {
            after.remove(*field);
        }
    }
    let lines = lines(&before, &after, place, author);
    if lines.is_empty() {
        return Ok(None);
    }
    let fields = serde_json::from_value(Value::Object(after)).map_err(StoreError::unavailable)?;
    let set = RuleSet {
        scope: place.scope,
        scope_id: place.scope_id,
        unit_type: place.unit_type,
        fields,
        version: stored.map_or(0, |set| set.version) + 1,
    };
    let mut sets = below.rule_sets.clone();
    sets.retain(|other| place_of(other) != place);
    sets.push(set.clone());
    let units = below.units.iter();
    check_effect(
        &sets,
        org,
        units.map(|(unit, devices)| (unit, devices.as_slice())),
    )?;
    Ok(Some(RuleChange {
        set,
        expected_revision: below.revision(),
        lines,
        at: author.at,
    }))
}

fn as_map(fields: &RuleFields) -> Result<Map<String, Value>, StoreError> {
    match serde_json::to_value(fields).map_err(StoreError::unavailable)? {
        Value::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

fn lines(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    place: RulePlace,
    author: Author<'_>,
) -> Vec<RuleLine> {
    RULE_FIELDS
        .iter()
        .filter(|field| before.get(**field) != after.get(**field))
        .map(|field| RuleLine {
            at: author.at,
            actor: author.actor,
            place,
            field: (*field).to_owned(),
            old: before.get(*field).cloned(),
            new: after.get(*field).cloned(),
            note: author.note.map(str::to_owned),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::LimitRule;
    use freshtrack_core::temperature::TemperatureDelta;

    /// A field that [`RULE_FIELDS`] does not name could neither be cleared nor appear in history.
    #[test]
    fn every_field_is_named_once() {
        let all = RuleFields {
            temp_max: Some(LimitRule::None),
            temp_min: Some(LimitRule::None),
            hysteresis: Some(TemperatureDelta::ZERO),
            confirm_closed_seconds: Some(1),
            confirm_open_seconds: Some(1),
            door_hold_seconds: Some(1),
            max_excursion_seconds: Some(1),
            restore_readings: Some(1),
            check_in_interval_seconds: Some(1),
            offline_warning_missed: Some(1),
            offline_critical_missed: Some(1),
            manual_logging_enabled: Some(true),
            manual_missed_threshold: Some(1),
            manual_interval_seconds: Some(1),
            manual_grace_seconds: Some(1),
            door_warning_seconds: Some(1),
            door_critical_seconds: Some(1),
            rule_pack: Some(crate::rules::RulePack::Basic),
            defrost_on_delay_seconds: Some(1),
            defrost_grace_seconds: Some(1),
            defrost_ceiling: Some(freshtrack_core::temperature::Temperature::from_milli_celsius(1)),
            defrost_rise_milli_per_minute: Some(1),
            defrost_rise_max_seconds: Some(1),
            defrost_recovery_seconds: Some(1),
            defrost_recovery: Some(TemperatureDelta::ZERO),
            defrost_grace_budget: Some(1),
            ccp: Some(true),
            product_tau_seconds: Some(1),
            warming_tau_seconds: Some(1),
            warming_ambient: Some(freshtrack_core::temperature::Temperature::from_milli_celsius(1)),
        };
        let map = as_map(&all).unwrap();
        let mut named: Vec<&str> = RULE_FIELDS.to_vec();
        named.sort_unstable();
        let mut written: Vec<&str> = map.keys().map(String::as_str).collect();
        written.sort_unstable();
        assert_eq!(named, written);
    }
}
