//! Network connections and messages.

use crate::store::column::{At, from_json, narrow, to_json};
use crate::store::error::corrupt;
use crate::store::ports::{ConnectionRecord, ConnectionState, PendingEvent, QuarantinedEvent};
use freshtrack_core::error::StoreError;
use freshtrack_ttn::NanoInstant;
use freshtrack_ttn::event::{DeviceIdentity, EventKind, Network};
use freshtrack_ttn::ids::{ApplicationId, DevAddr, DevEui, DeviceName, JoinEui};
use freshtrack_ttn::key::{EventKey, RepeatGuard};
use freshtrack_ttn::ports::{Connection, InboxEntry};
use freshtrack_ttn::secrets::{SecretDigest, SecretPair};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use uuid::Uuid;

/// A row of `ttn_connection` with its organization's id.
#[derive(FromRow)]
pub(crate) struct ConnectionRow {
    id: String,
    org_id: Uuid,
    name: String,
    network: String,
    application: Option<String>,
    domain: Option<String>,
    secret_current: Option<Vec<u8>>,
    secret_next: Option<Vec<u8>>,
    current_expires_at: Option<At>,
    enabled: bool,
    last_used_at: Option<At>,
    created_at: At,
}

impl ConnectionRow {
    pub(crate) fn into_record(self) -> Result<ConnectionRecord, StoreError> {
        const TABLE: &str = "ttn_connection";
        let application = self.application.map(|text| text.parse::<ApplicationId>());
        Ok(ConnectionRecord {
            connection: Connection {
                id: self.id.parse().map_err(|_| corrupt(TABLE, "id"))?,
                org: self.org_id.into(),
                network: from_json(TABLE, "network", &self.network)?,
                secrets: SecretPair {
                    current: digest(self.secret_current)?,
                    next: digest(self.secret_next)?,
                    current_expires_at: self.current_expires_at.map(|at| at.0),
                },
                application: application
                    .transpose()
                    .map_err(|_| corrupt(TABLE, "application"))?,
                domain: self.domain,
            },
            name: self.name,
            state: if self.enabled {
                ConnectionState::Enabled
            } else {
                ConnectionState::Disabled
            },
            last_used_at: self.last_used_at.map(|at| at.0),
            created_at: self.created_at.0,
        })
    }
}

fn digest(stored: Option<Vec<u8>>) -> Result<Option<SecretDigest>, StoreError> {
    stored
        .map(<[u8; 32]>::try_from)
        .transpose()
        .map(|bytes| bytes.map(SecretDigest::from_bytes))
        .map_err(|_| corrupt("ttn_connection", "secret"))
}

/// Moves the secrets on for a new one: a next secret in use becomes the current one.
pub(crate) fn rotated(secrets: SecretPair, next: SecretDigest) -> SecretPair {
    let in_use = secrets.current_expires_at.is_some();
    SecretPair {
        current: if in_use {
            secrets.next
        } else {
            secrets.current
        },
        next: Some(next),
        current_expires_at: None,
    }
}

/// A device identity as JSON column; the field names are this table's.
#[derive(Serialize, Deserialize)]
struct IdentityColumn {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<DeviceName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    application: Option<ApplicationId>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    application_malformed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dev_eui: Option<DevEui>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    join_eui: Option<JoinEui>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dev_addr: Option<DevAddr>,
}

/// Writes a device identity.
pub(crate) fn identity(device: &DeviceIdentity) -> Result<String, StoreError> {
    to_json(&IdentityColumn {
        name: device.name.clone(),
        application: device.application.clone(),
        application_malformed: device.application_malformed,
        dev_eui: device.dev_eui,
        join_eui: device.join_eui,
        dev_addr: device.dev_addr,
    })
}

fn identity_of(column: &str, text: &str) -> Result<DeviceIdentity, StoreError> {
    let stored: IdentityColumn = from_json("lns_inbox", column, text)?;
    Ok(DeviceIdentity {
        name: stored.name,
        application: stored.application,
        application_malformed: stored.application_malformed,
        dev_eui: stored.dev_eui,
        join_eui: stored.join_eui,
        dev_addr: stored.dev_addr,
    })
}

/// A row of `lns_inbox` that was just taken, with the ids of its organization and connection.
#[derive(FromRow)]
pub(crate) struct PendingRow {
    pub(crate) key: i64,
    id: Uuid,
    org_id: Uuid,
    connection_id: String,
    event_key: Vec<u8>,
    guard_digest: Option<Vec<u8>>,
    guard_nanos: Option<i64>,
    network: String,
    kind: String,
    device: String,
    route: String,
    hint: String,
    arrived_at: At,
    body: Vec<u8>,
    attempts: i32,
}

impl PendingRow {
    pub(crate) fn into_pending(self) -> Result<PendingEvent, StoreError> {
        const TABLE: &str = "lns_inbox";
        let event_key = |column: &str, bytes: Vec<u8>| {
            <[u8; 32]>::try_from(bytes)
                .map(EventKey::from_bytes)
                .map_err(|_| corrupt(TABLE, column))
        };
        let guard = match (self.guard_digest, self.guard_nanos) {
            (Some(digest), Some(nanos)) => Some(RepeatGuard {
                digest: event_key("guard_digest", digest)?,
                time: NanoInstant::from_nanos(nanos),
            }),
            (Some(_) | None, _) => None,
        };
        let network: Network = from_json(TABLE, "network", &self.network)?;
        let kind: EventKind = from_json(TABLE, "kind", &self.kind)?;
        Ok(PendingEvent {
            id: self.id.into(),
            org: self.org_id.into(),
            attempts: narrow(TABLE, "attempts", self.attempts)?,
            entry: InboxEntry {
                key: event_key("event_key", self.event_key)?,
                guard,
                connection: self
                    .connection_id
                    .parse()
                    .map_err(|_| corrupt(TABLE, "connection_key"))?,
                network,
                kind,
                device: identity_of("device", &self.device)?,
                route: self.route,
                hint: identity_of("hint", &self.hint)?,
                arrived_at: self.arrived_at.0,
                body: self.body,
                quarantine: None,
            },
        })
    }
}

/// A row of `lns_inbox` that was put aside.
#[derive(FromRow)]
pub(crate) struct QuarantinedEventRow {
    id: Uuid,
    connection_id: String,
    arrived_at: At,
    reason: String,
}

impl QuarantinedEventRow {
    pub(crate) fn into_event(self) -> Result<QuarantinedEvent, StoreError> {
        Ok(QuarantinedEvent {
            id: self.id.into(),
            connection: self
                .connection_id
                .parse()
                .map_err(|_| corrupt("lns_inbox", "connection_key"))?,
            arrived_at: self.arrived_at.0,
            reason: self.reason,
        })
    }
}
