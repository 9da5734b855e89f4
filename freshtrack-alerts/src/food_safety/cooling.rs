//! Two-stage cooling of cooked food, and its one-stage relatives.
//!
//! The clock starts at the last reading at or above the start limit and each stage must reach its limit
//! within its time *from that start*. Start and crossings lie between two readings, so every duration is
//! a pair; a verdict never interpolates. Food that warms past a limit again has not crossed it yet;
//! food that reaches the start limit again (reheated) begins a new run.
//!
//! **Source:** FDA Food Code 2022 §3-501.14.

use super::lattice::{Lattice, Operator};
use super::preset::{Preset, Requirement};
use super::series::{Sample, Series, Window};
use super::verdict::{Amendment, Bounds, OpenPeriod, Unknown, Verdict};
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// One stage: what must be reached, and when at the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// At or below this the stage is reached.
    pub limit: Lattice,
    /// Counted from the start of the run, not from the stage before.
    pub within: Span,
}

/// What to judge by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoolingRule {
    /// A run starts at the last reading at or above this; none if only an operator can say.
    pub start: Option<Lattice>,
    /// In order of time.
    pub stages: Vec<Stage>,
    /// Widest bracket in which a verdict may be given; the series' gap limit unless set.
    pub max_gap: Option<Span>,
}

impl CoolingRule {
    /// The rule of a cooling preset; nothing if the preset is about something else.
    #[must_use]
    pub fn of(preset: &Preset) -> Option<Self> {
        let mut rule = Self {
            start: None,
            stages: Vec::new(),
            max_gap: None,
        };
        for criterion in preset.criteria {
            let Requirement::Reach {
                start,
                target,
                within_seconds,
                hold_seconds: 0,
            } = criterion.requirement
            else {
                return None;
            };
            if target.op != Operator::AtOrBelow {
                return None;
            }
            rule.start = start.map(|start| start.limit());
            let within = Span::from_seconds(within_seconds);
            rule.stages.push(Stage {
                limit: target.limit(),
                within,
            });
        }
        Some(rule)
    }
}

/// What became of one stage of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageReport {
    /// The verdict; none if the run was superseded before it was decided.
    pub verdict: Option<Verdict>,
    /// Time from start to crossing; `hi` is absent while no crossing was seen.
    pub lo: Span,
    /// See `lo`.
    pub hi: Option<Span>,
    /// When the stage must be reached, from the earliest possible start.
    pub deadline: Option<Timestamp>,
    /// Whether `cooling_deadline` stands: the deadline passed without a Pass.
    pub alarm: bool,
    /// The food had been at or below the limit and warmed past it again.
    pub reheat_observed: bool,
}

/// One descent from the start limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Last reading at or above the start limit, or the operator's start; none if unknown.
    pub started_after: Option<Timestamp>,
    /// When the start limit was reached again, which ended this run.
    pub superseded_at: Option<Timestamp>,
    /// One report per stage.
    pub stages: Vec<StageReport>,
    /// Intervals between readings of the run that are wider than the rule allows.
    pub gaps: Vec<Window>,
}

/// All runs of a series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoolingReport {
    /// In order of time; the last one is current.
    pub runs: Vec<Run>,
    /// The worst verdict of any stage of any run.
    pub verdict: Verdict,
    /// When to evaluate again though nothing new arrives.
    pub next_deadline: Option<Timestamp>,
}

/// Judges every run of `series` as of `now`; `started_at` is the operator's start event.
#[must_use]
pub fn evaluate(
    rule: &CoolingRule,
    series: &Series,
    started_at: Option<Timestamp>,
    now: Timestamp,
) -> CoolingReport {
    let max_gap = rule.max_gap.unwrap_or(series.gap_limit());
    let known: Vec<Sample> = series
        .good()
        .iter()
        .filter(|s| s.at <= now)
        .copied()
        .collect();
    let spans = split_runs(rule, &known, started_at);
    let mut runs: Vec<Run> = spans
        .iter()
        .map(|span| judge_run(rule, &known, span, max_gap, now))
        .collect();
    if runs.is_empty() {
        runs.push(unknown_run(rule));
    }
    let stages = || runs.iter().flat_map(|run| &run.stages);
    let next_deadline = runs.last().and_then(|run| {
        let pending = run
            .stages
            .iter()
            .filter(|s| s.verdict == Some(Verdict::Pending));
        pending.filter_map(|s| s.deadline).min()
    });
    let verdict = Verdict::worst(stages().filter_map(|stage| stage.verdict));
    CoolingReport {
        runs,
        verdict,
        next_deadline,
    }
}

/// Compares the current run's verdicts with those of an earlier report.
///
/// A stage that had been decided and is decided otherwise now is an amendment; if it now passes, the
/// standing alarm resolves with reason `amended`. The subject is the stage's index.
#[must_use]
pub fn amendments(
    before: &CoolingReport,
    after: &CoolingReport,
    at: Timestamp,
) -> Vec<Amendment<usize>> {
    let (Some(old), Some(new)) = (before.runs.last(), after.runs.last()) else {
        return Vec::new();
    };
    let pairs = old.stages.iter().zip(&new.stages).enumerate();
    pairs
        .filter_map(|(subject, (old, new))| {
            let (from, to) = (old.verdict?, new.verdict?);
            let decided = from != Verdict::Pending && from != to;
            let resolves_alarm = old.alarm && !new.alarm;
            decided.then_some(Amendment {
                subject,
                from,
                to,
                at,
                resolves_alarm,
            })
        })
        .collect()
}

/// Where a run lies in the list of readings.
struct RunSpan {
    /// Latest instant at which the food was surely not below the start limit yet.
    begin: Timestamp,
    /// Whether `begin` is exact (an operator said so).
    exact: bool,
    /// First reading of the descent.
    first: usize,
    /// One past its last reading.
    end: usize,
    superseded: bool,
}

fn split_runs(rule: &CoolingRule, known: &[Sample], started_at: Option<Timestamp>) -> Vec<RunSpan> {
    let hot = |s: &Sample| {
        rule.start
            .is_some_and(|start| s.value.versus(start).is_ge())
    };
    let mut spans: Vec<RunSpan> = Vec::new();
    let mut index = 0;
    if let Some(begin) = started_at {
        index = known.partition_point(|s| s.at < begin);
        // Readings still at the start limit right after the event belong to the run it began.
        let cooled = known[index..]
            .iter()
            .position(|s| !hot(s))
            .map_or(known.len(), |n| index + n);
        let end = known[cooled..]
            .iter()
            .position(hot)
            .map_or(known.len(), |n| cooled + n);
        spans.push(RunSpan {
            begin,
            exact: true,
            first: index,
            end,
            superseded: end < known.len(),
        });
        index = end;
    }
    while let Some(start) = known[index..].iter().position(hot).map(|n| index + n) {
        let first = known[start..]
            .iter()
            .position(|s| !hot(s))
            .map_or(known.len(), |n| start + n);
        let end = known[first..]
            .iter()
            .position(hot)
            .map_or(known.len(), |n| first + n);
        let begin = known[first - 1].at;
        spans.push(RunSpan {
            begin,
            exact: false,
            first,
            end,
            superseded: end < known.len(),
        });
        index = end;
    }
    spans
}

fn judge_run(
    rule: &CoolingRule,
    known: &[Sample],
    span: &RunSpan,
    max_gap: Span,
    now: Timestamp,
) -> Run {
    let readings = &known[span.first..span.end];
    let latest_start = if span.exact {
        span.begin
    } else {
        readings.first().map_or(span.begin, |s| s.at)
    };
    let times = std::iter::once(span.begin).chain(readings.iter().map(|s| s.at));
    let gaps = times
        .clone()
        .zip(times.skip(1))
        .map(|(from, to)| Window { from, to })
        .filter(|gap| gap.length() > max_gap)
        .collect();
    let context = RunContext {
        readings,
        begin: span.begin,
        latest_start,
        max_gap,
        now,
        superseded: span.superseded,
    };
    Run {
        started_after: Some(span.begin),
        superseded_at: span.superseded.then(|| known[span.end].at),
        stages: rule
            .stages
            .iter()
            .map(|stage| judge_stage(&context, stage))
            .collect(),
        gaps,
    }
}

struct RunContext<'a> {
    readings: &'a [Sample],
    begin: Timestamp,
    latest_start: Timestamp,
    max_gap: Span,
    now: Timestamp,
    superseded: bool,
}

fn judge_stage(run: &RunContext<'_>, stage: &Stage) -> StageReport {
    let above = |s: &Sample| s.value.versus(stage.limit).is_gt();
    let last_above = run.readings.iter().rposition(above);
    let reached = run.readings.iter().position(|s| !above(s));
    let reheat_observed = reached
        .zip(last_above)
        .is_some_and(|(first, last)| first < last);
    let above_until = last_above.map_or(run.begin, |k| run.readings[k].at);
    let lo = (above_until - run.latest_start).max(Span::ZERO);
    let deadline = run.begin + stage.within;
    let crossed = run
        .readings
        .get(last_above.map_or(0, |k| k + 1))
        .map(|s| s.at);
    let verdict = if let Some(crossed) = crossed {
        let bounds = Bounds {
            lo,
            hi: crossed - run.begin,
        };
        let widest = (crossed - above_until).max(run.latest_start - run.begin);
        Some(Verdict::of_period(
            bounds,
            stage.within,
            widest,
            run.max_gap,
        ))
    } else {
        let open = OpenPeriod {
            lo,
            allowed: stage.within,
            deadline,
            last_seen: above_until,
        };
        let verdict = Verdict::of_open_period(&open, run.now, run.max_gap);
        let settled = !run.superseded || matches!(verdict, Verdict::Fail { proven: true });
        settled.then_some(verdict)
    };
    StageReport {
        verdict,
        lo,
        hi: crossed.map(|crossed| crossed - run.begin),
        deadline: Some(deadline),
        alarm: run.now >= deadline && !matches!(verdict, None | Some(Verdict::Pass)),
        reheat_observed,
    }
}

fn unknown_run(rule: &CoolingRule) -> Run {
    let unknown = StageReport {
        verdict: Some(Verdict::Indeterminate {
            reason: Unknown::StartUnknown,
        }),
        lo: Span::ZERO,
        hi: None,
        deadline: None,
        alarm: false,
        reheat_observed: false,
    };
    Run {
        started_after: None,
        superseded_at: None,
        stages: vec![unknown; rule.stages.len()],
        gaps: Vec::new(),
    }
}
