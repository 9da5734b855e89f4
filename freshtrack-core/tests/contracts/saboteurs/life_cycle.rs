//! Bad stores of what becomes of places and devices.

use super::{everybody, write_journal};
use async_trait::async_trait;
use freshtrack_core::audit::Journal;
use freshtrack_core::device::Device;
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::{Archived, Area, Site, Unit};
use freshtrack_core::ids::{AreaId, DeviceId, OrgId, SiteId, UnitId};
use freshtrack_core::memory::MemoryStore;
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::ports::{LifeCycle, Places, Resource, ResourceId, Shelf, UnitFilter};
use freshtrack_core::time::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    LosesDetails,
    LastWriterWins,
    SharesNames,
    LeavesUnitsInUse,
    RestoresEverything,
    KeepsTheOldBeginning,
    KeepsTheNameTaken,
    SqueezesIn,
    ForgetsParents,
    ArchivesAgain,
    OnlySaysSo,
    IgnoresTheFilter,
    TenantBlind,
    JournalsFirst,
    LosesRaces,
    NobodyTakesOver,
}

struct Bad {
    inner: MemoryStore,
    fault: Fault,
}

freshtrack_core::pass_on!(
    Bad, inner: Organizations Places Devices ApiKeys ReadingStore AuditLog Outbox
);

super::caught! { Bad, life_cycle;
    a_change_is_stored_whole: LosesDetails, "left == right";
    a_change_is_based_on_the_newest_version: LastWriterWins, "expected a conflict";
    a_changed_name_is_unique_among_siblings_in_use: SharesNames, "expected `name` to be taken";
    archiving_takes_everything_below_out_of_use: LeavesUnitsInUse, "left == right";
    restoring_brings_back_exactly_what_was_archived_together: RestoresEverything, "left == right";
    a_restored_unit_is_watched_anew: KeepsTheOldBeginning, "from the return on";
    what_is_archived_gives_its_name_and_eui_free: KeepsTheNameTaken, "its radio is unknown";
    nothing_returns_to_a_place_that_was_taken: SqueezesIn, "expected `name` to be taken";
    nothing_returns_before_what_it_stands_in: ForgetsParents, "expected `parent_archived` to be refused";
    archiving_twice_and_restoring_what_is_in_use_is_refused: ArchivesAgain, "expected `archived` to be refused";
    nothing_is_put_on_what_is_archived: OnlySaysSo, "expected `site` to be missing";
    an_archived_primary_hands_over: NobodyTakesOver, "the one that stayed";
    lists_are_of_what_was_asked_for: IgnoresTheFilter, "left == right";
    another_organizations_resources_are_unknown: TenantBlind, "expected `unit` to be missing";
    each_step_is_journaled_once_and_a_refused_one_not: JournalsFirst, "no other is";
    of_two_changes_from_one_version_exactly_one_is_made: LosesRaces, "exactly one of them must win";
}

impl Bad {
    async fn newest(&self, org: OrgId, id: UnitId) -> Result<i64, StoreError> {
        let unit = self.inner.find_unit(org, id).await?;
        Ok(unit.map_or(0, |unit| unit.version))
    }
}

#[async_trait]
impl LifeCycle for Bad {
    async fn change(
        &self,
        org: OrgId,
        mut resource: Resource,
        mut journal: Journal,
    ) -> Result<(), StoreError> {
        if self.fault == Fault::JournalsFirst {
            write_journal(&self.inner, org, &journal);
            journal = Journal::default();
        }
        if let (Fault::LosesDetails, Resource::Site(site)) = (self.fault, &mut resource) {
            site.details.city = None;
        }
        if let (Fault::LosesRaces | Fault::LastWriterWins, Resource::Unit(unit)) =
            (self.fault, &mut resource)
        {
            tokio::task::yield_now().await;
            unit.version = self.newest(org, unit.id).await? + 1;
        }
        if self.fault == Fault::TenantBlind {
            for other in everybody(&self.inner) {
                let done = self
                    .inner
                    .change(other, resource.clone(), journal.clone())
                    .await;
                if done.is_ok() {
                    return Ok(());
                }
            }
        }
        match self.inner.change(org, resource, journal).await {
            Err(StoreError::Taken { .. }) if self.fault == Fault::SharesNames => Ok(()),
            other => other,
        }
    }

    async fn archive(
        &self,
        org: OrgId,
        id: ResourceId,
        version: i64,
        stamp: Archived,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let (inner, device) = (&self.inner, matches!(id, ResourceId::Device(_)));
        match self.fault {
            Fault::OnlySaysSo => return Ok(()),
            Fault::KeepsTheNameTaken | Fault::NobodyTakesOver if device => return Ok(()),
            _ => {}
        }
        match inner.archive(org, id, version, stamp, journal).await {
            Err(StoreError::Refused { .. }) if self.fault == Fault::ArchivesAgain => Ok(()),
            other => other,
        }
    }

    async fn restore(
        &self,
        org: OrgId,
        id: ResourceId,
        version: i64,
        now: Timestamp,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let now = match self.fault {
            Fault::KeepsTheOldBeginning => Timestamp::from_micros(0),
            _ => now,
        };
        match self.inner.restore(org, id, version, now, journal).await {
            Err(StoreError::Taken { .. }) if self.fault == Fault::SqueezesIn => Ok(()),
            Err(StoreError::Refused { .. }) if self.fault == Fault::ForgetsParents => Ok(()),
            other => other,
        }
    }

    async fn sites_on(
        &self,
        org: OrgId,
        which: Shelf,
        page: PageRequest<SiteId>,
    ) -> Result<Page<Site, SiteId>, StoreError> {
        self.inner.sites_on(org, which, page).await
    }

    async fn areas_on(
        &self,
        org: OrgId,
        site: Option<SiteId>,
        which: Shelf,
        page: PageRequest<AreaId>,
    ) -> Result<Page<Area, AreaId>, StoreError> {
        self.inner.areas_on(org, site, which, page).await
    }

    async fn units_on(
        &self,
        org: OrgId,
        mut filter: UnitFilter,
        page: PageRequest<UnitId>,
    ) -> Result<Page<Unit, UnitId>, StoreError> {
        if self.fault == Fault::IgnoresTheFilter {
            filter = UnitFilter::default();
        }
        let mut found = self.inner.units_on(org, filter, page.clone()).await?;
        let in_use = filter.shelf == Shelf::InUse;
        if in_use
            && matches!(
                self.fault,
                Fault::LeavesUnitsInUse | Fault::RestoresEverything
            )
        {
            filter.shelf = Shelf::Archive;
            let archived = self.inner.units_on(org, filter, page).await?;
            found.items.extend(archived.items);
        }
        Ok(found)
    }

    async fn devices_on(
        &self,
        org: OrgId,
        unit: Option<UnitId>,
        which: Shelf,
        page: PageRequest<DeviceId>,
    ) -> Result<Page<Device, DeviceId>, StoreError> {
        self.inner.devices_on(org, unit, which, page).await
    }
}
