//! Acceptance examples of the life of an alert.

use crate::fixture::{F1, TEMP, ann, at, bob, device, device_id};
use freshtrack_alerts::alert::{
    AlertEventKind, AlertKey, AlertStatus, AlertType, RaiseReason, ResolutionKind, Severity,
};
use freshtrack_alerts::lifecycle::Refusal;
use freshtrack_alerts::monitor::device_health::ProbeSignal;
use freshtrack_alerts::step::{Input, Observation, UnitEvent};
use freshtrack_alerts::suppression::{SuppressionKind, Window};
use freshtrack_core::hierarchy::{Archived, UnitStatus};
use freshtrack_core::ids::SuppressionId;
use uuid::Uuid;

const fn of_device(alert_type: AlertType) -> AlertKey {
    AlertKey {
        alert_type,
        device: Some(freshtrack_core::ids::DeviceId::from_uuid(Uuid::from_u128(
            0xd,
        ))),
    }
}

fn uplink(time: &str) -> Observation {
    Observation {
        device: Some(device_id()),
        ..Observation::temperature(at(time), crate::fixture::celsius("3.5"))
    }
}

fn window(from: &str, to: &str) -> Window {
    Window {
        id: SuppressionId::from_uuid(Uuid::from_u128(77)),
        kind: SuppressionKind::Maintenance,
        alert_types: Vec::new(),
        starts_at: at(from),
        ends_at: at(to),
    }
}

#[test]
fn a_39_a_low_battery_is_forgotten_only_well_above_its_threshold() {
    let mut f = F1::new();
    f.devices.push(device(device_id()));
    let battery = of_device(AlertType::LowBattery);
    let mut open = Vec::new();
    for (time, percent) in [("0:00", 10), ("5:00", 15), ("10:00", 21), ("15:00", 0)] {
        let mut uplinks = [Observation {
            battery_percent: Some(percent),
            ..uplink(time)
        }];
        f.observe(time, &mut uplinks);
        open.push(f.open(battery).is_some());
    }
    assert_eq!(open, [true, true, false, false]);
    assert_eq!(f.only(battery).severity, Severity::Warning);
}

#[test]
fn a_40_a_fault_raises_and_the_next_plausible_value_clears() {
    let mut f = F1::new();
    f.devices.push(device(device_id()));
    let before = f.monitor.clone();
    let mut faulty = [Observation {
        temperature: None,
        signal: ProbeSignal::Fault,
        ..uplink("0:00")
    }];
    f.observe("0:00", &mut faulty);
    assert_eq!(
        f.only(of_device(AlertType::SensorFault)).severity,
        Severity::Critical
    );
    assert_eq!(f.monitor.newest, before.newest, "no check-in");
    assert_eq!(f.monitor.temperature, before.temperature);
    f.observe("0:20", &mut [uplink("0:20")]);
    assert!(f.open(of_device(AlertType::SensorFault)).is_none());
}

#[test]
fn two_suspect_values_in_a_row_are_a_fault() {
    let mut f = F1::new();
    let suspect = |time| Observation {
        temperature: None,
        signal: ProbeSignal::Suspect,
        ..uplink(time)
    };
    f.devices.push(device(device_id()));
    f.observe("0:00", &mut [suspect("0:00")]);
    f.observe("0:10", &mut [uplink("0:10")]);
    f.observe("0:20", &mut [suspect("0:20")]);
    assert!(f.open(of_device(AlertType::SensorFault)).is_none());
    f.observe("0:30", &mut [suspect("0:30")]);
    assert!(f.open(of_device(AlertType::SensorFault)).is_some());
}

#[test]
fn a_calibration_that_ran_out_is_told_and_a_new_one_clears_it() {
    let mut f = F1::new();
    f.devices.push(device(device_id()));
    f.devices[0].calibration_due_at = Some(at("60:00"));
    f.read("0:00", "3.5");
    f.rules.check_in_interval_seconds = 86_400;
    f.read("0:01", "3.5").wait("59:59");
    assert!(f.open(of_device(AlertType::CalibrationDue)).is_none());
    f.wait("60:00");
    assert_eq!(
        f.severity(of_device(AlertType::CalibrationDue)),
        Some(Severity::Info)
    );
    f.devices[0].calibration_due_at = Some(at("600:00"));
    f.step_at(at("61:00"), Input::DevicesChanged);
    assert!(f.open(of_device(AlertType::CalibrationDue)).is_none());
}

#[test]
fn a_device_that_is_taken_away_takes_its_alerts_with_it() {
    let mut f = F1::new();
    f.devices.push(device(device_id()));
    let mut weak = [Observation {
        battery_mv: Some(2_499),
        ..uplink("0:00")
    }];
    f.observe("0:00", &mut weak);
    assert!(f.open(of_device(AlertType::LowBattery)).is_some());
    f.devices.clear();
    f.step_at(at("1:00"), Input::DevicesChanged);
    assert!(f.open(of_device(AlertType::LowBattery)).is_none());
    assert!(
        f.monitor
            .devices
            .iter()
            .all(|health| health.device.is_none())
    );
}

#[test]
fn a_43_l_41_an_alarm_under_maintenance_is_raised_when_maintenance_ends() {
    let mut f = F1::new();
    f.step_at(
        at("0:00"),
        Input::SuppressionsChanged(vec![window("0:00", "60:00")]),
    );
    for minute in (0..=60).step_by(5) {
        f.read(
            &format!("{minute}:00"),
            if minute < 10 { "3.5" } else { "7.2" },
        );
        if minute == 20 {
            f.expect_alarm("10:00", "20:00");
        }
        if minute < 60 {
            assert!(f.all(TEMP).is_empty(), "at {minute}:00");
        }
    }
    let alert = f.only(TEMP);
    assert_eq!(alert.raise_reason, RaiseReason::SuppressionEnded);
    assert_eq!(
        (alert.severity, alert.raised_at),
        (Severity::Critical, at("60:00"))
    );
    assert_eq!(alert.confirmed_at, Some(at("20:00")));
    assert_eq!(f.history(TEMP), [AlertEventKind::Raised]);
    let held =
        |event: &&UnitEvent| matches!(event, UnitEvent::AlertHeldBack { key, .. } if *key == TEMP);
    assert_eq!(f.events.iter().filter(held).count(), 1, "recorded once");
}

#[test]
fn a_44_what_ends_under_maintenance_leaves_state_changes_but_no_alert() {
    let mut f = F1::new();
    f.step_at(
        at("0:00"),
        Input::SuppressionsChanged(vec![window("0:00", "60:00")]),
    );
    for minute in (0..=60).step_by(5) {
        let hot = (10..45).contains(&minute);
        f.read(&format!("{minute}:00"), if hot { "7.2" } else { "3.5" });
    }
    assert!(f.rows.is_empty());
    let shown: Vec<UnitStatus> = f
        .events
        .iter()
        .filter_map(|event| match event {
            UnitEvent::StateChanged { to, .. } => Some(*to),
            _ => None,
        })
        .collect();
    assert_eq!(
        shown,
        [
            UnitStatus::Excursion,
            UnitStatus::AlarmActive,
            UnitStatus::Restoring,
            UnitStatus::Ok
        ]
    );
}

#[test]
fn overlapping_suppressions_count_as_one_until_the_last_ends() {
    let mut f = F1::new();
    let windows = vec![window("0:00", "20:00"), window("15:00", "40:00")];
    f.step_at(at("0:00"), Input::SuppressionsChanged(windows));
    let until = f
        .monitor
        .suppressed_until(AlertType::TempExcursion, at("0:00"));
    assert_eq!(until, Some(at("40:00")), "the chain, not its first link");
    for minute in (0..=40).step_by(5) {
        assert!(f.rows.is_empty(), "before {minute}:00");
        f.read(&format!("{minute}:00"), "7.2");
    }
    assert_eq!(f.only(TEMP).raised_at, at("40:00"));
}

#[test]
fn a_46_l_42_an_alarm_closed_by_hand_comes_back_after_fifteen_minutes() {
    let mut f = F1::in_alarm();
    let first = f.only(TEMP).id;
    f.read("15:00", "7.2");
    assert_eq!(f.resolve("20:00", TEMP), None);
    f.read("20:00", "7.2")
        .read("25:00", "7.2")
        .read("30:00", "7.2")
        .wait("34:59");
    assert_eq!(f.all(TEMP).len(), 1);
    f.expect_alarm("0:00", "10:00");
    f.wait("35:00").expect_alarm("0:00", "10:00");
    let again = f.open(TEMP).unwrap();
    assert_eq!(again.raise_reason, RaiseReason::ConditionPersists);
    assert_eq!(again.reraised_from, Some(first));
    assert_eq!(
        (again.severity, again.raised_at),
        (Severity::Critical, at("35:00"))
    );
    assert_eq!(again.condition_since, at("0:00"));
}

#[test]
fn a_47_an_alarm_closed_by_hand_that_ends_does_not_come_back() {
    let mut f = F1::in_alarm();
    f.resolve("20:00", TEMP);
    f.read("25:00", "4.0")
        .read("30:00", "4.0")
        .read("34:00", "4.0")
        .wait("36:00");
    assert_eq!(f.all(TEMP).len(), 1);
}

#[test]
fn a_48_a_new_episode_does_not_wait_for_the_old_ones_delay() {
    let mut f = F1::in_alarm();
    f.resolve("20:00", TEMP);
    f.read("21:00", "4.0")
        .read("22:00", "4.0")
        .read("23:00", "7.2");
    let fresh = f.open(TEMP).unwrap();
    assert_eq!(
        (fresh.severity, fresh.raised_at),
        (Severity::Warning, at("23:00"))
    );
    assert_eq!(fresh.raise_reason, RaiseReason::ConditionStarted);
    assert_eq!(fresh.reraised_from, None);
}

#[test]
fn a_49_closing_one_alert_touches_no_other_and_no_axis() {
    let mut f = F1::in_alarm();
    f.devices.push(device(device_id()));
    let mut weak = [Observation {
        temperature: None,
        drives: false,
        signal: ProbeSignal::None,
        battery_percent: Some(5),
        ..uplink("11:00")
    }];
    f.observe("11:00", &mut weak);
    let (before, alert) = (f.monitor.clone(), f.only(TEMP).clone());
    assert_eq!(f.resolve("12:00", of_device(AlertType::LowBattery)), None);
    assert_eq!(f.only(TEMP), &alert);
    assert_eq!(f.monitor.temperature, before.temperature);
    assert_eq!(f.monitor.connectivity, before.connectivity);
    assert_eq!(f.monitor.manual_due_since, before.manual_due_since);
    assert_eq!(f.monitor.door, before.door);
}

#[test]
fn a_50_a_resolved_alert_can_be_neither_taken_nor_closed() {
    let mut f = F1::in_alarm();
    assert_eq!(f.resolve("12:00", TEMP), None);
    let before = f.monitor.clone();
    assert_eq!(f.acknowledge("13:00", TEMP, ann()), Some(Refusal::NotOpen));
    assert_eq!(f.resolve("13:00", TEMP), Some(Refusal::NotOpen));
    assert_eq!(f.monitor, before);
}

#[test]
fn a_51_confirmation_pages_although_the_warning_was_taken() {
    let mut f = F1::new();
    f.read("0:00", "7.2");
    assert_eq!(f.acknowledge("4:00", TEMP, ann()), None);
    assert_eq!(f.only(TEMP).status, AlertStatus::Acknowledged);
    f.wait("10:00");
    let alert = f.only(TEMP);
    assert_eq!(
        (alert.status, alert.severity),
        (AlertStatus::Active, Severity::Critical)
    );
    assert_eq!(alert.acknowledged, None);
    assert_eq!(
        f.history(TEMP),
        [
            AlertEventKind::Raised,
            AlertEventKind::Acknowledged,
            AlertEventKind::Confirmed,
            AlertEventKind::AckLapsed
        ]
    );
    let lapsed = &f.told.last().unwrap().details;
    assert_eq!(
        lapsed["by"],
        serde_json::json!(ann()),
        "history names who had taken it"
    );
}

#[test]
fn taking_an_alert_twice_changes_nothing_and_another_is_told_who_has_it() {
    let mut f = F1::in_alarm();
    f.acknowledge("11:00", TEMP, ann());
    let before = f.only(TEMP).clone();
    assert_eq!(f.acknowledge("12:00", TEMP, ann()), None);
    assert_eq!(f.only(TEMP), &before);
    let held = Refusal::AlreadyAcknowledged {
        by: ann(),
        at: at("11:00"),
    };
    assert_eq!(f.acknowledge("13:00", TEMP, bob()), Some(held));
}

#[test]
fn closing_by_hand_needs_a_note_and_where_wanted_an_action() {
    let mut f = F1::in_alarm();
    f.action_required = true;
    let refused = |f: &mut F1, note: &str| f.resolve_as("12:00", TEMP, note, None);
    assert_eq!(refused(&mut f, "  "), Some(Refusal::NoteRequired));
    assert_eq!(
        refused(&mut f, &"x".repeat(2_001)),
        Some(Refusal::NoteTooLong)
    );
    assert_eq!(
        refused(&mut f, "fine"),
        Some(Refusal::CorrectiveActionRequired)
    );
    assert_eq!(
        f.resolve_as("12:00", TEMP, "fine", Some("moved the food")),
        None
    );
    let resolved = f.only(TEMP).resolved.clone().unwrap();
    assert_eq!(
        (resolved.kind, resolved.by),
        (ResolutionKind::Manual, Some(bob()))
    );
}

#[test]
fn an_alarm_that_ends_by_itself_still_owes_its_corrective_action() {
    let mut f = F1::in_alarm();
    f.action_required = true;
    f.read("15:00", "4.0").read("20:00", "4.0");
    assert!(f.only(TEMP).corrective_action_pending);
}

#[test]
fn an_archived_unit_is_quiet_and_a_restored_one_starts_as_new() {
    let mut f = F1::in_alarm();
    f.unit.archived = Some(Archived {
        at: at("11:00"),
        by: Some(ann()),
        batch: Uuid::nil(),
    });
    f.step_at(at("11:00"), Input::Tick);
    let resolved = f.only(TEMP).resolved.clone().unwrap();
    assert_eq!(resolved.note.as_deref(), Some("unit archived"));
    assert_eq!(resolved.by, Some(ann()), "by whoever archived the unit");
    assert_eq!(f.deadline, None);
    f.step_at(at("300:00"), Input::Tick);
    assert!(f.monitor.alerts.is_empty());
    f.unit.monitoring_started_at = at("400:00");
    f.unit.archived = None;
    f.step_at(at("400:00"), Input::Tick);
    f.expect_axis("unknown").expect_status(UnitStatus::Ok);
    assert_eq!(f.deadline, Some(at("460:00")), "a new commissioning grace");
}
