//! One committed change: everything an evaluation writes, together or not at all.

use crate::alert::{Alert, AlertEvent};
use crate::incident::{Incident, Outages, StoredOutages};
use crate::log_book::{CorrectiveAction, ManualLog};
use crate::monitor::Monitor;
use crate::rules::RuleSet;
use crate::step::Facts;
use crate::suppression::Suppression;
use freshtrack_core::audit::Journal;
use freshtrack_core::device::{Device, DeviceSeen};
use freshtrack_core::hierarchy::{Organization, Unit, UnitStatus};
use freshtrack_core::ids::{DeviceId, LnsEventId, OrgId, UnitId};
use freshtrack_core::reading::{DoorState, QuarantinedReading, Reading};
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What a posted reading says it is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// A unit, with no device.
    Unit(UnitId),
    /// A device, by id; stands for the unit it is assigned to.
    Device(DeviceId),
    /// A device, by its `LoRaWAN` identity (16 upper-case hex digits).
    DevEui(String),
}

/// What a [`Target`] was found to be; a target that is not found (or archived, or of another
/// organization: indistinguishable) has no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolved {
    /// The unit; none for a device that is assigned to none.
    pub unit: Option<UnitId>,
    /// The device, when the target was one.
    pub device: Option<DeviceId>,
}

/// One unit as an evaluation needs it, read at one point in time.
#[derive(Debug, Clone)]
pub struct UnitContext {
    /// The unit with its place.
    pub unit: Unit,
    /// Name of its site, for texts.
    pub site_name: String,
    /// IANA zone of its site, for texts.
    pub site_timezone: String,
    /// Whether the site wants a corrective action for each confirmed temperature alert.
    pub corrective_action_required: bool,
    /// Devices assigned to it, in order of id.
    pub devices: Vec<Device>,
    /// Its state, with the suppressions that reach it as they are now ([`Monitor::learn`]).
    pub monitor: Monitor,
    /// Version of the state; a commit names it.
    pub monitor_version: i64,
    /// The newest `recorded_at` stored for the unit, accepted or put aside: a reading above it cannot
    /// be a duplicate.
    pub stored_until: Option<Timestamp>,
}

impl UnitContext {
    /// What a step wants to know, beside the monitor it changes.
    pub fn split(&mut self) -> (Facts<'_>, &mut Monitor) {
        let facts = Facts {
            unit: &self.unit,
            site_name: &self.site_name,
            site_timezone: &self.site_timezone,
            corrective_action_required: self.corrective_action_required,
            devices: &self.devices,
        };
        (facts, &mut self.monitor)
    }
}

/// What an evaluation of some units of one organization needs.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The organization.
    pub organization: Organization,
    /// The units that exist, in order of id.
    pub units: Vec<UnitContext>,
    /// Every rule set of the organization.
    pub rule_sets: Vec<RuleSet>,
    /// Its silences and open incidents.
    pub outages: StoredOutages,
}

/// Silences and incidents of an organization as they are from now on.
#[derive(Debug, Clone)]
pub struct OutagesChange {
    /// Version they were loaded with; the stored one becomes this plus one.
    pub expected_version: i64,
    /// The new document.
    pub outages: Outages,
    /// Incidents that opened, changed or closed, as rows afterwards.
    pub incidents: Vec<Incident>,
}

/// A unit's new state.
#[derive(Debug, Clone)]
pub struct UnitChange {
    /// The unit.
    pub unit: UnitId,
    /// Version it was loaded with; the stored one becomes this plus one.
    pub expected_version: i64,
    /// The new state.
    pub monitor: Monitor,
    /// Displayed status, a copy for lists.
    pub status: UnitStatus,
    /// When the unit must be evaluated again though nothing happens.
    pub next_deadline: Option<Timestamp>,
    /// The newest `recorded_at` stored from now on.
    pub stored_until: Option<Timestamp>,
}

/// A door that opened, closed or became unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoorEvent {
    /// The unit.
    pub unit: UnitId,
    /// The device that reported it.
    pub device: Option<DeviceId>,
    /// The new state.
    pub state: DoorState,
    /// When.
    pub recorded_at: Timestamp,
    /// How long it had been open, on a change away from open.
    pub duration_seconds: Option<i64>,
}

/// A change of a unit's displayed status or of one of its axes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// The unit.
    pub unit: UnitId,
    /// When it was found.
    pub at: Timestamp,
    /// Status before.
    pub from: UnitStatus,
    /// Status from then on.
    pub to: UnitStatus,
    /// Temperature axis from then on.
    pub temperature: String,
    /// Connectivity axis from then on.
    pub connectivity: String,
    /// What brought it about.
    pub reason: String,
}

/// What a person wrote down or asked for with the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A value they measured. One whose `client_ref` is stored already is a conflict.
    ManualLog(ManualLog),
    /// What they did; after the log it belongs to.
    CorrectiveAction(CorrectiveAction),
    /// Quiet about one alert.
    Suppression(Suppression),
}

impl Record {
    /// The unit it names by its id.
    #[must_use]
    pub const fn unit(&self) -> Option<UnitId> {
        match self {
            Self::ManualLog(log) => Some(log.unit),
            Self::CorrectiveAction(action) => Some(action.unit),
            Self::Suppression(_) => None,
        }
    }
}

/// Everything one evaluation of one organization writes: applied whole, or refused whole.
///
/// `alerts` are rows as they are afterwards: one with `version` 1 is inserted, a later one replaces
/// the row with `version − 1`.
#[derive(Debug, Clone)]
pub struct Change {
    /// The organization.
    pub org: OrgId,
    /// The instant of the evaluation.
    pub now: Timestamp,
    /// New states, in order of unit id.
    pub units: Vec<UnitChange>,
    /// Accepted readings, none of them stored yet.
    pub readings: Vec<Reading>,
    /// Values put aside, none of them stored yet.
    pub quarantined: Vec<QuarantinedReading>,
    /// Door events.
    pub door_events: Vec<DoorEvent>,
    /// Changes of displayed states, in order.
    pub state_changes: Vec<StateChange>,
    /// What people wrote down, in order.
    pub records: Vec<Record>,
    /// What uplinks told about their devices.
    pub devices_seen: Vec<DeviceSeen>,
    /// Alerts as they are afterwards.
    pub alerts: Vec<Alert>,
    /// Silences and incidents, if they changed.
    pub outages: Option<OutagesChange>,
    /// Units that must be evaluated at once, because their incident changed. Their stored deadline
    /// becomes `now` and their version rises, so that an evaluation under way starts again.
    pub wake: Vec<UnitId>,
    /// Lines of alert history, in order.
    pub alert_events: Vec<AlertEvent>,
    /// Audit and outbox events, in order.
    pub journal: Journal,
    /// Network events that are done with once this is committed.
    pub consumed: Vec<LnsEventId>,
}

impl Change {
    /// A change of nothing yet.
    #[must_use]
    pub fn empty(org: OrgId, now: Timestamp) -> Self {
        Self {
            org,
            now,
            units: Vec::new(),
            readings: Vec::new(),
            quarantined: Vec::new(),
            door_events: Vec::new(),
            state_changes: Vec::new(),
            records: Vec::new(),
            devices_seen: Vec::new(),
            alerts: Vec::new(),
            outages: None,
            wake: Vec::new(),
            alert_events: Vec::new(),
            journal: Journal::default(),
            consumed: Vec::new(),
        }
    }
}

/// What is already stored under a reading's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// Accepted, with this raw temperature (before calibration).
    Accepted(Option<Temperature>),
    /// Put aside.
    Quarantined,
}
