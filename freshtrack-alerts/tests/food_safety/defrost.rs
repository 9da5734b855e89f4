//! The defrost-aware rule: the table of 3.2 and the laws around it.

use crate::build::{at, minutes};
use freshtrack_alerts::food_safety::defrost::{
    Cause, Cooling, Denial, DoorReport, GraceChange, Learned, Outcome, Params, Raise, Reading,
    Tracker,
};
use freshtrack_alerts::food_safety::series::Quality;
use freshtrack_core::temperature::{Limit, Temperature};
use freshtrack_core::time::Timestamp;
use proptest::prelude::*;

const BEFORE: [(i64, i32); 4] = [
    (-60, -20_000),
    (-45, -20_000),
    (-30, -20_000),
    (-15, -20_000),
];

fn params(cadence: i64) -> Params {
    Params::freezer(Limit::celsius(-18_000), minutes(cadence))
}

fn reading(minute: i64, milli: i32) -> Reading {
    let air = Temperature::from_milli_celsius(milli);
    Reading {
        at: at(minute),
        air,
        quality: Quality::Good,
        product: None,
    }
}

fn minute_of(instant: Timestamp) -> i64 {
    (instant - at(0)).as_seconds() / 60
}

/// Feeds the calm hour and `samples`, then lets `after` more hours pass; returns all that happened.
fn run(params: &Params, samples: &[(i64, i32)]) -> (Tracker, Vec<Outcome>) {
    let mut tracker = Tracker::new();
    let mut outcomes = Vec::new();
    for (minute, milli) in BEFORE.iter().chain(samples) {
        outcomes.push(tracker.observe(params, &reading(*minute, *milli)));
    }
    (tracker, outcomes)
}

fn raises(outcomes: &[Outcome]) -> Vec<Raise> {
    outcomes
        .iter()
        .filter_map(|outcome| outcome.raise)
        .collect()
}

/// Name, samples, expected raise.
type Case<'a> = (
    &'a str,
    &'a [(i64, i32)],
    Option<(i64, Cause, Option<Denial>)>,
);

#[test]
fn table_of_raise_minutes() {
    use Cause::{Ceiling, GraceOver, OnDelay, Silence};
    let no_recovery = Some(Denial::NoRecovery);
    let rise = Some(Denial::RiseTooLong);
    let ceiling = Some(Denial::Ceiling);
    let cases: [Case<'_>; 10] = [
        (
            "lost sample between two peaks",
            &[(0, -17_500), (30, -17_500), (45, -20_000)],
            None,
        ),
        (
            "same loss, real failure",
            &[(0, -17_500), (30, -16_000), (45, -14_500)],
            Some((45, OnDelay, None)),
        ),
        (
            "slow warm-up",
            &[(0, -17_500), (15, -17_000)],
            Some((15, OnDelay, None)),
        ),
        (
            "silence after one warm sample",
            &[(0, -17_500)],
            Some((50, Silence, None)),
        ),
        (
            "clean defrost",
            &[
                (0, -15_000),
                (15, -6_000),
                (30, -2_000),
                (45, -9_000),
                (60, -15_000),
                (75, -18_500),
            ],
            None,
        ),
        (
            "defrost that does not come back",
            &[
                (0, -15_000),
                (15, -6_000),
                (30, -2_000),
                (45, -2_500),
                (60, -2_600),
                (75, -2_700),
            ],
            Some((75, OnDelay, no_recovery)),
        ),
        (
            "fast failure",
            &[(0, -15_000), (15, -10_000), (30, -5_000), (45, -1_000)],
            Some((45, OnDelay, rise)),
        ),
        (
            "ceiling",
            &[(0, -10_000), (15, 2_000), (30, 10_000)],
            Some((30, Ceiling, ceiling)),
        ),
        (
            "silence during grace",
            &[(0, -15_000), (15, -6_000), (30, -8_500)],
            Some((90, GraceOver, None)),
        ),
        (
            "too slow a recovery",
            &[
                (0, -15_000),
                (15, -6_000),
                (30, -8_500),
                (45, -11_000),
                (60, -13_000),
                (75, -15_000),
                (90, -17_000),
            ],
            Some((90, GraceOver, None)),
        ),
    ];
    for (name, samples, expected) in cases {
        let (mut tracker, mut outcomes) = run(&params(15), samples);
        let promised = tracker.next_deadline(&params(15));
        outcomes.push(tracker.tick(&params(15), at(600)));
        let found: Vec<_> = raises(&outcomes)
            .iter()
            .map(|r| (minute_of(r.at), r.cause, r.denied))
            .collect();
        assert_eq!(found, Vec::from_iter(expected), "{name}");
        if outcomes.last().is_some_and(|last| last.raise.is_some()) {
            assert_eq!(
                promised.map(minute_of),
                expected.map(|e| e.0),
                "{name}: stored deadline"
            );
        }
    }
}

#[test]
fn a_grace_is_announced_with_the_latest_alarm_time_and_never_silent() {
    let (tracker, outcomes) = run(&params(15), &[(0, -15_000)]);
    let granted = GraceChange::Granted {
        since: at(0),
        alarm_at: at(90),
        slope: 333,
    };
    assert_eq!(outcomes[4].grace, Some(granted));
    assert_eq!(tracker.grace_until(&params(15)), Some(at(90)));
    let (_, outcomes) = run(&params(15), &[(0, -17_450)]);
    assert_eq!(
        outcomes[4].grace, None,
        "0.17 °C/min exactly is not steeper than 0.17"
    );
    let (_, outcomes) = run(&params(15), &[(0, -17_500), (15, -12_000)]);
    assert!(
        outcomes[5].grace.is_some(),
        "later in the episode counts too"
    );
    assert_eq!(outcomes[5].raise, None);
}

#[test]
fn without_a_slope_reference_there_is_no_grace() {
    let mut tracker = Tracker::new();
    tracker.observe(&params(15), &reading(-46, -20_000));
    let outcome = tracker.observe(&params(15), &reading(0, -5_000));
    assert_eq!(outcome.grace, None);
    assert_eq!(tracker.next_deadline(&params(15)), Some(at(50)));
}

#[test]
fn door_mains_suspect_data_and_power_loss_deny_a_grace() {
    let denied = |cause| Some(GraceChange::Denied { cause });
    let p = params(15);
    let prepared = || run(&p, &[]).0;

    let mut door = prepared();
    door.door(&p, DoorReport::Open, at(-10));
    door.door(&p, DoorReport::Closed, at(-9));
    assert_eq!(
        door.observe(&p, &reading(0, -15_000)).grace,
        denied(Denial::DoorOpen)
    );
    assert_eq!(
        door.next_deadline(&p),
        Some(at(20 + 35)),
        "the door's delay of 20 minutes"
    );
    let mut long_ago = prepared();
    long_ago.door(&p, DoorReport::Open, at(-20));
    long_ago.door(&p, DoorReport::Closed, at(-16));
    assert!(matches!(
        long_ago.observe(&p, &reading(0, -15_000)).grace,
        Some(GraceChange::Granted { .. })
    ));
    assert_eq!(
        long_ago.door(&p, DoorReport::Open, at(5)).grace,
        denied(Denial::DoorOpen)
    );
    assert_eq!(long_ago.grace_until(&p), None);

    let mut mains = prepared();
    mains.observe(&p, &reading(0, -15_000));
    assert_eq!(
        mains.cooling(&p, Cooling::Off, at(3)).grace,
        denied(Denial::CoolingOff)
    );
    let raise = mains.observe(&p, &reading(15, -10_000)).raise.unwrap();
    assert_eq!(
        (raise.cause, raise.denied),
        (Cause::OnDelay, Some(Denial::CoolingOff))
    );

    let mut suspect = prepared();
    suspect.observe(&p, &reading(0, -15_000));
    let odd = Reading {
        quality: Quality::Suspect,
        ..reading(10, 40_000)
    };
    let outcome = suspect.observe(&p, &odd);
    assert_eq!(
        (outcome.grace, outcome.raise),
        (denied(Denial::SuspectData), None)
    );

    let mut power = prepared();
    power.power_lost();
    assert_eq!(
        power.observe(&p, &reading(0, -15_000)).grace,
        denied(Denial::PowerLoss)
    );
    for minute in (15..=120).step_by(15) {
        power.observe(&p, &reading(minute, -20_000));
    }
    assert_eq!(
        power.observe(&p, &reading(121, -15_000)).grace,
        denied(Denial::PowerLoss)
    );
    for minute in (135..=255).step_by(15) {
        power.observe(&p, &reading(minute, -20_000));
    }
    assert!(matches!(
        power.observe(&p, &reading(270, -15_000)).grace,
        Some(GraceChange::Granted { .. })
    ));
}

#[test]
fn the_modelled_product_cancels_a_grace() {
    let p = params(15);
    let mut tracker = run(&p, &[(0, -15_000)]).0;
    let product = Some(Temperature::from_milli_celsius(-12_000));
    let outcome = tracker.observe(
        &p,
        &Reading {
            product,
            ..reading(15, -6_000)
        },
    );
    assert_eq!(
        outcome.grace,
        Some(GraceChange::Denied {
            cause: Denial::ProductCeiling
        })
    );
    assert_eq!(outcome.raise.unwrap().at, at(15));
}

#[test]
fn six_graces_a_day_and_then_defrost_abnormal() {
    let p = params(15);
    let mut tracker = run(&p, &[]).0;
    let defrost = |tracker: &mut Tracker, start: i64, back: i64| {
        tracker.observe(&p, &reading(start - 15, -20_000));
        let first = tracker.observe(&p, &reading(start, -15_000)).grace;
        for minute in (start + 15..start + back).step_by(15) {
            tracker.observe(&p, &reading(minute, -14_000));
        }
        tracker.observe(&p, &reading(start + back, -20_000));
        first
    };
    let granted = |grace| matches!(grace, Some(GraceChange::Granted { .. }));
    // Graces that did not outlive the on-delay cost nothing.
    for hour in 0..8 {
        assert!(
            granted(defrost(&mut tracker, hour * 60, 10)),
            "short {hour}"
        );
    }
    for hour in 8..14 {
        assert!(granted(defrost(&mut tracker, hour * 60, 30)), "{hour}");
    }
    let seventh = defrost(&mut tracker, 14 * 60, 10);
    assert_eq!(
        seventh,
        Some(GraceChange::Denied {
            cause: Denial::Budget
        })
    );
    // A day after the first was charged there is room again.
    assert!(!granted(defrost(&mut tracker, 32 * 60, 10)));
    assert!(granted(defrost(&mut tracker, 32 * 60 + 30, 10)));
}

#[test]
fn no_grace_where_none_is_allowed_and_a_slow_cadence_doubles_instead() {
    let medicine = Params {
        grace_allowed: false,
        ..params(15)
    };
    let (_, outcomes) = run(&medicine, &[(0, -15_000), (15, -6_000)]);
    assert_eq!(raises(&outcomes)[0].at, at(15));
    let slow = params(30);
    assert!(!slow.recognises_defrost());
    let (mut tracker, outcomes) = run(&slow, &[(0, -15_000), (30, -6_000)]);
    assert!(
        outcomes
            .iter()
            .all(|o| o.grace.is_none() && o.raise.is_none())
    );
    assert_eq!(tracker.next_deadline(&slow), Some(at(60 + 45)));
    assert_eq!(
        tracker
            .observe(&slow, &reading(60, -6_000))
            .raise
            .unwrap()
            .at,
        at(60)
    );
}

#[test]
fn an_alarm_comes_once_and_clears_only_on_readings_throughout_the_off_delay() {
    let p = params(15);
    let (mut tracker, outcomes) = run(&p, &[(0, -17_500), (15, -17_000), (30, -17_000)]);
    assert_eq!(raises(&outcomes).len(), 1);
    assert_eq!(tracker.tick(&p, at(39)), Outcome::default());
    assert!(
        !tracker.observe(&p, &reading(45, -18_500)).cleared,
        "inside the deadband"
    );
    assert_eq!(
        tracker.observe(&p, &reading(60, -17_000)).raise,
        None,
        "same alarm"
    );
    assert!(!tracker.observe(&p, &reading(75, -19_000)).cleared);
    assert!(
        !tracker.observe(&p, &reading(120, -19_000)).cleared,
        "the end of silence"
    );
    assert!(tracker.observe(&p, &reading(135, -19_000)).cleared);
    assert!(!tracker.is_raised());
    tracker.observe(&p, &reading(150, -17_900));
    assert!(
        tracker.observe(&p, &reading(165, -17_900)).raise.is_some(),
        "a new alarm"
    );
}

#[test]
fn learning_only_shortens() {
    let p = params(15);
    let longer = Learned {
        grace: Some(minutes(200)),
        ..Learned::default()
    };
    assert_eq!(p.shortened_by(longer), p);
    let shorter = Learned {
        grace: Some(minutes(60)),
        rise_max: Some(minutes(30)),
        ..longer
    };
    let short = p.shortened_by(shorter);
    assert_eq!((short.grace, short.rise_max), (minutes(60), minutes(30)));
}

fn walk() -> impl Strategy<Value = Vec<(i64, i32)>> {
    prop::collection::vec((1i64..40, -24_000i32..12_000), 1..60).prop_map(|steps| {
        let mut minute = 0;
        let step = |(gap, milli)| {
            minute += gap;
            (minute, milli)
        };
        steps.into_iter().map(step).collect()
    })
}

proptest! {
    #[test]
    fn missing_late_or_extra_ticks_and_a_restart_change_nothing(samples in walk(), cadence in prop::sample::select(vec![1i64, 5, 10, 15, 30]), extra in 1i64..20) {
        let p = params(cadence);
        let (mut bare, mut ticked) = (Tracker::new(), Tracker::new());
        let (mut bare_raises, mut ticked_raises) = (Vec::new(), Vec::new());
        let mut now = 0;
        for (minute, milli) in samples {
            while now + extra < minute {
                now += extra;
                ticked_raises.extend(ticked.tick(&p, at(now)).raise);
                let stored = serde_json::to_string(&ticked).unwrap();
                ticked = serde_json::from_str(&stored).unwrap();
            }
            now = minute;
            bare_raises.extend(bare.observe(&p, &reading(minute, milli)).raise);
            ticked_raises.extend(ticked.observe(&p, &reading(minute, milli)).raise);
            prop_assert_eq!(bare, ticked);
        }
        prop_assert_eq!(bare_raises, ticked_raises);
    }

    #[test]
    fn staying_above_always_raises_within_the_known_bound(samples in walk(), cadence in prop::sample::select(vec![1i64, 5, 10, 15, 30])) {
        let p = params(cadence);
        let mut tracker = Tracker::new();
        let mut raised = None;
        let mut last = 0;
        for (minute, milli) in samples {
            // Everything is above the limit, whatever its shape.
            let warm = reading(minute, milli.max(-17_999));
            raised = raised.or(tracker.observe(&p, &warm).raise);
            last = minute;
        }
        raised = raised.or(tracker.tick(&p, at(last + 24 * 60)).raise);
        let raised = raised.expect("an episode that never ends must raise");
        let bound = p.grace.max(p.effective_on_delay() + p.slack());
        prop_assert!(raised.at - raised.since <= bound, "after {:?}", raised.at - raised.since);
    }
}
