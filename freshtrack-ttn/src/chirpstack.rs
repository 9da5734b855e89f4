//! `ChirpStack` v4: its events, translated into [`LnsEvent`].
//!
//! The event's name stands in the address only, so it is part of the input. The zero-value and unknown-field
//! rules are those of every protobuf JSON: all defaults, nothing denied.
//!
//! Source: `ChirpStack` v4, integration event types.

use crate::event::{
    DeviceIdentity, DeviceStatus, DownlinkReport, DownlinkStage, EventBody, Join, LnsEvent,
    LocationFix, NetworkLog, Position, ServiceReport, Transmission,
};
use crate::ids::ApplicationId;
use crate::lenient::{decode_base64, flag, instant, list, member, number, parsed, text, unsigned};
use crate::uplink::{DataRate, HardwareVersion, Payload, RadioMeta, Reception, UplinkFrame};
use serde_json::Value;

/// Translates one event; `name` is the `event` parameter or the last part of the MQTT topic.
#[must_use]
pub fn parse_message(name: &str, message: &Value) -> LnsEvent {
    LnsEvent {
        device: parse_identity(message),
        received_at: instant(message, "time"),
        simulated: false,
        deduplication_id: text(message, "deduplicationId")
            .map(str::to_owned)
            .or_else(|| transmission_id(name, message)),
        correlation_ids: Vec::new(),
        body: parse_body(name, message),
    }
}

/// A transmission has no id of its own; the downlink and its time are one.
fn transmission_id(name: &str, message: &Value) -> Option<String> {
    let downlink = unsigned(message, "downlinkId")?;
    let time = instant(message, "time").map_or(0, crate::NanoInstant::as_nanos);
    (name == "txack").then(|| format!("{downlink}@{time}"))
}

fn parse_identity(message: &Value) -> DeviceIdentity {
    let info = member(message, "deviceInfo").unwrap_or(&Value::Null);
    let application_text = text(info, "applicationId");
    let application: Option<ApplicationId> = application_text.and_then(|id| id.parse().ok());
    DeviceIdentity {
        // deviceName is free text for people and identifies nothing
        name: None,
        application_malformed: application_text.is_some() && application.is_none(),
        application,
        dev_eui: parsed(info, "devEui"),
        join_eui: None,
        dev_addr: parsed(message, "devAddr"),
    }
}

fn parse_body(name: &str, message: &Value) -> EventBody {
    match name {
        "up" => EventBody::Uplink(Box::new(parse_uplink(message))),
        "join" => EventBody::Join(Join {
            session: session(message),
            keys_withheld: key_withheld(message),
            invalidated_downlinks: 0,
            accepted_at: instant(message, "time"),
        }),
        "ack" => EventBody::Downlink(parse_acknowledgement(message)),
        "txack" => EventBody::Transmitted(Transmission {
            downlink: unsigned(message, "downlinkId").map(|id| id.to_string()),
            queue_item: text(message, "queueItemId").map(str::to_owned),
            counter: unsigned(message, "fCntDown").unwrap_or(0),
            gateway: text(message, "gatewayId").map(str::to_owned),
        }),
        "log" => EventBody::Log(NetworkLog {
            level: text(message, "level").map(str::to_owned),
            code: text(message, "code").map(str::to_owned),
            description: text(message, "description").map(str::to_owned),
        }),
        "status" => EventBody::DeviceStatus(parse_status(message)),
        "location" => EventBody::Location(LocationFix {
            service: None,
            position: member(message, "location").map(parse_position),
        }),
        "integration" => EventBody::Service(ServiceReport {
            service: text(message, "integrationName").map(str::to_owned),
            data: member(message, "object").cloned().unwrap_or(Value::Null),
        }),
        _ => EventBody::Other,
    }
}

fn parse_uplink(up: &Value) -> UplinkFrame {
    let object = member(up, "object")
        .filter(|object| !object.as_object().is_some_and(serde_json::Map::is_empty));
    UplinkFrame {
        session: session(up),
        counter: unsigned(up, "fCnt").unwrap_or(0),
        counter_given: member(up, "fCnt").is_some(),
        port: unsigned(up, "fPort")
            .and_then(|p| u8::try_from(p).ok())
            .filter(|p| *p != 0),
        payload: parse_payload(up),
        network_decoded: object.cloned(),
        network_warnings: Vec::new(),
        normalized: Vec::new(),
        radio: parse_radio(up),
        network_time: instant(up, "time"),
        confirmed: flag(up, "confirmed"),
        packet_error_rate: None,
        hardware: HardwareVersion::default(),
        position: None,
    }
}

fn parse_payload(up: &Value) -> Payload {
    let Some(encoded) = text(up, "data") else {
        return Payload::Absent;
    };
    match decode_base64(encoded) {
        Some(bytes) if key_withheld(up) => Payload::Encrypted(bytes),
        Some(bytes) => Payload::Clear(bytes),
        None => Payload::Malformed(encoded.to_owned()),
    }
}

/// The session key rides along, non-empty, when the network could not decrypt.
fn key_withheld(message: &Value) -> bool {
    member(message, "joinServerContext")
        .and_then(|context| member(context, "appSKey"))
        .is_some_and(|key| text(key, "aesKey").is_some())
}

fn session(message: &Value) -> Vec<u8> {
    member(message, "joinServerContext")
        .and_then(|context| text(context, "sessionKeyId"))
        .map(|id| decode_base64(id).unwrap_or_else(|| id.as_bytes().to_vec()))
        .unwrap_or_default()
}

fn parse_radio(up: &Value) -> RadioMeta {
    let transmission = member(up, "txInfo").unwrap_or(&Value::Null);
    let modulation = member(transmission, "modulation").unwrap_or(&Value::Null);
    RadioMeta {
        receptions: list(up, "rxInfo").iter().map(parse_reception).collect(),
        frequency_hz: unsigned(transmission, "frequency"),
        data_rate: parse_data_rate(modulation),
        airtime: None,
    }
}

fn parse_reception(entry: &Value) -> Reception {
    Reception {
        gateway: text(entry, "gatewayId").map(str::to_owned),
        foreign_network: None,
        rssi_dbm: number(entry, "rssi").unwrap_or(0.0),
        snr_db: number(entry, "snr").unwrap_or(0.0),
    }
}

fn parse_data_rate(modulation: &Value) -> DataRate {
    if let Some(lora) = member(modulation, "lora") {
        return DataRate::Lora {
            bandwidth_hz: unsigned(lora, "bandwidth").unwrap_or(0),
            spreading_factor: unsigned(lora, "spreadingFactor").unwrap_or(0),
            coding_rate: text(lora, "codeRate").map(coding_rate),
        };
    }
    if let Some(fsk) = member(modulation, "fsk") {
        return DataRate::Fsk {
            bit_rate: unsigned(fsk, "datarate").unwrap_or(0),
        };
    }
    if member(modulation, "lrFhss").is_some() {
        return DataRate::FrequencyHopping;
    }
    DataRate::Unknown
}

/// `CR_4_5` is written `4/5` everywhere else.
fn coding_rate(name: &str) -> String {
    name.strip_prefix("CR_")
        .map_or_else(|| name.to_owned(), |rate| rate.replace('_', "/"))
}

fn parse_acknowledgement(ack: &Value) -> DownlinkReport {
    // absent means not acknowledged, or timed out
    let stage = if flag(ack, "acknowledged") {
        DownlinkStage::Acknowledged
    } else {
        DownlinkStage::Rejected
    };
    DownlinkReport {
        stage,
        session: Vec::new(),
        queue_item: text(ack, "queueItemId").map(str::to_owned),
        counter: unsigned(ack, "fCntDown").unwrap_or(0),
        port: None,
        payload: None,
        confirmed: true,
        attempts: None,
        priority: None,
        correlation_ids: Vec::new(),
        error: None,
    }
}

fn parse_status(status: &Value) -> DeviceStatus {
    let external_power = flag(status, "externalPowerSource");
    let unknown = external_power || flag(status, "batteryLevelUnavailable");
    DeviceStatus {
        margin_db: member(status, "margin").and_then(Value::as_i64),
        battery_percent: number(status, "batteryLevel").filter(|_| !unknown),
        external_power,
    }
}

fn parse_position(location: &Value) -> Position {
    Position {
        latitude: number(location, "latitude").unwrap_or(0.0),
        longitude: number(location, "longitude").unwrap_or(0.0),
        altitude_m: number(location, "altitude"),
        accuracy_m: number(location, "accuracy"),
        source: text(location, "source").map(str::to_owned),
    }
}
