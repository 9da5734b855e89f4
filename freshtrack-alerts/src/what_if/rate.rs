//! How often something happens, and how sure that is.

/// −ln 0.05: nothing seen in D days means below this many per D days, with 95 % confidence.
pub(super) const RULE_OF_THREE: f64 = 2.995_732_273_553_991;
/// −ln 0.975: the exact lower bound of one event.
const LOW_OF_ONE: f64 = 0.025_317_807_984_289_9;
/// 97.5 % point of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;
const DAYS_PER_MONTH: f64 = 30.0;

/// A rate with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Seen.
    pub value: f64,
    /// At least; 0 if nothing was seen.
    pub low: f64,
    /// At most; with nothing seen, the one-sided bound. Infinite where nothing was observed.
    pub high: f64,
}

/// So many in the history, as rates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count {
    /// How many.
    pub count: u32,
    /// Per observed day.
    pub per_day: Rate,
    /// Per month of 30 days.
    pub per_month: Rate,
}

impl Count {
    /// `count` in so many observed days.
    #[must_use]
    pub fn of(count: usize, days: f64) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            count,
            per_day: poisson(count, days),
            per_month: poisson(count, days / DAYS_PER_MONTH),
        }
    }
}

/// `count` events in `exposure` units of time, with a 95 % interval.
///
/// Bounds are quantiles of χ² by Wilson and Hilferty's approximation, within 1 % of the exact
/// upper and 8 % of the exact lower ones; nothing seen gives the exact one-sided bound −ln 0.05.
#[must_use]
pub fn poisson(count: u32, exposure: f64) -> Rate {
    let n = f64::from(count);
    let (low, high) = if count == 0 {
        (0.0, RULE_OF_THREE)
    } else {
        let low = if count == 1 {
            LOW_OF_ONE
        } else {
            half_chi_square(n, -Z)
        };
        (low, half_chi_square(n + 1.0, Z))
    };
    if exposure <= 0.0 {
        return Rate {
            value: 0.0,
            low: 0.0,
            high: f64::INFINITY,
        };
    }
    Rate {
        value: n / exposure,
        low: low / exposure,
        high: high / exposure,
    }
}

/// Half the quantile of χ² with 2`n` degrees of freedom at the normal quantile `z`.
fn half_chi_square(n: f64, z: f64) -> f64 {
    let ninth = 1.0 / (9.0 * n);
    n * (1.0 - ninth + z * ninth.sqrt()).powi(3).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poisson_intervals_are_close_to_the_exact_ones() {
        // exact: Garwood 1936
        for (count, low, high) in [
            (1, 0.0253, 5.572),
            (2, 0.2422, 7.225),
            (3, 0.6187, 8.767),
            (10, 4.795, 18.39),
        ] {
            let rate = poisson(count, 1.0);
            assert!((rate.low / low - 1.0).abs() < 0.08, "{count}: {rate:?}");
            assert!((rate.high / high - 1.0).abs() < 0.01, "{count}: {rate:?}");
        }
    }

    #[test]
    fn nothing_seen_is_a_bound_and_nothing_observed_is_none() {
        let quiet = Count::of(0, 10.0);
        assert!((quiet.per_day.high - 0.299_57).abs() < 1e-5, "{quiet:?}");
        assert!((quiet.per_month.high - 8.987_2).abs() < 1e-4, "{quiet:?}");
        assert_eq!((quiet.per_day.value, quiet.per_day.low), (0.0, 0.0));
        assert!(Count::of(0, 0.0).per_day.high.is_infinite());
    }
}
