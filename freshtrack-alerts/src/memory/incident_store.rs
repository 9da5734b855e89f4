//! [`IncidentStore`] in memory.

use super::MemoryStore;
use crate::incident::Incident;
use crate::ports::{IncidentCursor, IncidentFilter, IncidentStore};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{IncidentId, OrgId};
use freshtrack_core::page::{Page, PageRequest};
use std::cmp::Reverse;

#[async_trait]
impl IncidentStore for MemoryStore {
    async fn find(&self, org: OrgId, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        Ok(self.with(|rows, _| rows.of(org).incidents.get(&id).cloned()))
    }

    async fn list(
        &self,
        org: OrgId,
        filter: &IncidentFilter,
        page: PageRequest<IncidentCursor>,
    ) -> Result<Page<Incident, IncidentCursor>, StoreError> {
        let mut found: Vec<Incident> = self.with(|rows, _| {
            let unseen = |row: &&Incident| page.after.is_none_or(|after| cursor(row) < after);
            let incidents = rows.of(org).incidents.values();
            incidents
                .filter(|row| wanted(filter, row))
                .filter(unseen)
                .cloned()
                .collect()
        });
        found.sort_by_key(|row| Reverse(cursor(row)));
        Ok(Page::from_surplus(found, page.limit, cursor))
    }
}

const fn cursor(row: &Incident) -> IncidentCursor {
    (row.opened_at, row.id)
}

fn wanted(filter: &IncidentFilter, row: &Incident) -> bool {
    filter
        .open
        .is_none_or(|open| row.closed_at.is_none() == open)
        && filter.site.is_none_or(|site| row.site == Some(site))
}
