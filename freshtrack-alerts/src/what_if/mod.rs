//! What if: a unit's own history under a proposed rule, beside the current one.
//!
//! The same step as live, through [`Replay`](crate::replay::Replay): nothing is stored, nobody is told.
//! Nuisance is counted with its uncertainty, because no alarm in ten days is not the same as none ever;
//! what people made of the real alerts of that time is told beside it. Detection is tried with warm-ups
//! put into the history at seeded instants. The closed form stands beside both, as a check.

mod detection;
mod formula;
mod label;
mod nuisance;
mod rate;
mod resample;

pub use detection::{Detection, MISSED_AFTER, QUIET_BEFORE};
pub use formula::ClosedForm;
pub use label::{Correction, Label, PastAlert};
pub use nuisance::{Nuisance, WouldBe};
pub use rate::{Count, Rate, poisson};
pub use resample::resample;

use crate::cascade::EffectiveRules;
use crate::replay::Summary;
use crate::step::{Facts, Observation};
use freshtrack_core::evidence::Sha256Hash;
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};
use std::borrow::Cow;

/// Longest history.
pub const HISTORY_MAX: Span = Span::from_minutes(400 * 24 * 60);
/// Most readings.
pub const READINGS_MAX: usize = 600_000;
/// Most warm-ups tried for each time constant.
pub const INJECTIONS_MAX: u16 = 500;
/// Most time constants.
pub const TAUS_MAX: usize = 8;
/// Least observed share of the history, in percent.
pub const COVERAGE_MIN_PERCENT: i64 = 50;

/// A warm-up to try: `T(t) = ambient + (T₀ − ambient) e^(−t/τ)` from an instant of the history on.
#[derive(Debug, Clone, PartialEq)]
pub struct Injection {
    /// How many, for each time constant; at most 500.
    pub count: u16,
    /// What the unit warms up to.
    pub ambient: Temperature,
    /// Time constants in hours; at most 8.
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

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The unit. Its `monitoring_started_at` must not be after the history.
    pub facts: Facts<'a>,
    /// Temperatures that drove the unit, and doors, in order of time, oldest first.
    pub history: &'a [Observation],
    /// The rules it has.
    pub current: EffectiveRules,
    /// The rules somebody thinks of.
    pub proposed: EffectiveRules,
    /// The temperature alerts it really had in that time, for the labels.
    pub past: &'a [PastAlert],
    /// Ask about a sensor that sends only so often. Both rules then expect readings no more often.
    pub resample: Option<Span>,
    /// Warm-ups to try.
    pub injection: &'a Injection,
    /// Seed of where they begin.
    pub seed: u64,
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
    /// More than 500 warm-ups, more than 8 time constants, or one that is not above zero.
    #[error("the warm-ups are out of bounds")]
    Injection,
    /// A stretch between readings that is not above zero.
    #[error("the stretch between readings is not above zero")]
    Resample,
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
    /// Of the proposed ones.
    pub closed_form: ClosedForm,
    /// What the answer rests on. Whoever read the history adds its position in the log.
    pub provenance: Provenance,
}

/// What an answer rests on: equal provenance and equal history give equal answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provenance {
    /// First and last reading of the history, after resampling.
    pub from: Option<Timestamp>,
    /// See `from`.
    pub to: Option<Timestamp>,
    /// Readings of the history, after resampling.
    pub readings: usize,
    /// Observed share of the history in hundredths of a percent.
    pub coverage_basis_points: i64,
    /// Of the current rules.
    pub current_rules: Sha256Hash,
    /// Of the proposed rules.
    pub proposed_rules: Sha256Hash,
    /// Version of this crate.
    pub engine_version: &'static str,
    /// As asked.
    pub seed: u64,
}

/// Replays a history under both rules and tries warm-ups under the proposed one. Equal arguments give
/// equal answers. Half a million readings take seconds: call it where that may be.
///
/// # Errors
/// Why the history does not allow an answer, or the question is out of bounds.
pub fn what_if(question: &Question<'_>) -> Result<WhatIf, WhatIfError> {
    check(question)?;
    let (facts, history) = (question.facts, sampled(question));
    let [current, proposed] =
        [question.current, question.proposed].map(|rules| expecting(rules, question.resample));
    let nuisance = |rules| nuisance::nuisance(facts, &history, rules, question.past);
    let under_current = nuisance(current);
    let coverage_basis_points = check_coverage(&history, &under_current.summary)?;
    let under_proposed = nuisance(proposed);
    let closed_form = formula::closed_form(&history, &proposed, &under_proposed);
    let provenance = Provenance {
        from: under_current.summary.first,
        to: under_current.summary.last,
        readings: history.len(),
        coverage_basis_points,
        current_rules: current.hash(),
        proposed_rules: proposed.hash(),
        engine_version: env!("CARGO_PKG_VERSION"),
        seed: question.seed,
    };
    let (injection, seed) = (question.injection, question.seed);
    Ok(WhatIf {
        current: under_current,
        proposed: under_proposed,
        detection: detection::detection(facts, &history, proposed, injection, seed),
        closed_form,
        provenance,
    })
}

fn sampled<'a>(question: &Question<'a>) -> Cow<'a, [Observation]> {
    match question.resample {
        Some(stretch) => Cow::Owned(resample(question.history, stretch)),
        None => Cow::Borrowed(question.history),
    }
}

/// `rules` for a sensor that sends no more often than every `stretch`.
fn expecting(rules: EffectiveRules, stretch: Option<Span>) -> EffectiveRules {
    let stretch = stretch.map_or(0, |stretch| {
        u32::try_from(stretch.as_seconds()).unwrap_or(u32::MAX)
    });
    EffectiveRules {
        check_in_interval_seconds: rules.check_in_interval_seconds.max(stretch),
        ..rules
    }
}

fn length(history: &[Observation]) -> Span {
    match (history.first(), history.last()) {
        (Some(first), Some(last)) => last.recorded_at - first.recorded_at,
        _ => Span::ZERO,
    }
}

fn check(question: &Question<'_>) -> Result<(), WhatIfError> {
    let (history, injection) = (question.history, question.injection);
    if history.len() > READINGS_MAX || length(history) > HISTORY_MAX {
        return Err(WhatIfError::TooLong);
    }
    if !history.is_sorted_by_key(|observation| observation.recorded_at) {
        return Err(WhatIfError::Unordered);
    }
    let positive = |tau: &f64| tau.is_finite() && *tau > 0.0;
    let taus = &injection.tau_hours;
    if injection.count > INJECTIONS_MAX || taus.len() > TAUS_MAX || !taus.iter().all(positive) {
        return Err(WhatIfError::Injection);
    }
    // every sensor is slower than this, and a grid has no more instants than a history may have readings
    if question
        .resample
        .is_some_and(|stretch| stretch < Span::from_minutes(1))
    {
        return Err(WhatIfError::Resample);
    }
    Ok(())
}

/// The observed share in hundredths of a percent.
fn check_coverage(history: &[Observation], summary: &Summary) -> Result<i64, WhatIfError> {
    let length = length(history).as_seconds();
    let observed = length - summary.unobserved.as_seconds();
    let basis_points = (observed * 10_000).checked_div(length).unwrap_or(0);
    let percent = basis_points / 100;
    if percent < COVERAGE_MIN_PERCENT {
        return Err(WhatIfError::Coverage { percent });
    }
    Ok(basis_points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Violated;
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

    struct Asked<'a> {
        past: &'a [PastAlert],
        resample: Option<Span>,
        injection: Injection,
        restore_readings: u32,
        seed: u64,
    }

    impl Default for Asked<'_> {
        fn default() -> Self {
            Self {
                past: &[],
                resample: None,
                injection: Injection {
                    count: 20,
                    ..Injection::default()
                },
                restore_readings: 2,
                seed: 1,
            }
        }
    }

    /// 41 °F now, 8 °C proposed.
    fn ask(history: &[Observation], asked: &Asked<'_>) -> Result<WhatIf, WhatIfError> {
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
        let current = EffectiveRules {
            restore_readings: asked.restore_readings,
            ..EffectiveRules::built_in(UnitType::Fridge)
        };
        what_if(&Question {
            facts,
            history,
            current,
            proposed: EffectiveRules {
                temp_max: Some(Limit::celsius(8_000)),
                ..current
            },
            past: asked.past,
            resample: asked.resample,
            injection: &asked.injection,
            seed: asked.seed,
        })
    }

    fn minutes(m: i64) -> Timestamp {
        at(m * 60)
    }

    #[test]
    fn both_rules_are_told_with_start_length_peak_and_cause() {
        let spikes = [(600, 620, 7_000), (900, 905, 7_500), (1_200, 1_215, 9_500)];
        let answer = ask(&history(&spikes), &Asked::default()).unwrap();
        let told: Vec<_> = answer
            .current
            .alerts
            .iter()
            .map(|a| (a.at, a.confirmed_at, a.length))
            .collect();
        let length = |m: i64| Some(Span::from_minutes(m));
        let expected = [
            (minutes(600), Some(minutes(610)), length(25)),
            (minutes(900), None, length(10)),
            (minutes(1_200), Some(minutes(1_210)), length(20)),
        ];
        assert_eq!(told, expected);
        let [one] = answer.proposed.alerts[..] else {
            panic!("{:?}", answer.proposed.alerts);
        };
        let confirmed = Some(minutes(1_210));
        assert_eq!((one.at, one.confirmed_at), (minutes(1_200), confirmed));
        assert_eq!(one.peak, Some(Temperature::from_milli_celsius(9_500)));
        assert_eq!(one.cause, Some(Violated::Max));
        let (current, proposed) = (&answer.current, &answer.proposed);
        assert_eq!((current.alarms.count, proposed.alarms.count), (2, 1));
        assert!((current.alarms.per_day.value - 1.0).abs() < 1e-9);
        assert!((proposed.nuisance.per_month.value - 15.0).abs() < 1e-9);
    }

    #[test]
    fn what_people_said_is_told_and_only_the_rest_is_nuisance() {
        let history = history(&[
            (300, 320, 9_000),
            (600, 620, 9_000),
            (900, 920, 9_000),
            (1_200, 1_220, 9_000),
        ]);
        let past = |from: i64, label| PastAlert {
            from: minutes(from),
            to: Some(minutes(from + 30)),
            label,
        };
        let known = [
            past(310, Label::Confirmed),
            past(605, Label::False),
            past(890, Label::Unlabelled),
        ];
        let asked = Asked {
            past: &known,
            ..Asked::default()
        };
        let told = ask(&history, &asked).unwrap().proposed;
        let counts = [told.confirmed, told.false_alarms, told.unlabelled];
        assert_eq!(counts.map(|count| count.count), [1, 1, 2]);
        assert_eq!((told.alarms.count, told.nuisance.count), (4, 3));
        let labels: Vec<_> = told.alerts.iter().map(|a| a.label).collect();
        let all = [
            Label::Confirmed,
            Label::False,
            Label::Unlabelled,
            Label::Unlabelled,
        ];
        assert_eq!(labels, all);
    }

    #[test]
    fn no_alarm_in_two_days_is_a_bound_and_not_none() {
        let quiet = ask(&history(&[]), &Asked::default()).unwrap().current;
        let quiet = quiet.nuisance.per_day;
        assert_eq!((quiet.value, quiet.low), (0.0, 0.0));
        assert!((quiet.high - 2.9957 / 2.0).abs() < 1e-4, "{quiet:?}");
    }

    #[test]
    fn warm_ups_are_found_later_the_slower_they_are_and_always_the_same() {
        let history = history(&[(600, 620, 9_000)]);
        let asked = |seed| Asked {
            seed,
            ..Asked::default()
        };
        let answer = ask(&history, &asked(7)).unwrap();
        let crossing = |tau: f64| tau * 60.0 * ((22.0 - 3.0_f64) / (22.0 - 8.0)).ln();
        for (found, tau) in answer.detection.iter().zip([2.0, 6.0, 12.0]) {
            assert_eq!((found.trials, found.missed), (20, 0));
            let p50 = found.p50.unwrap();
            // seen at the next reading, confirmed ten minutes later
            let late = p50.to_duration().as_secs_f64() / 60.0 - crossing(tau) - 10.0;
            assert!((0.0..=5.0).contains(&late), "{found:?}: {late} min late");
        }
        let p50: Vec<_> = answer.detection.iter().map(|found| found.p50).collect();
        assert!(p50.is_sorted(), "{p50:?}");
        assert_eq!(ask(&history, &asked(7)).unwrap(), answer);
        assert_eq!(answer.provenance.seed, 7);
    }

    #[test]
    fn a_slower_sensor_is_asked_about_with_rules_that_expect_it() {
        let asked = Asked {
            resample: Some(Span::from_minutes(15)),
            ..Asked::default()
        };
        let answer = ask(&history(&[(600, 620, 9_000)]), &asked).unwrap();
        assert_eq!(answer.provenance.readings, 2 * 24 * 4 + 1);
        assert_eq!(answer.provenance.coverage_basis_points, 10_000);
        assert_eq!(
            answer.proposed.alerts[0].length,
            Some(Span::from_minutes(45))
        );
        let unsampled = ask(&history(&[]), &Asked::default()).unwrap();
        let hash = |answer: &WhatIf| answer.provenance.proposed_rules;
        assert_ne!(hash(&answer), hash(&unsampled), "it is another rule");
    }

    #[test]
    fn the_formula_holds_for_independent_readings_and_is_flagged_for_others() {
        let mut rng = crate::food_safety::fleet::Rng::seeded(11);
        let mut values: Vec<i32> = (0..40_000)
            .map(|_| if rng.unit() < 0.1 { 9_000 } else { 3_000 })
            .collect();
        let series = |values: &[i32]| -> Vec<Observation> {
            let of = |(n, milli): (i64, &i32)| {
                Observation::temperature(at(n * 300), Temperature::from_milli_celsius(*milli))
            };
            (0..).zip(values).map(of).collect()
        };
        let asked = Asked {
            injection: Injection {
                count: 0,
                ..Injection::default()
            },
            restore_readings: 1,
            ..Asked::default()
        };
        let independent = ask(&series(&values), &asked).unwrap();
        let formula = independent.closed_form;
        assert!((formula.p1 - 0.1).abs() < 0.01, "{formula:?}");
        assert!(!formula.autocorrelated, "{formula:?}");
        let replayed = independent.proposed.alarms.per_day.value;
        let ratio = replayed / formula.raises_per_day;
        assert!((0.9..1.1).contains(&ratio), "{replayed} of {formula:?}");
        // the same values, all violations in runs of a hundred
        values.sort_unstable();
        let (good, bad) = values.split_at(values.partition_point(|v| *v < 9_000));
        let runs: Vec<i32> = bad
            .chunks(100)
            .flat_map(|run| run.iter().chain(&good[..900]))
            .copied()
            .collect();
        let dependent = ask(&series(&runs), &asked).unwrap().closed_form;
        assert!(dependent.autocorrelated, "{dependent:?}");
    }

    #[test]
    fn histories_that_allow_no_answer_are_refused() {
        let asked = Asked::default();
        let mut unordered = history(&[]);
        unordered.swap(3, 4);
        assert_eq!(ask(&unordered, &asked), Err(WhatIfError::Unordered));
        let sparse: Vec<_> = history(&[]).into_iter().step_by(4).collect();
        assert!(matches!(
            ask(&sparse, &asked),
            Err(WhatIfError::Coverage { percent: 24..=26 })
        ));
        let mut long = history(&[]);
        long.push(Observation::temperature(
            at(401 * 86_400),
            Temperature::from_milli_celsius(0),
        ));
        assert_eq!(ask(&long, &asked), Err(WhatIfError::TooLong));
        let injecting = |count, tau_hours| Asked {
            injection: Injection {
                count,
                tau_hours,
                ..Injection::default()
            },
            ..Asked::default()
        };
        for wrong in [
            injecting(501, vec![2.0]),
            injecting(1, vec![0.0]),
            injecting(1, vec![f64::NAN]),
            injecting(1, vec![2.0; 9]),
        ] {
            assert_eq!(ask(&history(&[]), &wrong), Err(WhatIfError::Injection));
        }
        let too_often = Asked {
            resample: Some(Span::from_seconds(59)),
            ..Asked::default()
        };
        assert_eq!(ask(&history(&[]), &too_often), Err(WhatIfError::Resample));
    }
}
