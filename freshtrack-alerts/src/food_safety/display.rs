//! Showing a value beside its limit without moving it across.

use super::lattice::{Measured, Threshold};
use freshtrack_core::temperature::TemperatureUnit;
use std::cmp::Ordering;

/// Digits after which a shown value can no longer lie on the other side: a step is 1/9000 °C.
const DECIMALS_MAX: u32 = 6;

/// Writes `value` in `unit` with `decimals` digits, rounded half to even, and as many more as it takes
/// to stay on its own side of `limit`.
///
/// So 5.001 °C against "not above 5 °C" is shown as `5.001`, not as a conforming `5.0`.
#[must_use]
pub fn shown(value: Measured, limit: Threshold, unit: TemperatureUnit, decimals: u32) -> String {
    let violates = limit.is_met_by(value);
    let mut digits = decimals.min(DECIMALS_MAX);
    loop {
        let scaled = rounded(value, unit, digits);
        let same_side = limit.op.holds(compare(scaled, digits, value, limit, unit)) == violates;
        if same_side || digits == DECIMALS_MAX {
            return write(scaled, digits);
        }
        digits += 1;
    }
}

/// The value in units of `10^-digits` degrees, half to even.
fn rounded(value: Measured, unit: TemperatureUnit, digits: u32) -> i128 {
    let steps = i128::from(value.lattice().steps());
    let power = 10_i128.pow(digits);
    match unit {
        TemperatureUnit::C => div_half_even(steps * power, 9_000),
        TemperatureUnit::F => div_half_even((steps + 160_000) * power, 5_000),
    }
}

/// Compares a shown value with the limit, in steps × `10^digits`.
fn compare(
    scaled: i128,
    digits: u32,
    value: Measured,
    limit: Threshold,
    unit: TemperatureUnit,
) -> Ordering {
    let power = 10_i128.pow(digits);
    let steps = match unit {
        TemperatureUnit::C => scaled * 9_000,
        TemperatureUnit::F => scaled * 5_000 - 160_000 * power,
    };
    let distance = steps - i128::from(limit.limit().steps()) * power;
    if distance.abs() <= i128::from(value.tolerance()) * power {
        Ordering::Equal
    } else {
        distance.cmp(&0)
    }
}

fn div_half_even(numerator: i128, denominator: i128) -> i128 {
    let (quotient, rest) = (
        numerator.div_euclid(denominator),
        numerator.rem_euclid(denominator),
    );
    match (rest * 2).cmp(&denominator) {
        Ordering::Less => quotient,
        Ordering::Greater => quotient + 1,
        Ordering::Equal => quotient + (quotient & 1),
    }
}

fn write(scaled: i128, digits: u32) -> String {
    let power = 10_u128.pow(digits);
    let sign = if scaled < 0 { "-" } else { "" };
    let (whole, rest) = (scaled.unsigned_abs() / power, scaled.unsigned_abs() % power);
    if digits == 0 {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{rest:0width$}", width = digits as usize)
    }
}
