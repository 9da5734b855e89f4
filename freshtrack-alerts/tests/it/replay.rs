//! Replay: the same step on the clock of the record.

use crate::fixture::{T0, at, celsius, unit};
use freshtrack_alerts::alert::{AlertEventKind, AlertType};
use freshtrack_alerts::cascade::EffectiveRules;
use freshtrack_alerts::food_safety::closed_form::Delays;
use freshtrack_alerts::food_safety::fleet::Rng;
use freshtrack_alerts::replay::{Replay, Summary, Transition};
use freshtrack_alerts::step::{Facts, Observation};
use freshtrack_core::hierarchy::{Unit, UnitType};
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};

fn run(start: Timestamp, series: &[(Timestamp, Temperature)]) -> (Vec<Transition>, Summary) {
    let unit = Unit {
        monitoring_started_at: start,
        ..unit()
    };
    let facts = Facts {
        unit: &unit,
        site_name: "Main Street",
        site_timezone: "UTC",
        corrective_action_required: false,
        devices: &[],
    };
    let mut replay = Replay::new(facts, EffectiveRules::built_in(UnitType::Fridge));
    let mut transitions = Vec::new();
    for (at, value) in series {
        transitions.extend(replay.push(Observation::temperature(*at, *value)));
    }
    (transitions, replay.summary())
}

#[test]
fn a_series_is_told_and_counted() {
    let series: Vec<(Timestamp, Temperature)> = [
        ("0:00", "3.5"),
        ("5:00", "7.2"),
        ("10:00", "8.0"),
        ("15:00", "7.2"),
        ("20:00", "4.0"),
        ("18:00", "9.9"),
        ("25:00", "4.0"),
        ("60:00", "3.5"),
        ("65:00", "5.5"),
    ]
    .map(|(time, value)| (at(time), celsius(value)))
    .to_vec();
    let (transitions, summary) = run(T0, &series);
    let temperature: Vec<_> = transitions
        .iter()
        .filter(|t| t.alert_type == AlertType::TempExcursion)
        .map(|t| (t.at, t.kind, t.value))
        .collect();
    assert_eq!(
        temperature,
        [
            (at("5:00"), AlertEventKind::Raised, Some(celsius("7.2"))),
            (at("15:00"), AlertEventKind::Confirmed, Some(celsius("8.0"))),
            (
                at("25:00"),
                AlertEventKind::ResolvedAuto,
                Some(celsius("8.0"))
            ),
            (at("65:00"), AlertEventKind::Raised, Some(celsius("5.5"))),
        ]
    );
    let expected = Summary {
        readings: 9,
        late: 1,
        first: Some(at("0:00")),
        last: Some(at("65:00")),
        lowest: Some(celsius("3.5")),
        highest: Some(celsius("8.0")),
        excursions: 2,
        alarms: 1,
        // three readings of five minutes, and the last one for one interval
        out_of_range: Span::from_minutes(20),
        gaps: 1,
        unobserved: Span::from_minutes(30),
    };
    assert_eq!(summary, expected);
    assert_eq!(
        summary.alarms_per_day_centi(),
        Some(86_400 * 100 / (65 * 60))
    );
    assert_eq!(run(T0, &series), (transitions, summary), "l_05");
}

/// Food-safety 3.1: on independent readings the engine does what the closed form says. A delay that ends
/// just after the n-th reading is n readings; one in-band reading ends an alarm.
#[test]
fn the_engine_agrees_with_the_closed_form_on_independent_readings() {
    const READINGS: u32 = 60_000;
    let unit = Unit {
        monitoring_started_at: T0,
        ..unit()
    };
    let facts = Facts {
        unit: &unit,
        site_name: "Main Street",
        site_timezone: "UTC",
        corrective_action_required: false,
        devices: &[],
    };
    for (seed, p1, on) in [(1, 0.1, 1), (2, 0.2, 2), (3, 0.3, 2), (4, 0.4, 3)] {
        let rules = EffectiveRules {
            restore_readings: 1,
            check_in_interval_seconds: 300,
            // one second after the n-th, or the settle time of a minute after the first
            confirm_closed_seconds: (on - 1) * 300 + 1,
            ..EffectiveRules::built_in(UnitType::Fridge)
        };
        let delays = Delays { on, off: 1 };
        let mut rng = Rng::seeded(seed);
        let mut replay = Replay::new(facts, rules);
        let (mut raises, mut in_alarm, mut since) = (0_u32, Span::ZERO, None);
        for n in 0..READINGS {
            let value = celsius(if rng.unit() < p1 { "9" } else { "3" });
            let now = T0 + Span::from_minutes(5).times(i64::from(n));
            for told in replay.push(Observation::temperature(now, value)) {
                if told.is_alarm() {
                    raises += 1;
                    since = Some(told.at);
                } else if told.kind == AlertEventKind::ResolvedAuto
                    && let Some(began) = since.take()
                {
                    in_alarm = in_alarm + (told.at - began);
                }
            }
        }
        let (all, seconds) = (f64::from(READINGS), |span: Span| {
            span.to_duration().as_secs_f64()
        });
        // the timer fires so long after the reading that completes the delay
        let lost = if on == 1 { 60.0 } else { 1.0 } * f64::from(raises);
        let share = (seconds(in_alarm) + lost) / (all * 300.0);
        let rate = f64::from(raises) / all;
        let (far, expected) = (delays.false_alarm_rate(p1), delays.raises_per_sample(p1));
        assert!(
            (share / far - 1.0).abs() < 0.1,
            "{p1}, {on}: {share}, not {far}"
        );
        assert!(
            (rate / expected - 1.0).abs() < 0.1,
            "{p1}, {on}: {rate}, not {expected}"
        );
    }
}

/// A day of a household fridge, if the folder of recorded series is at hand.
#[test]
fn a_recorded_day_is_replayed_without_surprise() {
    #[expect(
        clippy::disallowed_methods,
        reason = "where recorded series lie is told by the caller"
    )]
    let Ok(folder) = std::env::var("FRESHTRACK_VECTORS") else {
        println!("SKIP: FRESHTRACK_VECTORS is not set");
        return;
    };
    let path = std::path::Path::new(&folder).join("data/ruuvi-fridge.csv");
    let text = std::fs::read_to_string(path).unwrap();
    let mut series: Vec<(Timestamp, Temperature)> = Vec::new();
    for line in text.lines().skip(1) {
        let mut fields = line.split(',');
        // "+0200" has no colon
        let (local, minutes) = fields.next().unwrap().split_at(22);
        let value = celsius(fields.next().unwrap());
        series.push((format!("{local}:{minutes}").parse().unwrap(), value));
    }
    let (_, summary) = run(series[0].0, &series);
    assert_eq!(summary.readings, series.len() as u64);
    assert_eq!(summary.late, 0);
    assert!(summary.alarms <= summary.excursions);
    let length = summary.last.unwrap() - summary.first.unwrap();
    assert!(summary.out_of_range + summary.unobserved <= length + Span::from_minutes(5));
}
