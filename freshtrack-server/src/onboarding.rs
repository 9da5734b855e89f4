//! The first rows of an organization, made in one go: owner, site, area, unit, key, webhook.

use crate::credentials;
use crate::local_key::LOCAL_ISSUER;
use crate::networks::{self, NewConnection};
use crate::store::Store;
use freshtrack_core::audit::{AuditCategory, AuditDraft, AuditRefs, AuditSeverity, Journal};
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::{
    Area, AreaDetails, MonitoringMode, Organization, Site, SiteDetails, Unit, UnitDetails,
    UnitStatus, UnitType, slug_of,
};
use freshtrack_core::ids::{AreaId, OrgId, SiteId, UnitId, UserId};
use freshtrack_core::ports::{IdGen, NewOrganization};
use freshtrack_core::principal::{Actor, Scope, User};
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_core::time::Timestamp;
use serde_json::json;

/// What to make.
#[derive(Debug, Clone)]
pub struct Request {
    /// Name of the organization.
    pub organization: String,
    /// E-mail address of the owner, lower-case.
    pub owner_email: String,
    /// Kind of the first unit.
    pub unit_type: UnitType,
    /// Whether simulated readings may raise alerts.
    pub simulator_alerts: bool,
}

/// What was made. The secrets are shown this once.
#[derive(Clone)]
pub struct Onboarded {
    /// The organization.
    pub organization: OrgId,
    /// Its owner.
    pub owner: User,
    /// The first site.
    pub site: SiteId,
    /// The first area.
    pub area: AreaId,
    /// The first unit.
    pub unit: UnitId,
    /// Key with scope `ingest`.
    pub api_key: String,
    /// Where The Things Stack sends to.
    pub webhook_url: String,
    /// What it must present.
    pub webhook_secret: String,
}

impl std::fmt::Debug for Onboarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Onboarded")
            .field("organization", &self.organization)
            .field("unit", &self.unit)
            .finish_non_exhaustive()
    }
}

/// The record of a person who signs in with locally signed tokens.
#[must_use]
pub fn local_user(ids: &dyn IdGen, email: &str, now: Timestamp) -> User {
    let email = email.trim().to_lowercase();
    User {
        id: UserId::from_uuid(ids.uuid()),
        issuer: LOCAL_ISSUER.to_owned(),
        subject: email.clone(),
        email: Some(email),
        created_at: now,
    }
}

/// Makes an organization with all it needs to take readings.
///
/// # Errors
/// [`StoreError::Taken`] if an organization of that name exists; nothing was stored.
pub async fn bootstrap(
    store: &Store,
    public_url: &str,
    ids: &dyn IdGen,
    now: Timestamp,
    request: Request,
) -> Result<Onboarded, StoreError> {
    let org = OrgId::from_uuid(ids.uuid());
    let owner = local_user(ids, &request.owner_email, now);
    let site = Site {
        id: SiteId::from_uuid(ids.uuid()),
        name: "Main site".to_owned(),
        timezone: "UTC".to_owned(),
        corrective_action_required: false,
        details: SiteDetails::default(),
        created_at: now,
        updated_at: now,
        version: 1,
        archived: None,
    };
    let area = Area {
        id: AreaId::from_uuid(ids.uuid()),
        site_id: site.id,
        name: "Kitchen".to_owned(),
        sort_order: 0,
        details: AreaDetails::default(),
        created_at: now,
        updated_at: now,
        version: 1,
        archived: None,
    };
    let unit = Unit {
        id: UnitId::from_uuid(ids.uuid()),
        site_id: site.id,
        area_id: area.id,
        name: format!("First {}", request.unit_type.as_str().replace('_', " ")),
        unit_type: request.unit_type,
        monitoring_mode: MonitoringMode::Sensor,
        monitoring_started_at: now,
        status: UnitStatus::Ok,
        details: UnitDetails::default(),
        created_at: now,
        updated_at: now,
        version: 1,
        archived: None,
    };
    let (key, api_key) =
        credentials::make_key(ids, org, "First ingest key", vec![Scope::Ingest], None, now);
    let first = (site.id, area.id, unit.id);
    let new = NewOrganization {
        organization: Organization {
            id: org,
            slug: slug_of(&request.organization),
            name: request.organization,
            timezone: "UTC".to_owned(),
            display_unit: TemperatureUnit::F,
            simulator_alerts: request.simulator_alerts,
            created_at: now,
            version: 1,
        },
        owner: owner.clone(),
        sites: vec![site],
        areas: vec![area],
        units: vec![unit],
        api_keys: vec![key],
    };
    // The owner is made with the rest or not at all; an existing person keeps id and record.
    store.organizations.create(new, created(now)).await?;
    let owner = store.organizations.ensure_user(owner).await?;
    let connection = networks::create(
        store,
        ids,
        now,
        org,
        Actor::System,
        NewConnection {
            name: "The Things Stack".to_owned(),
            application: None,
        },
    )
    .await?;
    Ok(Onboarded {
        organization: org,
        owner,
        site: first.0,
        area: first.1,
        unit: first.2,
        api_key,
        webhook_url: connection.url(public_url),
        webhook_secret: connection.secret,
    })
}

fn created(now: Timestamp) -> Journal {
    Journal {
        audit: vec![AuditDraft {
            at: now,
            actor: Actor::System,
            category: AuditCategory::Settings,
            kind: "organization.created".to_owned(),
            severity: AuditSeverity::Info,
            title: "organization created".to_owned(),
            refs: AuditRefs::default(),
            data: json!({}),
        }],
        outbox: Vec::new(),
    }
}
