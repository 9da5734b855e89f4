//! What an incident means inside a step: a silence that belongs to one keeps quiet, unless it leads.

use crate::alert::{AlertEventKind, AlertType};
use crate::escalation::calls_somebody;
use crate::monitor::Monitor;
use crate::reconcile::unit_key;
use crate::run::Run;
use freshtrack_core::ids::AlertId;
use freshtrack_core::principal::Actor;
use freshtrack_core::time::Timestamp;
use serde_json::json;

impl Monitor {
    /// Whether another alert of its incident pages for this one, or it may not page yet.
    #[must_use]
    pub fn is_spoken_for(&self, alert: AlertId) -> bool {
        self.outage
            .is_some_and(|role| role.alert == alert && !(role.leads() && role.spoke))
    }

    /// When the unit's silence takes over its incident's pages.
    pub(crate) fn takes_over_at(&self) -> Option<Timestamp> {
        let role = self.outage?;
        role.pages_at.filter(|_| role.leads() && !role.spoke)
    }
}

impl Run<'_> {
    /// Brings the open silence in line with its incident: last of all, so that one that ends in this
    /// step takes nothing over.
    pub(crate) fn follow_incident(&mut self) {
        let Some(role) = self.m.outage else { return };
        let key = unit_key(AlertType::MonitoringInterrupted);
        let open = self.m.alerts.iter().position(|alert| alert.key == key);
        let Some(index) = open.filter(|index| self.m.alerts[*index].id == role.alert) else {
            self.m.outage = None;
            return;
        };
        let joins = self.m.alerts[index].incident != Some(role.incident);
        let parent = (!role.leads()).then_some(role.lead);
        let other_lead = parent.is_some() && self.m.alerts[index].correlated_with != parent;
        if joins || other_lead {
            let quiet = self.m.is_spoken_for(role.alert);
            let alert = self.touch(index);
            alert.incident = Some(role.incident);
            alert.correlated_with = parent.or(alert.correlated_with);
            if quiet {
                alert.next_escalation_at = None;
                self.m.calls.retain(|calls| calls.key != key);
            }
        }
        if joins {
            let details = json!({ "incident": role.incident, "lead": role.lead });
            self.tell(AlertEventKind::Correlated, index, Actor::System, details);
        }
        let waits = role.pages_at.is_some_and(|at| at > self.now);
        if role.leads() && !role.spoke && !waits {
            self.take_over(index);
        }
    }

    /// The lead is gone: this silence pages for the incident from now on, as if raised now.
    fn take_over(&mut self, index: usize) {
        if let Some(role) = &mut self.m.outage {
            role.spoke = true;
        }
        let alert = self.touch(index);
        alert.correlated_with = None;
        let incident = alert.incident;
        if !calls_somebody(&self.m.alerts[index]) {
            return;
        }
        self.start_calling(index);
        let details = json!({ "level": 0, "incident": incident });
        self.tell(AlertEventKind::Escalated, index, Actor::System, details);
    }
}
