//! Who calls us: connections by their opaque id.
//!
//! no contract: a look-up beside the server's own `Connections` port, whose store tests cover both.

use super::InboxError;
use crate::event::Network;
use crate::ids::{ApplicationId, ConnectionId};
use crate::secrets::SecretPair;
use async_trait::async_trait;
use freshtrack_core::ids::OrgId;
use freshtrack_core::time::Timestamp;

/// One network application that sends us messages: selects the tenant, nothing in a body ever does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connection {
    /// Its opaque id.
    pub id: ConnectionId,
    /// The tenant.
    pub org: OrgId,
    /// Which network calls.
    pub network: Network,
    /// What it must present.
    pub secrets: SecretPair,
    /// The application whose messages belong here; `None` accepts any.
    pub application: Option<ApplicationId>,
    /// The value of the network's domain header; `None` accepts any.
    pub domain: Option<String>,
}

/// Connections by id.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ConnectionDirectory: Send + Sync {
    /// The connection of this id, in one indexed look-up whatever the number of tenants.
    ///
    /// # Errors
    /// [`InboxError::Unavailable`]: the question could not be answered.
    async fn find_connection(&self, id: &ConnectionId) -> Result<Option<Connection>, InboxError>;

    /// Notes the first use of the next secret: from `current_expires_at` the old one is refused.
    ///
    /// Idempotent: once an expiry is set, it stays.
    ///
    /// # Errors
    /// [`InboxError::Unavailable`]: nothing was noted; the next use confirms again.
    async fn confirm_rotation(
        &self,
        id: &ConnectionId,
        current_expires_at: Timestamp,
    ) -> Result<(), InboxError>;
}
