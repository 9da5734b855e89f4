//! The whole organization at a glance: what is wrong, what needs somebody now, and how much was observed.
//!
//! Nothing unobserved is called safe: a unit counts as safe only while a reading observes it, and the share
//! in range is one of the observed time, beside the share that was observed at all.

use super::Tags;
use super::overview_figures::{Day, Figures, OverviewState, Seen, day_of, rank};
use super::series::share;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::permissions::Operation;
use crate::http::problem::Problem;
use crate::http::wire::{Time, Wire};
use freshtrack_alerts::alert::{Alert, AlertStatus, AlertType, Severity};
use freshtrack_alerts::cascade::resolve;
use freshtrack_alerts::ports::{AlertFilter, RulePlace};
use freshtrack_alerts::rules::RuleScope;
use freshtrack_core::hierarchy::{MonitoringMode, Unit, UnitStatus};
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::page::PageRequest;
use freshtrack_core::ports::WATCHES_MAX;
use freshtrack_core::series::{Frame, Watch, fill};
use freshtrack_core::time::{Span, Timestamp};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// How far back coverage looks.
const DAY: Span = Span::from_seconds(86_400);
/// Most open alerts that are looked at.
const OPEN_MAX: usize = 5_000;
const PAGE: u16 = 200;
/// Most units that are named as needing somebody.
const ATTENTION_MAX: usize = 100;

/// Units with one status.
#[derive(Debug, Object)]
pub struct StatusCount {
    /// The status.
    status: Wire<UnitStatus>,
    /// Units.
    units: i64,
}

/// Open alerts of one severity.
#[derive(Debug, Object)]
pub struct SeverityCount {
    /// How bad.
    severity: Wire<Severity>,
    /// Nobody has taken them.
    active: i64,
    /// Somebody has.
    acknowledged: i64,
}

/// An open alert of a unit that needs somebody.
#[derive(Debug, Object)]
pub struct AttentionAlert {
    /// Id.
    id: Uuid,
    /// What is wrong.
    #[oai(rename = "type")]
    alert_type: Wire<AlertType>,
    /// How bad.
    severity: Wire<Severity>,
    /// Whether somebody has taken it.
    status: Wire<AlertStatus>,
    /// One line for people.
    title: String,
    /// Since when the condition holds.
    condition_since: Time,
}

/// A unit that needs somebody.
#[derive(Debug, Object)]
pub struct Attention {
    /// The unit.
    unit_id: Uuid,
    /// Its name.
    name: String,
    /// Its site.
    site_id: Uuid,
    /// Its status.
    status: Wire<UnitStatus>,
    /// Whether a reading observes it right now.
    observed: bool,
    /// Its open alerts, worst first.
    alerts: Vec<AttentionAlert>,
}

/// The last 24 hours of all units with a sensor.
#[derive(Debug, Object)]
pub struct OverviewDay {
    /// First instant.
    from: Time,
    /// First instant after it.
    to: Time,
    /// Observed share of the time in which the units were to be watched, 0–1, rounded down; absent without
    /// such units.
    #[oai(skip_serializing_if_is_none)]
    coverage: Option<f64>,
    /// Share of the *observed* time inside the limits, 0–1, rounded down; absent where nothing was
    /// observed.
    #[oai(skip_serializing_if_is_none)]
    in_range: Option<f64>,
    /// `fail` if anything was out of range, else `indeterminate` unless at least 98 % of every unit's time
    /// was observed, else `pass`.
    verdict: Wire<Day>,
    /// Units of which nothing at all was observed.
    units_without_data: i64,
    /// The unit with the least share in range, where one was out of range.
    #[oai(skip_serializing_if_is_none)]
    worst_unit_id: Option<Uuid>,
    /// Its share in range.
    #[oai(skip_serializing_if_is_none)]
    worst_in_range: Option<f64>,
    /// The least covered unit.
    #[oai(skip_serializing_if_is_none)]
    least_covered_unit_id: Option<Uuid>,
    /// Its coverage.
    #[oai(skip_serializing_if_is_none)]
    least_coverage: Option<f64>,
}

/// An organization at a glance.
#[derive(Debug, Object)]
pub struct Overview {
    /// As of when.
    at: Time,
    /// The worst state of any unit; `unobserved` if all that can be said is that some unit is not seen.
    worst: Wire<OverviewState>,
    /// Units.
    units: i64,
    /// Units whose status is `ok` while a reading observes them.
    safe: i64,
    /// Units with a sensor that no reading observes right now, whatever their status.
    unobserved: i64,
    /// Units that are watched by people with thermometers; never counted as safe or unobserved.
    manual: i64,
    /// Units by status; every status is there.
    by_status: Vec<StatusCount>,
    /// Open alerts by severity; every severity is there.
    by_severity: Vec<SeverityCount>,
    /// Whether there are more open alerts than were counted.
    more_alerts: bool,
    /// Units that need somebody, worst first; at most 100.
    attention: Vec<Attention>,
    /// How many units need somebody.
    attention_count: i64,
    /// Coverage and compliance.
    last_24h: OverviewDay,
}

/// The organization at a glance.
#[derive(Debug)]
pub struct OverviewApi;

#[OpenApi(tag = "Tags::Places")]
impl OverviewApi {
    /// What is wrong, what needs somebody now, and how much was observed
    #[oai(
        path = "/organizations/:org_id/overview",
        method = "get",
        operation_id = "get_overview"
    )]
    async fn get_overview(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
    ) -> Result<Json<Overview>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller.authorize(&app, org, Operation::GetOverview).await?;
        let now = app.clock.now();
        let watched = units(&app, org).await?;
        let seen = observe(&app, org, now, &watched).await?;
        let (alerts, more_alerts) = open_alerts(&app, org).await?;
        let units: Vec<Unit> = watched.into_iter().map(|(unit, _)| unit).collect();
        let figures = Figures::of(&units, &seen);
        let (attention, attention_count) = attention(&units, &seen, &alerts);
        Ok(Json(Overview {
            at: Time(now),
            worst: Wire(figures.worst),
            units: count(units.len()),
            safe: figures.safe,
            unobserved: figures.unobserved,
            manual: figures.manual,
            by_status: by_status(&units),
            by_severity: by_severity(&alerts),
            more_alerts,
            attention,
            attention_count,
            last_24h: last_day(now, &units, &seen),
        }))
    }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// Every unit and what its readings are held against.
async fn units(app: &App, org: OrgId) -> Result<Vec<(Unit, Watch)>, Problem> {
    let place = RulePlace {
        scope: RuleScope::Organization,
        scope_id: org.as_uuid(),
        unit_type: None,
    };
    let below = super::found(app.store.rules.below(org, place).await?)?;
    let sets = below.rule_sets;
    let watched = below.units.into_iter().map(|(unit, devices)| {
        let (rules, _) = resolve(&sets, org, &unit, &devices);
        let watch = Watch {
            unit: unit.id,
            interval: rules.check_in_interval(),
            max: rules.temp_max,
            min: rules.temp_min,
        };
        (unit, watch)
    });
    Ok(watched.collect())
}

/// What was observed of each unit with a sensor in 24 hours, and whether it is right now: the instant after
/// now is a bucket of its own.
async fn observe(
    app: &App,
    org: OrgId,
    now: Timestamp,
    watched: &[(Unit, Watch)],
) -> Result<BTreeMap<UnitId, Seen>, Problem> {
    let from = now - DAY;
    let to = now + Span::from_micros(1);
    let frame = Frame {
        from,
        to,
        seen_to: to,
        origin: from,
        width: DAY,
    };
    let with_sensor: Vec<Watch> = watched
        .iter()
        .filter(|(unit, _)| unit.monitoring_mode == MonitoringMode::Sensor)
        .map(|(_, watch)| *watch)
        .collect();
    let mut seen = BTreeMap::new();
    for part in with_sensor.chunks(WATCHES_MAX) {
        let rows = app.store.series.sums(org, frame, part).await?;
        for watch in part {
            let own: Vec<_> = rows
                .iter()
                .filter(|r| r.unit == watch.unit)
                .copied()
                .collect();
            let buckets = fill(&frame, &own);
            if let [day, instant] = buckets.as_slice() {
                seen.insert(
                    watch.unit,
                    Seen {
                        observed: day.seen,
                        out: day.seen_out,
                        now: instant.seen > Span::ZERO,
                        window: DAY,
                    },
                );
            }
        }
    }
    for (unit, _) in watched {
        if let Some(seen) = seen.get_mut(&unit.id) {
            seen.watched_for(now - unit.monitoring_started_at);
        }
    }
    Ok(seen)
}

/// Every open alert, newest first, and whether there are more than were read.
async fn open_alerts(app: &App, org: OrgId) -> Result<(Vec<Alert>, bool), Problem> {
    let filter = AlertFilter {
        status: vec![AlertStatus::Active, AlertStatus::Acknowledged],
        ..AlertFilter::default()
    };
    let mut alerts = Vec::new();
    let mut after = None;
    loop {
        let page = PageRequest { limit: PAGE, after };
        let page = app.store.alerts.list(org, &filter, page).await?;
        alerts.extend(page.items);
        after = page.next;
        if after.is_none() || alerts.len() >= OPEN_MAX {
            return Ok((alerts, after.is_some()));
        }
    }
}

fn by_status(units: &[Unit]) -> Vec<StatusCount> {
    let counted = UnitStatus::ALL.iter().map(|status| StatusCount {
        status: Wire(*status),
        units: count(units.iter().filter(|unit| unit.status == *status).count()),
    });
    counted.collect()
}

fn by_severity(alerts: &[Alert]) -> Vec<SeverityCount> {
    let having = |severity, status| {
        let found = alerts
            .iter()
            .filter(|alert| alert.severity == severity && alert.status == status);
        count(found.count())
    };
    let counted = Severity::ALL.iter().rev().map(|severity| SeverityCount {
        severity: Wire(*severity),
        active: having(*severity, AlertStatus::Active),
        acknowledged: having(*severity, AlertStatus::Acknowledged),
    });
    counted.collect()
}

/// Units with an open alert, a status that is not `ok`, or a sensor that does not observe them.
fn attention(
    units: &[Unit],
    seen: &BTreeMap<UnitId, Seen>,
    alerts: &[Alert],
) -> (Vec<Attention>, i64) {
    let mut of_unit: BTreeMap<UnitId, Vec<&Alert>> = BTreeMap::new();
    for alert in alerts {
        of_unit.entry(alert.unit).or_default().push(alert);
    }
    let mut needed: Vec<_> = units
        .iter()
        .filter_map(|unit| {
            let mut own = of_unit.remove(&unit.id).unwrap_or_default();
            own.sort_by_key(|alert| (std::cmp::Reverse(alert.severity), alert.raised_at));
            let observed = seen.get(&unit.id).is_some_and(|seen| seen.now);
            let blind = seen.contains_key(&unit.id) && !observed;
            let needs = !own.is_empty() || unit.status != UnitStatus::Ok || blind;
            needs.then_some((unit, own, observed))
        })
        .collect();
    needed.sort_by_key(|(unit, own, _)| {
        let untaken = own.iter().any(|alert| alert.status == AlertStatus::Active);
        let severity = own.first().map(|alert| alert.severity);
        (
            std::cmp::Reverse((severity, untaken)),
            rank(unit.status),
            unit.id,
        )
    });
    let total = count(needed.len());
    needed.truncate(ATTENTION_MAX);
    let named = needed.into_iter().map(|(unit, own, observed)| Attention {
        unit_id: unit.id.as_uuid(),
        name: unit.name.clone(),
        site_id: unit.site_id.as_uuid(),
        status: Wire(unit.status),
        observed,
        alerts: own.into_iter().map(of_alert).collect(),
    });
    (named.collect(), total)
}

fn of_alert(alert: &Alert) -> AttentionAlert {
    AttentionAlert {
        id: alert.id.as_uuid(),
        alert_type: Wire(alert.key.alert_type),
        severity: Wire(alert.severity),
        status: Wire(alert.status),
        title: alert.title.clone(),
        condition_since: Time(alert.condition_since),
    }
}

fn last_day(now: Timestamp, units: &[Unit], seen: &BTreeMap<UnitId, Seen>) -> OverviewDay {
    let of = |unit: &Unit| Some((unit.id, *seen.get(&unit.id)?));
    let day = day_of(&units.iter().filter_map(of).collect::<Vec<_>>());
    OverviewDay {
        from: Time(now - DAY),
        to: Time(now),
        coverage: day.coverage.map(share),
        in_range: day.in_range.map(share),
        verdict: Wire(day.verdict),
        units_without_data: day.without_data,
        worst_unit_id: day.worst.map(|(unit, _)| unit.as_uuid()),
        worst_in_range: day.worst.map(|(_, in_range)| share(in_range)),
        least_covered_unit_id: day.least.map(|(unit, _)| unit.as_uuid()),
        least_coverage: day.least.map(|(_, coverage)| share(coverage)),
    }
}
