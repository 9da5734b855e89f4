//! Exact comparison of Celsius and Fahrenheit on one integer lattice.
//!
//! US food law is written in whole °F and its °C figures are rounded, so neither scale may be converted
//! into the other before a comparison. Both fall on whole steps of 1/9000 °C:
//! `u = 9 × milli-°C = 5 × (milli-°F − 32 000)`. No float and no rounding takes part in a verdict.

use freshtrack_core::temperature::{Temperature, TemperatureUnit};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// A temperature in steps of 1/9000 °C from 0 °C.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lattice(i64);

/// Largest distance from the limit at which a value *known* to be rounded from °F counts as equal.
///
/// Rounding to milli-°C errs by less than half of 9 steps.
pub const CONVERTED_TOLERANCE: i64 = 4;

impl Lattice {
    /// From milli-degrees of `unit`, exactly.
    #[must_use]
    pub fn from_milli(milli: i32, unit: TemperatureUnit) -> Self {
        match unit {
            TemperatureUnit::C => Self(9 * i64::from(milli)),
            TemperatureUnit::F => Self(5 * (i64::from(milli) - 32_000)),
        }
    }

    /// Steps of 1/9000 °C.
    #[must_use]
    pub const fn steps(self) -> i64 {
        self.0
    }
}

/// A measured value with what is known of the scale it was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "reported", rename_all = "snake_case")]
pub enum Measured {
    /// Taken in °C.
    Celsius {
        /// Milli-°C, calibration offset added.
        milli: i32,
    },
    /// Taken or entered in °F and kept so.
    Fahrenheit {
        /// Milli-°F, calibration offset added.
        milli: i32,
    },
    /// Imported history of which only the conversion from °F to milli-°C is left.
    ConvertedFromFahrenheit {
        /// Rounded milli-°C.
        milli: i32,
    },
}

impl From<Temperature> for Measured {
    fn from(t: Temperature) -> Self {
        Self::Celsius {
            milli: t.milli_celsius(),
        }
    }
}

impl Measured {
    /// A value as reported, in `unit`.
    #[must_use]
    pub const fn reported(milli: i32, unit: TemperatureUnit) -> Self {
        match unit {
            TemperatureUnit::C => Self::Celsius { milli },
            TemperatureUnit::F => Self::Fahrenheit { milli },
        }
    }

    /// Where the value lies.
    #[must_use]
    pub fn lattice(self) -> Lattice {
        match self {
            Self::Celsius { milli } | Self::ConvertedFromFahrenheit { milli } => {
                Lattice::from_milli(milli, TemperatureUnit::C)
            }
            Self::Fahrenheit { milli } => Lattice::from_milli(milli, TemperatureUnit::F),
        }
    }

    /// The milli-°C everything outside a verdict uses; held inside the representable range.
    #[must_use]
    pub fn temperature(self) -> Temperature {
        let (milli, unit) = match self {
            Self::Celsius { milli } | Self::ConvertedFromFahrenheit { milli } => {
                (milli, TemperatureUnit::C)
            }
            Self::Fahrenheit { milli } => (milli, TemperatureUnit::F),
        };
        Temperature::from_milli(milli, unit).unwrap_or(Temperature::from_milli_celsius(milli))
    }

    /// Degrees Celsius as a float, for models and charts; never for a verdict.
    #[must_use]
    pub fn celsius(self) -> f64 {
        f64::from(self.temperature().milli_celsius()) / 1_000.0
    }

    /// This value with a calibration offset in the unit it was taken in.
    #[must_use]
    pub const fn calibrated(self, offset_milli: i32) -> Self {
        match self {
            Self::Celsius { milli } => Self::Celsius {
                milli: milli.saturating_add(offset_milli),
            },
            Self::Fahrenheit { milli } => Self::Fahrenheit {
                milli: milli.saturating_add(offset_milli),
            },
            Self::ConvertedFromFahrenheit { milli } => Self::ConvertedFromFahrenheit {
                milli: milli.saturating_add(offset_milli),
            },
        }
    }

    /// How far off the limit this value may lie and still be at it.
    pub(super) const fn tolerance(self) -> i64 {
        match self {
            Self::Celsius { .. } | Self::Fahrenheit { .. } => 0,
            Self::ConvertedFromFahrenheit { .. } => CONVERTED_TOLERANCE,
        }
    }

    /// Compares with a limit; a converted value within its rounding error is equal to it.
    #[must_use]
    pub fn versus(self, limit: Lattice) -> Ordering {
        let distance = self.lattice().0 - limit.0;
        if distance.abs() <= self.tolerance() {
            Ordering::Equal
        } else {
            distance.cmp(&0)
        }
    }
}

/// The operator of a breach condition: data, never implied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// `T > limit`
    Above,
    /// `T ≥ limit`
    AtOrAbove,
    /// `T < limit`
    Below,
    /// `T ≤ limit`
    AtOrBelow,
}

impl Operator {
    /// Whether a value that compares so with the limit meets the condition.
    #[must_use]
    pub const fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Above => ordering.is_gt(),
            Self::AtOrAbove => ordering.is_ge(),
            Self::Below => ordering.is_lt(),
            Self::AtOrBelow => ordering.is_le(),
        }
    }

    /// Whether the condition is about warmth rather than cold.
    #[must_use]
    pub const fn is_warm_side(self) -> bool {
        matches!(self, Self::Above | Self::AtOrAbove)
    }
}

/// A condition on one value: an operator and a limit in the unit of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Threshold {
    /// The comparison.
    pub op: Operator,
    /// Milli-degrees in `unit`.
    pub milli: i32,
    /// The unit the source is written in.
    pub unit: TemperatureUnit,
}

impl Threshold {
    /// A condition in °C.
    #[must_use]
    pub const fn celsius(op: Operator, milli: i32) -> Self {
        Self {
            op,
            milli,
            unit: TemperatureUnit::C,
        }
    }

    /// A condition in °F.
    #[must_use]
    pub const fn fahrenheit(op: Operator, milli: i32) -> Self {
        Self {
            op,
            milli,
            unit: TemperatureUnit::F,
        }
    }

    /// The limit on the lattice.
    #[must_use]
    pub fn limit(&self) -> Lattice {
        Lattice::from_milli(self.milli, self.unit)
    }

    /// Whether `value` meets the condition.
    #[must_use]
    pub fn is_met_by(&self, value: Measured) -> bool {
        self.op.holds(value.versus(self.limit()))
    }
}
