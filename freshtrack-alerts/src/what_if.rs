//! What if: a unit's own history under a proposed rule, beside the current one.
//!
//! The same step as live, through [`Replay`]: nothing is stored, nobody is told. Nuisance is counted
//! with its uncertainty, because no alarm in ten days is not the same as none ever; detection is tried
//! with warm-ups put into the history at seeded instants.

use crate::alert::{AlertEventKind, AlertType};
use crate::cascade::EffectiveRules;
use crate::food_safety::fleet::Rng;
use crate::kpi::nearest_rank;
use crate::replay::{Replay, Summary, Transition};
use crate::step::{Facts, Observation};
use freshtrack_core::reading::Zone;
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};

/// Longest history.
pub const HISTORY_MAX: Span = Span::from_minutes(400 * 24 * 60);
/// Most readings.
pub const READINGS_MAX: usize = 600_000;
/// Most warm-ups tried.
pub const INJECTIONS_MAX: u16 = 500;
/// Least observed share of the history, in percent.
pub const COVERAGE_MIN_PERCENT: i64 = 50;
/// How long there was no violation before a warm-up.
pub const QUIET_BEFORE: Span = Span::from_minutes(120);
/// How long after its beginning a warm-up counts as missed.
pub const MISSED_AFTER: Span = Span::from_minutes(24 * 60);

/// −ln 0.05: nothing seen in D days means below this many per D days, with 95 % confidence.
const RULE_OF_THREE: f64 = 2.995_732_273_553_991;
/// −ln 0.975: the exact lower bound of one event.
const LOW_OF_ONE: f64 = 0.025_317_807_984_289_9;
const DAY_SECONDS: f64 = 86_400.0;
/// 97.5 % point of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// A warm-up to try: `T(t) = ambient + (T₀ − ambient) e^(−t/τ)` from an instant of the history on.
#[derive(Debug, Clone, PartialEq)]
pub struct Injection {
    /// How many, for each time constant; at most 500.
    pub count: u16,
    /// What the unit warms up to.
    pub ambient: Temperature,
    /// Time constants in hours.
    pub tau_hours: Vec<f64>,
}

impl Default for Injection {
    /// A kitchen of 22 °C, and time constants from a small fridge to a full cold room.
    fn default() -> Self {
        Self {
            count: 100,
            ambient: Temperature::from_milli_celsius(22_000),
            tau_hours: vec![2.0, 6.0, 12.0],
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WhatIfError {
    /// Longer than 400 days or more than 600,000 readings.
    #[error("the history is too long")]
    TooLong,
    /// Not in order of time.
    #[error("the history is not in order of time")]
    Unordered,
    /// Less than half of the time was observed.
    #[error("only {percent} % of the history was observed")]
    Coverage {
        /// How much was.
        percent: i64,
    },
    /// More than 500 warm-ups, or a time constant that is not above zero.
    #[error("the warm-ups are out of bounds")]
    Injection,
}

/// A temperature alert that would have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WouldBe {
    /// When it would have been raised.
    pub at: Timestamp,
    /// How long it would have been open; nothing if it would be still.
    pub length: Option<Span>,
    /// Worst value.
    pub peak: Option<Temperature>,
    /// Whether it would have been confirmed.
    pub confirmed: bool,
}

/// A rate with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Seen.
    pub value: f64,
    /// At least; 0 if nothing was seen.
    pub low: f64,
    /// At most; with nothing seen, the one-sided bound.
    pub high: f64,
}

/// What one rule would have said about the history.
#[derive(Debug, Clone, PartialEq)]
pub struct Nuisance {
    /// Temperature alerts, in order.
    pub alerts: Vec<WouldBe>,
    /// Alerts per day.
    pub per_day: Rate,
    /// Alerts per month of 30 days.
    pub per_month: Rate,
    /// The history in numbers.
    pub summary: Summary,
}

/// How fast warm-ups of one time constant would have been found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Time constant in hours.
    pub tau_hours: f64,
    /// Warm-ups tried.
    pub trials: u32,
    /// Not found within 24 hours or before the history ended.
    pub missed: u32,
    /// Median time from the beginning to the alert.
    pub p50: Option<Span>,
    /// 95th percentile of the same.
    pub p95: Option<Span>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct WhatIf {
    /// Under the current rules.
    pub current: Nuisance,
    /// Under the proposed ones.
    pub proposed: Nuisance,
    /// Under the proposed ones, per time constant.
    pub detection: Vec<Detection>,
}

/// Replays `history` (temperatures and doors, in order of time) under both rules and tries warm-ups
/// under the proposed one. Equal arguments give equal answers.
///
/// # Errors
/// Why the history does not allow an answer.
pub fn what_if(
    facts: Facts<'_>,
    history: &[Observation],
    current: EffectiveRules,
    proposed: EffectiveRules,
    injection: &Injection,
    seed: u64,
) -> Result<WhatIf, WhatIfError> {
    check(history, injection)?;
    let nuisance = |rules| nuisance(facts, history, rules);
    let (current, proposed_nuisance) = (nuisance(current), nuisance(proposed));
    check_coverage(history, &current.summary)?;
    Ok(WhatIf {
        current,
        proposed: proposed_nuisance,
        detection: detection(facts, history, proposed, injection, seed),
    })
}

fn check(history: &[Observation], injection: &Injection) -> Result<(), WhatIfError> {
    let length = match (history.first(), history.last()) {
        (Some(first), Some(last)) => last.recorded_at - first.recorded_at,
        _ => Span::ZERO,
    };
    if history.len() > READINGS_MAX || length > HISTORY_MAX {
        return Err(WhatIfError::TooLong);
    }
    if !history.is_sorted_by_key(|observation| observation.recorded_at) {
        return Err(WhatIfError::Unordered);
    }
    let positive = |tau: &f64| tau.is_finite() && *tau > 0.0;
    if injection.count > INJECTIONS_MAX || !injection.tau_hours.iter().all(positive) {
        return Err(WhatIfError::Injection);
    }
    Ok(())
}

fn check_coverage(history: &[Observation], summary: &Summary) -> Result<(), WhatIfError> {
    let length = match (history.first(), history.last()) {
        (Some(first), Some(last)) => (last.recorded_at - first.recorded_at).as_seconds(),
        _ => 0,
    };
    let observed = length - summary.unobserved.as_seconds();
    let percent = (observed * 100).checked_div(length).unwrap_or(0);
    if percent < COVERAGE_MIN_PERCENT {
        return Err(WhatIfError::Coverage { percent });
    }
    Ok(())
}

fn nuisance(facts: Facts<'_>, history: &[Observation], rules: EffectiveRules) -> Nuisance {
    let mut replay = Replay::new(facts, rules);
    let mut alerts: Vec<WouldBe> = Vec::new();
    for observation in history {
        for transition in replay.push(*observation) {
            note(&mut alerts, &transition);
        }
    }
    let summary = replay.summary();
    let length = match (summary.first, summary.last) {
        (Some(first), Some(last)) => (last - first).to_duration().as_secs_f64(),
        _ => 0.0,
    };
    let raises = u32::try_from(alerts.len()).unwrap_or(u32::MAX);
    let days = length / DAY_SECONDS;
    Nuisance {
        alerts,
        per_day: poisson(raises, days),
        per_month: poisson(raises, days / 30.0),
        summary,
    }
}

fn note(alerts: &mut Vec<WouldBe>, transition: &Transition) {
    if transition.alert_type != AlertType::TempExcursion {
        return;
    }
    if transition.kind == AlertEventKind::Raised {
        alerts.push(WouldBe {
            at: transition.at,
            length: None,
            peak: transition.value,
            confirmed: transition.severity == crate::alert::Severity::Critical,
        });
    } else if let Some(open) = alerts.last_mut() {
        open.peak = transition.value.or(open.peak);
        open.confirmed |= transition.kind == AlertEventKind::Confirmed;
        if transition.kind == AlertEventKind::ResolvedAuto {
            open.length = Some(transition.at - open.at);
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

fn detection(
    facts: Facts<'_>,
    history: &[Observation],
    rules: EffectiveRules,
    injection: &Injection,
    seed: u64,
) -> Vec<Detection> {
    let starts = quiet_starts(history, &rules);
    let mut rng = Rng::seeded(seed);
    let chosen: Vec<usize> = (0..injection.count)
        .filter_map(|_| {
            let among = u64::try_from(starts.len())
                .ok()
                .filter(|among| *among > 0)?;
            starts
                .get(usize::try_from(rng.next_u64() % among).ok()?)
                .copied()
        })
        .collect();
    let of = |tau: &f64| {
        let found = chosen
            .iter()
            .map(|start| warm_up(facts, history, rules, *start, injection.ambient, *tau));
        let delays: Vec<Option<Span>> = found.collect();
        let mut found: Vec<Span> = delays.iter().flatten().copied().collect();
        found.sort_unstable();
        Detection {
            tau_hours: *tau,
            trials: u32::try_from(delays.len()).unwrap_or(u32::MAX),
            missed: u32::try_from(delays.len() - found.len()).unwrap_or(u32::MAX),
            p50: nearest_rank(&found, 50),
            p95: nearest_rank(&found, 95),
        }
    };
    injection.tau_hours.iter().map(of).collect()
}

/// Readings before which nothing was out of range for two hours of history.
fn quiet_starts(history: &[Observation], rules: &EffectiveRules) -> Vec<usize> {
    let Some(first) = history.first() else {
        return Vec::new();
    };
    let mut quiet_since = first.recorded_at;
    let mut starts = Vec::new();
    for (index, observation) in history.iter().enumerate() {
        let Some(value) = observation.temperature else {
            continue;
        };
        if rules.zone(value) == Zone::Out {
            quiet_since = observation.recorded_at;
        } else if observation.recorded_at - quiet_since >= QUIET_BEFORE {
            starts.push(index);
        }
    }
    starts
}

/// How long until a warm-up from reading `start` on is found.
fn warm_up(
    facts: Facts<'_>,
    history: &[Observation],
    rules: EffectiveRules,
    start: usize,
    ambient: Temperature,
    tau_hours: f64,
) -> Option<Span> {
    let begin = history[start].recorded_at;
    let t0 = f64::from(history[start].temperature?.milli_celsius());
    let ambient = f64::from(ambient.milli_celsius());
    let before = history[..start].partition_point(|o| o.recorded_at < begin - QUIET_BEFORE);
    let mut replay = Replay::new(facts, rules);
    for (index, observation) in history.iter().enumerate().skip(before) {
        let at = observation.recorded_at;
        if at - begin > MISSED_AFTER {
            break;
        }
        let mut observation = *observation;
        if index >= start && observation.temperature.is_some() {
            let hours = (at - begin).to_duration().as_secs_f64() / 3_600.0;
            let milli = ambient + (t0 - ambient) * (-hours / tau_hours).exp();
            observation.temperature = Some(Temperature::from_milli_celsius(rounded(milli)));
        }
        let raised = replay.push(observation).into_iter().find(|transition| {
            transition.kind == AlertEventKind::Raised
                && transition.alert_type == AlertType::TempExcursion
                && transition.at >= begin
        });
        if let Some(raised) = raised {
            return Some(raised.at - begin);
        }
    }
    None
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "between two temperatures of 32 bits, and saturating"
)]
fn rounded(milli: f64) -> i32 {
    milli.round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use freshtrack_core::hierarchy::UnitType;
    use freshtrack_core::temperature::Limit;
    use freshtrack_core::testkit::sample::{Tenant, at};

    /// Two days at 3 °C, every five minutes, with the values of `spikes` from a minute on.
    fn history(spikes: &[(i64, i64, i32)]) -> Vec<Observation> {
        let value = |minute: i64| {
            let spike = spikes
                .iter()
                .find(|(from, to, _)| (*from..*to).contains(&minute));
            Temperature::from_milli_celsius(spike.map_or(3_000, |(_, _, milli)| *milli))
        };
        (0..=2 * 24 * 12)
            .map(|n| n * 5)
            .map(|minute| Observation::temperature(at(minute * 60), value(minute)))
            .collect()
    }

    fn ask(history: &[Observation], seed: u64) -> Result<WhatIf, WhatIfError> {
        let (tenant, _) = Tenant::new("what-if");
        let mut unit = tenant.new_unit("Fridge");
        unit.unit_type = UnitType::Fridge;
        unit.monitoring_started_at = at(0);
        let facts = Facts {
            unit: &unit,
            site_name: "Main Street",
            site_timezone: "UTC",
            corrective_action_required: false,
            devices: &[],
        };
        let current = EffectiveRules::built_in(UnitType::Fridge);
        let proposed = EffectiveRules {
            temp_max: Some(Limit::celsius(8_000)),
            ..current
        };
        let injection = Injection {
            count: 20,
            ..Injection::default()
        };
        what_if(facts, history, current, proposed, &injection, seed)
    }

    #[test]
    fn both_rules_are_told_with_start_length_and_peak() {
        let answer = ask(&history(&[(600, 620, 7_000), (1_200, 1_215, 9_500)]), 1).unwrap();
        let minutes = |m: i64| at(m * 60);
        let told: Vec<_> = answer
            .current
            .alerts
            .iter()
            .map(|a| (a.at, a.length))
            .collect();
        let length = |m: i64| Some(Span::from_minutes(m));
        assert_eq!(
            told,
            [(minutes(600), length(25)), (minutes(1_200), length(20))]
        );
        let [one] = answer.proposed.alerts[..] else {
            panic!("{:?}", answer.proposed.alerts);
        };
        assert_eq!(
            (one.at, one.length, one.confirmed),
            (minutes(1_200), length(20), true)
        );
        assert_eq!(one.peak, Some(Temperature::from_milli_celsius(9_500)));
        assert!((answer.current.per_day.value - 1.0).abs() < 1e-9);
        assert!((answer.proposed.per_month.value - 15.0).abs() < 1e-9);
    }

    #[test]
    fn no_alarm_in_two_days_is_a_bound_and_not_none() {
        let quiet = ask(&history(&[]), 1).unwrap().current.per_day;
        assert_eq!((quiet.value, quiet.low), (0.0, 0.0));
        assert!((quiet.high - 2.9957 / 2.0).abs() < 1e-4, "{quiet:?}");
    }

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
    fn warm_ups_are_found_later_the_slower_they_are_and_always_the_same() {
        let history = history(&[(600, 620, 9_000)]);
        let answer = ask(&history, 7).unwrap();
        let closed_form = |tau: f64| tau * 60.0 * ((22.0 - 3.0_f64) / (22.0 - 8.0)).ln();
        for (found, tau) in answer.detection.iter().zip([2.0, 6.0, 12.0]) {
            assert_eq!(found.trials, 20);
            if let Some(p50) = found.p50 {
                let late = p50.to_duration().as_secs_f64() / 60.0 - closed_form(tau);
                assert!((0.0..=5.0).contains(&late), "{found:?}: {late} min late");
            }
        }
        let p50: Vec<_> = answer.detection.iter().map(|found| found.p50).collect();
        assert!(p50.is_sorted() && p50[0].is_some(), "{p50:?}");
        assert_eq!(ask(&history, 7).unwrap(), answer);
    }

    #[test]
    fn histories_that_allow_no_answer_are_refused() {
        let mut unordered = history(&[]);
        unordered.swap(3, 4);
        assert_eq!(ask(&unordered, 1), Err(WhatIfError::Unordered));
        let sparse: Vec<_> = history(&[]).into_iter().step_by(4).collect();
        assert!(matches!(
            ask(&sparse, 1),
            Err(WhatIfError::Coverage { percent: 24..=26 })
        ));
        let mut long = history(&[]);
        long.push(Observation::temperature(
            at(401 * 86_400),
            Temperature::from_milli_celsius(0),
        ));
        assert_eq!(ask(&long, 1), Err(WhatIfError::TooLong));
    }
}
