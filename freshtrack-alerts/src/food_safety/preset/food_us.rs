//! United States: FDA Food Code 2022. A model text: the state's adopted edition binds.
//!
//! The limits are the food's temperature unless air is said. The °F figure is the law; the °C figures
//! printed beside it are rounded.

use super::{
    CHECKED, Criterion, DAY, Duration, HOUR, Mark, Preset, Requirement, StorageClass, Subject,
    never, reach,
};
use crate::food_safety::lattice::{
    Operator::{Above, AtOrAbove, AtOrBelow, Below},
    Threshold,
};
use Mark::{Unverified, Verified};
use freshtrack_core::temperature::TemperatureUnit;

const ADOPTED_BY: &str = "state or local adoption; a site picks its state's edition";

const COLD: Threshold = Threshold::fahrenheit(Above, 41_000);
const AT_OR_BELOW_41: Threshold = Threshold::fahrenheit(AtOrBelow, 41_000);
const AT_OR_BELOW_70: Threshold = Threshold::fahrenheit(AtOrBelow, 70_000);
const AT_OR_ABOVE_135: Threshold = Threshold::fahrenheit(AtOrAbove, 135_000);

const fn food_code(
    id: &'static str,
    citation: &'static str,
    storage_class: StorageClass,
    criteria: &'static [Criterion],
) -> Preset {
    Preset {
        id,
        jurisdiction: "US",
        citation,
        edition: "FDA Food Code 2022",
        effective_from: None,
        adopted_by: Some(ADOPTED_BY),
        subject: Subject::Product,
        storage_class,
        normative_unit: TemperatureUnit::F,
        criteria,
        grace_allowed: false,
        operational: None,
        checked: Some(CHECKED),
        enabled: true,
    }
}

const fn unchecked(preset: Preset) -> Preset {
    Preset {
        checked: None,
        enabled: false,
        ..preset
    }
}

const fn sustain(alternative: u8, milli_f: i32, seconds: i64) -> Criterion {
    let keep = Threshold::fahrenheit(AtOrBelow, milli_f);
    Criterion {
        requirement: Requirement::Sustain {
            alternative,
            keep,
            seconds,
        },
        mark: Unverified,
    }
}

const fn keep_at_most(seconds: i64) -> Criterion {
    Criterion {
        requirement: Requirement::KeepAtMost { seconds },
        mark: Verified,
    }
}

const fn start(first: Threshold, second: Option<Threshold>) -> Criterion {
    Criterion {
        requirement: Requirement::StartEither { first, second },
        mark: Verified,
    }
}

pub(super) const PRESETS: &[Preset] = &[
    Preset {
        grace_allowed: true,
        ..food_code(
            "us.fc2022.cold",
            "§3-501.16(A)(2)",
            StorageClass::Chilled,
            &[never(COLD, Duration::Instant, Verified)],
        )
    },
    food_code(
        "us.fc2022.hot",
        "§3-501.16(A)(1)",
        StorageClass::Hot,
        &[never(
            Threshold::fahrenheit(Below, 135_000),
            Duration::Instant,
            Verified,
        )],
    ),
    food_code(
        "us.fc2022.hot-roast",
        "§3-501.16(A)(1), roasts cooked or reheated per code",
        StorageClass::Hot,
        &[never(
            Threshold::fahrenheit(Below, 130_000),
            Duration::Instant,
            Verified,
        )],
    ),
    Preset {
        subject: Subject::Air,
        grace_allowed: true,
        ..food_code(
            "us.fc2022.shell-eggs",
            "§3-501.16, air of the equipment",
            StorageClass::Chilled,
            &[never(
                Threshold::fahrenheit(Above, 45_000),
                Duration::Instant,
                Verified,
            )],
        )
    },
    food_code(
        "us.fc2022.cooling-a",
        "§3-501.14(A)",
        StorageClass::Chilled,
        &[
            reach(Some(AT_OR_ABOVE_135), AT_OR_BELOW_70, 2 * HOUR, Verified),
            reach(Some(AT_OR_ABOVE_135), AT_OR_BELOW_41, 6 * HOUR, Verified),
        ],
    ),
    food_code(
        "us.fc2022.cooling-b",
        "§3-501.14(B), from ambient ingredients",
        StorageClass::Chilled,
        &[reach(None, AT_OR_BELOW_41, 4 * HOUR, Verified)],
    ),
    food_code(
        "us.fc2022.cooling-c",
        "§3-501.14(C), lawfully received above 41 °F",
        StorageClass::Chilled,
        &[reach(None, AT_OR_BELOW_41, 4 * HOUR, Verified)],
    ),
    food_code(
        "us.fc2022.tphc4",
        "§3-501.19(B)",
        StorageClass::Ambient,
        &[
            start(AT_OR_BELOW_41, Some(AT_OR_ABOVE_135)),
            keep_at_most(4 * HOUR),
        ],
    ),
    food_code(
        "us.fc2022.tphc6",
        "§3-501.19(C)",
        StorageClass::Ambient,
        &[
            start(AT_OR_BELOW_41, None),
            never(
                Threshold::fahrenheit(Above, 70_000),
                Duration::Instant,
                Verified,
            ),
            keep_at_most(6 * HOUR),
        ],
    ),
    food_code(
        "us.fc2022.thaw.ready-to-eat",
        "§3-501.11–13, ready-to-eat part; thawing water at most 70 °F",
        StorageClass::Frozen,
        &[never(COLD, Duration::Instant, Verified)],
    ),
    food_code(
        "us.fc2022.thaw",
        "§3-501.11–13, raw; slacking at most 41 °F, thawing water at most 70 °F",
        StorageClass::Frozen,
        &[never(
            COLD,
            Duration::Cumulative { seconds: 4 * HOUR },
            Verified,
        )],
    ),
    unchecked(food_code(
        "us.fc2022.reheat",
        "§3-403.11",
        StorageClass::Hot,
        &[Criterion {
            requirement: Requirement::Reach {
                start: None,
                target: Threshold::fahrenheit(AtOrAbove, 165_000),
                within_seconds: 2 * HOUR,
                hold_seconds: 15,
            },
            mark: Unverified,
        }],
    )),
    unchecked(food_code(
        "us.fc2022.parasite",
        "§3-402.11; the third alternative starts once the fish is solid",
        StorageClass::Frozen,
        &[
            sustain(1, -4_000, 7 * DAY),
            sustain(2, -31_000, 15 * HOUR),
            sustain(3, -4_000, DAY),
        ],
    )),
];
