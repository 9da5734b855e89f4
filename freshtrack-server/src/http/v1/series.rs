//! A unit's readings as a series: raw, or one point per bucket with its extremes and how much of it was
//! observed.

use super::series_buckets::{Cut, Wanted, cut, pick};
use super::{Scale, Tags, found, shown};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::permissions::Operation;
use crate::http::problem::{Code, Problem};
use crate::http::wire::{Time, Wire};
use freshtrack_alerts::cascade::resolve;
use freshtrack_alerts::ports::RulePlace;
use freshtrack_alerts::rules::RuleScope;
use freshtrack_core::hierarchy::Unit;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::series::{Bucket, BucketRow, Frame, Watch, fill, join};
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_core::wire_enum;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// Longest window without buckets.
const RAW_WINDOW_MAX: Span = Span::from_seconds(7 * 86_400);
/// Most raw points: a reading a minute for a week, and a tenth more.
const RAW_POINTS_MAX: i64 = 11_000;
/// Most buckets of one answer.
pub(super) const POINTS_MAX: i64 = 2_000;
/// The window if none is given.
const WINDOW_DEFAULT: Span = Span::from_seconds(86_400);

wire_enum! {
    /// Length of a bucket.
    SeriesBucket {
        /// One point per reading.
        Raw = "raw",
        /// One minute.
        Minute = "1m",
        /// Five minutes.
        FiveMinutes = "5m",
        /// A quarter of an hour.
        QuarterHour = "15m",
        /// One hour.
        Hour = "1h",
        /// Six hours.
        SixHours = "6h",
        /// A day of the unit's site, from midnight to midnight.
        Day = "1d",
    }
}

/// One point of a series.
#[derive(Debug, Object)]
#[oai(rename = "SeriesPoint")]
pub struct PointView {
    /// Start of the bucket, aligned to UTC (days: to midnight at the site); of a raw point, its reading.
    start: Time,
    /// End of the bucket; of a raw point, the end of what its reading observes.
    end: Time,
    /// Readings in it.
    count: i64,
    /// Lowest reading; absent without readings.
    #[oai(skip_serializing_if_is_none)]
    min: Option<f64>,
    /// Highest reading; absent without readings.
    #[oai(skip_serializing_if_is_none)]
    max: Option<f64>,
    /// Mean of the readings, rounded half away from zero; absent without readings.
    #[oai(skip_serializing_if_is_none)]
    avg: Option<f64>,
    /// Readings that violate a limit.
    out_count: i64,
    /// Observed share of the bucket inside the window, 0–1, rounded down. What is missing is a gap.
    coverage: f64,
}

impl PointView {
    fn of(bucket: &Bucket, unit: TemperatureUnit) -> Self {
        Self {
            start: Time(bucket.start),
            end: Time(bucket.end),
            count: bucket.count,
            min: shown(bucket.min, unit),
            max: shown(bucket.max, unit),
            avg: shown(bucket.average(), unit),
            out_count: bucket.out_count,
            coverage: share(bucket.coverage_basis_points()),
        }
    }
}

/// Hundredths of a percent as a share of one.
#[expect(
    clippy::cast_precision_loss,
    reason = "hundredths of a percent are small"
)]
pub(super) fn share(basis_points: i64) -> f64 {
    basis_points as f64 / 10_000.0
}

/// Readings of a unit in order of time, one point per bucket; nothing in it is interpolated.
#[derive(Debug, Object)]
#[oai(rename = "ReadingSeries")]
pub struct SeriesView {
    /// The unit.
    unit_id: Uuid,
    /// First instant of the window.
    from: Time,
    /// First instant after it.
    to: Time,
    /// Length of the buckets.
    bucket: Wire<SeriesBucket>,
    /// Expected time between readings; one that is followed within 1.5 times this observes until then,
    /// any other for one interval.
    check_in_interval_seconds: i64,
    /// Scale of the temperatures.
    temperature_unit: Scale,
    /// Readings in the window.
    count: i64,
    /// Observed share of the window, 0–1, rounded down.
    coverage: f64,
    /// Share of the *observed* time inside the limits, 0–1, rounded down; absent where nothing was
    /// observed, which is neither 0 nor 1.
    #[oai(skip_serializing_if_is_none)]
    in_range: Option<f64>,
    /// The points, oldest first; buckets without readings are there too, except for raw ones.
    points: Vec<PointView>,
}

/// Readings as a series.
#[derive(Debug)]
pub struct SeriesApi;

#[OpenApi(tag = "Tags::Readings")]
impl SeriesApi {
    /// Readings of a unit as a series that keeps every extreme and shows every gap
    #[oai(
        path = "/organizations/:org_id/units/:unit_id/readings/series",
        method = "get",
        operation_id = "get_reading_series"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "one argument per documented parameter"
    )]
    async fn get_reading_series(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        unit_id: Path<Uuid>,
        /// First instant; 24 hours before `to` if left out.
        from: Query<Option<Time>>,
        /// First instant after the window; now if left out.
        to: Query<Option<Time>>,
        /// Length of the buckets. Without it and `max_points`, raw; windows of more than seven days need
        /// one of the two.
        bucket: Query<Option<Wire<SeriesBucket>>>,
        /// The shortest bucket that gives at most so many points, 1–2,000.
        max_points: Query<Option<u16>>,
        /// Scale of the answer; the organization's if left out.
        temperature_unit: Query<Option<Scale>>,
    ) -> Result<Json<SeriesView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller
            .authorize(&app, org, Operation::GetReadingSeries)
            .await?;
        let now = app.clock.now();
        let to = to.0.map_or(now, |time| time.0);
        let from = from.0.map_or(to - WINDOW_DEFAULT, |time| time.0);
        let window = window(from, to)?;
        let (unit, watch) = watched(&app, org, UnitId::from_uuid(unit_id.0)).await?;
        let site = found(app.store.places.find_site(org, unit.site_id).await?)?;
        let wanted = wanted(bucket.0.map(|b| b.0), max_points.0, window)?;
        let chosen = pick(wanted, window, &site.timezone)?;
        let unit_of_answer = app
            .display_unit(org, temperature_unit.0.map(Into::into))
            .await?;
        let question = Question {
            org,
            window,
            now,
            watch,
        };
        let (total, points) = match chosen {
            SeriesBucket::Raw => {
                let total = question.bucketed(&app, question.whole(), None).await?;
                let total = total_of(&total)?;
                let points = question.raw(&app, &total).await?;
                (total, points)
            }
            other => {
                let Cut { frame, edges } = cut(other, window, now, &site.timezone)?;
                let points = question.bucketed(&app, frame, edges).await?;
                (total_of(&points)?, points)
            }
        };
        Ok(Json(question.answer(
            chosen,
            &total,
            &points,
            unit_of_answer,
        )))
    }
}

/// Checks the window.
fn window(from: Timestamp, to: Timestamp) -> Result<(Timestamp, Timestamp), Problem> {
    if from < to {
        Ok((from, to))
    } else {
        Err(Problem::field("?to", "must be after `from`"))
    }
}

fn wanted(
    bucket: Option<SeriesBucket>,
    max_points: Option<u16>,
    (from, to): (Timestamp, Timestamp),
) -> Result<Wanted, Problem> {
    let long = to - from > RAW_WINDOW_MAX;
    match (bucket, max_points) {
        (Some(_), Some(_)) => Err(Problem::field(
            "?max_points",
            "cannot be given together with `bucket`",
        )),
        (None, Some(points)) if (1..=POINTS_MAX).contains(&i64::from(points)) => {
            Ok(Wanted::AtMost(i64::from(points)))
        }
        (None, Some(_)) => Err(Problem::field(
            "?max_points",
            format!("must be from 1 to {POINTS_MAX}"),
        )),
        (None | Some(SeriesBucket::Raw), None) if long => Err(bucket_required()),
        (None, None) => Ok(Wanted::Exactly(SeriesBucket::Raw)),
        (Some(bucket), None) => Ok(Wanted::Exactly(bucket)),
    }
}

fn bucket_required() -> Problem {
    Problem::new(Code::BucketRequired)
}

/// The unit and what its readings are held against.
async fn watched(app: &App, org: OrgId, id: UnitId) -> Result<(Unit, Watch), Problem> {
    let place = RulePlace {
        scope: RuleScope::Unit,
        scope_id: id.as_uuid(),
        unit_type: None,
    };
    let mut below = found(app.store.rules.below(org, place).await?)?;
    let (unit, devices) = found(below.units.pop())?;
    let (rules, _) = resolve(&below.rule_sets, org, &unit, &devices);
    let watch = Watch {
        unit: unit.id,
        interval: rules.check_in_interval(),
        max: rules.temp_max,
        min: rules.temp_min,
    };
    Ok((unit, watch))
}

/// All points as one.
fn total_of(points: &[Bucket]) -> Result<Bucket, Problem> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Err(Problem::field("?to", "must be after `from`"));
    };
    let whole = join(points, &[first.start, last.end]);
    whole
        .into_iter()
        .next()
        .ok_or_else(|| Problem::new(Code::Internal))
}

/// What is asked about which unit.
struct Question {
    org: OrgId,
    window: (Timestamp, Timestamp),
    now: Timestamp,
    watch: Watch,
}

impl Question {
    async fn bucketed(
        &self,
        app: &App,
        frame: Frame,
        edges: Option<Vec<Timestamp>>,
    ) -> Result<Vec<Bucket>, Problem> {
        let rows = app
            .store
            .series
            .sums(self.org, frame, &[self.watch])
            .await?;
        let fine = fill(&frame, &rows);
        Ok(match edges {
            Some(edges) => join(&fine, &edges),
            None => fine,
        })
    }

    /// One point per instant with a reading: buckets of a microsecond, those without readings left out.
    async fn raw(&self, app: &App, total: &Bucket) -> Result<Vec<Bucket>, Problem> {
        if total.count > RAW_POINTS_MAX {
            return Err(bucket_required());
        }
        let frame = Frame {
            width: Span::from_micros(1),
            ..self.whole()
        };
        let rows = app
            .store
            .series
            .sums(self.org, frame, &[self.watch])
            .await?;
        let inside = rows.into_iter().filter(|row| row.bucket >= 0);
        Ok(inside.map(|row| point(&frame, &row)).collect())
    }

    /// The window as one bucket.
    fn whole(&self) -> Frame {
        let (from, to) = self.window;
        Frame {
            from,
            to,
            seen_to: to.min(self.now),
            origin: from,
            width: to - from,
        }
    }

    fn answer(
        &self,
        bucket: SeriesBucket,
        total: &Bucket,
        points: &[Bucket],
        unit: TemperatureUnit,
    ) -> SeriesView {
        SeriesView {
            unit_id: self.watch.unit.as_uuid(),
            from: Time(self.window.0),
            to: Time(self.window.1),
            bucket: Wire(bucket),
            check_in_interval_seconds: self.watch.interval.as_seconds(),
            temperature_unit: unit.into(),
            count: total.count,
            coverage: share(total.coverage_basis_points()),
            in_range: total.in_range_basis_points().map(share),
            points: points.iter().map(|p| PointView::of(p, unit)).collect(),
        }
    }
}

/// A reading, and how long it holds.
fn point(frame: &Frame, row: &BucketRow) -> Bucket {
    let start = frame.origin + frame.width.times(row.bucket);
    let holds = row.seen + row.beyond;
    Bucket {
        start,
        end: start + holds,
        window: holds.max(frame.width),
        count: row.count,
        min: Some(row.min),
        max: Some(row.max),
        sum_milli: row.sum_milli,
        out_count: row.out_count,
        seen: holds,
        seen_out: row.seen_out + row.beyond_out,
    }
}
