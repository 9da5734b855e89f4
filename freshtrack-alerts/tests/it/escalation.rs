//! Acceptance examples of escalation: when somebody is called again, and when no more.

use crate::fixture::{F1, SILENCE, TEMP, ann, at, device, device_id};
use freshtrack_alerts::alert::{AlertEventKind, AlertKey, AlertStatus, AlertType, Severity};
use freshtrack_alerts::monitor::device_health::ProbeSignal;
use freshtrack_alerts::step::{Input, Observation};
use freshtrack_alerts::suppression::{SuppressionKind, Window};
use freshtrack_core::ids::SuppressionId;
use freshtrack_core::time::Timestamp;
use uuid::Uuid;

const FAULT: AlertKey = AlertKey {
    alert_type: AlertType::SensorFault,
    device: Some(freshtrack_core::ids::DeviceId::from_uuid(Uuid::from_u128(
        0xd,
    ))),
};

/// A unit whose probe fails at `time`; nothing else is ever wrong with it.
fn faulty(time: &str) -> F1 {
    let mut f = F1::new();
    f.rules.check_in_interval_seconds = 86_400;
    f.devices.push(device(device_id()));
    let mut fault = [Observation {
        device: Some(device_id()),
        temperature: None,
        drives: false,
        signal: ProbeSignal::Fault,
        ..Observation::temperature(at(time), crate::fixture::celsius("0"))
    }];
    f.observe(time, &mut fault);
    f
}

/// Lets time pass and answers when calls about `key` were made, with their level.
fn calls(f: &mut F1, key: AlertKey, end: &str) -> Vec<(Timestamp, u16)> {
    let mut calls = Vec::new();
    while let Some(deadline) = f.deadline.filter(|deadline| *deadline <= at(end)) {
        f.until(deadline);
        for told in &f.last.as_ref().unwrap().alert_changes {
            if told.alert.key == key && told.kind == AlertEventKind::Escalated {
                calls.push((deadline, told.alert.escalation_level));
            }
        }
    }
    calls
}

fn minutes(pairs: &[(i64, u16)]) -> Vec<(Timestamp, u16)> {
    let one = |(minute, level): &(i64, u16)| (at(&format!("{minute}:00")), *level);
    pairs.iter().map(one).collect()
}

#[test]
fn a_45_a_snooze_postpones_one_step_and_the_next_keeps_its_delay() {
    let mut f = faulty("10:00");
    f.until(at("12:00"));
    let window = Window {
        id: SuppressionId::from_uuid(Uuid::from_u128(1)),
        kind: SuppressionKind::Snooze,
        alert_types: vec![AlertType::SensorFault],
        starts_at: at("12:00"),
        ends_at: at("72:00"),
    };
    let (key, by) = (FAULT, ann());
    f.step_at(at("12:00"), Input::Snooze { key, by, window });
    assert_eq!(calls(&mut f, FAULT, "88:00"), minutes(&[(72, 1), (87, 2)]));
    assert_eq!(f.only(FAULT).status, AlertStatus::Active, "open throughout");
    assert_eq!(
        f.history(FAULT)[..2],
        [AlertEventKind::Raised, AlertEventKind::Snoozed]
    );
}

#[test]
fn a_55_l_35_l_51_steps_repetitions_and_an_end_that_closes_nothing() {
    let mut f = faulty("0:00");
    let mut expected = vec![(15, 1), (30, 2), (45, 3)];
    expected.extend((4..=15).map(|step| (step * 15, 3)));
    assert_eq!(calls(&mut f, FAULT, "600:00"), minutes(&expected));
    let alert = f.only(FAULT);
    assert_eq!(alert.escalation_exhausted_at, Some(at("240:00")));
    assert_eq!(
        (alert.status, alert.severity),
        (AlertStatus::Active, Severity::Critical)
    );
    let exhausted = |kind: &&AlertEventKind| **kind == AlertEventKind::EscalationExhausted;
    assert_eq!(f.history(FAULT).iter().filter(exhausted).count(), 1);
}

#[test]
fn a_56_acknowledging_stops_the_calls_but_not_the_notice_of_an_hour() {
    let mut f = F1::in_alarm();
    let mut made = calls(&mut f, TEMP, "29:59");
    f.acknowledge("30:00", TEMP, ann());
    made.extend(calls(&mut f, TEMP, "200:00"));
    assert_eq!(made, minutes(&[(25, 1)]));
    let lasting: Vec<Timestamp> = f
        .told
        .iter()
        .filter(|told| told.kind == AlertEventKind::MaxExcursion)
        .map(|told| told.alert.condition_since)
        .collect();
    assert_eq!(lasting, [at("0:00")], "once, though acknowledged");
}

#[test]
fn l_39_l_40_an_unconfirmed_excursion_calls_nobody_and_confirmation_does() {
    let mut f = F1::new();
    f.read("0:00", "7.2");
    assert_eq!(f.only(TEMP).next_escalation_at, None);
    f.acknowledge("4:00", TEMP, ann());
    f.wait("10:00");
    assert_eq!(f.only(TEMP).next_escalation_at, Some(at("25:00")));
}

#[test]
fn a_silence_explained_by_a_fault_calls_nobody_until_the_fault_is_closed() {
    let mut f = faulty("0:00");
    f.rules.check_in_interval_seconds = 300;
    f.step_at(at("1:00"), Input::Tick);
    f.until(at("30:00"));
    let silence = f.only(SILENCE);
    assert_eq!(silence.correlated_with, Some(f.only(FAULT).id));
    assert_eq!(
        (silence.severity, silence.next_escalation_at),
        (Severity::Critical, None)
    );
    f.resolve("31:00", FAULT);
    assert_eq!(
        f.only(SILENCE).next_escalation_at,
        Some(at("46:00")),
        "as if raised now"
    );
}

#[test]
fn an_escalated_alert_is_still_resolved_by_itself() {
    let mut f = faulty("0:00");
    f.until(at("50:00"));
    assert_eq!(f.only(FAULT).escalation_level, 3);
    let mut good = [Observation {
        device: Some(device_id()),
        ..Observation::temperature(at("51:00"), crate::fixture::celsius("3.5"))
    }];
    f.observe("51:00", &mut good);
    let alert = f.only(FAULT);
    assert_eq!(
        (alert.status, alert.next_escalation_at),
        (AlertStatus::Resolved, None)
    );
    assert!(f.monitor.calls.is_empty());
}
