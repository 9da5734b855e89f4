//! Medicines and vaccines: WHO indicators, CDC guidance, USP mean kinetic temperature.
//!
//! In PQS indicators the threshold value is inside the alarm: 30.0 counts, 29.9 does not. Grace is never
//! allowed here.

use super::{
    CHECKED, Criterion, DAY, Duration, HOUR, MINUTE, Mark, Preset, Requirement, StorageClass,
    Subject, never,
};
use crate::food_safety::lattice::{
    Operator::{Above, AtOrAbove, AtOrBelow, Below},
    Threshold,
};
use Mark::{Unverified, Verified};
use freshtrack_core::temperature::TemperatureUnit;

const fn medicine(
    id: &'static str,
    citation: &'static str,
    storage_class: StorageClass,
    criteria: &'static [Criterion],
) -> Preset {
    Preset {
        id,
        jurisdiction: "international",
        citation,
        edition: "as cited",
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

const fn consecutive(violates_when: Threshold, seconds: i64, mark: Mark) -> Criterion {
    never(violates_when, Duration::Consecutive { seconds }, mark)
}

const fn cumulative(violates_when: Threshold, seconds: i64, mark: Mark) -> Criterion {
    never(violates_when, Duration::Cumulative { seconds }, mark)
}

const fn instant(op: crate::food_safety::lattice::Operator, milli: i32, mark: Mark) -> Criterion {
    never(Threshold::celsius(op, milli), Duration::Instant, mark)
}

const fn mkt(milli: i32, window_seconds: i64, mark: Mark) -> Criterion {
    let violates_when = Threshold::celsius(Above, milli);
    Criterion {
        requirement: Requirement::Mkt {
            violates_when,
            window_seconds,
        },
        mark,
    }
}

const LOGGING: Criterion = Criterion {
    requirement: Requirement::LoggingInterval {
        at_most_seconds: 30 * MINUTE,
    },
    mark: Verified,
};

pub(super) const PRESETS: &[Preset] = &[
    Preset {
        checked: None,
        enabled: false,
        ..medicine(
            "who.30dtr.high",
            "WHO/PQS 30-day recorder",
            StorageClass::Chilled,
            &[consecutive(
                Threshold::celsius(Above, 8_000),
                10 * HOUR,
                Unverified,
            )],
        )
    },
    medicine(
        "who.30dtr.low",
        "WHO/PQS 30-day recorder (Berlinger Fridge-tag manual)",
        StorageClass::Chilled,
        &[consecutive(
            Threshold::celsius(AtOrBelow, -500),
            60 * MINUTE,
            Verified,
        )],
    ),
    medicine(
        "who.e006-tr07.type1",
        "WHO PQS E006/TR07 shipping indicator, type 1 (LogTag manual)",
        StorageClass::Chilled,
        &[
            consecutive(Threshold::celsius(AtOrAbove, 45_000), HOUR, Verified),
            cumulative(Threshold::celsius(AtOrAbove, 30_000), 10 * HOUR, Verified),
            consecutive(Threshold::celsius(AtOrBelow, -500), HOUR, Verified),
        ],
    ),
    medicine(
        "who.e006-tr07.type2",
        "WHO PQS E006/TR07 shipping indicator, type 2; its low side was not seen, so none is encoded",
        StorageClass::Chilled,
        &[
            consecutive(Threshold::celsius(AtOrAbove, 45_000), HOUR, Verified),
            cumulative(Threshold::celsius(AtOrAbove, 30_000), 10 * HOUR, Verified),
            cumulative(Threshold::celsius(AtOrAbove, 10_000), 20 * HOUR, Verified),
        ],
    ),
    Preset {
        jurisdiction: "US",
        ..medicine(
            "us.cdc.vaccine-fridge",
            "CDC vaccine storage guidance; aim 5 °C",
            StorageClass::Chilled,
            &[
                instant(Above, 8_000, Verified),
                instant(Below, 2_000, Verified),
                LOGGING,
            ],
        )
    },
    Preset {
        jurisdiction: "US",
        ..medicine(
            "us.cdc.vaccine-freezer",
            "CDC vaccine storage guidance",
            StorageClass::Frozen,
            &[
                instant(Above, -15_000, Verified),
                instant(Below, -50_000, Verified),
                LOGGING,
            ],
        )
    },
    Preset {
        jurisdiction: "US",
        edition: "official August 2025",
        ..medicine(
            "usp.crt",
            "USP ⟨1079.2⟩",
            StorageClass::Crt,
            &[
                mkt(25_000, 30 * DAY, Verified),
                instant(Below, 15_000, Verified),
                consecutive(Threshold::celsius(Above, 30_000), 24 * HOUR, Verified),
                instant(Above, 40_000, Verified),
            ],
        )
    },
    Preset {
        jurisdiction: "US",
        edition: "official August 2025",
        checked: None,
        enabled: false,
        ..medicine(
            "usp.cct",
            "USP ⟨1079.2⟩; the 24-hour window itself is verified",
            StorageClass::Cct,
            &[
                mkt(8_000, DAY, Unverified),
                instant(Above, 15_000, Unverified),
                consecutive(Threshold::celsius(Above, 8_000), 24 * HOUR, Unverified),
            ],
        )
    },
];
