//! From a loaded unit and an input to its part of a change: the step, ids, rows and journal.

use crate::alert::Alert;
use crate::cascade::{self, EffectiveRules};
use crate::change::{Change, UnitChange, UnitContext};
use crate::incident::Role;
use crate::journal;
use crate::lifecycle::Refusal;
use crate::monitor::Monitor;
use crate::outage_watch::{Before, OutageWatch};
use crate::rules::RuleSet;
use crate::step::{Facts, Input, Step, is_provisional, step};
use freshtrack_core::ids::AlertId;
use freshtrack_core::ports::IdGen;
use freshtrack_core::time::Timestamp;

/// Evaluates one unit and adds what came of it to `change`, except the readings themselves, and what it
/// means for incidents to `watch`.
///
/// # Errors
/// Why an operator's wish is refused; then `change` is as before and the unit must not be committed.
pub(crate) fn evaluate(
    unit: &mut UnitContext,
    rule_sets: &[RuleSet],
    input: Input<'_>,
    change: &mut Change,
    ids: &dyn IdGen,
    watch: &mut OutageWatch<'_>,
) -> Result<(), Refusal> {
    let now = change.now;
    let (rules, _) = cascade::resolve(rule_sets, change.org, &unit.unit, &unit.devices);
    let (expected_version, stored_until) = (unit.monitor_version, unit.stored_until);
    let (facts, monitor) = unit.split();
    let ticks = matches!(input, Input::Tick);
    let before = Before {
        evaluated_at: monitor.evaluated_at,
        only_time_passed: ticks && monitor.rules_version == rules.version,
    };
    let unit = facts.unit;
    let mut role = |monitor: &Monitor, decided: Option<&Step>| {
        if let Some(decided) = decided {
            watch.observe(decided, monitor, unit, &before, now);
        }
        watch.role(monitor)
    };
    let name = || AlertId::from_uuid(ids.uuid());
    let decided = decide(monitor, &rules, &facts, input, now, name, &mut role);
    if let Some(refusal) = decided.refused {
        return Err(refusal);
    }
    watch.note_pages(&decided, now);
    let monitor = std::mem::take(monitor);
    write(
        change,
        decided,
        &facts,
        monitor,
        (expected_version, stored_until),
    );
    Ok(())
}

/// One evaluation: the step, names for what it raised, and once more if what it decided gave the unit
/// another part in an incident. `role` is asked before and, with what was decided, after.
pub(crate) fn decide(
    monitor: &mut Monitor,
    rules: &EffectiveRules,
    facts: &Facts<'_>,
    input: Input<'_>,
    now: Timestamp,
    name: impl FnMut() -> AlertId,
    role: &mut dyn FnMut(&Monitor, Option<&Step>) -> Option<Role>,
) -> Step {
    monitor.outage = role(monitor, None);
    let mut decided = step(monitor, rules, facts, input, now);
    if decided.refused.is_some() {
        return decided;
    }
    decided.name_alerts(monitor, name);
    let outage = role(monitor, Some(&decided));
    if outage != monitor.outage {
        monitor.outage = outage;
        let then = step(monitor, rules, facts, Input::Tick, now);
        decided.go_on(then, monitor);
    }
    decided
}

fn write(
    change: &mut Change,
    decided: Step,
    facts: &Facts<'_>,
    monitor: Monitor,
    (expected_version, stored_until): (i64, Option<Timestamp>),
) {
    let now = change.now;
    for event in &decided.events {
        journal::unit_changed(change, event, facts, now);
    }
    for told in decided.alert_changes {
        journal::alert_changed(change, told, now);
    }
    change.alerts.extend(decided.alerts);
    change.units.push(UnitChange {
        unit: facts.unit.id,
        expected_version,
        monitor,
        status: decided.status,
        next_deadline: decided.next_deadline,
        stored_until,
    });
}

impl Step {
    /// Adds a step of the same instant that followed this one: one evaluation, one version more.
    fn go_on(&mut self, mut then: Self, monitor: &mut Monitor) {
        for mut later in std::mem::take(&mut then.alerts) {
            let Some(earlier) = self.alerts.iter_mut().find(|row| row.id == later.id) else {
                self.alerts.push(later);
                continue;
            };
            later.version = earlier.version;
            if let Some(open) = monitor.alerts.iter_mut().find(|open| open.id == later.id) {
                open.version = later.version;
            }
            // what was told of it before its part in an incident was known
            let told = self.alert_changes.iter_mut();
            for told in told.filter(|told| told.alert.id == later.id) {
                told.alert.incident = later.incident;
                told.alert.correlated_with = later.correlated_with;
                told.alert.next_escalation_at = later.next_escalation_at;
            }
            *earlier = later;
        }
        for told in &mut then.alert_changes {
            if let Some(row) = self.alerts.iter().find(|row| row.id == told.alert.id) {
                told.alert.version = row.version;
            }
        }
        self.alert_changes.extend(then.alert_changes);
        self.events.extend(then.events);
        self.status = then.status;
        self.next_deadline = then.next_deadline;
    }

    /// Replaces the provisional ids of newly raised alerts by real ones, here and in the monitor that
    /// was stepped.
    pub fn name_alerts(&mut self, monitor: &mut Monitor, mut fresh: impl FnMut() -> AlertId) {
        let mut names: Vec<(AlertId, AlertId)> = Vec::new();
        for alert in &self.alerts {
            if is_provisional(alert.id) {
                names.push((alert.id, fresh()));
            }
        }
        if names.is_empty() {
            return;
        }
        let real = |id: AlertId| {
            let name = names.iter().find(|(from, _)| *from == id);
            name.map_or(id, |(_, to)| *to)
        };
        let rename = |alert: &mut Alert| {
            alert.id = real(alert.id);
            alert.correlated_with = alert.correlated_with.map(real);
            alert.reraised_from = alert.reraised_from.map(real);
        };
        self.alerts.iter_mut().for_each(rename);
        monitor.alerts.iter_mut().for_each(rename);
        for reraise in &mut monitor.reraises {
            reraise.from = real(reraise.from);
        }
        for told in &mut self.alert_changes {
            rename(&mut told.alert);
            for name in ["with", "from"] {
                let Some(value) = told.details.get_mut(name) else {
                    continue;
                };
                let id = value.as_str().and_then(|text| text.parse().ok());
                if let Some(id) = id.map(real) {
                    *value = serde_json::json!(id);
                }
            }
        }
    }
}

/// The organization's change so far, or nothing worth a commit.
#[must_use]
pub(crate) fn is_empty(change: &Change) -> bool {
    change.units.is_empty()
        && change.readings.is_empty()
        && change.quarantined.is_empty()
        && change.devices_seen.is_empty()
        && change.consumed.is_empty()
}
