//! Committed events, in the order they were committed.

use crate::error::StoreError;
use crate::event::OutboxEvent;
use crate::ids::OrgId;
use crate::time::Timestamp;
use async_trait::async_trait;

/// The outbox of each organization: what the dispatcher publishes and what clients resume from.
///
/// Numbers are gapless from 1 and given in commit order, so a reader that has seen `n` has seen
/// everything up to `n`.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Events with a number above `after`, ascending; at most `limit` (1…1,000).
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn since(
        &self,
        org: OrgId,
        after: i64,
        limit: u16,
    ) -> Result<Vec<OutboxEvent>, StoreError>;

    /// Number of the newest event (0 if none ever) and of the oldest one kept (head + 1 if none).
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn bounds(&self, org: OrgId) -> Result<(i64, i64), StoreError>;

    /// Newest number of every organization that has one, for the dispatcher; in order of id.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn heads(&self) -> Result<Vec<(OrgId, i64)>, StoreError>;

    /// Removes events older than `before`, but never one of an organization's newest `keep`; at most
    /// `limit` per call. Answers how many went.
    ///
    /// # Errors
    /// If it could not be done; nothing was removed.
    async fn prune(&self, before: Timestamp, keep: u32, limit: u32) -> Result<u64, StoreError>;
}
