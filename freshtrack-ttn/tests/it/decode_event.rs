//! From events to canonical readings.

use crate::sample::{arrived, complete, event, with};
use freshtrack_core::temperature::Temperature;
use freshtrack_ttn::canonical::{
    CanonicalReading, DecodedBy, Flag, Quality, QuarantineReason, Role, TimeSource, Value,
};
use freshtrack_ttn::decode::{DecodeMode, DecodePolicy, DecodedEvent, decode_event};
use serde_json::json;

fn decode(message: &serde_json::Value, policy: &DecodePolicy) -> DecodedEvent {
    decode_event(&event(message), arrived(), policy, None)
}

fn temperature(reading: &CanonicalReading) -> Option<i32> {
    match reading.value {
        Some(Value::Temperature(t)) => Some(t.milli_celsius()),
        _ => None,
    }
}

#[test]
fn without_a_profile_the_network_s_fields_are_read_and_left_unassigned() {
    let decoded = decode(&complete(), &DecodePolicy::default());
    assert_eq!(decoded.decoded_by, Some(DecodedBy::Network));
    let temperatures: Vec<_> = decoded.readings.iter().filter_map(temperature).collect();
    assert_eq!(temperatures, [-18_450, 22_410]);
    assert!(decoded.readings.iter().all(|r| r.role == Role::Unassigned));
    let reading = &decoded.readings[0];
    assert_eq!(reading.time_source, TimeSource::Network);
    assert_eq!(
        reading.event_time.to_string(),
        "2026-03-14T06:41:09.274018Z"
    );
    assert_eq!(
        decoded.warnings,
        ["probe cable older than calibration date"]
    );
    assert_eq!(decoded.contact.counter.as_ref().unwrap().1, 18_231);
}

#[test]
fn rl_19_celsius_from_frame_to_record() {
    let decoded = decode(&complete(), &DecodePolicy::default());
    let cold = decoded
        .readings
        .iter()
        .find(|r| temperature(r).is_some_and(|t| t < 0))
        .unwrap();
    assert_eq!(
        cold.value,
        Some(Value::Temperature(Temperature::from_milli_celsius(-18_450)))
    );
    let written = serde_json::to_value(cold).unwrap();
    assert_eq!(
        written["value"]["value"].as_f64().unwrap().to_bits(),
        (-18.45_f64).to_bits()
    );
}

#[test]
fn rl_25_simulated_readings_say_so() {
    let mut message = complete();
    message["simulated"] = json!(true);
    let decoded = decode(&message, &DecodePolicy::default());
    assert!(!decoded.readings.is_empty());
    assert!(
        decoded
            .readings
            .iter()
            .all(|r| r.flags.contains(Flag::Simulated))
    );
}

#[test]
fn rl_31_configuration_and_board_values_are_never_cabinet_temperatures() {
    let fields = json!({"TempChange": 0.5, "tempAlarmLimitHigh": 10, "mcu_temperature": 31.5});
    let decoded = decode(&with("decoded_payload", fields), &DecodePolicy::default());
    let found: Vec<_> = decoded
        .readings
        .iter()
        .map(|r| (temperature(r), r.role))
        .collect();
    assert_eq!(found, [(Some(31_500), Role::Board)]);
}

#[test]
fn rl_32_a_grade_is_not_a_percentage() {
    let decoded = decode(
        &with("decoded_payload", json!({"Bat_status": 3, "battery": 3})),
        &DecodePolicy::default(),
    );
    assert_eq!(decoded.readings, []);
    assert_eq!(decoded.quarantine, None, "no measurement is not an error");
}

#[test]
fn encrypted_payloads_are_an_error_of_that_device() {
    let message = with("app_s_key", json!({"key": "AAAA"}));
    let decoded = decode(&message, &DecodePolicy::default());
    assert_eq!(
        (decoded.readings.len(), decoded.quarantine),
        (0, Some(QuarantineReason::Encrypted))
    );
    assert!(decoded.contact.heard, "the device is alive all the same");
}

#[test]
fn a_payload_nobody_reads_is_set_aside_and_an_empty_frame_is_not() {
    for unread in [json!({}), json!(null)] {
        let decoded = decode(&with("decoded_payload", unread), &DecodePolicy::default());
        assert_eq!(decoded.quarantine, Some(QuarantineReason::Undecodable));
    }
    let mut message = with("decoded_payload", json!(null));
    message["uplink_message"]
        .as_object_mut()
        .unwrap()
        .remove("frm_payload");
    let decoded = decode(&message, &DecodePolicy::default());
    assert_eq!((decoded.readings.len(), decoded.quarantine), (0, None));
    assert_eq!(decoded.contact.rssi_dbm, Some(-97.0));
}

#[test]
fn off_means_seen_and_not_read() {
    let policy = DecodePolicy {
        mode: DecodeMode::Off,
        ..DecodePolicy::default()
    };
    let decoded = decode(&complete(), &policy);
    assert_eq!((decoded.readings.len(), decoded.quarantine), (0, None));
    assert!(decoded.contact.heard);
}

#[test]
fn other_events_yield_no_readings_and_no_failure() {
    let normalized =
        json!({"uplink_normalized": {"normalized_payload": {"air": {"temperature": 3.5}}}});
    for message in [
        normalized,
        json!({"join_accept": {}}),
        json!({"service_data": {"data": {"temperature": 3}}}),
    ] {
        let decoded = decode(&message, &DecodePolicy::default());
        assert_eq!(decoded.readings, []);
        assert_eq!(decoded.quarantine, Some(QuarantineReason::NotAnUplink));
    }
}

#[test]
fn a_person_s_role_and_tighter_limits_win() {
    let mut policy = DecodePolicy::default();
    policy
        .roles
        .insert("/TempC_DS".to_owned().into(), Role::Cabinet);
    policy.limits.insert(Role::Cabinet, (-10_000, 60_000));
    let decoded = decode(&complete(), &policy);
    let cold = decoded
        .readings
        .iter()
        .find(|r| temperature(r) == Some(-18_450))
        .unwrap();
    assert_eq!(
        (cold.role, cold.quality),
        (Role::Cabinet, Quality::OutOfRange)
    );
    let warm = decoded
        .readings
        .iter()
        .find(|r| temperature(r) == Some(22_410))
        .unwrap();
    assert_eq!((warm.role, warm.quality), (Role::Unassigned, Quality::Ok));
}
