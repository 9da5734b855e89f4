//! Two-stage cooling: the Newton and bracket vectors of 2.2, deadlines, amendments, reheating.

use crate::build::{at, celsius, minutes, series};
use freshtrack_alerts::food_safety::cooling::{
    CoolingReport, CoolingRule, Run, Stage, amendments, evaluate,
};
use freshtrack_alerts::food_safety::lattice::Lattice;
use freshtrack_alerts::food_safety::newton::{Newton, predicts_miss};
use freshtrack_alerts::food_safety::preset::Registry;
use freshtrack_alerts::food_safety::series::Sample;
use freshtrack_alerts::food_safety::verdict::{Unknown, Verdict};
use freshtrack_core::temperature::TemperatureUnit::C;

const PASS: Verdict = Verdict::Pass;
const PROVEN: Verdict = Verdict::Fail { proven: true };
const UNPROVEN: Verdict = Verdict::Fail { proven: false };
const GAP: Verdict = Verdict::Indeterminate {
    reason: Unknown::Gap,
};
const NO_DATA: Verdict = Verdict::Indeterminate {
    reason: Unknown::NoData,
};

fn rule() -> CoolingRule {
    let stage = |milli, within| Stage {
        limit: Lattice::from_milli(milli, C),
        within: minutes(within),
    };
    CoolingRule {
        start: Some(Lattice::from_milli(57_000, C)),
        stages: vec![stage(21_000, 120), stage(5_000, 360)],
        max_gap: Some(minutes(10)),
    }
}

fn judged(samples: &[(i64, i32)], now: i64) -> CoolingReport {
    evaluate(&rule(), &series(samples, 5), None, at(now))
}

fn last(report: &CoolingReport) -> &Run {
    report.runs.last().expect("a report has a run")
}

/// Stage verdict with its (lo, hi) in minutes.
fn stage(report: &CoolingReport, index: usize) -> (Verdict, i64, i64) {
    let stage = &last(report).stages[index];
    let as_minutes = |span: freshtrack_core::time::Span| span.as_seconds() / 60;
    (
        stage.verdict.expect("not superseded"),
        as_minutes(stage.lo),
        stage.hi.map_or(-1, as_minutes),
    )
}

#[test]
fn bracket_cases_k1_to_k10() {
    const START: &[(i64, i32)] = &[(0, 57_000), (5, 56_000)];
    const END: &[(i64, i32)] = &[(350, 5_100), (355, 5_000)];
    let whole = |middle: &[(i64, i32)]| [START, middle, END].concat();
    let cases: [(&str, Vec<(i64, i32)>, _, _); 9] = [
        (
            "K1",
            [
                START,
                &[(115, 21_600), (120, 21_000), (355, 5_100), (360, 5_000)],
            ]
            .concat(),
            (PASS, 110, 120),
            (PASS, 350, 360),
        ),
        (
            "K2",
            whole(&[(115, 21_600), (125, 20_400)]),
            (UNPROVEN, 110, 125),
            (PASS, 345, 355),
        ),
        (
            "K3",
            whole(&[(125, 21_100), (130, 20_400)]),
            (PROVEN, 120, 130),
            (PASS, 345, 355),
        ),
        (
            "K4",
            whole(&[(95, 24_000), (150, 18_000)]),
            (GAP, 90, 150),
            (PASS, 345, 355),
        ),
        (
            "K5",
            whole(&[(60, 30_000), (110, 20_000)]),
            (PASS, 55, 110),
            (PASS, 345, 355),
        ),
        (
            "K6",
            whole(&[(95, 24_000), (150, 21_500), (155, 20_900)]),
            (PROVEN, 145, 155),
            (PASS, 345, 355),
        ),
        (
            "K7",
            whole(&[
                (95, 21_200),
                (100, 20_800),
                (140, 24_000),
                (165, 21_300),
                (170, 20_900),
            ]),
            (PROVEN, 160, 170),
            (PASS, 345, 355),
        ),
        (
            "K9",
            [
                START,
                &[(100, 21_200), (105, 20_900), (362, 5_200), (367, 5_000)],
            ]
            .concat(),
            (PASS, 95, 105),
            (UNPROVEN, 357, 367),
        ),
        (
            "K10",
            vec![
                (0, 80_000),
                (10, 57_300),
                (15, 56_600),
                (125, 21_200),
                (130, 21_000),
                (365, 5_200),
                (370, 5_000),
            ],
            (PASS, 110, 120),
            (PASS, 350, 360),
        ),
    ];
    for (name, samples, first, second) in cases {
        let report = judged(&samples, 400);
        assert_eq!(stage(&report, 0), first, "{name}, stage 1");
        assert_eq!(stage(&report, 1), second, "{name}, stage 2");
        assert_eq!(
            last(&report).stages[0].reheat_observed,
            name == "K7",
            "{name}"
        );
        assert_eq!(report.runs.len(), 1, "{name}");
    }
    let k5 = judged(&whole(&[(60, 30_000), (110, 20_000)]), 400);
    assert!(
        last(&k5).gaps.contains(&crate::build::window(60, 110)),
        "K5 lists its gap"
    );
}

#[test]
fn k8_without_a_hot_reading_the_start_is_unknown_unless_an_operator_says_it() {
    let samples = [(0, 48_000), (60, 20_000), (200, 5_000)];
    let report = judged(&samples, 400);
    let unknown = Verdict::Indeterminate {
        reason: Unknown::StartUnknown,
    };
    assert_eq!(report.verdict, unknown);
    assert!(
        last(&report)
            .stages
            .iter()
            .all(|stage| stage.verdict == Some(unknown))
    );
    let told = evaluate(&rule(), &series(&samples, 5), Some(at(0)), at(400));
    assert_eq!(stage(&told, 0), (PASS, 0, 60));
    assert_eq!(stage(&told, 1), (PASS, 60, 200));
}

/// A cooling curve sampled every minute.
fn newton(ambient: f64, tau_hours: f64, from: f64, length: i64) -> Vec<(i64, i32)> {
    let law = Newton { ambient, tau_hours };
    let sample = |minute: i64| {
        let hours = f64::from(i32::try_from(minute).expect("a minute of the day")) / 60.0;
        let milli = format!("{:.0}", law.at(from, hours) * 1_000.0);
        (minute, milli.parse().expect("an integer"))
    };
    (0..=length).map(sample).collect()
}

#[test]
fn newton_vectors_with_celsius_limits() {
    let hours = |tau_hours: f64, limit: f64| {
        Newton {
            ambient: 3.0,
            tau_hours,
        }
        .hours_to(57.0, limit)
        .expect("is reached")
    };
    let exact = 2.0 / 3.0_f64.ln();
    for (tau, first, second, verdict) in [
        (1.5, 1.6479, 4.9438, PASS),
        (exact, 2.0, 6.0, PASS),
        (2.0, 2.1972, 6.5917, UNPROVEN),
    ] {
        assert!((hours(tau, 21.0) - first).abs() < 5e-5, "τ {tau}");
        assert!((hours(tau, 5.0) - second).abs() < 5e-5, "τ {tau}");
        let report = judged(&newton(3.0, tau, 57.0, 420), 420);
        let fails = |v: Verdict| matches!(v, Verdict::Fail { .. });
        assert_eq!(
            fails(report.verdict),
            fails(verdict),
            "τ {tau}: {:?}",
            report.verdict
        );
    }
    let report = judged(&newton(3.0, exact, 57.0, 420), 420);
    assert_eq!(stage(&report, 0), (PASS, 118, 120));
    assert_eq!(stage(&report, 1), (PASS, 358, 360));
}

#[test]
fn newton_vectors_with_fahrenheit_limits() {
    let hours = |ambient_f: f64, tau_hours: f64, limit_f: f64| {
        let to_c = |f: f64| (f - 32.0) / 1.8;
        Newton {
            ambient: to_c(ambient_f),
            tau_hours,
        }
        .hours_to(to_c(135.0), to_c(limit_f))
        .expect("is reached")
    };
    assert!((hours(37.349_861, 1.825_580, 70.0) - 2.0).abs() < 1e-5);
    assert!((hours(37.349_861, 1.825_580, 41.0) - 6.0).abs() < 1e-5);
    let tau = 2.0 / 3.0_f64.ln();
    assert!((hours(37.4, tau, 70.0) - 1.9963).abs() < 5e-5);
    assert!((hours(37.4, tau, 41.0) - 6.0075).abs() < 5e-5);
    let preset = Registry::shipped().enabled("us.fc2022.cooling-a").unwrap();
    let law = CoolingRule::of(preset).unwrap();
    let mut samples = newton(3.0, tau, (135.0 - 32.0) / 1.8, 420);
    samples[0].1 = 57_223; // 135 °F is not a whole milli-°C
    let report = evaluate(&law, &series(&samples, 1), None, at(420));
    assert_eq!(stage(&report, 0).0, PASS);
    assert!(
        matches!(stage(&report, 1).0, Verdict::Fail { .. }),
        "{report:?}"
    );
}

#[test]
fn the_deadline_raises_at_once_and_a_backfilled_reading_amends() {
    let samples = [(0, 57_000), (5, 56_000), (60, 35_000), (110, 22_000)];
    let before = judged(&samples, 119);
    assert_eq!(before.verdict, Verdict::Pending);
    assert_eq!(before.next_deadline, Some(at(120)));
    let due = judged(&samples, 120);
    assert!(last(&due).stages[0].alarm);
    assert_eq!(stage(&due, 0).0, UNPROVEN);
    assert_eq!(
        due.next_deadline,
        Some(at(360)),
        "the second stage is still open"
    );
    assert_eq!(
        amendments(&before, &due, at(120)),
        [],
        "a first verdict amends nothing"
    );
    let filled = judged(&[&samples[..], &[(115, 20_900)]].concat(), 121);
    assert_eq!(stage(&filled, 0).0, PASS);
    let changes = amendments(&due, &filled, at(121));
    assert_eq!(changes.len(), 1);
    assert_eq!(
        (changes[0].subject, changes[0].from, changes[0].to),
        (0, UNPROVEN, PASS)
    );
    assert!(changes[0].resolves_alarm);
}

#[test]
fn data_that_stop_leave_no_data_with_the_alarm_standing() {
    let report = judged(&[(0, 57_000), (5, 56_000), (60, 35_000)], 500);
    assert_eq!(
        (stage(&report, 0).0, stage(&report, 1).0),
        (NO_DATA, NO_DATA)
    );
    assert!(last(&report).stages.iter().all(|stage| stage.alarm));
    let only_hot = judged(&[(0, 60_000)], 120);
    assert_eq!(stage(&only_hot, 0).0, NO_DATA);
}

#[test]
fn reaching_the_start_limit_again_begins_a_new_run() {
    let samples = [
        (0, 57_000),
        (5, 56_000),
        (60, 30_000),
        (90, 75_000),
        (95, 56_900),
        (180, 21_000),
        (400, 5_000),
    ];
    let report = judged(&samples, 500);
    assert_eq!(report.runs.len(), 2);
    assert_eq!(report.runs[0].superseded_at, Some(at(90)));
    assert_eq!(report.runs[0].stages[0].verdict, None, "never decided");
    assert_eq!(report.runs[1].started_after, Some(at(90)));
    assert_eq!(stage(&report, 0).2, 90);
    // A breach that was proven before the food was reheated stays on the record.
    let late = [
        (0, 57_000),
        (5, 56_000),
        (125, 30_000),
        (130, 70_000),
        (135, 40_000),
    ];
    assert_eq!(judged(&late, 140).verdict, PROVEN);
}

#[test]
fn one_stage_presets_need_an_operators_start() {
    let rule =
        CoolingRule::of(Registry::shipped().enabled("us.fc2022.cooling-b").unwrap()).unwrap();
    let samples = series(&[(0, 20_000), (235, 5_001), (240, 5_000)], 5);
    let judged = |from| evaluate(&rule, &samples, from, at(300)).verdict;
    assert_eq!(judged(Some(at(0))), PASS);
    assert_eq!(judged(Some(at(-1))), UNPROVEN);
    assert_eq!(
        judged(None),
        Verdict::Indeterminate {
            reason: Unknown::StartUnknown
        }
    );
    let cold = Registry::shipped().enabled("us.fc2022.cold").unwrap();
    assert_eq!(CoolingRule::of(cold), None);
}

#[test]
fn a_forecast_warns_from_half_of_the_time_on() {
    let run = |tau: f64, until: i64| -> Vec<Sample> {
        let curve = newton(3.0, tau, 57.0, until);
        curve
            .iter()
            .step_by(5)
            .map(|(m, milli)| Sample::good(at(*m), celsius(*milli)))
            .collect()
    };
    let warns = |tau: f64, now: i64| predicts_miss(&run(tau, now), 3.0, 21.0, at(120), at(now));
    assert!(!warns(2.5, 55), "too early");
    assert!(warns(2.5, 60));
    assert!(!warns(1.5, 60));
    assert!(warns(1.9, 90));
}
