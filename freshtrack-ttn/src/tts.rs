//! The Things Stack v3: its messages, translated into [`LnsEvent`].
//!
//! This file alone knows the network's field names. The parser refuses only what is not a JSON object;
//! every field has a default, because the network leaves out empty values and a field mask can remove
//! anything.
//!
//! Source: The Things Stack v3 API, `ApplicationUp` and its webhook JSON form.

use crate::event::{
    DeviceIdentity, DownlinkReport, DownlinkStage, EventBody, Join, LnsEvent, LocationFix,
    NetworkError, Position, QueueInvalidation, ServiceReport,
};
use crate::lenient::{
    decode_base64, duration, enumerated, flag, instant, list, member, number, parsed, strings,
    text, unsigned,
};
use crate::uplink::{DataRate, HardwareVersion, Payload, RadioMeta, Reception, UplinkFrame};
use serde_json::Value;

const LOCATION_SOURCES: [&str; 10] = [
    "SOURCE_UNKNOWN",
    "SOURCE_GPS",
    "",
    "SOURCE_REGISTRY",
    "SOURCE_IP_GEOLOCATION",
    "SOURCE_WIFI_RSSI_GEOLOCATION",
    "SOURCE_BT_RSSI_GEOLOCATION",
    "SOURCE_LORA_RSSI_GEOLOCATION",
    "SOURCE_LORA_TDOA_GEOLOCATION",
    "SOURCE_COMBINED_GEOLOCATION",
];

const PRIORITIES: [&str; 7] = [
    "LOWEST",
    "LOW",
    "BELOW_NORMAL",
    "NORMAL",
    "ABOVE_NORMAL",
    "HIGH",
    "HIGHEST",
];

/// Translates one message; never fails on a JSON object, never changes what it cannot read.
#[must_use]
pub fn parse_message(message: &Value) -> LnsEvent {
    LnsEvent {
        device: member(message, "end_device_ids")
            .map(parse_identity)
            .unwrap_or_default(),
        received_at: instant(message, "received_at"),
        simulated: flag(message, "simulated"),
        deduplication_id: None,
        correlation_ids: strings(message, "correlation_ids"),
        body: parse_body(message),
    }
}

fn parse_identity(ids: &Value) -> DeviceIdentity {
    let application_text =
        member(ids, "application_ids").and_then(|app| text(app, "application_id"));
    let application = application_text.and_then(|id| id.parse().ok());
    DeviceIdentity {
        name: parsed(ids, "device_id"),
        application_malformed: application_text.is_some() && application.is_none(),
        application,
        dev_eui: parsed(ids, "dev_eui"),
        join_eui: parsed(ids, "join_eui"),
        dev_addr: parsed(ids, "dev_addr"),
    }
}

/// Exactly one of these keys should be there; the first one present, in order of worth, decides.
fn parse_body(message: &Value) -> EventBody {
    let part = |key| member(message, key).filter(|part| part.is_object());
    if let Some(up) = part("uplink_message") {
        return EventBody::Uplink(Box::new(parse_uplink(up)));
    }
    if let Some(up) = part("uplink_normalized") {
        return EventBody::NormalizedCopy(Box::new(parse_uplink(up)));
    }
    if let Some(join) = part("join_accept") {
        return EventBody::Join(parse_join(join));
    }
    for (key, stage) in [
        ("downlink_queued", DownlinkStage::Queued),
        ("downlink_sent", DownlinkStage::Sent),
        ("downlink_ack", DownlinkStage::Acknowledged),
        ("downlink_nack", DownlinkStage::Rejected),
    ] {
        if let Some(downlink) = part(key) {
            return EventBody::Downlink(parse_downlink(downlink, stage));
        }
    }
    if let Some(failed) = part("downlink_failed") {
        let downlink = member(failed, "downlink").unwrap_or(&Value::Null);
        let mut report = parse_downlink(downlink, DownlinkStage::Failed);
        report.error = member(failed, "error").map(parse_error);
        return EventBody::Downlink(report);
    }
    if let Some(invalidated) = part("downlink_queue_invalidated") {
        return EventBody::QueueInvalidated(QueueInvalidation {
            session: session(invalidated),
            downlinks: list(invalidated, "downlinks").len(),
            last_counter: unsigned(invalidated, "last_f_cnt_down").unwrap_or(0),
        });
    }
    if let Some(solved) = part("location_solved") {
        return EventBody::Location(LocationFix {
            service: text(solved, "service").map(str::to_owned),
            position: member(solved, "location").map(parse_position),
        });
    }
    if let Some(service) = part("service_data") {
        return EventBody::Service(ServiceReport {
            service: text(service, "service").map(str::to_owned),
            data: member(service, "data").cloned().unwrap_or(Value::Null),
        });
    }
    EventBody::Other
}

fn parse_uplink(up: &Value) -> UplinkFrame {
    let normalized = match member(up, "normalized_payload") {
        Some(Value::Array(items)) => items.clone(),
        Some(one @ Value::Object(_)) => vec![one.clone()],
        Some(_) | None => Vec::new(),
    };
    UplinkFrame {
        session: session(up),
        counter: unsigned(up, "f_cnt").unwrap_or(0),
        counter_given: member(up, "f_cnt").is_some(),
        port: port(up),
        payload: parse_payload(up),
        network_decoded: member(up, "decoded_payload")
            .filter(|data| !is_empty(data))
            .cloned(),
        network_warnings: strings(up, "decoded_payload_warnings"),
        normalized,
        radio: parse_radio(up),
        network_time: instant(up, "received_at"),
        confirmed: flag(up, "confirmed"),
        packet_error_rate: number(up, "packet_error_rate"),
        hardware: member(up, "version_ids")
            .map(parse_hardware)
            .unwrap_or_default(),
        position: member(up, "locations")
            .and_then(|all| member(all, "user"))
            .map(parse_position),
    }
}

fn parse_payload(up: &Value) -> Payload {
    let Some(encoded) = text(up, "frm_payload") else {
        return Payload::Absent;
    };
    match decode_base64(encoded) {
        // the network sends the session key only when it did not decrypt itself
        Some(bytes) if member(up, "app_s_key").is_some() => Payload::Encrypted(bytes),
        Some(bytes) => Payload::Clear(bytes),
        None => Payload::Malformed(encoded.to_owned()),
    }
}

fn parse_radio(up: &Value) -> RadioMeta {
    let settings = member(up, "settings").unwrap_or(&Value::Null);
    RadioMeta {
        receptions: list(up, "rx_metadata")
            .iter()
            .map(parse_reception)
            .collect(),
        frequency_hz: unsigned(settings, "frequency"),
        data_rate: parse_data_rate(settings),
        airtime: duration(up, "consumed_airtime"),
    }
}

fn parse_reception(entry: &Value) -> Reception {
    let foreign = member(entry, "packet_broker").map(|broker| {
        [
            "forwarder_net_id",
            "forwarder_tenant_id",
            "forwarder_cluster_id",
        ]
        .map(|key| text(broker, key).unwrap_or(""))
        .join("/")
    });
    Reception {
        gateway: member(entry, "gateway_ids")
            .and_then(|ids| text(ids, "gateway_id").or_else(|| text(ids, "eui")))
            .map(str::to_owned),
        foreign_network: foreign,
        rssi_dbm: number(entry, "rssi")
            .or_else(|| number(entry, "channel_rssi"))
            .unwrap_or(0.0),
        snr_db: number(entry, "snr").unwrap_or(0.0),
    }
}

fn parse_data_rate(settings: &Value) -> DataRate {
    let rate = member(settings, "data_rate").unwrap_or(&Value::Null);
    if let Some(lora) = member(rate, "lora") {
        return DataRate::Lora {
            bandwidth_hz: unsigned(lora, "bandwidth").unwrap_or(0),
            spreading_factor: unsigned(lora, "spreading_factor").unwrap_or(0),
            coding_rate: text(lora, "coding_rate")
                .or_else(|| text(settings, "coding_rate"))
                .map(str::to_owned),
        };
    }
    if let Some(fsk) = member(rate, "fsk") {
        return DataRate::Fsk {
            bit_rate: unsigned(fsk, "bit_rate").unwrap_or(0),
        };
    }
    if member(rate, "lrfhss").is_some() {
        return DataRate::FrequencyHopping;
    }
    DataRate::Unknown
}

fn parse_hardware(ids: &Value) -> HardwareVersion {
    let known = |key| {
        text(ids, key)
            .filter(|name| !name.starts_with("_unknown_"))
            .map(str::to_owned)
    };
    HardwareVersion {
        brand: known("brand_id"),
        model: known("model_id"),
        hardware: known("hardware_version"),
        firmware: known("firmware_version"),
        band: known("band_id"),
    }
}

fn parse_position(location: &Value) -> Position {
    Position {
        latitude: number(location, "latitude").unwrap_or(0.0),
        longitude: number(location, "longitude").unwrap_or(0.0),
        altitude_m: number(location, "altitude"),
        accuracy_m: number(location, "accuracy"),
        source: enumerated(location, "source", &LOCATION_SOURCES),
    }
}

fn parse_join(join: &Value) -> Join {
    Join {
        session: session(join),
        keys_withheld: member(join, "app_s_key").is_some(),
        invalidated_downlinks: list(join, "invalidated_downlinks").len(),
        accepted_at: instant(join, "received_at"),
    }
}

fn parse_downlink(downlink: &Value, stage: DownlinkStage) -> DownlinkReport {
    let attempts = member(downlink, "confirmed_retry").map(|retry| {
        (
            unsigned(retry, "attempt").unwrap_or(0),
            unsigned(retry, "max_attempts").unwrap_or(0),
        )
    });
    DownlinkReport {
        stage,
        session: session(downlink),
        queue_item: None,
        counter: unsigned(downlink, "f_cnt").unwrap_or(0),
        port: port(downlink),
        payload: text(downlink, "frm_payload").and_then(decode_base64),
        confirmed: flag(downlink, "confirmed"),
        attempts,
        priority: enumerated(downlink, "priority", &PRIORITIES),
        correlation_ids: strings(downlink, "correlation_ids"),
        error: None,
    }
}

fn parse_error(error: &Value) -> NetworkError {
    NetworkError {
        namespace: text(error, "namespace").map(str::to_owned),
        name: text(error, "name").map(str::to_owned),
        correlation_id: text(error, "correlation_id").map(str::to_owned),
        code: unsigned(error, "code"),
    }
}

fn session(object: &Value) -> Vec<u8> {
    let id = text(object, "session_key_id").unwrap_or("");
    decode_base64(id).unwrap_or_else(|| id.as_bytes().to_vec())
}

fn port(object: &Value) -> Option<u8> {
    unsigned(object, "f_port")
        .and_then(|port| u8::try_from(port).ok())
        .filter(|port| *port != 0)
}

fn is_empty(data: &Value) -> bool {
    data.as_object().is_some_and(serde_json::Map::is_empty)
}
