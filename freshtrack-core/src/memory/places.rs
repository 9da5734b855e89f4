//! [`Places`] in memory.

use super::MemoryStore;
use super::tenant::{TenantRows, page_of};
use crate::audit::Journal;
use crate::error::StoreError;
use crate::hierarchy::{Area, Site, Unit};
use crate::ids::{AreaId, OrgId, SiteId, UnitId};
use crate::page::{Page, PageRequest};
use crate::ports::Places;
use async_trait::async_trait;

#[async_trait]
impl Places for MemoryStore {
    async fn create_site(
        &self,
        org: OrgId,
        site: Site,
        journal: Journal,
    ) -> Result<(), StoreError> {
        self.with(|state| {
            let rows = state.existing(org)?;
            rows.add_site(site)?;
            rows.append_journal(journal);
            Ok(())
        })
    }

    async fn create_area(
        &self,
        org: OrgId,
        area: Area,
        journal: Journal,
    ) -> Result<(), StoreError> {
        self.with(|state| {
            let rows = state.existing(org)?;
            rows.add_area(area)?;
            rows.append_journal(journal);
            Ok(())
        })
    }

    async fn create_unit(
        &self,
        org: OrgId,
        unit: Unit,
        journal: Journal,
    ) -> Result<(), StoreError> {
        self.with(|state| {
            let rows = state.existing(org)?;
            rows.add_unit(unit)?;
            rows.append_journal(journal);
            Ok(())
        })
    }

    async fn list_sites(
        &self,
        org: OrgId,
        page: PageRequest<SiteId>,
    ) -> Result<Page<Site, SiteId>, StoreError> {
        Ok(self.with(|state| {
            let rows = state.tenant(org).into_iter();
            let sites = rows
                .flat_map(|rows| rows.sites.values())
                .filter(|site| site.archived.is_none());
            page_of(sites, &page, |site| site.id)
        }))
    }

    async fn list_areas(
        &self,
        org: OrgId,
        site: Option<SiteId>,
        page: PageRequest<AreaId>,
    ) -> Result<Page<Area, AreaId>, StoreError> {
        Ok(self.with(|state| {
            let rows = state.tenant(org).into_iter();
            let areas = rows
                .flat_map(|rows| rows.areas.values())
                .filter(|area| area.archived.is_none())
                .filter(|area| site.is_none_or(|site| area.site_id == site));
            page_of(areas, &page, |area| area.id)
        }))
    }

    async fn list_units(
        &self,
        org: OrgId,
        site: Option<SiteId>,
        page: PageRequest<UnitId>,
    ) -> Result<Page<Unit, UnitId>, StoreError> {
        Ok(self.with(|state| {
            let rows = state.tenant(org).into_iter();
            let units = rows
                .flat_map(|rows| rows.units.values())
                .filter(|unit| unit.archived.is_none())
                .filter(|unit| site.is_none_or(|site| unit.site_id == site));
            page_of(units, &page, |unit| unit.id)
        }))
    }

    async fn find_site(&self, org: OrgId, id: SiteId) -> Result<Option<Site>, StoreError> {
        Ok(self.with(|state| state.tenant(org)?.site(id).cloned()))
    }

    async fn find_area(&self, org: OrgId, id: AreaId) -> Result<Option<Area>, StoreError> {
        Ok(self.with(|state| state.tenant(org)?.area(id).cloned()))
    }

    async fn find_unit(&self, org: OrgId, id: UnitId) -> Result<Option<Unit>, StoreError> {
        Ok(self.with(|state| state.tenant(org)?.unit(id).cloned()))
    }
}

impl TenantRows {
    pub(super) fn add_site(&mut self, site: Site) -> Result<(), StoreError> {
        let others = self.sites.values().filter(|s| s.archived.is_none());
        refuse_taken(&site.name, others.map(|other| &other.name))?;
        self.sites.insert(site.id, site);
        Ok(())
    }

    pub(super) fn add_area(&mut self, area: Area) -> Result<(), StoreError> {
        let site = self.sites.get(&area.site_id);
        if site.is_none_or(|site| site.archived.is_some()) {
            return Err(StoreError::Missing { what: "site" });
        }
        let siblings = self.areas.values().filter(|a| a.archived.is_none());
        let siblings = siblings.filter(|a| a.site_id == area.site_id);
        refuse_taken(&area.name, siblings.map(|other| &other.name))?;
        self.areas.insert(area.id, area);
        Ok(())
    }

    pub(super) fn add_unit(&mut self, unit: Unit) -> Result<(), StoreError> {
        match self.areas.get(&unit.area_id) {
            Some(area) if area.site_id == unit.site_id && area.archived.is_none() => {}
            _ => return Err(StoreError::Missing { what: "area" }),
        }
        let siblings = self.units.values().filter(|u| u.archived.is_none());
        let siblings = siblings.filter(|u| u.area_id == unit.area_id);
        refuse_taken(&unit.name, siblings.map(|other| &other.name))?;
        self.units.insert(unit.id, unit);
        Ok(())
    }
}

/// Names are unique among siblings whatever their case.
pub(super) fn refuse_taken<'a>(
    name: &str,
    mut siblings: impl Iterator<Item = &'a String>,
) -> Result<(), StoreError> {
    let folded = name.to_lowercase();
    if siblings.any(|other| other.to_lowercase() == folded) {
        return Err(StoreError::Taken { what: "name" });
    }
    Ok(())
}
