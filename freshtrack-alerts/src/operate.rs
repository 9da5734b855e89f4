//! What people do to a unit and its alerts, inside a step. No wish changes any axis.

use crate::alert::RaiseReason;
use crate::alert::{AlertEventKind, AlertKey, AlertType};
use crate::lapse::CCP_SNOOZE_MAX;
use crate::lifecycle::{self, RERAISE_AFTER, Refusal, ResolveWish};
use crate::monitor::{Monitor, Reraise};
use crate::run::Run;
use crate::suppression::Window;
use freshtrack_core::ids::UserId;
use freshtrack_core::principal::Actor;
use serde_json::json;

impl Run<'_> {
    pub(crate) fn acknowledge(&mut self, key: AlertKey, by: UserId, note: Option<&str>) {
        let Some(index) = self.open_or_refuse(key) else {
            return;
        };
        let mut alert = self.m.alerts[index].clone();
        let reason = note.is_some_and(|note| !note.trim().is_empty());
        if self.is_control_point(&alert) && alert.acknowledged.is_none() && !reason {
            self.refused = Some(Refusal::NoteRequired);
            return;
        }
        match lifecycle::acknowledge(&mut alert, by, note, self.now) {
            Ok(false) => {}
            Ok(true) => {
                if let (AlertType::TempExcursion, Some(held)) =
                    (key.alert_type, &mut alert.acknowledged)
                {
                    held.temperature = self.m.newest.map(|newest| newest.temperature);
                }
                self.m.alerts[index] = alert;
                self.touch(index);
                let details = json!({ "note": note });
                self.tell(
                    AlertEventKind::Acknowledged,
                    index,
                    Actor::User(by),
                    details,
                );
            }
            Err(refusal) => self.refused = Some(refusal),
        }
    }

    pub(crate) fn resolve_as_wished(&mut self, key: AlertKey, wish: &ResolveWish<'_>) {
        let Some(index) = self.open_or_refuse(key) else {
            return;
        };
        let mut alert = self.m.alerts[index].clone();
        let required = self.facts.corrective_action_required || self.rules.ccp;
        if let Err(refusal) = lifecycle::resolve_manually(&mut alert, wish, required, self.now) {
            self.refused = Some(refusal);
            return;
        }
        self.m.alerts[index] = alert;
        self.touch(index);
        let id = self.m.alerts[index].id;
        self.close(index, AlertEventKind::ResolvedManual, Actor::User(wish.by));
        // forgotten again by the reconciliation that follows if the condition does not hold
        self.m.reraises.push(Reraise {
            key,
            at: self.now + RERAISE_AFTER,
            from: id,
        });
    }

    pub(crate) fn note_action(&mut self, key: AlertKey) {
        if let Some(index) = self.open_or_refuse(key) {
            lifecycle::note_action(self.touch(index));
        }
    }

    pub(crate) fn snooze(&mut self, key: AlertKey, by: UserId, window: Window) {
        let Some(index) = self.open_or_refuse(key) else {
            return;
        };
        let max = CCP_SNOOZE_MAX;
        if self.is_control_point(&self.m.alerts[index]) && window.ends_at - self.now > max {
            let max_seconds = max.as_seconds();
            self.refused = Some(Refusal::SnoozeTooLong { max_seconds });
            return;
        }
        let details = json!({ "until": window.ends_at, "suppression": window.id, "id": window.id });
        self.m.suppressions.push(window);
        self.touch(index);
        self.tell(AlertEventKind::Snoozed, index, Actor::User(by), details);
    }

    fn open_or_refuse(&mut self, key: AlertKey) -> Option<usize> {
        let open = self.m.alerts.iter().position(|alert| alert.key == key);
        if open.is_none() {
            self.refused = Some(Refusal::NotOpen);
        }
        open
    }

    pub(crate) fn archive(&mut self, by: Option<UserId>) {
        self.reason = "archived";
        let actor = by.map_or(Actor::System, Actor::User);
        // those that yield to another come after it and must not page when it goes
        while let Some(index) = self.m.alerts.len().checked_sub(1) {
            let now = self.now;
            lifecycle::resolve_administratively(self.touch(index), by, "unit archived", now);
            self.close(index, AlertEventKind::ResolvedManual, actor);
        }
        let forgotten = std::mem::take(self.m);
        *self.m = Monitor {
            archived: true,
            evaluated_at: forgotten.evaluated_at,
            suppressions: forgotten.suppressions,
            ..Monitor::default()
        };
        self.note_state();
    }

    pub(crate) fn restore(&mut self) {
        self.reason = "restored";
        self.m.archived = false;
        self.m.rules_version = self.rules.version;
        self.raise_reason = RaiseReason::UnitRestored;
    }
}
