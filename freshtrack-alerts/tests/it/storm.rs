//! Ingest in bad weather: whatever fails on the way, a sender that repeats until it is answered ends where
//! it would have ended in good weather.

use crate::fixture::T0;
use crate::house::{Failure, House};
use freshtrack_alerts::change::Target;
use freshtrack_alerts::intake::Posted;
use freshtrack_alerts::posted::{PostedReading, PostedTemperature};
use freshtrack_core::audit::Journal;
use freshtrack_core::event::EventKind;
use freshtrack_core::ids::UnitId;
use freshtrack_core::ports::Places;
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_core::time::Span;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// How often a sender repeats; more often than there are failures.
const PATIENCE: usize = 60;

/// A call: when it is made, and its readings as (which unit, seconds before, milli-degrees).
type Call = (i64, Vec<(usize, i64, i32)>);

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let value = prop_oneof![Just(7_200), Just(3_500), Just(4_800), Just(400_000)];
    let reading = (0..3usize, 0..2_000i64, value);
    let call = (1..900i64, prop::collection::vec(reading, 1..8));
    prop::collection::vec(call, 1..12)
}

fn failures() -> impl Strategy<Value = Vec<Option<Failure>>> {
    let failure = prop_oneof![
        3 => Just(None),
        1 => Just(Some(Failure::Conflict)),
        1 => Just(Some(Failure::Unavailable)),
    ];
    prop::collection::vec(failure, 40)
}

/// What is left after all calls were answered.
async fn weather(calls: &[Call], failures: &[Option<Failure>], twice: bool) -> Vec<String> {
    let house = House::new().await;
    let mut units: Vec<UnitId> = vec![house.own.unit];
    for name in ["Fridge 2", "Fridge 3"] {
        let unit = house.own.new_unit(name);
        units.push(unit.id);
        let org = house.own.org;
        let made = Places::create_unit(&house.store.inner, org, unit, Journal::default());
        made.await.unwrap();
    }
    let mut failures = failures.iter();
    let mut seconds = 0;
    for (pause, readings) in calls {
        seconds += pause;
        let now = T0 + Span::from_seconds(seconds);
        house.clock.set(now);
        let batch: Vec<Posted> = readings
            .iter()
            .map(|(unit, ago, milli)| {
                let text = format!("{milli}e-3");
                Ok(PostedReading {
                    temperature: Some(PostedTemperature::parse(&text, TemperatureUnit::C)),
                    ..PostedReading::new(Target::Unit(units[*unit]), now - Span::from_seconds(*ago))
                })
            })
            .collect();
        for _ in 0..=usize::from(twice) {
            let mut answered = false;
            for _ in 0..PATIENCE {
                if let Some(Some(failure)) = failures.next() {
                    house.store.failures.lock().unwrap().push_back(*failure);
                }
                answered = house.try_post(batch.clone()).await.is_ok();
                if answered {
                    break;
                }
            }
            assert!(answered, "refused in good weather");
        }
        house.store.failures.lock().unwrap().clear();
        house.sweeper().sweep().await.unwrap();
    }
    let loaded =
        freshtrack_alerts::ports::MonitorStore::load(&house.store.inner, house.own.org, &units);
    let loaded = loaded.await.unwrap().unwrap();
    let mut left: Vec<String> = Vec::new();
    for unit in &loaded.units {
        let m = &unit.monitor;
        left.push(format!(
            "{:?} {:?} {:?}",
            m.temperature, m.newest, unit.monitor_version
        ));
    }
    for alert in house.alerts().await {
        left.push(format!(
            "{:?} {:?} {}",
            alert.key, alert.status, alert.condition_since
        ));
    }
    left.push(format!("{} put aside", house.quarantined().await.len()));
    let events = house.events(house.own.org).await;
    for kind in [
        EventKind::ReadingAccepted,
        EventKind::AlertRaised,
        EventKind::AlertResolved,
    ] {
        let count = events.iter().filter(|event| event.kind == kind).count();
        left.push(format!("{count} {kind}"));
    }
    left.sort();
    left
}

#[test]
fn g_02_g_03_l_65_l_69_bad_weather_and_repetition_change_nothing() {
    let config = Config {
        cases: 60,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    TestRunner::new_with_rng(config, rng)
        .run(&(calls(), failures()), |(calls, failures)| {
            runtime.block_on(async {
                let fine = weather(&calls, &[], false).await;
                prop_assert_eq!(&fine, &weather(&calls, &failures, false).await, "failures");
                prop_assert_eq!(&fine, &weather(&calls, &failures, true).await, "repetition");
                Ok(())
            })
        })
        .expect("the law holds");
}

#[test]
fn g_03_readings_that_arrive_together_may_stand_in_any_order() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let readings: Vec<(usize, i64, i32)> = vec![
        (0, 1_500, 7_200),
        (0, 900, 7_300),
        (0, 600, 3_500),
        (0, 300, 3_500),
        (1, 900, 4_800),
        (1, 1_200, 7_200),
        (2, 10, 400_000),
    ];
    let ordered = runtime.block_on(weather(&[(1_600, readings.clone())], &[], false));
    let mut turned = readings;
    for _ in 0..turned.len() {
        turned.rotate_left(1);
        let reversed: Vec<_> = turned.iter().rev().copied().collect();
        for order in [turned.clone(), reversed] {
            let left = runtime.block_on(weather(&[(1_600, order)], &[], false));
            assert_eq!(left, ordered);
        }
    }
}
