//! Left-hold, gaps and coverage (2.1, 8).

use crate::build::{at, celsius, minutes, series, window};
use freshtrack_alerts::food_safety::coverage::coverage;
use freshtrack_alerts::food_safety::lattice::{Operator, Threshold};
use freshtrack_alerts::food_safety::series::{Quality, Sample, Series};
use freshtrack_alerts::food_safety::verdict::{Unknown, Verdict};
use proptest::prelude::*;

#[test]
fn the_day_with_lost_samples() {
    let lost = |minute: i64| [120, 300, 615].contains(&minute) || (720..=825).contains(&minute);
    let samples: Vec<_> = (0..1440)
        .step_by(15)
        .filter(|m| !lost(*m))
        .map(|m| (m, 4_000))
        .collect();
    assert_eq!(samples.len(), 85);
    let above_8 = Threshold::celsius(Operator::Above, 8_000);
    let result = coverage(&series(&samples, 15), window(0, 1440), &[above_8]);
    assert_eq!(result.observed, minutes(1275));
    assert_eq!(result.observed_basis_points(), Some(8854));
    assert_eq!(result.in_range_basis_points(), Some(10_000));
    assert_eq!(
        result.gaps,
        [
            window(120, 135),
            window(300, 315),
            window(615, 630),
            window(720, 840)
        ]
    );
    let indeterminate = Verdict::Indeterminate {
        reason: Unknown::Coverage,
    };
    assert_eq!(result.qualify(Verdict::Pass), indeterminate);
    let fail = Verdict::Fail { proven: true };
    assert_eq!(result.qualify(fail), fail);
}

#[test]
fn nothing_observed_is_no_data() {
    let result = coverage(&series(&[], 15), window(0, 60), &[]);
    assert_eq!(
        (
            result.observed_basis_points(),
            result.in_range_basis_points()
        ),
        (Some(0), None)
    );
    assert_eq!(result.gaps, [window(0, 60)]);
    assert_ne!(result.qualify(Verdict::Pass), Verdict::Pass);
}

#[test]
fn a_reading_holds_to_the_next_or_one_cadence() {
    // 22 minutes are within 1.5 × 15, 23 are not; the last reading holds one cadence.
    let samples = series(&[(-10, 1_000), (0, 2_000), (22, 3_000), (45, 4_000)], 15);
    let found: Vec<_> = samples
        .segments(window(-5, 70))
        .into_iter()
        .map(|s| (s.window, s.value))
        .collect();
    assert_eq!(
        found,
        [
            (window(-5, 0), Some(celsius(1_000))),
            (window(0, 22), Some(celsius(2_000))),
            (window(22, 37), Some(celsius(3_000))),
            (window(37, 45), None),
            (window(45, 60), Some(celsius(4_000))),
            (window(60, 70), None),
        ]
    );
}

#[test]
fn at_the_end_of_a_window_a_reading_holds_one_cadence_whatever_follows() {
    let samples = series(&[(40, 1_000), (62, 2_000)], 15);
    let gaps = |to| coverage(&samples, window(40, to), &[]).gaps;
    assert_eq!(gaps(62), [window(55, 62)]);
    assert_eq!(gaps(63), []);
}

#[test]
fn suspect_and_bad_readings_are_counted_and_never_observed() {
    let with = |quality| Sample {
        quality,
        ..Sample::good(at(15), celsius(4_000))
    };
    let samples = vec![
        Sample::good(at(0), celsius(4_000)),
        with(Quality::Suspect),
        with(Quality::Bad),
        with(Quality::Bad),
    ];
    let result = coverage(&Series::new(samples, minutes(15)), window(0, 30), &[]);
    assert_eq!(
        (result.suspect, result.bad),
        (1, 1),
        "a repeated reading is one reading"
    );
    assert_eq!(result.observed, minutes(15));
}

#[test]
fn of_several_verdicts_the_worst_wins() {
    let gap = Verdict::Indeterminate {
        reason: Unknown::Gap,
    };
    let fail = Verdict::Fail { proven: false };
    assert_eq!(
        Verdict::worst([Verdict::Pass, Verdict::Pending]),
        Verdict::Pending
    );
    assert_eq!(Verdict::worst([gap, Verdict::Pending]), gap);
    assert_eq!(Verdict::worst([gap, fail, Verdict::Pass]), fail);
    assert_eq!(Verdict::worst([]), Verdict::Pass);
}

proptest! {
    #[test]
    fn segments_tile_the_window_and_arrival_order_does_not_matter(
        mut samples in prop::collection::vec((-100i64..400, -30_000i32..30_000), 0..40),
        from in -50i64..100, length in 0i64..300, rotate in 0usize..40,
    ) {
        let straight = series(&samples, 15);
        let rotation = rotate % samples.len().max(1);
        samples.rotate_left(rotation);
        samples.extend_from_within(..samples.len() / 2);
        let shuffled = series(&samples, 15);
        prop_assert_eq!(&straight, &shuffled);
        let over = window(from, from + length);
        let mut position = over.from;
        for segment in straight.segments(over) {
            prop_assert_eq!(segment.window.from, position);
            prop_assert!(segment.window.to > position);
            position = segment.window.to;
        }
        prop_assert_eq!(position, over.to);
        let result = coverage(&straight, over, &[]);
        let unobserved: i64 = result.gaps.iter().map(|g| g.length().as_micros()).sum();
        prop_assert_eq!(result.observed.as_micros() + unobserved, over.length().as_micros());
    }
}
