//! The durable inbox: nothing is answered 2xx before it is in here.

use super::InboxError;
use crate::canonical::QuarantineReason;
use crate::event::{DeviceIdentity, EventKind, Network};
use crate::ids::ConnectionId;
use crate::key::{EventKey, RepeatGuard};
use async_trait::async_trait;
use freshtrack_core::ids::OrgId;
use freshtrack_core::time::Timestamp;

/// One message as it arrived, with what was read from it.
#[derive(Clone, PartialEq)]
pub struct InboxEntry {
    /// Its identity; unique in the inbox.
    pub key: EventKey,
    /// The second guard, for uplinks.
    pub guard: Option<RepeatGuard>,
    /// The connection it came by.
    pub connection: ConnectionId,
    /// The network whose form the body has.
    pub network: Network,
    /// What it reports.
    pub kind: EventKind,
    /// Whom it is about, body and path together.
    pub device: DeviceIdentity,
    /// The kind or event name in the path, which some networks' bodies do not repeat.
    pub route: String,
    /// What the path said of the device; the body's reader needs it again.
    pub hint: DeviceIdentity,
    /// When it arrived here.
    pub arrived_at: Timestamp,
    /// The body, byte for byte. Headers are not kept: one of them is a live credential.
    pub body: Vec<u8>,
    /// Why it must not be ingested, if that is known already.
    pub quarantine: Option<QuarantineReason>,
}

/// Whether a message was there before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stored {
    /// It is now durable.
    New,
    /// It was durable already; nothing changed.
    Duplicate,
}

/// Raw messages, each once.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Stores `entry` under its key, in one transaction, unless its key or its guard is known.
    ///
    /// Durable when this returns. Of two concurrent calls with one key exactly one sees
    /// [`Stored::New`]. Guards match within [`RepeatGuard::WINDOW`].
    ///
    /// # Errors
    /// [`InboxError::Unavailable`]: nothing was stored, repeating the call is safe.
    async fn store(&self, org: OrgId, entry: &InboxEntry) -> Result<Stored, InboxError>;
}

impl std::fmt::Debug for InboxEntry {
    /// The body may carry payloads, and payloads keys: its length is all that is printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InboxEntry")
            .field("key", &self.key)
            .field("network", &self.network)
            .field("kind", &self.kind)
            .field("arrived_at", &self.arrived_at)
            .field("body_bytes", &self.body.len())
            .field("quarantine", &self.quarantine)
            .finish_non_exhaustive()
    }
}
