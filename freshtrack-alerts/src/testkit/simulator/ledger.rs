//! What was really committed, and the invariants of one commit. It sits below every fault.

use super::{Invariant, Tally, Violation};
use crate::alert::{AlertEvent, AlertEventKind, AlertType};
use crate::cascade;
use crate::change::{Change, Loaded, UnitChange, UnitContext};
use crate::evaluate::decide;
use crate::incident::Role;
use crate::lifecycle::ResolveWish;
use crate::monitor::Monitor;
use crate::monitor::temperature::{BACKLOG_SETTLE, TemperatureAxis};
use crate::rules::RuleSet;
use crate::step::{Input, Observation, Step};
use crate::suppression::{SuppressionKind, Window};
use freshtrack_core::event::EventKind;
use freshtrack_core::ids::{AlertId, OrgId, UnitId};
use freshtrack_core::principal::Actor;
use freshtrack_core::reading::{Reading, Zone};
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::Span;
use std::collections::{BTreeMap, BTreeSet};

/// What operators of the simulation say when they close an alert.
pub(super) const CLOSED: &str = "closed";
pub(super) const ACTION: &str = "moved the food";
/// Longest confirmation delay of any rule in the simulation.
pub(super) const CONFIRM_MAX: Span = Span::from_seconds(1_200);
const QUIET_MAX: Span = Span::from_minutes(24 * 60);
const VIOLATIONS_MAX: usize = 50;

/// The log of commits, folded.
#[derive(Debug)]
pub(super) struct Ledger {
    seed: u64,
    pub(super) violations: Vec<Violation>,
    pub(super) tally: Tally,
    /// Set while rules are announced to a unit: its commits are re-evaluations.
    pub(super) announcing: bool,
    owners: BTreeMap<UnitId, OrgId>,
    zones: BTreeMap<UnitId, [Option<Zone>; 2]>,
    alerts: BTreeSet<AlertId>,
}

impl Ledger {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            seed,
            violations: Vec::new(),
            tally: Tally {
                commits: 0,
                faults: 0,
                conflicts: 0,
                crashes: 0,
                accepted: 0,
                duplicates: 0,
                late: 0,
                raised: 0,
                cleared: 0,
                wishes: 0,
                refused: 0,
                races: 0,
                clock_steps: 0,
            },
            announcing: false,
            owners: BTreeMap::new(),
            zones: BTreeMap::new(),
            alerts: BTreeSet::new(),
        }
    }

    pub(super) fn owns(&mut self, org: OrgId, unit: UnitId) {
        self.owners.insert(unit, org);
    }

    pub(super) fn broken(&mut self, invariant: Invariant, what: impl Into<String>) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation {
                invariant,
                seed: self.seed,
                what: what.into(),
            });
        }
    }

    pub(super) fn check(
        &mut self,
        holds: bool,
        invariant: Invariant,
        what: impl FnOnce() -> String,
    ) {
        if !holds {
            self.broken(invariant, what());
        }
    }

    /// Takes down a change that was applied to the units as they were `before`.
    pub(super) fn note(&mut self, change: &Change, before: Loaded) {
        self.tally.commits += 1;
        self.check_told(change);
        for mut context in before.units {
            let Some(unit) = change
                .units
                .iter()
                .find(|unit| unit.unit == context.unit.id)
            else {
                continue;
            };
            let readings: Vec<&Reading> = change
                .readings
                .iter()
                .filter(|reading| reading.unit == unit.unit)
                .collect();
            let owner = self.owners.get(&unit.unit).copied();
            self.check(owner == Some(change.org), Invariant::I12Tenants, || {
                format!("{} wrote unit {}", change.org, unit.unit)
            });
            self.check_late(&context.monitor, change, &readings);
            self.check_delays(&context.monitor, unit);
            self.check_quiet(unit);
            self.check_cleared(change, &context.monitor, unit, &readings);
            self.replay(change, &mut context, unit, &readings, &before.rule_sets);
        }
        self.alerts
            .extend(change.alerts.iter().map(|alert| alert.id));
    }

    fn check_told(&mut self, change: &Change) {
        let raised = |kind| kind == AlertEventKind::Raised;
        let lines = change
            .alert_events
            .iter()
            .filter(|line| raised(line.kind))
            .count();
        let told = &change.journal.outbox;
        let told = told
            .iter()
            .filter(|event| event.kind == EventKind::AlertRaised)
            .count();
        self.check(lines == told, Invariant::I6Told, || {
            format!("{lines} alerts raised, {told} told")
        });
    }

    /// Late is what is older than the newest evaluated one, and nothing else.
    fn check_late(&mut self, before: &Monitor, change: &Change, readings: &[&Reading]) {
        let mut newest = before.newest.map(|newest| newest.at);
        // a clock that stepped back does not take the unit with it
        let now = change.now.max(before.evaluated_at);
        for reading in readings {
            let at = reading.recorded_at.min(now);
            let late = newest.is_some_and(|newest| at < newest);
            self.tally.late += u64::from(late);
            self.check(reading.flags.late == late, Invariant::I3SortedSet, || {
                format!(
                    "reading of {at} is late: {late}, stored {}",
                    reading.flags.late
                )
            });
            newest = newest.max(Some(at));
        }
    }

    fn check_delays(&mut self, before: &Monitor, after: &UnitChange) {
        let (was, is) = (
            before.temperature.episode(),
            after.monitor.temperature.episode(),
        );
        if let (Some(was), Some(is)) = (was, is)
            && was.trigger == is.trigger
        {
            let same = (was.since, was.opened_at, was.first_out_at)
                == (is.since, is.opened_at, is.first_out_at);
            self.check(same, Invariant::I10Delays, || {
                format!("{was:?} became {is:?}")
            });
        }
        if let TemperatureAxis::Excursion {
            episode,
            confirm_at,
        } = after.monitor.temperature
        {
            let latest = (episode.since + CONFIRM_MAX).max(episode.opened_at + BACKLOG_SETTLE);
            self.check(confirm_at <= latest, Invariant::I10Delays, || {
                format!("confirmed at {confirm_at}, not by {latest}")
            });
        }
    }

    fn check_quiet(&mut self, after: &UnitChange) {
        for window in &after.monitor.suppressions {
            let length = window.ends_at - window.starts_at;
            self.check(length <= QUIET_MAX, Invariant::I9QuietEnds, || {
                format!("quiet from {} to {}", window.starts_at, window.ends_at)
            });
        }
    }

    /// An excursion ends by two good readings in a row, and is opened by one that is out.
    fn check_cleared(
        &mut self,
        change: &Change,
        before: &Monitor,
        after: &UnitChange,
        readings: &[&Reading],
    ) {
        let zones = self.zones.entry(after.unit).or_default();
        let mut good = *zones == [Some(Zone::In); 2];
        let evaluated = readings.iter().filter_map(|reading| reading.zone);
        let (mut any, mut out) = (false, false);
        for zone in evaluated {
            *zones = [zones[1], Some(zone)];
            good |= *zones == [Some(Zone::In); 2];
            out |= zone == Zone::Out;
            any = true;
        }
        let over =
            before.temperature.episode().is_some() && after.monitor.temperature.episode().is_none();
        self.check(!over || any, Invariant::I8NoData, || {
            format!("the excursion of {} ended without data", after.unit)
        });
        self.check(!over || good, Invariant::I11ClockSteps, || {
            format!(
                "the excursion of {} ended without two good readings",
                after.unit
            )
        });
        let opened =
            before.temperature.episode().is_none() && after.monitor.temperature.episode().is_some();
        // without a reading, the end of an open door's grace and new rules open one
        let held = matches!(before.temperature, TemperatureAxis::Held(_));
        let rules = before.rules_version != after.monitor.rules_version || self.announcing;
        self.check(
            !opened || out || held || rules,
            Invariant::I11ClockSteps,
            || {
                format!(
                    "an excursion of {} began with nothing out of range",
                    after.unit
                )
            },
        );
        for line in &change.alert_events {
            let of = change.alerts.iter().find(|alert| alert.id == line.alert);
            let temperature = of.is_some_and(|alert| {
                alert.unit == after.unit && alert.key.alert_type == AlertType::TempExcursion
            });
            self.tally.raised += u64::from(temperature && line.kind == AlertEventKind::Raised);
            self.tally.cleared +=
                u64::from(temperature && line.kind == AlertEventKind::ResolvedAuto);
        }
    }

    /// The state is what the step makes of the state before, the input, the rules and the clock.
    fn replay(
        &mut self,
        change: &Change,
        context: &mut UnitContext,
        after: &UnitChange,
        readings: &[&Reading],
        rule_sets: &[RuleSet],
    ) {
        let (rules, _) = cascade::resolve(rule_sets, change.org, &context.unit, &context.devices);
        self.check(
            after.monitor.rules_version == rules.version,
            Invariant::I15Rules,
            || {
                format!(
                    "judged by rules {}, not {}",
                    after.monitor.rules_version, rules.version
                )
            },
        );
        let mut observations: Vec<Observation> = readings
            .iter()
            .map(|reading| observation(reading))
            .collect();
        let input = if observations.is_empty() {
            self.wish(change, after)
        } else {
            Input::Readings(&mut observations)
        };
        let (facts, monitor) = context.split();
        // what incidents say is an input, and stands in the state afterwards
        let told = after.monitor.outage.map(|role| Role {
            spoke: role.leads() && role.pages_at.is_none(),
            ..role
        });
        let mut role = |m: &Monitor, _: Option<&Step>| {
            let role = told.filter(|role| m.alerts.iter().any(|open| open.id == role.alert))?;
            Some(role.after(m.outage.as_ref()))
        };
        let mine = |alert: &&crate::alert::Alert| alert.unit == after.unit;
        let mut fresh = change
            .alerts
            .iter()
            .filter(mine)
            .map(|alert| alert.id)
            .filter(|id| !self.alerts.contains(id));
        let nobody = AlertId::from_uuid(uuid::Uuid::nil());
        let name = || fresh.next().unwrap_or(nobody);
        let decided = decide(monitor, &rules, &facts, input, change.now, name, &mut role);
        let rows: Vec<_> = change.alerts.iter().filter(mine).cloned().collect();
        let same = *monitor == after.monitor
            && decided.next_deadline == after.next_deadline
            && decided.status == after.status
            && decided.alerts == rows;
        let expected = monitor.temperature;
        self.check(same, Invariant::I2Replay, || {
            let (is, unit) = (after.monitor.temperature, after.unit);
            format!("unit {unit}: {is:?}, replayed {expected:?}")
        });
    }

    fn wish(&mut self, change: &Change, after: &UnitChange) -> Input<'static> {
        if self.announcing {
            return Input::RulesChanged;
        }
        for line in &change.alert_events {
            let (Actor::User(by), Some(alert)) = (
                line.actor,
                change.alerts.iter().find(|alert| alert.id == line.alert),
            ) else {
                continue;
            };
            let key = alert.key;
            let wish = match line.kind {
                AlertEventKind::Acknowledged => Input::Acknowledge {
                    key,
                    by,
                    note: None,
                },
                AlertEventKind::ResolvedManual => Input::Resolve {
                    key,
                    wish: ResolveWish {
                        by,
                        note: CLOSED,
                        corrective_action: Some(ACTION),
                    },
                },
                AlertEventKind::Snoozed => {
                    let Some(window) = snoozed(line, key.alert_type, change, after) else {
                        continue;
                    };
                    Input::Snooze { key, by, window }
                }
                _ => continue,
            };
            self.tally.wishes += 1;
            return wish;
        }
        Input::Tick
    }
}

/// A stored reading as the step saw it.
fn observation(reading: &Reading) -> Observation {
    let drives = reading.temperature.is_some();
    let seen = Observation::temperature(
        reading.recorded_at,
        reading
            .temperature
            .unwrap_or(Temperature::from_milli_celsius(0)),
    );
    Observation {
        temperature: reading.temperature,
        drives,
        door: reading.door,
        ..seen
    }
}

/// The window a person asked for: as it is stored, or, if it was over at once, as it was told.
fn snoozed(
    line: &AlertEvent,
    alert_type: AlertType,
    change: &Change,
    after: &UnitChange,
) -> Option<Window> {
    let text = |name: &str| line.details.get(name)?.as_str();
    let id = text("suppression")?.parse().ok()?;
    let mut windows = after.monitor.suppressions.iter();
    if let Some(window) = windows.find(|window| window.id == id) {
        return Some(window.clone());
    }
    Some(Window {
        id,
        kind: SuppressionKind::Snooze,
        alert_types: vec![alert_type],
        starts_at: change.now,
        ends_at: text("until")?.parse().ok()?,
    })
}
