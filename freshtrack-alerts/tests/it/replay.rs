//! Replay: the same step on the clock of the record.

use crate::fixture::{T0, at, celsius, unit};
use freshtrack_alerts::alert::{AlertEventKind, AlertType};
use freshtrack_alerts::cascade::EffectiveRules;
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
