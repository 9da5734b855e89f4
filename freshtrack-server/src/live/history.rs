//! The event history is the outbox.

use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::Outbox;
use freshtrack_realtime::ports::{EventHistory, HistoryBounds, HistoryPage};
use std::fmt;
use std::sync::Arc;

/// Reads missed events from the outbox.
#[derive(Clone)]
pub struct OutboxHistory(pub Arc<dyn Outbox>);

impl fmt::Debug for OutboxHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OutboxHistory")
    }
}

#[async_trait]
impl EventHistory for OutboxHistory {
    async fn since(&self, org: OrgId, after: i64, limit: u16) -> Result<HistoryPage, StoreError> {
        let events = self.0.since(org, after, limit).await?;
        let mut bounds = self.head(org).await?;
        // Committed between the two looks: the bounds never claim less than what is handed out.
        if let Some(newest) = events.last() {
            bounds.head = bounds.head.max(newest.seq);
        }
        Ok(HistoryPage { events, bounds })
    }

    async fn head(&self, org: OrgId) -> Result<HistoryBounds, StoreError> {
        let (head, oldest) = self.0.bounds(org).await?;
        Ok(HistoryBounds { oldest, head })
    }
}
