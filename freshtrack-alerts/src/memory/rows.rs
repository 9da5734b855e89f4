//! The rows this crate's memory adapter adds to core's.

use crate::alert::{Alert, AlertEvent, AlertKey, AlertStatus};
use crate::change::DoorEvent;
use crate::incident::{Incident, StoredOutages};
use crate::monitor::Monitor;
use crate::ports::RuleLine;
use crate::rules::RuleSet;
use freshtrack_core::hierarchy::Unit;
use freshtrack_core::ids::{AlertId, IncidentId, LnsEventId, OrgId, UnitId};
use freshtrack_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Rows of all organizations.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) tenants: BTreeMap<OrgId, AlertRows>,
}

/// Rows of one organization.
#[derive(Debug, Default)]
pub(super) struct AlertRows {
    pub(super) monitors: BTreeMap<UnitId, MonitorRow>,
    pub(super) alerts: BTreeMap<AlertId, Alert>,
    pub(super) history: BTreeMap<AlertId, Vec<AlertEvent>>,
    pub(super) rule_sets: Vec<RuleSet>,
    pub(super) rule_lines: Vec<RuleLine>,
    pub(super) outages: StoredOutages,
    pub(super) incidents: BTreeMap<IncidentId, Incident>,
    pub(super) door_events: Vec<DoorEvent>,
    pub(super) consumed: BTreeSet<LnsEventId>,
}

/// State of one unit.
#[derive(Debug, Clone)]
pub(super) struct MonitorRow {
    pub(super) monitor: Monitor,
    pub(super) version: i64,
    pub(super) next_deadline: Option<Timestamp>,
    pub(super) stored_until: Option<Timestamp>,
}

impl MonitorRow {
    /// The row of a unit that was never evaluated: due from the moment it was made.
    pub(super) fn fresh(unit: &Unit) -> Self {
        Self {
            monitor: Monitor::default(),
            version: 1,
            next_deadline: Some(unit.created_at),
            stored_until: None,
        }
    }
}

impl AlertRows {
    /// The state of a unit; one without a row has never been evaluated.
    pub(super) fn monitor(&self, unit: &Unit) -> MonitorRow {
        self.monitors
            .get(&unit.id)
            .cloned()
            .unwrap_or_else(|| MonitorRow::fresh(unit))
    }

    /// Version of a unit's state.
    pub(super) fn version(&self, unit: UnitId) -> i64 {
        self.monitors.get(&unit).map_or(1, |row| row.version)
    }

    /// When a unit is due.
    pub(super) fn armed(&self, unit: &Unit) -> Option<Timestamp> {
        let row = self.monitors.get(&unit.id);
        row.map_or(Some(unit.created_at), |row| row.next_deadline)
    }

    /// The open alert under a key of a unit.
    pub(super) fn open(&self, unit: UnitId, key: AlertKey) -> Option<&Alert> {
        self.alerts
            .values()
            .find(|alert| alert.unit == unit && alert.key == key && is_open(alert))
    }
}

/// Open alerts are the active and the acknowledged ones.
pub(super) fn is_open(alert: &Alert) -> bool {
    match alert.status {
        AlertStatus::Active | AlertStatus::Acknowledged => true,
        AlertStatus::Resolved => false,
    }
}
