//! What this crate needs from a store, as traits.
//!
//! Adapters over SQL live in the server; [`crate::memory`] has the ones tests and small tools use.

mod connections;
mod device_planes;
mod inbox;
mod lns_admin;
mod saga_store;

pub use connections::{Connection, ConnectionDirectory};
pub use device_planes::{DevicePlanes, PlaneRecord, WriteMode};
pub use inbox::{Inbox, InboxEntry, Stored};
#[cfg(feature = "mocks")]
pub use lns_admin::MockLnsAdmin;
pub use lns_admin::{DEVICES_MAX, LnsAdmin, WebhookRecord, WebhookSpec};
#[cfg(feature = "mocks")]
pub use saga_store::MockSagaStore;
pub use saga_store::{Claimed, SagaStore, SagaStoreError};

/// Why a store could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InboxError {
    /// Nothing was changed; repeating the call is safe.
    #[error("the inbox is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl InboxError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
        }
    }
}
