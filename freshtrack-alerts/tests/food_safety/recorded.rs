//! A recorded freezer, read from outside the project; nothing is tuned on it.

use freshtrack_alerts::food_safety::defrost::{Params, Reading, Tracker};
use freshtrack_alerts::food_safety::series::Quality;
use freshtrack_core::temperature::{Limit, Temperature, TemperatureUnit};
use freshtrack_core::time::{Span, Timestamp};

#[expect(
    clippy::disallowed_methods,
    reason = "the recordings lie where the caller says"
)]
fn recording(name: &str) -> Option<Vec<(Timestamp, Temperature)>> {
    let Ok(folder) = std::env::var("FRESHTRACK_VECTORS") else {
        eprintln!("SKIP: FRESHTRACK_VECTORS is not set");
        return None;
    };
    let path = std::path::Path::new(&folder).join("data").join(name);
    let text = std::fs::read_to_string(&path).expect("the recording can be read");
    let mut readings: Vec<_> = text
        .lines()
        .skip(1)
        .map(|line| {
            let mut fields = line.split(',');
            let time = fields.next().expect("a time");
            let (instant, minutes) = time.split_at(time.len() - 2);
            let at = format!("{instant}:{minutes}")
                .parse()
                .expect("a time with offset");
            let air = fields.next().expect("a temperature");
            (
                at,
                Temperature::parse(air, TemperatureUnit::C).expect("a decimal"),
            )
        })
        .collect();
    readings.sort();
    Some(readings)
}

#[test]
fn a_recorded_day_raises_nothing_and_an_injected_failure_is_found_at_every_phase() {
    let Some(readings) = recording("ruuvi-freezer.csv") else {
        return;
    };
    let (start, end) = (readings[0].0, readings[readings.len() - 1].0);
    for cadence in [1, 5, 10, 15] {
        let params = Params::freezer(Limit::celsius(-18_000), Span::from_minutes(cadence));
        for phase in 0..cadence {
            let sampled = || {
                let newest =
                    |at: Timestamp| readings[..readings.partition_point(|(t, _)| *t <= at)].last();
                (0..)
                    .map(move |i| start + Span::from_minutes(phase + i * cadence))
                    .take_while(move |at| *at <= end)
                    .filter_map(move |at| newest(at).map(|(_, air)| (at, *air)))
            };
            let mut tracker = Tracker::new();
            let mut last = Temperature::from_milli_celsius(0);
            for (at, air) in sampled() {
                let reading = Reading {
                    at,
                    air,
                    quality: Quality::Good,
                    product: None,
                };
                assert_eq!(
                    tracker.observe(&params, &reading).raise,
                    None,
                    "{cadence} at {at}"
                );
                last = air;
            }
            // The compressor stops: linear at the initial rate of τ = 6 h towards 22 °C.
            let rate = (22_000 - last.milli_celsius()) / 360;
            let crossing = i64::from((-18_000 - last.milli_celsius()) / rate);
            let raised = (1..)
                .map(|i| i * cadence)
                .take_while(|m| *m <= 600)
                .find_map(|minute| {
                    let warmer = rate * i32::try_from(minute).expect("ten hours");
                    let air = Temperature::from_milli_celsius(last.milli_celsius() + warmer);
                    let at = end + Span::from_minutes(minute);
                    let reading = Reading {
                        at,
                        air,
                        quality: Quality::Good,
                        product: None,
                    };
                    tracker.observe(&params, &reading).raise.map(|_| minute)
                });
            let after = raised.expect("a failure is found") - crossing;
            assert!(
                after <= 15 + 2 * cadence,
                "{cadence}: {after} min after the crossing"
            );
        }
    }
}
