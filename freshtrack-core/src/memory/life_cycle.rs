//! [`LifeCycle`] in memory.

use super::MemoryStore;
use super::places::refuse_taken;
use super::tenant::{TenantRows, page_of};
use crate::audit::Journal;
use crate::device::Device;
use crate::error::StoreError;
use crate::hierarchy::{Archived, Area, Site, Unit};
use crate::ids::{AreaId, DeviceId, OrgId, SiteId, UnitId};
use crate::page::{Page, PageRequest};
use crate::ports::{LifeCycle, Resource, ResourceId, Shelf, UnitFilter};
use crate::time::Timestamp;
use async_trait::async_trait;
use uuid::Uuid;

#[async_trait]
impl LifeCycle for MemoryStore {
    async fn change(
        &self,
        org: OrgId,
        resource: Resource,
        journal: Journal,
    ) -> Result<(), StoreError> {
        self.with(|state| {
            let rows = state.existing(org)?;
            match resource {
                Resource::Site(site) => rows.change_site(site)?,
                Resource::Area(area) => rows.change_area(area)?,
                Resource::Unit(unit) => rows.change_unit(unit)?,
                Resource::Device(device) => rows.change_device(device)?,
            }
            rows.append_journal(journal);
            Ok(())
        })
    }

    async fn archive(
        &self,
        org: OrgId,
        id: ResourceId,
        version: i64,
        stamp: Archived,
        journal: Journal,
    ) -> Result<(), StoreError> {
        self.with(|state| {
            let rows = state.existing(org)?;
            let (stored, archived) = rows.standing(id)?;
            if archived.is_some() {
                return Err(StoreError::Refused { rule: "archived" });
            }
            if stored != version {
                return Err(StoreError::Conflict);
            }
            rows.archive(id, stamp);
            rows.append_journal(journal);
            Ok(())
        })
    }

    async fn restore(
        &self,
        org: OrgId,
        id: ResourceId,
        version: i64,
        now: Timestamp,
        journal: Journal,
    ) -> Result<(), StoreError> {
        self.with(|state| {
            let rows = state.existing(org)?;
            let (stored, archived) = rows.standing(id)?;
            let stamp = archived.ok_or(StoreError::Refused { rule: "in_use" })?;
            if stored != version {
                return Err(StoreError::Conflict);
            }
            rows.check_return(id, stamp.batch)?;
            rows.restore(stamp.batch, now);
            rows.append_journal(journal);
            Ok(())
        })
    }

    async fn sites_on(
        &self,
        org: OrgId,
        which: Shelf,
        page: PageRequest<SiteId>,
    ) -> Result<Page<Site, SiteId>, StoreError> {
        Ok(self.with(|state| {
            let rows = state.tenant(org).into_iter();
            let sites = rows
                .flat_map(|rows| rows.sites.values())
                .filter(|site| which.holds(site.archived));
            page_of(sites, &page, |site| site.id)
        }))
    }

    async fn areas_on(
        &self,
        org: OrgId,
        site: Option<SiteId>,
        which: Shelf,
        page: PageRequest<AreaId>,
    ) -> Result<Page<Area, AreaId>, StoreError> {
        Ok(self.with(|state| {
            let rows = state.tenant(org).into_iter();
            let areas = rows
                .flat_map(|rows| rows.areas.values())
                .filter(|area| which.holds(area.archived))
                .filter(|area| site.is_none_or(|site| area.site_id == site));
            page_of(areas, &page, |area| area.id)
        }))
    }

    async fn units_on(
        &self,
        org: OrgId,
        filter: UnitFilter,
        page: PageRequest<UnitId>,
    ) -> Result<Page<Unit, UnitId>, StoreError> {
        Ok(self.with(|state| {
            let rows = state.tenant(org).into_iter();
            let units = rows
                .flat_map(|rows| rows.units.values())
                .filter(|unit| filter.takes(unit));
            page_of(units, &page, |unit| unit.id)
        }))
    }

    async fn devices_on(
        &self,
        org: OrgId,
        unit: Option<UnitId>,
        which: Shelf,
        page: PageRequest<DeviceId>,
    ) -> Result<Page<Device, DeviceId>, StoreError> {
        Ok(self.with(|state| {
            let rows = state.tenant(org).into_iter();
            let devices = rows
                .flat_map(|rows| rows.devices.values())
                .filter(|device| which.holds(device.archived))
                .filter(|device| unit.is_none() || device.unit_id == unit);
            page_of(devices, &page, |device| device.id)
        }))
    }
}

impl Shelf {
    fn holds(self, archived: Option<Archived>) -> bool {
        archived.is_some() == (self == Self::Archive)
    }
}

impl UnitFilter {
    fn takes(&self, unit: &Unit) -> bool {
        self.shelf.holds(unit.archived)
            && self.site.is_none_or(|site| unit.site_id == site)
            && self.area.is_none_or(|area| unit.area_id == area)
            && self.unit_type.is_none_or(|own| unit.unit_type == own)
            && self.status.is_none_or(|status| unit.status == status)
    }
}

/// Whether a change may follow on a stored row.
fn follows((stored, archived): (i64, Option<Archived>), version: i64) -> Result<(), StoreError> {
    if archived.is_some() {
        return Err(StoreError::Refused { rule: "archived" });
    }
    if stored + 1 == version {
        Ok(())
    } else {
        Err(StoreError::Conflict)
    }
}

impl TenantRows {
    /// Version of a row and whether it is archived.
    fn standing(&self, id: ResourceId) -> Result<(i64, Option<Archived>), StoreError> {
        let found = match id {
            ResourceId::Site(id) => self.sites.get(&id).map(|row| (row.version, row.archived)),
            ResourceId::Area(id) => self.areas.get(&id).map(|row| (row.version, row.archived)),
            ResourceId::Unit(id) => self.units.get(&id).map(|row| (row.version, row.archived)),
            ResourceId::Device(id) => self.devices.get(&id).map(|row| (row.version, row.archived)),
        };
        found.ok_or(StoreError::Missing { what: id.kind() })
    }

    fn change_site(&mut self, site: Site) -> Result<(), StoreError> {
        follows(self.standing(ResourceId::Site(site.id))?, site.version)?;
        let others = self.sites.values().filter(|row| row.id != site.id);
        let others = others.filter(|row| row.archived.is_none());
        refuse_taken(&site.name, others.map(|row| &row.name))?;
        self.sites.insert(site.id, site);
        Ok(())
    }

    fn change_area(&mut self, area: Area) -> Result<(), StoreError> {
        follows(self.standing(ResourceId::Area(area.id))?, area.version)?;
        let others = self.areas.values().filter(|row| row.id != area.id);
        let others = others.filter(|row| row.archived.is_none() && row.site_id == area.site_id);
        refuse_taken(&area.name, others.map(|row| &row.name))?;
        self.areas.insert(area.id, area);
        Ok(())
    }

    fn change_unit(&mut self, mut unit: Unit) -> Result<(), StoreError> {
        follows(self.standing(ResourceId::Unit(unit.id))?, unit.version)?;
        let others = self.units.values().filter(|row| row.id != unit.id);
        let others = others.filter(|row| row.archived.is_none() && row.area_id == unit.area_id);
        refuse_taken(&unit.name, others.map(|row| &row.name))?;
        let id = unit.id;
        unit.status = self.units[&id].status; // the engine's alone
        self.units.insert(id, unit);
        self.make_due(id);
        Ok(())
    }

    fn change_device(&mut self, mut device: Device) -> Result<(), StoreError> {
        let id = device.id;
        follows(self.standing(ResourceId::Device(id))?, device.version)?;
        let stored = &self.devices[&id];
        device.last_seen_at = stored.last_seen_at;
        let unit = stored.unit_id;
        self.devices.insert(id, device);
        self.touch(unit);
        Ok(())
    }

    fn archive(&mut self, top: ResourceId, stamp: Archived) {
        let below = |site: SiteId, area: Option<AreaId>, unit: Option<UnitId>| match top {
            ResourceId::Site(id) => site == id,
            ResourceId::Area(id) => area == Some(id),
            ResourceId::Unit(id) => unit == Some(id),
            ResourceId::Device(_) => false,
        };
        for row in self.sites.values_mut() {
            if row.archived.is_none() && below(row.id, None, None) {
                put_away(
                    &mut row.archived,
                    &mut row.version,
                    &mut row.updated_at,
                    stamp,
                );
            }
        }
        for row in self.areas.values_mut() {
            if row.archived.is_none() && below(row.site_id, Some(row.id), None) {
                put_away(
                    &mut row.archived,
                    &mut row.version,
                    &mut row.updated_at,
                    stamp,
                );
            }
        }
        let mut due = Vec::new();
        for row in self.units.values_mut() {
            if row.archived.is_none() && below(row.site_id, Some(row.area_id), Some(row.id)) {
                put_away(
                    &mut row.archived,
                    &mut row.version,
                    &mut row.updated_at,
                    stamp,
                );
                due.push(row.id);
            }
        }
        if let ResourceId::Device(id) = top
            && let Some(row) = self.devices.get_mut(&id)
        {
            put_away(
                &mut row.archived,
                &mut row.version,
                &mut row.updated_at,
                stamp,
            );
            row.is_primary = false;
            let unit = row.unit_id;
            self.appoint_if_none(unit);
            due.extend(unit);
        }
        for unit in due {
            self.make_due(unit);
        }
    }

    /// Whether a batch may come back through this member of it.
    fn check_return(&self, id: ResourceId, batch: Uuid) -> Result<(), StoreError> {
        let parent = match id {
            ResourceId::Site(_) | ResourceId::Device(_) => None,
            ResourceId::Area(id) => self.sites.get(&self.areas[&id].site_id).map(|s| s.archived),
            ResourceId::Unit(id) => self.areas.get(&self.units[&id].area_id).map(|a| a.archived),
        };
        if parent.flatten().is_some() {
            let rule = "parent_archived";
            return Err(StoreError::Refused { rule });
        }
        let returns = |archived: Option<Archived>| archived.is_some_and(|own| own.batch == batch);
        for row in self.sites.values().filter(|row| returns(row.archived)) {
            let others = self.sites.values().filter(|other| other.archived.is_none());
            refuse_taken(&row.name, others.map(|other| &other.name))?;
        }
        for row in self.areas.values().filter(|row| returns(row.archived)) {
            let others = self.areas.values().filter(|other| other.archived.is_none());
            let others = others.filter(|other| other.site_id == row.site_id);
            refuse_taken(&row.name, others.map(|other| &other.name))?;
        }
        for row in self.units.values().filter(|row| returns(row.archived)) {
            let others = self.units.values().filter(|other| other.archived.is_none());
            let others = others.filter(|other| other.area_id == row.area_id);
            refuse_taken(&row.name, others.map(|other| &other.name))?;
        }
        for row in self.devices.values().filter(|row| returns(row.archived)) {
            if let Some(eui) = &row.dev_eui
                && self.device_by_eui(eui).is_some()
            {
                return Err(StoreError::Taken { what: "dev_eui" });
            }
        }
        Ok(())
    }

    fn restore(&mut self, batch: Uuid, now: Timestamp) {
        let returns = |archived: Option<Archived>| archived.is_some_and(|own| own.batch == batch);
        for row in self.sites.values_mut().filter(|row| returns(row.archived)) {
            (row.archived, row.updated_at, row.version) = (None, now, row.version + 1);
        }
        for row in self.areas.values_mut().filter(|row| returns(row.archived)) {
            (row.archived, row.updated_at, row.version) = (None, now, row.version + 1);
        }
        let mut due = Vec::new();
        for row in self.units.values_mut().filter(|row| returns(row.archived)) {
            (row.archived, row.updated_at, row.version) = (None, now, row.version + 1);
            row.monitoring_started_at = now;
            due.push(row.id);
        }
        let mut units = Vec::new();
        for row in self
            .devices
            .values_mut()
            .filter(|row| returns(row.archived))
        {
            (row.archived, row.updated_at, row.version) = (None, now, row.version + 1);
            units.push(row.unit_id);
            due.extend(row.unit_id);
        }
        for unit in units {
            self.appoint_if_none(unit);
        }
        for unit in due {
            self.make_due(unit);
        }
    }
}

fn put_away(
    archived: &mut Option<Archived>,
    version: &mut i64,
    updated_at: &mut Timestamp,
    stamp: Archived,
) {
    *archived = Some(stamp);
    *version += 1;
    *updated_at = stamp.at;
}
