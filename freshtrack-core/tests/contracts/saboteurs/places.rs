//! Bad stores of places.

use super::{everybody, write_journal};
use async_trait::async_trait;
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::{Area, Site, Unit};
use freshtrack_core::ids::{AreaId, OrgId, SiteId, UnitId};
use freshtrack_core::memory::{MemoryStore, TenantRows};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::ports::Places;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    TenantBlindLookUp,
    TenantBlindList,
    ForgetsTheSite,
    SharesNames,
    NamesAreUniqueEverywhere,
    ForgetsParents,
    Unordered,
    IgnoresTheSiteAskedFor,
    RepeatsRows,
    JournalsFirst,
    JournalsNothing,
    LosesRaces,
    LosesChanges,
}

struct Bad {
    inner: MemoryStore,
    fault: Fault,
}

freshtrack_core::pass_on!(Bad, inner: Organizations Devices LifeCycle ApiKeys ReadingStore AuditLog Outbox);

super::caught! { Bad, places;
    another_organizations_places_are_unknown: TenantBlindLookUp, "must not be found";
    another_organizations_places_are_unknown: TenantBlindList, "of this organization only";
    places_come_back_as_they_were_made: ForgetsTheSite, "left == right";
    names_are_unique_among_siblings_whatever_their_case: SharesNames, "expected `name` to be taken";
    the_same_name_may_stand_under_another_parent: NamesAreUniqueEverywhere, "could not answer";
    a_parent_must_be_there_and_of_the_organization: ForgetsParents, "to be missing";
    lists_are_in_order_of_id_and_of_the_site_asked_for: Unordered, "in order of id";
    lists_are_in_order_of_id_and_of_the_site_asked_for: IgnoresTheSiteAskedFor, "of the site asked for";
    pages_visit_every_row_once_while_rows_are_added: RepeatsRows, "must come to an end";
    a_refused_place_leaves_no_journal: JournalsFirst, "no other is";
    each_place_is_journaled_once: JournalsNothing, "numbered once";
    of_two_with_one_name_exactly_one_is_made: LosesRaces, "exactly one of them must win";
    places_made_at_once_are_numbered_gaplessly: LosesChanges, "numbered once";
}

impl Bad {
    /// Before a change: what to write with it.
    async fn before(&self, org: OrgId, journal: Journal) -> Journal {
        match self.fault {
            Fault::JournalsFirst => {
                write_journal(&self.inner, org, &journal);
                Journal::default()
            }
            Fault::JournalsNothing => Journal::default(),
            Fault::LosesChanges => {
                // Two who write at the same time both think they are the first.
                let units = |rows: &TenantRows| rows.units().count();
                let seen = || self.inner.with(|state| state.tenant(org).map(units));
                let before = seen();
                tokio::task::yield_now().await;
                if seen() == before {
                    journal
                } else {
                    Journal::default()
                }
            }
            _ => journal,
        }
    }

    /// After a change was refused: whether to do it all the same.
    fn overrules(&self, refusal: &StoreError) -> bool {
        match refusal {
            StoreError::Taken { .. } => {
                matches!(self.fault, Fault::SharesNames | Fault::LosesRaces)
            }
            StoreError::Missing { .. } => self.fault == Fault::ForgetsParents,
            _ => false,
        }
    }
}

#[async_trait]
impl Places for Bad {
    async fn create_site(
        &self,
        org: OrgId,
        site: Site,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let journal = self.before(org, journal).await;
        match self.inner.create_site(org, site, journal).await {
            Err(refusal) if self.overrules(&refusal) => Ok(()),
            other => other,
        }
    }

    async fn create_area(
        &self,
        org: OrgId,
        area: Area,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let journal = self.before(org, journal).await;
        match self.inner.create_area(org, area, journal).await {
            Err(refusal) if self.overrules(&refusal) => Ok(()),
            other => other,
        }
    }

    async fn create_unit(
        &self,
        org: OrgId,
        mut unit: Unit,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let journal = self.before(org, journal).await;
        if self.fault == Fault::NamesAreUniqueEverywhere && unit.name == "Fridge 1" {
            return Err(StoreError::Taken { what: "name" });
        }
        if self.fault == Fault::LosesRaces {
            tokio::task::yield_now().await;
        }
        let result = self
            .inner
            .create_unit(org, unit.clone(), journal.clone())
            .await;
        match result {
            Err(refusal) if self.overrules(&refusal) => {
                unit.name.push_str(" again");
                let _whatever = self.inner.create_unit(org, unit, journal).await;
                Ok(())
            }
            other => other,
        }
    }

    async fn list_sites(
        &self,
        org: OrgId,
        page: PageRequest<SiteId>,
    ) -> Result<Page<Site, SiteId>, StoreError> {
        let mut found = self.inner.list_sites(org, page.clone()).await?;
        match self.fault {
            Fault::Unordered => found.items.reverse(),
            Fault::TenantBlindList => {
                for other in everybody(&self.inner) {
                    found = self.inner.list_sites(other, page.clone()).await?;
                }
            }
            _ => {}
        }
        Ok(found)
    }

    async fn list_areas(
        &self,
        org: OrgId,
        site: Option<SiteId>,
        page: PageRequest<AreaId>,
    ) -> Result<Page<Area, AreaId>, StoreError> {
        self.inner.list_areas(org, site, page).await
    }

    async fn list_units(
        &self,
        org: OrgId,
        site: Option<SiteId>,
        mut page: PageRequest<UnitId>,
    ) -> Result<Page<Unit, UnitId>, StoreError> {
        let site = site.filter(|_| self.fault != Fault::IgnoresTheSiteAskedFor);
        if self.fault == Fault::RepeatsRows {
            page.after = None;
        }
        let mut found = self.inner.list_units(org, site, page).await?;
        if self.fault == Fault::TenantBlindList {
            found.items.clear();
        }
        Ok(found)
    }

    async fn find_site(&self, org: OrgId, id: SiteId) -> Result<Option<Site>, StoreError> {
        self.inner.find_site(org, id).await
    }

    async fn find_area(&self, org: OrgId, id: AreaId) -> Result<Option<Area>, StoreError> {
        self.inner.find_area(org, id).await
    }

    async fn find_unit(&self, org: OrgId, id: UnitId) -> Result<Option<Unit>, StoreError> {
        let mut found = self.inner.find_unit(org, id).await?;
        match (self.fault, &mut found) {
            (Fault::TenantBlindLookUp, None) => {
                for other in everybody(&self.inner) {
                    found = found.or(self.inner.find_unit(other, id).await?);
                }
            }
            (Fault::ForgetsTheSite, Some(unit)) => unit.site_id = uuid::Uuid::nil().into(),
            _ => {}
        }
        Ok(found)
    }
}
