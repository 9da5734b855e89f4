//! What one rule would have said about the history.

use super::label::{self, Label, PastAlert};
use super::rate::Count;
use crate::alert::{AlertEventKind, AlertType, Violated};
use crate::cascade::EffectiveRules;
use crate::replay::{Replay, Summary, Transition};
use crate::step::{Facts, Observation};
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};

const DAY_SECONDS: f64 = 86_400.0;

/// A temperature alert that would have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WouldBe {
    /// When it would have been raised, unconfirmed: a notice, that calls nobody.
    pub at: Timestamp,
    /// When it would have been confirmed and somebody called; nothing for a short excursion.
    pub confirmed_at: Option<Timestamp>,
    /// How long it would have been open; nothing if it would be still.
    pub length: Option<Span>,
    /// Worst value.
    pub peak: Option<Temperature>,
    /// The limit it violated.
    pub cause: Option<Violated>,
    /// What people made of the real alert of that time.
    pub label: Label,
}

/// What one rule would have said about the history.
#[derive(Debug, Clone, PartialEq)]
pub struct Nuisance {
    /// Temperature alerts in order, short excursions among them.
    pub alerts: Vec<WouldBe>,
    /// Those that would have been confirmed: alarms. Only they are counted below.
    pub alarms: Count,
    /// Alarms that people know were real.
    pub confirmed: Count,
    /// Alarms that people know were false.
    pub false_alarms: Count,
    /// Alarms that nobody judged.
    pub unlabelled: Count,
    /// False and unlabelled ones: the predicted false alarms, if whatever nobody corrected was false.
    pub nuisance: Count,
    /// The history in numbers.
    pub summary: Summary,
}

impl Nuisance {
    /// Days of the history that were observed.
    #[must_use]
    pub fn observed_days(&self) -> f64 {
        let length = match (self.summary.first, self.summary.last) {
            (Some(first), Some(last)) => last - first,
            _ => Span::ZERO,
        };
        (length - self.summary.unobserved)
            .to_duration()
            .as_secs_f64()
            / DAY_SECONDS
    }
}

pub(super) fn nuisance(
    facts: Facts<'_>,
    history: &[Observation],
    rules: EffectiveRules,
    past: &[PastAlert],
) -> Nuisance {
    let mut replay = Replay::new(facts, rules);
    let mut alerts: Vec<WouldBe> = Vec::new();
    for observation in history {
        for transition in replay.push(*observation) {
            note(&mut alerts, &transition);
        }
    }
    for alert in &mut alerts {
        alert.label = label::label(past, alert.at, alert.length.map(|length| alert.at + length));
    }
    let none = Count::of(0, 0.0);
    let mut told = Nuisance {
        alerts,
        alarms: none,
        confirmed: none,
        false_alarms: none,
        unlabelled: none,
        nuisance: none,
        summary: replay.summary(),
    };
    let days = told.observed_days();
    let count = |wanted: &[Label]| {
        let alarms = told.alerts.iter().filter(|a| a.confirmed_at.is_some());
        Count::of(alarms.filter(|a| wanted.contains(&a.label)).count(), days)
    };
    let counts = [
        count(&[Label::Confirmed, Label::False, Label::Unlabelled]),
        count(&[Label::Confirmed]),
        count(&[Label::False]),
        count(&[Label::Unlabelled]),
        count(&[Label::False, Label::Unlabelled]),
    ];
    [
        told.alarms,
        told.confirmed,
        told.false_alarms,
        told.unlabelled,
        told.nuisance,
    ] = counts;
    told
}

fn note(alerts: &mut Vec<WouldBe>, transition: &Transition) {
    if transition.alert_type != AlertType::TempExcursion {
        return;
    }
    if transition.kind == AlertEventKind::Raised {
        alerts.push(WouldBe {
            at: transition.at,
            confirmed_at: None,
            length: None,
            peak: None,
            cause: transition.violated,
            label: Label::Unlabelled,
        });
    }
    let Some(open) = alerts.last_mut() else {
        return;
    };
    open.peak = transition.value.or(open.peak);
    if transition.is_alarm() {
        open.confirmed_at = open.confirmed_at.or(Some(transition.at));
    }
    if transition.kind == AlertEventKind::ResolvedAuto {
        open.length = Some(transition.at - open.at);
    }
}
