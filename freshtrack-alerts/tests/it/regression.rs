//! Regression laws that no acceptance example states by itself.

use crate::fixture::{F1, SILENCE, T0, TEMP, at, celsius, key};
use crate::house::{House, reading_of};
use crate::script::{Player, Ticks, anything};
use freshtrack_alerts::alert::AlertType;
use freshtrack_alerts::change::Target;
use freshtrack_alerts::monitor::connectivity::{ConnectivityAxis, boundary, missed};
use freshtrack_alerts::ports::MonitorStore;
use freshtrack_alerts::step::{Input, Observation, step};
use freshtrack_core::ports::Places;
use freshtrack_core::time::Span;
use proptest::prelude::*;

/// L-13: the count everybody shows and the axis that alerts are one function and its inverse.
#[test]
fn l_13_missed_check_ins_are_counted_by_one_function() {
    let f = F1::new();
    let last = T0;
    for second in 0..2_000 {
        let now = last + Span::from_seconds(second);
        let count = missed(now, last, f.rules.check_in_interval());
        let (axis, next) = ConnectivityAxis::at(now, Some(last), &f.rules, &f.unit);
        let wanted = match count {
            ..1 => "online",
            1..5 => "late",
            5.. => "silent",
        };
        assert_eq!(axis.name(), wanted, "{second} s, {count} missed");
        assert!(next.is_none_or(|next| next > now));
    }
    for count in 1..100_u32 {
        let at = boundary(last, &f.rules, count);
        let interval = f.rules.check_in_interval();
        assert_eq!(missed(at, last, interval), i64::from(count));
        let before = at - Span::from_micros(1);
        assert_eq!(missed(before, last, interval), i64::from(count) - 1);
    }
}

/// L-16: what is shown is computed from the axes; whatever happens, the stored copy is that.
#[tokio::test]
async fn l_16_the_displayed_status_is_a_copy_of_what_the_axes_say() {
    let house = House::new().await;
    let unit = Target::Unit(house.own.unit);
    for (time, value) in [
        ("0:00", "3.5"),
        ("5:00", "7.2"),
        ("15:00", "7.2"),
        ("20:00", "4.0"),
    ] {
        house.clock.set(at(time));
        let reading = reading_of(unit.clone(), time, value);
        house.post(vec![Ok(reading)]).await;
        agrees(&house).await;
    }
    for minute in [26, 46, 300] {
        house.clock.set(at(&format!("{minute}:00")));
        house.sweeper().sweep().await.unwrap();
        agrees(&house).await;
    }
}

async fn agrees(house: &House) {
    let store = &house.store.inner;
    let loaded = store.load(house.own.org, &[house.own.unit]).await.unwrap();
    let unit = Places::find_unit(store, house.own.org, house.own.unit).await;
    let shown = unit.unwrap().unwrap().status;
    assert_eq!(shown, loaded.unwrap().units[0].monitor.status());
    let document = serde_json::to_value(
        &store
            .load(house.own.org, &[house.own.unit])
            .await
            .unwrap()
            .unwrap()
            .units[0]
            .monitor,
    );
    assert!(
        document.unwrap().get("status").is_none(),
        "it has no place of its own"
    );
}

/// L-27, I-11: readings whose clock is right, evaluated by one that is put an hour back and forth: no
/// temperature alert that readings do not justify, and no end of one either.
#[test]
fn l_27_i_11_a_clock_that_steps_an_hour_raises_and_clears_nothing() {
    for (value, axis) in [("3.5", "normal"), ("7.2", "alarm")] {
        for back in [-60, 60] {
            let mut f = if axis == "alarm" {
                F1::in_alarm()
            } else {
                F1::new()
            };
            let before = f.all(TEMP).len();
            for minute in (15..200).step_by(5) {
                let recorded_at = T0 + Span::from_minutes(minute);
                let wrong = (60..120).contains(&minute);
                let now = recorded_at + Span::from_minutes(if wrong { back } else { 0 });
                let mut reading = [Observation::temperature(recorded_at, celsius(value))];
                f.step_at(now, Input::Readings(&mut reading));
                f.step_at(now, Input::Tick);
                f.expect_axis(axis);
                assert_eq!(f.all(TEMP).len(), before, "at {minute}, {back} minutes off");
            }
            let faults = f.all(key(AlertType::SensorFault));
            assert!(faults.is_empty(), "a wrong clock is no sensor fault");
            assert!(f.open(SILENCE).is_none(), "it is heard of in the end");
        }
    }
}

/// L-30: a reading from the future counts as of now, so that the next one is not older than it.
#[test]
fn l_30_a_reading_from_the_future_is_not_newest_for_ever() {
    let mut f = F1::new();
    let mut ahead = [Observation::temperature(at("4:00"), celsius("3.5"))];
    f.step_at(at("0:00"), Input::Readings(&mut ahead));
    assert_eq!(ahead[0].judged.effective_at, at("0:00"));
    assert!(ahead[0].judged.clock_ahead);
    assert_eq!(f.monitor.newest.unwrap().at, at("0:00"));
    let mut next = [Observation::temperature(at("1:00"), celsius("7.2"))];
    f.step_at(at("1:00"), Input::Readings(&mut next));
    assert!(!next[0].judged.late, "it is evaluated");
    f.expect_excursion("1:00");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// L-12: without a reading a unit is never shown as healthy once its first hour is over.
    #[test]
    fn l_12_a_unit_that_was_never_seen_is_never_healthy(minutes in prop::collection::vec(60..20_000_i64, 1..8)) {
        let mut f = F1::unseen();
        f.unit.monitoring_started_at = T0;
        let mut minutes = minutes;
        minutes.sort_unstable();
        for minute in minutes {
            f.step_at(T0 + Span::from_minutes(minute), Input::Tick);
            prop_assert_eq!(f.monitor.connectivity.name(), "silent");
            prop_assert_ne!(f.monitor.status(), freshtrack_core::hierarchy::UnitStatus::Ok);
        }
    }

    /// L-5: the same input log gives the same state, alerts, history and deadline.
    #[test]
    fn l_05_the_same_log_gives_the_same_unit(life in anything()) {
        let (one, two) = (Player::play(step, Ticks::Due, &life), Player::play(step, Ticks::Due, &life));
        prop_assert_eq!(&one.monitor, &two.monitor);
        prop_assert_eq!(&one.rows, &two.rows);
        prop_assert_eq!(&one.told, &two.told);
        prop_assert_eq!(one.deadline, two.deadline);
    }
}
