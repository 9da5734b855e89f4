//! Reconciliation: after every piece of evidence, what holds is compared with what is open.
//!
//! Level-triggered: it does not matter how a condition came about or how often it is looked at. A
//! condition that holds and is neither open, suppressed nor waiting to be raised again is raised.

use crate::alert::{
    Alert, AlertEventKind, AlertKey, AlertStatus, AlertType, RaiseReason, Severity, Violated,
};
use crate::lifecycle;
use crate::monitor::connectivity::{self, ConnectivityAxis};
use crate::monitor::door::DoorAxis;
use crate::monitor::temperature::{Episode, TemperatureAxis};
use crate::monitor::{HeldBack, Monitor};
use crate::run::Run;
use crate::step::{AlertChange, UnitEvent, provisional};
use crate::text;
use freshtrack_core::ids::{AlertId, DeviceId};
use freshtrack_core::principal::Actor;
use freshtrack_core::reading::DoorState;
use freshtrack_core::time::Timestamp;
use serde_json::{Value, json};

/// A condition that holds.
#[derive(Clone, Copy)]
struct Condition {
    since: Timestamp,
    severity: Severity,
    episode: Option<Episode>,
    confirmed_at: Option<Timestamp>,
}

impl Condition {
    const fn plain(since: Timestamp, severity: Severity) -> Self {
        Self {
            since,
            severity,
            episode: None,
            confirmed_at: None,
        }
    }
}

pub(crate) const fn unit_key(alert_type: AlertType) -> AlertKey {
    AlertKey {
        alert_type,
        device: None,
    }
}

const fn device_key(alert_type: AlertType, device: Option<DeviceId>) -> AlertKey {
    AlertKey { alert_type, device }
}

impl Run<'_> {
    pub(crate) fn open_temperature_alert(&self) -> Option<&Alert> {
        self.m.open_alert(unit_key(AlertType::TempExcursion))
    }

    /// What readings, doors and devices say: compared after every observation and every timer. `at` is
    /// the instant the evidence is of.
    pub(crate) fn reconcile_observed(&mut self, at: Timestamp) {
        if !is_quiet(self.m) {
            if !matches!(self.m.temperature, TemperatureAxis::Unknown) {
                let axis = self.m.temperature;
                let condition = axis.episode().map(|episode| Condition {
                    since: episode.since,
                    severity: match axis.confirmed_at() {
                        Some(_) => Severity::Critical,
                        None => Severity::Warning,
                    },
                    episode: Some(*episode),
                    confirmed_at: axis.confirmed_at(),
                });
                self.reconcile(unit_key(AlertType::TempExcursion), condition, at);
            }
            self.reconcile(
                unit_key(AlertType::SuspectedCoolingFailure),
                self.m.cooling_failure.map(|since| Condition {
                    episode: self.m.temperature.episode().copied(),
                    ..Condition::plain(since, Severity::Warning)
                }),
                at,
            );
            let door = match self.m.door {
                DoorAxis::Open {
                    since,
                    alert: Some(severity),
                } => Some(Condition::plain(since, severity)),
                DoorAxis::Open { alert: None, .. } | DoorAxis::Closed | DoorAxis::Unknown => None,
            };
            self.reconcile(unit_key(AlertType::DoorOpen), door, at);
            self.reconcile_devices(at);
        }
        self.note_state();
    }

    fn reconcile_devices(&mut self, at: Timestamp) {
        for index in 0..self.m.devices.len() {
            let health = self.m.devices[index];
            let battery = health
                .battery_low
                .map(|since| Condition::plain(since, Severity::Warning));
            self.reconcile(
                device_key(AlertType::LowBattery, health.device),
                battery,
                at,
            );
            let fault = health
                .fault
                .map(|since| Condition::plain(since, Severity::Critical));
            self.reconcile(device_key(AlertType::SensorFault, health.device), fault, at);
        }
    }

    /// What the clock says, and everything else once more: suppressions end and waits run out.
    pub(crate) fn reconcile_all(&mut self) {
        self.m
            .suppressions
            .retain(|window| window.ends_at > self.now);
        self.forget_unassigned();
        self.reconcile_observed(self.now);
        let interrupted = match self.m.connectivity {
            ConnectivityAxis::NeverSeen | ConnectivityAxis::Online => None,
            ConnectivityAxis::Late { since } => Some(Condition::plain(since, Severity::Warning)),
            ConnectivityAxis::Silent { since } => {
                // it began when the sensor became late, whether or not a tick ran in between
                let last = self.m.last_check_in();
                let late = last.map(|last| {
                    connectivity::boundary(last, self.rules, self.rules.offline_warning_missed)
                });
                Some(Condition::plain(late.unwrap_or(since), Severity::Critical))
            }
        };
        self.reconcile(
            unit_key(AlertType::MonitoringInterrupted),
            interrupted,
            self.now,
        );
        let duty = self
            .m
            .manual_due_since
            .map(|since| Condition::plain(since, Severity::Warning));
        self.reconcile(unit_key(AlertType::MissedManualEntry), duty, self.now);
        let facts = self.facts;
        for device in facts.devices {
            let due = device
                .calibration_due_at
                .filter(|due| *due <= self.now)
                .map(|since| Condition::plain(since, Severity::Info));
            self.reconcile(
                device_key(AlertType::CalibrationDue, Some(device.id)),
                due,
                self.now,
            );
        }
        self.call_again();
    }

    /// Devices that are not the unit's any more take their alerts with them.
    fn forget_unassigned(&mut self) {
        let devices = self.facts.devices;
        let gone = |id: Option<DeviceId>| {
            id.is_some_and(|id| !devices.iter().any(|device| device.id == id))
        };
        if gone(self.m.door_device) {
            self.m.door_reported_at = None;
            self.door_reported(DoorState::Unknown, self.now, None);
        }
        self.m.devices.retain(|health| !gone(health.device));
        while let Some(index) = self
            .m
            .alerts
            .iter()
            .position(|alert| gone(alert.key.device))
        {
            self.resolve_by_itself(index, self.now);
        }
        self.m.reraises.retain(|reraise| !gone(reraise.key.device));
        self.m.held_back.retain(|held| !gone(held.key.device));
    }

    fn reconcile(&mut self, key: AlertKey, condition: Option<Condition>, at: Timestamp) {
        let open = self.m.alerts.iter().position(|alert| alert.key == key);
        match (condition, open) {
            (Some(condition), Some(index)) => self.refresh(index, &condition),
            (Some(condition), None) => self.raise_unless_quiet(key, &condition),
            (None, open) => {
                if let Some(index) = open {
                    self.resolve_by_itself(index, at);
                }
                self.m.reraises.retain(|reraise| reraise.key != key);
                self.m.held_back.retain(|held| held.key != key);
            }
        }
    }

    fn raise_unless_quiet(&mut self, key: AlertKey, condition: &Condition) {
        if let Some(until) = self.m.suppressed_until(key.alert_type, self.now) {
            return self.hold_back(key, until);
        }
        let closed = self
            .m
            .reraises
            .iter()
            .position(|reraise| reraise.key == key);
        if closed.is_some_and(|index| self.m.reraises[index].at > self.now) {
            return;
        }
        let reraised_from = closed.map(|index| self.m.reraises.swap_remove(index).from);
        let held = self.m.held_back.iter().position(|held| held.key == key);
        let was_held = held.map(|index| self.m.held_back.swap_remove(index));
        let reason = match (was_held, reraised_from) {
            (Some(_), _) => RaiseReason::SuppressionEnded,
            (None, Some(_)) => RaiseReason::ConditionPersists,
            (None, None) => self.raise_reason,
        };
        self.raise(key, condition, reason, reraised_from);
    }

    fn hold_back(&mut self, key: AlertKey, until: Timestamp) {
        let known = self.m.held_back.iter_mut().find(|held| held.key == key);
        match known {
            Some(held) if held.until == until => return,
            Some(held) => held.until = until,
            None => self.m.held_back.push(HeldBack { key, until }),
        }
        self.events.push(UnitEvent::AlertHeldBack { key, until });
    }

    fn raise(
        &mut self,
        key: AlertKey,
        condition: &Condition,
        raise_reason: RaiseReason,
        reraised_from: Option<AlertId>,
    ) {
        let id = provisional(self.raised);
        self.raised += 1;
        let unit = self.facts.unit;
        let episode = condition.episode;
        let mut alert = Alert {
            id,
            site: unit.site_id,
            area: unit.area_id,
            unit: unit.id,
            key,
            severity: condition.severity,
            status: AlertStatus::Active,
            title: String::new(),
            condition_since: condition.since,
            first_out_at: episode.map(|episode| episode.first_out_at),
            confirmed_at: condition.confirmed_at,
            cleared_at: None,
            raised_at: self.now,
            raise_reason,
            violated: episode.map(|episode| episode.violated),
            trigger: episode.map(|episode| episode.trigger),
            limit: episode.and_then(|episode| match episode.violated {
                Violated::Max => self.rules.temp_max,
                Violated::Min => self.rules.temp_min,
            }),
            extreme: episode.map(|episode| episode.extreme),
            acknowledged: None,
            resolved: None,
            escalation_level: 0,
            paged_at: None,
            next_escalation_at: None,
            escalation_exhausted_at: None,
            incident: None,
            correlated_with: self.correlated_with(key.alert_type),
            reraised_from,
            corrective_action_pending: false,
            corrective_action_recorded: false,
            rules_version: self.rules.version,
            version: 1,
        };
        alert.title = text::title(&alert, self.facts);
        if key.alert_type == AlertType::TempExcursion {
            self.m.max_excursion_told = false;
        }
        self.touched.push(id);
        self.m.alerts.push(alert);
        let index = self.m.alerts.len() - 1;
        self.start_calling(index);
        self.tell(
            AlertEventKind::Raised,
            index,
            Actor::System,
            json!({ "reason": raise_reason }),
        );
        if let Some(parent) = self.m.alerts[index].correlated_with {
            self.tell(
                AlertEventKind::Correlated,
                index,
                Actor::System,
                json!({ "with": parent }),
            );
        }
        if let Some(from) = reraised_from {
            self.tell(
                AlertEventKind::Reraised,
                index,
                Actor::System,
                json!({ "from": from }),
            );
        }
    }

    /// The open alert that explains a new one of this type.
    fn correlated_with(&self, alert_type: AlertType) -> Option<AlertId> {
        let parent = match alert_type {
            AlertType::SuspectedCoolingFailure => AlertType::TempExcursion,
            AlertType::MonitoringInterrupted => AlertType::SensorFault,
            AlertType::TempExcursion => AlertType::DoorOpen,
            AlertType::MissedManualEntry
            | AlertType::DoorOpen
            | AlertType::LowBattery
            | AlertType::SensorFault
            | AlertType::CalibrationDue => return None,
        };
        let open = self
            .m
            .alerts
            .iter()
            .find(|alert| alert.key.alert_type == parent);
        open.map(|alert| alert.id)
    }

    fn refresh(&mut self, index: usize, condition: &Condition) {
        let alert = &self.m.alerts[index];
        let extreme = condition.episode.map(|episode| episode.extreme);
        let rises = condition.severity > alert.severity;
        if !rises && (extreme.is_none() || extreme == alert.extreme) {
            return;
        }
        let alert = self.touch(index);
        alert.extreme = extreme.or(alert.extreme);
        if !rises {
            return;
        }
        alert.confirmed_at = alert.confirmed_at.or(condition.confirmed_at);
        let lapsed = lifecycle::raise_severity(alert, condition.severity);
        let title = text::title(&self.m.alerts[index], self.facts);
        self.m.alerts[index].title = title;
        self.start_calling(index);
        let kind = if self.m.alerts[index].key.alert_type == AlertType::TempExcursion {
            AlertEventKind::Confirmed
        } else {
            AlertEventKind::SeverityRaised
        };
        self.tell(
            kind,
            index,
            Actor::System,
            json!({ "severity": condition.severity }),
        );
        if let Some(lapsed) = lapsed {
            self.tell(
                AlertEventKind::AckLapsed,
                index,
                Actor::System,
                json!(lapsed),
            );
        }
    }

    pub(crate) fn resolve_by_itself(&mut self, index: usize, cleared_at: Timestamp) {
        let (now, required) = (self.now, self.facts.corrective_action_required);
        lifecycle::resolve_by_itself(self.touch(index), cleared_at, required, now);
        self.close(index, AlertEventKind::ResolvedAuto, Actor::System);
    }

    pub(crate) fn close(&mut self, index: usize, kind: AlertEventKind, actor: Actor) {
        self.tell(kind, index, actor, json!({}));
        let alert = self.m.alerts.remove(index);
        let (id, key) = (alert.id, alert.key);
        self.closed.push(alert);
        self.release(id, key);
    }

    /// The alert, to be changed: its version rises once per step.
    pub(crate) fn touch(&mut self, index: usize) -> &mut Alert {
        let alert = &mut self.m.alerts[index];
        if !self.touched.contains(&alert.id) {
            self.touched.push(alert.id);
            alert.version += 1;
        }
        alert
    }

    pub(crate) fn tell(
        &mut self,
        kind: AlertEventKind,
        index: usize,
        actor: Actor,
        details: Value,
    ) {
        self.alert_changes.push(AlertChange {
            kind,
            actor,
            alert: self.m.alerts[index].clone(),
            details,
        });
    }
}

impl Run<'_> {
    pub(crate) fn tell_max_excursion(&mut self) {
        self.m.max_excursion_told = true;
        let key = unit_key(AlertType::TempExcursion);
        if let Some(index) = self.m.alerts.iter().position(|alert| alert.key == key) {
            self.touch(index);
            self.tell(
                AlertEventKind::MaxExcursion,
                index,
                Actor::System,
                json!({}),
            );
        }
    }
}

/// Whether no observed condition holds and nothing waits: the state of nearly every reading.
fn is_quiet(m: &Monitor) -> bool {
    matches!(
        m.temperature,
        TemperatureAxis::Unknown | TemperatureAxis::Normal | TemperatureAxis::Held(_)
    ) && m.cooling_failure.is_none()
        && !matches!(m.door, DoorAxis::Open { alert: Some(_), .. })
        && m.alerts.is_empty()
        && m.reraises.is_empty()
        && m.held_back.is_empty()
        && m.devices
            .iter()
            .all(|health| health.battery_low.is_none() && health.fault.is_none())
}
