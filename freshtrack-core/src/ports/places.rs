//! Sites, areas and units.

use crate::audit::Journal;
use crate::error::StoreError;
use crate::hierarchy::{Area, Site, Unit};
use crate::ids::{AreaId, OrgId, SiteId, UnitId};
use crate::page::{Page, PageRequest};
use async_trait::async_trait;

/// The places of one organization. An id of another organization is answered like an unknown one.
///
/// Lists are in order of id, which is order of creation.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Places: Send + Sync {
    /// Stores a new site.
    ///
    /// # Errors
    /// [`StoreError::Taken`] `name` if a site of the organization has that name, whatever its case;
    /// [`StoreError::Missing`] if the organization is unknown.
    async fn create_site(&self, org: OrgId, site: Site, journal: Journal)
    -> Result<(), StoreError>;

    /// Stores a new area.
    ///
    /// # Errors
    /// As for sites; [`StoreError::Missing`] `site` if its site is not of this organization.
    async fn create_area(&self, org: OrgId, area: Area, journal: Journal)
    -> Result<(), StoreError>;

    /// Stores a new unit with a fresh monitor whose first deadline is at once, so that the sweeper
    /// works out the real one.
    ///
    /// # Errors
    /// As for sites; [`StoreError::Missing`] `area` if its area is not of this organization or not of
    /// the unit's site.
    async fn create_unit(&self, org: OrgId, unit: Unit, journal: Journal)
    -> Result<(), StoreError>;

    /// Sites of the organization.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn list_sites(
        &self,
        org: OrgId,
        page: PageRequest<SiteId>,
    ) -> Result<Page<Site, SiteId>, StoreError>;

    /// Areas of the organization, of one site if `site` is given.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn list_areas(
        &self,
        org: OrgId,
        site: Option<SiteId>,
        page: PageRequest<AreaId>,
    ) -> Result<Page<Area, AreaId>, StoreError>;

    /// Units of the organization, of one site if `site` is given.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn list_units(
        &self,
        org: OrgId,
        site: Option<SiteId>,
        page: PageRequest<UnitId>,
    ) -> Result<Page<Unit, UnitId>, StoreError>;

    /// The site, if it is of this organization.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn find_site(&self, org: OrgId, id: SiteId) -> Result<Option<Site>, StoreError>;

    /// The area, if it is of this organization.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn find_area(&self, org: OrgId, id: AreaId) -> Result<Option<Area>, StoreError>;

    /// The unit, if it is of this organization.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn find_unit(&self, org: OrgId, id: UnitId) -> Result<Option<Unit>, StoreError>;
}
