//! Time as a public health control, vectors of 2.3.

use crate::build::{celsius, minutes};
use freshtrack_alerts::food_safety::series::{Sample, Series};
use freshtrack_alerts::food_safety::time_control::{
    Basis, Batch, TimeControl, Variant, evaluate, label,
};
use freshtrack_alerts::food_safety::verdict::Verdict;
use freshtrack_core::time::Timestamp;

fn when(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn clock(hour_minute: &str) -> Timestamp {
    when(&format!("2026-05-04T{hour_minute}:00Z"))
}

fn batch(variant: Variant, start: i32) -> Batch {
    Batch {
        removed_at: clock("10:00"),
        start: celsius(start),
        variant,
        disposed_at: None,
    }
}

/// A probe every 10 minutes from 10:00 until `until` minutes later, without the minutes in `lost`.
fn probe(until: i64, milli: i32, lost: std::ops::Range<i64>) -> Series {
    let taken = (0..=until).step_by(10).filter(|m| !lost.contains(m));
    let samples = taken.map(|m| Sample::good(clock("10:00") + minutes(m), celsius(milli)));
    Series::new(samples.collect(), minutes(10))
}

fn judged(start: i32, probe: &Series, now: &str) -> TimeControl {
    evaluate(&batch(Variant::SixHours, start), Some(probe), clock(now))
}

#[test]
fn deadlines_of_both_variants() {
    let four = evaluate(&batch(Variant::FourHours, 4_800), None, clock("10:01"));
    assert_eq!(
        (four.discard_by, four.basis),
        (clock("14:00"), Basis::FullTime)
    );
    assert_eq!(
        (four.verdict, four.next_deadline),
        (Verdict::Pending, Some(clock("14:00")))
    );
    let six = judged(4_800, &probe(180, 10_000, 0..0), "13:00");
    assert_eq!(
        (six.discard_by, six.basis),
        (clock("16:00"), Basis::FullTime)
    );
    let hot = evaluate(&batch(Variant::FourHours, 57_223), None, clock("10:01"));
    assert_eq!(hot.basis, Basis::FullTime);
}

#[test]
fn a_warm_start_is_not_eligible() {
    for variant in [Variant::FourHours, Variant::SixHours] {
        let result = evaluate(&batch(variant, 5_100), None, clock("10:01"));
        assert_eq!((result.basis, result.alarm), (Basis::NotEligible, true));
        assert_eq!(result.verdict, Verdict::Fail { proven: true });
    }
    // Hot food may start four hours, never six.
    let hot = evaluate(&batch(Variant::SixHours, 60_000), None, clock("10:01"));
    assert_eq!(hot.basis, Basis::NotEligible);
}

#[test]
fn six_hours_allow_seventy_fahrenheit_and_nothing_above() {
    let allowed = judged(4_800, &probe(180, 21_100, 0..0), "13:00");
    assert_eq!((allowed.basis, allowed.alarm), (Basis::FullTime, false));
    let warm = judged(4_800, &probe(180, 21_200, 0..0), "13:00");
    assert_eq!((warm.basis, warm.alarm), (Basis::TooWarm, true));
}

#[test]
fn the_deadline_alarms_unless_the_batch_is_gone() {
    let before = evaluate(&batch(Variant::FourHours, 4_800), None, clock("13:59"));
    assert!(!before.alarm);
    let due = evaluate(&batch(Variant::FourHours, 4_800), None, clock("14:00"));
    assert!(due.alarm && due.next_deadline.is_none());
    let disposed = |at: &str| {
        let gone = Batch {
            disposed_at: Some(clock(at)),
            ..batch(Variant::FourHours, 4_800)
        };
        evaluate(&gone, None, clock("18:00"))
    };
    assert_eq!(
        (disposed("14:00").verdict, disposed("14:00").alarm),
        (Verdict::Pass, false)
    );
    assert_eq!(disposed("14:01").verdict, Verdict::Fail { proven: true });
}

#[test]
fn a_gap_in_the_proof_falls_back_to_four_hours() {
    // The last reading before the gap is at 3 h 40 and vouches until 3 h 50.
    let early = judged(4_800, &probe(300, 10_000, 230..260), "13:55");
    assert_eq!(
        early.basis,
        Basis::FullTime,
        "a gap is known once it is longer than its limit"
    );
    assert_eq!(
        early.next_deadline.unwrap() - clock("13:55"),
        freshtrack_core::time::Span::from_micros(1)
    );
    let silent = judged(4_800, &probe(220, 10_000, 0..0), "13:59");
    assert_eq!(
        (silent.basis, silent.discard_by),
        (Basis::Unproven, clock("14:00"))
    );
    let known = judged(4_800, &probe(300, 10_000, 230..260), "14:30");
    assert_eq!(
        (known.basis, known.discard_by),
        (Basis::Unproven, clock("14:00"))
    );
    assert!(known.alarm);
    // A gap after four hours means: now.
    let late = judged(4_800, &probe(280, 10_000, 0..0), "15:10");
    assert_eq!(
        (late.basis, late.discard_by),
        (Basis::Unproven, clock("14:50"))
    );
    let none = evaluate(&batch(Variant::SixHours, 4_800), None, clock("10:05"));
    assert_eq!(
        (none.basis, none.discard_by),
        (Basis::Unproven, clock("14:00"))
    );
}

#[test]
fn labels_show_local_time_across_a_change_of_clocks() {
    let zone = chrono_tz::America::New_York;
    for (removed, shown) in [
        ("2026-03-08T00:30:00-05:00", "2026-03-08T05:30:00-04:00"),
        ("2026-11-01T00:30:00-04:00", "2026-11-01T03:30:00-05:00"),
    ] {
        let batch = Batch {
            removed_at: when(removed),
            ..batch(Variant::FourHours, 4_800)
        };
        let result = evaluate(&batch, None, when(removed));
        assert_eq!(label(result.discard_by, zone), shown);
    }
}
