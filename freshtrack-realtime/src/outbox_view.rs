//! What this crate reads of an outbox payload. The writers are the alert engine and the server.
//!
//! Only the fields a client sees are named; the rest of a payload may change freely. Temperatures are
//! integer milli-degrees Celsius.

use freshtrack_core::ids::{AlertId, ApiKeyId, DeviceId, IncidentId, ReadingId, UnitId, UserId};
use freshtrack_core::principal::Role;
use freshtrack_core::reading::{ReadingSource, Zone};
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One reading of `reading.accepted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadingView {
    /// Its id.
    pub id: ReadingId,
    /// The device that took it.
    #[serde(default)]
    pub device_id: Option<DeviceId>,
    /// Milli-degrees Celsius.
    #[serde(default)]
    pub temperature_milli_celsius: Option<i32>,
    /// Hundredths of a percent.
    #[serde(default)]
    pub humidity_centi: Option<i32>,
    /// Percent, 0–100.
    #[serde(default)]
    pub battery_percent: Option<u8>,
    /// Millivolts.
    #[serde(default)]
    pub battery_mv: Option<u16>,
    /// dBm.
    #[serde(default)]
    pub rssi_dbm: Option<i16>,
    /// When it was taken, by the sender.
    pub recorded_at: Timestamp,
    /// Where it came from.
    pub source: ReadingSource,
    /// Older than the newest evaluated one.
    #[serde(default)]
    pub late: bool,
    /// Made by a simulator.
    #[serde(default)]
    pub simulated: bool,
    /// Where it stood; nothing for what was not evaluated.
    #[serde(default)]
    pub zone: Option<Zone>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ReadingsPayload {
    pub(crate) readings: Vec<ReadingView>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct StatePayload {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) from_group: String,
    pub(crate) to_group: String,
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AlertPayload {
    pub(crate) alert: AlertView,
    #[serde(default)]
    pub(crate) level: Option<u16>,
    /// Display name of the person who acted, where the writer knew it.
    #[serde(default)]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AlertView {
    pub(crate) id: AlertId,
    pub(crate) alert_type: String,
    pub(crate) severity: String,
    pub(crate) title: String,
    pub(crate) condition_since: Timestamp,
    pub(crate) raised_at: Timestamp,
    pub(crate) raise_reason: String,
    #[serde(default)]
    pub(crate) violated: Option<String>,
    #[serde(default)]
    pub(crate) trigger: Option<TriggerView>,
    #[serde(default)]
    pub(crate) acknowledged: Option<AcknowledgedView>,
    #[serde(default)]
    pub(crate) resolved: Option<ResolvedView>,
    #[serde(default)]
    pub(crate) escalation_level: u16,
    #[serde(default)]
    pub(crate) incident: Option<IncidentId>,
    #[serde(default)]
    pub(crate) correlated_with: Option<AlertId>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TriggerView {
    pub(crate) temperature: Temperature,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AcknowledgedView {
    pub(crate) by: UserId,
    pub(crate) at: Timestamp,
    #[serde(default)]
    pub(crate) note: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ResolvedView {
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) by: Option<UserId>,
    pub(crate) at: Timestamp,
}

#[derive(Debug, Deserialize)]
pub(crate) struct IncidentPayload {
    #[serde(alias = "id")]
    pub(crate) incident_id: IncidentId,
    pub(crate) kind: String,
    #[serde(default, alias = "units")]
    pub(crate) unit_ids: Vec<UnitId>,
}

/// `membership.changed`: `change` is `joined`, `removed`, `disabled` or `role_changed`.
#[derive(Debug, Deserialize)]
pub(crate) struct MembershipPayload {
    #[serde(default, alias = "user")]
    pub(crate) user_id: Option<UserId>,
    pub(crate) change: String,
    #[serde(default)]
    pub(crate) role: Option<Role>,
}

/// `api_key.changed`: `change` is `created`, `revoked` or `replaced`.
#[derive(Debug, Deserialize)]
pub(crate) struct ApiKeyPayload {
    #[serde(alias = "id")]
    pub(crate) api_key_id: ApiKeyId,
    pub(crate) change: String,
}

/// Everything that only tells a client to fetch something again.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct EntityPayload {
    #[serde(default)]
    pub(crate) entity: Option<String>,
    #[serde(default)]
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) change: Option<String>,
}
