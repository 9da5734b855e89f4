//! How often an n-sample on-delay with an m-sample off-delay is wrong, in closed form.
//!
//! For independent samples: `p1` is the probability that a healthy sample violates, `q` that a failed
//! one does. Real air temperatures are autocorrelated, so replay over a unit's own history comes first
//! and this is its check.
//!
//! **Source:** Xu, Wang, Izadi, Chen 2012; Adnan, Izadi, Chen 2011.

use serde::{Deserialize, Serialize};

/// An on-delay of `n` and an off-delay of `m` samples, both at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delays {
    /// Violating samples in a row until the alarm.
    pub on: u32,
    /// Conforming samples in a row until its end.
    pub off: u32,
}

/// `Σ_{i<k} aⁱ`
fn geometric(a: f64, k: u32) -> f64 {
    (0..k).fold(0.0, |sum, _| sum * a + 1.0)
}

fn power(a: f64, k: u32) -> f64 {
    (0..k).fold(1.0, |product, _| product * a)
}

impl Delays {
    /// Share of healthy time in alarm.
    ///
    /// A longer off-delay *raises* this, though it slightly lowers the number of raises.
    #[must_use]
    pub fn false_alarm_rate(self, p1: f64) -> f64 {
        let p2 = 1.0 - p1;
        let alarm = power(p1, self.on) * geometric(p2, self.off);
        let normal = power(p2, self.off) * geometric(p1, self.on);
        alarm / (alarm + normal)
    }

    /// False alarms raised per healthy sample.
    #[must_use]
    pub fn raises_per_sample(self, p1: f64) -> f64 {
        let p2 = 1.0 - p1;
        let in_alarm = geometric(p2, self.off) / power(p2, self.off);
        let in_normal = geometric(p1, self.on) / power(p1, self.on);
        1.0 / (in_alarm + in_normal)
    }

    /// Expected samples from failure to alarm; infinite for `q` 0.
    #[must_use]
    pub fn expected_samples(self, q: f64) -> f64 {
        // (1 − qⁿ) / (qⁿ (1 − q)), where (1 − qⁿ)/(1 − q) is the geometric sum, also at q = 1.
        geometric(q, self.on) / power(q, self.on)
    }
}

/// The machine the formulas describe; storable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DelayTimer {
    active: bool,
    run: u32,
}

/// Whether a sample violates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleState {
    /// Beyond the limit.
    Violating,
    /// Within it.
    Conforming,
}

impl DelayTimer {
    /// Whether the alarm stands.
    #[must_use]
    pub const fn is_active(self) -> bool {
        self.active
    }

    /// Takes a sample; returns whether it raised.
    pub fn step(&mut self, delays: Delays, sample: SampleState) -> bool {
        let against = (sample == SampleState::Violating) != self.active;
        self.run = if against { self.run + 1 } else { 0 };
        let needed = if self.active { delays.off } else { delays.on };
        if self.run >= needed {
            self.active = !self.active;
            self.run = 0;
            return self.active;
        }
        false
    }
}
