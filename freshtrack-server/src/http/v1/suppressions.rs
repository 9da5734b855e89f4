//! Suppressions: windows with an end in which nothing is raised or paged. Never deleted, only ended.

use super::{Tags, found, journal, list_of, unknown_body_id};
use crate::app::App;
use crate::http::auth::{Access, Caller};
use crate::http::body::Body;
use crate::http::page;
use crate::http::permissions::Operation;
use crate::http::problem::{Code, Problem};
use crate::http::wire::{Time, Wire};
use freshtrack_alerts::alert::AlertType;
use freshtrack_alerts::rules::RuleScope;
use freshtrack_alerts::suppression::{NOTE_CHARS_MAX, Suppression, SuppressionKind, WindowError};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{OrgId, SuppressionId};
use freshtrack_core::principal::Role;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// A window in which nothing is raised or paged.
#[derive(Debug, Object)]
#[oai(rename = "Suppression")]
pub struct SuppressionView {
    /// Id.
    id: Uuid,
    /// Kind of place.
    scope: Wire<RuleScope>,
    /// The unit, area, site or organization.
    scope_id: Uuid,
    /// Types it covers; empty covers all.
    alert_types: Vec<Wire<AlertType>>,
    /// Why.
    kind: Wire<SuppressionKind>,
    /// What the person said.
    #[oai(skip_serializing_if_is_none)]
    note: Option<String>,
    /// First instant.
    starts_at: Time,
    /// First instant after it, as planned.
    ends_at: Time,
    /// When somebody ended it before.
    #[oai(skip_serializing_if_is_none)]
    ended_early_at: Option<Time>,
    /// Who asked: `user`, `api_key`, `system` or `super_admin`.
    created_by_type: String,
    /// Their id, if they have one.
    #[oai(skip_serializing_if_is_none)]
    created_by: Option<Uuid>,
    /// When.
    created_at: Time,
    /// Raised by one with each change.
    version: i64,
}

impl From<Suppression> for SuppressionView {
    fn from(s: Suppression) -> Self {
        let (created_by_type, created_by) = super::actor_parts(s.created_by);
        Self {
            id: s.id.as_uuid(),
            scope: Wire(s.scope),
            scope_id: s.scope_id,
            alert_types: s.alert_types.into_iter().map(Wire).collect(),
            kind: Wire(s.kind),
            note: s.note,
            starts_at: Time(s.starts_at),
            ends_at: Time(s.ends_at),
            ended_early_at: s.ended_early_at.map(Time),
            created_by_type: created_by_type.to_owned(),
            created_by,
            created_at: Time(s.created_at),
            version: s.version,
        }
    }
}

list_of!(
    SuppressionList,
    SuppressionView,
    "Suppressions, latest beginning first."
);

/// A window to be quiet in.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewSuppression {
    /// Kind of place.
    scope: Wire<RuleScope>,
    /// The unit, area, site or organization.
    scope_id: Uuid,
    /// Types it covers; all if left out.
    alert_types: Option<Vec<Wire<AlertType>>>,
    /// Why; a snooze is made from its alert.
    kind: Wire<SuppressionKind>,
    /// What to tell the others, at most 1,000 characters.
    note: Option<String>,
    /// First instant; now if left out.
    starts_at: Option<Time>,
    /// First instant after it: required, at most 4 hours for a defrost and 30 days for anything else.
    ends_at: Option<Time>,
}

/// A suppression was made.
#[derive(Debug, ApiResponse)]
pub enum SuppressionCreated {
    /// The suppression.
    #[oai(status = 201)]
    Created(Json<SuppressionView>, #[oai(header = "Location")] String),
}

/// 403 for a place that takes a higher role than the caller's.
fn may_quiet(access: &Access, scope: RuleScope, kind: SuppressionKind) -> Result<(), Problem> {
    let least = match (kind, scope) {
        (SuppressionKind::Snooze, _) => Role::Staff,
        (_, RuleScope::Unit | RuleScope::Area) => Role::Manager,
        (_, RuleScope::Site | RuleScope::Organization) => Role::Admin,
    };
    if access.role < least {
        return Err(Problem::new(Code::RoleTooLow));
    }
    Ok(())
}

fn made_of(app: &App, access: &Access, new: NewSuppression) -> Result<Suppression, Problem> {
    let now = app.clock.now();
    if new.kind.0 == SuppressionKind::Snooze {
        return Err(Problem::field("/kind", "a snooze is made from its alert"));
    }
    let note = new.note.map(|note| note.trim().to_owned());
    let note = note.filter(|note| !note.is_empty());
    if note
        .as_ref()
        .is_some_and(|note| note.chars().count() > NOTE_CHARS_MAX)
    {
        return Err(Problem::field("/note", "is too long"));
    }
    let ends_at = new
        .ends_at
        .ok_or_else(|| Problem::new(Code::WindowWithoutEnd).and_field("/ends_at", "is required"))?;
    let mut alert_types: Vec<AlertType> = new
        .alert_types
        .unwrap_or_default()
        .into_iter()
        .map(|wire| wire.0)
        .collect();
    alert_types.sort_unstable();
    alert_types.dedup();
    let suppression = Suppression {
        id: SuppressionId::from_uuid(app.ids.uuid()),
        scope: new.scope.0,
        scope_id: new.scope_id,
        alert_types,
        kind: new.kind.0,
        note,
        starts_at: new.starts_at.map_or(now, |time| time.0),
        ends_at: ends_at.0,
        ended_early_at: None,
        created_by: access.actor,
        created_at: now,
        version: 1,
    };
    match suppression.check_window(now) {
        Ok(()) => Ok(suppression),
        Err(error @ WindowError::Backwards) => Err(Problem::field("/ends_at", error.to_string())),
        Err(error @ WindowError::TooLong { .. }) => {
            Err(Problem::detailed(Code::WindowTooLong, error.to_string()))
        }
    }
}

/// Suppressions.
#[derive(Debug)]
pub struct SuppressionsApi;

#[OpenApi(tag = "Tags::Alerts")]
impl SuppressionsApi {
    /// Suppressions, latest beginning first
    #[oai(
        path = "/organizations/:org_id/suppressions",
        method = "get",
        operation_id = "list_suppressions"
    )]
    async fn list_suppressions(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        /// Only those in whose window this instant lies.
        at: Query<Option<Time>>,
        /// Rows wanted, 1–200; 50 if left out.
        limit: Query<Option<u16>>,
        /// `next` of the page before.
        after: Query<Option<String>>,
    ) -> Result<Json<SuppressionList>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller
            .authorize(&app, org, Operation::ListSuppressions)
            .await?;
        let request = page::request("suppressions", limit.0, after.0.as_deref())?;
        let at = at.0.map(|time| time.0);
        let page = app.store.suppressions.list(org, at, request).await?;
        Ok(Json(SuppressionList::from_page("suppressions", page)))
    }

    /// One suppression
    #[oai(
        path = "/organizations/:org_id/suppressions/:suppression_id",
        method = "get",
        operation_id = "get_suppression"
    )]
    async fn get_suppression(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        suppression_id: Path<Uuid>,
    ) -> Result<Json<SuppressionView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller
            .authorize(&app, org, Operation::GetSuppression)
            .await?;
        let id = SuppressionId::from_uuid(suppression_id.0);
        let suppression = app.store.suppressions.find(org, id).await?;
        found(suppression).map(|s| Json(s.into()))
    }

    /// Asks for quiet at a place; units keep being watched, and what still holds at the end is raised then
    ///
    /// At a unit or area this takes a manager, at a site or the organization an admin.
    #[oai(
        path = "/organizations/:org_id/suppressions",
        method = "post",
        operation_id = "create_suppression"
    )]
    async fn create_suppression(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        body: Body<NewSuppression>,
    ) -> Result<SuppressionCreated, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller
            .authorize(&app, org, Operation::CreateSuppression)
            .await?;
        may_quiet(&access, body.0.scope.0, body.0.kind.0)?;
        let suppression = made_of(&app, &access, body.0)?;
        let record = journal::suppression(&access, suppression.created_at, "started", &suppression);
        let made = app
            .store
            .suppressions
            .create(org, suppression.clone(), record);
        made.await.map_err(|error| match error {
            StoreError::Missing { what: "scope_id" } => unknown_body_id("scope_id"),
            other => other.into(),
        })?;
        let location = format!(
            "/api/v1/organizations/{org}/suppressions/{}",
            suppression.id
        );
        Ok(SuppressionCreated::Created(
            Json(suppression.into()),
            location,
        ))
    }

    /// Ends a suppression now; what still holds is raised at once. One that is over stays as it is
    #[oai(
        path = "/organizations/:org_id/suppressions/:suppression_id/end",
        method = "post",
        operation_id = "end_suppression"
    )]
    async fn end_suppression(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        suppression_id: Path<Uuid>,
    ) -> Result<Json<SuppressionView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller
            .authorize(&app, org, Operation::EndSuppression)
            .await?;
        let id = SuppressionId::from_uuid(suppression_id.0);
        let known = found(app.store.suppressions.find(org, id).await?)?;
        may_quiet(&access, known.scope, known.kind)?;
        let now = app.clock.now();
        let record = journal::suppression(&access, now, "ended", &known);
        let ended = app.store.suppressions.end(org, id, now, record).await?;
        Ok(Json(ended.into()))
    }
}
