//! Rules: what is set at a place, who changed it, and what holds at a unit.

use super::rule_presets::PresetChoice;
use super::rule_wire::{ProvenanceView, RuleFieldsView, sources_by_field};
use super::{Tags, etag, journal, match_version};
use crate::app::App;
use crate::http::auth::{Access, Caller};
use crate::http::body::Body;
use crate::http::page;
use crate::http::permissions::Operation;
use crate::http::problem::{Code, Problem};
use crate::http::wire::{Time, Wire};
use freshtrack_alerts::cascade::resolve;
use freshtrack_alerts::ports::{RuleLine, RulePlace};
use freshtrack_alerts::rule_check::RuleError;
use freshtrack_alerts::rule_edit::{Author, Edit, EditError, RULE_FIELDS, decide, set_at};
use freshtrack_alerts::rules::{RuleFields, RuleScope, RuleSet};
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::UnitType;
use freshtrack_core::ids::OrgId;
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Any;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// Decisions that lost a race are made again this often.
const ATTEMPTS: u8 = 5;

/// The rules set at one place.
#[derive(Debug, Object)]
#[oai(rename = "RuleSet")]
pub struct RuleSetView {
    /// Kind of place.
    scope: Wire<RuleScope>,
    /// The unit, area, site or organization.
    scope_id: Uuid,
    /// Only for units of this type, if given.
    #[oai(skip_serializing_if_is_none)]
    unit_type: Option<Wire<UnitType>>,
    /// The fields set here.
    fields: RuleFieldsView,
    /// Raised by one with each change; 0 where nothing was ever set.
    version: i64,
}

impl RuleSetView {
    fn of(place: RulePlace, set: Option<&RuleSet>) -> Self {
        let nothing = RuleFields::default();
        Self {
            scope: Wire(place.scope),
            scope_id: place.scope_id,
            unit_type: place.unit_type.map(Wire),
            fields: set.map_or(&nothing, |set| &set.fields).into(),
            version: set.map_or(0, |set| set.version),
        }
    }

    fn answer(self) -> RulesAnswer {
        let tag = etag(self.version);
        RulesAnswer::Found(Json(self), tag)
    }
}

/// Fields to set.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct RuleSetChange {
    /// Fields to set; the others stay as they are.
    #[oai(default)]
    fields: RuleFieldsView,
    /// A preset whose limits are copied; its id and hash are kept in the history.
    preset: Option<PresetChoice>,
    /// Why; kept in the history.
    #[oai(validator(max_length = 1000))]
    note: Option<String>,
}

/// The rules of a place with their version as entity tag.
#[derive(Debug, ApiResponse)]
pub enum RulesAnswer {
    /// The rules.
    #[oai(status = 200)]
    Found(Json<RuleSetView>, #[oai(header = "ETag")] String),
}

/// The field is inherited again.
#[derive(Debug, ApiResponse)]
pub enum RuleCleared {
    /// Done.
    #[oai(status = 204)]
    Cleared,
}

/// One changed field.
#[derive(Debug, Object)]
#[oai(rename = "RuleChange")]
pub struct RuleLineView {
    /// When.
    at: Time,
    /// Who: `user`, `api_key`, `system` or `super_admin`.
    actor_type: String,
    /// Their id, if they have one.
    #[oai(skip_serializing_if_is_none)]
    actor_id: Option<Uuid>,
    /// Unit type the rule is limited to.
    #[oai(skip_serializing_if_is_none)]
    unit_type: Option<Wire<UnitType>>,
    /// Name of the field.
    field: String,
    /// Stored value before (limits in milli-degrees as authored); absent if it was inherited.
    #[oai(skip_serializing_if_is_none)]
    old: Option<Any<Value>>,
    /// Stored value from then on; absent if it is inherited.
    #[oai(skip_serializing_if_is_none)]
    new: Option<Any<Value>>,
    /// What the person said.
    #[oai(skip_serializing_if_is_none)]
    note: Option<String>,
}

impl From<RuleLine> for RuleLineView {
    fn from(line: RuleLine) -> Self {
        let (actor_type, actor_id) = super::actor_parts(line.actor);
        Self {
            at: Time(line.at),
            actor_type: actor_type.to_owned(),
            actor_id,
            unit_type: line.place.unit_type.map(Wire),
            field: line.field,
            old: line.old.map(Any),
            new: line.new.map(Any),
            note: line.note,
        }
    }
}

super::list_of!(RuleHistory, RuleLineView, "Changes of rules, newest first.");

/// What holds at a unit, and why.
#[derive(Debug, Object)]
#[oai(rename = "EffectiveRules")]
pub struct EffectiveRulesView {
    /// The unit.
    unit_id: Uuid,
    /// Changes whenever a rule that reaches the unit changes.
    version: i64,
    /// Every field.
    rules: RuleFieldsView,
    /// Where each field came from, by its name.
    sources: BTreeMap<String, ProvenanceView>,
}

/// Rules.
#[derive(Debug)]
pub struct RulesApi;

#[OpenApi(tag = "Tags::Rules")]
impl RulesApi {
    /// Rules set at a place
    #[oai(
        path = "/organizations/:org_id/rules/:scope/:scope_id",
        method = "get",
        operation_id = "get_rules"
    )]
    async fn get_rules(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        scope: Path<Wire<RuleScope>>,
        scope_id: Path<Uuid>,
        /// Only for units of this type; for all types if left out.
        unit_type: Query<Option<Wire<UnitType>>>,
    ) -> Result<RulesAnswer, Problem> {
        let access = caller
            .authorize(&app, OrgId::from_uuid(org_id.0), Operation::GetRules)
            .await?;
        let place = place(scope.0.0, scope_id.0, unit_type.0)?;
        must_exist(&app, access.org, place).await?;
        let sets = app.store.rules.rule_sets(access.org).await?;
        Ok(RuleSetView::of(place, set_at(&sets, place)).answer())
    }

    /// Sets rules at a place; every unit they reach is evaluated by them at once
    #[oai(
        path = "/organizations/:org_id/rules/:scope/:scope_id",
        method = "put",
        operation_id = "set_rules"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
    async fn set_rules(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        scope: Path<Wire<RuleScope>>,
        scope_id: Path<Uuid>,
        /// Only for units of this type; limits above a unit need it.
        unit_type: Query<Option<Wire<UnitType>>>,
        /// Entity tag of the version the change is based on; 412 if it is not the newest.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Body<RuleSetChange>,
    ) -> Result<RulesAnswer, Problem> {
        let access = caller
            .authorize(&app, OrgId::from_uuid(org_id.0), Operation::SetRules)
            .await?;
        let place = place(scope.0.0, scope_id.0, unit_type.0)?;
        let RuleSetChange {
            fields,
            preset,
            note,
        } = body.0;
        let mut fields = fields.into_fields()?;
        let adopted = preset.map(|preset| preset.adopt(&mut fields, app.clock.now()));
        let note = match (adopted.transpose()?, note) {
            (Some(adopted), Some(note)) => Some(format!("{adopted}; {note}")),
            (adopted, note) => adopted.or(note),
        };
        let (edit, if_match) = (Edit::Set(fields), if_match.0.as_deref());
        let view = change(&app, &access, place, &edit, if_match, note.as_deref()).await?;
        Ok(view.answer())
    }

    /// Inherits a field again
    #[oai(
        path = "/organizations/:org_id/rules/:scope/:scope_id/fields/:field",
        method = "delete",
        operation_id = "clear_rule_field"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
    async fn clear_rule_field(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        scope: Path<Wire<RuleScope>>,
        scope_id: Path<Uuid>,
        /// Name of the field.
        field: Path<String>,
        /// Of the rules for this type; of those for all types if left out.
        unit_type: Query<Option<Wire<UnitType>>>,
        /// Entity tag of the version the change is based on; 412 if it is not the newest.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<RuleCleared, Problem> {
        let access = caller
            .authorize(&app, OrgId::from_uuid(org_id.0), Operation::ClearRuleField)
            .await?;
        let place = place(scope.0.0, scope_id.0, unit_type.0)?;
        let known = RULE_FIELDS.iter().find(|name| **name == field.0);
        let edit = Edit::Clear(known.ok_or_else(Problem::not_found)?);
        change(&app, &access, place, &edit, if_match.0.as_deref(), None).await?;
        Ok(RuleCleared::Cleared)
    }

    /// Changes of the rules at a place, newest first
    #[oai(
        path = "/organizations/:org_id/rules/:scope/:scope_id/history",
        method = "get",
        operation_id = "list_rule_history"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
    async fn list_rule_history(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        scope: Path<Wire<RuleScope>>,
        scope_id: Path<Uuid>,
        /// Only of rules for this type; of all rules of the place if left out.
        unit_type: Query<Option<Wire<UnitType>>>,
        /// Rows wanted, 1–200; 50 if left out.
        limit: Query<Option<u16>>,
        /// `next` of the page before.
        after: Query<Option<String>>,
    ) -> Result<Json<RuleHistory>, Problem> {
        let access = caller
            .authorize(&app, OrgId::from_uuid(org_id.0), Operation::ListRuleHistory)
            .await?;
        let place = place(scope.0.0, scope_id.0, unit_type.0)?;
        let list = format!(
            "rules/{}/{}/{:?}",
            place.scope, place.scope_id, place.unit_type
        );
        let request = page::request(&list, limit.0, after.0.as_deref())?;
        must_exist(&app, access.org, place).await?;
        let page = app.store.rules.rule_history(access.org, place, request);
        Ok(Json(RuleHistory::from_page(&list, page.await?)))
    }

    /// What holds at a unit, and where each field came from
    #[oai(
        path = "/organizations/:org_id/units/:unit_id/effective-rules",
        method = "get",
        operation_id = "get_effective_rules"
    )]
    async fn get_effective_rules(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        unit_id: Path<Uuid>,
    ) -> Result<Json<EffectiveRulesView>, Problem> {
        let access = caller
            .authorize(
                &app,
                OrgId::from_uuid(org_id.0),
                Operation::GetEffectiveRules,
            )
            .await?;
        let place = place(RuleScope::Unit, unit_id.0, None)?;
        let below = app.store.rules.below(access.org, place).await?;
        let below = super::found(below)?;
        let (unit, devices) = super::found(below.units.first())?;
        let (rules, sources) = resolve(&below.rule_sets, access.org, unit, devices);
        Ok(Json(EffectiveRulesView {
            unit_id: unit_id.0,
            version: rules.version,
            rules: RuleFieldsView::effective(&rules),
            sources: sources_by_field(&sources),
        }))
    }
}

pub(super) fn place(
    scope: RuleScope,
    scope_id: Uuid,
    unit_type: Option<Wire<UnitType>>,
) -> Result<RulePlace, Problem> {
    if scope == RuleScope::Unit && unit_type.is_some() {
        return Err(Problem::field("?unit_type", "a unit has one type already"));
    }
    Ok(RulePlace {
        scope,
        scope_id,
        unit_type: unit_type.map(|wire| wire.0),
    })
}

/// 404 for a place that is not of this organization.
async fn must_exist(app: &App, org: OrgId, place: RulePlace) -> Result<(), Problem> {
    let (places, id) = (&app.store.places, place.scope_id);
    let exists = match place.scope {
        RuleScope::Organization => id == org.as_uuid(),
        RuleScope::Site => places.find_site(org, id.into()).await?.is_some(),
        RuleScope::Area => places.find_area(org, id.into()).await?.is_some(),
        RuleScope::Unit => places.find_unit(org, id.into()).await?.is_some(),
    };
    if exists {
        Ok(())
    } else {
        Err(Problem::not_found())
    }
}

/// Decides a change by what is stored and stores it; decides again if somebody else was first.
async fn change(
    app: &App,
    access: &Access,
    place: RulePlace,
    edit: &Edit,
    if_match: Option<&str>,
    note: Option<&str>,
) -> Result<RuleSetView, Problem> {
    for _ in 0..ATTEMPTS {
        let below = super::found(app.store.rules.below(access.org, place).await?)?;
        let stored = set_at(&below.rule_sets, place);
        match_version(if_match, stored.map_or(0, |set| set.version))?;
        let author = Author {
            actor: access.actor,
            at: app.clock.now(),
            note,
        };
        let Some(change) = decide(&below, access.org, place, edit, author).map_err(refused)? else {
            return Ok(RuleSetView::of(place, stored));
        };
        let record = journal::rules(access, &change);
        let view = RuleSetView::of(place, Some(&change.set));
        match app.store.rules.change(access.org, change, record).await {
            Err(StoreError::Conflict) => {}
            other => return other.map(|()| view).map_err(Problem::from),
        }
    }
    Err(Problem::unavailable(1))
}

pub(super) fn refused(error: EditError) -> Problem {
    let pointer = |field: &str| format!("/fields/{field}");
    match error {
        EditError::Rule(RuleError::OutOfRange { field, accepted }) => {
            Problem::field(&pointer(field), format!("must be in {accepted}"))
        }
        EditError::Rule(RuleError::UnitTypeRequired { field }) => {
            Problem::new(Code::UnitTypeRequired).and_error(
                &pointer(field),
                "unit-type-required",
                "a limit above a unit needs ?unit_type",
            )
        }
        EditError::Rule(RuleError::Inconsistent { units }) => {
            let problem = Problem::new(Code::RulesInconsistent);
            units.iter().fold(problem, |problem, unit| {
                problem.and_error("/fields", "unit", unit.to_string())
            })
        }
        EditError::Rule(other) => Problem::detailed(Code::ValidationFailed, other.to_string()),
        EditError::Store(error) => error.into(),
        other => Problem::detailed(Code::ValidationFailed, other.to_string()),
    }
}
