//! Running a rule over a fleet, at every sampling phase, and counting.

use super::rule::AlarmRule;
use super::trace::{Event, FailureKind, Freezer, Trace};
use super::{CADENCES, Fleet, Rng, minute};
use freshtrack_core::time::{Span, Timestamp};
use std::collections::BTreeMap;
use std::fmt;

/// Units one person is called for; a choice of this project.
const UNITS_PER_RECIPIENT: f64 = 20.0;

/// What a rule did at one cadence.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Minutes between readings.
    pub cadence: i64,
    /// Healthy unit-days, every sampling phase counted.
    pub healthy_days: f64,
    /// Alarms in them.
    pub false_alarms: u32,
    /// The same by the label of the healthy trace that explains them: what happened last within
    /// three hours before, a defrost before a door.
    pub false_by_event: BTreeMap<Option<Event>, u32>,
    /// Healthy calls for anything but the temperature.
    pub other_calls: u32,
    /// Runs: units × sampling phases.
    pub runs: u32,
    /// Runs without any false alarm.
    pub quiet_runs: u32,
    /// Failures tried, every sampling phase counted.
    pub trials: u32,
    /// Failures without an alarm within 24 hours.
    pub missed: u32,
    /// Median minutes from the start of the failure to the alarm.
    pub delay_p50: Option<i64>,
    /// 95th percentile of the same.
    pub delay_p95: Option<i64>,
    /// Median per kind.
    pub by_kind: BTreeMap<FailureKind, Option<i64>>,
}

impl Row {
    /// False alarms per healthy unit and day.
    #[must_use]
    pub fn false_per_day(&self) -> f64 {
        f64::from(self.false_alarms) / self.healthy_days
    }

    /// Calls a person with 20 healthy units gets per day, for whatever reason.
    #[must_use]
    pub fn per_recipient_and_day(&self) -> f64 {
        let calls = f64::from(self.false_alarms) + f64::from(self.other_calls);
        calls / self.healthy_days * UNITS_PER_RECIPIENT
    }
}

/// What a rule did, split by cadence.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// One row per cadence, fastest first.
    pub rows: Vec<Row>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "cadence  false/unit-day  calls/recipient-day  quiet runs    missed       p50   p95 min"
        )?;
        for row in &self.rows {
            writeln!(
                f,
                "{:>4} min {:>14.4} {:>20.2} {:>6}/{:<5} {:>5}/{:<5} {:>4} {:>5}",
                row.cadence,
                row.false_per_day(),
                row.per_recipient_and_day(),
                row.quiet_runs,
                row.runs,
                row.missed,
                row.trials,
                Minutes(row.delay_p50),
                Minutes(row.delay_p95),
            )?;
        }
        for row in &self.rows {
            write!(f, "{:>4} min p50 by failure:", row.cadence)?;
            for (kind, p50) in &row.by_kind {
                write!(f, " {kind:?} {}", Minutes(*p50))?;
            }
            write!(f, "; false alarms after:")?;
            for (event, count) in &row.false_by_event {
                match event {
                    Some(event) => write!(f, " {event:?} {count}")?,
                    None => write!(f, " nothing {count}")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Minutes, or a dash.
struct Minutes(Option<i64>);

impl fmt::Display for Minutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(minutes) => fmt::Display::fmt(&minutes, f),
            None => f.pad("–"),
        }
    }
}

/// Tries the rule that `make` builds for a cadence on all of `fleet`.
pub fn report<R: AlarmRule>(fleet: Fleet, make: impl Fn(Span) -> R) -> Report {
    let rows = CADENCES.iter().map(|cadence| row(fleet, *cadence, &make));
    Report {
        rows: rows.collect(),
    }
}

fn row<R: AlarmRule>(fleet: Fleet, cadence: i64, make: &impl Fn(Span) -> R) -> Row {
    let fresh = || make(Span::from_minutes(cadence));
    let mut row = Row {
        cadence,
        healthy_days: 0.0,
        false_alarms: 0,
        false_by_event: BTreeMap::new(),
        other_calls: 0,
        runs: 0,
        quiet_runs: 0,
        trials: 0,
        missed: 0,
        delay_p50: None,
        delay_p95: None,
        by_kind: BTreeMap::new(),
    };
    let mut delays: BTreeMap<FailureKind, Vec<i64>> = BTreeMap::new();
    for freezer in fleet.freezers(cadence) {
        let healthy = freezer.healthy(fleet.days);
        for phase in 0..cadence {
            let (raises, others) = run(&freezer, &healthy, cadence, phase, fresh());
            for raise in &raises {
                *row.false_by_event
                    .entry(explained(&healthy, *raise))
                    .or_default() += 1;
            }
            row.other_calls += others;
            row.false_alarms += u32::try_from(raises.len()).unwrap_or(u32::MAX);
            row.healthy_days += f64::from(fleet.days);
            row.runs += 1;
            row.quiet_runs += u32::from(raises.is_empty());
        }
        for kind in FailureKind::VISIBLE {
            let failing = freezer.failing(kind);
            let begin = failing
                .failure
                .and_then(|(_, begin)| i64::try_from(begin).ok());
            for phase in 0..cadence {
                let (raises, _) = run(&freezer, &failing, cadence, phase, fresh());
                let hit = begin
                    .and_then(|begin| raises.iter().find(|at| **at >= begin).map(|at| at - begin));
                row.trials += 1;
                row.missed += u32::from(hit.is_none());
                delays.entry(kind).or_default().extend(hit);
            }
        }
    }
    let mut all: Vec<i64> = delays.values().flatten().copied().collect();
    row.delay_p50 = percentile(&mut all, 50);
    row.delay_p95 = percentile(&mut all, 95);
    row.by_kind = delays
        .into_iter()
        .map(|(kind, mut d)| (kind, percentile(&mut d, 50)))
        .collect();
    row
}

/// What a false alarm at `minute` comes of.
fn explained(trace: &Trace, minute: i64) -> Option<Event> {
    let recent = |(at, _): &&(u32, Event)| (0..=180).contains(&(minute - i64::from(*at)));
    let events = trace.events.iter().filter(recent).map(|(_, event)| *event);
    events.min()
}

/// Minutes at which `rule` raises on `trace`, read every `cadence` minutes from `phase` on, and how often
/// it calls for anything else.
fn run<R: AlarmRule>(
    freezer: &Freezer,
    trace: &Trace,
    cadence: i64,
    phase: i64,
    mut rule: R,
) -> (Vec<i64>, u32) {
    let mut lost =
        Rng::seeded(freezer.seed ^ phase.unsigned_abs().wrapping_mul(0xd1b5_4a32_d192_ed03));
    let start = minute(0);
    let mut raises = Vec::new();
    let mut note = |raise: Option<Timestamp>| {
        raises.extend(raise.map(|at| (at - start).as_seconds() / 60));
    };
    let mut now = 0;
    for (index, air) in (0..).zip(&trace.air) {
        now = index;
        if index % cadence == phase && lost.unit() >= freezer.loss {
            note(rule.observe(minute(index), *air));
        }
    }
    note(rule.tick(minute(now)));
    (raises, rule.other_calls())
}

/// The value below which so many percent lie; sorts in place.
fn percentile(values: &mut [i64], percent: usize) -> Option<i64> {
    values.sort_unstable();
    let last = values.len().checked_sub(1)?;
    values.get(last * percent / 100).copied()
}
