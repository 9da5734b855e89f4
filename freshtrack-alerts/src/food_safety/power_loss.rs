//! After a power loss: what may have happened while nobody could see.
//!
//! A long gap ends in a reading. If it violates, there is neither delay nor grace; if it conforms, the
//! food may have warmed and frozen again. (The "HF" alarm of refrigeration controllers.)

use super::lattice::Threshold;
use super::product_model::{celsius, nearest};
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

const GAP_MIN: Span = Span::from_minutes(30);
const GAP_CADENCES: i64 = 3;

/// How a unit warms without power; start values are choices of this project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warming {
    /// Time constant, learned or 8 h.
    pub tau: Span,
    /// Ambient, the site's setting or 30 °C.
    pub ambient: Temperature,
}

impl Default for Warming {
    fn default() -> Self {
        Self {
            tau: Span::from_minutes(8 * 60),
            ambient: Temperature::from_milli_celsius(30_000),
        }
    }
}

/// An alarm at the end of a gap. A backfill from the sensor's own memory replaces the estimate and amends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "alarm")]
pub enum AfterGap {
    /// `after_gap`: the first reading violates. At once, no grace.
    Violates {
        /// Last reading before the gap.
        gap_from: Timestamp,
        /// Length of the gap.
        length: Span,
        /// First reading after it.
        found: Temperature,
    },
    /// `after_gap_unproven`: the food may have warmed in between. A warning; the product must be
    /// checked, and the window is Indeterminate.
    Unproven {
        /// Last reading before the gap.
        gap_from: Timestamp,
        /// Length of the gap.
        length: Span,
        /// What it may have reached.
        possible: Temperature,
    },
}

/// Judges the first Good reading after `last`, by its breach condition `violates`.
///
/// Nothing if the interval is no gap: shorter than 30 min or 3 cadences, whichever is longer.
#[must_use]
pub fn after_gap(
    last: (Timestamp, Temperature),
    first: (Timestamp, Temperature),
    violates: Threshold,
    cadence: Span,
    warming: Warming,
) -> Option<AfterGap> {
    let length = first.0 - last.0;
    if !is_gap(length, cadence) {
        return None;
    }
    let gap_from = last.0;
    if violates.is_met_by(first.1.into()) {
        return Some(AfterGap::Violates {
            gap_from,
            length,
            found: first.1,
        });
    }
    let possible = warmed(last.1, length, warming);
    let warm = violates.op.is_warm_side() && violates.is_met_by(possible.into());
    warm.then_some(AfterGap::Unproven {
        gap_from,
        length,
        possible,
    })
}

/// Whether a silence is so long that the power may have been gone.
#[must_use]
pub fn is_gap(length: Span, cadence: Span) -> bool {
    length >= GAP_MIN.max(cadence.times(GAP_CADENCES))
}

/// `T_amb + (T0 − T_amb) e^(−gap/τ)`
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "an estimate; 53 bits of microseconds hold centuries"
)]
pub fn warmed(start: Temperature, gap: Span, warming: Warming) -> Temperature {
    let share = gap.as_micros() as f64 / warming.tau.as_micros().max(1) as f64;
    let ambient = celsius(warming.ambient);
    nearest(ambient + (celsius(start) - ambient) * (-share).exp())
}
