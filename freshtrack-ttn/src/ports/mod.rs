//! What this crate needs from a store, as traits.
//!
//! Adapters over SQL live in the server; [`crate::memory`] has the ones tests and small tools use.

mod connections;
mod inbox;

pub use connections::{Connection, ConnectionDirectory};
pub use inbox::{Inbox, InboxEntry, Stored};

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
