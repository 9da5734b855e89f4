//! Newton's law of cooling, for forecasts. A forecast warns; it is never a verdict.

use super::series::Sample;
use freshtrack_core::time::{Span, Timestamp};

const MICROS_PER_HOUR: f64 = 3.6e9;

/// Readings a fit needs before it says anything.
const READINGS_MIN: usize = 3;

/// Cooling or warming towards a constant ambient temperature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Newton {
    /// What it tends to, °C.
    pub ambient: f64,
    /// Time constant in hours.
    pub tau_hours: f64,
}

impl Newton {
    /// Hours from `start` to `limit`, both °C; nothing if it is never reached.
    #[must_use]
    pub fn hours_to(&self, start: f64, limit: f64) -> Option<f64> {
        let ratio = (start - self.ambient) / (limit - self.ambient);
        (ratio.is_finite() && ratio >= 1.0).then(|| self.tau_hours * ratio.ln())
    }

    /// Temperature in °C, `hours` after it was `start`.
    #[must_use]
    pub fn at(&self, start: f64, hours: f64) -> f64 {
        self.ambient + (start - self.ambient) * (-hours / self.tau_hours).exp()
    }

    /// Fits the time constant to a cooling run above `ambient` (°C) by least squares on the logarithm.
    ///
    /// Nothing with fewer than three readings above ambient, or if the run does not cool.
    #[must_use]
    pub fn fit(run: &[Sample], ambient: f64) -> Option<Self> {
        let origin = run.first()?.at;
        let points: Vec<(f64, f64)> = run
            .iter()
            .map(|s| (hours(s.at - origin), s.value.celsius() - ambient))
            .filter(|(_, excess)| *excess > 0.0)
            .map(|(t, excess)| (t, excess.ln()))
            .collect();
        if points.len() < READINGS_MIN {
            return None;
        }
        let (mut n, mut st, mut sy, mut stt, mut sty) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (t, y) in points {
            n += 1.0;
            st += t;
            sy += y;
            stt += t * t;
            sty += t * y;
        }
        let slope = (n * sty - st * sy) / (n * stt - st * st);
        (slope < 0.0).then(|| Self {
            ambient,
            tau_hours: -1.0 / slope,
        })
    }
}

/// Whether the run is forecast to miss `limit` (°C) at `deadline`, judged from half of the time on.
///
/// `run` starts with the reading at the start of the clock.
#[must_use]
pub fn predicts_miss(
    run: &[Sample],
    ambient: f64,
    limit: f64,
    deadline: Timestamp,
    now: Timestamp,
) -> bool {
    let (Some(first), Some(last)) = (run.first(), run.last()) else {
        return false;
    };
    let allowed = deadline - first.at;
    if (now - first.at).times(2) < allowed || last.value.celsius() <= limit {
        return false;
    }
    let Some(fit) = Newton::fit(run, ambient) else {
        return false;
    };
    fit.hours_to(last.value.celsius(), limit)
        .is_none_or(|left| hours(last.at - first.at) + left > hours(allowed))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a forecast over hours; 53 bits hold centuries"
)]
fn hours(span: Span) -> f64 {
    span.as_micros() as f64 / MICROS_PER_HOUR
}
