//! The registry: nothing unverified is on, nothing about medicines is filtered.

use freshtrack_alerts::food_safety::lattice::Measured;
use freshtrack_alerts::food_safety::preset::{
    Mark, NotEnabled, Override, Preset, Registry, Requirement,
};
use freshtrack_core::temperature::{Boundary, Limit, TemperatureUnit};
use freshtrack_core::time::Timestamp;
use std::collections::BTreeSet;

fn unverified_but_enabled<'a>(presets: impl Iterator<Item = &'a Preset>) -> Vec<&'a str> {
    presets
        .filter(|p| p.enabled && p.has_unverified_number())
        .map(|p| p.id)
        .collect()
}

#[test]
fn no_enabled_preset_holds_an_unverified_number() {
    assert_eq!(
        unverified_but_enabled(Registry::shipped().all()),
        Vec::<&str>::new()
    );
    for preset in Registry::shipped().all() {
        assert_eq!(
            preset.checked.is_none(),
            preset.has_unverified_number(),
            "{}",
            preset.id
        );
        assert_eq!(
            preset.enabled,
            !preset.has_unverified_number(),
            "{}",
            preset.id
        );
    }
}

#[test]
fn the_walk_catches_an_unverified_preset_that_is_on() {
    let cct = Registry::shipped().find("usp.cct").unwrap();
    let saboteur = Preset {
        enabled: true,
        ..*cct
    };
    assert_eq!(unverified_but_enabled([saboteur].iter()), ["usp.cct"]);
}

#[test]
fn an_unverified_preset_is_enabled_only_by_a_named_person_and_text() {
    let mut registry = Registry::shipped();
    assert_eq!(
        registry.enabled("eu.853.meat"),
        Err(NotEnabled::Unverified { id: "eu.853.meat" })
    );
    let by = Override {
        checked_by: "A. Inspector".into(),
        text: "consolidated text of 2024-11-09".into(),
        checked_at: Timestamp::EPOCH,
    };
    let blank = Override {
        checked_by: " ".into(),
        ..by.clone()
    };
    assert_eq!(
        registry.enable("eu.853.meat", blank),
        Err(NotEnabled::IncompleteOverride)
    );
    assert!(registry.enabled("eu.853.meat").is_err());
    registry.enable("eu.853.meat", by.clone()).unwrap();
    assert_eq!(registry.enabled("eu.853.meat").unwrap().id, "eu.853.meat");
    assert_eq!(registry.override_of("eu.853.meat"), Some(&by));
    assert!(registry.enabled("eu.853.fish").is_err());
    assert!(matches!(
        registry.enable("eu.853.moat", by),
        Err(NotEnabled::Unknown { .. })
    ));
}

#[test]
fn records_are_well_formed() {
    let mut ids = BTreeSet::new();
    let mut hashes = BTreeSet::new();
    for preset in Registry::shipped().all() {
        assert!(ids.insert(preset.id), "{} twice", preset.id);
        assert!(
            hashes.insert(preset.content_hash().unwrap()),
            "{} has another's hash",
            preset.id
        );
        assert!(!preset.criteria.is_empty(), "{}", preset.id);
        assert!(
            !(preset.is_medicine() && preset.grace_allowed),
            "{}",
            preset.id
        );
        let food_us = preset.id.starts_with("us.fc");
        assert_eq!(
            preset.normative_unit == TemperatureUnit::F,
            food_us,
            "{}",
            preset.id
        );
        for criterion in preset.criteria {
            let threshold = match criterion.requirement {
                Requirement::Never { violates_when, .. }
                | Requirement::Mkt { violates_when, .. } => violates_when,
                Requirement::Reach { target, .. } => target,
                Requirement::Sustain { keep, .. } => keep,
                Requirement::StartEither { first, .. } => first,
                Requirement::KeepAtMost { .. }
                | Requirement::ChecksPerDay { .. }
                | Requirement::LoggingInterval { .. } => continue,
            };
            assert_eq!(threshold.unit, preset.normative_unit, "{}", preset.id);
        }
        let operational = preset
            .operational
            .map(|id| Registry::shipped().find(id).is_some());
        assert_ne!(operational, Some(false), "{}", preset.id);
    }
    assert_eq!(ids.len(), 33);
}

#[test]
fn the_content_hash_covers_every_part() {
    let registry = Registry::shipped();
    let cold = registry.find("us.fc2022.cold").unwrap();
    let hash = cold.content_hash().unwrap();
    assert_eq!(cold.content_hash().unwrap(), hash);
    let eggs = registry.find("us.fc2022.shell-eggs").unwrap();
    for changed in [
        Preset {
            edition: "FDA Food Code 2026",
            ..*cold
        },
        Preset {
            criteria: eggs.criteria,
            ..*cold
        },
        Preset {
            grace_allowed: false,
            ..*cold
        },
        Preset {
            enabled: false,
            ..*cold
        },
    ] {
        assert_ne!(changed.content_hash().unwrap(), hash);
    }
}

#[test]
fn boundary_readings_of_the_shipped_limits() {
    let violates = |id: &str, value: Measured| {
        let preset = Registry::shipped().find(id).unwrap();
        preset
            .criteria
            .iter()
            .any(|criterion| match criterion.requirement {
                Requirement::Never { violates_when, .. } => violates_when.is_met_by(value),
                _ => false,
            })
    };
    for (id, milli, expected) in [
        ("us.fc2022.cold", 5_000, false),
        ("us.fc2022.hot", 57_100, true),
        ("uk.chill", 8_000, false),
        ("uk.chill", 8_001, true),
        ("uk.hot", 63_000, false),
        ("uk.hot", 62_999, true),
        ("uk.operational", 999, true),
        ("uk.operational", 1_000, false),
        ("eu.quick-frozen", -18_000, false),
        ("eu.quick-frozen", -17_999, true),
        ("who.30dtr.low", -500, true),
        ("who.30dtr.low", -499, false),
        ("who.e006-tr07.type1", 30_000, true),
        ("who.e006-tr07.type1", 29_900, false),
        ("us.cdc.vaccine-fridge", 2_000, false),
        ("us.cdc.vaccine-freezer", -50_001, true),
    ] {
        assert_eq!(
            violates(id, Measured::Celsius { milli }),
            expected,
            "{id} at {milli}"
        );
    }
    let marks = Registry::shipped()
        .find("usp.crt")
        .unwrap()
        .criteria
        .iter()
        .map(|c| c.mark);
    assert!(marks.into_iter().all(|mark| mark == Mark::Verified));
}

#[test]
fn a_rule_copies_the_limits_as_written() {
    let limits = |id: &str| {
        let limits = Registry::shipped().find(id).unwrap().limits();
        (limits.max, limits.min)
    };
    let violates = |limit: Limit| Limit {
        boundary: Boundary::Violates,
        ..limit
    };
    assert_eq!(
        limits("us.fc2022.cold"),
        (Some(Limit::fahrenheit(41_000)), None)
    );
    assert_eq!(
        limits("us.fc2022.shell-eggs"),
        (Some(Limit::fahrenheit(45_000)), None)
    );
    assert_eq!(
        limits("us.fc2022.hot"),
        (None, Some(Limit::fahrenheit(135_000)))
    );
    assert_eq!(limits("uk.chill"), (Some(Limit::celsius(8_000)), None));
    let operational = (Some(Limit::celsius(5_000)), Some(Limit::celsius(1_000)));
    assert_eq!(limits("uk.operational"), operational);
    assert_eq!(limits("uk.hot"), (None, Some(Limit::celsius(63_000))));
    assert_eq!(
        limits("eu.quick-frozen"),
        (Some(Limit::celsius(-18_000)), None)
    );
    let vaccine = (Some(Limit::celsius(8_000)), Some(Limit::celsius(2_000)));
    assert_eq!(limits("us.cdc.vaccine-fridge"), vaccine);
    let type1 = (
        Some(violates(Limit::celsius(30_000))),
        Some(violates(Limit::celsius(-500))),
    );
    assert_eq!(limits("who.e006-tr07.type1"), type1);
}
