//! Mean kinetic temperature: the constant temperature that would have degraded a medicine as much.
//!
//! A figure for controlled room and controlled cold temperature over exactly their windows, and misuse
//! anywhere else; the typed guard of [`mkt_for_preset`] holds no number inside a refusal.
//!
//! **Source:** USP ⟨1079.2⟩ (official August 2025); trapezoid on the exponential terms: Tong & Lock 2015.

use super::coverage::{COVERAGE_PERCENT_MIN, coverage};
use super::lattice::Lattice;
use super::legs::{Leg, LegTracker};
use super::preset::{Preset, Requirement, StorageClass};
use super::series::{Series, Window};
use super::verdict::Verdict;
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// ΔH/R in kelvin: 83.144 kJ/mol over 8.3144e-3 kJ/(mol K), exactly.
const ACTIVATION_K: f64 = 10_000.0;
const KELVIN_OFFSET: f64 = 273.15;

/// Decimals of a °C to which a mean is rounded before it meets a limit, so that a constant at the limit
/// does not violate it by a rounding error of the logarithm.
const JUDGED_PER_DEGREE: f64 = 1e6;

/// A temperature and how much it counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weighted {
    /// °C.
    pub celsius: f64,
    /// Any unit, not negative.
    pub weight: f64,
}

/// How readings are weighted; named in every result, since the answers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Each reading counts for the time it holds.
    #[default]
    LeftHold,
    /// Each interval counts with the mean of the exponential terms at its ends.
    Trapezoid,
    /// Each reading counts once.
    Unweighted,
}

/// The mean kinetic temperature in °C; nothing without weight or with a temperature below 0 K.
///
/// `MKT = (ΔH/R) / −ln(Σ wᵢ e^(−ΔH/(R Tᵢ)) / Σ wᵢ)`, summed relative to the largest exponent, because a
/// direct sum underflows for extreme cold.
#[must_use]
pub fn mean_kinetic(values: &[Weighted]) -> Option<f64> {
    let exponent = |v: &Weighted| -ACTIVATION_K / (v.celsius + KELVIN_OFFSET);
    let counted = || values.iter().filter(|v| v.weight > 0.0);
    if counted().any(|v| v.celsius <= -KELVIN_OFFSET || !v.celsius.is_finite()) {
        return None;
    }
    let largest = counted().map(exponent).reduce(f64::max)?;
    let total: f64 = counted().map(|v| v.weight).sum();
    let sum: f64 = counted()
        .map(|v| v.weight * (exponent(v) - largest).exp())
        .sum();
    Some(ACTIVATION_K / -(largest + (sum / total).ln()) - KELVIN_OFFSET)
}

/// The mean kinetic temperature of what was observed of `window`.
///
/// Readings at one instant are averaged first.
#[must_use]
pub fn mean_kinetic_of(series: &Series, window: Window, method: Method) -> Option<f64> {
    let points = averaged(series);
    let held = |index: usize| -> Window {
        let at = points[index].0;
        let until = match points.get(index + 1) {
            Some(next) if next.0 < window.to && next.0 - at <= series.gap_limit() => next.0,
            Some(_) | None => at + series.cadence(),
        };
        Window {
            from: at.max(window.from),
            to: until.min(window.to),
        }
    };
    let weighted: Vec<Weighted> = match method {
        Method::LeftHold => (0..points.len())
            .map(|i| Weighted {
                celsius: points[i].1,
                weight: minutes(held(i).length()),
            })
            .collect(),
        Method::Unweighted => points
            .iter()
            .filter(|(at, _)| *at >= window.from && *at <= window.to)
            .map(|(_, celsius)| Weighted {
                celsius: *celsius,
                weight: 1.0,
            })
            .collect(),
        Method::Trapezoid => points
            .windows(2)
            .filter(|pair| pair[0].0 >= window.from && pair[1].0 <= window.to)
            .filter(|pair| pair[1].0 - pair[0].0 <= series.gap_limit())
            .flat_map(|pair| {
                let weight = minutes(pair[1].0 - pair[0].0) / 2.0;
                [pair[0].1, pair[1].1].map(|celsius| Weighted { celsius, weight })
            })
            .collect(),
    };
    mean_kinetic(&weighted)
}

fn averaged(series: &Series) -> Vec<(Timestamp, f64)> {
    series
        .good()
        .chunk_by(|a, b| a.at == b.at)
        .map(|same| {
            let mut count = 0.0;
            let mut sum = 0.0;
            for sample in same {
                count += 1.0;
                sum += sample.value.celsius();
            }
            (same[0].at, sum / count)
        })
        .collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a weight; 53 bits of microseconds hold centuries"
)]
fn minutes(span: Span) -> f64 {
    span.as_micros() as f64 / 60e6
}

/// Why a mean kinetic temperature says nothing here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NotApplicable {
    /// Never for frozen storage.
    #[error("not applicable to frozen storage")]
    FrozenStorage,
    /// A chilled product was at or below 0 °C: the mean is no licence for cold.
    #[error("a reading is at or below 0 °C")]
    BelowZero,
    /// Only for controlled room and controlled cold temperature.
    #[error("not applicable to this storage class")]
    Class,
    /// Not exactly 30 consecutive days, or 24 consecutive hours.
    #[error("the window is not the one the standard names")]
    Window,
    /// Less than 98 % of the window was observed.
    #[error("too little of the window was observed")]
    Coverage,
}

/// A mean kinetic temperature that may be used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mkt {
    /// °C.
    pub celsius: f64,
    /// How it was weighted.
    pub method: Method,
}

/// The mean kinetic temperature where the standard allows one.
///
/// The window includes the excursion. A mean over 52 weeks is misuse: 23.98 °C hid a 30-day value of
/// 28.98 °C.
///
/// # Errors
/// [`NotApplicable`]: why there is no number.
pub fn mkt_for_preset(
    series: &Series,
    window: Window,
    class: StorageClass,
    method: Method,
) -> Result<Mkt, NotApplicable> {
    let frozen_point = Lattice::from_milli(0, TemperatureUnit::C);
    let mut inside = series
        .good()
        .iter()
        .filter(|s| s.at >= window.from && s.at < window.to);
    let length = match class {
        StorageClass::Frozen => return Err(NotApplicable::FrozenStorage),
        StorageClass::Cct | StorageClass::Chilled
            if inside.any(|s| s.value.versus(frozen_point).is_le()) =>
        {
            return Err(NotApplicable::BelowZero);
        }
        StorageClass::Crt => Span::from_minutes(30 * 24 * 60),
        StorageClass::Cct => Span::from_minutes(24 * 60),
        StorageClass::Chilled | StorageClass::Hot | StorageClass::Ambient => {
            return Err(NotApplicable::Class);
        }
    };
    if window.length() != length {
        return Err(NotApplicable::Window);
    }
    if !coverage(series, window, &[]).reaches(COVERAGE_PERCENT_MIN) {
        return Err(NotApplicable::Coverage);
    }
    let celsius = mean_kinetic_of(series, window, method).ok_or(NotApplicable::Coverage)?;
    Ok(Mkt { celsius, method })
}

/// A preset's mean and its excursion limits, each reported for itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MktReport {
    /// The mean.
    pub mkt: Mkt,
    /// Whether the mean keeps its limit.
    pub mean: Verdict,
    /// One verdict per excursion limit, in the preset's order.
    pub excursions: Vec<(Leg, Verdict)>,
}

impl MktReport {
    /// The worst of all.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::worst(
            self.excursions
                .iter()
                .map(|(_, verdict)| *verdict)
                .chain([self.mean]),
        )
    }
}

/// Judges `window` by a preset with a mean kinetic temperature.
///
/// # Errors
/// As [`mkt_for_preset`]; [`NotApplicable::Class`] if the preset has no such mean.
pub fn evaluate(
    preset: &Preset,
    series: &Series,
    window: Window,
    method: Method,
) -> Result<MktReport, NotApplicable> {
    let mkt = mkt_for_preset(series, window, preset.storage_class, method)?;
    let limit = preset
        .criteria
        .iter()
        .find_map(|criterion| match criterion.requirement {
            Requirement::Mkt { violates_when, .. } => Some(violates_when),
            _ => None,
        });
    let limit = limit.ok_or(NotApplicable::Class)?;
    let judged = (mkt.celsius * JUDGED_PER_DEGREE).round() / JUDGED_PER_DEGREE;
    let celsius = super::lattice::Measured::reported(limit.milli, limit.unit).celsius();
    let mean = if limit.op.holds(judged.total_cmp(&celsius)) {
        Verdict::Fail { proven: true }
    } else {
        Verdict::Pass
    };
    let legs = Leg::of(preset);
    let tracker = LegTracker::over(&legs, series, window);
    let excursions = legs.iter().copied().zip(tracker.verdicts(&legs)).collect();
    Ok(MktReport {
        mkt,
        mean,
        excursions,
    })
}
