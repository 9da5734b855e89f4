//! United Kingdom: Food Safety (Temperature Control) Regulations.
//!
//! The English text has since moved to the Food Safety and Hygiene (England) Regulations 2013, Schedule 4
//! (not checked): confirm the edition before printing it.

use super::{
    CHECKED, Criterion, Duration, HOUR, Mark, Preset, Requirement, StorageClass, Subject, never,
};
use crate::food_safety::lattice::{
    Operator::{Above, Below},
    Threshold,
};
use freshtrack_core::temperature::TemperatureUnit;

const fn uk(
    id: &'static str,
    jurisdiction: &'static str,
    storage_class: StorageClass,
    criteria: &'static [Criterion],
) -> Preset {
    Preset {
        id,
        jurisdiction,
        citation: "Food Safety (Temperature Control) Regulations, reg. 4",
        edition: "SI 1995/2200",
        effective_from: None,
        adopted_by: None,
        subject: Subject::Product,
        storage_class,
        normative_unit: TemperatureUnit::C,
        criteria,
        grace_allowed: false,
        operational: None,
        checked: Some(CHECKED),
        enabled: true,
    }
}

pub(super) const PRESETS: &[Preset] = &[
    Preset {
        grace_allowed: true,
        operational: Some("uk.operational"),
        ..uk(
            "uk.chill",
            "England, Wales, Northern Ireland",
            StorageClass::Chilled,
            &[never(
                Threshold::celsius(Above, 8_000),
                Duration::SinglePeriod { seconds: 4 * HOUR },
                Mark::Verified,
            )],
        )
    },
    uk(
        "uk.hot",
        "England, Wales, Northern Ireland",
        StorageClass::Hot,
        &[never(
            Threshold::celsius(Below, 63_000),
            Duration::SinglePeriod { seconds: 2 * HOUR },
            Mark::Verified,
        )],
    ),
    Preset {
        citation: "Food Safety (Temperature Control) Regulations, Scotland: reheated food",
        ..uk(
            "uk.scot.reheat",
            "Scotland",
            StorageClass::Hot,
            &[never(
                Threshold::celsius(Below, 82_000),
                Duration::Instant,
                Mark::Verified,
            )],
        )
    },
    Preset {
        citation: "good practice, operational companion of uk.chill",
        edition: "none",
        grace_allowed: true,
        ..uk(
            "uk.operational",
            "United Kingdom",
            StorageClass::Chilled,
            &[
                never(
                    Threshold::celsius(Above, 5_000),
                    Duration::Instant,
                    Mark::Verified,
                ),
                never(
                    Threshold::celsius(Below, 1_000),
                    Duration::Instant,
                    Mark::Verified,
                ),
                Criterion {
                    requirement: Requirement::ChecksPerDay { at_least: 2 },
                    mark: Mark::Verified,
                },
            ],
        )
    },
];
