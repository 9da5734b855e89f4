//! Areas of sites.

use super::life::{self, ArchivedAnswer, change_text, free_text, kept, new_name, settled};
use super::{Tags, etag, journal, list_of, match_version, name_of};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::body::Body;
use crate::http::page;
use crate::http::permissions::Operation;
use crate::http::problem::Problem;
use crate::http::wire::Time;
use freshtrack_core::hierarchy::{Area, AreaDetails};
use freshtrack_core::ids::{AreaId, OrgId, SiteId};
use freshtrack_core::ports::{Resource, ResourceId};
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{ApiResponse, Object, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// Most characters of a description.
const DESCRIPTION: (&str, usize) = ("/description", 1_000);

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
    /// What it is.
    #[oai(skip_serializing_if_is_none)]
    description: Option<String>,
    /// Position in lists.
    sort_order: i32,
    /// When it was made.
    created_at: Time,
    /// When people last changed it.
    updated_at: Time,
    /// Raised by one with each change.
    version: i64,
    /// When it was archived; absent while it is in use.
    #[oai(skip_serializing_if_is_none)]
    archived_at: Option<Time>,
    /// Who archived it.
    #[oai(skip_serializing_if_is_none)]
    archived_by: Option<Uuid>,
}

impl From<Area> for AreaView {
    fn from(a: Area) -> Self {
        Self {
            id: a.id.as_uuid(),
            site_id: a.site_id.as_uuid(),
            name: a.name,
            description: a.details.description,
            sort_order: a.sort_order,
            created_at: Time(a.created_at),
            updated_at: Time(a.updated_at),
            version: a.version,
            archived_at: a.archived.map(|archived| Time(archived.at)),
            archived_by: a.archived.and_then(|a| a.by).map(|by| by.as_uuid()),
        }
    }
}

list_of!(AreaList, AreaView, "Areas.");

/// A new area.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewArea {
    /// Its site.
    site_id: Uuid,
    /// Name, 1–256 characters, unique in the site.
    name: String,
    /// What it is, at most 1,000 characters.
    description: Option<String>,
    /// Position in lists, from 0.
    #[oai(default, validator(minimum(value = "0")))]
    sort_order: i32,
}

/// A change of an area: what is left out stays, null clears.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct AreaPatch {
    /// Name, 1–256 characters, unique in the site.
    name: MaybeUndefined<String>,
    /// What it is, at most 1,000 characters.
    #[oai(nullable)]
    description: MaybeUndefined<String>,
    /// Position in lists, from 0.
    #[oai(validator(minimum(value = "0")))]
    sort_order: MaybeUndefined<i32>,
}

impl AreaPatch {
    fn apply(self, area: &mut Area) -> Result<(), Problem> {
        if let Some(name) = new_name(self.name)? {
            area.name = name;
        }
        let order = kept(self.sort_order, "/sort_order")?;
        area.sort_order = order.unwrap_or(area.sort_order);
        change_text(&mut area.details.description, self.description, DESCRIPTION)
    }
}

/// An area with its version as entity tag.
#[derive(Debug, ApiResponse)]
pub enum AreaAnswer {
    /// The area.
    #[oai(status = 200)]
    Found(Json<AreaView>, #[oai(header = "ETag")] String),
}

impl AreaAnswer {
    fn of(row: Area) -> Self {
        let tag = etag(row.version);
        Self::Found(Json(row.into()), tag)
    }
}

/// An area was made.
#[derive(Debug, ApiResponse)]
pub enum AreaCreated {
    /// The area.
    #[oai(status = 201)]
    Created(
        Json<AreaView>,
        #[oai(header = "Location")] String,
        #[oai(header = "ETag")] String,
    ),
}

/// Areas.
#[derive(Debug)]
pub struct AreasApi;

#[OpenApi(tag = "Tags::Places")]
impl AreasApi {
    /// Areas of the organization
    #[oai(
        path = "/organizations/:org_id/areas",
        method = "get",
        operation_id = "list_areas"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "one argument per documented parameter"
    )]
    async fn list_areas(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        /// Only of this site.
        site_id: Query<Option<Uuid>>,
        /// Those in the archive instead of those in use.
        archived: Query<Option<bool>>,
        /// Rows wanted, 1–200; 50 if left out.
        limit: Query<Option<u16>>,
        /// `next` of the page before.
        after: Query<Option<String>>,
    ) -> Result<Json<AreaList>, Problem> {
        let access = caller
            .authorize(&app, OrgId::from_uuid(org_id.0), Operation::ListAreas)
            .await?;
        let which = life::shelf(archived.0);
        let list = life::list_name("areas", which, "archived-areas");
        let request = page::request(list, limit.0, after.0.as_deref())?;
        let site = site_id.0.map(SiteId::from_uuid);
        let cycle = &app.store.life_cycle;
        let page = cycle.areas_on(access.org, site, which, request).await?;
        Ok(Json(AreaList::from_page(list, page)))
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
        free_text(body.0.description.as_ref(), DESCRIPTION)?;
        let now = app.clock.now();
        let area = Area {
            id: AreaId::from_uuid(app.ids.uuid()),
            site_id: SiteId::from_uuid(body.0.site_id),
            name: name_of(&body.0.name)?,
            sort_order: body.0.sort_order,
            details: AreaDetails {
                description: body.0.description,
            },
            created_at: now,
            updated_at: now,
            version: 1,
            archived: None,
        };
        let record = journal::area(&access, now, "area.created", &area);
        app.store
            .places
            .create_area(org, area.clone(), record)
            .await?;
        let location = format!("/api/v1/organizations/{org}/areas/{}", area.id);
        let tag = etag(area.version);
        Ok(AreaCreated::Created(Json(area.into()), location, tag))
    }

    /// One area, archived or not
    #[oai(
        path = "/organizations/:org_id/areas/:area_id",
        method = "get",
        operation_id = "get_area"
    )]
    async fn get_area(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        area_id: Path<Uuid>,
    ) -> Result<AreaAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller.authorize(&app, org, Operation::GetArea).await?;
        let row = life::area(&app, org, AreaId::from_uuid(area_id.0)).await?;
        Ok(AreaAnswer::of(row))
    }

    /// Changes an area
    #[oai(
        path = "/organizations/:org_id/areas/:area_id",
        method = "patch",
        operation_id = "update_area"
    )]
    async fn update_area(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        area_id: Path<Uuid>,
        /// Entity tag of the version the change is based on; 412 if it is not the newest.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Body<AreaPatch>,
    ) -> Result<AreaAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::UpdateArea).await?;
        let mut row = life::area(&app, org, AreaId::from_uuid(area_id.0)).await?;
        match_version(if_match.0.as_deref(), row.version)?;
        let now = app.clock.now();
        body.0.apply(&mut row)?;
        (row.version, row.updated_at) = (row.version + 1, now);
        let record = journal::area(&access, now, "area.changed", &row);
        let change = Resource::Area(row.clone());
        settled(app.store.life_cycle.change(org, change, record).await)?;
        Ok(AreaAnswer::of(row))
    }

    /// Archives an area with its units; their alerts are closed
    #[oai(
        path = "/organizations/:org_id/areas/:area_id",
        method = "delete",
        operation_id = "archive_area"
    )]
    async fn archive_area(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        area_id: Path<Uuid>,
        /// Entity tag of the version that is to be archived; 412 if it is not the newest.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<ArchivedAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::ArchiveArea).await?;
        let row = life::area(&app, org, AreaId::from_uuid(area_id.0)).await?;
        match_version(if_match.0.as_deref(), row.version)?;
        let now = app.clock.now();
        let stamp = life::stamp(&app, &access, now)?;
        let record = journal::area(&access, now, "area.archived", &row);
        let id = ResourceId::Area(row.id);
        let cycle = &app.store.life_cycle;
        settled(cycle.archive(org, id, row.version, stamp, record).await)?;
        Ok(ArchivedAnswer::Archived)
    }

    /// Brings an area back from the archive, with what was archived together with it
    #[oai(
        path = "/organizations/:org_id/areas/:area_id/restore",
        method = "post",
        operation_id = "restore_area"
    )]
    async fn restore_area(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        area_id: Path<Uuid>,
        /// Entity tag of the version that is to be restored; 412 if it is not the newest.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<AreaAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::RestoreArea).await?;
        let row = life::area(&app, org, AreaId::from_uuid(area_id.0)).await?;
        match_version(if_match.0.as_deref(), row.version)?;
        let now = app.clock.now();
        let record = journal::area(&access, now, "area.restored", &row);
        let id = ResourceId::Area(row.id);
        let cycle = &app.store.life_cycle;
        settled(cycle.restore(org, id, row.version, now, record).await)?;
        let row = life::area(&app, org, row.id).await?;
        Ok(AreaAnswer::of(row))
    }
}
