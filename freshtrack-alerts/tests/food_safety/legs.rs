//! Degree-minutes (2.6) and legs with WHO durations (2.7).

use crate::build::{at, celsius, minutes, series, window};
use freshtrack_alerts::food_safety::exposure::exposure;
use freshtrack_alerts::food_safety::lattice::{Operator, Threshold};
use freshtrack_alerts::food_safety::legs::{Kind, Leg, LegTracker, Pace};
use freshtrack_alerts::food_safety::preset::Registry;
use freshtrack_alerts::food_safety::series::Sample;
use freshtrack_alerts::food_safety::verdict::{Unknown, Verdict};

#[test]
fn degree_minutes_with_and_without_a_gap() {
    let above = |milli| Threshold::celsius(Operator::Above, milli);
    let with_gap = series(&[(0, 7_000), (1, 8_500), (3, 10_000), (4, 7_900)], 1);
    let found = exposure(&with_gap, window(0, 5), above(8_000));
    assert_eq!(
        (found.observed, found.unobserved, found.possible),
        (minutes(2), minutes(1), minutes(3))
    );
    assert!((found.degree_minutes - 2.5).abs() < 1e-12);
    let quarter = [
        (0, 4_000),
        (15, 6_000),
        (30, 9_000),
        (45, 7_000),
        (60, 4_500),
    ];
    let found = exposure(&series(&quarter, 15), window(0, 75), above(5_000));
    assert_eq!((found.observed, found.possible), (minutes(45), minutes(45)));
    assert!((found.degree_minutes - 105.0).abs() < 1e-12);
    let below = Threshold::celsius(Operator::Below, 5_000);
    assert!(
        (exposure(&series(&quarter, 15), window(0, 75), below).degree_minutes - 22.5).abs() < 1e-12
    );
    // A gap with one conforming neighbour is unobserved and not possible.
    let other = series(&[(0, 9_000), (10, 7_000)], 1);
    let found = exposure(&other, window(0, 11), above(8_000));
    assert_eq!(
        (found.observed, found.unobserved, found.possible),
        (minutes(1), minutes(9), minutes(1))
    );
}

fn legs(id: &str) -> Vec<Leg> {
    Leg::of(Registry::shipped().enabled(id).expect("ships enabled"))
}

/// First minute at which any leg is satisfied, with a reading a minute.
fn first_alarm(legs: &[Leg], samples: &[(i64, i32)], cadence: i64) -> Option<i64> {
    let pace = Pace {
        cadence: minutes(cadence),
        gap_limit: minutes(cadence * 3 / 2),
    };
    let mut tracker = LegTracker::new(legs);
    for (minute, milli) in samples {
        tracker.step(legs, &Sample::good(at(*minute), celsius(*milli)), pace);
    }
    let satisfied = tracker
        .progress()
        .iter()
        .filter_map(|p| p.satisfied_at)
        .min();
    satisfied.map(|when| (when - at(0)).as_seconds() / 60)
}

/// `pieces` pieces of `length` minutes at `milli`, each followed by ten conforming minutes.
fn pieces(count: i64, length: i64, milli: i32) -> Vec<(i64, i32)> {
    let period = length + 10;
    let value = |m: i64| if m % period < length { milli } else { 5_000 };
    (0..count * period).map(|m| (m, value(m))).collect()
}

#[test]
fn a_conforming_reading_starts_a_consecutive_leg_again_and_never_a_cumulative_one() {
    let low = legs("who.30dtr.low");
    let samples = pieces(7, 30, -600);
    assert_eq!(first_alarm(&low, &samples, 1), None);
    let sum = [Leg {
        kind: Kind::Cumulative,
        ..low[0]
    }];
    assert_eq!(
        first_alarm(&sum, &samples, 1),
        Some(70),
        "the end of the second piece"
    );
}

#[test]
fn shipping_indicator_durations() {
    let one = legs("who.e006-tr07.type1");
    let two = legs("who.e006-tr07.type2");
    assert!(first_alarm(&one, &pieces(10, 60, 30_000), 1).is_some());
    assert_eq!(first_alarm(&one, &pieces(9, 60, 30_000), 1), None);
    assert_eq!(first_alarm(&one, &pieces(10, 60, 29_900), 1), None);
    assert_eq!(first_alarm(&one, &pieces(1, 59, 45_000), 1), None);
    assert_eq!(first_alarm(&one, &pieces(1, 60, 45_000), 1), Some(60));
    assert_eq!(first_alarm(&one, &pieces(1, 60, -500), 1), Some(60));
    assert_eq!(
        first_alarm(&two, &pieces(1, 60, -500), 1),
        None,
        "no low side is encoded"
    );
    assert!(first_alarm(&two, &pieces(40, 30, 10_000), 1).is_some());
    assert_eq!(first_alarm(&two, &pieces(40, 30, 9_900), 1), None);
}

#[test]
fn a_gap_neither_ends_a_run_nor_adds_to_it() {
    let low = legs("who.30dtr.low");
    // 40 min, silence of 30, 19 min more: 40 + 1 (hold) + 19 = 60 with the reading at 89.
    let mut samples: Vec<_> = (0..=39).map(|m| (m, -600)).collect();
    samples.extend((70..=89).map(|m| (m, -600)));
    assert_eq!(first_alarm(&low, &samples[..samples.len() - 1], 1), None);
    assert_eq!(first_alarm(&low, &samples, 1), None);
    samples.push((90, -600));
    assert_eq!(first_alarm(&low, &samples, 1), Some(90));
}

#[test]
fn time_alone_satisfies_a_leg_within_one_cadence_and_late_readings_are_ignored() {
    let low = legs("who.30dtr.low");
    let pace = Pace {
        cadence: minutes(10),
        gap_limit: minutes(15),
    };
    let mut tracker = LegTracker::new(&low);
    for minute in (0..=50).step_by(10) {
        tracker.step(&low, &Sample::good(at(minute), celsius(-600)), pace);
    }
    assert_eq!(tracker.next_deadline(&low, pace), Some(at(60)));
    assert!(!tracker.step(&low, &Sample::good(at(20), celsius(5_000)), pace));
    let stored = serde_json::to_string(&tracker).unwrap();
    let mut tracker: LegTracker = serde_json::from_str(&stored).unwrap();
    assert!(!tracker.tick(&low, at(59), pace));
    assert!(tracker.tick(&low, at(60), pace));
    assert!(!tracker.tick(&low, at(61), pace), "once");
    assert_eq!(tracker.next_deadline(&low, pace), None);
}

#[test]
fn a_leg_passes_only_if_the_gaps_could_not_hide_it() {
    let low = legs("who.30dtr.low");
    let judged = |samples: &[(i64, i32)], to| {
        LegTracker::over(&low, &series(samples, 10), window(0, to)).verdicts(&low)[0]
    };
    let gap = Verdict::Indeterminate {
        reason: Unknown::Gap,
    };
    assert_eq!(
        judged(&[(0, 5_000), (10, 5_000), (20, 5_000)], 30),
        Verdict::Pass
    );
    assert_eq!(
        judged(&[(0, 5_000), (69, 5_000)], 79),
        Verdict::Pass,
        "59 hidden minutes"
    );
    assert_eq!(judged(&[(0, 5_000), (70, 5_000)], 80), gap);
    assert_eq!(judged(&[(0, 5_000)], 70), gap);
    assert_eq!(judged(&[], 60), gap);
    assert_eq!(
        judged(&[(0, -600), (10, -600), (60, -600)], 70),
        gap,
        "run across a gap"
    );
    let cold: Vec<_> = (0..6).map(|i| (i * 10, -600)).collect();
    assert_eq!(judged(&cold, 60), Verdict::Fail { proven: true });
}
