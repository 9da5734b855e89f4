//! Coverage: how much of a window was observed, said beside everything that is said about it.
//!
//! `coverage = observed / window`, `in_range = in-range observed / observed`, never divided by the
//! window; with nothing observed it is "no data", neither 0 % nor 100 %. Bridging single losses would
//! claim time that nobody saw.

use super::lattice::Threshold;
use super::series::{Series, Window};
use super::verdict::{Unknown, Verdict};
use freshtrack_core::time::Span;
use serde::{Deserialize, Serialize};

/// Least share of a window that must be observed to call it compliant, in percent.
pub const COVERAGE_PERCENT_MIN: i64 = 98;

/// What part of a window was observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Length of the window.
    pub window: Span,
    /// Observed part.
    pub observed: Span,
    /// Observed part in which no condition of breach was met.
    pub in_range: Span,
    /// Unobserved stretches in order; neighbours are joined.
    pub gaps: Vec<Window>,
    /// Suspect readings left out.
    pub suspect: usize,
    /// Bad readings left out.
    pub bad: usize,
}

/// Measures the coverage of `window`, and the time in which none of the `breach` conditions holds.
#[must_use]
pub fn coverage(series: &Series, window: Window, breach: &[Threshold]) -> Coverage {
    let mut result = Coverage {
        window: window.length(),
        observed: Span::ZERO,
        in_range: Span::ZERO,
        gaps: Vec::new(),
        suspect: series.suspect_count(),
        bad: series.bad_count(),
    };
    for segment in series.segments(window) {
        let length = segment.window.length();
        let Some(value) = segment.value else {
            result.gaps.push(segment.window);
            continue;
        };
        result.observed = result.observed + length;
        if !breach.iter().any(|threshold| threshold.is_met_by(value)) {
            result.in_range = result.in_range + length;
        }
    }
    result
}

impl Coverage {
    /// Observed share of the window in hundredths of a percent, rounded down; none for an empty window.
    #[must_use]
    pub fn observed_basis_points(&self) -> Option<i64> {
        share(self.observed, self.window)
    }

    /// In-range share *of the observed time* in hundredths of a percent, rounded down; none means "no
    /// data".
    #[must_use]
    pub fn in_range_basis_points(&self) -> Option<i64> {
        share(self.in_range, self.observed)
    }

    /// Whether at least `percent` of the window was observed.
    #[must_use]
    pub fn reaches(&self, percent: i64) -> bool {
        let (observed, window) = (self.observed.as_micros(), self.window.as_micros());
        i128::from(observed) * 100 >= i128::from(window) * i128::from(percent)
    }

    /// `verdict`, or Indeterminate where a Pass would rest on too little observed time.
    #[must_use]
    pub fn qualify(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Pass if !self.reaches(COVERAGE_PERCENT_MIN) || self.observed == Span::ZERO => {
                Verdict::Indeterminate {
                    reason: Unknown::Coverage,
                }
            }
            other => other,
        }
    }
}

fn share(part: Span, whole: Span) -> Option<i64> {
    let (part, whole) = (i128::from(part.as_micros()), i128::from(whole.as_micros()));
    if whole <= 0 {
        None
    } else {
        i64::try_from(part * 10_000 / whole).ok()
    }
}
