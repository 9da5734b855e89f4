//! The product behind the air sensor, as one unit remembers it: the model in whole micro-degrees, so
//! that a stored state is read back exactly.

use super::micros;
use super::temperature::Evaluated;
use crate::food_safety::product_model::{Lag, ProductModel};
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Modelled product of one unit; kept only where its time constant is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Micro-°C.
    #[serde(rename = "p")]
    micro_celsius: i64,
    /// Air that holds since `at`.
    #[serde(rename = "a")]
    air: Temperature,
    #[serde(rename = "t", with = "micros")]
    at: Timestamp,
    /// Whether the newest reading ended a gap: the worse of model and air was taken.
    #[serde(rename = "r", default, skip_serializing_if = "std::ops::Not::not")]
    pub reinitialised: bool,
}

impl Product {
    /// The model after a reading of the air.
    #[must_use]
    pub(crate) fn after(before: Option<Self>, lag: Lag, reading: Evaluated) -> Self {
        let (at, air) = (reading.at, reading.temperature);
        let model = before.map_or_else(
            || ProductModel::starting(at, air),
            |before| {
                let celsius = micro_to_celsius(before.micro_celsius);
                let mut model = ProductModel::with_celsius(before.at, celsius, before.air);
                model.step(lag, at, air);
                model
            },
        );
        Self {
            micro_celsius: celsius_to_micro(model.celsius()),
            air,
            at,
            reinitialised: model.reinitialised(),
        }
    }

    /// Modelled product at the newest reading, to the nearest milli-°C.
    #[must_use]
    pub fn temperature(&self) -> Temperature {
        let micro = self.micro_celsius;
        let milli = (micro + micro.signum() * 500) / 1_000;
        Temperature::from_milli_celsius(i32::try_from(milli).unwrap_or(i32::MAX))
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "micro-degrees of any plausible temperature are exact in 53 bits"
)]
fn micro_to_celsius(micro: i64) -> f64 {
    micro as f64 / 1e6
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounded; saturates at the representable range"
)]
fn celsius_to_micro(celsius: f64) -> i64 {
    (celsius * 1e6).round() as i64
}
