//! The simulated fleet: reproducible, plausible, and what the rules do on it.

use crate::build::minutes;
use freshtrack_alerts::food_safety::defrost::Params;
use freshtrack_alerts::food_safety::fleet::{
    DefrostAware, Doors, FailureKind, Fleet, Freezer, PlainThreshold, Report, Rng, report,
};
use freshtrack_core::temperature::{Limit, Temperature};

const LIMIT: Limit = Limit::celsius(-18_000);

fn small() -> Fleet {
    Fleet {
        units: 6,
        days: 14,
        ..Fleet::HOLDOUT
    }
}

fn plain(fleet: Fleet) -> Report {
    report(fleet, |_| PlainThreshold::new(LIMIT, minutes(15)))
}

fn defrost_aware(fleet: Fleet) -> Report {
    report(fleet, |cadence| {
        DefrostAware::new(Params::freezer(LIMIT, cadence))
    })
}

#[test]
fn the_generator_is_the_published_one() {
    // First outputs for the SplitMix64 seed 0, computed from the published reference algorithms.
    let mut rng = Rng::seeded(0);
    let first: Vec<u64> = (0..3).map(|_| rng.next_u64()).collect();
    assert_eq!(
        first,
        [
            0x99ec_5f36_cb75_f2b4,
            0xbf6e_1f78_4956_452a,
            0x1a5f_849d_4933_e6e0
        ]
    );
    let mean = (0..10_000).map(|_| rng.normal()).sum::<f64>() / 10_000.0;
    assert!(mean.abs() < 0.05, "{mean}");
}

#[test]
fn the_fleet_is_a_function_of_its_seed() {
    let draw = |seed| Freezer::drawn(seed).failing(FailureKind::CompressorFast);
    assert_eq!(draw(7), draw(7));
    assert_ne!(draw(7), draw(8));
    assert_eq!(small().freezers(5).count(), 6);
}

/// CDC 2020: purpose-built units are in range 99.9 % of the time, household freezers about 99 %.
#[test]
fn healthy_units_are_in_range_almost_always_and_defrost_as_drawn() {
    let freezers: Vec<_> = Fleet::TUNING.freezers(1).collect();
    let mut inside = 0usize;
    let mut all = 0usize;
    for freezer in &freezers {
        let air = freezer.healthy(14).air;
        all += air.len();
        inside += air.iter().filter(|t| !LIMIT.is_above(**t)).count();
        let peak = air
            .iter()
            .max()
            .copied()
            .unwrap_or(Temperature::from_milli_celsius(0));
        let drawn = freezer.defrost_peak * 1_000.0;
        assert!(
            f64::from(peak.milli_celsius()) > drawn - 2_500.0,
            "{freezer:?} peaks at {peak}"
        );
    }
    let share = inside * 1_000 / all;
    assert!((930..=999).contains(&share), "in range {share} per mille");
}

#[test]
fn every_visible_failure_leaves_the_limits_and_a_stuck_sensor_hides_it() {
    let freezer = Freezer::drawn(3);
    for kind in FailureKind::VISIBLE {
        let trace = freezer.failing(kind);
        let (_, begin) = trace.failure.unwrap();
        let warmest = trace.air[begin..].iter().max().unwrap();
        assert!(
            warmest.milli_celsius() > -10_000,
            "{kind:?} reaches {warmest}"
        );
        assert!(
            trace.air[begin - 120..begin]
                .iter()
                .all(|t| !LIMIT.is_above(*t)),
            "{kind:?}"
        );
    }
    let stuck = freezer.failing(FailureKind::SensorStuck);
    let (_, begin) = stuck.failure.unwrap();
    assert!(stuck.air[begin..].iter().all(|t| *t == stuck.air[begin]));
}

#[test]
fn the_defrost_rule_misses_nothing_and_is_far_quieter_than_a_plain_limit() {
    let (plain, aware) = (plain(small()), defrost_aware(small()));
    for (plain, aware) in plain.rows.iter().zip(&aware.rows) {
        let cadence = aware.cadence;
        assert!(
            plain.false_per_day() > 0.5,
            "{cadence} min: the fleet must provoke a plain limit"
        );
        // Beyond 15 minutes there is no grace and no claim.
        if cadence <= 15 {
            assert_eq!((plain.missed, aware.missed), (0, 0), "{cadence} min");
            assert!(aware.false_per_day() < 0.06, "{cadence} min\n{aware:?}");
            assert!(
                aware.false_per_day() * 40.0 < plain.false_per_day(),
                "{cadence} min"
            );
            assert!(
                aware.delay_p50.is_some_and(|p50| p50 < 60),
                "{cadence} min\n{aware:?}"
            );
        }
    }
}

#[test]
fn two_weeks_of_defrosts_noise_and_loss_raise_nothing() {
    let shut = Fleet {
        doors: Doors::Shut,
        ..small()
    };
    assert!(
        plain(shut).rows.iter().all(|row| row.false_alarms > 0),
        "defrosts provoke a plain limit"
    );
    for row in defrost_aware(shut)
        .rows
        .iter()
        .filter(|row| row.cadence <= 10)
    {
        assert_eq!(
            (row.false_alarms, row.missed),
            (0, 0),
            "{} min\n{row:?}",
            row.cadence
        );
    }
}
