//! Degree-minutes: how far and how long, as an index of severity. Never a microbial count.

use super::lattice::Threshold;
use super::series::{Series, Window};
use freshtrack_core::time::Span;
use serde::{Deserialize, Serialize};

/// Lattice steps in a degree.
const STEPS_PER_DEGREE: f64 = 9_000.0;

/// Exposure beyond one limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Exposure {
    /// Observed time in which the condition held.
    pub observed: Span,
    /// Σ excess × hold over that time, in °C minutes.
    pub degree_minutes: f64,
    /// Time without a reading.
    pub unobserved: Span,
    /// Observed, and unobserved time between two readings that both meet the condition.
    pub possible: Span,
}

/// Sums the exposure of `window` beyond `limit`.
#[must_use]
pub fn exposure(series: &Series, window: Window, limit: Threshold) -> Exposure {
    let mut result = Exposure {
        observed: Span::ZERO,
        degree_minutes: 0.0,
        unobserved: Span::ZERO,
        possible: Span::ZERO,
    };
    let segments = series.segments(window);
    let violates = |index: Option<usize>| {
        let value = index
            .and_then(|i| segments.get(i))
            .and_then(|segment| segment.value);
        value.is_some_and(|value| limit.is_met_by(value))
    };
    let mut step_micros: i128 = 0;
    for (index, segment) in segments.iter().enumerate() {
        let length = segment.window.length();
        match segment.value {
            Some(value) if limit.is_met_by(value) => {
                result.observed = result.observed + length;
                let excess = (value.lattice().steps() - limit.limit().steps()).abs();
                step_micros += i128::from(excess) * i128::from(length.as_micros());
            }
            Some(_) => {}
            None => {
                result.unobserved = result.unobserved + length;
                if violates(index.checked_sub(1)) && violates(Some(index + 1)) {
                    result.possible = result.possible + length;
                }
            }
        }
    }
    result.possible = result.possible + result.observed;
    result.degree_minutes = degree_minutes(step_micros);
    result
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an index to show; summed exactly before"
)]
fn degree_minutes(step_micros: i128) -> f64 {
    step_micros as f64 / (STEPS_PER_DEGREE * 60e6)
}
