//! Recorded series: CSV files as people have them, read row by row so that a bad one costs only itself.

use chrono::{DateTime, NaiveDateTime};
use freshtrack_core::temperature::{Temperature, TemperatureUnit};
use freshtrack_core::time::{Span, Timestamp};
use std::path::Path;

/// Which columns hold what.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a> {
    /// Header of the time.
    pub time: &'a str,
    /// Header of the temperature.
    pub temperature: &'a str,
    /// Scale of the temperatures.
    pub unit: TemperatureUnit,
    /// Column separator.
    pub delimiter: u8,
}

/// One reading of a series.
pub type Point = (Timestamp, Temperature);

/// A row that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Line in the file, from 1.
    pub line: u64,
    /// Why.
    pub reason: &'static str,
}

/// A series in order of time, and what was wrong with its file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Series {
    /// Readings, ascending, one per instant.
    pub points: Vec<Point>,
    /// Rows looked at.
    pub rows: u64,
    /// Rows that could not be used.
    pub bad: Vec<BadRow>,
    /// Rows older than the one before them; put into their place.
    pub out_of_order: u64,
    /// Rows with the time of another one; the first counts.
    pub equal_time: u64,
    /// Times without an offset, read as UTC.
    pub without_offset: u64,
}

/// Why a file is no series at all.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// It cannot be read.
    #[error("cannot be read")]
    Unreadable(#[from] csv::Error),
    /// A named column is not there.
    #[error("there is no column `{wanted}`; the columns are {found}")]
    NoColumn {
        /// The column.
        wanted: String,
        /// What there is.
        found: String,
    },
}

/// Reads a series.
///
/// # Errors
/// If the file cannot be read or lacks a column; never for a single row.
pub fn read(path: &Path, columns: &Columns<'_>) -> Result<Series, SeriesError> {
    let reader = csv::ReaderBuilder::new()
        .delimiter(columns.delimiter)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_path(path)?;
    from_reader(reader, columns)
}

fn from_reader<R: std::io::Read>(
    mut reader: csv::Reader<R>,
    columns: &Columns<'_>,
) -> Result<Series, SeriesError> {
    let headers = reader.headers()?.clone();
    let find = |wanted: &str| {
        headers
            .iter()
            .position(|name| name.trim_start_matches('\u{feff}') == wanted)
            .ok_or_else(|| SeriesError::NoColumn {
                wanted: wanted.to_owned(),
                found: headers.iter().collect::<Vec<_>>().join(", "),
            })
    };
    let (time, temperature) = (find(columns.time)?, find(columns.temperature)?);
    let mut series = Series::default();
    let mut record = csv::StringRecord::new();
    loop {
        let line = reader.position().line();
        let more = match reader.read_record(&mut record) {
            Ok(more) => more,
            Err(error) if error.is_io_error() => return Err(error.into()),
            Err(_) => {
                series.rows += 1;
                series.bad.push(BadRow {
                    line,
                    reason: "not text",
                });
                continue;
            }
        };
        if !more {
            break;
        }
        series.rows += 1;
        let line = record.position().map_or(line, csv::Position::line);
        match row(
            &record,
            time,
            temperature,
            columns.unit,
            &mut series.without_offset,
        ) {
            Ok(point) => {
                if series.points.last().is_some_and(|last| point.0 < last.0) {
                    series.out_of_order += 1;
                }
                series.points.push(point);
            }
            Err(reason) => series.bad.push(BadRow { line, reason }),
        }
    }
    series.points.sort_by_key(|point| point.0);
    let before = series.points.len();
    series.points.dedup_by_key(|point| point.0);
    series.equal_time = (before - series.points.len()) as u64;
    Ok(series)
}

fn row(
    record: &csv::StringRecord,
    time: usize,
    temperature: usize,
    unit: TemperatureUnit,
    without_offset: &mut u64,
) -> Result<Point, &'static str> {
    let at = record
        .get(time)
        .filter(|text| !text.is_empty())
        .ok_or("no time")?;
    let value = record
        .get(temperature)
        .filter(|text| !text.is_empty())
        .ok_or("no temperature")?;
    let (at, had_offset) = instant(at).ok_or("time cannot be read")?;
    let value = Temperature::parse(value, unit).map_err(|_| "temperature cannot be read")?;
    *without_offset += u64::from(!had_offset);
    Ok((at, value))
}

/// An instant as recorders write it, and whether it told its offset.
fn instant(text: &str) -> Option<(Timestamp, bool)> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some((at, true));
    }
    for form in [
        "%Y-%m-%dT%H:%M:%S%.f%z",
        "%Y-%m-%d %H:%M:%S%.f%z",
        "%Y-%m-%d %H:%M:%S%.f %z",
    ] {
        if let Ok(at) = DateTime::parse_from_str(text, form) {
            return Some((Timestamp::from_micros(at.timestamp_micros()), true));
        }
    }
    for form in [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M",
    ] {
        if let Ok(at) = NaiveDateTime::parse_from_str(text, form) {
            return Some((
                Timestamp::from_micros(at.and_utc().timestamp_micros()),
                false,
            ));
        }
    }
    unix(text).map(|at| (at, true))
}

/// Seconds since 1970, or milliseconds where the number is too large for seconds of this age.
fn unix(text: &str) -> Option<Timestamp> {
    const SECONDS_MAX: i64 = 100_000_000_000;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = whole.parse().ok()?;
    if !fraction.bytes().all(|b| b.is_ascii_digit()) || whole < 0 {
        return None;
    }
    if whole >= SECONDS_MAX {
        return Some(Timestamp::from_micros(whole.checked_mul(1_000)?));
    }
    let padded: String = fraction.chars().chain("000000".chars()).take(6).collect();
    Some(Timestamp::from_seconds(whole) + Span::from_micros(padded.parse().ok()?))
}

/// The first reading of each stretch of the epoch, as a slower sensor would have sent it.
#[must_use]
pub fn resample(points: &[Point], stretch: Span) -> Vec<Point> {
    let stretch = stretch.as_micros().max(1);
    let mut kept: Vec<Point> = Vec::new();
    let mut newest = None;
    for point in points {
        let slot = point.0.as_micros().div_euclid(stretch);
        if newest != Some(slot) {
            newest = Some(slot);
            kept.push(*point);
        }
    }
    kept
}

/// Shortest interval that is assumed of a series: the rules' default.
const INTERVAL_SECONDS_MIN: i64 = 300;

/// The time within which nine of ten readings followed the one before, in whole seconds: what a
/// recorder with bursts and pauses may be expected to keep. Never below the rules' default.
#[must_use]
pub fn usual_interval(points: &[Point]) -> Option<u32> {
    let mut intervals: Vec<i64> = points
        .windows(2)
        .map(|pair| (pair[1].0 - pair[0].0).as_seconds())
        .collect();
    intervals.sort_unstable();
    let nine_of_ten = *intervals.get(intervals.len() * 9 / 10)?;
    u32::try_from(nine_of_ten.clamp(INTERVAL_SECONDS_MIN, 86_400)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Series {
        let columns = Columns {
            time: "t",
            temperature: "v",
            unit: TemperatureUnit::C,
            delimiter: b',',
        };
        let reader = csv::ReaderBuilder::new()
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        from_reader(reader, &columns).unwrap()
    }

    #[test]
    fn bad_rows_cost_only_themselves_and_are_named_by_line() {
        let series = parse(
            "t,v\n2026-01-01T00:00:00Z,-18\nyesterday,1\n2026-01-01T00:01:00+0000,warm\n\
             2026-01-01T00:02:00Z,\n1767225780,-18.5\n",
        );
        let lines: Vec<_> = series
            .bad
            .iter()
            .map(|bad| (bad.line, bad.reason))
            .collect();
        assert_eq!(
            lines,
            [
                (3, "time cannot be read"),
                (4, "temperature cannot be read"),
                (5, "no temperature")
            ]
        );
        assert_eq!((series.rows, series.points.len()), (5, 2));
        assert_eq!(series.points[1].0.to_string(), "2026-01-01T00:03:00Z");
    }

    #[test]
    fn rows_come_into_order_and_one_per_instant() {
        let series =
            parse("t,v\n2026-01-01 00:05:00,2\n2026-01-01 00:00:00,1\n2026-01-01 00:05:00,9\n");
        let values: Vec<_> = series.points.iter().map(|p| p.1.milli_celsius()).collect();
        assert_eq!(values, [1_000, 2_000]);
        assert_eq!(
            (
                series.out_of_order,
                series.equal_time,
                series.without_offset
            ),
            (1, 1, 3)
        );
    }

    #[test]
    fn resampling_keeps_the_first_of_each_stretch() {
        let at = |minute: i64| {
            (
                Timestamp::from_seconds(minute * 60),
                Temperature::from_milli_celsius(0),
            )
        };
        let points: Vec<_> = (0..40).map(at).collect();
        let kept = resample(&points, Span::from_minutes(15));
        assert_eq!(kept, [at(0), at(15), at(30)]);
        assert_eq!(usual_interval(&points), Some(300));
        assert_eq!(usual_interval(&kept), Some(900));
    }

    #[test]
    fn a_missing_column_names_what_there_is() {
        let reader = csv::Reader::from_reader("a,b\n".as_bytes());
        let columns = Columns {
            time: "t",
            temperature: "b",
            unit: TemperatureUnit::C,
            delimiter: b',',
        };
        let error = from_reader(reader, &columns).unwrap_err().to_string();
        assert_eq!(error, "there is no column `t`; the columns are a, b");
    }
}
