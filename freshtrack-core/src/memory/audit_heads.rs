//! [`AuditHeads`] in memory.

use super::MemoryStore;
use crate::error::StoreError;
use crate::ids::OrgId;
use crate::ports::{AuditHeads, HeadKey, SignedHead};
use crate::time::Timestamp;
use async_trait::async_trait;

#[async_trait]
impl AuditHeads for MemoryStore {
    async fn heads(
        &self,
        org: OrgId,
        after: u64,
        limit: u16,
    ) -> Result<Vec<SignedHead>, StoreError> {
        Ok(self.with(|state| {
            let rows = state.tenant(org).into_iter();
            rows.flat_map(|rows| &rows.heads)
                .filter(|head| head.head.size > after)
                .take(usize::from(limit))
                .cloned()
                .collect()
        }))
    }

    async fn newest_head(&self, org: OrgId) -> Result<Option<SignedHead>, StoreError> {
        Ok(self.with(|state| state.tenant(org)?.heads.last().cloned()))
    }

    async fn heads_due(&self, before: Timestamp, limit: u16) -> Result<Vec<OrgId>, StoreError> {
        Ok(self.with(|state| {
            let due = state.tenants().filter(|(_, rows)| {
                let newest = rows.heads.last();
                let size = newest.map_or(0, |head| head.head.size);
                rows.audit.len() as u64 > size && newest.is_none_or(|head| head.head.time < before)
            });
            due.map(|(org, _)| org).take(usize::from(limit)).collect()
        }))
    }

    async fn record_head(
        &self,
        org: OrgId,
        head: SignedHead,
        key: HeadKey,
    ) -> Result<(), StoreError> {
        self.with(|state| {
            let rows = state.existing(org)?;
            let (size, root) = rows.heads.last().map_or_else(
                || (0, crate::evidence::merkle::empty_root()),
                |newest| (newest.head.size, newest.head.root),
            );
            let follows = head.head.size > size
                && head.head.previous_size == size
                && head.head.previous_root == root;
            if !follows {
                return Err(StoreError::Conflict);
            }
            rows.heads.push(head);
            if !state
                .head_keys
                .iter()
                .any(|known| known.key_id == key.key_id)
            {
                state.head_keys.push(key);
            }
            Ok(())
        })
    }

    async fn head_keys(&self) -> Result<Vec<HeadKey>, StoreError> {
        Ok(self.with(|state| state.head_keys.clone()))
    }
}
