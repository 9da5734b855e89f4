//! The closed form beside the replay: what the rule would do if readings were independent.
//!
//! They seldom are; where the two differ, the replay is the answer and the formula is flagged. The engine
//! agrees with it reading by reading if one in-band reading restores; with more of them it remembers an
//! excursion across a single one and raises up to twice as often as the formula says.

use super::nuisance::Nuisance;
use super::rate::RULE_OF_THREE;
use crate::cascade::EffectiveRules;
use crate::food_safety::closed_form::Delays;
use crate::step::Observation;
use freshtrack_core::reading::Zone;
use freshtrack_core::time::Span;

const DAY: Span = Span::from_minutes(24 * 60);
/// Replay and formula may differ by this factor before the formula is flagged.
const AUTOCORRELATED: f64 = 3.0;

/// What the formulas of [`closed_form`](crate::food_safety::closed_form) say about a rule on this history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClosedForm {
    /// Share of readings that violate.
    pub p1: f64,
    /// The rule's delays in readings: on-delay, and in-band readings that end it.
    pub delays: Delays,
    /// FAR: share of healthy time in alarm.
    pub false_alarm_rate: f64,
    /// Raises per day.
    pub raises_per_day: f64,
    /// Expected time from the first violating reading of a failure to its alarm.
    pub expected_delay: Span,
    /// The replay differs by more than three times: readings are not independent, so the replay is the
    /// answer.
    pub autocorrelated: bool,
}

pub(super) fn closed_form(
    history: &[Observation],
    rules: &EffectiveRules,
    replayed: &Nuisance,
) -> ClosedForm {
    let zones = history
        .iter()
        .filter_map(|observation| observation.temperature)
        .map(|value| rules.zone(value));
    let (all, out) = zones.fold((0_u32, 0_u32), |(all, out), zone| {
        (all + 1, out + u32::from(zone == Zone::Out))
    });
    let p1 = if all == 0 {
        0.0
    } else {
        f64::from(out) / f64::from(all)
    };
    let interval = rules.check_in_interval();
    let delays = delays(rules, interval);
    let per_day = DAY.to_duration().as_secs_f64() / interval.to_duration().as_secs_f64().max(1.0);
    let raises_per_day = delays.raises_per_sample(p1) * per_day;
    let expected = raises_per_day * replayed.observed_days();
    ClosedForm {
        p1,
        delays,
        false_alarm_rate: delays.false_alarm_rate(p1),
        raises_per_day,
        // a failed unit violates with every reading, q = 1: n readings are n − 1 intervals
        expected_delay: interval.times(i64::from(delays.on - 1)),
        autocorrelated: differ(f64::from(replayed.alarms.count), expected),
    }
}

/// The rule's delays in readings, at least one each.
fn delays(rules: &EffectiveRules, interval: Span) -> Delays {
    let needed = |delay: Span| {
        let (delay, interval) = (delay.as_micros(), interval.as_micros().max(1));
        u32::try_from((delay + interval - 1) / interval).unwrap_or(u32::MAX - 1)
    };
    let on = match rules.defrost_params() {
        // proven between readings: one more than intervals
        Some(params) => needed(params.effective_on_delay()) + 1,
        // by the timer, which comes before a reading of the same instant
        None => needed(crate::cascade::seconds(rules.confirm_closed_seconds)),
    };
    Delays {
        on: on.max(1),
        off: rules.restore_readings.max(1),
    }
}

/// Whether so many raises are not what was expected. Few expected and none seen is no difference.
fn differ(seen: f64, expected: f64) -> bool {
    let more = seen >= 1.0 && seen > AUTOCORRELATED * expected;
    let fewer = expected >= RULE_OF_THREE && expected > AUTOCORRELATED * seen;
    more || fewer
}

#[cfg(test)]
mod tests {
    use super::*;
    use freshtrack_core::hierarchy::UnitType;

    #[test]
    fn delays_are_told_in_readings() {
        let fridge = |interval| EffectiveRules {
            check_in_interval_seconds: interval,
            ..EffectiveRules::built_in(UnitType::Fridge)
        };
        for (interval, on) in [(60, 10), (300, 2), (900, 1), (240, 3)] {
            let rules = fridge(interval);
            let found = delays(&rules, rules.check_in_interval());
            assert_eq!(found, Delays { on, off: 2 }, "{interval} s");
        }
        let freezer = EffectiveRules::built_in(UnitType::Freezer);
        assert_eq!(delays(&freezer, Span::from_minutes(5)).on, 4);
    }

    #[test]
    fn nothing_seen_where_little_is_expected_is_no_difference() {
        for (seen, expected, flagged) in [
            (0.0, 2.9, false),
            (0.0, 3.1, true),
            (1.0, 0.4, false),
            (1.0, 0.3, true),
            (10.0, 29.0, false),
            (10.0, 31.0, true),
        ] {
            assert_eq!(differ(seen, expected), flagged, "{seen} of {expected}");
        }
    }
}
