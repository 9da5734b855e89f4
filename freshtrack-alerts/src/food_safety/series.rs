//! A series of readings and what it says about the time between them.
//!
//! A reading is valid from its own time to the next if that is at most the gap limit away; otherwise for
//! one cadence, and the rest is unobserved. At the end of a window it holds one cadence at most.

use super::lattice::Measured;
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// Whether a reading may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Enters evaluators.
    Good,
    /// Kept and counted; clears nothing, proves nothing.
    Suspect,
    /// A fault code or an impossible value.
    Bad,
}

/// One reading of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When it was taken.
    pub at: Timestamp,
    /// What was measured.
    pub value: Measured,
    /// Whether it may be believed.
    pub quality: Quality,
}

impl Sample {
    /// A reading that may be believed.
    #[must_use]
    pub fn good(at: Timestamp, value: impl Into<Measured>) -> Self {
        Self {
            at,
            value: value.into(),
            quality: Quality::Good,
        }
    }
}

/// A half-open stretch of time `[from, to)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// First instant.
    pub from: Timestamp,
    /// First instant after it.
    pub to: Timestamp,
}

impl Window {
    /// Its length, never negative.
    #[must_use]
    pub fn length(&self) -> Span {
        (self.to - self.from).max(Span::ZERO)
    }
}

/// A part of a window that one reading covers, or none does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// When.
    pub window: Window,
    /// The reading that holds; none if the time is unobserved.
    pub value: Option<Measured>,
}

/// Readings in order of time, once each, with the cadence they were meant to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    good: Vec<Sample>,
    suspect: usize,
    bad: usize,
    cadence: Span,
    gap_limit: Span,
}

impl Series {
    /// Sorts and deduplicates `samples`; the gap limit is 1.5 × `cadence`.
    ///
    /// Different values at one instant are all kept, the warmest last, so that it is the one that holds.
    /// The order of arrival never matters.
    #[must_use]
    pub fn new(mut samples: Vec<Sample>, cadence: Span) -> Self {
        let count =
            |q: Quality, samples: &[Sample]| samples.iter().filter(|s| s.quality == q).count();
        samples.sort_by_key(|s| (s.at, s.value.lattice(), s.value.tolerance(), s.quality));
        samples.dedup();
        let (suspect, bad) = (
            count(Quality::Suspect, &samples),
            count(Quality::Bad, &samples),
        );
        samples.retain(|s| s.quality == Quality::Good);
        let gap_limit = Span::from_micros(cadence.as_micros().saturating_mul(3) / 2);
        Self {
            good: samples,
            suspect,
            bad,
            cadence,
            gap_limit,
        }
    }

    /// The same series with another gap limit.
    #[must_use]
    pub const fn with_gap_limit(mut self, gap_limit: Span) -> Self {
        self.gap_limit = gap_limit;
        self
    }

    /// The readings that may be believed, in order.
    #[must_use]
    pub fn good(&self) -> &[Sample] {
        &self.good
    }

    /// How many suspect readings were left out.
    #[must_use]
    pub const fn suspect_count(&self) -> usize {
        self.suspect
    }

    /// How many bad readings were left out.
    #[must_use]
    pub const fn bad_count(&self) -> usize {
        self.bad
    }

    /// Intended time between readings.
    #[must_use]
    pub const fn cadence(&self) -> Span {
        self.cadence
    }

    /// Longest interval that one reading may bridge.
    #[must_use]
    pub const fn gap_limit(&self) -> Span {
        self.gap_limit
    }

    /// `window` cut into what each reading covers and what none does, in order and without holes.
    #[must_use]
    pub fn segments(&self, window: Window) -> Vec<Segment> {
        let mut segments = Vec::new();
        let mut covered = window.from;
        let mut push = |from: Timestamp, to: Timestamp, value| {
            let clipped = Window {
                from: from.max(window.from),
                to: to.min(window.to),
            };
            if clipped.from < clipped.to {
                segments.push(Segment {
                    window: clipped,
                    value,
                });
            }
        };
        for (index, sample) in self.good.iter().enumerate() {
            if sample.at >= window.to {
                break;
            }
            let until = self.holds_until(index, window.to);
            push(covered, sample.at, None);
            push(sample.at, until, Some(sample.value));
            covered = covered.max(until);
        }
        push(covered, window.to, None);
        segments
    }

    fn holds_until(&self, index: usize, end: Timestamp) -> Timestamp {
        let at = self.good[index].at;
        match self.good.get(index + 1) {
            Some(next) if next.at < end && next.at - at <= self.gap_limit => next.at,
            Some(_) | None => (at + self.cadence).min(end),
        }
    }
}
