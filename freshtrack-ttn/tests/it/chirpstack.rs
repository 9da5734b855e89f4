//! `ChirpStack`'s events through the same model, keys, ingress and decoding.

use crate::sample::{CONNECTION, arrived};
use freshtrack_core::ids::OrgId;
use freshtrack_ttn::canonical::{QuarantineReason, Role};
use freshtrack_ttn::codec::native::{Family, NativeProfile};
use freshtrack_ttn::decode::{DecodePolicy, decode_event};
use freshtrack_ttn::event::{
    DeviceIdentity, DownlinkStage, EventBody, EventKind, LnsEvent, Network,
};
use freshtrack_ttn::ids::ConnectionId;
use freshtrack_ttn::key::EventKey;
use freshtrack_ttn::memory::{MemoryConnections, MemoryInbox};
use freshtrack_ttn::network::parse_event;
use freshtrack_ttn::ports::Connection;
use freshtrack_ttn::secrets::{SecretPair, WebhookSecret};
use freshtrack_ttn::uplink::{DataRate, Payload};
use freshtrack_ttn::webhook::{IngressOutcome, IngressRequest, handle};
use serde_json::{Value, json};

fn up() -> Value {
    json!({
        "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
        "time": "2026-03-14T06:41:09.274018332+00:00",
        "deviceInfo": {
            "tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242", "tenantName": "t",
            "applicationId": "17c82e96-be03-4f38-aef3-f83d48582d97", "applicationName": "a",
            "deviceProfileId": "14855bf7-d10d-4aee-b618-ebfcb64dc7ad", "deviceProfileName": "p",
            "deviceName": "sensor-a84041ffff1c2d3e", "devEui": "a84041ffff1c2d3e", "tags": {}
        },
        "devAddr": "260c7f4a", "adr": true, "dr": 3, "fCnt": 18231, "fPort": 2, "data": "y8YIwQHjAfjLf/8=",
        "object": {"TempC_DS": -18.45},
        "rxInfo": [
            {"gatewayId": "0016c001f153a14c", "uplinkId": 4_217_106_255_u32, "rssi": -118, "snr": -11.2},
            {"gatewayId": "0016c001f153a14d", "rssi": -97, "snr": 6.5}
        ],
        "txInfo": {"frequency": 904_700_000, "modulation": {"lora": {"bandwidth": 125_000, "spreadingFactor": 9, "codeRate": "CR_4_5"}}}
    })
}

fn parse(name: &str, message: &Value) -> LnsEvent {
    let body = serde_json::to_vec(message).unwrap();
    parse_event(Network::Chirpstack, name, &body, &DeviceIdentity::default()).unwrap()
}

#[test]
fn an_uplink_becomes_the_same_record_as_on_the_other_network() {
    let event = parse("up", &up());
    assert_eq!(
        event.device.dev_eui.unwrap().to_string(),
        "A84041FFFF1C2D3E"
    );
    let EventBody::Uplink(frame) = &event.body else {
        panic!("not an uplink")
    };
    assert_eq!(
        (frame.radio.best_rssi_dbm(), frame.radio.gateways()),
        (Some(-97.0), 2)
    );
    assert_eq!(frame.radio.frequency_hz, Some(904_700_000));
    assert!(
        matches!(&frame.radio.data_rate, DataRate::Lora { coding_rate: Some(r), .. } if r == "4/5")
    );
    let policy = DecodePolicy {
        native: Some(NativeProfile::new(Family::Lht65)),
        ..DecodePolicy::default()
    };
    let ours = decode_event(&event, arrived(), &policy, None).readings;
    let theirs = decode_event(
        &crate::sample::event(&crate::sample::complete()),
        arrived(),
        &policy,
        None,
    );
    assert_eq!(ours, theirs.readings);
    assert!(ours.iter().any(|r| r.role == Role::Cabinet));
}

#[test]
fn a_session_key_that_rides_along_means_encrypted_and_an_empty_one_does_not() {
    let mut message = up();
    message["joinServerContext"] =
        json!({"sessionKeyId": "AZXH", "appSKey": {"kekLabel": "", "aesKey": "AAAA"}});
    let EventBody::Uplink(frame) = parse("up", &message).body else {
        panic!("not an uplink")
    };
    assert!(matches!(frame.payload, Payload::Encrypted(_)));
    message["joinServerContext"] = json!({"sessionKeyId": "AZXH", "appSKey": {}});
    let EventBody::Uplink(frame) = parse("up", &message).body else {
        panic!("not an uplink")
    };
    assert!(matches!(frame.payload, Payload::Clear(_)));
    assert_eq!(frame.session, [0x01, 0x95, 0xC7]);
}

#[test]
fn every_event_is_known_by_its_name_and_survives_being_empty() {
    for (name, kind) in [
        ("up", EventKind::Uplink),
        ("join", EventKind::Join),
        ("ack", EventKind::DownlinkRejected),
        ("txack", EventKind::Transmitted),
        ("log", EventKind::Log),
        ("status", EventKind::Status),
        ("location", EventKind::Location),
        ("integration", EventKind::Service),
        ("tomorrow", EventKind::Other),
    ] {
        assert_eq!(parse(name, &json!({})).body.kind(), kind, "{name}");
    }
}

#[test]
fn details_of_the_other_events_are_kept() {
    let EventBody::Downlink(ack) = parse(
        "ack",
        &json!({"queueItemId": "q", "acknowledged": true, "fCntDown": 4}),
    )
    .body
    else {
        panic!("not a downlink")
    };
    assert_eq!((ack.stage, ack.counter), (DownlinkStage::Acknowledged, 4));
    let status = json!({"margin": 7, "batteryLevel": 75.5});
    let EventBody::DeviceStatus(known) = parse("status", &status).body else {
        panic!("not a status")
    };
    assert_eq!(
        (known.margin_db, known.battery_percent),
        (Some(7), Some(75.5))
    );
    let mains = json!({"externalPowerSource": true, "batteryLevel": 0});
    let EventBody::DeviceStatus(powered) = parse("status", &mains).body else {
        panic!("not a status")
    };
    assert_eq!(
        (powered.external_power, powered.battery_percent),
        (true, None)
    );
    let EventBody::Log(log) = parse("log", &json!({"level": "ERROR", "code": "UPLINK_CODEC"})).body
    else {
        panic!("not a log")
    };
    assert_eq!(log.code.as_deref(), Some("UPLINK_CODEC"));
}

#[test]
fn the_key_is_connection_event_and_deduplication_id() {
    let connection: ConnectionId = CONNECTION.parse().unwrap();
    let key =
        |name: &str, message: &Value| EventKey::of(&connection, &parse(name, message), message);
    let mut again = up();
    again["rxInfo"] = json!([]);
    assert_eq!(key("up", &up()), key("up", &again));
    assert_ne!(key("up", &up()), key("join", &up()));
    again["deduplicationId"] = json!("another");
    assert_ne!(key("up", &up()), key("up", &again));
    let sent = |id: u32, time: &str| key("txack", &json!({"downlinkId": id, "time": time}));
    assert_eq!(
        sent(1, "2026-03-14T06:41:09Z"),
        sent(1, "2026-03-14T06:41:09+00:00")
    );
    assert_ne!(
        sent(1, "2026-03-14T06:41:09Z"),
        sent(1, "2026-03-14T06:41:10Z")
    );
    assert_ne!(
        sent(1, "2026-03-14T06:41:09Z"),
        sent(2, "2026-03-14T06:41:09Z")
    );
}

#[tokio::test]
async fn ingress_and_storage_are_the_same() {
    let org: OrgId = "00000000-0000-7000-8000-000000000001".parse().unwrap();
    let connections = MemoryConnections::default();
    let current = Some(WebhookSecret::from_presented("s").digest());
    connections.insert(Connection {
        id: CONNECTION.parse().unwrap(),
        org,
        network: Network::Chirpstack,
        secrets: SecretPair {
            current,
            ..SecretPair::default()
        },
        application: Some("17c82e96-be03-4f38-aef3-f83d48582d97".parse().unwrap()),
        domain: None,
    });
    let inbox = MemoryInbox::default();
    let mut foreign = up();
    foreign["deviceInfo"]["applicationId"] = json!("00000000-be03-4f38-aef3-f83d48582d97");
    foreign["deduplicationId"] = json!("f");
    let hint = DeviceIdentity::default();
    for (message, outcome) in [
        (&up(), IngressOutcome::Accepted),
        (&up(), IngressOutcome::Duplicate),
        (
            &foreign,
            IngressOutcome::Quarantined(QuarantineReason::WrongApplication),
        ),
    ] {
        let body = serde_json::to_vec(message).unwrap();
        let headers = [("X-Freshtrack-Key", &b"s"[..])];
        let request = IngressRequest {
            network: Network::Chirpstack,
            connection: CONNECTION,
            kind: "up",
            headers: &headers,
            body: &body,
            hint: &hint,
        };
        let answer = handle(&connections, &inbox, &request, arrived()).await;
        assert_eq!((answer.status, answer.outcome), (200, outcome));
    }
    let stored = &inbox.entries(org)[0];
    let read = parse_event(stored.network, &stored.route, &stored.body, &stored.hint).unwrap();
    assert_eq!(
        read,
        parse("up", &up()),
        "a stored event reads as it was received"
    );
}
