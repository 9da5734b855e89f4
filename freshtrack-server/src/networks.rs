//! Connections to LoRaWAN networks: how one is made, and the address it is called at.

use crate::store::Store;
use crate::store::ports::{ConnectionRecord, ConnectionState};
use freshtrack_core::audit::{AuditCategory, AuditDraft, AuditRefs, AuditSeverity, Journal};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::IdGen;
use freshtrack_core::principal::Actor;
use freshtrack_core::time::Timestamp;
use freshtrack_ttn::event::Network;
use freshtrack_ttn::ids::{ApplicationId, ConnectionId};
use freshtrack_ttn::ports::Connection;
use freshtrack_ttn::secrets::{SecretPair, WebhookSecret};
use serde_json::json;

/// A connection to be made.
#[derive(Debug, Clone)]
pub struct NewConnection {
    /// Display name.
    pub name: String,
    /// The application whose messages belong here; none accepts any.
    pub application: Option<ApplicationId>,
}

/// A connection that was made, with the secret that is shown this once.
#[derive(Clone)]
pub struct MadeConnection {
    /// As stored.
    pub connection: ConnectionRecord,
    /// What the network must present.
    pub secret: String,
}

impl std::fmt::Debug for MadeConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MadeConnection")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

impl MadeConnection {
    /// The base address to enter at the network; each kind of message has its path below it.
    #[must_use]
    pub fn url(&self, public_url: &str) -> String {
        webhook_url(public_url, &self.connection.connection.id)
    }
}

/// The base address at which a network calls.
#[must_use]
pub fn webhook_url(public_url: &str, id: &ConnectionId) -> String {
    format!("{public_url}/api/v1/ttn/{}", id.as_str())
}

/// A fresh webhook secret.
#[must_use]
pub fn fresh_secret(ids: &dyn IdGen) -> WebhookSecret {
    let mut bits = [0u8; 32];
    ids.fill_random(&mut bits);
    WebhookSecret::from_random(bits)
}

/// Makes a connection with a fresh address and secret.
///
/// # Errors
/// If it could not be stored.
pub async fn create(
    store: &Store,
    ids: &dyn IdGen,
    now: Timestamp,
    org: OrgId,
    actor: Actor,
    new: NewConnection,
) -> Result<MadeConnection, StoreError> {
    let mut address = [0u8; 16];
    ids.fill_random(&mut address);
    let secret = fresh_secret(ids);
    let connection = ConnectionRecord {
        connection: Connection {
            id: ConnectionId::from_random(address),
            org,
            network: Network::TheThingsStack,
            secrets: SecretPair {
                current: Some(secret.digest()),
                next: None,
                current_expires_at: None,
            },
            application: new.application,
            domain: None,
        },
        name: new.name,
        state: ConnectionState::Enabled,
        last_used_at: None,
        created_at: now,
    };
    let journal = Journal {
        audit: vec![AuditDraft {
            at: now,
            actor,
            category: AuditCategory::Access,
            kind: "ttn_connection.created".to_owned(),
            severity: AuditSeverity::Info,
            title: "network connection created".to_owned(),
            refs: AuditRefs::default(),
            data: json!({ "name": connection.name }),
        }],
        outbox: Vec::new(),
    };
    store
        .connections
        .create(connection.clone(), journal)
        .await?;
    let secret = String::from_utf8_lossy(secret.expose()).into_owned();
    Ok(MadeConnection { connection, secret })
}
