//! Temperatures as whole milli-degrees Celsius, and limits as somebody authored them.
//!
//! There is no float between a parser and the store, so `NaN` cannot exist and comparison is exact. A
//! reading and a limit are converted by the same function, so a reading equal to the limit in the
//! limit's own unit compares equal.

use crate::decimal::{Milli, parse_milli};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A temperature in milli-degrees Celsius.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Temperature(i32);

/// A difference of temperatures in milli-degrees Celsius: hysteresis, offset, tolerance.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TemperatureDelta(i32);

/// The scale a number was written in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum TemperatureUnit {
    /// Degrees Celsius.
    #[default]
    C,
    /// Degrees Fahrenheit.
    F,
}

/// Whether exactly the limit is still fine.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// Only beyond the limit violates (`T > max`, `T < min`).
    #[default]
    Safe,
    /// The limit itself violates (`T ≥ max`, `T ≤ min`).
    Violates,
}

/// A limit as its author wrote it; comparisons use its milli-degrees Celsius.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Limit {
    /// Milli-degrees in `unit`.
    pub milli: i32,
    /// The author's scale.
    pub unit: TemperatureUnit,
    /// Whether the limit itself violates.
    #[serde(default)]
    pub boundary: Boundary,
}

/// Why a number is not a temperature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTemperature {
    /// Not a finite decimal number.
    #[error("not a finite decimal number")]
    NotANumber,
    /// Beyond what 32 bits of milli-degrees can hold.
    #[error("beyond the representable range")]
    OutOfRange,
}

impl Temperature {
    /// From milli-degrees Celsius.
    #[must_use]
    pub const fn from_milli_celsius(milli: i32) -> Self {
        Self(milli)
    }

    /// From milli-degrees of `unit`; °F is `round((m°F − 32 000) × 5 / 9)`, where no tie can occur.
    ///
    /// # Errors
    /// [`InvalidTemperature::OutOfRange`] never happens for °C and only near the end of `i32` for °F.
    pub fn from_milli(milli: i32, unit: TemperatureUnit) -> Result<Self, InvalidTemperature> {
        match unit {
            TemperatureUnit::C => Ok(Self(milli)),
            TemperatureUnit::F => {
                let scaled = (i64::from(milli) - 32_000) * 5;
                i32::try_from(div_round_half_away(scaled, 9))
                    .map(Self)
                    .map_err(|_| InvalidTemperature::OutOfRange)
            }
        }
    }

    /// Reads an exact decimal such as `41.01`, `-18` or `5e-1`; beyond three decimals it is rounded half
    /// away from zero.
    ///
    /// # Errors
    /// [`InvalidTemperature::NotANumber`] for anything that is not a finite decimal,
    /// [`InvalidTemperature::OutOfRange`] for what 32 bits of milli-degrees cannot hold.
    pub fn parse(text: &str, unit: TemperatureUnit) -> Result<Self, InvalidTemperature> {
        match parse_milli(text) {
            Milli::Value(milli) => Self::from_milli(milli, unit),
            Milli::TooLarge => Err(InvalidTemperature::OutOfRange),
            Milli::NotANumber => Err(InvalidTemperature::NotANumber),
        }
    }

    /// Milli-degrees Celsius.
    #[must_use]
    pub const fn milli_celsius(self) -> i32 {
        self.0
    }

    /// Hundredths of a degree Fahrenheit, rounded half to even: what is shown in °F.
    #[must_use]
    pub fn centi_fahrenheit(self) -> i64 {
        // °F×100 = m°C × 9/50 + 3200
        div_round_half_even(i64::from(self.0) * 9, 50) + 3_200
    }

    /// This temperature after a calibration offset, held inside the representable range.
    #[must_use]
    pub const fn offset_by(self, delta: TemperatureDelta) -> Self {
        Self(self.0.saturating_add(delta.0))
    }

    /// The number to show: three decimals in °C, two in °F.
    #[must_use]
    pub fn in_unit(self, unit: TemperatureUnit) -> f64 {
        match unit {
            TemperatureUnit::C => f64::from(self.0) / 1_000.0,
            #[expect(
                clippy::cast_precision_loss,
                reason = "hundredths of °F of an i32 fit in 53 bits"
            )]
            TemperatureUnit::F => self.centi_fahrenheit() as f64 / 100.0,
        }
    }
}

impl TemperatureDelta {
    /// No difference.
    pub const ZERO: Self = Self(0);

    /// From milli-degrees Celsius.
    #[must_use]
    pub const fn from_milli_celsius(milli: i32) -> Self {
        Self(milli)
    }

    /// From a difference in milli-degrees of `unit`: °F × 5/9, without the offset of 32.
    #[must_use]
    pub fn from_milli(milli: i32, unit: TemperatureUnit) -> Self {
        match unit {
            TemperatureUnit::C => Self(milli),
            TemperatureUnit::F => {
                let scaled = div_round_half_away(i64::from(milli) * 5, 9);
                Self(i32::try_from(scaled).unwrap_or(i32::MAX))
            }
        }
    }

    /// Milli-degrees Celsius.
    #[must_use]
    pub const fn milli_celsius(self) -> i32 {
        self.0
    }
}

impl Limit {
    /// A limit in degrees Celsius on the safe side.
    #[must_use]
    pub const fn celsius(milli: i32) -> Self {
        Self {
            milli,
            unit: TemperatureUnit::C,
            boundary: Boundary::Safe,
        }
    }

    /// A limit in degrees Fahrenheit on the safe side.
    #[must_use]
    pub const fn fahrenheit(milli: i32) -> Self {
        Self {
            milli,
            unit: TemperatureUnit::F,
            boundary: Boundary::Safe,
        }
    }

    /// What comparisons use; a limit beyond the representable range stands at its end.
    #[must_use]
    pub fn temperature(&self) -> Temperature {
        Temperature::from_milli(self.milli, self.unit).unwrap_or(Temperature(if self.milli < 0 {
            i32::MIN
        } else {
            i32::MAX
        }))
    }

    /// Whether `t` violates this as an upper limit.
    #[must_use]
    pub fn is_above(&self, t: Temperature) -> bool {
        match self.boundary {
            Boundary::Safe => t > self.temperature(),
            Boundary::Violates => t >= self.temperature(),
        }
    }

    /// Whether `t` violates this as a lower limit.
    #[must_use]
    pub fn is_below(&self, t: Temperature) -> bool {
        match self.boundary {
            Boundary::Safe => t < self.temperature(),
            Boundary::Violates => t <= self.temperature(),
        }
    }
}

impl fmt::Display for Temperature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_milli(f, self.0, "°C")
    }
}

impl fmt::Debug for Temperature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for TemperatureDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_milli(f, self.0, "K")
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            TemperatureUnit::C => "°C",
            TemperatureUnit::F => "°F",
        };
        write_milli(f, self.milli, unit)
    }
}

fn write_milli(f: &mut fmt::Formatter<'_>, milli: i32, unit: &str) -> fmt::Result {
    let sign = if milli < 0 { "-" } else { "" };
    let abs = milli.unsigned_abs();
    let (whole, rest) = (abs / 1_000, abs % 1_000);
    if rest % 100 == 0 {
        write!(f, "{sign}{whole}.{} {unit}", rest / 100)
    } else if rest % 10 == 0 {
        write!(f, "{sign}{whole}.{:02} {unit}", rest / 10)
    } else {
        write!(f, "{sign}{whole}.{rest:03} {unit}")
    }
}

/// `numerator / denominator` rounded half away from zero; `denominator` is positive.
#[must_use]
pub const fn div_round_half_away(numerator: i64, denominator: i64) -> i64 {
    let half = denominator / 2;
    if numerator >= 0 {
        (numerator + half) / denominator
    } else {
        -((-numerator + half) / denominator)
    }
}

fn div_round_half_even(numerator: i64, denominator: i64) -> i64 {
    let (quotient, rest) = (
        numerator.div_euclid(denominator),
        numerator.rem_euclid(denominator),
    );
    match (rest * 2).cmp(&denominator) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + (quotient & 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TemperatureUnit::{C, F};
    use proptest::prelude::*;

    /// The table of spec section 1.
    #[test]
    fn fahrenheit_converts_as_the_table_says() {
        for (f, milli_c) in [
            ("-40", -40_000),
            ("-20", -28_889),
            ("-10", -23_333),
            ("0", -17_778),
            ("33", 556),
            ("40.1", 4_500),
            ("41", 5_000),
            ("41.01", 5_006),
            ("135", 57_222),
        ] {
            assert_eq!(
                Temperature::parse(f, F).unwrap().milli_celsius(),
                milli_c,
                "{f} °F"
            );
        }
    }

    #[test]
    fn numbers_that_are_not_temperatures_are_refused_with_their_reason() {
        for text in [
            "",
            " ",
            "NaN",
            "inf",
            "-Infinity",
            "warm",
            "1,5",
            "0x10",
            "--1",
            "1e",
        ] {
            assert_eq!(
                Temperature::parse(text, C),
                Err(InvalidTemperature::NotANumber),
                "{text:?}"
            );
        }
        for text in ["1e308", "-1e308", "2147484", "99999999999999999999999"] {
            assert_eq!(
                Temperature::parse(text, C),
                Err(InvalidTemperature::OutOfRange),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_limit_reads_back_as_written_and_equals_its_own_number() {
        let limit = Limit::fahrenheit(41_000);
        assert_eq!(limit.to_string(), "41.0 °F");
        assert!(!limit.is_above(Temperature::parse("41.0", F).unwrap()));
        assert!(limit.is_above(Temperature::parse("41.01", F).unwrap()));
        let violates = Limit {
            boundary: Boundary::Violates,
            ..Limit::celsius(30_000)
        };
        assert!(violates.is_above(Temperature::from_milli_celsius(30_000)));
        assert!(!violates.is_above(Temperature::from_milli_celsius(29_999)));
    }

    #[test]
    fn shown_fahrenheit_rounds_half_to_even() {
        // 25 m°C = 32.045 °F: a tie between 32.04 and 32.05
        assert_eq!(
            Temperature::from_milli_celsius(25).centi_fahrenheit(),
            3_204
        );
        assert_eq!(
            Temperature::from_milli_celsius(75).centi_fahrenheit(),
            3_214
        );
    }

    proptest! {
        #[test]
        fn every_fahrenheit_value_of_two_decimals_survives_the_round_trip(centi in -45_000i32..100_000) {
            let t = Temperature::from_milli(centi * 10, F).unwrap();
            prop_assert_eq!(t.centi_fahrenheit(), i64::from(centi));
        }

        #[test]
        fn celsius_text_is_exact_to_three_decimals(milli in -300_000i32..2_000_000) {
            let text = format!("{}{}.{:03}", if milli < 0 { "-" } else { "" }, milli.abs() / 1000, milli.abs() % 1000);
            prop_assert_eq!(Temperature::parse(&text, C).unwrap().milli_celsius(), milli);
        }
    }
}
