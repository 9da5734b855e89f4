//! Keeping an organization's incidents while its units are evaluated: who fell silent, who is back, who
//! speaks for whom. What changed is committed with the evaluation that noticed it.

use crate::alert::{Alert, AlertEventKind, AlertStatus, AlertType, Severity};
use crate::change::{Change, OutagesChange};
use crate::incident::{Incident, Outages, Role, STANDSTILL, Silence, StoredOutages};
use crate::journal;
use crate::monitor::Monitor;
use crate::monitor::connectivity::ConnectivityAxis;
use crate::reconcile::unit_key;
use crate::step::Step;
use freshtrack_core::hierarchy::Unit;
use freshtrack_core::ids::{GatewayId, IncidentId, SiteId};
use freshtrack_core::ports::IdGen;
use freshtrack_core::time::Timestamp;

/// The incidents of one organization during one evaluation of some of its units.
pub(crate) struct OutageWatch<'a> {
    outages: Outages,
    /// As stored, or as the last change that was settled leaves them.
    before: Outages,
    version: i64,
    ids: &'a dyn IdGen,
}

/// What was known of a unit before it was evaluated.
pub(crate) struct Before {
    /// When it was evaluated last.
    pub(crate) evaluated_at: Timestamp,
    /// Whether nothing but time has passed since.
    pub(crate) only_time_passed: bool,
}

impl<'a> OutageWatch<'a> {
    pub(crate) fn new(stored: StoredOutages, ids: &'a dyn IdGen) -> Self {
        Self {
            before: stored.outages.clone(),
            outages: stored.outages,
            version: stored.version,
            ids,
        }
    }

    /// What an incident means for the unit's open silence, as its step is to be told.
    pub(crate) fn role(&self, monitor: &Monitor) -> Option<Role> {
        let open = monitor.open_alert(unit_key(AlertType::MonitoringInterrupted))?;
        let role = self.outages.role(open.id)?;
        Some(role.after(monitor.outage.as_ref()))
    }

    /// Takes down what a step of `unit` decided.
    pub(crate) fn observe(
        &mut self,
        decided: &Step,
        monitor: &Monitor,
        unit: &Unit,
        before: &Before,
        now: Timestamp,
    ) {
        for alert in decided.alerts.iter().filter(|alert| is_silence(alert)) {
            match alert.status {
                AlertStatus::Resolved if self.outages.knows(alert.id) => {
                    self.outages.alert_closed(alert.id, now);
                }
                AlertStatus::Active | AlertStatus::Acknowledged
                    if alert.severity == Severity::Critical && !self.outages.knows(alert.id) =>
                {
                    self.fell_silent(alert, monitor, unit, before, now);
                }
                AlertStatus::Resolved | AlertStatus::Active | AlertStatus::Acknowledged => {}
            }
        }
        self.note_pages(decided, now);
    }

    /// Calls about a lead are pages of its incident.
    pub(crate) fn note_pages(&mut self, decided: &Step, now: Timestamp) {
        for told in &decided.alert_changes {
            if told.kind == AlertEventKind::Escalated && is_silence(&told.alert) {
                self.outages.paged(told.alert.id, now);
            }
        }
    }

    fn fell_silent(
        &mut self,
        alert: &Alert,
        monitor: &Monitor,
        unit: &Unit,
        before: &Before,
        now: Timestamp,
    ) {
        let ConnectivityAxis::Silent { since } = monitor.connectivity else {
            return;
        };
        // somebody who looked in time would have seen it happen
        let overslept =
            before.only_time_passed && before.evaluated_at < since && now - since > STANDSTILL;
        if overslept {
            self.outages.resumed(since, now);
        }
        let silence = Silence {
            alert: alert.id,
            unit: unit.id,
            site: unit.site_id,
            since,
        };
        let ids = self.ids;
        let mut fresh = || IncidentId::from_uuid(ids.uuid());
        self.outages.fell_silent(silence, now, &mut fresh);
        self.outages.standstill = None;
    }

    pub(crate) fn gateway_lost(
        &mut self,
        gateway: GatewayId,
        site: SiteId,
        last_seen_at: Timestamp,
        now: Timestamp,
    ) {
        let ids = self.ids;
        let mut fresh = || IncidentId::from_uuid(ids.uuid());
        self.outages
            .gateway_lost(gateway, site, last_seen_at, now, &mut fresh);
    }

    pub(crate) fn gateway_seen(&mut self, gateway: GatewayId, now: Timestamp) {
        self.outages.gateway_seen(gateway, now);
    }

    /// Adds what is different now to the change, and wakes the units it concerns. What follows is
    /// compared with this.
    pub(crate) fn settle(&mut self, change: &mut Change) {
        let closed = self.outages.take_closed();
        if self.outages == self.before && closed.is_empty() {
            return;
        }
        let known = |id: IncidentId| self.before.incidents.iter().find(|old| old.id == id);
        let mut rows: Vec<Incident> = Vec::new();
        for incident in &self.outages.incidents {
            if known(incident.id) != Some(incident) {
                rows.push(incident.clone());
            }
        }
        rows.extend(closed);
        for incident in &rows {
            if known(incident.id).is_none() {
                journal::incident_opened(change, incident);
            }
            if incident.closed_at.is_some() {
                journal::incident_closed(change, incident);
            }
        }
        for unit in self.outages.concerned(&self.before) {
            let evaluated = change.units.iter().find(|changed| changed.unit == unit);
            let told = evaluated
                .is_some_and(|changed| changed.monitor.outage == self.role(&changed.monitor));
            if !told {
                change.wake.push(unit);
            }
        }
        change.outages = Some(OutagesChange {
            expected_version: self.version,
            outages: self.outages.clone(),
            incidents: rows,
        });
        self.version += 1;
        self.before = self.outages.clone();
    }
}

fn is_silence(alert: &Alert) -> bool {
    alert.key.alert_type == AlertType::MonitoringInterrupted
}
