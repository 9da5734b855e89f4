//! Many readings as few points: what a store sums up per bucket, and how the buckets become a series.
//!
//! Minimum and maximum of a bucket are those of its readings, so a short peak is never averaged away.
//! A reading observes until the next one if that is at most 1.5 check-in intervals away, else for one
//! interval; time that no reading observes stays unobserved, and an empty bucket has no value. Nothing is
//! interpolated.

use crate::ids::UnitId;
use crate::temperature::{Limit, Temperature, div_round_half_away};
use crate::time::{Span, Timestamp};

/// A unit and what its readings are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// The unit.
    pub unit: UnitId,
    /// Expected time between its readings.
    pub interval: Span,
    /// Upper limit for readings that were not judged when they came: late ones and imports.
    pub max: Option<Limit>,
    /// Lower limit for those.
    pub min: Option<Limit>,
}

impl Watch {
    /// Longest time that one reading observes when another follows: 1.5 intervals.
    #[must_use]
    pub const fn gap_limit(&self) -> Span {
        Span::from_micros(self.interval.as_micros() + self.interval.as_micros() / 2)
    }

    /// Whether a reading that was never judged violates a limit.
    #[must_use]
    pub fn is_out(&self, t: Temperature) -> bool {
        self.max.is_some_and(|limit| limit.is_above(t))
            || self.min.is_some_and(|limit| limit.is_below(t))
    }
}

/// The window asked about and the buckets it is cut into: equally long, from `origin` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// First instant asked about.
    pub from: Timestamp,
    /// First instant after it.
    pub to: Timestamp,
    /// Nothing from here on has been observed yet: now, if the window reaches into the future.
    pub seen_to: Timestamp,
    /// Start of the first bucket, at or before `from`.
    pub origin: Timestamp,
    /// Length of a bucket, positive.
    pub width: Span,
}

impl Frame {
    /// Number of buckets that reach into the window.
    #[must_use]
    pub const fn buckets(&self) -> i64 {
        let (from, to) = (self.origin.as_micros(), self.to.as_micros());
        let width = self.width.as_micros();
        if to <= from || width <= 0 {
            0
        } else {
            (to - from - 1) / width + 1
        }
    }

    /// The part of bucket `n` that is inside the window.
    fn part(&self, n: i64) -> (Timestamp, Timestamp) {
        let start = self.origin + self.width.times(n);
        (
            start.max(self.from),
            (start + self.width).min(self.to).max(self.from),
        )
    }
}

/// What a store found in one bucket of one unit.
///
/// Observed time is that of the readings in the bucket: `seen` up to the end of the bucket, `beyond` what
/// the last of them observes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketRow {
    /// The unit.
    pub unit: UnitId,
    /// Number of the bucket, from 0; −1 holds what was taken before the window and reaches into it.
    pub bucket: i64,
    /// Readings.
    pub count: i64,
    /// Lowest.
    pub min: Temperature,
    /// Highest.
    pub max: Temperature,
    /// Sum of the readings in milli-°C.
    pub sum_milli: i64,
    /// Readings that violate a limit.
    pub out_count: i64,
    /// Observed time inside the bucket.
    pub seen: Span,
    /// The part of it observed by readings that violate a limit.
    pub seen_out: Span,
    /// Observed time after the end of the bucket, inside the window.
    pub beyond: Span,
    /// The part of it observed by a reading that violates a limit.
    pub beyond_out: Span,
}

/// One point of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Start of the bucket; the first may begin before the window.
    pub start: Timestamp,
    /// End of the bucket; the last may end after the window.
    pub end: Timestamp,
    /// How much of it is inside the window.
    pub window: Span,
    /// Readings.
    pub count: i64,
    /// Lowest reading; none without readings.
    pub min: Option<Temperature>,
    /// Highest reading; none without readings.
    pub max: Option<Temperature>,
    /// Sum of the readings in milli-°C.
    pub sum_milli: i64,
    /// Readings that violate a limit.
    pub out_count: i64,
    /// Observed time.
    pub seen: Span,
    /// The part of it observed by readings that violate a limit.
    pub seen_out: Span,
}

impl Bucket {
    const fn empty(start: Timestamp, end: Timestamp) -> Self {
        Self {
            start,
            end,
            window: Span::ZERO,
            count: 0,
            min: None,
            max: None,
            sum_milli: 0,
            out_count: 0,
            seen: Span::ZERO,
            seen_out: Span::ZERO,
        }
    }

    /// The mean reading, rounded half away from zero to a milli-degree; none without readings.
    #[must_use]
    pub fn average(&self) -> Option<Temperature> {
        let mean = (self.count > 0).then(|| div_round_half_away(self.sum_milli, self.count))?;
        i32::try_from(mean)
            .ok()
            .map(Temperature::from_milli_celsius)
    }

    /// Observed share of the window's part in hundredths of a percent, rounded down.
    #[must_use]
    pub fn coverage_basis_points(&self) -> i64 {
        share(self.seen, self.window).unwrap_or(0)
    }

    /// In-range share *of the observed time* in hundredths of a percent, rounded down; none where
    /// nothing was observed, which is neither 0 % nor 100 %.
    #[must_use]
    pub fn in_range_basis_points(&self) -> Option<i64> {
        share(self.seen - self.seen_out, self.seen)
    }

    /// Adds what another stretch of time holds.
    fn absorb(&mut self, other: &Self) {
        self.window = self.window + other.window;
        self.count += other.count;
        self.min = self.min.into_iter().chain(other.min).min();
        self.max = self.max.into_iter().chain(other.max).max();
        self.sum_milli += other.sum_milli;
        self.out_count += other.out_count;
        self.seen = self.seen + other.seen;
        self.seen_out = self.seen_out + other.seen_out;
    }
}

fn share(part: Span, whole: Span) -> Option<i64> {
    let (part, whole) = (i128::from(part.as_micros()), i128::from(whole.as_micros()));
    (whole > 0)
        .then(|| i64::try_from(part * 10_000 / whole).ok())
        .flatten()
}

/// Every bucket of the frame for one unit, empty ones too, from the rows of that unit in order of bucket.
#[must_use]
pub fn fill(frame: &Frame, rows: &[BucketRow]) -> Vec<Bucket> {
    let mut rows = rows.iter().peekable();
    let mut carried = (Span::ZERO, Span::ZERO);
    while let Some(before) = rows.next_if(|row| row.bucket < 0) {
        carried = (before.beyond, before.beyond_out);
    }
    let mut series = Vec::new();
    for n in 0..frame.buckets() {
        let start = frame.origin + frame.width.times(n);
        let mut bucket = Bucket::empty(start, start + frame.width);
        let (from, to) = frame.part(n);
        bucket.window = to - from;
        bucket.seen = carried.0.min(bucket.window);
        bucket.seen_out = carried.1.min(bucket.window);
        carried = (carried.0 - bucket.seen, carried.1 - bucket.seen_out);
        if let Some(row) = rows.next_if(|row| row.bucket == n) {
            bucket.count = row.count;
            (bucket.min, bucket.max) = (Some(row.min), Some(row.max));
            bucket.sum_milli = row.sum_milli;
            bucket.out_count = row.out_count;
            bucket.seen = bucket.seen + row.seen;
            bucket.seen_out = bucket.seen_out + row.seen_out;
            carried = (row.beyond, row.beyond_out);
        }
        series.push(bucket);
    }
    series
}

/// Joins fine buckets into coarse ones that begin at `edges`, ascending; the last edge is the end. Every
/// edge must be one of the fine ones: days of 23, 24 and 25 hours are made of hours.
#[must_use]
pub fn join(fine: &[Bucket], edges: &[Timestamp]) -> Vec<Bucket> {
    let mut fine = fine.iter().peekable();
    let mut coarse = Vec::new();
    for pair in edges.windows(2) {
        let mut whole = Bucket::empty(pair[0], pair[1]);
        while let Some(part) = fine.next_if(|part| part.start < pair[1]) {
            whole.absorb(part);
        }
        coarse.push(whole);
    }
    coarse
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    fn row(bucket: i64, milli: i32, seen: i64, beyond: i64) -> BucketRow {
        let t = Temperature::from_milli_celsius(milli);
        BucketRow {
            unit: UnitId::from_uuid(Uuid::nil()),
            bucket,
            count: 1,
            min: t,
            max: t,
            sum_milli: i64::from(milli),
            out_count: 0,
            seen: Span::from_seconds(seen),
            seen_out: Span::ZERO,
            beyond: Span::from_seconds(beyond),
            beyond_out: Span::ZERO,
        }
    }

    const FRAME: Frame = Frame {
        from: at(30),
        to: at(330),
        seen_to: at(330),
        origin: at(0),
        width: Span::from_seconds(60),
    };

    #[test]
    fn a_reading_that_outlasts_its_bucket_is_seen_in_the_next_ones_only_as_long_as_it_holds() {
        let rows = [row(-1, 1, 0, 10), row(1, 2, 20, 90)];
        let seen: Vec<_> = fill(&FRAME, &rows)
            .iter()
            .map(|b| (b.seen.as_seconds(), b.window.as_seconds(), b.count))
            .collect();
        assert_eq!(
            seen,
            [
                (10, 30, 0),
                (20, 60, 1),
                (60, 60, 0),
                (30, 60, 0),
                (0, 60, 0),
                (0, 30, 0)
            ]
        );
    }

    #[test]
    fn an_empty_bucket_has_no_value_and_nothing_observed_is_not_compliant() {
        let series = fill(&FRAME, &[]);
        assert_eq!(series.len(), 6);
        for bucket in series {
            assert_eq!(
                (bucket.min, bucket.max, bucket.average()),
                (None, None, None)
            );
            assert_eq!(bucket.coverage_basis_points(), 0);
            assert_eq!(bucket.in_range_basis_points(), None);
        }
    }

    #[test]
    fn joining_loses_neither_extreme_nor_time() {
        let fine = fill(
            &FRAME,
            &[row(0, 9, 10, 0), row(1, -4, 60, 0), row(2, 2, 5, 0)],
        );
        let whole = join(&fine, &[at(0), at(120), at(360)]);
        assert_eq!(whole.len(), 2);
        assert_eq!(whole[0].max, Some(Temperature::from_milli_celsius(9)));
        assert_eq!(whole[0].min, Some(Temperature::from_milli_celsius(-4)));
        assert_eq!(whole[0].average(), Some(Temperature::from_milli_celsius(3)));
        assert_eq!((whole[0].count, whole[1].count), (2, 1));
        let seconds = |b: &Bucket| (b.seen.as_seconds(), b.window.as_seconds());
        assert_eq!(
            (seconds(&whole[0]), seconds(&whole[1])),
            ((70, 90), (5, 210))
        );
    }

    #[test]
    fn the_mean_is_rounded_half_away_from_zero() {
        let mut bucket = Bucket::empty(at(0), at(1));
        (bucket.count, bucket.sum_milli) = (2, -5);
        assert_eq!(bucket.average(), Some(Temperature::from_milli_celsius(-3)));
    }

    #[test]
    fn a_window_ends_exactly_at_a_bucket_edge_or_inside_one_bucket() {
        let frame = |to| Frame {
            to: at(to),
            ..FRAME
        };
        assert_eq!(frame(120).buckets(), 2);
        assert_eq!(frame(121).buckets(), 3);
        assert_eq!(frame(0).buckets(), 0);
    }
}
