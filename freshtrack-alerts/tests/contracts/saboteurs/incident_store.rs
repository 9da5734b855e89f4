//! Bad stores of incidents.

use super::everybody;
use async_trait::async_trait;
use freshtrack_alerts::alert::{Alert, AlertEvent};
use freshtrack_alerts::change::{Change, Loaded, Resolved, Stored, Target};
use freshtrack_alerts::incident::Incident;
use freshtrack_alerts::memory::MemoryStore;
use freshtrack_alerts::ports::{
    AlertCursor, AlertFilter, AlertStore, IncidentCursor, IncidentFilter, IncidentStore,
    MonitorStore,
};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{AlertId, IncidentId, OrgId, UnitId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::reading::ReadingKey;
use freshtrack_core::time::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    ForgetsMembers,
    KeepsTheFirstRow,
    TenantBlindLookUp,
    TenantBlindList,
    OldestFirst,
    IgnoresTheState,
}

struct Bad {
    inner: MemoryStore,
    fault: Fault,
}

freshtrack_core::pass_on!(
    Bad, inner: Organizations Places Devices ApiKeys ReadingStore AuditLog Outbox
);

super::caught! { incident_store;
    an_incident_comes_back_as_it_was_written: ForgetsMembers, "every field survives";
    a_later_row_takes_the_place_of_the_one_before: KeepsTheFirstRow, "the later row";
    another_organizations_incidents_are_unknown: TenantBlindLookUp, "must not be found";
    another_organizations_incidents_are_unknown: TenantBlindList, "nor be listed";
    incidents_are_listed_newest_first_page_by_page: OldestFirst, "newest first";
    each_filter_of_incidents_restricts_and_all_must_fit: IgnoresTheState, "open ones";
}

#[async_trait]
impl IncidentStore for Bad {
    async fn find(&self, org: OrgId, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        let mut found = IncidentStore::find(&self.inner, org, id).await?;
        match (self.fault, &mut found) {
            (Fault::ForgetsMembers, Some(row)) => row.members.clear(),
            (Fault::TenantBlindLookUp, None) => {
                for other in everybody(&self.inner) {
                    found = found.or(IncidentStore::find(&self.inner, other, id).await?);
                }
            }
            _ => {}
        }
        Ok(found)
    }

    async fn list(
        &self,
        org: OrgId,
        filter: &IncidentFilter,
        page: PageRequest<IncidentCursor>,
    ) -> Result<Page<Incident, IncidentCursor>, StoreError> {
        let mut filter = *filter;
        if self.fault == Fault::IgnoresTheState {
            filter.open = None;
        }
        let mut found = IncidentStore::list(&self.inner, org, &filter, page.clone()).await?;
        match self.fault {
            Fault::OldestFirst => found.items.reverse(),
            Fault::TenantBlindList => {
                for other in everybody(&self.inner) {
                    let page = page.clone();
                    let theirs = IncidentStore::list(&self.inner, other, &filter, page).await?;
                    found.items.extend(theirs.items);
                }
            }
            _ => {}
        }
        Ok(found)
    }
}

#[async_trait]
impl MonitorStore for Bad {
    async fn resolve(
        &self,
        org: OrgId,
        targets: &[Target],
    ) -> Result<Vec<Option<Resolved>>, StoreError> {
        self.inner.resolve(org, targets).await
    }

    async fn load(&self, org: OrgId, units: &[UnitId]) -> Result<Option<Loaded>, StoreError> {
        self.inner.load(org, units).await
    }

    async fn stored(
        &self,
        org: OrgId,
        keys: &[ReadingKey],
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        self.inner.stored(org, keys).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let mut changes = changes.to_vec();
        for outages in changes
            .iter_mut()
            .filter_map(|change| change.outages.as_mut())
        {
            if self.fault == Fault::KeepsTheFirstRow && outages.expected_version > 0 {
                outages.incidents.clear();
            }
        }
        self.inner.commit(&changes).await
    }

    async fn due(&self, now: Timestamp, limit: u16) -> Result<Vec<(OrgId, UnitId)>, StoreError> {
        self.inner.due(now, limit).await
    }
}

#[async_trait]
impl AlertStore for Bad {
    async fn find(&self, org: OrgId, id: AlertId) -> Result<Option<Alert>, StoreError> {
        AlertStore::find(&self.inner, org, id).await
    }

    async fn list(
        &self,
        org: OrgId,
        filter: &AlertFilter,
        page: PageRequest<AlertCursor>,
    ) -> Result<Page<Alert, AlertCursor>, StoreError> {
        AlertStore::list(&self.inner, org, filter, page).await
    }

    async fn history(
        &self,
        org: OrgId,
        id: AlertId,
        limit: u16,
    ) -> Result<Vec<AlertEvent>, StoreError> {
        self.inner.history(org, id, limit).await
    }
}
