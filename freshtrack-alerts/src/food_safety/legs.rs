//! Rules of several legs, each a condition that must not hold for so long: in one run, or in sum.
//!
//! A *consecutive* leg starts again at the first conforming reading; a *cumulative* one sums over the
//! shipment and never starts again by itself. A gap neither ends a run nor adds to what is proven.
//!
//! **Source:** WHO PQS E006; certified devices start again after each conforming reading.

use super::lattice::{Measured, Threshold};
use super::preset::{Duration, Preset, Requirement};
use super::series::{Sample, Series, Window};
use super::verdict::{Bounds, Unknown, Verdict};
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// Whether conforming readings start a leg again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One uninterrupted run.
    Consecutive,
    /// The sum of all runs.
    Cumulative,
}

/// One leg of a rule; any satisfied leg raises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// The condition.
    pub violates_when: Threshold,
    /// Run or sum.
    pub kind: Kind,
    /// So long; 0 for the first reading that meets it.
    pub seconds: i64,
}

impl Leg {
    /// The duration legs of a preset.
    #[must_use]
    pub fn of(preset: &Preset) -> Vec<Self> {
        let legs = preset.criteria.iter().filter_map(|criterion| {
            let Requirement::Never {
                violates_when,
                allowed,
            } = criterion.requirement
            else {
                return None;
            };
            let (kind, seconds) = match allowed {
                Duration::Instant => (Kind::Consecutive, 0),
                Duration::Consecutive { seconds } => (Kind::Consecutive, seconds),
                Duration::Cumulative { seconds } => (Kind::Cumulative, seconds),
                Duration::SinglePeriod { .. } => return None,
            };
            Some(Self {
                violates_when,
                kind,
                seconds,
            })
        });
        legs.collect()
    }

    const fn needed(&self) -> Span {
        Span::from_seconds(self.seconds)
    }
}

/// How far one leg has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// The current run (consecutive) or the sum (cumulative), with what gaps may hide.
    pub current: Bounds,
    /// The longest possible run or sum so far.
    pub worst_hi: Span,
    /// When the leg was satisfied; it stays so.
    pub satisfied_at: Option<Timestamp>,
}

/// Follows the legs of one rule reading by reading; small and storable.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LegTracker {
    progress: Vec<Progress>,
    last: Option<(Timestamp, Measured)>,
}

/// How long a reading holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Intended time between readings.
    pub cadence: Span,
    /// Longest interval one reading may bridge.
    pub gap_limit: Span,
}

impl LegTracker {
    /// A tracker that has seen nothing.
    #[must_use]
    pub fn new(legs: &[Leg]) -> Self {
        Self {
            progress: vec![Progress::default(); legs.len()],
            last: None,
        }
    }

    /// Follows all of `series` in `window`, to its end.
    #[must_use]
    pub fn over(legs: &[Leg], series: &Series, window: Window) -> Self {
        let pace = Pace {
            cadence: series.cadence(),
            gap_limit: series.gap_limit(),
        };
        let mut tracker = Self::new(legs);
        let inside = series
            .good()
            .iter()
            .filter(|s| s.at >= window.from && s.at < window.to);
        for sample in inside {
            tracker.step(legs, sample, pace);
        }
        tracker.close(legs, window, pace);
        tracker
    }

    /// How far each leg has come, in order.
    #[must_use]
    pub fn progress(&self) -> &[Progress] {
        &self.progress
    }

    /// Takes the next Good reading; older ones are ignored. Returns whether a leg became satisfied.
    pub fn step(&mut self, legs: &[Leg], sample: &Sample, pace: Pace) -> bool {
        if self.last.is_some_and(|(at, _)| sample.at < at) {
            return false;
        }
        let before = self.satisfied();
        if let Some((at, value)) = self.last {
            self.advance(legs, (at, value), sample.at, pace);
        }
        for (leg, progress) in legs.iter().zip(&mut self.progress) {
            let meets = leg.violates_when.is_met_by(sample.value);
            if meets && leg.seconds == 0 {
                progress.satisfied_at.get_or_insert(sample.at);
            }
            if !meets && leg.kind == Kind::Consecutive {
                progress.current = Bounds::default();
            }
        }
        self.last = Some((sample.at, sample.value));
        self.satisfied() > before
    }

    /// Lets time pass without a reading: the last one holds one cadence at most.
    ///
    /// Changes nothing but which legs are satisfied, so it may be called any number of times.
    pub fn tick(&mut self, legs: &[Leg], now: Timestamp, pace: Pace) -> bool {
        let before = self.satisfied();
        for (leg, progress) in legs.iter().zip(&mut self.progress) {
            let due = self.last.and_then(|last| due(leg, progress, last, pace));
            if let Some(due) = due.filter(|due| *due <= now) {
                progress.satisfied_at.get_or_insert(due);
            }
        }
        self.satisfied() > before
    }

    /// When a leg becomes satisfied though nothing new arrives.
    #[must_use]
    pub fn next_deadline(&self, legs: &[Leg], pace: Pace) -> Option<Timestamp> {
        let last = self.last?;
        let open = legs.iter().zip(&self.progress);
        open.filter_map(|(leg, progress)| due(leg, progress, last, pace))
            .min()
    }

    /// One verdict per leg on what was followed so far.
    #[must_use]
    pub fn verdicts(&self, legs: &[Leg]) -> Vec<Verdict> {
        let judge = |(leg, progress): (&Leg, &Progress)| match progress.satisfied_at {
            Some(_) => Verdict::Fail { proven: true },
            None if progress.worst_hi > Span::ZERO && progress.worst_hi >= leg.needed() => {
                Verdict::Indeterminate {
                    reason: Unknown::Gap,
                }
            }
            None => Verdict::Pass,
        };
        legs.iter().zip(&self.progress).map(judge).collect()
    }

    fn satisfied(&self) -> usize {
        self.progress
            .iter()
            .filter(|progress| progress.satisfied_at.is_some())
            .count()
    }

    fn close(&mut self, legs: &[Leg], window: Window, pace: Pace) {
        self.tick(legs, window.to, pace);
        match self.last {
            Some(last) => self.advance(
                legs,
                last,
                window.to,
                Pace {
                    gap_limit: pace.cadence,
                    ..pace
                },
            ),
            None => {
                for progress in &mut self.progress {
                    progress.worst_hi = window.length();
                }
            }
        }
    }

    fn advance(&mut self, legs: &[Leg], last: (Timestamp, Measured), to: Timestamp, pace: Pace) {
        let interval = to - last.0;
        let held = if interval <= pace.gap_limit {
            interval
        } else {
            pace.cadence
        };
        for (leg, progress) in legs.iter().zip(&mut self.progress) {
            let violated = leg.violates_when.is_met_by(last.1);
            if violated {
                progress.current.lo = progress.current.lo + held;
                if progress.current.lo >= leg.needed() && progress.satisfied_at.is_none() {
                    let excess = progress.current.lo - leg.needed();
                    progress.satisfied_at = Some(last.0 + held - excess);
                }
            }
            let possible = if violated { interval } else { interval - held };
            progress.current.hi = progress.current.hi + possible;
            progress.worst_hi = progress.worst_hi.max(progress.current.hi);
        }
    }
}

fn due(
    leg: &Leg,
    progress: &Progress,
    last: (Timestamp, Measured),
    pace: Pace,
) -> Option<Timestamp> {
    let open = progress.satisfied_at.is_none() && leg.violates_when.is_met_by(last.1);
    let missing = leg.needed() - progress.current.lo;
    (open && missing <= pace.cadence).then(|| last.0 + missing)
}
