//! What the product feels behind the air sensor: a first-order lag.
//!
//! `dTp/dt = (T_air − Tp)/τ`, solved exactly for air held from reading to reading. Raw and modelled
//! series are both kept and labelled; a rule names which it uses.

use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// Time constant of a unit that was never measured; a choice of this project.
pub const DEFAULT_TAU: Span = Span::from_minutes(120);

/// State of the model; storable.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProductModel {
    /// Modelled product, °C.
    product: f64,
    /// Air that holds since `at`, °C.
    air: f64,
    at: Timestamp,
    reinitialised: bool,
}

/// How the model is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lag {
    /// Time constant.
    pub tau: Span,
    /// A longer interval is a gap, after which the worse of model and air is taken.
    pub gap_limit: Span,
}

impl ProductModel {
    /// Starts with a product as warm as the air.
    #[must_use]
    pub fn starting(at: Timestamp, air: Temperature) -> Self {
        Self::with_product(at, air, air)
    }

    /// Starts with a product of known temperature.
    #[must_use]
    pub fn with_product(at: Timestamp, product: Temperature, air: Temperature) -> Self {
        Self {
            product: celsius(product),
            air: celsius(air),
            at,
            reinitialised: false,
        }
    }

    /// Goes on from a product of known temperature, in °C.
    pub(crate) fn with_celsius(at: Timestamp, product: f64, air: Temperature) -> Self {
        Self {
            product,
            ..Self::starting(at, air)
        }
    }

    /// Takes the next air reading; an older one is ignored.
    pub fn step(&mut self, lag: Lag, at: Timestamp, air: Temperature) {
        let interval = at - self.at;
        if interval < Span::ZERO {
            return;
        }
        self.reinitialised = interval > lag.gap_limit;
        self.product = self.after(lag.tau, interval);
        self.air = celsius(air);
        if self.reinitialised {
            // Nothing is known of the gap: for warm-side rules the worse of the two counts.
            self.product = self.product.max(self.air);
        }
        self.at = at;
    }

    /// Modelled product at the newest reading, in °C.
    #[must_use]
    pub const fn celsius(&self) -> f64 {
        self.product
    }

    /// Modelled product at the newest reading, to the nearest milli-°C.
    #[must_use]
    pub fn temperature(&self) -> Temperature {
        nearest(self.product)
    }

    /// Whether the newest reading ended a gap.
    #[must_use]
    pub const fn reinitialised(&self) -> bool {
        self.reinitialised
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a model; 53 bits of microseconds hold centuries"
    )]
    fn after(&self, tau: Span, interval: Span) -> f64 {
        let share = interval.as_micros() as f64 / tau.as_micros().max(1) as f64;
        self.product + (self.air - self.product) * -(-share).exp_m1()
    }
}

pub(super) fn celsius(temperature: Temperature) -> f64 {
    f64::from(temperature.milli_celsius()) / 1_000.0
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounded; saturates at the representable range"
)]
pub(super) fn nearest(celsius: f64) -> Temperature {
    Temperature::from_milli_celsius((celsius * 1_000.0).round() as i32)
}
