//! The single tolerance of the United Kingdom, vectors of 2.4.

use crate::build::{at, minutes, series, window};
use freshtrack_alerts::food_safety::lattice::{Operator, Threshold};
use freshtrack_alerts::food_safety::single_tolerance::{Display, Tolerance, evaluate, plain_limit};
use freshtrack_alerts::food_safety::verdict::{Unknown, Verdict};

const CHILL: Threshold = Threshold::celsius(Operator::Above, 8_000);
const HOT: Threshold = Threshold::celsius(Operator::Below, 63_000);
const FAIL: Verdict = Verdict::Fail { proven: true };

/// One reading a minute over `length` minutes; `value` says what.
fn judged(limit: Threshold, hours: i64, length: i64, value: impl Fn(i64) -> i32) -> Tolerance {
    let samples: Vec<_> = (0..=length).map(|minute| (minute, value(minute))).collect();
    let display = Display {
        started_at: at(0),
        ended_at: None,
    };
    evaluate(
        &series(&samples, 1),
        display,
        limit,
        minutes(hours * 60),
        at(length),
    )
}

#[test]
fn exactly_at_the_limit_uses_nothing() {
    let result = judged(CHILL, 4, 1440, |_| 8_000);
    assert_eq!((result.verdict, result.periods.len()), (Verdict::Pass, 0));
    let hot = judged(HOT, 2, 600, |_| 63_000);
    assert_eq!((hot.verdict, hot.periods.len()), (Verdict::Pass, 0));
}

#[test]
fn four_hours_pass_and_a_minute_more_fails() {
    let above = |from: i64, to: i64| move |m: i64| if from < m && m < to { 8_100 } else { 7_000 };
    let used = judged(CHILL, 4, 600, above(10, 250));
    assert_eq!(
        (used.verdict, used.periods[0].bounds.hi),
        (Verdict::Pass, minutes(240))
    );
    let over = judged(CHILL, 4, 600, above(10, 251));
    assert!(matches!(over.verdict, Verdict::Fail { .. }));
    assert_eq!(over.periods[0].bounds.hi, minutes(241));
    let hot = judged(
        HOT,
        2,
        600,
        |m| if 10 < m && m < 130 { 62_900 } else { 65_000 },
    );
    assert_eq!(
        (hot.verdict, hot.periods[0].bounds.hi),
        (Verdict::Pass, minutes(120))
    );
}

#[test]
fn a_second_period_is_a_breach_at_its_first_reading() {
    let twice = |m: i64| {
        if (11..20).contains(&m) || m == 100 {
            8_100
        } else {
            7_000
        }
    };
    assert_eq!(judged(CHILL, 4, 99, twice).verdict, Verdict::Pass);
    assert_eq!(judged(CHILL, 4, 100, twice).verdict, FAIL);
}

#[test]
fn a_running_period_is_timed_from_the_last_conforming_reading() {
    let rising = |m: i64| if m > 10 { 9_000 } else { 7_000 };
    let running = judged(CHILL, 4, 249, rising);
    assert_eq!(
        (running.verdict, running.next_deadline),
        (Verdict::Pending, Some(at(250)))
    );
    let due = judged(CHILL, 4, 250, rising);
    assert!(matches!(due.verdict, Verdict::Fail { .. }));
    assert_eq!(judged(CHILL, 4, 251, rising).verdict, FAIL);
}

#[test]
fn a_gap_may_hide_one_allowed_period_and_no_more() {
    let display = Display {
        started_at: at(0),
        ended_at: None,
    };
    let judged = |samples: &[(i64, i32)], now| {
        evaluate(&series(samples, 10), display, CHILL, minutes(240), at(now)).verdict
    };
    let gap = Verdict::Indeterminate {
        reason: Unknown::Gap,
    };
    assert_eq!(
        judged(&[(0, 7_000), (200, 7_000), (210, 7_000)], 212),
        Verdict::Pass
    );
    assert_eq!(judged(&[(0, 7_000), (250, 7_000)], 252), gap);
    assert_eq!(
        judged(&[(0, 7_000), (10, 9_000), (20, 7_000), (100, 7_000)], 102),
        gap
    );
    assert_eq!(judged(&[(0, 7_000), (50, 7_000), (100, 7_000)], 102), gap);
    // The end of the period lies in a gap across the allowance.
    assert_eq!(
        judged(&[(0, 7_000), (10, 9_000), (230, 9_000), (300, 7_000)], 302),
        gap
    );
}

#[test]
fn without_a_batch_the_plain_limit_applies() {
    let over = |samples: &[(i64, i32)]| plain_limit(&series(samples, 10), window(0, 30), CHILL);
    assert_eq!(over(&[(0, 8_000), (10, 8_000), (20, 8_000)]), Verdict::Pass);
    assert_eq!(over(&[(0, 8_000), (10, 8_001), (20, 8_000)]), FAIL);
    assert_eq!(
        over(&[(0, 8_000), (20, 8_000)]),
        Verdict::Indeterminate {
            reason: Unknown::Gap
        }
    );
}
