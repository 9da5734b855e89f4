//! What a LoRaWAN network tells us, whichever network it is.
//!
//! Adapters ([`crate::tts`], `chirpstack`) translate their network's messages into these types and nothing
//! beyond them knows a network's field names. Every part is optional, because every network lets an
//! operator leave parts out.

use crate::ids::{ApplicationId, DevAddr, DevEui, DeviceName, JoinEui};
use crate::lenient::NanoInstant;
use crate::uplink::UplinkFrame;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Whose messages a connection carries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// The Things Stack, version 3.
    TheThingsStack,
    /// `ChirpStack`, version 4.
    Chirpstack,
}

/// One message of a network about one device.
#[derive(Clone, PartialEq, Debug)]
pub struct LnsEvent {
    /// Who it is about.
    pub device: DeviceIdentity,
    /// When the application side of the network handled it.
    pub received_at: Option<NanoInstant>,
    /// Made by a console or a simulator; never part of a compliance record.
    pub simulated: bool,
    /// The network's own id of this message, where it has one that survives retries.
    pub deduplication_id: Option<String>,
    /// Ids by which the network links a message to what caused it.
    pub correlation_ids: Vec<String>,
    /// What happened.
    pub body: EventBody,
}

/// What is known of a device from one message; any part may be missing.
///
/// A name is an id within its application. It is never parsed as an EUI.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeviceIdentity {
    /// The device's name in its application.
    pub name: Option<DeviceName>,
    /// The application.
    pub application: Option<ApplicationId>,
    /// An application was named, but not in a form any network issues.
    pub application_malformed: bool,
    /// The device's EUI.
    pub dev_eui: Option<DevEui>,
    /// Its join server's EUI.
    pub join_eui: Option<JoinEui>,
    /// Its address in the current session.
    pub dev_addr: Option<DevAddr>,
}

/// What happened.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum EventBody {
    /// A frame from the device: the only kind that yields readings.
    Uplink(Box<UplinkFrame>),
    /// The network's normalised copy of a frame that also comes as an uplink: information only.
    NormalizedCopy(Box<UplinkFrame>),
    /// The device joined and has a new session.
    Join(Join),
    /// A stage in the life of one downlink.
    Downlink(DownlinkReport),
    /// The queue of downlinks became useless, usually by a new session.
    QueueInvalidated(QueueInvalidation),
    /// Somebody computed where the device is.
    Location(LocationFix),
    /// An integration of the network reports something.
    Service(ServiceReport),
    /// The device's answer to the network's question for margin and battery.
    DeviceStatus(DeviceStatus),
    /// The network's log about the device.
    Log(NetworkLog),
    /// A gateway sent a downlink.
    Transmitted(Transmission),
    /// None of the kinds known here.
    Other,
}

/// The name of an event's kind; part of the idempotency key, so a name never changes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "the names are the documentation; EventBody says what each means"
)]
pub enum EventKind {
    Uplink,
    Normalized,
    Join,
    DownlinkQueued,
    DownlinkSent,
    DownlinkAcknowledged,
    DownlinkRejected,
    DownlinkFailed,
    QueueInvalidated,
    Location,
    Service,
    Status,
    Log,
    Transmitted,
    Other,
}

/// A device joined.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Join {
    /// The new session.
    pub session: Vec<u8>,
    /// The network holds the application key itself, so payloads may arrive encrypted.
    pub keys_withheld: bool,
    /// How many queued downlinks the join made useless.
    pub invalidated_downlinks: usize,
    /// When the network accepted the join.
    pub accepted_at: Option<NanoInstant>,
}

/// One downlink reached a stage.
#[derive(Clone, PartialEq, Debug)]
pub struct DownlinkReport {
    /// Which stage.
    pub stage: DownlinkStage,
    /// The session it belongs to.
    pub session: Vec<u8>,
    /// The network's id of the queued item, where it has one.
    pub queue_item: Option<String>,
    /// Frame counter.
    pub counter: u64,
    /// Port.
    pub port: Option<u8>,
    /// What was sent.
    pub payload: Option<Vec<u8>>,
    /// The device was asked to confirm.
    pub confirmed: bool,
    /// Attempts made so far and attempts allowed, for confirmed downlinks.
    pub attempts: Option<(u64, u64)>,
    /// The network's priority name.
    pub priority: Option<String>,
    /// Ids that link this report to our request.
    pub correlation_ids: Vec<String>,
    /// Why it failed, by the network's error name.
    pub error: Option<NetworkError>,
}

/// Stages of a downlink as a network reports them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DownlinkStage {
    /// Accepted into the queue.
    Queued,
    /// Given to a gateway.
    Sent,
    /// The device confirmed it.
    Acknowledged,
    /// The device did not confirm it.
    Rejected,
    /// The network gave up.
    Failed,
}

/// An error as a network names it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NetworkError {
    /// The part of the network that failed.
    pub namespace: Option<String>,
    /// Its stable name.
    pub name: Option<String>,
    /// The id to quote to the network's operator.
    pub correlation_id: Option<String>,
    /// Numeric code.
    pub code: Option<u64>,
}

/// The queue was invalidated.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QueueInvalidation {
    /// The session the downlinks were meant for.
    pub session: Vec<u8>,
    /// How many downlinks are lost.
    pub downlinks: usize,
    /// The last counter that was really used.
    pub last_counter: u64,
}

/// A computed position.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LocationFix {
    /// Who computed it.
    pub service: Option<String>,
    /// Where.
    pub position: Option<Position>,
}

/// A place on earth.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Position {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Metres.
    pub altitude_m: Option<f64>,
    /// Metres.
    pub accuracy_m: Option<f64>,
    /// How it was found, by the network's name.
    pub source: Option<String>,
}

/// Data of a network integration.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ServiceReport {
    /// Which integration.
    pub service: Option<String>,
    /// What it says.
    pub data: Value,
}

/// What a device answered about itself at the link layer.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeviceStatus {
    /// Demodulation margin of the last downlink in dB.
    pub margin_db: Option<i64>,
    /// Battery level in percent; absent when unknown or externally powered.
    pub battery_percent: Option<f64>,
    /// Runs on mains.
    pub external_power: bool,
}

/// A line of the network's log about a device.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct NetworkLog {
    /// Severity name.
    pub level: Option<String>,
    /// Stable code.
    pub code: Option<String>,
    /// Text for a person.
    pub description: Option<String>,
}

/// A gateway transmitted a downlink.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Transmission {
    /// The network's id of the downlink.
    pub downlink: Option<String>,
    /// The queue item it came from.
    pub queue_item: Option<String>,
    /// Frame counter.
    pub counter: u64,
    /// Which gateway.
    pub gateway: Option<String>,
}

impl EventBody {
    /// The kind of this event.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Uplink(_) => EventKind::Uplink,
            Self::NormalizedCopy(_) => EventKind::Normalized,
            Self::Join(_) => EventKind::Join,
            Self::Downlink(report) => match report.stage {
                DownlinkStage::Queued => EventKind::DownlinkQueued,
                DownlinkStage::Sent => EventKind::DownlinkSent,
                DownlinkStage::Acknowledged => EventKind::DownlinkAcknowledged,
                DownlinkStage::Rejected => EventKind::DownlinkRejected,
                DownlinkStage::Failed => EventKind::DownlinkFailed,
            },
            Self::QueueInvalidated(_) => EventKind::QueueInvalidated,
            Self::Location(_) => EventKind::Location,
            Self::Service(_) => EventKind::Service,
            Self::DeviceStatus(_) => EventKind::Status,
            Self::Log(_) => EventKind::Log,
            Self::Transmitted(_) => EventKind::Transmitted,
            Self::Other => EventKind::Other,
        }
    }
}

impl EventKind {
    /// The name used in keys, records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uplink => "uplink",
            Self::Normalized => "normalized",
            Self::Join => "join",
            Self::DownlinkQueued => "downlink_queued",
            Self::DownlinkSent => "downlink_sent",
            Self::DownlinkAcknowledged => "downlink_acknowledged",
            Self::DownlinkRejected => "downlink_rejected",
            Self::DownlinkFailed => "downlink_failed",
            Self::QueueInvalidated => "queue_invalidated",
            Self::Location => "location",
            Self::Service => "service",
            Self::Status => "status",
            Self::Log => "log",
            Self::Transmitted => "transmitted",
            Self::Other => "other",
        }
    }
}

impl DeviceIdentity {
    /// Takes from `hint` whatever is missing here; the message itself always wins.
    pub fn fill_from(&mut self, hint: &Self) {
        self.name = self.name.take().or_else(|| hint.name.clone());
        self.application = self.application.take().or_else(|| hint.application.clone());
        self.application_malformed |= hint.application_malformed;
        self.dev_eui = self.dev_eui.or(hint.dev_eui);
        self.join_eui = self.join_eui.or(hint.join_eui);
        self.dev_addr = self.dev_addr.or(hint.dev_addr);
    }

    /// How this device is named in an idempotency key: by EUI, else by application and name.
    #[must_use]
    pub fn key_text(&self) -> String {
        match self.dev_eui {
            Some(eui) => format!("eui:{eui}"),
            None => format!(
                "id:{}/{}",
                self.application.as_ref().map_or("", ApplicationId::as_str),
                self.name.as_ref().map_or("", DeviceName::as_str)
            ),
        }
    }
}
