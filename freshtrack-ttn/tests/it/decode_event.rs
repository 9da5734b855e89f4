//! From events to canonical readings.

use crate::sample::{arrived, complete, event, with};
use freshtrack_core::temperature::Temperature;
use freshtrack_ttn::canonical::{
    CanonicalReading, DecodedBy, Flag, Quality, QuarantineReason, Role, TimeSource, Value,
};
use freshtrack_ttn::codec::cayenne::CayenneProfile;
use freshtrack_ttn::codec::native::{Family, NativeProfile};
use freshtrack_ttn::codec::{Codec, CodecFailure, CodecInput, CodecOutput, FailureClass};
use freshtrack_ttn::decode::{DecodeMode, DecodePolicy, DecodedEvent, decode_event};
use proptest::prelude::*;
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
    let mut message = with("decoded_payload", json!({"Bat_status": 3, "battery": 3}));
    message["uplink_message"]["normalized_payload"] = json!(null);
    let decoded = decode(&message, &DecodePolicy::default());
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
        let mut message = with("decoded_payload", unread);
        message["uplink_message"]["normalized_payload"] = json!(null);
        let decoded = decode(&message, &DecodePolicy::default());
        assert_eq!(decoded.quarantine, Some(QuarantineReason::Undecodable));
    }
    let mut message = with("decoded_payload", json!(null));
    for absent in ["frm_payload", "normalized_payload"] {
        message["uplink_message"]
            .as_object_mut()
            .unwrap()
            .remove(absent);
    }
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

struct Script(Result<serde_json::Value, FailureClass>);

impl Codec for Script {
    fn decode(&self, _: &CodecInput<'_>) -> Result<CodecOutput, CodecFailure> {
        match &self.0 {
            Ok(data) => Ok(CodecOutput {
                data: data.clone(),
                ..CodecOutput::default()
            }),
            Err(class) => Err(CodecFailure {
                class: *class,
                messages: Vec::new(),
            }),
        }
    }
}

fn lht65() -> DecodePolicy {
    DecodePolicy {
        native: Some(NativeProfile::new(Family::Lht65)),
        ..DecodePolicy::default()
    }
}

fn milli(decoded: &DecodedEvent) -> Vec<(Role, i32)> {
    let read = |r: &CanonicalReading| Some((r.role, temperature(r)?));
    let mut all: Vec<_> = decoded.readings.iter().filter_map(read).collect();
    all.sort_unstable();
    all
}

#[test]
fn codecs_speak_in_their_order() {
    let wire = || event(&complete());
    let script = Script(Ok(json!({"temperature": 1.5})));
    let by = |policy: &DecodePolicy, script: Option<&dyn Codec>| {
        decode_event(&wire(), arrived(), policy, script).decoded_by
    };
    assert_eq!(
        by(&lht65(), Some(&script)),
        Some(DecodedBy::Native("lht65".to_owned()))
    );
    assert_eq!(
        by(&DecodePolicy::default(), Some(&script)),
        Some(DecodedBy::Script)
    );
    assert_eq!(by(&DecodePolicy::default(), None), Some(DecodedBy::Network));
    let broken = Script(Err(FailureClass::WorkBudget));
    let decoded = decode_event(&wire(), arrived(), &DecodePolicy::default(), Some(&broken));
    assert_eq!(
        decoded.decoded_by,
        Some(DecodedBy::Network),
        "a broken script does not lose the reading"
    );
    assert!(decoded.warnings.iter().any(|w| w.contains("work_budget")));
    // a family that rejects the frame leaves it to the next
    let other = DecodePolicy {
        native: Some(NativeProfile::new(Family::Tbhh100)),
        ..DecodePolicy::default()
    };
    let decoded = decode(&complete(), &other);
    assert_eq!(decoded.decoded_by, Some(DecodedBy::Network));
}

#[test]
fn cayenne_is_read_only_where_it_is_declared() {
    let mut message = with("decoded_payload", json!(null));
    message["uplink_message"]["frm_payload"] = json!("AWf/Rw==");
    message["uplink_message"]["normalized_payload"] = json!(null);
    assert_eq!(
        decode(&message, &DecodePolicy::default()).quarantine,
        Some(QuarantineReason::Undecodable)
    );
    let declared = DecodePolicy {
        cayenne: Some(CayenneProfile::default()),
        ..DecodePolicy::default()
    };
    let decoded = decode(&message, &declared);
    assert_eq!(
        (decoded.decoded_by.clone(), milli(&decoded)),
        (Some(DecodedBy::Cayenne), vec![(Role::Cabinet, -18_500)])
    );
}

#[test]
fn our_decoder_and_the_network_s_fields_give_the_same_record() {
    let ours = milli(&decode(&complete(), &lht65()));
    let policy = DecodePolicy {
        mode: DecodeMode::PreferNetwork,
        ..lht65()
    };
    let theirs = decode(&complete(), &policy);
    assert_eq!(theirs.decoded_by, Some(DecodedBy::Network));
    assert_eq!(ours, milli(&theirs));
    assert_eq!(ours, [(Role::Cabinet, -18_450), (Role::Ambient, 22_410)]);
}

#[test]
fn comparing_keeps_ours_and_names_every_difference() {
    let policy = DecodePolicy {
        mode: DecodeMode::Compare,
        ..lht65()
    };
    assert_eq!(decode(&complete(), &policy).disagreements, []);
    for (theirs, differs) in [(-18.44, false), (-18.43, true)] {
        let mut message = complete();
        message["uplink_message"]["decoded_payload"]["TempC_DS"] = json!(theirs);
        let decoded = decode(&message, &policy);
        assert_eq!(
            decoded.disagreements.len(),
            usize::from(differs),
            "{theirs}"
        );
        assert!(
            milli(&decoded).contains(&(Role::Cabinet, -18_450)),
            "ours stays"
        );
    }
    let mut message = complete();
    message["uplink_message"]["decoded_payload"]["TempC_DS"] = json!(327.67);
    let decoded = decode(&message, &policy);
    assert_eq!(decoded.disagreements.len(), 1, "a fault is not a number");
    assert_eq!(decoded.disagreements[0].network, None);
}

#[test]
fn rl_09_a_faulted_probe_stays_a_fault_whatever_the_network_says() {
    let mut message = complete();
    // the same frame with the probe's bytes 7FFF
    message["uplink_message"]["frm_payload"] = json!("y8YIwQHjAX//f/8=");
    let decoded = decode(&message, &lht65());
    let cabinet: Vec<_> = decoded
        .readings
        .iter()
        .filter(|r| r.role == Role::Cabinet)
        .collect();
    assert_eq!(cabinet.len(), 1);
    assert!(matches!(cabinet[0].quality, Quality::Fault(_)));
    assert_eq!(cabinet[0].value, None);
}

#[test]
fn a_payload_that_can_carry_keys_is_to_be_erased() {
    let policy = DecodePolicy {
        native: Some(NativeProfile::new(Family::TektelicComfort)),
        ..DecodePolicy::default()
    };
    let decoded = decode(&with("f_port", json!(100)), &policy);
    assert!(decoded.erase_raw);
    assert_eq!(decoded.readings, []);
    assert!(!decode(&complete(), &lht65()).erase_raw);
}

#[test]
fn another_model_is_set_aside() {
    let policy = DecodePolicy {
        native: Some(NativeProfile::new(Family::R718a)),
        ..DecodePolicy::default()
    };
    let mut message = with("f_port", json!(6));
    message["uplink_message"]["frm_payload"] = json!("ARMBJAnqGpAAAAA=");
    assert_eq!(
        decode(&message, &policy).quarantine,
        Some(QuarantineReason::WrongModel)
    );
}

#[test]
fn normalised_measurements_speak_where_nothing_else_does() {
    let decoded = decode(
        &with("decoded_payload", json!(null)),
        &DecodePolicy::default(),
    );
    assert_eq!(
        decoded.decoded_by,
        Some(DecodedBy::Network),
        "{:?}",
        decoded.warnings
    );
    assert_eq!(milli(&decoded), [(Role::Unassigned, -18_450)]);
}

#[test]
fn percent_comes_from_volts_only_where_the_chemistry_is_declared() {
    use freshtrack_ttn::canonical::{Battery, Chemistry};
    let percent = |chemistry| {
        let policy = DecodePolicy {
            chemistry,
            ..lht65()
        };
        let value = |r: CanonicalReading| match r.value {
            Some(Value::Battery(Battery::Percent(n))) => Some(n),
            _ => None,
        };
        decode(&complete(), &policy)
            .readings
            .into_iter()
            .find_map(value)
    };
    assert_eq!(percent(None), None);
    assert_eq!(percent(Some(Chemistry::LithiumThionylChloride)), None);
    assert_eq!(percent(Some(Chemistry::LithiumManganese)), Some(100));
}

#[test]
fn a_door_mounted_the_other_way_round_reads_the_other_way_round() {
    use freshtrack_ttn::canonical::Contact;
    use freshtrack_ttn::decode::DoorPolarity;
    let mut message = with("f_port", json!(6));
    message["uplink_message"]["frm_payload"] = json!("AQIBHgEAAAAAAAA=");
    for (door, expected) in [
        (DoorPolarity::Documented, Contact::Open),
        (DoorPolarity::Inverted, Contact::Closed),
    ] {
        let native = Some(NativeProfile::new(Family::R311a));
        let decoded = decode(
            &message,
            &DecodePolicy {
                native,
                door,
                ..DecodePolicy::default()
            },
        );
        assert!(
            decoded
                .readings
                .iter()
                .any(|r| r.value == Some(Value::Contact(expected)))
        );
    }
}

proptest! {
    /// Whatever a formatter writes, it becomes finite readings or none, and sentinels never numbers.
    #[test]
    fn no_fields_of_any_shape_stop_the_decoder(
        name in prop_oneof![Just("temperature"), Just("battery"), Just("hum"), Just("history"), Just("x")],
        value in crate::messages::any_json(),
        normalized in crate::messages::any_json(),
    ) {
        let mut message = with("decoded_payload", json!({name: value}));
        message["uplink_message"]["normalized_payload"] = json!([normalized]);
        let decoded = decode(&message, &DecodePolicy::default());
        for (index, reading) in decoded.readings.iter().enumerate() {
            prop_assert_eq!(usize::try_from(reading.index).unwrap(), index);
            prop_assert_eq!(reading.value.is_none(), matches!(reading.quality, Quality::Fault(_)));
            prop_assert_eq!(reading.role, Role::Unassigned);
        }
    }
}
