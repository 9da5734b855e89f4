//! Payloads as clients see them. Nothing else can be emitted.
//!
//! Times are RFC 3339 with `Z` and milliseconds; temperatures are numbers in the organization's display
//! unit. Names are a promise to clients that exist: only additions are allowed.

use crate::resume::ResyncReason;
use crate::schema::{Member, Shape, object};
use freshtrack_core::ids::{
    AlertId, DeviceId, IncidentId, OrgId, ReadingId, SiteId, UnitId, UserId,
};
use freshtrack_core::principal::Role;
use freshtrack_core::reading::ReadingSource;
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_core::time::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

/// An instant as sockets write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub Timestamp);

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_millis())
    }
}

macro_rules! payloads {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty,)* })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name { $($(#[$fdoc])* pub $field: $type,)* }

        impl Shape for $name {
            fn shape() -> Value {
                json!({"$ref": concat!("#/$defs/", stringify!($name))})
            }
        }
    )+
        /// Every payload by its name, as JSON Schema.
        pub(crate) fn definitions() -> Vec<(String, Value)> {
            vec![$((
                stringify!($name).to_owned(),
                object(&[$(stringify!($doc)),*], vec![$(Member {
                    name: stringify!($field),
                    attributes: &[$(stringify!($fdoc)),*],
                    shape: <$type>::shape(),
                },)*]),
            ),)+]
        }
    };
}

payloads! {
    /// `connection:ack`.
    ConnectionAck {
        /// Id of the socket.
        socket_id: String,
        /// Server time.
        timestamp: Millis,
        /// The organization the connection belongs to for life.
        organization_id: OrgId,
        /// The caller's role.
        role: Role,
        /// From here on this connection gets every ordered event.
        seq: i64,
        /// Names the event history; another one means another database.
        epoch: String,
        /// Server time, epoch milliseconds.
        server_time: i64,
        /// Display unit of the organization.
        temperature_unit: TemperatureUnit,
    }

    /// `subscription:error`.
    SubscriptionError {
        /// `site`, `unit` or `organization`.
        entity: &'static str,
        /// As sent, cut to 64 characters.
        entity_id: String,
        /// For people.
        message: &'static str,
        /// For programs.
        code: &'static str,
    }

    /// `error`.
    ErrorMessage {
        /// For people.
        message: &'static str,
        /// For programs.
        code: &'static str,
        /// The event it is about, cut to 64 characters.
        #[serde(skip_serializing_if = "Option::is_none")]
        event: Option<String>,
    }

    /// `resume:complete`.
    ResumeComplete {
        /// What the client had.
        from: i64,
        /// What it has now.
        to: i64,
    }

    /// `readings:skipped`.
    ReadingsSkipped {
        /// Units concerned, at most 1,000.
        unit_ids: Vec<UnitId>,
        /// How many readings.
        count: u64,
    }

    /// `auth:expiring`.
    AuthExpiring {
        /// When the token ends.
        expires_at: Millis,
    }

    /// `auth:expired`.
    AuthExpired {}

    /// `auth:changed`.
    AuthChanged {
        /// The new role.
        role: Role,
    }

    /// `auth:revoked`.
    AuthRevoked {
        /// Why, as a wire word.
        reason: String,
    }

    /// `server:draining`.
    ServerDraining {
        /// Wait this long before coming back.
        reconnect_after_ms: u64,
    }

    /// One reading of a batch.
    BatchReading {
        /// Its id.
        id: ReadingId,
        /// In the display unit.
        temperature: Option<f64>,
        /// Percent.
        humidity: Option<f64>,
        /// Percent.
        battery: Option<u8>,
        /// dBm.
        signal_strength: Option<i16>,
        /// The same as `recordedAt`; the name older clients know.
        timestamp: Millis,
        /// When it was taken.
        recorded_at: Millis,
        /// Who took it.
        device_id: Option<DeviceId>,
        /// Where it came from.
        source: ReadingSource,
        /// Older than the newest evaluated one.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        late: bool,
        /// Made by a simulator.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        simulated: bool,
    }

    /// `sensor:readings:batch`.
    ReadingsBatch {
        /// The unit.
        unit_id: UnitId,
        /// Ascending by `recordedAt`, then id.
        readings: Vec<BatchReading>,
        /// How many `readings`.
        count: usize,
        /// Highest sequence contained.
        seq: i64,
        /// Lowest sequence contained.
        seq_from: i64,
        /// The unit's site.
        site_id: Option<SiteId>,
        /// Unit of the temperatures.
        temperature_unit: TemperatureUnit,
        /// How many older readings of the window are only in the store.
        #[serde(skip_serializing_if = "Option::is_none")]
        truncated: Option<usize>,
    }

    /// `alert:triggered`.
    AlertTriggered {
        /// The alert.
        alert_id: AlertId,
        /// The unit.
        unit_id: Option<UnitId>,
        /// Wire name of the type.
        alert_type: String,
        /// Wire name of the severity.
        severity: String,
        /// One line for people.
        message: String,
        /// Tenths of a degree in the display unit.
        trigger_temperature: Option<i64>,
        /// `min` or `max`.
        threshold_violated: Option<String>,
        /// When it was raised.
        triggered_at: Millis,
        /// The site.
        site_id: Option<SiteId>,
        /// In the display unit.
        temperature: Option<f64>,
        /// Unit of the temperatures.
        temperature_unit: TemperatureUnit,
        /// Since when the condition holds.
        condition_since: Millis,
        /// Why it was raised now.
        raise_reason: String,
        /// The incident it belongs to.
        #[serde(skip_serializing_if = "Option::is_none")]
        incident_id: Option<IncidentId>,
        /// The alert it belongs to.
        #[serde(skip_serializing_if = "Option::is_none")]
        correlated_with: Option<AlertId>,
        /// Place in the organization's sequence.
        seq: i64,
    }

    /// `alert:escalated`.
    AlertEscalated {
        /// The alert.
        alert_id: AlertId,
        /// The unit.
        unit_id: Option<UnitId>,
        /// Level as older clients count it: 1 at confirmation.
        escalation_level: u32,
        /// Steps that have fired.
        level: u16,
        /// `confirmed`, `severity_raised`, `step` or `exhausted`.
        reason: &'static str,
        /// Wire name of the severity.
        severity: String,
        /// The site.
        site_id: Option<SiteId>,
        /// When.
        at: Millis,
        /// Place in the organization's sequence.
        seq: i64,
    }

    /// `alert:acknowledged`.
    AlertAcknowledged {
        /// The alert.
        alert_id: AlertId,
        /// Who.
        acknowledged_by: UserId,
        /// When.
        timestamp: Millis,
        /// The unit.
        unit_id: Option<UnitId>,
        /// The site.
        site_id: Option<SiteId>,
        /// The person's name, where it is known.
        name: Option<String>,
        /// What they said.
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// Place in the organization's sequence.
        seq: i64,
    }

    /// `alert:resolved`.
    AlertResolved {
        /// The alert.
        alert_id: AlertId,
        /// The unit.
        unit_id: Option<UnitId>,
        /// When.
        resolved_at: Millis,
        /// The site.
        site_id: Option<SiteId>,
        /// `auto` or `manual`.
        kind: String,
        /// The person.
        #[serde(skip_serializing_if = "Option::is_none")]
        resolved_by: Option<UserId>,
        /// Place in the organization's sequence.
        seq: i64,
    }

    /// `unit:state:changed` and `unit:status:changed`.
    UnitChanged {
        /// The unit.
        unit_id: Option<UnitId>,
        /// Dashboard group before.
        previous_state: String,
        /// Dashboard group now.
        new_state: String,
        /// When.
        timestamp: Millis,
        /// Why.
        reason: Option<String>,
        /// The site.
        site_id: Option<SiteId>,
        /// Status before.
        previous_status: String,
        /// Status now.
        status: String,
        /// Place in the organization's sequence.
        seq: i64,
    }

    /// `incident:opened` and `incident:closed`.
    IncidentChanged {
        /// The incident.
        incident_id: IncidentId,
        /// Wire name of the kind.
        kind: String,
        /// The site, if it is about one.
        #[serde(skip_serializing_if = "Option::is_none")]
        site_id: Option<SiteId>,
        /// Units concerned, at most 100.
        unit_ids: Vec<UnitId>,
        /// When.
        at: Millis,
        /// Place in the organization's sequence.
        seq: i64,
    }

    /// `entity:changed`: a hint to fetch something again.
    EntityChanged {
        /// What kind of thing.
        entity: String,
        /// Which.
        id: Option<String>,
        /// The unit concerned.
        #[serde(skip_serializing_if = "Option::is_none")]
        unit_id: Option<UnitId>,
        /// The site concerned.
        #[serde(skip_serializing_if = "Option::is_none")]
        site_id: Option<SiteId>,
        /// What happened to it.
        change: String,
        /// Place in the organization's sequence.
        seq: i64,
    }

    /// `notice:created`: a note for one person.
    NoticeCreated {
        /// The note.
        notice_id: String,
        /// The alert it is about.
        #[serde(skip_serializing_if = "Option::is_none")]
        alert_id: Option<AlertId>,
        /// One line for people.
        title: String,
        /// When.
        at: Millis,
        /// Place in the organization's sequence.
        seq: i64,
    }

    /// `metrics:updated`: roll-ups were computed again.
    MetricsUpdated {
        /// When.
        timestamp: Millis,
        /// Units whose figures changed.
        units_affected: Vec<UnitId>,
        /// How many figures were written.
        metrics_updated: u64,
        /// Place in the organization's sequence.
        seq: i64,
    }

    /// A unit in a snapshot.
    SnapshotUnit {
        /// The unit.
        unit_id: UnitId,
        /// Its site.
        site_id: SiteId,
        /// Displayed status.
        status: String,
        /// Dashboard group.
        state: String,
        /// Newest evaluated temperature in the display unit.
        temperature: Option<f64>,
        /// When that was taken.
        recorded_at: Option<Millis>,
    }

    /// An open alert in a snapshot.
    SnapshotAlert {
        /// The alert.
        alert_id: AlertId,
        /// The unit.
        unit_id: UnitId,
        /// The site.
        site_id: SiteId,
        /// Wire name of the type.
        alert_type: String,
        /// Wire name of the severity.
        severity: String,
        /// Wire name of the status.
        status: String,
        /// When it was raised.
        triggered_at: Millis,
        /// Level as older clients count it.
        escalation_level: u32,
        /// When somebody took it.
        acknowledged_at: Option<Millis>,
    }

    /// Rows of one part of a snapshot.
    SnapshotRows {
        /// Units.
        units: Vec<SnapshotUnit>,
        /// Open alerts.
        alerts: Vec<SnapshotAlert>,
    }

    /// `resync`.
    Resync {
        /// Why.
        reason: ResyncReason,
        /// The state to take over; none when only a hint before a disconnect.
        snapshot: Option<SnapshotRows>,
        /// This part, from 1.
        part: usize,
        /// How many parts.
        parts: usize,
        /// In the last part: what the state is as of.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<i64>,
    }

    /// Answer to `get:latest`.
    LatestPayload {
        /// Id of the reading.
        id: ReadingId,
        /// The unit.
        unit_id: UnitId,
        /// Who took it.
        device_id: Option<DeviceId>,
        /// In the display unit.
        temperature: Option<f64>,
        /// Percent.
        humidity: Option<f64>,
        /// Percent.
        battery: Option<u8>,
        /// dBm.
        signal_strength: Option<i16>,
        /// When it was taken.
        recorded_at: Millis,
        /// Where it came from.
        source: ReadingSource,
        /// Unit of the temperature.
        temperature_unit: TemperatureUnit,
    }
}
