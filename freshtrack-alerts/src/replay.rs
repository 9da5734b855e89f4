//! Replay: what the engine would have said about a recorded series.
//!
//! The same step as live, on the clock of the record: every reading is evaluated when it was recorded,
//! and between readings every tick runs at its deadline.

use crate::alert::{AlertEventKind, AlertType, Severity, Violated};
use crate::cascade::EffectiveRules;
use crate::monitor::Monitor;
use crate::step::{Facts, Input, Observation, Step, step};
use freshtrack_core::ids::AlertId;
use freshtrack_core::reading::Zone;
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};
use uuid::Uuid;

/// A replay under way.
#[derive(Debug)]
pub struct Replay<'a> {
    facts: Facts<'a>,
    rules: EffectiveRules,
    monitor: Monitor,
    deadline: Option<Timestamp>,
    raised: u128,
    newest: Option<(Timestamp, Zone)>,
    summary: Summary,
}

/// One thing that happened to an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: AlertEventKind,
    /// To which kind of alert.
    pub alert_type: AlertType,
    /// How bad it is then.
    pub severity: Severity,
    /// Worst value so far, for temperature alerts.
    pub value: Option<Temperature>,
    /// The limit it violates, for temperature alerts.
    pub violated: Option<Violated>,
}

impl Transition {
    /// Whether somebody is called now because of the temperature: an excursion is confirmed, be it at
    /// once. An unconfirmed one is only shown.
    #[must_use]
    pub fn is_alarm(&self) -> bool {
        let begins = matches!(
            self.kind,
            AlertEventKind::Raised | AlertEventKind::Confirmed
        );
        begins && self.alert_type == AlertType::TempExcursion && self.severity == Severity::Critical
    }
}

/// A series in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Readings given.
    pub readings: u64,
    /// Of them not evaluated, because an earlier row was newer.
    pub late: u64,
    /// First and last evaluated reading.
    pub first: Option<Timestamp>,
    /// See `first`.
    pub last: Option<Timestamp>,
    /// Lowest evaluated value.
    pub lowest: Option<Temperature>,
    /// Highest evaluated value.
    pub highest: Option<Temperature>,
    /// Temperature alerts raised.
    pub excursions: u64,
    /// Of them confirmed.
    pub alarms: u64,
    /// Observed time out of range: each reading stands until the next one if that is at most 1.5
    /// intervals away, else for one interval.
    pub out_of_range: Span,
    /// Times between two readings that were longer than that.
    pub gaps: u64,
    /// Unobserved time in them.
    pub unobserved: Span,
}

impl Summary {
    /// Alarms per day of the series, in hundredths; nothing for a series of no length.
    #[must_use]
    pub fn alarms_per_day_centi(&self) -> Option<u64> {
        let length = u64::try_from((self.last? - self.first?).as_seconds()).ok()?;
        (self.alarms * 86_400 * 100).checked_div(length)
    }
}

impl<'a> Replay<'a> {
    /// A replay of a unit nothing is known of yet.
    #[must_use]
    pub fn new(facts: Facts<'a>, rules: EffectiveRules) -> Self {
        Self {
            facts,
            rules,
            monitor: Monitor::default(),
            deadline: None,
            raised: 0,
            newest: None,
            summary: Summary::default(),
        }
    }

    /// Lets time pass to the next reading and evaluates it; answers what happened meanwhile, in order.
    pub fn push(&mut self, mut observation: Observation) -> Vec<Transition> {
        let now = observation.recorded_at;
        let mut transitions = self.pass_until(now);
        let observations = std::slice::from_mut(&mut observation);
        self.step(Input::Readings(observations), now, &mut transitions);
        self.count(&observation);
        transitions
    }

    /// Lets time pass until `end`: every tick at its deadline.
    pub fn pass_until(&mut self, end: Timestamp) -> Vec<Transition> {
        let mut transitions = Vec::new();
        while let Some(deadline) = self.deadline.filter(|deadline| *deadline <= end) {
            self.step(Input::Tick, deadline, &mut transitions);
        }
        transitions
    }

    /// The series so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = self.summary;
        if let Some((_, Zone::Out)) = self.newest {
            summary.out_of_range = summary.out_of_range + self.rules.check_in_interval();
        }
        summary
    }

    fn step(&mut self, input: Input<'_>, now: Timestamp, transitions: &mut Vec<Transition>) {
        let mut decided = step(&mut self.monitor, &self.rules, &self.facts, input, now);
        self.deadline = decided.next_deadline;
        decided.name_alerts(&mut self.monitor, || {
            self.raised += 1;
            AlertId::from_uuid(Uuid::from_u128(self.raised))
        });
        self.note(&decided, now, transitions);
    }

    fn note(&mut self, decided: &Step, now: Timestamp, transitions: &mut Vec<Transition>) {
        for told in &decided.alert_changes {
            let alert = &told.alert;
            let transition = Transition {
                at: now,
                kind: told.kind,
                alert_type: alert.key.alert_type,
                severity: alert.severity,
                value: alert.extreme,
                violated: alert.violated,
            };
            if alert.key.alert_type == AlertType::TempExcursion {
                self.summary.excursions += u64::from(told.kind == AlertEventKind::Raised);
                self.summary.alarms += u64::from(transition.is_alarm());
            }
            transitions.push(transition);
        }
    }

    fn count(&mut self, observation: &Observation) {
        let summary = &mut self.summary;
        summary.readings += 1;
        summary.late += u64::from(observation.judged.late);
        let (Some(zone), Some(value)) = (observation.judged.zone, observation.temperature) else {
            return;
        };
        let at = observation.recorded_at;
        summary.first.get_or_insert(at);
        summary.last = Some(at);
        summary.lowest = Some(summary.lowest.map_or(value, |lowest| lowest.min(value)));
        summary.highest = Some(summary.highest.map_or(value, |highest| highest.max(value)));
        if let Some((before, was)) = self.newest {
            let interval = self.rules.check_in_interval();
            let mut observed = at - before;
            // compared doubled: 1.5 intervals need not be whole
            if observed.times(2) > interval.times(3) {
                summary.gaps += 1;
                summary.unobserved = summary.unobserved + (observed - interval);
                observed = interval;
            }
            if was == Zone::Out {
                summary.out_of_range = summary.out_of_range + observed;
            }
        }
        self.newest = Some((at, zone));
    }
}
