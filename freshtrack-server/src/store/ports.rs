//! Ports of the server itself: managing network connections, working through the inbox, requests that
//! may be repeated.
//!
//! What `freshtrack-ttn` needs to receive a message is declared there
//! ([`ConnectionDirectory`](freshtrack_ttn::ports::ConnectionDirectory),
//! [`Inbox`](freshtrack_ttn::ports::Inbox)); both stores implement those too.

use async_trait::async_trait;
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{LnsEventId, OrgId};
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_ttn::canonical::QuarantineReason;
use freshtrack_ttn::ids::{ApplicationId, ConnectionId};
use freshtrack_ttn::key::EventKey;
use freshtrack_ttn::ports::{Connection, InboxEntry};
use freshtrack_ttn::secrets::SecretDigest;
use uuid::Uuid;

/// A connection with what its operators see of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionRecord {
    /// What a caller is checked against.
    pub connection: Connection,
    /// Display name.
    pub name: String,
    /// Whether callers are let in; one that is not is answered like an unknown one.
    pub state: ConnectionState,
    /// When it was last used, written at most once a minute by the caller.
    pub last_used_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Whether callers are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionState {
    /// They are.
    Enabled,
    /// They are not.
    Disabled,
}

/// What people change of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionChange {
    /// Display name.
    pub name: String,
    /// The application whose messages belong here; none accepts any.
    pub application: Option<ApplicationId>,
    /// Whether callers are let in.
    pub state: ConnectionState,
}

/// The network connections of one organization.
#[async_trait]
pub trait Connections: Send + Sync {
    /// Stores a new connection of `record.connection.org`.
    ///
    /// # Errors
    /// [`StoreError::Taken`] `connection`; [`StoreError::Missing`] if the organization is unknown.
    async fn create(&self, record: ConnectionRecord, journal: Journal) -> Result<(), StoreError>;

    /// The connection, if it is of this organization, enabled or not.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn find(
        &self,
        org: OrgId,
        id: &ConnectionId,
    ) -> Result<Option<ConnectionRecord>, StoreError>;

    /// Connections of the organization, oldest first; at most `limit`.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn list(&self, org: OrgId, limit: u16) -> Result<Vec<ConnectionRecord>, StoreError>;

    /// Adds a secret beside the current one and answers the connection as it is then. A next secret
    /// that was used already becomes the current one; one that never was is replaced.
    ///
    /// # Errors
    /// [`StoreError::Missing`] `connection`.
    async fn rotate(
        &self,
        org: OrgId,
        id: &ConnectionId,
        next: SecretDigest,
        journal: Journal,
    ) -> Result<ConnectionRecord, StoreError>;

    /// Stores name, application and state of a connection and answers it as it is then.
    ///
    /// # Errors
    /// [`StoreError::Missing`] `connection`.
    async fn change(
        &self,
        org: OrgId,
        id: &ConnectionId,
        change: ConnectionChange,
        journal: Journal,
    ) -> Result<ConnectionRecord, StoreError>;

    /// Ends a connection: nobody is let in and nobody sees it any more; what came by it stays.
    ///
    /// # Errors
    /// [`StoreError::Missing`] `connection`.
    async fn remove(
        &self,
        org: OrgId,
        id: &ConnectionId,
        now: Timestamp,
        journal: Journal,
    ) -> Result<(), StoreError>;

    /// Lets callers in or no longer. Setting the state it has changes nothing and writes no journal.
    ///
    /// # Errors
    /// [`StoreError::Missing`] `connection`.
    async fn set_state(
        &self,
        org: OrgId,
        id: &ConnectionId,
        state: ConnectionState,
        journal: Journal,
    ) -> Result<(), StoreError>;

    /// Notes that a connection was used; never moves the time back. An unknown one is left alone.
    ///
    /// # Errors
    /// If it could not be noted.
    async fn touch(&self, org: OrgId, id: &ConnectionId, now: Timestamp) -> Result<(), StoreError>;
}

/// A message taken from the inbox to be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingEvent {
    /// Its id; a commit that is done with it names it as consumed.
    pub id: LnsEventId,
    /// The organization.
    pub org: OrgId,
    /// How often it was taken, this time included.
    pub attempts: u32,
    /// The message.
    pub entry: InboxEntry,
}

/// A message that yields no reading, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedEvent {
    /// Its id.
    pub id: LnsEventId,
    /// The connection it came by.
    pub connection: ConnectionId,
    /// When it arrived.
    pub arrived_at: Timestamp,
    /// The reason's name.
    pub reason: String,
}

/// The inbox as a queue. A message is taken, evaluated, and done with in the commit of its readings
/// ([`Change::consumed`](freshtrack_alerts::change::Change::consumed)); these are the other ways out.
#[async_trait]
pub trait InboxQueue: Send + Sync {
    /// Takes up to `limit` messages in order of arrival, of any organization, for `lease`: nobody else
    /// is given them before `now + lease`, then they are given out again.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: nothing was taken.
    async fn claim(
        &self,
        now: Timestamp,
        lease: Span,
        limit: u16,
    ) -> Result<Vec<PendingEvent>, StoreError>;

    /// Puts a message that was taken back until `at`.
    ///
    /// # Errors
    /// If it could not be noted; the lease runs out anyway.
    async fn postpone(&self, org: OrgId, id: LnsEventId, at: Timestamp) -> Result<(), StoreError>;

    /// Puts a message aside for good; one already done with stays as it is.
    ///
    /// # Errors
    /// If it could not be noted.
    async fn quarantine(
        &self,
        org: OrgId,
        id: LnsEventId,
        reason: QuarantineReason,
    ) -> Result<(), StoreError>;

    /// Messages put aside, newest first; at most `limit`.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn quarantined(
        &self,
        org: OrgId,
        limit: u16,
    ) -> Result<Vec<QuarantinedEvent>, StoreError>;
}

/// What a caller asks for once, however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnceKey {
    /// The person or machine, as text; keys of different callers are different keys.
    pub caller: String,
    /// SHA-256 of the key the caller chose.
    pub key_hash: [u8; 32],
}

/// An answer that can be given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers worth repeating, by lower-case name.
    pub headers: Vec<(String, String)>,
    /// The body; nothing where `status` is all there is to say.
    pub body: Vec<u8>,
}

/// What is known of a request that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: it is the first, and its answer is awaited.
    First,
    /// The same request is being answered right now.
    Running,
    /// The key was used for another request.
    Reused,
    /// It was answered.
    Answered(KeptAnswer),
}

/// Answers of requests that may be repeated.
#[async_trait]
pub trait OnceLedger: Send + Sync {
    /// Begins a request, or says what is known of it. Of those that begin at once exactly one is first.
    ///
    /// A row that began before `forget_before`, or that is still without answer and began before
    /// `lost_before`, is as if it had never been.
    ///
    /// # Errors
    /// If the question could not be answered; nothing began.
    async fn begin(
        &self,
        key: &OnceKey,
        fingerprint: [u8; 32],
        now: Timestamp,
        (forget_before, lost_before): (Timestamp, Timestamp),
    ) -> Result<Begun, StoreError>;

    /// Keeps the answer of a request that began; `None` forgets the request instead, so that it can be
    /// sent again.
    ///
    /// # Errors
    /// If it could not be kept; the request counts as running until it is lost.
    async fn end(&self, key: &OnceKey, answer: Option<KeptAnswer>) -> Result<(), StoreError>;

    /// Removes rows that began before an instant, at most `limit`, and answers how many.
    ///
    /// # Errors
    /// If it could not be done.
    async fn prune_answers(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

/// The id of the message with this key: the same message has the same id wherever it is asked.
#[must_use]
pub fn event_id(key: &EventKey) -> LnsEventId {
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&key.as_bytes()[..16]);
    LnsEventId::from_uuid(Uuid::new_v8(bytes))
}
