//! Sensor truth, gaps, the product behind the air sensor, slow drift: wired into the step.

use crate::fixture::{F1, StepFn, TEMP, at, celsius, key};
use freshtrack_alerts::alert::{AlertEventKind, AlertType, Severity};
use freshtrack_alerts::cascade::EffectiveRules;
use freshtrack_alerts::food_safety::drift::Advisory;
use freshtrack_alerts::food_safety::sensor_truth::{Plausibility, Siblings, StuckValue};
use freshtrack_alerts::monitor::Monitor;
use freshtrack_alerts::step::{Advice, Facts, Input, Observation, Step, UnitEvent, step};
use freshtrack_core::reading::DoorState;
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};
use serde_json::json;

const FAULT: freshtrack_alerts::alert::AlertKey = key(AlertType::SensorFault);

fn minute(count: i64) -> String {
    format!("{count}:00")
}

fn advice(f: &F1) -> Vec<Advice> {
    let advised = |event: &UnitEvent| match event {
        UnitEvent::Advised(advice) => Some(*advice),
        _ => None,
    };
    f.events.iter().filter_map(advised).collect()
}

/// 3.6: a value that repeats for six hours is a fault, and proves nothing meanwhile.
#[test]
fn a_stuck_value_is_a_fault_and_resolves_nothing() {
    let mut f = F1::in_alarm();
    f.read("15:00", "4.0").expect_axis("restoring");
    f.read("20:00", "7.2").expect_axis("alarm");
    // stuck just out of range until six hours have passed, and nobody may call that normal
    let mut fault_at = None;
    for n in 0..80 {
        f.read(&minute(25 + n * 5), "7.3");
        if fault_at.is_none() && f.open(FAULT).is_some() {
            fault_at = Some(n * 5);
        }
    }
    assert_eq!(fault_at, Some(360), "six hours after the first of the run");
    assert_eq!(f.severity(FAULT), Some(Severity::Critical));
    f.read(&minute(500), "7.4");
    assert!(f.open(FAULT).is_none(), "another value clears it");

    let mut f = F1::new();
    for n in 0..80 {
        f.read(&minute(n * 5), "3.0");
    }
    assert!(f.open(FAULT).is_some());
    f.read(&minute(400), "7.2").expect_axis("excursion");
    f.restart();
    let last = f.monitor.devices[0];
    assert!(last.fault.is_none(), "it moved, so it is not stuck");
}

#[test]
fn a_stuck_good_value_clears_no_alarm() {
    let mut f = F1::in_alarm();
    let mut minutes = 10;
    // a probe that says 4.0 for ever, but for single cold values that hold the alarm open
    f.rules(&minute(11), |rules| rules.restore_readings = 10);
    for _ in 0..9 {
        minutes += 5;
        f.read(&minute(minutes), "4.0");
    }
    f.expect_axis("restoring");
    minutes += 5;
    f.read(&minute(minutes), "7.2").expect_axis("alarm");
    f.rules(&minute(minutes + 1), |rules| rules.restore_readings = 2);
    // stuck at a value inside the margin first, then the limits move: the value is in band, but stuck
    for _ in 0..75 {
        minutes += 5;
        f.read(&minute(minutes), "4.8");
    }
    assert!(f.open(FAULT).is_some());
    f.rules(&minute(minutes + 1), |rules| {
        rules.hysteresis = freshtrack_core::temperature::TemperatureDelta::ZERO;
    });
    for _ in 0..3 {
        minutes += 5;
        f.read(&minute(minutes), "4.8");
    }
    f.expect_axis("restoring");
    assert!(f.open(TEMP).is_some(), "a stuck value resolves nothing");
    for value in ["4.7", "4.6"] {
        minutes += 5;
        f.read(&minute(minutes), value);
    }
    f.expect_axis("normal");
    assert!(f.open(TEMP).is_none() && f.open(FAULT).is_none());
}

/// 3.6: a jump is doubted until the next value confirms it; two in a row are a fault.
#[test]
fn a_jump_clears_nothing_until_it_is_confirmed_and_a_fire_is_no_fault() {
    let mut f = F1::in_alarm();
    f.read("15:00", "20.0")
        .read("15:30", "4.0")
        .expect_axis("alarm");
    f.read("16:30", "4.0").expect_axis("restoring");
    f.read("17:30", "4.0").expect_axis("normal");

    let mut fire = F1::new();
    fire.read("0:00", "3.5")
        .read("1:00", "40.0")
        .expect_axis("excursion");
    assert!(fire.open(FAULT).is_none());
    fire.read("2:00", "45.0").read("3:00", "50.0");
    assert!(fire.open(FAULT).is_none(), "a fire is not a sensor fault");
    fire.wait("10:00").read("11:00", "60.0");
    fire.expect_axis("alarm");

    let mut noise = F1::new();
    noise
        .read("0:00", "3.5")
        .read("1:00", "40.0")
        .read("2:00", "80.0");
    assert_eq!(
        noise.severity(FAULT),
        Some(Severity::Critical),
        "two in a row"
    );
    noise.read("3:00", "3.5").read("4:00", "3.5");
    assert!(noise.open(FAULT).is_none());
}

#[test]
fn a_fault_on_another_channel_makes_a_reading_doubtful() {
    let mut f = F1::in_alarm();
    for time in ["15:00", "20:00"] {
        let mut doubted = [Observation {
            siblings: Siblings::Faulty,
            ..Observation::temperature(at(time), celsius("4.0"))
        }];
        f.observe(time, &mut doubted);
        f.expect_axis("alarm");
    }
    f.read("25:00", "4.0")
        .read("30:00", "4.0")
        .expect_axis("normal");
}

/// 3.7: out of range after a gap: at once, and the record says what it was.
#[test]
fn out_of_range_after_a_gap_is_an_alarm_at_once() {
    for (pause, axis) in [(29, "excursion"), (30, "alarm")] {
        let mut f = F1::new();
        f.read("0:00", "3.5").read(&minute(pause), "7.2");
        f.expect_axis(axis);
    }
    let mut f = F1::new();
    f.read("0:00", "3.5").read("45:00", "7.2");
    f.expect_alarm("45:00", "45:00");
    let raised = f
        .told
        .iter()
        .find(|told| told.kind == AlertEventKind::Raised && told.alert.key == TEMP);
    let wanted = json!({ "from": at("0:00"), "seconds": 2_700, "found_milli_celsius": 7_200 });
    assert_eq!(raised.unwrap().details["after_gap"], wanted);
    f.read("50:00", "9.0");
    assert_eq!(f.only(TEMP).extreme, Some(celsius("9.0")), "the later peak");

    let mut held = F1::new();
    held.read("0:00", "3.5")
        .door("44:00", DoorState::Open)
        .read("45:00", "7.2");
    held.expect_axis("alarm");
    let mut slow = F1::new();
    slow.rules("0:00", |rules| rules.check_in_interval_seconds = 900);
    slow.read("1:00", "3.5")
        .read("45:00", "7.2")
        .expect_axis("excursion");
}

/// 3.7: in range after a gap, but it may have been warm meanwhile: the product must be looked at.
#[test]
fn in_range_after_a_gap_that_may_have_warmed_the_product_asks_for_a_look() {
    let mut f = F1::new();
    f.rules("-1:00", |rules| {
        rules.temp_max = Some(freshtrack_core::temperature::Limit::celsius(-18_000));
        rules.temp_min = None;
    });
    f.read("0:00", "-20.0").read("15:00", "-20.0");
    assert_eq!(advice(&f), [], "no gap");
    f.read("135:00", "-20.0");
    let possible = Temperature::from_milli_celsius(-8_940);
    let wanted = Advice::ProductCheck {
        gap_from: at("15:00"),
        length: Span::from_minutes(120),
        possible,
    };
    assert_eq!(advice(&f), [wanted]);
    assert_eq!(f.monitor.product_check_since, Some(at("135:00")));
    f.restart();
    let log = |f: &mut F1, time: &str| {
        let recorded_at = at(time);
        f.step_at(at("140:00"), Input::ManualLog { recorded_at });
    };
    log(&mut f, "134:00");
    assert!(f.monitor.product_check_since.is_some(), "measured before");
    log(&mut f, "139:00");
    assert_eq!(f.monitor.product_check_since, None);
    // a unit that barely warms in that time gives no cause
    let mut slow = F1::new();
    slow.rules("-1:00", |rules| {
        rules.warming_ambient = Temperature::from_milli_celsius(4_000);
    });
    slow.read("0:00", "3.5").read("120:00", "3.5");
    assert_eq!(advice(&slow), []);
}

/// 3.4: vectors of the model, through the step and its stored form.
#[test]
fn the_product_follows_the_air_where_its_time_constant_is_set() {
    let mut f = F1::new();
    f.rules("-2:00", |rules| rules.product_tau_seconds = 7_200);
    f.rules("-1:00", |rules| rules.temp_max = None);
    let product = |f: &F1| {
        f.monitor
            .product
            .map(|product| product.temperature().milli_celsius())
    };
    f.read("0:00", "-18.0");
    assert_eq!(product(&f), Some(-18_000), "it starts as warm as the air");
    // the air holds from a reading to the next: five degrees for half an hour from here on
    for n in 3..=30 {
        f.read(&format!("{n}:00"), "5.0").restart();
    }
    f.read("33:00", "-20.0");
    assert_eq!(product(&f), Some(-12_912));
    for n in 1..=12 {
        f.read(&format!("{}:00", 33 + n * 5), "-20.0").restart();
    }
    assert_eq!(product(&f), Some(-15_701));
    f.read("150:00", "-10.0");
    assert_eq!(
        product(&f),
        Some(-10_000),
        "after a gap the worse of the two counts"
    );
    assert!(f.monitor.product.unwrap().reinitialised);
    f.rules("151:00", |rules| rules.product_tau_seconds = 0);
    f.read("152:00", "-10.0");
    assert_eq!(product(&f), None);
}

/// 3.5: a unit that becomes warmer within its limits is told of, once.
#[test]
fn a_unit_that_drifts_within_its_limits_is_advised() {
    let mut f = F1::unseen();
    f.rules.check_in_interval_seconds = 3_600;
    let began = f.unit.monitoring_started_at;
    let mut told = Vec::new();
    for hour in 0..24 * 80 {
        let day = hour / 24;
        let milli = if day < 60 { 2_000 } else { 3_200 } + (hour % 2) as i32;
        let now = began + Span::from_minutes(hour * 60 + 1);
        let value = Observation::temperature(now, Temperature::from_milli_celsius(milli));
        f.step_at(now, Input::Readings(&mut [value]));
        for found in advice(&f) {
            told.push((day, found));
        }
        f.events.clear();
        if hour % 100 == 0 {
            f.restart();
        }
    }
    let drift: Vec<(i64, Advisory)> = told
        .iter()
        .filter_map(|(day, advice)| match advice {
            Advice::Drift { advisory, .. } => Some((*day, *advisory)),
            Advice::ProductCheck { .. } => None,
        })
        .collect();
    // a day is known when the next one begins, 22 hours into it as monitoring counts
    assert_eq!(drift, [(65, Advisory::Sliding)]);
    assert!(f.monitor.alerts.is_empty(), "it is no alert");
}

/// What the monitor looked like before these rules existed still loads, and goes on.
#[test]
fn a_stored_monitor_of_an_earlier_version_loads() {
    let old = json!({
        "t": "normal", "c": "online",
        "n": { "at": at("0:00").as_micros(), "temperature": 3_500 },
        "e": at("0:00").as_micros(),
        "h": [{ "s": at("0:00").as_micros() }],
    });
    let mut f = F1::new();
    f.monitor = serde_json::from_value(old).unwrap();
    f.read("5:00", "7.2").expect_axis("excursion");
}

/// Broken engines that a test of this file must notice.
mod saboteurs {
    use super::*;

    fn caught(engine: StepFn, test: fn(StepFn) -> bool) {
        assert!(test(step), "the test holds for the engine");
        let broken = std::panic::catch_unwind(|| test(engine));
        assert!(
            !matches!(broken, Ok(true)),
            "a broken engine went unnoticed"
        );
    }

    fn gap_raises(engine: StepFn) -> bool {
        let mut f = F1::new();
        f.engine = engine;
        f.read("0:00", "3.5").read("45:00", "7.2");
        f.monitor.temperature.confirmed_at() == Some(at("45:00"))
    }

    fn doubt_clears_nothing(engine: StepFn) -> bool {
        let mut f = F1::in_alarm();
        f.engine = engine;
        f.read("15:00", "20.0").read("15:30", "4.0");
        f.monitor.temperature.name() == "alarm"
    }

    /// The delay runs although nobody looked for an hour.
    fn forgets_gaps(
        m: &mut Monitor,
        rules: &EffectiveRules,
        facts: &Facts<'_>,
        mut input: Input<'_>,
        now: Timestamp,
    ) -> Step {
        if let (Input::Readings(readings), Some(newest)) = (&mut input, &mut m.newest)
            && let Some(first) = readings.first()
        {
            newest.at = newest.at.max(first.recorded_at - Span::from_minutes(5));
        }
        step(m, rules, facts, input, now)
    }

    /// Every value is believed.
    fn believes_everything(
        m: &mut Monitor,
        rules: &EffectiveRules,
        facts: &Facts<'_>,
        input: Input<'_>,
        now: Timestamp,
    ) -> Step {
        for health in &mut m.devices {
            health.plausibility = Plausibility::default();
            health.stuck = StuckValue::default();
        }
        step(m, rules, facts, input, now)
    }

    #[test]
    fn an_engine_that_forgets_gaps_is_noticed() {
        caught(forgets_gaps, gap_raises);
    }

    #[test]
    fn an_engine_that_believes_everything_is_noticed() {
        caught(believes_everything, doubt_clears_nothing);
    }
}
