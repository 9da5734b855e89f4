//! Which buckets a series is cut into: by name or by number of points, aligned to UTC, days to midnight at
//! the site.

use super::series::{POINTS_MAX, SeriesBucket};
use crate::http::problem::{Code, Problem};
use freshtrack_core::series::Frame;
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_jobs::schedule::{Cadence, Zone};

/// Every local day begins at least this long after the one before the previous one.
const TWO_DAYS: Span = Span::from_seconds(2 * 86_400 + 7_200);

/// What the caller asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// This bucket.
    Exactly(SeriesBucket),
    /// The shortest bucket that gives at most so many points.
    AtMost(i64),
}

/// How the store shall sum up, and how its buckets are joined afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    /// For the store.
    pub(super) frame: Frame,
    /// Edges of the points, if they are not the frame's own buckets.
    pub(super) edges: Option<Vec<Timestamp>>,
}

/// Length of the buckets that are equally long.
const fn width(bucket: SeriesBucket) -> Option<Span> {
    match bucket {
        SeriesBucket::Minute => Some(Span::from_minutes(1)),
        SeriesBucket::FiveMinutes => Some(Span::from_minutes(5)),
        SeriesBucket::QuarterHour => Some(Span::from_minutes(15)),
        SeriesBucket::Hour => Some(Span::from_minutes(60)),
        SeriesBucket::SixHours => Some(Span::from_minutes(360)),
        SeriesBucket::Raw | SeriesBucket::Day => None,
    }
}

/// Chooses the bucket.
///
/// # Errors
/// 422 if no bucket is long enough for the number of points.
pub(super) fn pick(
    wanted: Wanted,
    window: (Timestamp, Timestamp),
    timezone: &str,
) -> Result<SeriesBucket, Problem> {
    let points = match wanted {
        Wanted::Exactly(bucket) => return Ok(bucket),
        Wanted::AtMost(points) => points,
    };
    for bucket in SeriesBucket::ALL {
        if width(*bucket).is_some_and(|width| even(window, width).buckets() <= points) {
            return Ok(*bucket);
        }
    }
    let days = midnights(window, timezone, points).map(|edges| edges.len());
    match days {
        Ok(_) => Ok(SeriesBucket::Day),
        Err(_) => Err(Problem::field(
            "?max_points",
            "is too small for this window, even with a point per day",
        )),
    }
}

/// Buckets of `width`, aligned to UTC.
fn even((from, to): (Timestamp, Timestamp), width: Span) -> Frame {
    let width_micros = width.as_micros();
    let origin = from.as_micros().div_euclid(width_micros) * width_micros;
    Frame {
        from,
        to,
        seen_to: to,
        origin: Timestamp::from_micros(origin),
        width,
    }
}

/// Cuts the window.
///
/// # Errors
/// 422 if that gives too many points.
pub(super) fn cut(
    bucket: SeriesBucket,
    window: (Timestamp, Timestamp),
    now: Timestamp,
    timezone: &str,
) -> Result<Cut, Problem> {
    let (mut frame, edges) = match width(bucket) {
        Some(width) => (even(window, width), None),
        None => {
            let edges = midnights(window, timezone, POINTS_MAX)?;
            (days(window, &edges), Some(edges))
        }
    };
    if edges.is_none() && frame.buckets() > POINTS_MAX {
        return Err(too_many());
    }
    frame.seen_to = window.1.min(now);
    Ok(Cut { frame, edges })
}

fn too_many() -> Problem {
    Problem::field(
        "?bucket",
        format!("gives more than {POINTS_MAX} points in this window; take a longer one"),
    )
}

/// Buckets of which every day is a whole number: an hour where the clocks change, else a day.
fn days((from, to): (Timestamp, Timestamp), edges: &[Timestamp]) -> Frame {
    let lengths = edges
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).as_micros().unsigned_abs());
    let width = lengths.fold(0, greatest_common_divisor);
    Frame {
        from,
        to,
        seen_to: to,
        origin: edges.first().copied().unwrap_or(from),
        width: Span::from_micros(i64::try_from(width).unwrap_or(i64::MAX)),
    }
}

const fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Midnights at the site from the last one at or before the window to the first one at or after its end;
/// at most `points` days.
fn midnights(
    (from, to): (Timestamp, Timestamp),
    timezone: &str,
    points: i64,
) -> Result<Vec<Timestamp>, Problem> {
    let broken = |error| {
        tracing::error!(error = ?error, "midnights of a site cannot be told");
        Problem::new(Code::Internal)
    };
    let zone = Zone::new(timezone).map_err(broken)?;
    let midnight = Cadence::cron("0 0 * * *").map_err(broken)?;
    let mut edges: Vec<Timestamp> = Vec::new();
    let mut edge = from - TWO_DAYS;
    while edge < to {
        edge = midnight.next_after(&zone, edge).map_err(broken)?;
        if edge <= from {
            edges.clear();
        }
        edges.push(edge);
        if i64::try_from(edges.len()).unwrap_or(i64::MAX) > points + 1 {
            return Err(too_many());
        }
    }
    Ok(edges)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn days_begin_at_midnight_at_the_site_also_when_the_clocks_change() {
        let window = (at("2026-03-27T12:00:00Z"), at("2026-03-31T12:00:00Z"));
        let cut = cut(SeriesBucket::Day, window, window.1, "Europe/Berlin").unwrap();
        let edges: Vec<_> = cut
            .edges
            .unwrap()
            .iter()
            .map(Timestamp::to_string)
            .collect();
        assert_eq!(
            edges,
            [
                "2026-03-26T23:00:00Z",
                "2026-03-27T23:00:00Z",
                "2026-03-28T23:00:00Z",
                "2026-03-29T22:00:00Z",
                "2026-03-30T22:00:00Z",
                "2026-03-31T22:00:00Z"
            ]
        );
        assert_eq!(
            cut.frame.width,
            Span::from_minutes(60),
            "23 hours are no day"
        );
        assert_eq!(cut.frame.origin, at("2026-03-26T23:00:00Z"));
    }

    #[test]
    fn days_without_a_change_are_one_bucket_each() {
        let window = (at("2026-01-01T00:00:00Z"), at("2026-01-03T00:00:00Z"));
        let cut = cut(SeriesBucket::Day, window, window.1, "UTC").unwrap();
        assert_eq!(cut.frame.buckets(), 2);
        assert_eq!(cut.edges.unwrap().len(), 3);
    }

    #[test]
    fn the_shortest_bucket_that_gives_few_enough_points_is_picked() {
        let month = (at("2026-01-01T00:00:00Z"), at("2026-01-31T00:00:00Z"));
        for (points, bucket) in [
            (2_000, SeriesBucket::Hour),
            (720, SeriesBucket::Hour),
            (719, SeriesBucket::SixHours),
            (119, SeriesBucket::Day),
            (30, SeriesBucket::Day),
        ] {
            let picked = pick(Wanted::AtMost(points), month, "UTC").unwrap();
            assert_eq!(picked, bucket, "{points} points");
        }
        assert!(pick(Wanted::AtMost(29), month, "UTC").is_err());
    }

    #[test]
    fn no_series_has_more_than_two_thousand_points() {
        let month = (at("2026-01-01T00:00:00Z"), at("2026-01-31T00:00:00Z"));
        assert!(cut(SeriesBucket::Minute, month, month.1, "UTC").is_err());
        let years = (at("2016-01-01T00:00:00Z"), at("2026-01-31T00:00:00Z"));
        assert!(cut(SeriesBucket::Day, years, years.1, "UTC").is_err());
        assert!(cut(SeriesBucket::Hour, month, month.1, "UTC").is_ok());
    }

    #[test]
    fn buckets_are_aligned_to_utc_and_cover_the_window() {
        let window = (at("2026-01-01T00:07:30Z"), at("2026-01-01T00:20:00Z"));
        let cut = cut(SeriesBucket::FiveMinutes, window, window.0, "UTC").unwrap();
        assert_eq!(cut.frame.origin, at("2026-01-01T00:05:00Z"));
        assert_eq!(cut.frame.buckets(), 3);
        assert_eq!(cut.frame.seen_to, window.0, "nothing is seen after now");
    }
}
