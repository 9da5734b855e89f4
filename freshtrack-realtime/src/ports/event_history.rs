//! Committed events, read back from the outbox.

use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::event::OutboxEvent;
use freshtrack_core::ids::OrgId;

/// How far an organization's history reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryBounds {
    /// Oldest event kept; `head + 1` if none is.
    pub oldest: i64,
    /// Newest committed event; 0 if there never was one.
    pub head: i64,
}

/// Events of one organization, with the bounds at the same point in time.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryPage {
    /// Ascending, without a hole.
    pub events: Vec<OutboxEvent>,
    /// How far the history reached.
    pub bounds: HistoryBounds,
}

/// Reads the outbox: at least the newest 10,000 events and 24 h of each organization.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait EventHistory: Send + Sync {
    /// Kept events with a number above `after`, ascending; at most `limit` (1…1,000).
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn since(&self, org: OrgId, after: i64, limit: u16) -> Result<HistoryPage, StoreError>;

    /// How far the history reaches.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn head(&self, org: OrgId) -> Result<HistoryBounds, StoreError>;
}
