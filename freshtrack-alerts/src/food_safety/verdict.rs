//! Verdicts and the bounded durations they rest on.
//!
//! A duration that was sampled is never one number: `lo` is what the samples prove, `hi` adds what they
//! cannot exclude. Pass needs `hi` inside the limit, a proven Fail needs `lo` outside, and unobserved
//! time never becomes Pass.

use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// Bounds of a duration: `lo ≤ true ≤ hi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bounds {
    /// What the samples prove.
    pub lo: Span,
    /// What the samples cannot exclude.
    pub hi: Span,
}

/// Why nothing can be concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unknown {
    /// Neither a sample nor an operator says when it began.
    StartUnknown,
    /// The mark lies in a gap between readings.
    Gap,
    /// Readings stopped before the mark.
    NoData,
    /// Too little of the window was observed.
    Coverage,
}

/// The outcome of one window or stage, best first: of several, the worst wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The limit was kept.
    Pass,
    /// Not decided yet.
    Pending,
    /// It cannot be decided from what was observed.
    Indeterminate {
        /// Why.
        reason: Unknown,
    },
    /// The limit was not kept, or keeping it was not proven where it must be.
    Fail {
        /// Whether the samples prove the breach.
        proven: bool,
    },
}

impl Verdict {
    /// The worst of several; Pass of none.
    #[must_use]
    pub fn worst(verdicts: impl IntoIterator<Item = Self>) -> Self {
        verdicts.into_iter().max().unwrap_or(Self::Pass)
    }

    /// Judges a finished period against an allowance.
    ///
    /// `widest_bracket` is the wider of the two intervals in which the period began and ended: the
    /// conservative rule of food safety 2.2 is `hi ≤ allowed` → Pass; `lo ≥ allowed` → Fail, proven;
    /// a bracket wider than `max_gap` → Indeterminate; else Fail, unproven.
    #[must_use]
    pub fn of_period(bounds: Bounds, allowed: Span, widest_bracket: Span, max_gap: Span) -> Self {
        if bounds.hi <= allowed {
            Self::Pass
        } else if bounds.lo >= allowed {
            Self::Fail { proven: true }
        } else if widest_bracket > max_gap {
            Self::Indeterminate {
                reason: Unknown::Gap,
            }
        } else {
            Self::Fail { proven: false }
        }
    }

    /// Judges a period that has not been seen to end.
    ///
    /// Before the deadline it is Pending. From then on it is a proven Fail if `lo` says so, Indeterminate
    /// if readings stopped more than `max_gap` before the deadline, else an unproven Fail.
    #[must_use]
    pub fn of_open_period(open: &OpenPeriod, now: Timestamp, max_gap: Span) -> Self {
        if now < open.deadline {
            Self::Pending
        } else if open.lo >= open.allowed {
            Self::Fail { proven: true }
        } else if open.deadline - open.last_seen > max_gap {
            Self::Indeterminate {
                reason: Unknown::NoData,
            }
        } else {
            Self::Fail { proven: false }
        }
    }
}

/// A period that is still running as far as readings tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenPeriod {
    /// Proven length so far.
    pub lo: Span,
    /// Allowed length.
    pub allowed: Span,
    /// When it must have ended, counted from its earliest possible start.
    pub deadline: Timestamp,
    /// The newest reading.
    pub last_seen: Timestamp,
}

/// A changed verdict: late data amend, they never overwrite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment<S> {
    /// What the verdict is about (a stage, a window).
    pub subject: S,
    /// What had been concluded.
    pub from: Verdict,
    /// What is concluded now.
    pub to: Verdict,
    /// When.
    pub at: Timestamp,
    /// Whether an alarm that stood on the old verdict resolves, with reason `amended`.
    pub resolves_alarm: bool,
}
