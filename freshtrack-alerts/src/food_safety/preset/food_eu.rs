//! European Union: quick-frozen food and food of animal origin.
//!
//! EN 12830 (recorders), EN 13485 (thermometers) and EN 13486 (periodic verification) apply to the
//! instruments; dated records are kept at least one year, longer where shelf life is.

use super::{CHECKED, Criterion, Duration, Mark, Preset, StorageClass, Subject, never};
use crate::food_safety::lattice::{
    Operator::{Above, Below},
    Threshold,
};
use Mark::{Unverified, Verified};
use freshtrack_core::temperature::TemperatureUnit;

const fn quick_frozen(
    id: &'static str,
    criteria: &'static [Criterion],
    checked: Option<super::Checked>,
) -> Preset {
    Preset {
        id,
        jurisdiction: "EU",
        citation: "Regulation (EC) 37/2005, Directive 89/108/EEC",
        edition: "2005",
        effective_from: None,
        adopted_by: None,
        subject: Subject::Product,
        storage_class: StorageClass::Frozen,
        normative_unit: TemperatureUnit::C,
        criteria,
        grace_allowed: true,
        operational: None,
        checked,
        enabled: checked.is_some(),
    }
}

const fn animal_origin(id: &'static str, criteria: &'static [Criterion]) -> Preset {
    Preset {
        id,
        jurisdiction: "EU",
        citation: "Regulation (EC) 853/2004 Annex III",
        edition: "2004",
        effective_from: None,
        adopted_by: None,
        subject: Subject::Product,
        storage_class: StorageClass::Chilled,
        normative_unit: TemperatureUnit::C,
        criteria,
        grace_allowed: true,
        operational: None,
        checked: None,
        enabled: false,
    }
}

const fn above(milli: i32, mark: Mark) -> Criterion {
    never(Threshold::celsius(Above, milli), Duration::Instant, mark)
}

pub(super) const PRESETS: &[Preset] = &[
    quick_frozen(
        "eu.quick-frozen",
        &[above(-18_000, Verified)],
        Some(CHECKED),
    ),
    quick_frozen(
        "eu.quick-frozen.transport",
        &[above(-15_000, Unverified)],
        None,
    ),
    animal_origin("eu.853.meat", &[above(7_000, Unverified)]),
    animal_origin("eu.853.offal", &[above(3_000, Unverified)]),
    animal_origin("eu.853.poultry", &[above(4_000, Unverified)]),
    animal_origin("eu.853.mince", &[above(2_000, Unverified)]),
    animal_origin("eu.853.preparations", &[above(4_000, Unverified)]),
    animal_origin(
        "eu.853.fish",
        &[
            above(2_000, Unverified),
            never(Threshold::celsius(Below, 0), Duration::Instant, Unverified),
        ],
    ),
];
