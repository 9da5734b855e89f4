//! The rows this crate's memory adapter adds to core's.

use crate::alert::{Alert, AlertEvent, AlertKey, AlertStatus};
use crate::calibration::Calibration;
use crate::change::{DoorEvent, StateChange};
use crate::incident::{Incident, StoredOutages};
use crate::log_book::{CorrectiveAction, ManualLog};
use crate::monitor::Monitor;
use crate::ports::RuleLine;
use crate::rules::RuleSet;
use crate::suppression::Suppression;
use freshtrack_core::hierarchy::Unit;
use freshtrack_core::ids::{AlertId, IncidentId, LnsEventId, OrgId, UnitId};
use freshtrack_core::memory::TenantRows;
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
    pub(super) state_changes: Vec<StateChange>,
    pub(super) manual_logs: Vec<ManualLog>,
    pub(super) actions: Vec<CorrectiveAction>,
    pub(super) suppressions: Vec<Suppression>,
    pub(super) calibrations: Vec<Calibration>,
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
    /// Makes a unit due at `at`; an evaluation under way becomes a conflict.
    pub(super) fn make_due(&mut self, core: &TenantRows, unit: &Unit, at: Timestamp) {
        let mut row = self.monitor(core, unit);
        row.next_deadline = Some(row.next_deadline.map_or(at, |deadline| deadline.min(at)));
        row.version += 1;
        self.monitors.insert(unit.id, row);
    }

    /// The state of a unit; one without a row has never been evaluated. A unit that people changed since
    /// is due, and its version has gone on.
    pub(super) fn monitor(&self, core: &TenantRows, unit: &Unit) -> MonitorRow {
        let mut row = self
            .monitors
            .get(&unit.id)
            .cloned()
            .unwrap_or_else(|| MonitorRow::fresh(unit));
        let changes = core.changes_since_evaluation(unit.id);
        if changes > 0 {
            row.version += changes;
            row.next_deadline = Some(unit.created_at);
        }
        row
    }

    /// Version of a unit's state.
    pub(super) fn version(&self, core: &TenantRows, unit: UnitId) -> i64 {
        let evaluated = self.monitors.get(&unit).map_or(1, |row| row.version);
        evaluated + core.changes_since_evaluation(unit)
    }

    /// When a unit is due.
    pub(super) fn armed(&self, core: &TenantRows, unit: &Unit) -> Option<Timestamp> {
        if core.changes_since_evaluation(unit.id) > 0 {
            return Some(unit.created_at);
        }
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
