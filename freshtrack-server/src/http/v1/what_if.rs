//! What if: a unit's own history under a proposed rule, beside the current one. Writes nothing.

use super::rule_wire::{RuleFieldsView, TemperatureView, temperature_of};
use super::rules::{place, refused};
use super::{Scale, Tags, found, shown};
use crate::app::App;
use crate::http::auth::{Access, Caller};
use crate::http::body::Body;
use crate::http::permissions::Operation;
use crate::http::problem::{Code, Problem};
use crate::http::wire::Time;
use freshtrack_alerts::cascade::{self, EffectiveRules};
use freshtrack_alerts::change::UnitContext;
use freshtrack_alerts::food_safety::sensor_truth::Siblings;
use freshtrack_alerts::monitor::device_health::ProbeSignal;
use freshtrack_alerts::rule_edit::{Author, Edit, decide, place_of};
use freshtrack_alerts::rules::{RuleFields, RuleScope};
use freshtrack_alerts::step::{Judged, Observation};
use freshtrack_alerts::what_if::{
    Detection, INJECTIONS_MAX, Injection, Nuisance, Question, Rate, WhatIf, WhatIfError, what_if,
};
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::page::PageRequest;
use freshtrack_core::ports::{ReadingOrder, ReadingQuery};
use freshtrack_core::reading::{Reading, ReadingSource};
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_core::time::{Span, Timestamp};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// Longest history of one request. The library takes 400 days; a request must be answered in seconds.
const HISTORY_MAX: Span = Span::from_minutes(92 * 24 * 60);
/// History if nobody says: 30 days.
const HISTORY_DEFAULT: Span = Span::from_minutes(30 * 24 * 60);
/// Most readings of one request.
const READINGS_MAX: usize = 100_000;
/// Readings of one round.
const READINGS_PER_ROUND: u16 = 10_000;
/// Most time constants.
const TAUS_MAX: usize = 5;
/// Would-be alerts listed per rule.
const LISTED_MAX: usize = 200;

/// Warm-ups to try: `T(t) = ambient + (T₀ − ambient) e^(−t/τ)` from seeded quiet instants on.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, rename = "WarmUps")]
pub struct WarmUpsView {
    /// How many per time constant, at most 500; 100 if left out.
    count: Option<u16>,
    /// What the unit warms up to; 22 °C if left out.
    ambient: Option<TemperatureView>,
    /// Time constants in hours, at most 5; 2, 6 and 12 if left out.
    tau_hours: Option<Vec<f64>>,
}

/// A proposed rule and the history to try it on.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct WhatIfRequest {
    /// Fields as they would be set at the unit.
    rule: RuleFieldsView,
    /// First instant; 30 days before `to` if left out.
    from: Option<Time>,
    /// First instant after it, at most 92 days later; now if left out.
    to: Option<Time>,
    /// Warm-ups to try; the defaults if left out.
    injection: Option<WarmUpsView>,
    /// The same seed gives the same warm-ups; 0 if left out.
    #[oai(validator(maximum(value = "4294967295")))]
    seed: Option<u64>,
}

/// A rate with its 95 % interval. Nothing seen is a bound, not never.
#[derive(Debug, Object)]
#[oai(rename = "WhatIfRate")]
pub struct RateView {
    /// Seen.
    value: f64,
    /// At least.
    low: f64,
    /// At most.
    high: f64,
}

impl From<Rate> for RateView {
    fn from(rate: Rate) -> Self {
        Self {
            value: rate.value,
            low: rate.low,
            high: rate.high,
        }
    }
}

/// A temperature alert that would have been.
#[derive(Debug, Object)]
#[oai(rename = "WouldBeAlert")]
pub struct WouldBeView {
    /// When it would have been raised.
    at: Time,
    /// How long it would have been open; absent if it would be still.
    #[oai(skip_serializing_if_is_none)]
    seconds: Option<i64>,
    /// Worst value.
    #[oai(skip_serializing_if_is_none)]
    peak: Option<f64>,
    /// Whether it would have been confirmed.
    confirmed: bool,
}

/// What one rule would have said about the history.
#[derive(Debug, Object)]
#[oai(rename = "WhatIfNuisance")]
pub struct NuisanceView {
    /// Temperature alerts it would have raised.
    raises: u32,
    /// Of them confirmed.
    confirmed: u32,
    /// Confirmed alarms per day.
    per_day: RateView,
    /// Confirmed alarms per month of 30 days.
    per_month: RateView,
    /// The first 200 of them.
    alerts: Vec<WouldBeView>,
}

fn nuisance_view(nuisance: &Nuisance, scale: TemperatureUnit) -> NuisanceView {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let listed = nuisance
        .alerts
        .iter()
        .take(LISTED_MAX)
        .map(|alert| WouldBeView {
            at: Time(alert.at),
            seconds: alert.length.map(Span::as_seconds),
            peak: shown(alert.peak, scale),
            confirmed: alert.confirmed_at.is_some(),
        });
    let confirmed = nuisance
        .alerts
        .iter()
        .filter(|alert| alert.confirmed_at.is_some());
    NuisanceView {
        raises: count(nuisance.alerts.len()),
        confirmed: count(confirmed.count()),
        per_day: nuisance.alarms.per_day.into(),
        per_month: nuisance.alarms.per_month.into(),
        alerts: listed.collect(),
    }
}

/// How fast warm-ups of one time constant would have been found.
#[derive(Debug, Object)]
#[oai(rename = "WhatIfDetection")]
pub struct DetectionView {
    /// Time constant in hours.
    tau_hours: f64,
    /// Warm-ups tried.
    trials: u32,
    /// Not found within 24 hours.
    missed: u32,
    /// Median time to the alert.
    #[oai(skip_serializing_if_is_none)]
    p50_seconds: Option<i64>,
    /// 95th percentile of the same.
    #[oai(skip_serializing_if_is_none)]
    p95_seconds: Option<i64>,
}

impl From<Detection> for DetectionView {
    fn from(detection: Detection) -> Self {
        Self {
            tau_hours: detection.tau_hours,
            trials: detection.trials,
            missed: detection.missed,
            p50_seconds: detection.p50.map(Span::as_seconds),
            p95_seconds: detection.p95.map(Span::as_seconds),
        }
    }
}

/// What the answer rests on.
#[derive(Debug, Object)]
#[oai(rename = "WhatIfProvenance")]
pub struct ProvenanceOfAnswer {
    /// First instant asked for.
    from: Time,
    /// First instant after it.
    to: Time,
    /// Readings replayed.
    readings: u64,
    /// Version of the rules called current.
    rules_version: i64,
    /// Version of this program.
    engine: String,
    /// The seed.
    seed: u64,
}

/// The answer.
#[derive(Debug, Object)]
#[oai(rename = "WhatIf")]
pub struct WhatIfView {
    /// Under the current rules.
    current: NuisanceView,
    /// Under the proposed ones.
    proposed: NuisanceView,
    /// Warm-ups under the proposed ones, per time constant.
    detection: Vec<DetectionView>,
    /// Scale of temperatures.
    temperature_unit: Scale,
    /// What it rests on.
    provenance: ProvenanceOfAnswer,
}

fn injection_of(view: Option<WarmUpsView>) -> Result<Injection, Problem> {
    let mut injection = Injection::default();
    let Some(view) = view else {
        return Ok(injection);
    };
    injection.count = view.count.unwrap_or(injection.count);
    if let Some(ambient) = temperature_of("/injection/ambient", view.ambient)? {
        injection.ambient = ambient;
    }
    injection.tau_hours = view.tau_hours.unwrap_or(injection.tau_hours);
    if injection.count > INJECTIONS_MAX {
        return Err(Problem::field("/injection/count", "must be at most 500"));
    }
    let fine = |tau: &f64| tau.is_finite() && *tau > 0.0;
    if injection.tau_hours.len() > TAUS_MAX || !injection.tau_hours.iter().all(fine) {
        let detail = "must hold at most 5 numbers above 0";
        return Err(Problem::field("/injection/tau_hours", detail));
    }
    Ok(injection)
}

fn window_of(
    from: Option<Time>,
    to: Option<Time>,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), Problem> {
    let to = to.map_or(now, |time| time.0.min(now));
    let from = from.map_or(to - HISTORY_DEFAULT, |time| time.0);
    if from >= to {
        return Err(Problem::field(
            "/from",
            "must lie before to, and in the past",
        ));
    }
    if to - from > HISTORY_MAX {
        let detail = "a history is at most 92 days long";
        return Err(Problem::detailed(Code::WindowTooLong, detail));
    }
    Ok((from, to))
}

/// What the engine was told by a stored reading; nothing for what it never judges.
fn observation(reading: &Reading) -> Option<Observation> {
    let live = match reading.source {
        ReadingSource::Ttn | ReadingSource::Api => true,
        ReadingSource::Simulator | ReadingSource::Import => false,
    };
    let drives = reading.zone.is_some() || reading.flags.late;
    (live && (drives || reading.door.is_some())).then_some(Observation {
        recorded_at: reading.recorded_at,
        device: reading.device,
        temperature: reading.temperature,
        raw: None,
        siblings: Siblings::Sound,
        drives,
        door: reading.door,
        battery_percent: None,
        battery_mv: None,
        signal: ProbeSignal::None,
        judged: Judged::default(),
    })
}

async fn history(
    app: &App,
    org: OrgId,
    unit: UnitId,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<Observation>, Problem> {
    let query = ReadingQuery {
        unit,
        from,
        to,
        order: ReadingOrder::OldestFirst,
    };
    let mut observations: Vec<Observation> = Vec::new();
    let mut after = None;
    loop {
        let page = PageRequest {
            limit: READINGS_PER_ROUND,
            after,
        };
        let found = app.store.readings.list(org, query, page).await?;
        observations.extend(found.items.iter().filter_map(observation));
        if observations.len() > READINGS_MAX {
            let detail = "the window holds more than 100,000 readings";
            return Err(Problem::detailed(Code::WindowTooLong, detail));
        }
        after = found.next;
        if after.is_none() {
            return Ok(observations);
        }
    }
}

/// The unit with its rules as they are, and as they would be with `fields` set at it.
async fn both_rules(
    app: &App,
    access: &Access,
    unit: UnitId,
    fields: RuleFields,
) -> Result<(UnitContext, EffectiveRules, EffectiveRules), Problem> {
    let org = access.org;
    let place = place(RuleScope::Unit, unit.as_uuid(), None)?;
    let below = found(app.store.rules.below(org, place).await?)?;
    let author = Author {
        actor: access.actor,
        at: app.clock.now(),
        note: None,
    };
    let change = decide(&below, org, place, &Edit::Set(fields), author).map_err(refused)?;
    let mut loaded = found(app.store.monitors.load(org, &[unit]).await?)?;
    let context = found(loaded.units.pop())?;
    let of = |sets: &[_]| cascade::resolve(sets, org, &context.unit, &context.devices).0;
    let current = of(&below.rule_sets);
    let mut sets = below.rule_sets;
    if let Some(change) = change {
        sets.retain(|set| place_of(set) != place);
        sets.push(change.set);
    }
    let proposed = of(&sets);
    Ok((context, current, proposed))
}

fn problem_of(error: WhatIfError) -> Problem {
    match error {
        WhatIfError::TooLong | WhatIfError::Unordered => {
            Problem::detailed(Code::WindowTooLong, error.to_string())
        }
        WhatIfError::Coverage { .. } => Problem::detailed(Code::CoverageTooLow, error.to_string()),
        WhatIfError::Injection => Problem::field("/injection", error.to_string()),
        // the route never asks about a slower sensor
        WhatIfError::Resample => {
            tracing::error!("a what-if was asked about a slower sensor");
            Problem::new(Code::Internal)
        }
    }
}

/// What if.
#[derive(Debug)]
pub struct WhatIfApi;

#[OpenApi(tag = "Tags::Rules")]
impl WhatIfApi {
    /// Tries a rule on a unit's own history, beside the current one; writes nothing
    ///
    /// The same step as live, over the unit's stored readings: how often it would have alerted, with the
    /// uncertainty of that, and how fast warm-ups put into the history would have been found.
    #[oai(
        path = "/organizations/:org_id/units/:unit_id/what-if",
        method = "post",
        operation_id = "try_rules"
    )]
    async fn try_rules(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        unit_id: Path<Uuid>,
        body: Body<WhatIfRequest>,
    ) -> Result<Json<WhatIfView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::TryRules).await?;
        let unit = UnitId::from_uuid(unit_id.0);
        found(app.store.places.find_unit(org, unit).await?)?;
        let request = body.0;
        let injection = injection_of(request.injection)?;
        let window = window_of(request.from, request.to, app.clock.now())?;
        let seed = request.seed.unwrap_or(0);
        let fields = request.rule.into_fields()?;
        let (mut context, current, proposed) = both_rules(&app, &access, unit, fields).await?;
        let scale = app.display_unit(org, None).await?;
        let history = history(&app, org, unit, window).await?;
        // one at a time: trying rules must never slow down the judging of readings
        let Ok(turn) = Arc::clone(&app.what_ifs).try_acquire_owned() else {
            return Err(Problem::unavailable(5));
        };
        let replayed = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let (facts, _) = context.split();
            what_if(&Question {
                facts,
                history: &history,
                current,
                proposed,
                past: &[],
                resample: None,
                injection: &injection,
                seed,
            })
        });
        let answer = replayed.await.map_err(|error| {
            tracing::error!(%error, "a what-if did not come to an end");
            Problem::new(Code::Internal)
        })?;
        let answer = answer.map_err(problem_of)?;
        Ok(Json(view_of(&answer, scale, window, current.version, seed)))
    }
}

fn view_of(
    answer: &WhatIf,
    scale: TemperatureUnit,
    (from, to): (Timestamp, Timestamp),
    rules_version: i64,
    seed: u64,
) -> WhatIfView {
    WhatIfView {
        current: nuisance_view(&answer.current, scale),
        proposed: nuisance_view(&answer.proposed, scale),
        detection: answer.detection.iter().copied().map(Into::into).collect(),
        temperature_unit: scale.into(),
        provenance: ProvenanceOfAnswer {
            from: Time(from),
            to: Time(to),
            readings: answer.current.summary.readings,
            rules_version,
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            seed,
        },
    }
}
