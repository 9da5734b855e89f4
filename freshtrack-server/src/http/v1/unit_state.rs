//! What a unit is like now and why, and what it went through.

use super::suppressions::SuppressionView;
use super::{Scale, Tags, found, list_in};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::page;
use crate::http::permissions::Operation;
use crate::http::problem::{Code, Problem};
use crate::http::wire::{Time, Wire};
use freshtrack_alerts::cascade::{self, EffectiveRules};
use freshtrack_alerts::change::{DoorEvent, StateChange};
use freshtrack_alerts::food_safety::coverage::{Coverage, coverage};
use freshtrack_alerts::food_safety::series::{Sample, Series, Window};
use freshtrack_alerts::monitor::Monitor;
use freshtrack_alerts::monitor::connectivity::{ConnectivityAxis, missed};
use freshtrack_alerts::monitor::door::DoorAxis;
use freshtrack_alerts::monitor::temperature::TemperatureAxis;
use freshtrack_alerts::ports::ACTIVE_MAX;
use freshtrack_alerts::step::{Input, Step, step};
use freshtrack_core::hierarchy::{Unit, UnitStatus};
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::page::PageRequest;
use freshtrack_core::ports::{ReadingOrder, ReadingQuery};
use freshtrack_core::reading::{DoorState, Zone};
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_core::time::{Span, Timestamp};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// Window of a timeline that nobody bounds.
const TIMELINE_DEFAULT: Span = Span::from_minutes(24 * 60);
/// Longest timeline.
const TIMELINE_MAX: Span = Span::from_minutes(31 * 24 * 60);
/// Most lines of each kind in a timeline.
const TIMELINE_LINES_MAX: u16 = 1_000;
/// Readings of one round of a timeline, and most of all rounds: 31 days every 30 seconds.
const READINGS_PER_ROUND: u16 = 10_000;
const READINGS_MAX: usize = 100_000;

/// State of the temperature axis.
#[derive(Debug, Object)]
#[oai(rename = "TemperatureState")]
pub struct TemperatureView {
    /// `unknown`, `normal`, `excursion`, `alarm` or `restoring`.
    state: String,
    /// Since when it is out of range.
    #[oai(skip_serializing_if_is_none)]
    since: Option<Time>,
    /// When that was confirmed.
    #[oai(skip_serializing_if_is_none)]
    confirmed_at: Option<Time>,
    /// When the timer confirms it.
    #[oai(skip_serializing_if_is_none)]
    confirms_at: Option<Time>,
    /// Consecutive in-band readings, while restoring.
    #[oai(skip_serializing_if_is_none)]
    good_count: Option<u32>,
    /// Since when an open door holds an excursion back.
    #[oai(skip_serializing_if_is_none)]
    held_since: Option<Time>,
}

impl From<&TemperatureAxis> for TemperatureView {
    fn from(axis: &TemperatureAxis) -> Self {
        let mut view = Self {
            state: axis.name().to_owned(),
            since: axis.episode().map(|episode| Time(episode.since)),
            confirmed_at: axis.confirmed_at().map(Time),
            confirms_at: None,
            good_count: None,
            held_since: None,
        };
        match axis {
            TemperatureAxis::Held(held) => view.held_since = Some(Time(held.since)),
            TemperatureAxis::Excursion { confirm_at, .. } => {
                view.confirms_at = Some(Time(*confirm_at));
            }
            TemperatureAxis::Restoring { good_count, .. } => view.good_count = Some(*good_count),
            TemperatureAxis::Unknown | TemperatureAxis::Normal | TemperatureAxis::Alarm { .. } => {}
        }
        view
    }
}

/// State of the connectivity axis.
#[derive(Debug, Object)]
#[oai(rename = "ConnectivityState")]
pub struct ConnectivityView {
    /// `never_seen`, `online`, `late` or `silent`.
    state: String,
    /// Since when it is late or silent.
    #[oai(skip_serializing_if_is_none)]
    since: Option<Time>,
    /// Check-ins missed.
    #[oai(skip_serializing_if_is_none)]
    missed: Option<i64>,
    /// The newest check-in.
    #[oai(skip_serializing_if_is_none)]
    last_check_in: Option<Time>,
}

/// Whether a person has to measure.
#[derive(Debug, Object)]
#[oai(rename = "ManualDutyState")]
pub struct DutyView {
    /// `not_due` or `due`.
    state: String,
    /// Since when.
    #[oai(skip_serializing_if_is_none)]
    since: Option<Time>,
    /// The newest manual log.
    #[oai(skip_serializing_if_is_none)]
    last_log: Option<Time>,
}

/// State of the door.
#[derive(Debug, Object)]
#[oai(rename = "DoorAxisState")]
pub struct DoorView {
    /// Open, closed or unknown.
    state: Wire<DoorState>,
    /// Since when it is open.
    #[oai(skip_serializing_if_is_none)]
    since: Option<Time>,
}

/// The newest reading that was judged.
#[derive(Debug, Object)]
#[oai(rename = "NewestReading")]
pub struct NewestView {
    /// When it counts from.
    at: Time,
    /// Its corrected temperature.
    temperature: f64,
    /// Where it stands against the limits.
    zone: Wire<Zone>,
}

/// What a unit is like at this moment.
#[derive(Debug, Object)]
#[oai(rename = "UnitState")]
pub struct UnitStateView {
    /// The unit.
    unit_id: Uuid,
    /// As of when.
    at: Time,
    /// What is displayed.
    status: Wire<UnitStatus>,
    /// Why: the axis that decides it.
    because: String,
    /// Whether it is new and owes no reading yet.
    commissioning: bool,
    /// Temperature axis.
    temperature: TemperatureView,
    /// Connectivity axis.
    connectivity: ConnectivityView,
    /// Manual duty.
    manual_duty: DutyView,
    /// Door axis.
    door: DoorView,
    /// The newest reading that was judged.
    #[oai(skip_serializing_if_is_none)]
    newest_reading: Option<NewestView>,
    /// Scale of temperatures.
    temperature_unit: Scale,
    /// When it changes by itself at the earliest.
    #[oai(skip_serializing_if_is_none)]
    next_deadline: Option<Time>,
    /// Windows that keep it quiet now.
    suppressions: Vec<SuppressionView>,
    /// Its open alerts.
    open_alert_ids: Vec<Uuid>,
}

/// Why a status is displayed: first match wins, as in the engine.
const fn because(status: UnitStatus) -> &'static str {
    match status {
        UnitStatus::AlarmActive => "temperature_alarm",
        UnitStatus::Excursion => "temperature_excursion",
        UnitStatus::ManualRequired => "manual_duty_due",
        UnitStatus::MonitoringInterrupted => "sensor_silent",
        UnitStatus::Offline => "sensor_late",
        UnitStatus::Restoring => "temperature_restoring",
        UnitStatus::Ok => "nothing_wrong",
    }
}

fn connectivity_view(
    monitor: &Monitor,
    rules: &EffectiveRules,
    now: Timestamp,
) -> ConnectivityView {
    let last = monitor.last_check_in();
    let since = match monitor.connectivity {
        ConnectivityAxis::NeverSeen | ConnectivityAxis::Online => None,
        ConnectivityAxis::Late { since } | ConnectivityAxis::Silent { since } => Some(Time(since)),
    };
    let interval = Span::from_seconds(i64::from(rules.check_in_interval_seconds));
    ConnectivityView {
        state: monitor.connectivity.name().to_owned(),
        since,
        missed: last.map(|last| missed(now, last, interval)),
        last_check_in: last.map(Time),
    }
}

/// What `monitor` shows after `stepped`.
fn state_view(
    unit: &Unit,
    rules: &EffectiveRules,
    (monitor, open): (&Monitor, Vec<Uuid>),
    stepped: &Step,
    now: Timestamp,
    scale: TemperatureUnit,
) -> UnitStateView {
    let never_seen = matches!(monitor.connectivity, ConnectivityAxis::NeverSeen);
    let sensor = unit.monitoring_mode == freshtrack_core::hierarchy::MonitoringMode::Sensor;
    UnitStateView {
        unit_id: unit.id.as_uuid(),
        at: Time(now),
        status: Wire(stepped.status),
        because: because(stepped.status).to_owned(),
        commissioning: sensor && never_seen && monitor.newest.is_none(),
        temperature: (&monitor.temperature).into(),
        connectivity: connectivity_view(monitor, rules, now),
        manual_duty: DutyView {
            state: if monitor.manual_due_since.is_some() {
                "due"
            } else {
                "not_due"
            }
            .to_owned(),
            since: monitor.manual_due_since.map(Time),
            last_log: monitor.last_manual_log_at.map(Time),
        },
        door: DoorView {
            state: Wire(monitor.door.state()),
            since: match monitor.door {
                DoorAxis::Open { since, .. } => Some(Time(since)),
                DoorAxis::Closed | DoorAxis::Unknown => None,
            },
        },
        newest_reading: monitor.newest.map(|newest| NewestView {
            at: Time(newest.at),
            temperature: newest.temperature.in_unit(scale),
            zone: Wire(rules.zone(newest.temperature)),
        }),
        temperature_unit: scale.into(),
        next_deadline: stepped.next_deadline.map(Time),
        suppressions: Vec::new(),
        open_alert_ids: open,
    }
}

/// A door that opened, closed or became unknown.
#[derive(Debug, Object)]
#[oai(rename = "DoorEvent")]
pub struct DoorEventView {
    /// The device that reported it.
    #[oai(skip_serializing_if_is_none)]
    device_id: Option<Uuid>,
    /// The new state.
    state: Wire<DoorState>,
    /// When.
    recorded_at: Time,
    /// How long it had been open, on a change away from open.
    #[oai(skip_serializing_if_is_none)]
    duration_seconds: Option<i64>,
}

impl From<DoorEvent> for DoorEventView {
    fn from(event: DoorEvent) -> Self {
        Self {
            device_id: event.device.map(|id| id.as_uuid()),
            state: Wire(event.state),
            recorded_at: Time(event.recorded_at),
            duration_seconds: event.duration_seconds,
        }
    }
}

list_in!(DoorEventList, DoorEventView, "Door events, newest first.");

/// A change of what is displayed, or of an axis.
#[derive(Debug, Object)]
#[oai(rename = "StateChange")]
pub struct StateChangeView {
    /// When it was found.
    at: Time,
    /// Status before.
    from: Wire<UnitStatus>,
    /// Status from then on.
    to: Wire<UnitStatus>,
    /// Temperature axis from then on.
    temperature: String,
    /// Connectivity axis from then on.
    connectivity: String,
    /// What brought it about.
    reason: String,
}

impl From<StateChange> for StateChangeView {
    fn from(change: StateChange) -> Self {
        Self {
            at: Time(change.at),
            from: Wire(change.from),
            to: Wire(change.to),
            temperature: change.temperature,
            connectivity: change.connectivity,
            reason: change.reason,
        }
    }
}

/// Time that no reading covers: a reading covers the time to the next one if that comes within 1.5
/// check-in intervals, else one interval.
#[derive(Debug, Object)]
#[oai(rename = "Gap")]
pub struct GapView {
    /// First instant.
    from: Time,
    /// First instant after it.
    to: Time,
    /// Its length.
    seconds: i64,
}

/// What a unit went through in `[from, to)`.
#[derive(Debug, Object)]
#[oai(rename = "UnitTimeline")]
pub struct TimelineView {
    /// The unit.
    unit_id: Uuid,
    /// First instant.
    from: Time,
    /// First instant after it.
    to: Time,
    /// Changes of state, newest first, at most 1,000.
    state_changes: Vec<StateChangeView>,
    /// Door events, newest first, at most 1,000.
    door_events: Vec<DoorEventView>,
    /// Time that nobody observed, oldest first; never filled in.
    gaps: Vec<GapView>,
    /// Observed share of the window so far in percent; absent for a window that has not begun.
    #[oai(skip_serializing_if_is_none)]
    coverage_percent: Option<f64>,
    /// Whether there is more than is listed: ask for a shorter window.
    truncated: bool,
}

/// The window of a request, by default the last 24 hours.
fn window_of(from: Option<Time>, to: Option<Time>, now: Timestamp) -> Result<Window, Problem> {
    let to = to.map_or(now, |time| time.0);
    let from = from.map_or(to - TIMELINE_DEFAULT, |time| time.0);
    if from >= to {
        return Err(Problem::field("?from", "must lie before to"));
    }
    if to - from > TIMELINE_MAX {
        let detail = "a timeline is at most 31 days long";
        return Err(Problem::detailed(Code::WindowTooLong, detail));
    }
    Ok(Window { from, to })
}

/// The temperature readings that cover a window: those inside it and the last one before.
async fn samples(
    app: &App,
    org: OrgId,
    unit: UnitId,
    window: Window,
) -> Result<Vec<Sample>, Problem> {
    let query = |from, to, order| ReadingQuery {
        unit,
        from,
        to,
        order,
    };
    let before = query(Timestamp::MIN, window.from, ReadingOrder::NewestFirst);
    let one = PageRequest {
        limit: 1,
        after: None,
    };
    let mut readings = app.store.readings.list(org, before, one).await?.items;
    let inside = query(window.from, window.to, ReadingOrder::OldestFirst);
    let mut page = PageRequest {
        limit: READINGS_PER_ROUND,
        after: None,
    };
    loop {
        let found = app.store.readings.list(org, inside, page).await?;
        readings.extend(found.items);
        if readings.len() > READINGS_MAX {
            let detail = "the window holds more than 100,000 readings";
            return Err(Problem::detailed(Code::WindowTooLong, detail));
        }
        let Some(next) = found.next else { break };
        page = PageRequest {
            limit: READINGS_PER_ROUND,
            after: Some(next),
        };
    }
    let believed = readings.iter().filter(|reading| !reading.flags.simulated);
    Ok(believed
        .filter_map(|reading| Some(Sample::good(reading.recorded_at, reading.temperature?)))
        .collect())
}

/// What of the past part of a window was observed.
async fn observed(
    app: &App,
    org: OrgId,
    unit: UnitId,
    window: Window,
) -> Result<Coverage, Problem> {
    let loaded = found(app.store.monitors.load(org, &[unit]).await?)?;
    let context = found(loaded.units.first())?;
    let (rules, _) = cascade::resolve(&loaded.rule_sets, org, &context.unit, &context.devices);
    let past = Window {
        to: window.to.min(app.clock.now()).max(window.from),
        ..window
    };
    let samples = samples(app, org, unit, past).await?;
    let series = Series::new(
        samples,
        Span::from_seconds(i64::from(rules.check_in_interval_seconds)),
    );
    Ok(coverage(&series, past, &[]))
}

/// What a unit is like.
#[derive(Debug)]
pub struct UnitStateApi;

#[OpenApi(tag = "Tags::Places")]
impl UnitStateApi {
    /// What a unit is like at this moment, axis by axis, and why it is displayed so
    ///
    /// Decided by the same step that evaluates it, as of now; nothing is written.
    #[oai(
        path = "/organizations/:org_id/units/:unit_id/state",
        method = "get",
        operation_id = "get_unit_state"
    )]
    async fn get_unit_state(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        unit_id: Path<Uuid>,
        /// Scale of temperatures; the organization's if left out.
        temperature_unit: Query<Option<Scale>>,
    ) -> Result<Json<UnitStateView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller.authorize(&app, org, Operation::GetUnitState).await?;
        let unit = UnitId::from_uuid(unit_id.0);
        let mut loaded = found(app.store.monitors.load(org, &[unit]).await?)?;
        let mut context = found(loaded.units.pop())?;
        let scale = app
            .display_unit(org, temperature_unit.0.map(Into::into))
            .await?;
        let now = app.clock.now();
        let (rules, _) = cascade::resolve(&loaded.rule_sets, org, &context.unit, &context.devices);
        let open = context
            .monitor
            .alerts
            .iter()
            .map(|alert| alert.id.as_uuid());
        let open = open.collect();
        let (facts, monitor) = context.split();
        let stepped = step(monitor, &rules, &facts, Input::Tick, now);
        let shown = (&*monitor, open);
        let mut view = state_view(facts.unit, &rules, shown, &stepped, now, scale);
        let page = PageRequest {
            limit: ACTIVE_MAX,
            after: None,
        };
        let active = app.store.suppressions.list(org, Some(now), page).await?;
        let reaching = active
            .items
            .into_iter()
            .filter(|s| s.reaches(org, facts.unit));
        view.suppressions = reaching.map(Into::into).collect();
        Ok(Json(view))
    }

    /// What a unit went through in a window: changes of state, doors, and the time nobody observed
    #[oai(
        path = "/organizations/:org_id/units/:unit_id/timeline",
        method = "get",
        operation_id = "get_unit_timeline"
    )]
    async fn get_unit_timeline(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        unit_id: Path<Uuid>,
        /// First instant; 24 hours before `to` if left out.
        from: Query<Option<Time>>,
        /// First instant after it, at most 31 days later; now if left out.
        to: Query<Option<Time>>,
    ) -> Result<Json<TimelineView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller
            .authorize(&app, org, Operation::GetUnitTimeline)
            .await?;
        let unit = UnitId::from_uuid(unit_id.0);
        found(app.store.places.find_unit(org, unit).await?)?;
        let window = window_of(from.0, to.0, app.clock.now())?;
        let coverage = observed(&app, org, unit, window).await?;
        let all = || PageRequest {
            limit: TIMELINE_LINES_MAX,
            after: None,
        };
        let (history, bounds) = (&app.store.unit_history, (window.from, window.to));
        let states = history.state_changes(org, unit, bounds, all()).await?;
        let doors = history.door_events(org, unit, bounds, all()).await?;
        let gap = |gap: &Window| GapView {
            from: Time(gap.from),
            to: Time(gap.to),
            seconds: gap.length().as_seconds(),
        };
        let share = coverage.observed_basis_points();
        Ok(Json(TimelineView {
            unit_id: unit_id.0,
            from: Time(window.from),
            to: Time(window.to),
            truncated: states.next.is_some() || doors.next.is_some(),
            state_changes: states.items.into_iter().map(Into::into).collect(),
            door_events: doors.items.into_iter().map(Into::into).collect(),
            gaps: coverage.gaps.iter().map(gap).collect(),
            coverage_percent: share
                .and_then(|points| i32::try_from(points).ok())
                .map(|points| f64::from(points) / 100.0),
        }))
    }

    /// Door events of a unit, newest first
    #[oai(
        path = "/organizations/:org_id/units/:unit_id/door-events",
        method = "get",
        operation_id = "list_door_events"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "one argument per documented parameter"
    )]
    async fn list_door_events(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        unit_id: Path<Uuid>,
        /// Recorded at or after.
        from: Query<Option<Time>>,
        /// Recorded before.
        to: Query<Option<Time>>,
        /// Rows wanted, 1–200; 50 if left out.
        limit: Query<Option<u16>>,
        /// `next` of the page before.
        after: Query<Option<String>>,
    ) -> Result<Json<DoorEventList>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller
            .authorize(&app, org, Operation::ListDoorEvents)
            .await?;
        let unit = UnitId::from_uuid(unit_id.0);
        found(app.store.places.find_unit(org, unit).await?)?;
        let window = (
            from.0.map_or(Timestamp::MIN, |time| time.0),
            to.0.map_or(Timestamp::MAX, |time| time.0),
        );
        let list = format!("door-events/{unit}");
        let request = page::request(&list, limit.0, after.0.as_deref())?;
        let history = &app.store.unit_history;
        let page = history.door_events(org, unit, window, request).await?;
        Ok(Json(DoorEventList::of(&list, page, Into::into)))
    }
}
