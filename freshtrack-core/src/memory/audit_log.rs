//! [`AuditLog`] in memory.

use super::MemoryStore;
use crate::audit::{AuditEvent, CHAIN_START};
use crate::error::StoreError;
use crate::ids::OrgId;
use crate::page::{Page, PageRequest};
use crate::ports::{AuditLog, AuditQuery, AuditRange};
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

    async fn search(
        &self,
        org: OrgId,
        query: &AuditQuery,
        page: PageRequest<i64>,
    ) -> Result<Page<AuditEvent, i64>, StoreError> {
        let surplus = self.with(|state| {
            let rows = state.tenant(org).into_iter();
            rows.flat_map(|rows| rows.audit.iter().rev())
                .filter(|event| page.after.is_none_or(|after| event.seq < after))
                .filter(|event| query.matches(event))
                .take(usize::from(page.limit) + 1)
                .cloned()
                .collect()
        });
        Ok(Page::from_surplus(surplus, page.limit, |event| event.seq))
    }

    async fn chains(&self) -> Result<Vec<OrgId>, StoreError> {
        Ok(self.with(|state| state.tenants().map(|(org, _)| org).collect()))
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
