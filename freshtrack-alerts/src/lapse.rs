//! Acknowledgements that lapse, inside a step: "I have it" holds for what was seen then, and at a critical
//! control point only until something was done.

use crate::alert::{Alert, AlertEventKind, AlertStatus, AlertType, Violated};
use crate::lifecycle;
use crate::run::Run;
use freshtrack_core::principal::Actor;
use freshtrack_core::time::{Span, Timestamp};
use serde_json::json;

/// How much worse than at the acknowledgement makes it lapse, in milli-°C.
const WORSE_MILLI: i32 = 2_000;
/// How long an acknowledgement at a critical control point holds without a corrective action.
pub(crate) const CCP_WITHOUT_ACTION: Span = Span::from_minutes(30);
/// Longest snooze of a critical alert at a critical control point.
pub(crate) const CCP_SNOOZE_MAX: Span = Span::from_minutes(60);

impl Run<'_> {
    /// Whether the alert is one of a critical control point: a confirmed temperature alert of a unit
    /// whose rules say so.
    pub(crate) fn is_control_point(&self, alert: &Alert) -> bool {
        let confirmed =
            alert.key.alert_type == AlertType::TempExcursion && alert.confirmed_at.is_some();
        self.rules.ccp && confirmed
    }

    /// When the acknowledgement of an alert lapses though nothing happens.
    pub(crate) fn lapses_at(&self, alert: &Alert) -> Option<Timestamp> {
        let held = alert.acknowledged.as_ref()?;
        let unanswered = alert.status == AlertStatus::Acknowledged
            && self.is_control_point(alert)
            && !alert.corrective_action_recorded;
        unanswered.then(|| held.at + CCP_WITHOUT_ACTION)
    }

    fn is_worse(&self, alert: &Alert) -> bool {
        let then = alert
            .acknowledged
            .as_ref()
            .filter(|_| alert.status == AlertStatus::Acknowledged)
            .and_then(|held| held.temperature);
        let (Some(then), Some(newest)) = (then, self.m.newest) else {
            return false;
        };
        let (then, now) = (then.milli_celsius(), newest.temperature.milli_celsius());
        match alert.violated {
            Some(Violated::Max) => now.saturating_sub(then) >= WORSE_MILLI,
            Some(Violated::Min) => then.saturating_sub(now) >= WORSE_MILLI,
            None => false,
        }
    }

    /// Takes back acknowledgements that hold no longer: the alert pages again, from the beginning.
    pub(crate) fn lapse_acknowledgements(&mut self) {
        for index in 0..self.m.alerts.len() {
            let alert = &self.m.alerts[index];
            let due = self.lapses_at(alert).is_some_and(|at| at <= self.now);
            let cause = match (self.is_worse(alert), due) {
                (true, _) => "worse",
                (false, true) => "no_corrective_action",
                (false, false) => continue,
            };
            let lapsed = lifecycle::lapse(self.touch(index));
            self.start_calling(index);
            let details = json!({ "acknowledged": lapsed, "cause": cause });
            self.tell(AlertEventKind::AckLapsed, index, Actor::System, details);
            let details = json!({ "level": 0, "cause": "ack_lapsed" });
            self.tell(AlertEventKind::Escalated, index, Actor::System, details);
        }
    }
}
