//! What becomes of places and devices after they were made: changed, archived, brought back.

use crate::audit::Journal;
use crate::device::Device;
use crate::error::StoreError;
use crate::hierarchy::{Archived, Area, Site, Unit, UnitStatus, UnitType};
use crate::ids::{AreaId, DeviceId, OrgId, SiteId, UnitId};
use crate::page::{Page, PageRequest};
use crate::time::Timestamp;
use async_trait::async_trait;

/// Names something that is archived rather than deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceId {
    /// A site, with its areas and units.
    Site(SiteId),
    /// An area, with its units.
    Area(AreaId),
    /// A unit. Devices on it stay assigned and can be put elsewhere.
    Unit(UnitId),
    /// A device.
    Device(DeviceId),
}

impl ResourceId {
    /// What a store calls it when it is missing.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Site(_) => "site",
            Self::Area(_) => "area",
            Self::Unit(_) => "unit",
            Self::Device(_) => "device",
        }
    }
}

/// Something as it is after a change by people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// Name, zone, duty to act and details are stored.
    Site(Site),
    /// Name, position and details are stored.
    Area(Area),
    /// Name, type, mode with its beginning, and details are stored.
    Unit(Unit),
    /// Name, model, interval, battery threshold and sentinels are stored.
    Device(Device),
}

/// Which rows a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shelf {
    /// What is in use.
    #[default]
    InUse,
    /// What is archived.
    Archive,
}

/// Which units a list shows; everything left out does not restrict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnitFilter {
    /// Only of this site.
    pub site: Option<SiteId>,
    /// Only of this area.
    pub area: Option<AreaId>,
    /// Only of this type.
    pub unit_type: Option<UnitType>,
    /// Only with this displayed status.
    pub status: Option<UnitStatus>,
    /// In use or archived.
    pub shelf: Shelf,
}

/// Sites, areas, units and devices after they were made. An id of another organization is answered like
/// an unknown one.
///
/// Every change raises the row's version by one and is refused with [`StoreError::Conflict`] if the
/// stored version is not the one it is based on. Whatever changes how a unit is judged makes it due at
/// once, and an evaluation that was loaded before is refused when it commits.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait LifeCycle: Send + Sync {
    /// Stores a changed row; its `version` is the new one: one more than what the change is based on.
    ///
    /// # Errors
    /// [`StoreError::Conflict`]; [`StoreError::Missing`] with its kind if it is unknown;
    /// [`StoreError::Refused`] `archived` for a row in the archive; [`StoreError::Taken`] `name`.
    async fn change(
        &self,
        org: OrgId,
        resource: Resource,
        journal: Journal,
    ) -> Result<(), StoreError>;

    /// Archives something and all in use below it, under one batch. Names and `DevEUI`s become free;
    /// the primary device of a unit hands over.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if `version` is not the stored one; [`StoreError::Missing`];
    /// [`StoreError::Refused`] `archived` if it is archived already.
    async fn archive(
        &self,
        org: OrgId,
        id: ResourceId,
        version: i64,
        stamp: Archived,
        journal: Journal,
    ) -> Result<(), StoreError>;

    /// Brings back exactly what was archived with it. Units are watched anew from `now`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`]; [`StoreError::Missing`]; [`StoreError::Refused`] `in_use` if it is not
    /// archived, `parent_archived` if what it stands in still is; [`StoreError::Taken`] `name` or
    /// `dev_eui` if somebody took its place. Nothing is changed then.
    async fn restore(
        &self,
        org: OrgId,
        id: ResourceId,
        version: i64,
        now: Timestamp,
        journal: Journal,
    ) -> Result<(), StoreError>;

    /// Sites in order of id.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn sites_on(
        &self,
        org: OrgId,
        which: Shelf,
        page: PageRequest<SiteId>,
    ) -> Result<Page<Site, SiteId>, StoreError>;

    /// Areas in order of id, of one site if `site` is given.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn areas_on(
        &self,
        org: OrgId,
        site: Option<SiteId>,
        which: Shelf,
        page: PageRequest<AreaId>,
    ) -> Result<Page<Area, AreaId>, StoreError>;

    /// Units in order of id.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn units_on(
        &self,
        org: OrgId,
        filter: UnitFilter,
        page: PageRequest<UnitId>,
    ) -> Result<Page<Unit, UnitId>, StoreError>;

    /// Devices in order of id, of one unit if `unit` is given.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn devices_on(
        &self,
        org: OrgId,
        unit: Option<UnitId>,
        which: Shelf,
        page: PageRequest<DeviceId>,
    ) -> Result<Page<Device, DeviceId>, StoreError>;
}
