//! [`AuditLog`] in memory.

use super::MemoryStore;
use crate::audit::{AuditEvent, CHAIN_START};
use crate::error::StoreError;
use crate::ids::OrgId;
use crate::ports::{AuditLog, AuditRange};
use async_trait::async_trait;

#[async_trait]
impl AuditLog for MemoryStore {
    async fn list(&self, org: OrgId, range: AuditRange) -> Result<Vec<AuditEvent>, StoreError> {
        Ok(self.with(|state| {
            let rows = state.tenant(org).into_iter();
            rows.flat_map(|rows| &rows.audit)
                .filter(|event| event.seq >= range.from)
                .take(usize::from(range.limit))
                .cloned()
                .collect()
        }))
    }

    async fn head(&self, org: OrgId) -> Result<(i64, String), StoreError> {
        Ok(self.with(|state| {
            let newest = state.tenant(org).and_then(|rows| rows.audit.last());
            newest.map_or_else(
                || (0, CHAIN_START.to_owned()),
                |event| (event.seq, event.hash.clone()),
            )
        }))
    }
}
