//! Bugs on purpose: each is one that such systems have had, put between the services and the store.

use crate::alert::{AlertEventKind, AlertType, RaiseReason};
use crate::change::{Change, Loaded};
use crate::monitor::Monitor;
use crate::monitor::connectivity::ConnectivityAxis;
use crate::monitor::temperature::TemperatureAxis;
use crate::rules::RuleSet;
use freshtrack_core::event::EventKind;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::time::{Span, Timestamp};
use std::collections::BTreeMap;

/// A bug that the simulation must catch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sabotage {
    /// A confirmation delay counts from the row's last write.
    TimerResetByAnyWrite,
    /// Restoring is entered and never left.
    RestoringWithoutExit,
    /// Alerts are raised on the change of a state only, never because it holds.
    EdgeOnlyCreation,
    /// A silent unit counts as normal again.
    NoDataResolves,
    /// Success is answered though the write failed.
    AcknowledgeBeforeCommit,
    /// A delay lives in memory and starts anew with the process.
    InMemoryDelay,
    /// A timer that came first makes the reading of the same instant vanish.
    TimerDropsReading,
    /// A repeated delivery is a new reading.
    NewIdPerRetry,
    /// A snooze without an end.
    QuietWithoutBound,
    /// Alerts are looked up by id alone.
    LookupWithoutTenant,
    /// As much may wait as comes.
    UnboundedQueue,
    /// Rules are read once.
    OldRuleCached,
    /// Deadlines are stored in a local time an hour off.
    LocalTimeDeadline,
    /// A late reading moves the state as if it were new.
    LateCountsAsNew,
    /// An alert is stored and nobody told.
    RaisedUntold,
    /// The state is stored and its alerts are not.
    TornWrite,
    /// Whoever writes last wins.
    LastWriterWins,
    /// A clock that jumps closes what is open.
    ClockJumpClears,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::TimerResetByAnyWrite,
        Self::RestoringWithoutExit,
        Self::EdgeOnlyCreation,
        Self::NoDataResolves,
        Self::AcknowledgeBeforeCommit,
        Self::InMemoryDelay,
        Self::TimerDropsReading,
        Self::NewIdPerRetry,
        Self::QuietWithoutBound,
        Self::LookupWithoutTenant,
        Self::UnboundedQueue,
        Self::OldRuleCached,
        Self::LocalTimeDeadline,
        Self::LateCountsAsNew,
        Self::RaisedUntold,
        Self::TornWrite,
        Self::LastWriterWins,
        Self::ClockJumpClears,
    ];
}

/// What a broken process keeps in memory.
#[derive(Debug, Default)]
pub(super) struct Memory {
    loaded: BTreeMap<UnitId, Monitor>,
    rules: BTreeMap<OrgId, Vec<RuleSet>>,
    seen: BTreeMap<UnitId, Timestamp>,
}

impl Memory {
    /// The process died.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Spoils what was loaded at `now`.
    pub(super) fn after_load(&mut self, bug: Sabotage, loaded: &mut Loaded, now: Timestamp) {
        if bug == Sabotage::OldRuleCached {
            let rules = self.rules.entry(loaded.organization.id);
            loaded.rule_sets = rules.or_insert_with(|| loaded.rule_sets.clone()).clone();
        }
        for unit in &mut loaded.units {
            self.loaded.insert(unit.unit.id, unit.monitor.clone());
            let seen = self.seen.insert(unit.unit.id, now);
            let m = &mut unit.monitor;
            match bug {
                Sabotage::NoDataResolves
                    if matches!(m.connectivity, ConnectivityAxis::Silent { .. }) =>
                {
                    m.temperature = TemperatureAxis::Normal;
                }
                Sabotage::InMemoryDelay if seen.is_none() => {
                    if let TemperatureAxis::Excursion {
                        episode,
                        confirm_at,
                    } = &mut m.temperature
                    {
                        (episode.since, *confirm_at) = (now, now + Span::from_minutes(10));
                    }
                }
                Sabotage::LateCountsAsNew => {
                    m.newest = None;
                }
                Sabotage::ClockJumpClears
                    if now < m.evaluated_at || now - m.evaluated_at > Span::from_minutes(55) =>
                {
                    m.temperature = TemperatureAxis::Normal;
                    m.run = None;
                }
                _ => {}
            }
        }
    }

    /// Spoils what is about to be committed.
    pub(super) fn before_commit(&self, bug: Sabotage, change: &mut Change) {
        match bug {
            Sabotage::EdgeOnlyCreation => drop_level_raises(change),
            Sabotage::RaisedUntold => {
                let raised = |kind| kind == EventKind::AlertRaised;
                change.journal.outbox.retain(|event| !raised(event.kind));
            }
            Sabotage::TornWrite => {
                change.alerts.clear();
                change.alert_events.clear();
            }
            _ => {}
        }
        for unit in &mut change.units {
            let m = &mut unit.monitor;
            let before = self.loaded.get(&unit.unit).map(|before| before.temperature);
            match bug {
                Sabotage::TimerResetByAnyWrite => {
                    if let TemperatureAxis::Excursion { confirm_at, .. } = &mut m.temperature {
                        *confirm_at = change.now + Span::from_minutes(10);
                        unit.next_deadline = Some(*confirm_at);
                    }
                }
                Sabotage::RestoringWithoutExit => {
                    if let Some(restoring @ TemperatureAxis::Restoring { .. }) = before {
                        m.temperature = restoring;
                    }
                }
                Sabotage::QuietWithoutBound => {
                    for window in &mut m.suppressions {
                        window.ends_at = change.now + Span::from_minutes(60 * 24 * 365);
                    }
                }
                Sabotage::LocalTimeDeadline => {
                    let local = unit.next_deadline.map(|at| at + Span::from_minutes(60));
                    unit.next_deadline = local;
                }
                _ => {}
            }
        }
    }
}

fn drop_level_raises(change: &mut Change) {
    let edge = |reason| reason == RaiseReason::ConditionStarted;
    let dropped: Vec<_> = change
        .alerts
        .iter()
        .filter(|alert| alert.version == 1 && !edge(alert.raise_reason))
        .filter(|alert| alert.key.alert_type == AlertType::TempExcursion)
        .map(|alert| alert.id)
        .collect();
    change.alerts.retain(|alert| !dropped.contains(&alert.id));
    change
        .alert_events
        .retain(|line| !dropped.contains(&line.alert) || line.kind == AlertEventKind::Escalated);
    for unit in &mut change.units {
        let open = &mut unit.monitor.alerts;
        let known = open.len();
        open.retain(|alert| !dropped.contains(&alert.id));
        if open.len() < known {
            unit.monitor.reraises.clear();
        }
    }
}
