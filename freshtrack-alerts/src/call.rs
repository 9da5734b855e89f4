//! Calling again about alerts that nobody takes, inside a step.

use crate::alert::{AlertEventKind, AlertKey};
use crate::escalation::{Call, calls_somebody, yields_to_parent};
use crate::monitor::Calls;
use crate::run::Run;
use freshtrack_core::ids::AlertId;
use freshtrack_core::principal::Actor;
use serde_json::json;

impl Run<'_> {
    /// Starts the timeline of an alert that pages now: at its raising, at its confirmation or rise, or
    /// when the alert it yielded to is closed.
    pub(crate) fn start_calling(&mut self, index: usize) {
        let alert = &self.m.alerts[index];
        let (key, severity) = (alert.key, alert.severity);
        self.m.calls.retain(|calls| calls.key != key);
        let yields = yields_to_parent(key.alert_type)
            && alert
                .correlated_with
                .is_some_and(|parent| self.m.alerts.iter().any(|open| open.id == parent));
        let yields = yields || self.m.is_spoken_for(alert.id);
        let first = self.rules.escalation.of(severity).first(self.now);
        if let (Some(first), true, false) = (first, calls_somebody(alert), yields) {
            self.touch(index).next_escalation_at = Some(first);
        }
    }

    /// An alert was closed: those that yielded to it page as if raised now.
    pub(crate) fn release(&mut self, parent: AlertId, closed: AlertKey) {
        self.m.calls.retain(|calls| calls.key != closed);
        for index in 0..self.m.alerts.len() {
            let alert = &self.m.alerts[index];
            let yielded = alert.correlated_with == Some(parent)
                && !self.m.is_spoken_for(alert.id)
                && yields_to_parent(alert.key.alert_type)
                && alert.next_escalation_at.is_none();
            if yielded && calls_somebody(alert) {
                self.start_calling(index);
                self.touch(index);
                let details = json!({ "level": 0, "released_by": parent });
                self.tell(AlertEventKind::Escalated, index, Actor::System, details);
            }
        }
    }

    /// Makes the calls that are due, at most one per alert; a suppression postpones them to its end.
    pub(crate) fn call_again(&mut self) {
        for index in 0..self.m.alerts.len() {
            let alert = &self.m.alerts[index];
            let Some(due_at) = alert.next_escalation_at.filter(|due| *due <= self.now) else {
                continue;
            };
            let (key, severity) = (alert.key, alert.severity);
            if let Some(end) = self.m.suppressed_until(key.alert_type, self.now) {
                self.touch(index).next_escalation_at = Some(end);
                continue;
            }
            let plan = *self.rules.escalation.of(severity);
            let made = self.calls_made(key);
            let (now, next) = (
                self.now,
                plan.next(made.saturating_add(1), due_at, self.now),
            );
            match plan.call(made) {
                Call::Step { level, repeat } => {
                    let alert = self.touch(index);
                    alert.escalation_level = level;
                    alert.next_escalation_at = next;
                    self.count_call(key);
                    let details = json!({ "level": level, "repeat": repeat, "due_at": due_at });
                    self.tell(AlertEventKind::Escalated, index, Actor::System, details);
                }
                Call::Exhausted => {
                    let alert = self.touch(index);
                    alert.escalation_exhausted_at = Some(now);
                    alert.next_escalation_at = None;
                    let kind = AlertEventKind::EscalationExhausted;
                    self.tell(kind, index, Actor::System, json!({ "calls": made }));
                }
            }
        }
    }

    fn calls_made(&self, key: AlertKey) -> u16 {
        let calls = self.m.calls.iter().find(|calls| calls.key == key);
        calls.map_or(0, |calls| calls.made)
    }

    fn count_call(&mut self, key: AlertKey) {
        match self.m.calls.iter_mut().find(|calls| calls.key == key) {
            Some(calls) => calls.made = calls.made.saturating_add(1),
            None => self.m.calls.push(Calls { key, made: 1 }),
        }
    }
}
