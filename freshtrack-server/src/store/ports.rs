//! Storage ports of the server itself: connections as people manage them, and the inbox as a worklist.
//!
//! The network crate declares what a webhook needs ([`ConnectionDirectory`], [`Inbox`]); what comes
//! before and after is the server's.
//!
//! [`ConnectionDirectory`]: freshtrack_ttn::ports::ConnectionDirectory
//! [`Inbox`]: freshtrack_ttn::ports::Inbox

use async_trait::async_trait;
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{LnsEventId, OrgId};
use freshtrack_core::time::Timestamp;
use freshtrack_ttn::ports::{Connection, InboxEntry};

/// A connection with what people see of it; secrets only as digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedConnection {
    /// What a webhook needs to know.
    pub connection: Connection,
    /// Display name.
    pub name: String,
    /// When a message last came by it, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Connections as people manage them, inside one organization.
#[async_trait]
pub trait Connections: Send + Sync {
    /// Stores a new connection.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the organization is unknown.
    async fn create(
        &self,
        org: OrgId,
        connection: ManagedConnection,
        journal: Journal,
    ) -> Result<(), StoreError>;

    /// Connections of the organization, oldest first; at most `limit`.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn list(&self, org: OrgId, limit: u16) -> Result<Vec<ManagedConnection>, StoreError>;
}

/// A message that waits to be decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingMessage {
    /// Its id, to settle it by.
    pub id: LnsEventId,
    /// The tenant.
    pub org: OrgId,
    /// The message as it arrived.
    pub entry: InboxEntry,
    /// How often decoding or ingest has failed for a passing reason.
    pub attempts: u32,
}

/// How a message that was looked at ends without readings (with readings, the commit settles it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled<'a> {
    /// Understood; there was nothing to store.
    Processed,
    /// Set aside for a person, with the reason's wire name.
    Quarantined(&'a str),
    /// Tried in vain for a passing reason: again at this time.
    RetryAt(Timestamp),
}

/// The inbox as a worklist.
#[async_trait]
pub trait InboxWork: Send + Sync {
    /// Messages that wait at `now`, oldest first, of all organizations; at most `limit`.
    ///
    /// Several workers may be told the same message: its readings are unique, so nothing happens twice.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn pending(&self, now: Timestamp, limit: u16) -> Result<Vec<PendingMessage>, StoreError>;

    /// Ends a message that is still waiting; one that was settled meanwhile stays as it is.
    ///
    /// # Errors
    /// If it could not be stored.
    async fn settle(
        &self,
        org: OrgId,
        id: LnsEventId,
        settled: Settled<'_>,
    ) -> Result<(), StoreError>;
}
