//! The United Kingdom's single tolerance: on display, one period outside the limit, once.
//!
//! A period begins at the last conforming reading and ends at the first conforming one, so its length is
//! never understated. A second period, however short, is a breach at once. Without a batch on display
//! the plain limit applies.
//!
//! **Source:** SI 1995/2200: chill above 8 °C for at most 4 h, hot below 63 °C for at most 2 h.

use super::lattice::Threshold;
use super::series::{Sample, Series, Window};
use super::verdict::{Bounds, OpenPeriod, Unknown, Verdict};
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// A batch put on display or into service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Display {
    /// The operator's `display_start`.
    pub started_at: Timestamp,
    /// When it was taken away, if it was.
    pub ended_at: Option<Timestamp>,
}

/// One period outside the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// Last conforming reading, or the start of display.
    pub began_after: Timestamp,
    /// First conforming reading after it; none while it lasts.
    pub ended_by: Option<Timestamp>,
    /// Its length; `hi` runs to the newest reading while it lasts.
    pub bounds: Bounds,
}

/// What holds for a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tolerance {
    /// Every period outside the limit.
    pub periods: Vec<Period>,
    /// Stretches without readings in which a period could hide.
    pub gaps: Vec<Window>,
    /// The verdict.
    pub verdict: Verdict,
    /// When the running period exceeds the allowance though nothing new arrives.
    pub next_deadline: Option<Timestamp>,
}

/// Judges a batch on display as of `now`.
///
/// `violates` is the limit's breach condition and `allowed` the length of the one period.
#[must_use]
pub fn evaluate(
    series: &Series,
    display: Display,
    violates: Threshold,
    allowed: Span,
    now: Timestamp,
) -> Tolerance {
    let until = display.ended_at.map_or(now, |end| end.min(now));
    let good = series.good();
    let from = good.partition_point(|s| s.at < display.started_at);
    let to = good.partition_point(|s| s.at <= until).max(from);
    let max_gap = series.gap_limit();
    let mut result = Tolerance {
        periods: Vec::new(),
        gaps: Vec::new(),
        verdict: Verdict::Pass,
        next_deadline: None,
    };
    let mut conforming_at = display.started_at;
    let mut stretches = good[from..to]
        .chunk_by(|a, b| violates.is_met_by(a.value) == violates.is_met_by(b.value))
        .peekable();
    while let Some(stretch) = stretches.next() {
        if violates.is_met_by(stretch[0].value) {
            let ended_by = stretches.peek().map(|next| next[0].at);
            let period = Outside {
                stretch,
                began_after: conforming_at,
                ended_by,
            };
            let verdict = if result.periods.is_empty() {
                period.judge(allowed, max_gap, until)
            } else {
                Verdict::Fail { proven: true }
            };
            let pending = verdict == Verdict::Pending;
            result.next_deadline = pending.then_some(conforming_at + allowed);
            result.verdict = result.verdict.max(verdict);
            result.periods.push(period.record());
            // The time up to the first conforming reading belongs to the period, not to a gap.
            conforming_at = ended_by.unwrap_or(conforming_at);
        } else {
            for sample in stretch {
                note_gap(&mut result.gaps, conforming_at, sample.at, max_gap);
                conforming_at = sample.at;
            }
        }
    }
    if result
        .periods
        .last()
        .is_none_or(|period| period.ended_by.is_some())
    {
        note_gap(&mut result.gaps, conforming_at, until, max_gap);
    }
    result.verdict = result.verdict.max(hidden(&result, allowed));
    result
}

/// Consecutive readings outside the limit, and the conforming ones around them.
struct Outside<'a> {
    stretch: &'a [Sample],
    began_after: Timestamp,
    ended_by: Option<Timestamp>,
}

impl Outside<'_> {
    fn first(&self) -> Timestamp {
        self.stretch[0].at
    }

    fn last(&self) -> Timestamp {
        self.stretch[self.stretch.len() - 1].at
    }

    fn lo(&self) -> Span {
        self.last() - self.first()
    }

    fn judge(&self, allowed: Span, max_gap: Span, until: Timestamp) -> Verdict {
        let lo = self.lo();
        if let Some(ended_by) = self.ended_by {
            let bounds = Bounds {
                lo,
                hi: ended_by - self.began_after,
            };
            let widest = (ended_by - self.last()).max(self.first() - self.began_after);
            Verdict::of_period(bounds, allowed, widest, max_gap)
        } else {
            let deadline = self.began_after + allowed;
            let open = OpenPeriod {
                lo,
                allowed,
                deadline,
                last_seen: self.last(),
            };
            Verdict::of_open_period(&open, until, max_gap)
        }
    }

    fn record(&self) -> Period {
        let hi = self.ended_by.unwrap_or(self.last()) - self.began_after;
        let bounds = Bounds { lo: self.lo(), hi };
        Period {
            began_after: self.began_after,
            ended_by: self.ended_by,
            bounds,
        }
    }
}

/// Judges a product without a batch event: any reading outside the limit is a breach.
#[must_use]
pub fn plain_limit(series: &Series, window: Window, violates: Threshold) -> Verdict {
    let mut inside = series
        .good()
        .iter()
        .filter(|s| s.at >= window.from && s.at < window.to);
    if inside.any(|s| violates.is_met_by(s.value)) {
        Verdict::Fail { proven: true }
    } else if series
        .segments(window)
        .iter()
        .any(|segment| segment.value.is_none())
    {
        Verdict::Indeterminate {
            reason: Unknown::Gap,
        }
    } else {
        Verdict::Pass
    }
}

fn note_gap(gaps: &mut Vec<Window>, from: Timestamp, to: Timestamp, max_gap: Span) {
    if to - from > max_gap {
        gaps.push(Window { from, to });
    }
}

/// What could hide in the gaps: one period within the allowance is allowed, unless one was used.
fn hidden(result: &Tolerance, allowed: Span) -> Verdict {
    let harmless = match result.gaps.as_slice() {
        [] => true,
        [only] => result.periods.is_empty() && only.length() <= allowed,
        _ => false,
    };
    if harmless {
        Verdict::Pass
    } else {
        Verdict::Indeterminate {
            reason: Unknown::Gap,
        }
    }
}
