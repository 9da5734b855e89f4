//! Sites of an organization.

use super::life::{self, ArchivedAnswer, change, change_text, free_text, kept, new_name, settled};
use super::{Tags, etag, found, journal, list_of, match_version, name_of, zone_of};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::body::Body;
use crate::http::page;
use crate::http::permissions::Operation;
use crate::http::problem::Problem;
use crate::http::wire::Time;
use freshtrack_core::hierarchy::{Site, SiteDetails};
use freshtrack_core::ids::{OrgId, SiteId};
use freshtrack_core::ports::{Resource, ResourceId};
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{ApiResponse, Object, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// Most characters of the texts of a site.
const ADDRESS: (&str, usize) = ("/address", 500);
const CITY: (&str, usize) = ("/city", 128);
const STATE: (&str, usize) = ("/state", 64);
const POSTAL_CODE: (&str, usize) = ("/postal_code", 20);
const COUNTRY: (&str, usize) = ("/country", 64);

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
    /// Street and number.
    #[oai(skip_serializing_if_is_none)]
    address: Option<String>,
    /// City.
    #[oai(skip_serializing_if_is_none)]
    city: Option<String>,
    /// State or province.
    #[oai(skip_serializing_if_is_none)]
    state: Option<String>,
    /// Postal code.
    #[oai(skip_serializing_if_is_none)]
    postal_code: Option<String>,
    /// Country.
    #[oai(skip_serializing_if_is_none)]
    country: Option<String>,
    /// Degrees, north positive.
    #[oai(skip_serializing_if_is_none)]
    latitude: Option<f64>,
    /// Degrees, east positive.
    #[oai(skip_serializing_if_is_none)]
    longitude: Option<f64>,
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

impl From<Site> for SiteView {
    fn from(s: Site) -> Self {
        let degrees = |micro: i32| f64::from(micro) / 1_000_000.0;
        Self {
            id: s.id.as_uuid(),
            name: s.name,
            timezone: s.timezone,
            corrective_action_required: s.corrective_action_required,
            address: s.details.address,
            city: s.details.city,
            state: s.details.state,
            postal_code: s.details.postal_code,
            country: s.details.country,
            latitude: s.details.latitude_micro.map(degrees),
            longitude: s.details.longitude_micro.map(degrees),
            created_at: Time(s.created_at),
            updated_at: Time(s.updated_at),
            version: s.version,
            archived_at: s.archived.map(|archived| Time(archived.at)),
            archived_by: s.archived.and_then(|a| a.by).map(|by| by.as_uuid()),
        }
    }
}

list_of!(SiteList, SiteView, "Sites.");

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
    /// Street and number, at most 500 characters.
    address: Option<String>,
    /// City, at most 128 characters.
    city: Option<String>,
    /// State or province, at most 64 characters.
    state: Option<String>,
    /// Postal code, at most 20 characters.
    postal_code: Option<String>,
    /// Country, at most 64 characters.
    country: Option<String>,
    /// Degrees from −90 to 90, north positive; six decimals are kept.
    latitude: Option<f64>,
    /// Degrees from −180 to 180, east positive; six decimals are kept.
    longitude: Option<f64>,
}

impl NewSite {
    fn details(&self) -> Result<SiteDetails, Problem> {
        for (text, bound) in [
            (&self.address, ADDRESS),
            (&self.city, CITY),
            (&self.state, STATE),
            (&self.postal_code, POSTAL_CODE),
            (&self.country, COUNTRY),
        ] {
            free_text(text.as_ref(), bound)?;
        }
        Ok(SiteDetails {
            address: self.address.clone(),
            city: self.city.clone(),
            state: self.state.clone(),
            postal_code: self.postal_code.clone(),
            country: self.country.clone(),
            latitude_micro: self.latitude.map(|d| micro(d, LATITUDE)).transpose()?,
            longitude_micro: self.longitude.map(|d| micro(d, LONGITUDE)).transpose()?,
        })
    }
}

/// Field and greatest value of a coordinate.
const LATITUDE: (&str, f64) = ("/latitude", 90.0);
const LONGITUDE: (&str, f64) = ("/longitude", 180.0);

/// Degrees as millionths, rounded.
#[expect(
    clippy::cast_possible_truncation,
    reason = "at most 180 million after the check"
)]
fn micro(degrees: f64, (pointer, max): (&str, f64)) -> Result<i32, Problem> {
    if degrees.abs() <= max {
        Ok((degrees * 1_000_000.0).round() as i32)
    } else {
        Err(Problem::field(
            pointer,
            format!("must be from −{max} to {max}"),
        ))
    }
}

/// A change of a site: what is left out stays, null clears.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct SitePatch {
    /// Name, 1–256 characters, unique in the organization.
    name: MaybeUndefined<String>,
    /// IANA time zone.
    timezone: MaybeUndefined<String>,
    /// Whether a confirmed temperature alert needs a corrective action to be closed.
    corrective_action_required: MaybeUndefined<bool>,
    /// Street and number, at most 500 characters.
    #[oai(nullable)]
    address: MaybeUndefined<String>,
    /// City, at most 128 characters.
    #[oai(nullable)]
    city: MaybeUndefined<String>,
    /// State or province, at most 64 characters.
    #[oai(nullable)]
    state: MaybeUndefined<String>,
    /// Postal code, at most 20 characters.
    #[oai(nullable)]
    postal_code: MaybeUndefined<String>,
    /// Country, at most 64 characters.
    #[oai(nullable)]
    country: MaybeUndefined<String>,
    /// Degrees from −90 to 90, north positive; six decimals are kept.
    #[oai(nullable)]
    latitude: MaybeUndefined<f64>,
    /// Degrees from −180 to 180, east positive; six decimals are kept.
    #[oai(nullable)]
    longitude: MaybeUndefined<f64>,
}

impl SitePatch {
    fn apply(self, site: &mut Site) -> Result<(), Problem> {
        if let Some(name) = new_name(self.name)? {
            site.name = name;
        }
        if let Some(zone) = kept(self.timezone, "/timezone")? {
            site.timezone = zone_of(&zone)?;
        }
        let required = kept(
            self.corrective_action_required,
            "/corrective_action_required",
        )?;
        site.corrective_action_required = required.unwrap_or(site.corrective_action_required);
        let details = &mut site.details;
        change_text(&mut details.address, self.address, ADDRESS)?;
        change_text(&mut details.city, self.city, CITY)?;
        change_text(&mut details.state, self.state, STATE)?;
        change_text(&mut details.postal_code, self.postal_code, POSTAL_CODE)?;
        change_text(&mut details.country, self.country, COUNTRY)?;
        change(
            &mut details.latitude_micro,
            in_micro(self.latitude, LATITUDE)?,
        );
        change(
            &mut details.longitude_micro,
            in_micro(self.longitude, LONGITUDE)?,
        );
        Ok(())
    }
}

fn in_micro(
    field: MaybeUndefined<f64>,
    bound: (&str, f64),
) -> Result<MaybeUndefined<i32>, Problem> {
    Ok(match field {
        MaybeUndefined::Undefined => MaybeUndefined::Undefined,
        MaybeUndefined::Null => MaybeUndefined::Null,
        MaybeUndefined::Value(degrees) => MaybeUndefined::Value(micro(degrees, bound)?),
    })
}

/// A site with its version as entity tag.
#[derive(Debug, ApiResponse)]
pub enum SiteAnswer {
    /// The site.
    #[oai(status = 200)]
    Found(Json<SiteView>, #[oai(header = "ETag")] String),
}

impl SiteAnswer {
    fn of(row: Site) -> Self {
        let tag = etag(row.version);
        Self::Found(Json(row.into()), tag)
    }
}

/// A site was made.
#[derive(Debug, ApiResponse)]
pub enum SiteCreated {
    /// The site.
    #[oai(status = 201)]
    Created(
        Json<SiteView>,
        #[oai(header = "Location")] String,
        #[oai(header = "ETag")] String,
    ),
}

/// Sites.
#[derive(Debug)]
pub struct SitesApi;

#[OpenApi(tag = "Tags::Places")]
impl SitesApi {
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
        /// Those in the archive instead of those in use.
        archived: Query<Option<bool>>,
        /// Rows wanted, 1–200; 50 if left out.
        limit: Query<Option<u16>>,
        /// `next` of the page before.
        after: Query<Option<String>>,
    ) -> Result<Json<SiteList>, Problem> {
        let access = caller
            .authorize(&app, OrgId::from_uuid(org_id.0), Operation::ListSites)
            .await?;
        let which = life::shelf(archived.0);
        let list = life::list_name("sites", which, "archived-sites");
        let request = page::request(list, limit.0, after.0.as_deref())?;
        let cycle = &app.store.life_cycle;
        let page = cycle.sites_on(access.org, which, request).await?;
        Ok(Json(SiteList::from_page(list, page)))
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
        let new = body.0;
        let now = app.clock.now();
        let site = Site {
            id: SiteId::from_uuid(app.ids.uuid()),
            name: name_of(&new.name)?,
            timezone: new
                .timezone
                .as_deref()
                .map_or(Ok(organization.timezone), zone_of)?,
            corrective_action_required: new.corrective_action_required,
            details: new.details()?,
            created_at: now,
            updated_at: now,
            version: 1,
            archived: None,
        };
        let record = journal::site(&access, now, "site.created", &site);
        app.store
            .places
            .create_site(org, site.clone(), record)
            .await?;
        let location = format!("/api/v1/organizations/{org}/sites/{}", site.id);
        let tag = etag(site.version);
        Ok(SiteCreated::Created(Json(site.into()), location, tag))
    }

    /// One site, archived or not
    #[oai(
        path = "/organizations/:org_id/sites/:site_id",
        method = "get",
        operation_id = "get_site"
    )]
    async fn get_site(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        site_id: Path<Uuid>,
    ) -> Result<SiteAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller.authorize(&app, org, Operation::GetSite).await?;
        let row = life::site(&app, org, SiteId::from_uuid(site_id.0)).await?;
        Ok(SiteAnswer::of(row))
    }

    /// Changes a site
    #[oai(
        path = "/organizations/:org_id/sites/:site_id",
        method = "patch",
        operation_id = "update_site"
    )]
    async fn update_site(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        site_id: Path<Uuid>,
        /// Entity tag of the version the change is based on; 412 if it is not the newest.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Body<SitePatch>,
    ) -> Result<SiteAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::UpdateSite).await?;
        let mut row = life::site(&app, org, SiteId::from_uuid(site_id.0)).await?;
        match_version(if_match.0.as_deref(), row.version)?;
        let now = app.clock.now();
        body.0.apply(&mut row)?;
        (row.version, row.updated_at) = (row.version + 1, now);
        let record = journal::site(&access, now, "site.changed", &row);
        let change = Resource::Site(row.clone());
        settled(app.store.life_cycle.change(org, change, record).await)?;
        Ok(SiteAnswer::of(row))
    }

    /// Archives a site with its areas and units; their alerts are closed
    #[oai(
        path = "/organizations/:org_id/sites/:site_id",
        method = "delete",
        operation_id = "archive_site"
    )]
    async fn archive_site(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        site_id: Path<Uuid>,
        /// Entity tag of the version that is to be archived; 412 if it is not the newest.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<ArchivedAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::ArchiveSite).await?;
        let row = life::site(&app, org, SiteId::from_uuid(site_id.0)).await?;
        match_version(if_match.0.as_deref(), row.version)?;
        let now = app.clock.now();
        let stamp = life::stamp(&app, &access, now)?;
        let record = journal::site(&access, now, "site.archived", &row);
        let id = ResourceId::Site(row.id);
        let cycle = &app.store.life_cycle;
        settled(cycle.archive(org, id, row.version, stamp, record).await)?;
        Ok(ArchivedAnswer::Archived)
    }

    /// Brings a site back from the archive, with what was archived together with it
    #[oai(
        path = "/organizations/:org_id/sites/:site_id/restore",
        method = "post",
        operation_id = "restore_site"
    )]
    async fn restore_site(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        site_id: Path<Uuid>,
        /// Entity tag of the version that is to be restored; 412 if it is not the newest.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<SiteAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::RestoreSite).await?;
        let row = life::site(&app, org, SiteId::from_uuid(site_id.0)).await?;
        match_version(if_match.0.as_deref(), row.version)?;
        let now = app.clock.now();
        let record = journal::site(&access, now, "site.restored", &row);
        let id = ResourceId::Site(row.id);
        let cycle = &app.store.life_cycle;
        settled(cycle.restore(org, id, row.version, now, record).await)?;
        let row = life::site(&app, org, row.id).await?;
        Ok(SiteAnswer::of(row))
    }
}
