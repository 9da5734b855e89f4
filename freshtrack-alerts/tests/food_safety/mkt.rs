//! Mean kinetic temperature: table, properties and guard of 2.5.

use crate::build::{celsius, series, window};
use freshtrack_alerts::food_safety::mkt::{
    Method, NotApplicable, Weighted, evaluate, mean_kinetic, mean_kinetic_of, mkt_for_preset,
};
use freshtrack_alerts::food_safety::preset::{Registry, StorageClass};
use freshtrack_alerts::food_safety::series::{Sample, Series};
use freshtrack_alerts::food_safety::verdict::Verdict;
use proptest::prelude::*;

fn weighted(values: &[(f64, f64)]) -> Vec<Weighted> {
    values
        .iter()
        .map(|(celsius, weight)| Weighted {
            celsius: *celsius,
            weight: *weight,
        })
        .collect()
}

fn close(values: &[(f64, f64)], expected: f64, tolerance: f64) {
    let found = mean_kinetic(&weighted(values)).expect("has weight");
    assert!(
        (found - expected).abs() < tolerance,
        "{values:?}: {found}, expected {expected}"
    );
}

#[test]
fn published_table() {
    let once = |values: &[f64]| values.iter().map(|v| (*v, 1.0)).collect::<Vec<_>>();
    close(&[(20.0, 2.0), (2.0, 4.0), (25.0, 1.0)], 15.677_581, 1e-6);
    close(&once(&[2.0, 2.0, 5.0, 8.0, 8.0, 8.0, 8.0]), 6.250_265, 1e-6);
    close(&once(&[2.0, 25.0]), 19.465_946_605_5, 1e-9);
    close(&once(&[4.0, 4.0, 4.0, 4.0, 16.0]), 8.108_857, 1e-6);
    close(&[(2.0, 23.0), (25.0, 1.0)], 5.825_470, 1e-6);
    close(&[(5.0, 18.0), (14.0, 6.0)], 8.285_216, 1e-6);
    close(&[(5.0, 20.0), (15.0, 4.0)], 7.704_628, 1e-6);
    close(&[(5.0, 12.0), (9.0, 12.0)], 7.238_067, 1e-6);
    close(&[(22.0, 717.0), (29.0, 3.0)], 22.043_175, 1e-6);
    close(&once(&[-270.0, -260.0]), -260.011_975, 1e-6);
    assert_eq!(mean_kinetic(&[]), None);
    assert_eq!(mean_kinetic(&weighted(&[(5.0, 0.0)])), None);
    assert_eq!(mean_kinetic(&weighted(&[(-273.15, 1.0)])), None);
}

#[test]
fn three_methods_give_three_answers() {
    let samples = [
        (0, 4_000),
        (30, 6_000),
        (60, 10_000),
        (120, 8_000),
        (240, 5_000),
    ];
    let series = series(&samples, 120);
    for (method, expected) in [
        (Method::LeftHold, 7.945_236),
        (Method::Trapezoid, 7.348_307),
        (Method::Unweighted, 6.886_410),
    ] {
        let found = mean_kinetic_of(&series, window(0, 240), method).unwrap();
        assert!((found - expected).abs() < 1e-6, "{method:?}: {found}");
    }
}

#[test]
fn readings_at_one_instant_are_averaged_first() {
    let twice = series(&[(0, 4_000), (0, 8_000), (60, 6_000)], 60);
    let found = mean_kinetic_of(&twice, window(0, 120), Method::LeftHold).unwrap();
    assert!((found - 6.0).abs() < 1e-9, "{found}");
}

/// A reading every 30 minutes over so many hours.
fn hours(hours: i64, value: impl Fn(i64) -> i32) -> Series {
    let samples: Vec<_> = (0..hours * 2).map(|i| (i * 30, value(i / 2))).collect();
    series(&samples, 30)
}

#[test]
fn the_guard_refuses_without_a_number() {
    use NotApplicable::{BelowZero, Class, Coverage, FrozenStorage, Window};

    let ask = |series: &Series, hours: i64, class| {
        mkt_for_preset(series, window(0, hours * 60), class, Method::LeftHold)
            .map(|mkt| mkt.celsius)
    };
    assert_eq!(
        ask(&hours(24, |_| -20_000), 24, StorageClass::Frozen),
        Err(FrozenStorage)
    );
    assert_eq!(
        ask(&hours(24, |_| 5_000), 24, StorageClass::Frozen),
        Err(FrozenStorage)
    );
    assert_eq!(
        ask(
            &hours(24, |h| i32::from(h != 3) * 5_000),
            24,
            StorageClass::Cct
        ),
        Err(BelowZero)
    );
    assert_eq!(
        ask(&hours(24, |_| 5_000), 24, StorageClass::Hot),
        Err(Class)
    );
    assert_eq!(
        ask(&hours(24, |_| 5_000), 24, StorageClass::Chilled),
        Err(Class)
    );
    assert_eq!(
        ask(&hours(48, |_| 5_000), 48, StorageClass::Cct),
        Err(Window)
    );
    assert_eq!(
        ask(&hours(24 * 30, |_| 22_000), 24 * 29, StorageClass::Crt),
        Err(Window)
    );
    let holes = Series::new(
        hours(24, |_| 5_000)
            .good()
            .iter()
            .skip(1)
            .copied()
            .collect::<Vec<Sample>>(),
        crate::build::minutes(30),
    );
    assert_eq!(ask(&holes, 24, StorageClass::Cct), Err(Coverage));
    let ok = ask(
        &hours(24, |h| if h < 18 { 5_000 } else { 14_000 }),
        24,
        StorageClass::Cct,
    );
    assert!((ok.unwrap() - 8.285_216).abs() < 1e-6);
}

#[test]
fn the_mean_and_each_excursion_limit_are_reported_for_themselves() {
    let cct = Registry::shipped().find("usp.cct").unwrap();
    let crt = Registry::shipped().find("usp.crt").unwrap();
    let day = window(0, 24 * 60);
    let fail = Verdict::Fail { proven: true };
    let judged =
        |value: fn(i64) -> i32| evaluate(cct, &hours(24, value), day, Method::LeftHold).unwrap();
    let warm = judged(|h| if h < 18 { 5_000 } else { 14_000 });
    assert_eq!((warm.mean, warm.excursions[0].1), (fail, Verdict::Pass));
    let brief = judged(|h| if h < 20 { 5_000 } else { 15_000 });
    assert_eq!(
        (brief.mean, brief.verdict()),
        (Verdict::Pass, Verdict::Pass)
    );
    let spike = judged(|h| if h == 20 { 15_100 } else { 4_000 });
    assert_eq!(
        (spike.mean, spike.excursions[0].1, spike.verdict()),
        (Verdict::Pass, fail, fail)
    );
    // A constant exactly at the limit keeps it.
    assert_eq!(judged(|_| 8_000).mean, Verdict::Pass);
    let month = window(0, 30 * 24 * 60);
    let room = hours(30 * 24, |h| if h < 717 { 22_000 } else { 29_000 });
    let report = evaluate(crt, &room, month, Method::LeftHold).unwrap();
    assert!((report.mkt.celsius - 22.043_175).abs() < 1e-6);
    assert_eq!(
        (report.verdict(), report.excursions.len()),
        (Verdict::Pass, 3)
    );
    let cold = Registry::shipped().find("us.fc2022.cold").unwrap();
    assert_eq!(
        evaluate(cold, &hours(24, |_| 4_000), day, Method::LeftHold),
        Err(NotApplicable::Class)
    );
    assert_eq!(celsius(22_000).celsius().to_string(), "22");
}

proptest! {
    #[test]
    fn bounds_and_invariances(values in prop::collection::vec((-80.0f64..60.0, 0.1f64..100.0), 1..30), part in 0.1f64..0.9, at in 0usize..30) {
        let all = weighted(&values);
        let mean = mean_kinetic(&all).unwrap();
        let total: f64 = values.iter().map(|v| v.1).sum();
        let arithmetic = values.iter().map(|v| v.0 * v.1).sum::<f64>() / total;
        let low = values.iter().map(|v| v.0).fold(f64::INFINITY, f64::min);
        let high = values.iter().map(|v| v.0).fold(f64::NEG_INFINITY, f64::max);
        prop_assert!(mean >= low - 1e-9 && mean <= high + 1e-9);
        // Jensen: convex in 1/T below 5000 K.
        prop_assert!(mean >= arithmetic - 1e-9, "{} below {}", mean, arithmetic);
        let mut split = values.clone();
        let index = at % values.len();
        let weight = split[index].1;
        split[index].1 = weight * part;
        split.push((split[index].0, weight * (1.0 - part)));
        split.reverse();
        prop_assert!((mean_kinetic(&weighted(&split)).unwrap() - mean).abs() < 1e-9);
    }

    #[test]
    fn a_constant_is_its_own_mean(celsius in -200.0f64..200.0, weights in prop::collection::vec(0.1f64..10.0, 1..10)) {
        let values: Vec<_> = weights.iter().map(|w| (celsius, *w)).collect();
        prop_assert!((mean_kinetic(&weighted(&values)).unwrap() - celsius).abs() < 1e-9);
    }
}
