//! Units: monitored appliances.

use super::life::{self, ArchivedAnswer, change_text, free_text, kept, new_name, settled};
use super::{Tags, etag, found, journal, list_of, match_version, name_of};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::body::Body;
use crate::http::page;
use crate::http::permissions::Operation;
use crate::http::problem::Problem;
use crate::http::wire::{Time, Wire};
use freshtrack_core::hierarchy::{MonitoringMode, Unit, UnitDetails, UnitStatus, UnitType};
use freshtrack_core::ids::{AreaId, OrgId, SiteId, UnitId};
use freshtrack_core::ports::{Resource, ResourceId, UnitFilter};
use freshtrack_core::time::Timestamp;
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{ApiResponse, Object, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// Most characters of the texts of a unit.
const MAKE: (&str, usize) = ("/make", 128);
const MODEL: (&str, usize) = ("/model", 128);
const SERIAL: (&str, usize) = ("/serial", 128);
const NOTES: (&str, usize) = ("/notes", 2_000);

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
    /// Since when it is watched: since it was made or restored, or its mode changed.
    monitoring_started_at: Time,
    /// Displayed status, computed by the engine.
    status: Wire<UnitStatus>,
    /// Who built it.
    #[oai(skip_serializing_if_is_none)]
    make: Option<String>,
    /// Which model it is.
    #[oai(skip_serializing_if_is_none)]
    model: Option<String>,
    /// Serial number.
    #[oai(skip_serializing_if_is_none)]
    serial: Option<String>,
    /// What people noted.
    #[oai(skip_serializing_if_is_none)]
    notes: Option<String>,
    /// Position in lists.
    sort_order: i32,
    /// When it was made.
    created_at: Time,
    /// When people last changed it.
    updated_at: Time,
    /// Raised by one with each change by people; the status does not count.
    version: i64,
    /// When it was archived; absent while it is in use.
    #[oai(skip_serializing_if_is_none)]
    archived_at: Option<Time>,
    /// Who archived it.
    #[oai(skip_serializing_if_is_none)]
    archived_by: Option<Uuid>,
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
            monitoring_started_at: Time(u.monitoring_started_at),
            status: Wire(u.status),
            make: u.details.make,
            model: u.details.model,
            serial: u.details.serial,
            notes: u.details.notes,
            sort_order: u.details.sort_order,
            created_at: Time(u.created_at),
            updated_at: Time(u.updated_at),
            version: u.version,
            archived_at: u.archived.map(|archived| Time(archived.at)),
            archived_by: u.archived.and_then(|a| a.by).map(|by| by.as_uuid()),
        }
    }
}

list_of!(UnitList, UnitView, "Units.");

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
    /// Who built it, at most 128 characters.
    make: Option<String>,
    /// Which model it is, at most 128 characters.
    model: Option<String>,
    /// Serial number, at most 128 characters.
    serial: Option<String>,
    /// Anything else, at most 2,000 characters.
    notes: Option<String>,
    /// Position in lists, from 0.
    #[oai(default, validator(minimum(value = "0")))]
    sort_order: i32,
}

impl NewUnit {
    fn details(&self) -> Result<UnitDetails, Problem> {
        free_text(self.make.as_ref(), MAKE)?;
        free_text(self.model.as_ref(), MODEL)?;
        free_text(self.serial.as_ref(), SERIAL)?;
        free_text(self.notes.as_ref(), NOTES)?;
        Ok(UnitDetails {
            make: self.make.clone(),
            model: self.model.clone(),
            serial: self.serial.clone(),
            notes: self.notes.clone(),
            sort_order: self.sort_order,
        })
    }
}

/// A change of a unit: what is left out stays, null clears. The unit is judged by it at once.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct UnitPatch {
    /// Name, 1–256 characters, unique in the area.
    name: MaybeUndefined<String>,
    /// Kind of appliance; decides the default limits.
    unit_type: MaybeUndefined<Wire<UnitType>>,
    /// How it is watched; a change begins the watch anew.
    monitoring_mode: MaybeUndefined<Wire<MonitoringMode>>,
    /// Who built it, at most 128 characters.
    #[oai(nullable)]
    make: MaybeUndefined<String>,
    /// Which model it is, at most 128 characters.
    #[oai(nullable)]
    model: MaybeUndefined<String>,
    /// Serial number, at most 128 characters.
    #[oai(nullable)]
    serial: MaybeUndefined<String>,
    /// Anything else, at most 2,000 characters.
    #[oai(nullable)]
    notes: MaybeUndefined<String>,
    /// Position in lists, from 0.
    #[oai(validator(minimum(value = "0")))]
    sort_order: MaybeUndefined<i32>,
}

impl UnitPatch {
    fn apply(self, unit: &mut Unit, now: Timestamp) -> Result<(), Problem> {
        if let Some(name) = new_name(self.name)? {
            unit.name = name;
        }
        if let Some(unit_type) = kept(self.unit_type, "/unit_type")? {
            unit.unit_type = unit_type.0;
        }
        let mode = kept(self.monitoring_mode, "/monitoring_mode")?.map(|mode| mode.0);
        if let Some(mode) = mode.filter(|mode| *mode != unit.monitoring_mode) {
            unit.monitoring_mode = mode;
            unit.monitoring_started_at = now;
        }
        let order = kept(self.sort_order, "/sort_order")?;
        let details = &mut unit.details;
        details.sort_order = order.unwrap_or(details.sort_order);
        change_text(&mut details.make, self.make, MAKE)?;
        change_text(&mut details.model, self.model, MODEL)?;
        change_text(&mut details.serial, self.serial, SERIAL)?;
        change_text(&mut details.notes, self.notes, NOTES)
    }
}

/// A unit with its version as entity tag.
#[derive(Debug, ApiResponse)]
pub enum UnitAnswer {
    /// The unit.
    #[oai(status = 200)]
    Found(Json<UnitView>, #[oai(header = "ETag")] String),
}

impl UnitAnswer {
    fn of(row: Unit) -> Self {
        let tag = etag(row.version);
        Self::Found(Json(row.into()), tag)
    }
}

/// A unit was made.
#[derive(Debug, ApiResponse)]
pub enum UnitCreated {
    /// The unit.
    #[oai(status = 201)]
    Created(
        Json<UnitView>,
        #[oai(header = "Location")] String,
        #[oai(header = "ETag")] String,
    ),
}

/// Units.
#[derive(Debug)]
pub struct UnitsApi;

#[OpenApi(tag = "Tags::Places")]
impl UnitsApi {
    /// Units of the organization
    #[oai(
        path = "/organizations/:org_id/units",
        method = "get",
        operation_id = "list_units"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "one argument per documented parameter"
    )]
    async fn list_units(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        /// Only of this site.
        site_id: Query<Option<Uuid>>,
        /// Only of this area.
        area_id: Query<Option<Uuid>>,
        /// Only with this displayed status.
        status: Query<Option<Wire<UnitStatus>>>,
        /// Only of this type.
        unit_type: Query<Option<Wire<UnitType>>>,
        /// Those in the archive instead of those in use.
        archived: Query<Option<bool>>,
        /// Rows wanted, 1–200; 50 if left out.
        limit: Query<Option<u16>>,
        /// `next` of the page before.
        after: Query<Option<String>>,
    ) -> Result<Json<UnitList>, Problem> {
        let access = caller
            .authorize(&app, OrgId::from_uuid(org_id.0), Operation::ListUnits)
            .await?;
        let filter = UnitFilter {
            site: site_id.0.map(SiteId::from_uuid),
            area: area_id.0.map(AreaId::from_uuid),
            unit_type: unit_type.0.map(|unit_type| unit_type.0),
            status: status.0.map(|status| status.0),
            shelf: life::shelf(archived.0),
        };
        let list = life::list_name("units", filter.shelf, "archived-units");
        let request = page::request(list, limit.0, after.0.as_deref())?;
        let cycle = &app.store.life_cycle;
        let page = cycle.units_on(access.org, filter, request).await?;
        Ok(Json(UnitList::from_page(list, page)))
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
            details: body.0.details()?,
            created_at: now,
            updated_at: now,
            version: 1,
            archived: None,
        };
        let record = journal::unit(&access, now, "unit.created", &unit);
        app.store
            .places
            .create_unit(org, unit.clone(), record)
            .await?;
        let location = format!("/api/v1/organizations/{org}/units/{}", unit.id);
        let tag = etag(unit.version);
        Ok(UnitCreated::Created(Json(unit.into()), location, tag))
    }

    /// One unit, archived or not
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
    ) -> Result<UnitAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller.authorize(&app, org, Operation::GetUnit).await?;
        let row = life::unit(&app, org, UnitId::from_uuid(unit_id.0)).await?;
        Ok(UnitAnswer::of(row))
    }

    /// Changes a unit
    #[oai(
        path = "/organizations/:org_id/units/:unit_id",
        method = "patch",
        operation_id = "update_unit"
    )]
    async fn update_unit(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        unit_id: Path<Uuid>,
        /// Entity tag of the version the change is based on; 412 if it is not the newest.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Body<UnitPatch>,
    ) -> Result<UnitAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::UpdateUnit).await?;
        let mut row = life::unit(&app, org, UnitId::from_uuid(unit_id.0)).await?;
        match_version(if_match.0.as_deref(), row.version)?;
        let now = app.clock.now();
        body.0.apply(&mut row, now)?;
        (row.version, row.updated_at) = (row.version + 1, now);
        let record = journal::unit(&access, now, "unit.changed", &row);
        let change = Resource::Unit(row.clone());
        settled(app.store.life_cycle.change(org, change, record).await)?;
        life::evaluate(&app, org, row.id).await;
        let row = life::unit(&app, org, row.id).await?;
        Ok(UnitAnswer::of(row))
    }

    /// Archives a unit; its alerts are closed, its devices can be put elsewhere
    #[oai(
        path = "/organizations/:org_id/units/:unit_id",
        method = "delete",
        operation_id = "archive_unit"
    )]
    async fn archive_unit(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        unit_id: Path<Uuid>,
        /// Entity tag of the version that is to be archived; 412 if it is not the newest.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<ArchivedAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::ArchiveUnit).await?;
        let row = life::unit(&app, org, UnitId::from_uuid(unit_id.0)).await?;
        match_version(if_match.0.as_deref(), row.version)?;
        let now = app.clock.now();
        let stamp = life::stamp(&app, &access, now)?;
        let record = journal::unit(&access, now, "unit.archived", &row);
        let id = ResourceId::Unit(row.id);
        let cycle = &app.store.life_cycle;
        settled(cycle.archive(org, id, row.version, stamp, record).await)?;
        life::evaluate(&app, org, row.id).await;
        Ok(ArchivedAnswer::Archived)
    }

    /// Brings a unit back from the archive, with what was archived together with it
    #[oai(
        path = "/organizations/:org_id/units/:unit_id/restore",
        method = "post",
        operation_id = "restore_unit"
    )]
    async fn restore_unit(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        unit_id: Path<Uuid>,
        /// Entity tag of the version that is to be restored; 412 if it is not the newest.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<UnitAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::RestoreUnit).await?;
        let row = life::unit(&app, org, UnitId::from_uuid(unit_id.0)).await?;
        match_version(if_match.0.as_deref(), row.version)?;
        let now = app.clock.now();
        let record = journal::unit(&access, now, "unit.restored", &row);
        let id = ResourceId::Unit(row.id);
        let cycle = &app.store.life_cycle;
        settled(cycle.restore(org, id, row.version, now, record).await)?;
        life::evaluate(&app, org, row.id).await;
        let row = life::unit(&app, org, row.id).await?;
        Ok(UnitAnswer::of(row))
    }
}
