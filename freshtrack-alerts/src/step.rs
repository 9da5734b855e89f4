//! One evaluation of one unit: the decision everything else serves.
//!
//! [`step`] reads no clock, makes no id and touches nothing outside its arguments. Order inside a step
//! is fixed: timers due, rules as they are now, the input, timers again, connectivity and manual duty,
//! and after each of these the alerts are brought in line with what holds; last, the unit's part in an
//! incident.

use crate::alert::{Alert, AlertEventKind, AlertKey};
use crate::cascade::EffectiveRules;
use crate::food_safety::drift::Advisory;
use crate::food_safety::sensor_truth::Siblings;
use crate::lifecycle::{Refusal, ResolveWish};
use crate::monitor::Monitor;
use crate::monitor::device_health::ProbeSignal;
use crate::run::Run;
use crate::suppression::Window;
use freshtrack_core::device::Device;
use freshtrack_core::hierarchy::{Unit, UnitStatus};
use freshtrack_core::ids::{AlertId, DeviceId, UserId};
use freshtrack_core::principal::Actor;
use freshtrack_core::reading::{DoorState, Zone};
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};

/// The unit a step is about, as it stands outside the monitor.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The unit with its place.
    pub unit: &'a Unit,
    /// Name of its site, for texts.
    pub site_name: &'a str,
    /// IANA zone of its site, for texts.
    pub site_timezone: &'a str,
    /// Whether the site wants a corrective action for each confirmed temperature alert.
    pub corrective_action_required: bool,
    /// Devices assigned to it.
    pub devices: &'a [Device],
}

/// What a step is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// Accepted observations of this unit, all of one commit, by (`recorded_at`, id). The step fills
    /// in how each was judged.
    Readings(&'a mut [Observation]),
    /// Only that time has passed.
    Tick,
    /// A person measured.
    ManualLog {
        /// When.
        recorded_at: Timestamp,
    },
    /// A person took the alert.
    Acknowledge {
        /// Which.
        key: AlertKey,
        /// Who.
        by: UserId,
        /// What they said.
        note: Option<&'a str>,
    },
    /// A person closed the alert.
    Resolve {
        /// Which.
        key: AlertKey,
        /// Who, and what they said.
        wish: ResolveWish<'a>,
    },
    /// A person wrote down what was done about one open alert.
    ActionRecorded {
        /// Which.
        key: AlertKey,
    },
    /// A person asked for quiet about one open alert: its window is added to the suppressions.
    Snooze {
        /// Which.
        key: AlertKey,
        /// Who.
        by: UserId,
        /// How long, and for which type.
        window: Window,
    },
    /// The suppressions that reach this unit are now these.
    SuppressionsChanged(Vec<Window>),
    /// Rules may have changed.
    RulesChanged,
    /// Devices were assigned, changed, taken away or calibrated.
    DevicesChanged,
}

/// One observation of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// When it was made, by the sender.
    pub recorded_at: Timestamp,
    /// By which device.
    pub device: Option<DeviceId>,
    /// Corrected temperature.
    pub temperature: Option<Temperature>,
    /// The same before calibration, where that is another value.
    pub raw: Option<Temperature>,
    /// Whether another probe of the same uplink told a fault.
    pub siblings: Siblings,
    /// Whether its temperature drives the unit.
    pub drives: bool,
    /// Door state.
    pub door: Option<DoorState>,
    /// Battery in percent.
    pub battery_percent: Option<u8>,
    /// Battery in millivolts.
    pub battery_mv: Option<u16>,
    /// What it says about its probe.
    pub signal: ProbeSignal,
    /// How it was judged; filled in by the step.
    pub judged: Judged,
}

impl Observation {
    /// A plausible temperature that drives the unit.
    #[must_use]
    pub fn temperature(recorded_at: Timestamp, temperature: Temperature) -> Self {
        Self {
            recorded_at,
            device: None,
            temperature: Some(temperature),
            raw: None,
            siblings: Siblings::Sound,
            drives: true,
            door: None,
            battery_percent: None,
            battery_mv: None,
            signal: ProbeSignal::Plausible,
            judged: Judged::default(),
        }
    }

    /// A door report.
    #[must_use]
    pub fn door(recorded_at: Timestamp, state: DoorState) -> Self {
        Self {
            temperature: None,
            drives: false,
            door: Some(state),
            signal: ProbeSignal::None,
            ..Self::temperature(recorded_at, Temperature::from_milli_celsius(0))
        }
    }
}

/// How an observation was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Judged {
    /// When it counts.
    pub effective_at: Timestamp,
    /// Recorded ahead of now, and counted as of now.
    pub clock_ahead: bool,
    /// Older than the newest evaluated one, and moved nothing.
    pub late: bool,
    /// Where it stood against the limits, if it was evaluated.
    pub zone: Option<Zone>,
}

/// What a step decided. The new state is in the monitor that was passed.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Rows of the alerts that changed, as they are afterwards; newly raised ones carry a provisional
    /// id (see [`is_provisional`]) here, in the monitor and in `alert_changes`.
    pub alerts: Vec<Alert>,
    /// What happened to alerts, in order.
    pub alert_changes: Vec<AlertChange>,
    /// What else happened, in order.
    pub events: Vec<UnitEvent>,
    /// Displayed status afterwards.
    pub status: UnitStatus,
    /// When to evaluate again though nothing happens.
    pub next_deadline: Option<Timestamp>,
    /// Why an operator's wish was not followed.
    pub refused: Option<Refusal>,
}

/// Something that happened to an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertChange {
    /// What.
    pub kind: AlertEventKind,
    /// By whom.
    pub actor: Actor,
    /// The alert as it was right afterwards.
    pub alert: Alert,
    /// The rest, as JSON object.
    pub details: serde_json::Value,
}

/// Something that happened to a unit beside its alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitEvent {
    /// Displayed status or an axis changed.
    StateChanged {
        /// Status before.
        from: UnitStatus,
        /// Status now.
        to: UnitStatus,
        /// Temperature axis now.
        temperature: &'static str,
        /// Connectivity axis now.
        connectivity: &'static str,
        /// What brought it about: `reading`, `timer`, `clock`, `rules_changed`, `defrost_grace` …
        reason: &'static str,
        /// While a defrost is suspected: when the alarm comes if the unit does not come back.
        grace_until: Option<Timestamp>,
    },
    /// The door changed.
    DoorChanged {
        /// By which device.
        device: Option<DeviceId>,
        /// To which state.
        state: DoorState,
        /// When.
        at: Timestamp,
        /// How long it had been open, if it was.
        open_seconds: Option<i64>,
    },
    /// Something to look at that is no alert.
    Advised(Advice),
    /// A suppression kept an alert from being raised.
    AlertHeldBack {
        /// Which.
        key: AlertKey,
        /// Until when.
        until: Timestamp,
    },
}

/// Something to look at that is no alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// After a gap the air is in range, but meanwhile the product may have warmed and frozen again: it
    /// must be checked, and what the gap hides is not known to be compliant.
    ProductCheck {
        /// Last reading before the gap.
        gap_from: Timestamp,
        /// Length of the gap.
        length: Span,
        /// What it may have reached.
        possible: Temperature,
    },
    /// The unit has become warmer over weeks.
    Drift {
        /// Against which baseline.
        advisory: Advisory,
        /// Mean of the day that showed it.
        mean: Temperature,
    },
}

/// Whether an id was given inside a step, for the service to replace before commit.
#[must_use]
pub fn is_provisional(id: AlertId) -> bool {
    let id = id.as_uuid().as_u128();
    (PROVISIONAL..PROVISIONAL + (1 << 32)).contains(&id)
}

/// The `n`-th alert raised in one step.
pub(crate) fn provisional(n: u32) -> AlertId {
    AlertId::from_uuid(uuid::Uuid::from_u128(PROVISIONAL + u128::from(n)))
}

/// No generator of ids makes one in the 2³² from here.
const PROVISIONAL: u128 = 0xffff_ffff_0000_0000;

/// Evaluates a unit: takes `monitor` from where it was to where it is at `now`.
///
/// Equal arguments give equal results. A `now` before the unit's last evaluation counts as that
/// instant. Without an input, [`Input::Tick`] lets time pass; missing, late or repeated ticks change
/// neither state nor condition times.
pub fn step(
    monitor: &mut Monitor,
    rules: &EffectiveRules,
    facts: &Facts<'_>,
    input: Input<'_>,
    now: Timestamp,
) -> Step {
    let now = now.max(monitor.evaluated_at);
    monitor.evaluated_at = now;
    let mut run = Run::new(monitor, rules, facts, now);
    let mut reason = "clock";
    match (facts.unit.archived, run.m.archived) {
        (Some(_), true) => return run.finish(),
        (Some(archived), false) => {
            // what was due until then still happened
            run.fire_timers(archived.at.min(now));
            run.archive(archived.by);
            return run.finish();
        }
        (None, true) => {
            run.restore();
            reason = "restored";
        }
        (None, false) => {}
    }
    run.fire_timers(now);
    run.judge_by_clock(reason);
    run.follow_rules(matches!(input, Input::RulesChanged));
    let reason = run.apply(input);
    run.fire_timers(now);
    run.judge_by_clock(reason);
    run.follow_incident();
    run.finish()
}
