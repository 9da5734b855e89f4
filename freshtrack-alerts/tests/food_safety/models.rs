//! Closed form (3.1), product model (3.4), drift (3.5), sensor truth (3.6), power loss (3.7).

use crate::build::{at, minutes};
use freshtrack_alerts::food_safety::closed_form::{DelayTimer, Delays, SampleState};
use freshtrack_alerts::food_safety::drift::{Advisory, Drift};
use freshtrack_alerts::food_safety::lattice::{Operator, Threshold};
use freshtrack_alerts::food_safety::power_loss::{AfterGap, Warming, after_gap};
use freshtrack_alerts::food_safety::product_model::{Lag, ProductModel};
use freshtrack_alerts::food_safety::sensor_truth::{
    Plausibility, Reset, STUCK_AIR, SensorModel, Siblings, StuckValue, stuck_after,
};
use freshtrack_alerts::food_safety::series::Quality;
use freshtrack_core::temperature::Temperature;
use proptest::prelude::*;

const fn celsius(milli: i32) -> Temperature {
    Temperature::from_milli_celsius(milli)
}

#[test]
fn false_alarm_table() {
    for (p1, on, off, far, raises) in [
        (0.1, 1, 1, 0.1, 0.09),
        (0.1, 2, 1, 0.01, 0.009),
        (0.1, 2, 2, 0.020_879_121, 0.008_901_099),
        (0.1, 3, 3, 0.003_337_849, 0.000_897_894),
        (0.3, 3, 3, 0.110_337_750, 0.017_281_209),
        (0.05, 4, 2, 0.000_012_829, 0.000_005_937),
    ] {
        let delays = Delays { on, off };
        assert!(
            (delays.false_alarm_rate(p1) - far).abs() < 6e-10,
            "{p1}, {delays:?}"
        );
        assert!(
            (delays.raises_per_sample(p1) - raises).abs() < 6e-10,
            "{p1}, {delays:?}"
        );
    }
    for (q, on, expected) in [
        (0.9, 3, 3.717_421_125),
        (0.8, 5, 10.258_789_062),
        (0.95, 4, 4.554_753_263),
        (0.5, 2, 6.0),
        (1.0, 7, 7.0),
    ] {
        let found = Delays { on, off: 1 }.expected_samples(q);
        assert!((found - expected).abs() < 1e-9, "q {q}, n {on}: {found}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn the_machine_agrees_with_the_formulas(seed in any::<u64>(), p1 in 0.15f64..0.6, on in 1u32..4, off in 1u32..4) {
        let delays = Delays { on, off };
        let mut rng = freshtrack_alerts::food_safety::fleet::Rng::seeded(seed);
        let mut timer = DelayTimer::default();
        let (mut alarm, mut raises) = (0u32, 0u32);
        let total = 300_000u32;
        for _ in 0..total {
            let violates = rng.unit() < p1;
            let sample = if violates { SampleState::Violating } else { SampleState::Conforming };
            raises += u32::from(timer.step(delays, sample));
            alarm += u32::from(timer.is_active());
        }
        let share = f64::from(alarm) / f64::from(total);
        let rate = f64::from(raises) / f64::from(total);
        prop_assert!((share / delays.false_alarm_rate(p1) - 1.0).abs() < 0.2, "share {}", share);
        prop_assert!((rate / delays.raises_per_sample(p1) - 1.0).abs() < 0.2, "rate {}", rate);
    }
}

#[test]
fn product_lag_vectors() {
    let lag = Lag {
        tau: minutes(120),
        gap_limit: minutes(90),
    };
    let close = |model: &ProductModel, expected: f64| {
        assert!(
            (model.celsius() - expected).abs() < 1e-6,
            "{}",
            model.celsius()
        );
    };
    let start = ProductModel::with_product(at(0), celsius(-18_000), celsius(5_000));
    let mut once = start;
    once.step(lag, at(30), celsius(-20_000));
    close(&once, -12.912_418);
    let mut many = start;
    for minute in 1..=30 {
        let air = if minute == 30 { -20_000 } else { 5_000 };
        many.step(lag, at(minute), celsius(air));
    }
    close(&many, -12.912_418);
    once.step(lag, at(90), celsius(-20_000));
    close(&once, -15.701_164);
    assert_eq!(once.temperature(), celsius(-15_701));
    let mut fridge = ProductModel::with_product(at(0), celsius(3_000), celsius(12_000));
    fridge.step(
        Lag {
            tau: minutes(90),
            ..lag
        },
        at(45),
        celsius(12_000),
    );
    close(&fridge, 6.541_224);
    let mut gap = ProductModel::starting(at(0), celsius(-20_000));
    gap.step(lag, at(91), celsius(-15_000));
    assert!(gap.reinitialised());
    close(&gap, -15.0);
    gap.step(lag, at(90), celsius(30_000));
    close(&gap, -15.0);
}

/// Day of the first sliding and of the first fixed advisory.
fn advisories(mean: impl Fn(i32) -> i32) -> (Option<i32>, Option<i32>) {
    let mut drift = Drift::default();
    let (mut sliding, mut fixed) = (None, None);
    for day in 0..200 {
        for advisory in drift.close_day(day, celsius(mean(day)), 10_000, None) {
            match advisory {
                Advisory::Sliding => sliding = sliding.or(Some(day)),
                Advisory::Fixed => fixed = fixed.or(Some(day)),
                Advisory::Trend => panic!("no limit, no trend"),
            }
        }
    }
    (sliding, fixed)
}

#[test]
fn drift_vectors() {
    assert_eq!(advisories(|day| 4_400 + 20 * day), (None, Some(120)));
    assert_eq!(advisories(|day| 4_000 + 30 * day), (Some(61), Some(87)));
    assert_eq!(
        advisories(|day| if day < 60 { 4_000 } else { 5_200 }),
        (Some(65), None)
    );
    assert_eq!(advisories(|_| 4_000), (None, None));
}

#[test]
fn days_with_little_coverage_do_not_count_and_a_trend_warns_before_the_limit() {
    let mut drift = Drift::default();
    for day in 0..200 {
        assert_eq!(
            drift.close_day(day, celsius(4_000 + 90 * day), 7_499, None),
            []
        );
    }
    let mut drift = Drift::default();
    let mut first = None;
    for day in 0..200 {
        let mean = celsius(4_000 + 10 * day);
        let found = drift.close_day(day, mean, 7_500, Some(celsius(5_000)));
        first = first.or(found.contains(&Advisory::Trend).then_some(day));
    }
    // 5.0 °C is reached on day 100: from day 70 on it is within 30 days.
    assert_eq!(first, Some(72));
    let stored = serde_json::to_string(&drift).unwrap();
    assert_eq!(serde_json::from_str::<Drift>(&stored).unwrap(), drift);
}

const MODEL: SensorModel = SensorModel {
    min: celsius(-55_000),
    max: celsius(125_000),
    fault_codes: &[celsius(-50_000)],
    reset_codes: &[celsius(85_000)],
};

#[test]
fn impossible_values_are_bad_and_reset_codes_only_after_a_reset() {
    for (milli, reset, impossible) in [
        (882_600, Reset::None, true),
        (-127_000, Reset::None, true),
        (85_000, Reset::Recent, true),
        (85_000, Reset::None, false),
        (-50_000, Reset::None, true),
        (-20_000, Reset::Recent, false),
    ] {
        assert_eq!(
            MODEL.is_impossible(celsius(milli), reset),
            impossible,
            "{milli}"
        );
    }
    let mut channel = Plausibility::default();
    let judged = channel.judge(
        &MODEL,
        at(0),
        celsius(882_600),
        Reset::None,
        Siblings::Sound,
    );
    assert_eq!((judged.quality, judged.sensor_fault), (Quality::Bad, true));
}

#[test]
fn a_jump_is_suspect_until_confirmed_and_two_suspects_are_a_fault() {
    use Quality::{Good, Suspect};

    let feed = |values: &[(i64, i32)]| -> Vec<_> {
        let mut channel = Plausibility::default();
        let judge = |(minute, milli): &(i64, i32)| {
            let sound = Siblings::Sound;
            let j = channel.judge(&MODEL, at(*minute), celsius(*milli), Reset::None, sound);
            (j.quality, j.sensor_fault)
        };
        values.iter().map(judge).collect()
    };
    assert_eq!(
        feed(&[(0, -20_000), (1, 20_000), (2, 22_000)]),
        [(Good, false), (Suspect, false), (Good, false)],
        "a fire"
    );
    assert_eq!(
        feed(&[(0, -20_000), (1, 20_000), (2, -20_000)]),
        [(Good, false), (Suspect, false), (Good, false)],
        "a spike"
    );
    assert_eq!(
        feed(&[
            (0, -20_000),
            (1, 20_000),
            (2, 60_000),
            (3, 15_000),
            (4, 15_000)
        ]),
        [
            (Good, false),
            (Suspect, false),
            (Suspect, true),
            (Suspect, false),
            (Good, false)
        ],
        "noise"
    );
    assert_eq!(
        feed(&[(0, -20_000), (15, 20_000)])[1].0,
        Good,
        "2.7 °C a minute is no jump"
    );
    let mut channel = Plausibility::default();
    let with = |channel: &mut Plausibility, minute| {
        channel.judge(
            &MODEL,
            at(minute),
            celsius(-20_000),
            Reset::None,
            Siblings::Faulty,
        )
    };
    assert_eq!(with(&mut channel, 0).quality, Suspect);
    assert!(with(&mut channel, 1).sensor_fault);
}

#[test]
fn stuck_values() {
    for (p, k) in [
        (0.5, 21),
        (0.8, 63),
        (0.95, 271),
        (0.2, 21),
        (1.0, u32::MAX),
    ] {
        assert_eq!(stuck_after(p), k, "p {p}");
    }
    let mut stuck = StuckValue::default();
    let first = (0..200).find(|i| stuck.step(at(i * 15), celsius(4_000), STUCK_AIR));
    assert_eq!(first, Some(24), "21 values are not yet six hours");
    let mut fast = StuckValue::default();
    let first = (0..200).find(|i| fast.step(at(i * 20), celsius(4_000), STUCK_AIR));
    assert_eq!(first, Some(20), "the 21st value");
    // A unit whose value repeats nine times out of ten is given longer runs.
    let mut calm = StuckValue::default();
    for i in 0..1_000 {
        assert!(!calm.step(
            at(i * 15),
            celsius(i32::try_from(i / 10).unwrap()),
            STUCK_AIR
        ));
    }
    assert!((calm.repeat_probability() - 0.9).abs() < 0.01);
    let first = (0..400).find(|i| calm.step(at(20_000 + i * 15), celsius(9), STUCK_AIR));
    assert!(first.is_some_and(|i| i > 100), "{first:?}");
}

#[test]
fn after_power_loss() {
    let limit = Threshold::celsius(Operator::Above, -18_000);
    let judged = |gap: i64, found: i32, cadence: i64| {
        let (last, first) = ((at(0), celsius(-20_000)), (at(gap), celsius(found)));
        after_gap(last, first, limit, minutes(cadence), Warming::default())
    };
    let possible = |gap| match judged(gap, -20_000, 1) {
        Some(AfterGap::Unproven { possible, .. }) => Some(possible.milli_celsius()),
        _ => None,
    };
    assert_eq!(possible(120), Some(-8_940));
    assert_eq!(judged(15, -20_000, 1), None);
    let warming = Warming::default();
    let quarter =
        freshtrack_alerts::food_safety::power_loss::warmed(celsius(-20_000), minutes(15), warming);
    assert_eq!(quarter, celsius(-18_462));
    assert_eq!(
        judged(120, -17_000, 1),
        Some(AfterGap::Violates {
            gap_from: at(0),
            length: minutes(120),
            found: celsius(-17_000)
        })
    );
    assert_eq!(judged(44, -17_000, 15), None, "shorter than three cadences");
    assert!(judged(45, -17_000, 15).is_some());
}
