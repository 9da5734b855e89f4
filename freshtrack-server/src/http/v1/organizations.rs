//! Organizations, and the caller's place in them.

use super::{Scale, Tags, etag, found, journal, match_version, name_of, zone_of};
use crate::app::App;
use crate::http::auth::{Caller, SignedIn};
use crate::http::body::Body;
use crate::http::permissions::Operation;
use crate::http::problem::{Code, Problem};
use crate::http::wire::{Time, Wire};
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::{Organization, slug_of};
use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::NewOrganization;
use freshtrack_core::principal::{Actor, Membership, Role};
use freshtrack_core::temperature::TemperatureUnit;
use poem::web::Data;
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// Longest slug.
const SLUG_CHARS_MAX: usize = 64;
/// Other slugs that are offered when one is taken.
const SUGGESTIONS: u8 = 3;

/// An organization.
#[derive(Debug, Object)]
#[oai(rename = "Organization")]
pub struct OrganizationView {
    /// Id.
    id: Uuid,
    /// Display name.
    name: String,
    /// Unique handle.
    slug: String,
    /// IANA time zone.
    timezone: String,
    /// Scale of temperatures in answers.
    display_unit: Scale,
    /// When it was made.
    created_at: Time,
    /// Raised by one with each change.
    version: i64,
}

impl From<Organization> for OrganizationView {
    fn from(o: Organization) -> Self {
        Self {
            id: o.id.as_uuid(),
            name: o.name,
            slug: o.slug,
            timezone: o.timezone,
            display_unit: o.display_unit.into(),
            created_at: Time(o.created_at),
            version: o.version,
        }
    }
}

/// An organization and the caller's role in it.
#[derive(Debug, Object)]
pub struct OwnMembership {
    /// The organization.
    organization: OrganizationView,
    /// The caller's role.
    role: Wire<Role>,
    /// Since when.
    member_since: Time,
}

impl From<(Organization, Membership)> for OwnMembership {
    fn from((organization, membership): (Organization, Membership)) -> Self {
        Self {
            organization: organization.into(),
            role: Wire(membership.role),
            member_since: Time(membership.created_at),
        }
    }
}

/// The caller's organizations.
#[derive(Debug, Object)]
pub struct OwnOrganizations {
    /// Oldest membership first; at most 200.
    items: Vec<OwnMembership>,
}

/// The person who is calling.
#[derive(Debug, Object)]
pub struct Me {
    /// Id.
    id: Uuid,
    /// E-mail address, as the identity provider says.
    #[oai(skip_serializing_if_is_none)]
    email: Option<String>,
    /// When the record was made.
    created_at: Time,
    /// Where the person belongs, oldest membership first; at most 200.
    memberships: Vec<OwnMembership>,
}

/// A new organization; the caller becomes its owner.
#[derive(Debug, Object)]
#[oai(rename = "NewOrganization", deny_unknown_fields)]
pub struct NewOrganizationBody {
    /// Display name, 1–256 characters.
    name: String,
    /// Unique handle of lower-case letters, digits and hyphens, up to 64; made from the name if left out.
    slug: Option<String>,
    /// IANA time zone; UTC if left out.
    timezone: Option<String>,
    /// Scale of temperatures in answers; F if left out.
    display_unit: Option<Scale>,
}

/// A change of an organization; what is left out stays.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct OrganizationPatch {
    /// Display name, 1–256 characters.
    name: Option<String>,
    /// IANA time zone.
    timezone: Option<String>,
    /// Scale of temperatures in answers.
    display_unit: Option<Scale>,
}

/// An organization with its version as entity tag.
#[derive(Debug, ApiResponse)]
pub enum OrganizationAnswer {
    /// The organization.
    #[oai(status = 200)]
    Found(Json<OrganizationView>, #[oai(header = "ETag")] String),
}

/// An organization was made.
#[derive(Debug, ApiResponse)]
pub enum OrganizationCreated {
    /// The organization.
    #[oai(status = 201)]
    Created(
        Json<OrganizationView>,
        #[oai(header = "Location")] String,
        #[oai(header = "ETag")] String,
    ),
}

/// Organizations.
#[derive(Debug)]
pub struct OrganizationsApi;

#[OpenApi(tag = "Tags::Members")]
impl OrganizationsApi {
    /// The caller, and where they belong
    #[oai(path = "/me", method = "get", operation_id = "get_me")]
    async fn get_me(&self, app: Data<&Arc<App>>, caller: SignedIn) -> Result<Json<Me>, Problem> {
        let user = caller.0;
        let memberships = app.store.organizations.organizations_of(user.id).await?;
        Ok(Json(Me {
            id: user.id.as_uuid(),
            email: user.email,
            created_at: Time(user.created_at),
            memberships: memberships.into_iter().map(Into::into).collect(),
        }))
    }

    /// Organizations of the caller
    #[oai(
        path = "/organizations",
        method = "get",
        operation_id = "list_organizations"
    )]
    async fn list_organizations(
        &self,
        app: Data<&Arc<App>>,
        caller: SignedIn,
    ) -> Result<Json<OwnOrganizations>, Problem> {
        let own = app
            .store
            .organizations
            .organizations_of(caller.0.id)
            .await?;
        Ok(Json(OwnOrganizations {
            items: own.into_iter().map(Into::into).collect(),
        }))
    }

    /// Makes an organization; the caller becomes its owner
    #[oai(
        path = "/organizations",
        method = "post",
        operation_id = "create_organization"
    )]
    async fn create_organization(
        &self,
        app: Data<&Arc<App>>,
        caller: SignedIn,
        body: Body<NewOrganizationBody>,
    ) -> Result<OrganizationCreated, Problem> {
        let NewOrganizationBody {
            name,
            slug,
            timezone,
            display_unit,
        } = body.0;
        let now = app.clock.now();
        let name = name_of(&name)?;
        let slug = match slug {
            Some(slug) => parse_slug(slug)?,
            None => slug_of(&name).chars().take(SLUG_CHARS_MAX).collect(),
        };
        let organization = Organization {
            id: OrgId::from_uuid(app.ids.uuid()),
            name,
            slug,
            timezone: timezone.as_deref().map_or(Ok("UTC".to_owned()), zone_of)?,
            display_unit: display_unit.map_or(TemperatureUnit::F, Into::into),
            simulator_alerts: false,
            created_at: now,
            version: 1,
        };
        let actor = Actor::User(caller.0.id);
        let record = journal::organization(actor, now, "organization.created", &organization);
        let new = NewOrganization {
            organization: organization.clone(),
            owner: caller.0,
            sites: Vec::new(),
            areas: Vec::new(),
            units: Vec::new(),
            api_keys: Vec::new(),
        };
        match app.store.organizations.create(new, record).await {
            Err(StoreError::Taken { what: "slug" }) => {
                return Err(slug_taken(&app, &organization.slug));
            }
            other => other?,
        }
        let location = format!("/api/v1/organizations/{}", organization.id);
        let tag = etag(organization.version);
        Ok(OrganizationCreated::Created(
            Json(organization.into()),
            location,
            tag,
        ))
    }

    /// One organization
    #[oai(
        path = "/organizations/:org_id",
        method = "get",
        operation_id = "get_organization"
    )]
    async fn get_organization(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
    ) -> Result<OrganizationAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller
            .authorize(&app, org, Operation::GetOrganization)
            .await?;
        let organization = found(app.store.organizations.find(org).await?)?;
        let tag = etag(organization.version);
        Ok(OrganizationAnswer::Found(Json(organization.into()), tag))
    }

    /// Changes name, time zone or scale of an organization; the slug stays
    #[oai(
        path = "/organizations/:org_id",
        method = "patch",
        operation_id = "update_organization"
    )]
    async fn update_organization(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        /// Entity tag of the version the change is based on; 412 if it is not the newest.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Body<OrganizationPatch>,
    ) -> Result<OrganizationAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller
            .authorize(&app, org, Operation::UpdateOrganization)
            .await?;
        let mut organization = found(app.store.organizations.find(org).await?)?;
        match_version(if_match.0.as_deref(), organization.version)?;
        if let Some(name) = body.0.name {
            organization.name = name_of(&name)?;
        }
        if let Some(timezone) = body.0.timezone {
            organization.timezone = zone_of(&timezone)?;
        }
        if let Some(unit) = body.0.display_unit {
            organization.display_unit = unit.into();
        }
        organization.version += 1;
        let now = app.clock.now();
        let kind = "organization.changed";
        let record = journal::organization(access.actor, now, kind, &organization);
        match app
            .store
            .organizations
            .update(organization.clone(), record)
            .await
        {
            Err(StoreError::Conflict) => return Err(Problem::new(Code::VersionMismatch)),
            other => other?,
        }
        let tag = etag(organization.version);
        Ok(OrganizationAnswer::Found(Json(organization.into()), tag))
    }
}

fn parse_slug(slug: String) -> Result<String, Problem> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if slug.is_empty() || slug.len() > SLUG_CHARS_MAX || !slug.chars().all(allowed) {
        return Err(Problem::field(
            "/slug",
            format!("must be 1 to {SLUG_CHARS_MAX} of a–z, 0–9 and -"),
        ));
    }
    Ok(slug)
}

/// 409 with other slugs: the wanted one with a random ending, so that they are free and tell nobody
/// which others exist.
fn slug_taken(app: &App, slug: &str) -> Problem {
    let stem: String = slug.chars().take(SLUG_CHARS_MAX - 7).collect();
    let stem = stem.trim_end_matches('-');
    (0..SUGGESTIONS).fold(Problem::new(Code::SlugTaken), |problem, _| {
        let mut bytes = [0_u8; 3];
        app.ids.fill_random(&mut bytes);
        let [a, b, c] = bytes;
        let suggestion = format!("{stem}-{a:02x}{b:02x}{c:02x}");
        problem.and_error("/slug", "suggestion", suggestion)
    })
}
