//! Checking rules before they are stored: each field by itself, and their effect on every unit below.

use crate::cascade::{EffectiveRules, resolve};
use crate::rules::{LimitRule, RuleFields, RuleScope, RuleSet};
use freshtrack_core::device::Device;
use freshtrack_core::hierarchy::{Unit, UnitType};
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::reading::PLAUSIBLE;
use freshtrack_core::temperature::{Temperature, TemperatureDelta};
use std::ops::RangeInclusive;

/// Most units an answer names.
pub const INCONSISTENT_UNITS_MAX: usize = 20;

const HYSTERESIS: RangeInclusive<TemperatureDelta> =
    TemperatureDelta::ZERO..=TemperatureDelta::from_milli_celsius(5_000);

const CEILING: RangeInclusive<Temperature> =
    Temperature::from_milli_celsius(-30_000)..=Temperature::from_milli_celsius(30_000);
const AMBIENT: RangeInclusive<Temperature> =
    Temperature::from_milli_celsius(-30_000)..=Temperature::from_milli_celsius(60_000);
const RECOVERY: RangeInclusive<TemperatureDelta> =
    TemperatureDelta::from_milli_celsius(500)..=TemperatureDelta::from_milli_celsius(10_000);

/// Why a rule set is not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// A field is outside what is accepted.
    #[error("{field} is outside {accepted}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What is accepted.
        accepted: &'static str,
    },
    /// A limit above a unit needs a unit type: fridge limits must not reach freezers.
    #[error("{field} at this scope needs a unit type")]
    UnitTypeRequired {
        /// The field.
        field: &'static str,
    },
    /// Some unit would get a lower limit at or above its upper one, or delays in the wrong order.
    #[error("rules would contradict each other at {} unit(s)", units.len())]
    Inconsistent {
        /// The first units concerned, at most [`INCONSISTENT_UNITS_MAX`].
        units: Vec<UnitId>,
    },
}

/// Checks the fields of a rule set by themselves.
///
/// # Errors
/// The first field that is not acceptable.
pub fn check_fields(
    scope: RuleScope,
    unit_type: Option<UnitType>,
    fields: &RuleFields,
) -> Result<(), RuleError> {
    for (field, rule) in [("temp_max", fields.temp_max), ("temp_min", fields.temp_min)] {
        check_limit(field, rule, scope, unit_type)?;
    }
    if fields
        .hysteresis
        .is_some_and(|delta| !HYSTERESIS.contains(&delta))
    {
        return Err(RuleError::OutOfRange {
            field: "hysteresis",
            accepted: "0…5 °C",
        });
    }
    check_defrost(fields)?;
    macro_rules! within {
        ($($field:ident: $least:literal..=$most:literal,)+) => {$(
            if fields.$field.is_some_and(|value| !($least..=$most).contains(&value)) {
                return Err(RuleError::OutOfRange {
                    field: stringify!($field),
                    accepted: concat!($least, "…", $most),
                });
            }
        )+};
    }
    within! {
        confirm_closed_seconds: 60..=7_200,
        confirm_open_seconds: 60..=7_200,
        door_hold_seconds: 0..=3_600,
        max_excursion_seconds: 600..=14_400,
        restore_readings: 1..=10,
        check_in_interval_seconds: 30..=86_400,
        offline_warning_missed: 1..=20,
        offline_critical_missed: 1..=100,
        manual_missed_threshold: 1..=100,
        manual_interval_seconds: 900..=604_800,
        manual_grace_seconds: 0..=86_400,
        door_warning_seconds: 30..=7_200,
        door_critical_seconds: 30..=7_200,
        defrost_on_delay_seconds: 300..=3_600,
        defrost_grace_seconds: 900..=7_200,
        defrost_rise_milli_per_minute: 50..=2_000,
        defrost_rise_max_seconds: 300..=5_400,
        defrost_recovery_seconds: 600..=5_400,
        defrost_grace_budget: 0..=12,
        product_tau_seconds: 0..=86_400,
        warming_tau_seconds: 600..=604_800,
    }
    Ok(())
}

fn check_defrost(fields: &RuleFields) -> Result<(), RuleError> {
    let outside = |field, accepted| Err(RuleError::OutOfRange { field, accepted });
    if fields
        .warming_ambient
        .is_some_and(|t| !AMBIENT.contains(&t))
    {
        return outside("warming_ambient", "-30…60 °C");
    }
    if fields
        .defrost_ceiling
        .is_some_and(|t| !CEILING.contains(&t))
    {
        return outside("defrost_ceiling", "−30…30 °C");
    }
    if fields
        .defrost_recovery
        .is_some_and(|delta| !RECOVERY.contains(&delta))
    {
        return outside("defrost_recovery", "0.5…10 °C");
    }
    Ok(())
}

fn check_limit(
    field: &'static str,
    rule: Option<LimitRule>,
    scope: RuleScope,
    unit_type: Option<UnitType>,
) -> Result<(), RuleError> {
    let Some(rule) = rule else { return Ok(()) };
    match scope {
        RuleScope::Unit => {}
        RuleScope::Area | RuleScope::Site | RuleScope::Organization => {
            if unit_type.is_none() {
                return Err(RuleError::UnitTypeRequired { field });
            }
        }
    }
    match rule {
        LimitRule::None => Ok(()),
        LimitRule::At(limit) if PLAUSIBLE.contains(&limit.temperature()) => Ok(()),
        LimitRule::At(_) => Err(RuleError::OutOfRange {
            field,
            accepted: "−100…150 °C",
        }),
    }
}

/// Checks what `sets`, as they would be stored, mean for each unit with its devices.
///
/// # Errors
/// [`RuleError::Inconsistent`] with the units that would be left with rules that contradict each other.
pub fn check_effect<'u>(
    sets: &[RuleSet],
    org: OrgId,
    units: impl IntoIterator<Item = (&'u Unit, &'u [Device])>,
) -> Result<(), RuleError> {
    let inconsistent: Vec<UnitId> = units
        .into_iter()
        .filter(|(unit, devices)| !is_consistent(&resolve(sets, org, unit, devices).0))
        .map(|(unit, _)| unit.id)
        .take(INCONSISTENT_UNITS_MAX)
        .collect();
    if inconsistent.is_empty() {
        Ok(())
    } else {
        Err(RuleError::Inconsistent {
            units: inconsistent,
        })
    }
}

/// Whether one unit can be watched by these rules.
#[must_use]
pub fn is_consistent(rules: &EffectiveRules) -> bool {
    let limits = match (&rules.temp_max, &rules.temp_min) {
        (Some(max), Some(min)) => min.temperature() < max.temperature(),
        _ => true,
    };
    let defrost = rules.defrost_params().is_none_or(|params| {
        params.ceiling > params.limit.temperature() && params.grace > params.on_delay
    });
    limits
        && defrost
        && rules.confirm_open_seconds >= rules.confirm_closed_seconds
        && rules.offline_critical_missed > rules.offline_warning_missed
        && rules.door_critical_seconds > rules.door_warning_seconds
}
