//! Laws of core's [`ReadingSeries`](freshtrack_core::ports::ReadingSeries), most of them by comparison
//! with the food-safety evaluators, which walk over the readings one by one.

use super::sample::{device, evaluation, further_unit, quarantined, reading};
use super::{SeriesStores, fail, must_commit};
use crate::food_safety::coverage::coverage;
use crate::food_safety::lattice::{Operator, Threshold};
use crate::food_safety::series::{Sample, Series, Window};
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::reading::{Reading, ReadingFlags, ReadingSource, Zone};
use freshtrack_core::series::{Bucket, BucketRow, Frame, Watch, fill};
use freshtrack_core::temperature::{Limit, Temperature};
use freshtrack_core::testkit::sample::{Tenant, at};
use freshtrack_core::time::{Span, Timestamp};

/// Runs every law of [`ReadingSeries`](freshtrack_core::ports::ReadingSeries) on what `$fresh` makes.
#[macro_export]
macro_rules! reading_series_contract {
    ($fresh:path) => {
        $crate::alerts_contract! { reading_series, $fresh;
            a_short_peak_is_in_its_bucket_whatever_the_width
            the_window_and_its_buckets_are_half_open
            what_was_taken_before_the_window_is_seen_in_it_and_not_counted
            nothing_is_observed_after_now
            a_lost_reading_is_a_gap_that_is_never_bridged
            any_series_sums_up_to_what_the_evaluators_see
            only_what_drives_the_unit_counts
            readings_without_a_judgement_are_held_against_the_limits
            of_two_values_at_one_instant_the_warmest_holds
            units_are_answered_in_the_order_asked
            another_organizations_readings_are_not_summed
        }
    };
}

const MINUTE: Span = Span::from_minutes(1);

async fn put(store: &dyn SeriesStores, org: OrgId, unit: UnitId, readings: &[Reading]) {
    for part in readings.chunks(500) {
        let mut change = evaluation(store.others(), org, unit, None, "readings").await;
        change.readings = part.to_vec();
        must_commit(store.others(), change).await;
    }
}

/// A judged reading of `milli` m°C, out of range above 5 °C.
fn warm(unit: UnitId, seconds: i64, milli: i32) -> Reading {
    Reading {
        temperature: Some(Temperature::from_milli_celsius(milli)),
        zone: Some(if milli > 5_000 { Zone::Out } else { Zone::In }),
        ..reading(unit, seconds)
    }
}

const fn watch(unit: UnitId, interval: Span) -> Watch {
    Watch {
        unit,
        interval,
        max: Some(Limit::celsius(5_000)),
        min: None,
    }
}

/// Buckets of `width` from the start of the window, all of it in the past.
fn frame(from: i64, to: i64, width: Span) -> Frame {
    Frame {
        from: at(from),
        to: at(to),
        seen_to: at(to),
        origin: at(from),
        width,
    }
}

async fn sums(
    store: &dyn SeriesStores,
    org: OrgId,
    frame: Frame,
    watches: &[Watch],
) -> Vec<BucketRow> {
    let sums = store.series().sums(org, frame, watches).await;
    sums.unwrap_or_else(fail)
}

/// Count, lowest and highest of each bucket.
fn extremes(series: &[Bucket]) -> Vec<(i64, Option<i32>, Option<i32>)> {
    let milli = |t: Option<Temperature>| t.map(Temperature::milli_celsius);
    series
        .iter()
        .map(|bucket| (bucket.count, milli(bucket.min), milli(bucket.max)))
        .collect()
}

/// One reading in 1,500 is warm and one is cold; both are in every series that covers them.
pub async fn a_short_peak_is_in_its_bucket_whatever_the_width(store: &dyn SeriesStores) {
    let tenant = Tenant::create(store.others(), "alpha").await;
    let readings: Vec<Reading> = (0..1_500)
        .map(|minute| {
            let milli = match minute {
                777 => 9_000,
                1_111 => -3_000,
                _ => 2_000 + i32::try_from(minute % 7).unwrap_or(0),
            };
            warm(tenant.unit, minute * 60, milli)
        })
        .collect();
    put(store, tenant.org, tenant.unit, &readings).await;
    for minutes in [1, 5, 15, 60, 360, 1_440] {
        let frame = frame(0, 1_500 * 60, Span::from_minutes(minutes));
        let found = sums(store, tenant.org, frame, &[watch(tenant.unit, MINUTE)]).await;
        let series = fill(&frame, &found);
        let bucket = |minute: i64| &series[usize::try_from(minute / minutes).unwrap_or(0)];
        let milli = |t: Option<Temperature>| t.map(Temperature::milli_celsius);
        assert_eq!(milli(bucket(777).max), Some(9_000), "no maximum is lost");
        assert_eq!(milli(bucket(1_111).min), Some(-3_000), "no minimum is lost");
        let count: i64 = series.iter().map(|bucket| bucket.count).sum();
        assert_eq!(count, 1_500, "every reading is in one bucket");
        let sum: i64 = series.iter().map(|bucket| bucket.sum_milli).sum();
        let wanted: i64 = readings
            .iter()
            .filter_map(|r| r.temperature)
            .map(|t| i64::from(t.milli_celsius()))
            .sum();
        assert_eq!(sum, wanted, "nothing is counted twice");
        let out: i64 = series.iter().map(|bucket| bucket.out_count).sum();
        assert_eq!(out, 1, "one reading violates the limit");
        assert!(
            series
                .iter()
                .all(|bucket| bucket.coverage_basis_points() == 10_000),
            "a reading a minute observes everything"
        );
    }
}

/// A reading at an edge is in the bucket that begins there; at the end of the window it is outside.
pub async fn the_window_and_its_buckets_are_half_open(store: &dyn SeriesStores) {
    let tenant = Tenant::create(store.others(), "alpha").await;
    let readings = [0, 59, 60, 119, 120].map(|second| warm(tenant.unit, second, 1_000));
    put(store, tenant.org, tenant.unit, &readings).await;
    let frame = frame(0, 120, MINUTE);
    let found = sums(store, tenant.org, frame, &[watch(tenant.unit, MINUTE)]).await;
    let counts: Vec<_> = found.iter().map(|row| (row.bucket, row.count)).collect();
    assert_eq!(counts, [(0, 2), (1, 2)], "from is in, to is not");
}

/// The reading before the window holds into it; the one before that does not matter.
pub async fn what_was_taken_before_the_window_is_seen_in_it_and_not_counted(
    store: &dyn SeriesStores,
) {
    let tenant = Tenant::create(store.others(), "alpha").await;
    let readings = [-70, -20, 50].map(|second| warm(tenant.unit, second, 6_000));
    put(store, tenant.org, tenant.unit, &readings).await;
    let frame = frame(0, 240, MINUTE);
    let found = sums(store, tenant.org, frame, &[watch(tenant.unit, MINUTE)]).await;
    let series = fill(&frame, &found);
    let seen: Vec<_> = series
        .iter()
        .map(|b| (b.count, b.seen.as_seconds(), b.seen_out.as_seconds()))
        .collect();
    assert_eq!(
        seen,
        [(1, 60, 60), (0, 50, 50), (0, 0, 0), (0, 0, 0)],
        "a reading is seen as long as it holds"
    );
}

/// A window that reaches into the future is not observed there, however fresh the last reading is.
pub async fn nothing_is_observed_after_now(store: &dyn SeriesStores) {
    let tenant = Tenant::create(store.others(), "alpha").await;
    let readings = [0, 60, 130].map(|second| warm(tenant.unit, second, 1_000));
    put(store, tenant.org, tenant.unit, &readings).await;
    let frame = Frame {
        seen_to: at(90),
        ..frame(0, 240, MINUTE)
    };
    let found = sums(store, tenant.org, frame, &[watch(tenant.unit, MINUTE)]).await;
    let series = fill(&frame, &found);
    let seen: Vec<_> = series.iter().map(|b| b.seen.as_seconds()).collect();
    assert_eq!(seen, [60, 30, 0, 0], "nobody has seen the future");
}

/// The worked day: 24 h, one reading per 15 min, eleven of them lost; 85 samples observe 1,275 min.
///
/// **Source:** food-safety specification, section 8.
pub async fn a_lost_reading_is_a_gap_that_is_never_bridged(store: &dyn SeriesStores) {
    let tenant = Tenant::create(store.others(), "alpha").await;
    let lost = |minute: i64| matches!(minute, 120 | 300 | 615) || (720..=825).contains(&minute);
    let readings: Vec<Reading> = (0..96)
        .map(|n| n * 15)
        .filter(|minute| !lost(*minute))
        .map(|minute| warm(tenant.unit, minute * 60, 1_000))
        .collect();
    put(store, tenant.org, tenant.unit, &readings).await;
    let interval = Span::from_minutes(15);
    for minutes in [15, 60, 1_440] {
        let frame = frame(0, 86_400, Span::from_minutes(minutes));
        let found = sums(store, tenant.org, frame, &[watch(tenant.unit, interval)]).await;
        let series = fill(&frame, &found);
        let seen: i64 = series.iter().map(|bucket| bucket.seen.as_seconds()).sum();
        assert_eq!(seen, 1_275 * 60, "unobserved time is not claimed");
        if minutes == 1_440 {
            assert_eq!(series[0].coverage_basis_points(), 8_854);
            assert_eq!(series[0].in_range_basis_points(), Some(10_000));
        }
        if minutes == 15 {
            let empty = series.iter().filter(|bucket| bucket.count == 0);
            let empty: Vec<_> = empty.map(|b| (b.min, b.max, b.seen)).collect();
            let nothing = (None, None, Span::ZERO);
            assert_eq!(empty, [nothing; 11], "an empty bucket has no value");
        }
    }
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((self.0 >> 33) % sides).unwrap_or(0)
    }
}

/// Bursts, losses and jitter to the microsecond, in frames of odd widths: bucket for bucket what the
/// evaluators say of the same stretch.
pub async fn any_series_sums_up_to_what_the_evaluators_see(store: &dyn SeriesStores) {
    let tenant = Tenant::create(store.others(), "alpha").await;
    let interval = Span::from_seconds(100);
    let mut dice = Dice(42);
    let mut readings = Vec::new();
    let mut second = -300;
    while second < 20_000 {
        let milli = i32::try_from(dice.below(10_000)).unwrap_or(0);
        let mut reading = warm(tenant.unit, second, milli);
        reading.recorded_at = reading.recorded_at + Span::from_micros(dice.below(900_000));
        readings.push(reading);
        second += match dice.below(10) {
            0 => 400 + dice.below(2_000),
            1 => 1,
            _ => 60 + dice.below(100),
        };
    }
    put(store, tenant.org, tenant.unit, &readings).await;
    let samples = readings.iter().filter_map(|r| {
        let temperature = r.temperature?;
        Some(Sample::good(r.recorded_at, temperature))
    });
    let whole = Series::new(samples.collect(), interval);
    let breach = [Threshold::celsius(Operator::Above, 5_000)];
    for width in [37, 60, 555, 3_600, 50_000] {
        let mut frame = frame(10, 19_999, Span::from_seconds(width));
        frame.origin = at(-20);
        let found = sums(store, tenant.org, frame, &[watch(tenant.unit, interval)]).await;
        let series = fill(&frame, &found);
        check_totals(&series, &whole, &breach);
        for bucket in &series {
            let window = Window {
                from: bucket.start.max(frame.from),
                to: bucket.end.min(frame.to),
            };
            let inside = |at: Timestamp| (window.from..window.to).contains(&at);
            let values = readings.iter().filter(|r| inside(r.recorded_at));
            let values: Vec<i32> = values
                .filter_map(|r| r.temperature.map(Temperature::milli_celsius))
                .collect();
            let wanted = (
                i64::try_from(values.len()).unwrap_or(0),
                values.iter().copied().min(),
                values.iter().copied().max(),
            );
            assert_eq!(extremes(&[*bucket]), [wanted], "bucket of {width} s");
        }
    }
}

/// Observed and in-range time of the whole window.
fn check_totals(series: &[Bucket], whole: &Series, breach: &[Threshold]) {
    let wanted = coverage(
        whole,
        Window {
            from: at(10),
            to: at(19_999),
        },
        breach,
    );
    let total = |part: fn(&Bucket) -> Span| {
        series
            .iter()
            .fold(Span::ZERO, |sum, bucket| sum + part(bucket))
    };
    assert_eq!(
        total(|bucket| bucket.window),
        wanted.window,
        "buckets tile the window"
    );
    assert_eq!(
        total(|bucket| bucket.seen),
        wanted.observed,
        "observed as the evaluators see it"
    );
    assert_eq!(
        total(|bucket| bucket.seen_out),
        wanted.observed - wanted.in_range,
        "out of range as the evaluators see it"
    );
}

/// Simulated readings, other probes, devices that do not drive the unit, doors and values put aside are
/// not counted; late and imported readings are.
pub async fn only_what_drives_the_unit_counts(store: &dyn SeriesStores) {
    let tenant = Tenant::create(store.others(), "alpha").await;
    let ambient = device(store.others(), &tenant, "Ambient").await;
    let milli = |reading: Reading, milli: i32| Reading {
        temperature: Some(Temperature::from_milli_celsius(milli)),
        ..reading
    };
    let unjudged = |seconds| Reading {
        zone: None,
        ..reading(tenant.unit, seconds)
    };
    let mut simulated = milli(reading(tenant.unit, 1), 90_000);
    simulated.flags.simulated = true;
    let mut second_probe = milli(reading(tenant.unit, 2), 91_000);
    second_probe.probe = 1;
    second_probe.device = Some(ambient);
    let mut other_device = milli(unjudged(3), 92_000);
    other_device.device = Some(ambient);
    let mut door = reading(tenant.unit, 4);
    door.temperature = None;
    let mut late = milli(unjudged(5), 1_000);
    late.flags = ReadingFlags {
        late: true,
        ..ReadingFlags::default()
    };
    let mut imported = milli(unjudged(6), 3_000);
    imported.source = ReadingSource::Import;
    let driving = warm(tenant.unit, 7, 2_000);
    let all = [
        simulated,
        second_probe,
        other_device,
        door,
        late,
        imported,
        driving,
    ];
    put(store, tenant.org, tenant.unit, &all).await;
    let mut change = evaluation(store.others(), tenant.org, tenant.unit, None, "aside").await;
    change.quarantined = vec![quarantined(tenant.unit, 8)];
    must_commit(store.others(), change).await;
    let frame = frame(0, 60, MINUTE);
    let found = sums(store, tenant.org, frame, &[watch(tenant.unit, MINUTE)]).await;
    let found = extremes(&fill(&frame, &found));
    assert_eq!(
        found,
        [(3, Some(1_000), Some(3_000))],
        "late, imported and driving readings, and no others"
    );
}

/// A backlog that came too late to be judged still shows that it was out of range.
pub async fn readings_without_a_judgement_are_held_against_the_limits(store: &dyn SeriesStores) {
    let tenant = Tenant::create(store.others(), "alpha").await;
    let late = |seconds, milli| Reading {
        zone: None,
        flags: ReadingFlags {
            late: true,
            ..ReadingFlags::default()
        },
        ..warm(tenant.unit, seconds, milli)
    };
    let judged = Reading {
        zone: Some(Zone::Margin),
        ..warm(tenant.unit, 50, 9_000)
    };
    let readings = [
        late(0, 5_000),
        late(10, 5_001),
        late(20, -1_000),
        late(30, -1_001),
        judged,
    ];
    put(store, tenant.org, tenant.unit, &readings).await;
    let frame = frame(0, 60, MINUTE);
    let limits = |max, min| Watch {
        max,
        min,
        ..watch(tenant.unit, MINUTE)
    };
    let violates = |milli| {
        let mut limit = Limit::celsius(milli);
        limit.boundary = freshtrack_core::temperature::Boundary::Violates;
        limit
    };
    for (max, min, wanted) in [
        (Some(Limit::celsius(5_000)), None, 1),
        (Some(violates(5_000)), None, 2),
        (None, Some(Limit::celsius(-1_000)), 1),
        (None, Some(violates(-1_000)), 2),
        (Some(Limit::celsius(5_000)), Some(Limit::celsius(-1_000)), 2),
        (None, None, 0),
    ] {
        let found = sums(store, tenant.org, frame, &[limits(max, min)]).await;
        let out: Vec<_> = found.iter().map(|row| row.out_count).collect();
        assert_eq!(out, [wanted], "held against {max:?} and {min:?}");
    }
}

/// What counts is the one that could spoil the food.
pub async fn of_two_values_at_one_instant_the_warmest_holds(store: &dyn SeriesStores) {
    let tenant = Tenant::create(store.others(), "alpha").await;
    let one = device(store.others(), &tenant, "One").await;
    let two = device(store.others(), &tenant, "Two").await;
    for (second, first, other) in [(0, 9_000, 1_000), (60, 1_000, 9_000)] {
        let of = |device, milli| Reading {
            device: Some(device),
            ..warm(tenant.unit, second, milli)
        };
        put(
            store,
            tenant.org,
            tenant.unit,
            &[of(one, first), of(two, other)],
        )
        .await;
    }
    let frame = frame(0, 120, MINUTE);
    let found = sums(store, tenant.org, frame, &[watch(tenant.unit, MINUTE)]).await;
    let out: Vec<_> = found
        .iter()
        .map(|row| (row.seen.as_seconds(), row.seen_out.as_seconds()))
        .collect();
    assert_eq!(out, [(60, 60), (60, 60)], "the warmest value holds");
}

/// Each by its own interval; a unit without readings has no rows.
pub async fn units_are_answered_in_the_order_asked(store: &dyn SeriesStores) {
    let tenant = Tenant::create(store.others(), "alpha").await;
    let second = further_unit(store.others(), &tenant, "Fridge 2").await;
    let third = further_unit(store.others(), &tenant, "Fridge 3").await;
    put(store, tenant.org, tenant.unit, &[warm(tenant.unit, 0, 1)]).await;
    put(store, tenant.org, third, &[warm(third, 61, 2)]).await;
    let frame = frame(0, 120, MINUTE);
    let asked = [
        watch(third, Span::from_seconds(10)),
        watch(second, MINUTE),
        watch(tenant.unit, Span::from_seconds(70)),
    ];
    let found = sums(store, tenant.org, frame, &asked).await;
    let found: Vec<_> = found
        .iter()
        .map(|row| {
            let seconds = |span: Span| span.as_seconds();
            (row.unit, row.bucket, seconds(row.seen), seconds(row.beyond))
        })
        .collect();
    assert_eq!(
        found,
        [(third, 1, 10, 0), (tenant.unit, 0, 60, 10)],
        "in the order asked, each by its own interval"
    );
    assert_eq!(sums(store, tenant.org, frame, &[]).await, []);
}

/// A unit of another organization, and one that does not exist, have no rows.
pub async fn another_organizations_readings_are_not_summed(store: &dyn SeriesStores) {
    let tenant = Tenant::create(store.others(), "alpha").await;
    let other = Tenant::create(store.others(), "beta").await;
    put(store, other.org, other.unit, &[warm(other.unit, 0, 1)]).await;
    let frame = frame(0, 120, MINUTE);
    let asked = [watch(other.unit, MINUTE), watch(tenant.id(), MINUTE)];
    let found = sums(store, tenant.org, frame, &asked).await;
    assert_eq!(
        found,
        [],
        "another organization's readings must not be told"
    );
    let found = sums(store, tenant.id(), frame, &asked).await;
    assert_eq!(found, [], "an unknown organization has no readings");
}
