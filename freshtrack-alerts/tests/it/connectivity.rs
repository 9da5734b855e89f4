//! Acceptance examples of connectivity and manual duty.

use crate::fixture::{F1, MANUAL, SILENCE, T0, at};
use freshtrack_alerts::alert::Severity;
use freshtrack_alerts::monitor::connectivity::missed;
use freshtrack_alerts::step::Input;
use freshtrack_core::hierarchy::{MonitoringMode, UnitStatus};

#[test]
fn a_31_late_after_one_interval_silent_after_five() {
    let mut f = F1::new();
    f.read("0:00", "3.5");
    f.wait("5:29");
    assert_eq!(f.monitor.connectivity.name(), "online");
    f.wait("5:30").expect_status(UnitStatus::Offline);
    assert_eq!(f.severity(SILENCE), Some(Severity::Warning));
    f.wait("25:29");
    assert_eq!(f.monitor.connectivity.name(), "late");
    assert_eq!(missed(at("25:29"), T0, f.rules.check_in_interval()), 4);
    f.wait("25:30")
        .expect_status(UnitStatus::MonitoringInterrupted);
    assert_eq!(f.severity(SILENCE), Some(Severity::Critical));
    assert_eq!(f.only(SILENCE).condition_since, at("5:30"));
}

#[test]
fn a_32_the_interval_counts() {
    let mut f = F1::new();
    f.rules.check_in_interval_seconds = 600;
    f.read("0:00", "3.5");
    f.wait("10:29");
    assert_eq!(f.monitor.connectivity.name(), "online");
    f.wait("10:30");
    assert_eq!(f.monitor.connectivity.name(), "late");
    f.wait("50:29");
    assert_eq!(f.monitor.connectivity.name(), "late");
    f.wait("50:30");
    assert_eq!(f.monitor.connectivity.name(), "silent");
}

#[test]
fn a_33_l_12_a_unit_that_was_never_seen_is_silent_after_an_hour() {
    let mut f = F1::unseen();
    f.unit.monitoring_started_at = T0;
    f.step_at(T0, Input::Tick);
    f.wait("59:59").expect_status(UnitStatus::Ok);
    assert_eq!(f.monitor.connectivity.name(), "never_seen");
    assert!(f.rows.is_empty());
    f.wait("60:00").expect_status(UnitStatus::ManualRequired);
    assert_eq!(f.monitor.connectivity.name(), "silent");
    assert_eq!(f.severity(SILENCE), Some(Severity::Critical));
    assert_eq!(f.severity(MANUAL), Some(Severity::Warning));
}

#[test]
fn a_34_a_manual_log_takes_the_place_of_the_sensor_for_four_hours() {
    let mut f = F1::new();
    f.read("0:00", "3.5")
        .wait("239:59")
        .expect_status(UnitStatus::MonitoringInterrupted);
    f.wait("240:00").expect_status(UnitStatus::ManualRequired);
    assert_eq!(f.only(MANUAL).condition_since, at("240:00"));
    let recorded_at = at("250:00");
    f.step_at(recorded_at, Input::ManualLog { recorded_at });
    f.expect_status(UnitStatus::MonitoringInterrupted);
    assert!(f.open(MANUAL).is_none());
    f.wait("489:59")
        .expect_status(UnitStatus::MonitoringInterrupted);
    f.wait("490:00").expect_status(UnitStatus::ManualRequired);
}

#[test]
fn a_35_a_unit_watched_by_people_is_never_silent() {
    let mut f = F1::unseen();
    f.unit.monitoring_mode = MonitoringMode::Manual;
    f.unit.monitoring_started_at = T0;
    f.step_at(T0, Input::Tick);
    f.wait("239:59").expect_status(UnitStatus::Ok);
    f.wait("240:00").expect_status(UnitStatus::ManualRequired);
    let recorded_at = at("241:00");
    f.step_at(recorded_at, Input::ManualLog { recorded_at });
    f.expect_status(UnitStatus::Ok);
    assert!(f.all(SILENCE).is_empty());
}

#[test]
fn a_slow_sensor_owes_no_manual_log_before_it_counts_as_missing() {
    let mut f = F1::new();
    f.rules.check_in_interval_seconds = 3_600;
    f.read("0:00", "3.5")
        .wait("300:29")
        .expect_status(UnitStatus::Offline);
    f.wait("300:30").expect_status(UnitStatus::ManualRequired);
    assert_eq!(
        f.only(MANUAL).condition_since,
        at("300:30"),
        "five hours, not four"
    );
}
