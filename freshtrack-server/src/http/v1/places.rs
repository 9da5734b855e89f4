//! Sites, areas and units of an organization.

use super::{Tags, found, journal, list_of, name_of, zone_of};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::body::Body;
use crate::http::page;
use crate::http::permissions::Operation;
use crate::http::problem::Problem;
use crate::http::wire::{Time, Wire};
use freshtrack_core::hierarchy::{Area, MonitoringMode, Site, Unit, UnitStatus, UnitType};
use freshtrack_core::ids::{AreaId, OrgId, SiteId, UnitId};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// A site.
#[derive(Debug, Object)]
#[oai(rename = "Site")]
pub struct SiteView {
    /// Id.
    id: Uuid,
    /// Name, unique in the organization.
    name: String,
    /// IANA time zone.
    timezone: String,
    /// Whether a confirmed temperature alert needs a corrective action to be closed.
    corrective_action_required: bool,
    /// When it was made.
    created_at: Time,
    /// Raised by one with each change.
    version: i64,
}

impl From<Site> for SiteView {
    fn from(s: Site) -> Self {
        Self {
            id: s.id.as_uuid(),
            name: s.name,
            timezone: s.timezone,
            corrective_action_required: s.corrective_action_required,
            created_at: Time(s.created_at),
            version: s.version,
        }
    }
}

/// An area of a site.
#[derive(Debug, Object)]
#[oai(rename = "Area")]
pub struct AreaView {
    /// Id.
    id: Uuid,
    /// Its site.
    site_id: Uuid,
    /// Name, unique in the site.
    name: String,
    /// Position in lists.
    sort_order: i32,
    /// When it was made.
    created_at: Time,
    /// Raised by one with each change.
    version: i64,
}

impl From<Area> for AreaView {
    fn from(a: Area) -> Self {
        Self {
            id: a.id.as_uuid(),
            site_id: a.site_id.as_uuid(),
            name: a.name,
            sort_order: a.sort_order,
            created_at: Time(a.created_at),
            version: a.version,
        }
    }
}

/// A monitored appliance.
#[derive(Debug, Object)]
#[oai(rename = "Unit")]
pub struct UnitView {
    /// Id.
    id: Uuid,
    /// Its site.
    site_id: Uuid,
    /// Its area.
    area_id: Uuid,
    /// Name, unique in the area.
    name: String,
    /// Kind of appliance.
    unit_type: Wire<UnitType>,
    /// How it is watched.
    monitoring_mode: Wire<MonitoringMode>,
    /// Displayed status, computed by the engine.
    status: Wire<UnitStatus>,
    /// When it was made.
    created_at: Time,
    /// Raised by one with each change.
    version: i64,
}

impl From<Unit> for UnitView {
    fn from(u: Unit) -> Self {
        Self {
            id: u.id.as_uuid(),
            site_id: u.site_id.as_uuid(),
            area_id: u.area_id.as_uuid(),
            name: u.name,
            unit_type: Wire(u.unit_type),
            monitoring_mode: Wire(u.monitoring_mode),
            status: Wire(u.status),
            created_at: Time(u.created_at),
            version: u.version,
        }
    }
}

list_of!(SiteList, SiteView, "Sites.");
list_of!(AreaList, AreaView, "Areas.");
list_of!(UnitList, UnitView, "Units.");

/// A new site.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewSite {
    /// Name, 1–256 characters, unique in the organization.
    name: String,
    /// IANA time zone; the organization's if left out.
    timezone: Option<String>,
    /// Whether a confirmed temperature alert needs a corrective action to be closed.
    #[oai(default)]
    corrective_action_required: bool,
}

/// A new area.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewArea {
    /// Its site.
    site_id: Uuid,
    /// Name, 1–256 characters, unique in the site.
    name: String,
    /// Position in lists, from 0.
    #[oai(default, validator(minimum(value = "0")))]
    sort_order: i32,
}

/// A new unit. Its status is computed and cannot be given.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewUnit {
    /// Its area.
    area_id: Uuid,
    /// Name, 1–256 characters, unique in the area.
    name: String,
    /// Kind of appliance; decides the default limits.
    unit_type: Wire<UnitType>,
    /// How it is watched; `sensor` if left out.
    monitoring_mode: Option<Wire<MonitoringMode>>,
}

/// A site was made.
#[derive(Debug, ApiResponse)]
pub enum SiteCreated {
    /// The site.
    #[oai(status = 201)]
    Created(Json<SiteView>, #[oai(header = "Location")] String),
}

/// An area was made.
#[derive(Debug, ApiResponse)]
pub enum AreaCreated {
    /// The area.
    #[oai(status = 201)]
    Created(Json<AreaView>, #[oai(header = "Location")] String),
}

/// A unit was made.
#[derive(Debug, ApiResponse)]
pub enum UnitCreated {
    /// The unit.
    #[oai(status = 201)]
    Created(Json<UnitView>, #[oai(header = "Location")] String),
}

/// Places.
#[derive(Debug)]
pub struct PlacesApi;

#[OpenApi(tag = "Tags::Places")]
impl PlacesApi {
    /// Sites of the organization
    #[oai(
        path = "/organizations/:org_id/sites",
        method = "get",
        operation_id = "list_sites"
    )]
    async fn list_sites(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        /// Rows wanted, 1–200; 50 if left out.
        limit: Query<Option<u16>>,
        /// `next` of the page before.
        after: Query<Option<String>>,
    ) -> Result<Json<SiteList>, Problem> {
        let access = caller
            .authorize(&app, OrgId::from_uuid(org_id.0), Operation::ListSites)
            .await?;
        let request = page::request("sites", limit.0, after.0.as_deref())?;
        let page = app.store.places.list_sites(access.org, request).await?;
        Ok(Json(SiteList::from_page("sites", page)))
    }

    /// Makes a site
    #[oai(
        path = "/organizations/:org_id/sites",
        method = "post",
        operation_id = "create_site"
    )]
    async fn create_site(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        body: Body<NewSite>,
    ) -> Result<SiteCreated, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::CreateSite).await?;
        let organization = found(app.store.organizations.find(org).await?)?;
        let NewSite {
            name,
            timezone,
            corrective_action_required,
        } = body.0;
        let now = app.clock.now();
        let site = Site {
            id: SiteId::from_uuid(app.ids.uuid()),
            name: name_of(&name)?,
            timezone: timezone
                .as_deref()
                .map_or(Ok(organization.timezone), zone_of)?,
            corrective_action_required,
            created_at: now,
            version: 1,
        };
        let record = journal::place(
            &access,
            now,
            "site.created",
            &site.name,
            Some(site.id),
            None,
        );
        app.store
            .places
            .create_site(org, site.clone(), record)
            .await?;
        let location = format!("/api/v1/organizations/{org}/sites/{}", site.id);
        Ok(SiteCreated::Created(Json(site.into()), location))
    }

    /// Areas of the organization
    #[oai(
        path = "/organizations/:org_id/areas",
        method = "get",
        operation_id = "list_areas"
    )]
    async fn list_areas(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        /// Only of this site.
        site_id: Query<Option<Uuid>>,
        /// Rows wanted, 1–200; 50 if left out.
        limit: Query<Option<u16>>,
        /// `next` of the page before.
        after: Query<Option<String>>,
    ) -> Result<Json<AreaList>, Problem> {
        let access = caller
            .authorize(&app, OrgId::from_uuid(org_id.0), Operation::ListAreas)
            .await?;
        let request = page::request("areas", limit.0, after.0.as_deref())?;
        let site = site_id.0.map(SiteId::from_uuid);
        let page = app
            .store
            .places
            .list_areas(access.org, site, request)
            .await?;
        Ok(Json(AreaList::from_page("areas", page)))
    }

    /// Makes an area
    #[oai(
        path = "/organizations/:org_id/areas",
        method = "post",
        operation_id = "create_area"
    )]
    async fn create_area(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        body: Body<NewArea>,
    ) -> Result<AreaCreated, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::CreateArea).await?;
        let now = app.clock.now();
        let area = Area {
            id: AreaId::from_uuid(app.ids.uuid()),
            site_id: SiteId::from_uuid(body.0.site_id),
            name: name_of(&body.0.name)?,
            sort_order: body.0.sort_order,
            created_at: now,
            version: 1,
        };
        let record = journal::place(
            &access,
            now,
            "area.created",
            &area.name,
            Some(area.site_id),
            None,
        );
        app.store
            .places
            .create_area(org, area.clone(), record)
            .await?;
        let location = format!("/api/v1/organizations/{org}/areas/{}", area.id);
        Ok(AreaCreated::Created(Json(area.into()), location))
    }

    /// Units of the organization
    #[oai(
        path = "/organizations/:org_id/units",
        method = "get",
        operation_id = "list_units"
    )]
    async fn list_units(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        /// Only of this site.
        site_id: Query<Option<Uuid>>,
        /// Rows wanted, 1–200; 50 if left out.
        limit: Query<Option<u16>>,
        /// `next` of the page before.
        after: Query<Option<String>>,
    ) -> Result<Json<UnitList>, Problem> {
        let access = caller
            .authorize(&app, OrgId::from_uuid(org_id.0), Operation::ListUnits)
            .await?;
        let request = page::request("units", limit.0, after.0.as_deref())?;
        let site = site_id.0.map(SiteId::from_uuid);
        let page = app
            .store
            .places
            .list_units(access.org, site, request)
            .await?;
        Ok(Json(UnitList::from_page("units", page)))
    }

    /// One unit
    #[oai(
        path = "/organizations/:org_id/units/:unit_id",
        method = "get",
        operation_id = "get_unit"
    )]
    async fn get_unit(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        unit_id: Path<Uuid>,
    ) -> Result<Json<UnitView>, Problem> {
        let access = caller
            .authorize(&app, OrgId::from_uuid(org_id.0), Operation::GetUnit)
            .await?;
        let unit = app
            .store
            .places
            .find_unit(access.org, UnitId::from_uuid(unit_id.0))
            .await?;
        found(unit).map(|u| Json(u.into()))
    }

    /// Makes a unit
    #[oai(
        path = "/organizations/:org_id/units",
        method = "post",
        operation_id = "create_unit"
    )]
    async fn create_unit(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        body: Body<NewUnit>,
    ) -> Result<UnitCreated, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::CreateUnit).await?;
        let area_id = AreaId::from_uuid(body.0.area_id);
        let area = found(app.store.places.find_area(org, area_id).await?)?;
        let now = app.clock.now();
        let unit = Unit {
            id: UnitId::from_uuid(app.ids.uuid()),
            site_id: area.site_id,
            area_id,
            name: name_of(&body.0.name)?,
            unit_type: body.0.unit_type.0,
            monitoring_mode: body
                .0
                .monitoring_mode
                .map_or(MonitoringMode::Sensor, |mode| mode.0),
            monitoring_started_at: now,
            status: UnitStatus::Ok,
            created_at: now,
            version: 1,
        };
        let record = journal::place(
            &access,
            now,
            "unit.created",
            &unit.name,
            Some(unit.site_id),
            Some(unit.id),
        );
        app.store
            .places
            .create_unit(org, unit.clone(), record)
            .await?;
        let location = format!("/api/v1/organizations/{org}/units/{}", unit.id);
        Ok(UnitCreated::Created(Json(unit.into()), location))
    }
}
