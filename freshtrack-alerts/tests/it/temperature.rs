//! Acceptance examples of the temperature axis.

use crate::fixture::{DOOR, F1, SILENCE, TEMP, at, celsius, key};
use freshtrack_alerts::alert::{
    AlertEventKind, AlertType, RaiseReason, ResolutionKind, Severity, Violated,
};
use freshtrack_alerts::monitor::temperature::TemperatureAxis;
use freshtrack_alerts::step::{Input, Observation, UnitEvent};
use freshtrack_core::hierarchy::UnitStatus;
use freshtrack_core::reading::{DoorState, Zone};
use freshtrack_core::temperature::{Boundary, Limit, Temperature, TemperatureUnit};

fn violated(f: &F1) -> Option<Violated> {
    f.monitor
        .temperature
        .episode()
        .map(|episode| episode.violated)
}

fn good_count(f: &F1) -> Option<u32> {
    match f.monitor.temperature {
        TemperatureAxis::Restoring { good_count, .. } => Some(good_count),
        _ => None,
    }
}

#[test]
fn a_01_exactly_the_upper_limit_is_fine() {
    F1::new().read("0:00", "5.000").expect_axis("normal");
    let mut f = F1::new();
    f.read("0:00", "5.001").expect_axis("excursion");
    assert_eq!(violated(&f), Some(Violated::Max));
}

#[test]
fn a_02_exactly_the_lower_limit_is_fine() {
    F1::new().read("0:00", "0.556").expect_axis("normal");
    let mut f = F1::new();
    f.read("0:00", "0.555").expect_axis("excursion");
    assert_eq!(violated(&f), Some(Violated::Min));
}

#[test]
fn a_03_l_20_l_21_a_reading_equal_to_the_limit_in_its_own_unit_is_equal() {
    let f = F1::new();
    let fahrenheit = |text| Temperature::parse(text, TemperatureUnit::F).unwrap();
    assert_ne!(f.rules.zone(fahrenheit("41.0")), Zone::Out);
    assert_eq!(fahrenheit("41.01").milli_celsius(), 5_006);
    assert_eq!(f.rules.zone(fahrenheit("41.01")), Zone::Out);
    let limit = f.rules.temp_max.unwrap();
    assert_eq!((limit.milli, limit.unit), (41_000, TemperatureUnit::F));
}

#[test]
fn a_04_hot_holding_is_judged_in_its_own_unit() {
    let mut f = F1::new();
    f.rules.temp_max = None;
    f.rules.temp_min = Some(Limit::fahrenheit(135_000));
    assert_eq!(f.rules.zone(celsius("57.1")), Zone::Out);
    let limit = Temperature::parse("135.0", TemperatureUnit::F).unwrap();
    assert_ne!(f.rules.zone(limit), Zone::Out);
}

#[test]
fn a_05_a_limit_that_violates_is_violated_by_itself() {
    let mut f = F1::new();
    f.rules.temp_max = Some(Limit {
        boundary: Boundary::Violates,
        ..Limit::celsius(30_000)
    });
    assert_eq!(f.rules.zone(celsius("30.000")), Zone::Out);
    assert_ne!(f.rules.zone(celsius("29.999")), Zone::Out);
}

#[test]
fn a_06_ten_minutes_out_of_range_confirm() {
    let mut f = F1::new();
    f.read("0:00", "7.2").expect_excursion("0:00");
    assert_eq!(f.severity(TEMP), Some(Severity::Warning));
    f.read("5:00", "7.2")
        .read("10:00", "7.2")
        .expect_alarm("0:00", "10:00");
    let alert = f.only(TEMP);
    assert_eq!(alert.severity, Severity::Critical);
    assert_eq!(alert.confirmed_at, Some(at("10:00")));
    let confirmations = f.history(TEMP);
    assert_eq!(
        confirmations,
        [AlertEventKind::Raised, AlertEventKind::Confirmed],
        "exactly one confirmation, so exactly one page"
    );
}

#[test]
fn a_07_readings_in_between_move_nothing() {
    let mut f = F1::new();
    for minute in 0..10 {
        f.read(&format!("{minute}:00"), "7.2")
            .expect_excursion("0:00");
    }
    f.read("10:00", "7.2").expect_alarm("0:00", "10:00");
}

#[test]
fn a_08_the_timer_confirms_without_another_reading() {
    let mut f = F1::new();
    f.read("0:00", "7.2");
    f.wait("5:30");
    assert_eq!(f.severity(SILENCE), Some(Severity::Warning));
    f.wait("9:59.999").expect_excursion("0:00");
    f.wait("10:00").expect_alarm("0:00", "10:00");
    f.wait("25:29");
    assert_eq!(f.severity(SILENCE), Some(Severity::Warning));
    f.wait("25:30").expect_status(UnitStatus::AlarmActive);
    assert_eq!(f.severity(SILENCE), Some(Severity::Critical));
    assert_eq!(f.all(SILENCE).len(), 1);
}

#[test]
fn a_09_a_restart_resets_no_delay() {
    let mut f = F1::new();
    f.read("0:00", "7.2");
    f.wait("8:00").restart();
    f.wait("9:59").expect_excursion("0:00");
    f.wait("10:00").expect_alarm("0:00", "10:00");
}

#[test]
fn a_10_a_margin_reading_stops_no_confirmation() {
    let mut f = F1::new();
    f.read("0:00", "7.2")
        .read("5:00", "4.8")
        .expect_excursion("0:00");
    f.wait("10:00").expect_alarm("0:00", "10:00");
}

#[test]
fn a_11_two_good_readings_end_an_excursion_that_nobody_was_called_for() {
    let mut f = F1::new();
    f.read("0:00", "7.2").read("5:00", "4.0");
    assert_eq!(good_count(&f), Some(1));
    f.read("10:00", "4.0").expect_axis("normal");
    let alert = f.only(TEMP);
    assert_eq!(alert.resolved.as_ref().unwrap().kind, ResolutionKind::Auto);
    assert_eq!(alert.cleared_at, Some(at("10:00")));
    assert_eq!(
        alert.severity,
        Severity::Warning,
        "never confirmed, so never a page"
    );
}

#[test]
fn a_12_a_margin_reading_leaves_an_alarm() {
    F1::in_alarm()
        .read("15:00", "4.7")
        .expect_alarm("0:00", "10:00");
}

#[test]
fn a_13_l_44_two_good_readings_end_an_alarm() {
    let mut f = F1::in_alarm();
    f.read("15:00", "4.0").expect_status(UnitStatus::Restoring);
    assert!(f.open(TEMP).is_some());
    f.read("20:00", "4.0").expect_status(UnitStatus::Ok);
    assert_eq!(f.only(TEMP).cleared_at, Some(at("20:00")));
}

#[test]
fn a_14_one_bad_reading_while_restoring_brings_the_same_alarm_back() {
    let mut f = F1::in_alarm();
    let before = f.only(TEMP).clone();
    f.read("15:00", "4.0")
        .read("20:00", "7.2")
        .expect_alarm("0:00", "10:00");
    assert_eq!(
        f.only(TEMP),
        &before,
        "same alert, and nothing to page about"
    );
}

#[test]
fn a_15_a_margin_reading_while_restoring_starts_the_count_anew() {
    let mut f = F1::in_alarm();
    let mut counts = Vec::new();
    for (time, value) in [
        ("15:00", "4.0"),
        ("20:00", "4.7"),
        ("25:00", "4.0"),
        ("30:00", "4.0"),
    ] {
        f.read(time, value);
        counts.push(good_count(&f));
    }
    assert_eq!(counts, [Some(1), Some(0), Some(1), None]);
    f.expect_axis("normal");
}

#[test]
fn a_16_alternating_values_do_not_evade_confirmation() {
    let mut f = F1::new();
    f.read("0:00", "7.2")
        .read("5:00", "4.0")
        .read("12:00", "7.2");
    f.expect_alarm("0:00", "12:00");
}

#[test]
fn a_17_a_reverted_excursion_keeps_its_timer() {
    let mut f = F1::new();
    f.read("0:00", "7.2")
        .read("3:00", "4.0")
        .read("6:00", "7.2")
        .expect_excursion("0:00");
    f.wait("10:00").expect_alarm("0:00", "10:00");
}

#[test]
fn a_18_an_open_door_holds_an_excursion_back_until_it_closes() {
    let mut f = F1::new();
    f.door("0:00", DoorState::Open)
        .read("2:00", "7.2")
        .expect_status(UnitStatus::Ok);
    assert!(f.open(TEMP).is_none());
    f.door("6:00", DoorState::Closed).expect_excursion("6:00");
    assert_eq!(f.only(TEMP).first_out_at, Some(at("2:00")));
    f.wait("16:00").expect_alarm("6:00", "16:00");
}

#[test]
fn a_19_the_hold_ends_after_twenty_minutes() {
    let mut f = F1::new();
    f.door("0:00", DoorState::Open)
        .read("5:00", "7.2")
        .expect_axis("normal");
    f.wait("20:00").expect_excursion("20:00");
    f.read("25:00", "7.2")
        .read("39:00", "7.2")
        .expect_excursion("20:00");
    f.wait("40:00").expect_alarm("20:00", "40:00");
}

#[test]
fn a_20_a_warm_spell_behind_an_open_door_leaves_no_excursion() {
    let mut f = F1::new();
    f.door("0:00", DoorState::Open)
        .read("5:00", "7.2")
        .read("10:00", "4.0");
    f.door("11:00", DoorState::Closed)
        .wait("15:00")
        .expect_axis("normal");
    assert!(f.all(TEMP).is_empty());
}

#[test]
fn a_21_a_door_that_opens_lengthens_the_confirmation_while_it_is_open() {
    let mut f = F1::new();
    f.read("0:00", "7.2").door("8:00", DoorState::Open);
    f.wait("10:00").expect_excursion("0:00");
    f.door("15:00", DoorState::Closed)
        .expect_alarm("0:00", "15:00");
}

#[test]
fn a_22_an_open_door_postpones_confirmation_to_twenty_minutes_and_no_further() {
    let mut f = F1::new();
    f.read("0:00", "7.2").door("8:00", DoorState::Open);
    f.wait("19:59").expect_excursion("0:00");
    f.wait("20:00").expect_alarm("0:00", "20:00");
}

#[test]
fn a_23_a_whole_episode_in_one_backlog_leaves_its_record() {
    let mut f = F1::new();
    f.batch(
        "60:00",
        &[("5:00", "7.2"), ("7:00", "4.0"), ("12:00", "4.0")],
    );
    f.expect_axis("normal");
    let alert = f.only(TEMP);
    assert_eq!(alert.severity, Severity::Warning);
    assert_eq!(
        (alert.condition_since, alert.cleared_at),
        (at("5:00"), Some(at("12:00")))
    );
    assert_eq!((alert.raised_at, alert.version), (at("60:00"), 1));
    assert_eq!(
        f.history(TEMP),
        [AlertEventKind::Raised, AlertEventKind::ResolvedAuto]
    );
}

#[test]
fn a_24_a_confirmed_episode_in_one_backlog_is_confirmed_at_its_reading() {
    let mut f = F1::new();
    f.batch(
        "60:00",
        &[
            ("5:00", "7.2"),
            ("15:00", "7.2"),
            ("20:00", "4.0"),
            ("25:00", "4.0"),
        ],
    );
    let alert = f.only(TEMP);
    assert_eq!(alert.confirmed_at, Some(at("15:00")));
    assert_eq!(alert.cleared_at, Some(at("25:00")));
    assert_eq!(
        f.history(TEMP),
        [
            AlertEventKind::Raised,
            AlertEventKind::Confirmed,
            AlertEventKind::ResolvedAuto
        ]
    );
}

#[test]
fn a_25_an_old_value_is_given_a_minute_for_the_rest_of_its_backlog() {
    let mut f = F1::new();
    f.batch("60:00", &[("5:00", "7.2")]);
    f.expect_excursion("5:00");
    f.wait("60:59").expect_axis("excursion");
    f.wait("61:00").expect_alarm("5:00", "61:00");
}

#[test]
fn a_26_a_backlog_in_three_requests_pages_nobody() {
    let mut f = F1::new();
    f.batch("60:00", &[("5:00", "7.2")]);
    f.batch("60:01", &[("10:00", "4.0")]);
    f.batch("60:02", &[("15:00", "4.0")]);
    f.expect_axis("normal");
    assert_eq!(
        f.history(TEMP),
        [AlertEventKind::Raised, AlertEventKind::ResolvedAuto]
    );
}

#[test]
fn a_27_a_late_reading_moves_nothing() {
    let mut f = F1::new();
    f.read("10:00", "3.5");
    let before = f.monitor.clone();
    let judged = f.batch("11:00", &[("5:00", "9.0")])[0].judged;
    assert!(judged.late && judged.zone.is_none());
    assert_eq!(f.monitor.newest, before.newest);
    assert_eq!(f.monitor.temperature, before.temperature);
    assert_eq!(f.monitor.connectivity, before.connectivity);
}

#[test]
fn a_28_a_rule_change_judges_the_newest_reading_again() {
    let mut f = F1::new();
    f.read("0:00", "4.8").expect_axis("normal");
    f.rules("2:00", |rules| rules.temp_max = Some(Limit::celsius(4_000)));
    f.expect_excursion("2:00");
    assert_eq!(f.only(TEMP).raise_reason, RaiseReason::RulesChanged);
    f.wait("11:59").expect_axis("excursion");
    f.wait("12:00").expect_alarm("2:00", "12:00");
}

#[test]
fn a_29_l_28_a_rule_change_alone_resolves_nothing() {
    let mut f = F1::in_alarm();
    f.rules("11:00", |rules| {
        rules.temp_max = Some(Limit::celsius(8_000));
    });
    assert_eq!(good_count(&f), Some(0));
    f.read("15:00", "7.2");
    assert_eq!(good_count(&f), Some(1));
    f.read("20:00", "7.2").expect_axis("normal");
    assert!(f.open(TEMP).is_none());
}

#[test]
fn a_30_a_shorter_confirmation_counts_from_the_same_since() {
    let mut f = F1::new();
    f.read("0:00", "7.2");
    f.rules("6:40", |rules| rules.confirm_closed_seconds = 300);
    f.expect_alarm("0:00", "6:40");
}

#[test]
fn a_36_an_alarm_and_a_silence_end_separately() {
    let mut f = F1::new();
    f.read("0:00", "7.2")
        .wait("25:30")
        .expect_alarm("0:00", "10:00");
    assert_eq!(f.severity(SILENCE), Some(Severity::Critical));
    f.read("40:00", "4.0").expect_axis("restoring");
    assert!(f.open(SILENCE).is_none());
    f.read("45:00", "4.0").expect_status(UnitStatus::Ok);
}

#[test]
fn a_37_silence_leaves_restoring_as_it_is() {
    let mut f = F1::in_alarm();
    f.read("15:00", "4.0").wait("195:00");
    f.expect_axis("restoring")
        .expect_status(UnitStatus::MonitoringInterrupted);
    assert!(f.open(TEMP).is_some());
}

#[test]
fn a_38_l_14_a_door_left_open_warns_and_then_alarms() {
    let mut f = F1::new();
    for minute in 0..12 {
        f.door(&format!("{minute}:00"), DoorState::Open);
    }
    assert_eq!(
        f.history(DOOR),
        [AlertEventKind::Raised, AlertEventKind::SeverityRaised]
    );
    let raised: Vec<_> = f
        .told
        .iter()
        .filter(|told| told.alert.key == DOOR)
        .collect();
    assert_eq!(raised[0].alert.raised_at, at("3:00"));
    f.door("12:00", DoorState::Closed);
    let alert = f.only(DOOR);
    assert_eq!(
        (alert.severity, alert.condition_since),
        (Severity::Critical, at("0:00"))
    );
    assert!(alert.resolved.is_some());
    let lengths = f.events.iter().filter_map(|event| match event {
        UnitEvent::DoorChanged { open_seconds, .. } => *open_seconds,
        _ => None,
    });
    assert_eq!(lengths.collect::<Vec<_>>(), [720]);
}

#[test]
fn a_41_a_cooling_failure_is_suspected_once_the_window_holds_only_bad_readings() {
    let mut f = F1::new();
    let suspected = key(AlertType::SuspectedCoolingFailure);
    for (step, minute) in (0..=40).step_by(5).enumerate() {
        assert!(f.all(suspected).is_empty(), "before {minute}:00");
        let value = format!("7.{step}");
        f.read(&format!("{minute}:00"), &value);
    }
    let alert = f.only(suspected);
    assert_eq!(alert.condition_since, at("40:00"));
    assert_eq!(
        alert.correlated_with,
        Some(f.only(TEMP).id),
        "pages with its excursion only"
    );
    f.read("45:00", "4.0");
    assert!(
        f.open(suspected).is_some(),
        "restoring neither opens nor clears it"
    );
    f.read("50:00", "4.0");
    assert!(f.open(suspected).is_none());
}

#[test]
fn a_42_a_unit_that_recovers_is_not_suspected() {
    let mut f = F1::new();
    f.read("-4:00", "9.0");
    for step in 0..=20i32 {
        let milli = 9_000 - 65 * step;
        let value = format!("{}.{:03}", milli / 1000, milli % 1000);
        f.read(&format!("{}:00", step * 5 + 1), &value);
    }
    assert!(f.all(key(AlertType::SuspectedCoolingFailure)).is_empty());
}

#[test]
fn l_31_a_door_episode_inside_one_backlog_is_judged_at_its_own_times() {
    let mut f = F1::new();
    let reading = |time, value| Observation::temperature(at(time), celsius(value));
    let mut backlog = [
        Observation::door(at("0:00"), DoorState::Open),
        reading("5:00", "7.2"),
        reading("25:00", "4.0"),
        Observation::door(at("26:00"), DoorState::Closed),
        reading("30:00", "4.0"),
    ];
    f.observe("60:00", &mut backlog);
    let warm = f.only(TEMP);
    assert_eq!(
        warm.condition_since,
        at("20:00"),
        "the hold ended before the good reading"
    );
    assert_eq!(
        (warm.first_out_at, warm.cleared_at),
        (Some(at("5:00")), Some(at("30:00")))
    );
    let open = f.only(DOOR);
    assert_eq!(
        (open.severity, open.cleared_at),
        (Severity::Critical, Some(at("26:00")))
    );
}

#[test]
fn a_door_that_was_closed_in_time_is_no_alert_however_late_that_is_known() {
    let mut f = F1::new();
    let mut backlog = [
        Observation::door(at("0:00"), DoorState::Open),
        Observation::door(at("2:59"), DoorState::Closed),
    ];
    f.observe("60:00", &mut backlog);
    assert!(f.all(DOOR).is_empty());
}

#[test]
fn alerts_raised_in_one_step_name_each_other() {
    let mut f = F1::new();
    let backlog: Vec<(String, &str)> = (0..=50)
        .step_by(5)
        .map(|minute| (format!("{minute}:00"), "7.2"))
        .collect();
    let backlog: Vec<(&str, &str)> = backlog.iter().map(|(t, v)| (t.as_str(), *v)).collect();
    f.batch("52:00", &backlog);
    let cooling = f.only(key(AlertType::SuspectedCoolingFailure));
    assert_eq!(cooling.correlated_with, Some(f.only(TEMP).id));
    let told = f
        .told
        .iter()
        .find(|told| told.kind == AlertEventKind::Correlated)
        .unwrap();
    assert_eq!(told.details["with"], serde_json::json!(f.only(TEMP).id));
}

#[test]
fn l_29_any_evaluation_notices_changed_rules() {
    let mut f = F1::new();
    f.read("0:00", "4.8");
    f.rules.temp_max = Some(Limit::celsius(4_000));
    f.rules.version += 1;
    f.step_at(at("2:00"), Input::Tick);
    f.expect_excursion("2:00");
    f.step_at(at("3:00"), Input::Tick);
    f.expect_excursion("2:00");
}
