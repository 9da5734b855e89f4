//! The Things Stack's messages: every kind, every omission, and the identity of each.

use crate::sample::{CONNECTION, complete, event, with};
use freshtrack_core::time::Span;
use freshtrack_ttn::event::{DeviceIdentity, EventBody, EventKind, LnsEvent, Network};
use freshtrack_ttn::ids::ConnectionId;
use freshtrack_ttn::key::{EventKey, repeat_guard};
use freshtrack_ttn::network::{MessageError, parse_event};
use freshtrack_ttn::uplink::{DataRate, Payload, UplinkFrame};
use proptest::prelude::*;
use serde_json::{Value, json};

fn connection() -> ConnectionId {
    CONNECTION.parse().unwrap()
}

fn uplink(event: &LnsEvent) -> &UplinkFrame {
    match &event.body {
        EventBody::Uplink(frame) => frame,
        other => panic!("expected an uplink, got {:?}", other.kind()),
    }
}

fn key(message: &Value) -> EventKey {
    EventKey::of(&connection(), &event(message), message)
}

#[test]
fn the_complete_example_reads_completely() {
    let event = event(&complete());
    assert_eq!(
        event.device.dev_eui.unwrap().to_string(),
        "A84041FFFF1C2D3E"
    );
    assert_eq!(
        event.device.name.as_ref().unwrap().as_str(),
        "sensor-a84041ffff1c2d3e"
    );
    assert_eq!(
        event.device.application.as_ref().unwrap().as_str(),
        "ft-acme-cold"
    );
    let frame = uplink(&event);
    assert_eq!(
        (frame.port, frame.counter, frame.confirmed),
        (Some(2), 18_231, true)
    );
    assert_eq!(frame.payload.clear().unwrap().len(), 11);
    assert_eq!(frame.radio.frequency_hz, Some(904_700_000));
    assert_eq!(frame.radio.airtime, Some(Span::from_micros(205_824)));
    assert!(matches!(
        &frame.radio.data_rate,
        DataRate::Lora { bandwidth_hz: 125_000, spreading_factor: 9, coding_rate: Some(rate) } if rate == "4/5"
    ));
    assert_eq!(frame.hardware.model.as_deref(), Some("lht65"));
    assert_eq!(
        frame.hardware.hardware, None,
        "an unknown version is no version"
    );
    assert_eq!(frame.normalized.len(), 1);
    assert_eq!(frame.network_warnings.len(), 1);
    assert_eq!(
        frame.position.as_ref().unwrap().source.as_deref(),
        Some("SOURCE_REGISTRY")
    );
}

/// The hexadecimal digits are the specification's (section 4.2).
#[test]
fn the_key_of_the_complete_example_is_the_specified_one() {
    assert_eq!(
        key(&complete()).to_string(),
        "f605a971e7f0a29deeb584b0ef5261b367f80cba85002ef44b23276b7511b0d8"
    );
}

#[test]
fn the_key_depends_on_every_part_and_on_nothing_else() {
    let first = key(&complete());
    for (part, value) in [
        ("session_key_id", json!("AZXHb1QmR6uVn0tYc2kPqg==")),
        ("f_cnt", json!(18_232)),
        ("f_port", json!(3)),
        ("frm_payload", json!("y8YIwQHjAfjLf/4=")),
        ("received_at", json!("2026-03-14T06:41:09.274018333Z")),
    ] {
        assert_ne!(key(&with(part, value)), first, "{part}");
    }
    for (part, value) in [
        ("decoded_payload", Value::Null),
        ("rx_metadata", Value::Null),
        ("received_at", json!("2026-03-14T07:41:09.274018332+01:00")),
        ("f_cnt", json!("18231")),
    ] {
        assert_eq!(key(&with(part, value)), first, "{part}");
    }
    let elsewhere: ConnectionId = "cn_0000000000000000000000000E".parse().unwrap();
    assert_ne!(
        EventKey::of(&elsewhere, &event(&complete()), &complete()),
        first
    );
}

#[test]
fn rl_24_a_device_id_is_not_an_eui_and_identifies_where_the_eui_is_missing() {
    let mut message = complete();
    message["end_device_ids"]
        .as_object_mut()
        .unwrap()
        .remove("dev_eui");
    let anonymous = event(&message);
    assert_eq!(
        anonymous.device.dev_eui, None,
        "the name looks like an EUI and must not be read as one"
    );
    assert_eq!(
        anonymous.device.key_text(),
        "id:ft-acme-cold/sensor-a84041ffff1c2d3e"
    );
    assert_ne!(key(&message), key(&complete()));
}

#[test]
fn rl_23_radio_quality_is_the_best_over_all_gateways_in_any_order() {
    let mut message = complete();
    message["uplink_message"]["rx_metadata"]
        .as_array_mut()
        .unwrap()
        .reverse();
    // a second antenna of the first gateway, worse in strength and better in ratio
    let antenna = json!({"gateway_ids": {"gateway_id": "acme-dock-gw"}, "antenna_index": 1, "rssi": -99, "snr": 7.25});
    message["uplink_message"]["rx_metadata"]
        .as_array_mut()
        .unwrap()
        .push(antenna);
    let event = event(&message);
    let radio = &uplink(&event).radio;
    assert_eq!(
        (radio.best_rssi_dbm(), radio.best_snr_db()),
        (Some(-97.0), Some(7.25))
    );
    assert_eq!(
        radio.gateways(),
        2,
        "antennas of one gateway are one gateway"
    );
}

#[test]
fn an_absent_zero_is_a_zero() {
    let mut message = with("f_cnt", Value::Null);
    let frame = message["uplink_message"].as_object_mut().unwrap();
    for absent in ["f_port", "confirmed", "decoded_payload"] {
        frame.remove(absent);
    }
    frame.insert(
        "rx_metadata".into(),
        json!([{"gateway_ids": {"gateway_id": "gw"}}]),
    );
    let event = event(&message);
    let frame = uplink(&event);
    assert_eq!(
        (frame.counter, frame.port, frame.confirmed),
        (0, None, false)
    );
    assert_eq!(
        frame.radio.best_rssi_dbm(),
        Some(0.0),
        "an absent strength is 0 dBm"
    );
    assert_eq!(
        event.simulated,
        complete()["simulated"].as_bool().unwrap_or(false)
    );
}

#[test]
fn a_key_that_rides_along_means_the_payload_is_encrypted() {
    let event = event(&with(
        "app_s_key",
        json!({"encrypted_key": "AAAA", "kek_label": "ours"}),
    ));
    assert!(matches!(uplink(&event).payload, Payload::Encrypted(_)));
    assert_eq!(
        uplink(&event).payload.clear(),
        None,
        "encrypted bytes are never handed to a codec"
    );
}

#[test]
fn a_frame_of_network_commands_has_no_payload() {
    let mut message = with("frm_payload", Value::Null);
    message["uplink_message"]
        .as_object_mut()
        .unwrap()
        .remove("f_port");
    assert_eq!(uplink(&event(&message)).payload, Payload::Absent);
}

#[test]
fn empty_fields_of_the_network_are_absent() {
    assert_eq!(
        uplink(&event(&with("decoded_payload", json!({})))).network_decoded,
        None
    );
}

#[test]
fn every_kind_of_message_is_known_by_its_body() {
    let downlink = json!({"session_key_id": "AZXH", "f_port": 3, "f_cnt": 7, "frm_payload": "AQI=",
        "confirmed": true, "priority": 3, "correlation_ids": ["ft:1"],
        "confirmed_retry": {"attempt": 1, "max_attempts": 8}});
    for (part, body, kind) in [
        ("uplink_message", json!({}), EventKind::Uplink),
        (
            "uplink_normalized",
            json!({"normalized_payload": {"air": {"temperature": 1}}}),
            EventKind::Normalized,
        ),
        (
            "join_accept",
            json!({"session_key_id": "AZXH", "invalidated_downlinks": [{}]}),
            EventKind::Join,
        ),
        (
            "downlink_queued",
            downlink.clone(),
            EventKind::DownlinkQueued,
        ),
        ("downlink_sent", downlink.clone(), EventKind::DownlinkSent),
        (
            "downlink_ack",
            downlink.clone(),
            EventKind::DownlinkAcknowledged,
        ),
        (
            "downlink_nack",
            downlink.clone(),
            EventKind::DownlinkRejected,
        ),
        (
            "downlink_failed",
            json!({"downlink": downlink, "error": {"name": "x", "code": 3}}),
            EventKind::DownlinkFailed,
        ),
        (
            "downlink_queue_invalidated",
            json!({"downlinks": [{}, {}], "last_f_cnt_down": 4}),
            EventKind::QueueInvalidated,
        ),
        (
            "location_solved",
            json!({"service": "geo", "location": {"latitude": 1, "source": 1}}),
            EventKind::Location,
        ),
        (
            "service_data",
            json!({"service": "alcsync", "data": {"a": 1}}),
            EventKind::Service,
        ),
        ("something_new", json!({}), EventKind::Other),
    ] {
        let event = event(&json!({"received_at": "2026-03-14T06:41:09Z", part: body}));
        assert_eq!(event.body.kind(), kind, "{part}");
    }
}

#[test]
fn details_of_the_other_kinds_are_kept() {
    let failed = event(&json!({"downlink_failed": {
        "downlink": {"f_port": 3, "priority": "HIGH", "correlation_ids": ["ft:1"]},
        "error": {"namespace": "pkg/as", "name": "no_downlink", "correlation_id": "abc", "code": 9}}}));
    let EventBody::Downlink(report) = &failed.body else {
        panic!("not a downlink")
    };
    assert_eq!(
        report.error.as_ref().unwrap().name.as_deref(),
        Some("no_downlink")
    );
    assert_eq!(
        (report.port, report.priority.as_deref()),
        (Some(3), Some("HIGH"))
    );
    assert_eq!(report.correlation_ids, ["ft:1"]);
    let located = event(&json!({"location_solved": {"location": {"latitude": 1.5, "source": 1}}}));
    let EventBody::Location(fix) = &located.body else {
        panic!("not a location")
    };
    assert_eq!(
        fix.position.as_ref().unwrap().source.as_deref(),
        Some("SOURCE_GPS")
    );
    let normalized = event(&json!({"uplink_normalized": {"normalized_payload": {"air": {}}}}));
    let EventBody::NormalizedCopy(copy) = &normalized.body else {
        panic!("not a copy")
    };
    assert_eq!(
        copy.normalized.len(),
        1,
        "here it is one object, not a list"
    );
}

#[test]
fn year_one_means_that_a_simulated_message_has_no_time() {
    let mut message = with("received_at", json!("0001-01-01T00:00:00Z"));
    message["simulated"] = json!(true);
    let event = event(&message);
    assert!(event.simulated);
    assert_eq!(uplink(&event).network_time, None);
}

#[test]
fn other_kinds_are_identified_by_their_whole_body_in_any_order() {
    let a: Value = serde_json::from_str(
        r#"{"received_at":"2026-03-14T06:41:09Z","join_accept":{"session_key_id":"AZXH","x":[1,{"b":2,"a":1}]}}"#,
    ).unwrap();
    let b: Value = serde_json::from_str(
        r#"{"join_accept":{"x":[1,{"a":1,"b":2}],"session_key_id":"AZXH"},"received_at":"2026-03-14T06:41:09Z"}"#,
    ).unwrap();
    assert_eq!(key(&a), key(&b));
    let mut c = a.clone();
    c["join_accept"]["x"][1]["a"] = json!(3);
    assert_ne!(key(&a), key(&c));
}

#[test]
fn the_second_guard_sees_one_uplink_in_two_copies_ten_minutes_apart() {
    let guard = |time: &str| {
        repeat_guard(&connection(), &event(&with("received_at", json!(time)))).unwrap()
    };
    let first = guard("2026-03-14T06:41:09.274018332Z");
    assert!(first.same_uplink(&guard("2026-03-14T06:51:09.274018332Z")));
    assert!(!first.same_uplink(&guard("2026-03-14T06:51:09.274018333Z")));
    let counted = repeat_guard(&connection(), &event(&with("f_cnt", json!(18_232)))).unwrap();
    assert!(!first.same_uplink(&counted));
}

#[test]
fn only_json_objects_are_messages() {
    let parse = |body: &[u8]| {
        parse_event(
            Network::TheThingsStack,
            "uplink",
            body,
            &DeviceIdentity::default(),
        )
    };
    assert_eq!(parse(b"").unwrap_err(), MessageError::NotJson);
    assert_eq!(parse(b"{\"a\":").unwrap_err(), MessageError::NotJson);
    assert_eq!(parse(b"[1]").unwrap_err(), MessageError::NotAnObject);
    assert_eq!(parse(b"{}").unwrap().body.kind(), EventKind::Other);
}

pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{1,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Every member of the complete example and of its parts, as JSON pointers.
fn pointers(value: &Value, at: &str, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, member)| {
            let path = format!("{at}/{key}");
            pointers(member, &path, into);
            into.push(path);
        }),
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(i, item)| pointers(item, &format!("{at}/{i}"), into));
        }
        _ => {}
    }
}

proptest! {
    /// Any field may be missing, null or anything else; the rest still reads.
    #[test]
    fn no_field_of_any_shape_stops_the_parser(pick in any::<prop::sample::Index>(), value in any_json()) {
        let mut all = Vec::new();
        pointers(&complete(), "", &mut all);
        let path = &all[pick.index(all.len())];
        let mut message = complete();
        *message.pointer_mut(path).unwrap() = value;
        let event = event(&message);
        let _: EventKey = EventKey::of(&connection(), &event, &message);
        if !path.starts_with("/end_device_ids") {
            prop_assert!(event.device.dev_eui.is_some(), "{}", path);
        }
    }

    #[test]
    fn unknown_fields_change_nothing(name in "x_[a-z]{1,8}", value in any_json()) {
        let mut message = complete();
        message[name.as_str()] = value.clone();
        message["uplink_message"][name.as_str()] = value;
        prop_assert_eq!(event(&message), event(&complete()));
        prop_assert_eq!(key(&message), key(&complete()));
    }
}
