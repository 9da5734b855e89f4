//! [`Outbox`] in memory.

use super::MemoryStore;
use crate::error::StoreError;
use crate::event::OutboxEvent;
use crate::ids::OrgId;
use crate::ports::Outbox;
use crate::time::Timestamp;
use async_trait::async_trait;

#[async_trait]
impl Outbox for MemoryStore {
    async fn since(
        &self,
        org: OrgId,
        after: i64,
        limit: u16,
    ) -> Result<Vec<OutboxEvent>, StoreError> {
        Ok(self.with(|state| {
            let Some(rows) = state.tenant(org) else {
                return Vec::new();
            };
            // Numbers are gapless, so the place of a number is known without a search.
            let oldest = rows.outbox.front().map_or(0, |event| event.seq);
            let skip = usize::try_from(after.saturating_add(1).saturating_sub(oldest)).unwrap_or(0);
            rows.outbox
                .iter()
                .skip(skip)
                .take(usize::from(limit))
                .cloned()
                .collect()
        }))
    }

    async fn bounds(&self, org: OrgId) -> Result<(i64, i64), StoreError> {
        Ok(self.with(|state| {
            state.tenant(org).map_or((0, 1), |rows| {
                let head = rows.outbox_head;
                let oldest = rows.outbox.front().map_or(head + 1, |event| event.seq);
                (head, oldest)
            })
        }))
    }

    async fn heads(&self) -> Result<Vec<(OrgId, i64)>, StoreError> {
        Ok(self.with(|state| {
            state
                .tenants()
                .map(|(org, rows)| (org, rows.outbox_head))
                .filter(|(_, head)| *head > 0)
                .collect()
        }))
    }

    async fn prune(&self, before: Timestamp, keep: u32, limit: u32) -> Result<u64, StoreError> {
        Ok(self.with(|state| {
            let mut left = limit;
            for rows in state.tenants.values_mut() {
                // Only from the old end: what is kept must stay gapless.
                while left > 0
                    && rows.outbox.len() > keep as usize
                    && rows
                        .outbox
                        .front()
                        .is_some_and(|event| event.occurred_at < before)
                {
                    rows.outbox.pop_front();
                    left -= 1;
                }
            }
            u64::from(limit - left)
        }))
    }
}
