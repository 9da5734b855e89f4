//! Corrective actions: what people did about what was wrong. Append-only.

use super::manual_logs::problem_of;
use super::{Tags, found, list_of};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::body::Body;
use crate::http::page;
use crate::http::permissions::Operation;
use crate::http::problem::Problem;
use crate::http::wire::Time;
use freshtrack_alerts::log_actions::{NewAction, Subject};
use freshtrack_alerts::log_book::CorrectiveAction;
use freshtrack_alerts::ports::ActionFilter;
use freshtrack_core::ids::{AlertId, CorrectiveActionId, ManualLogId, OrgId, UnitId};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// What a person did about what was wrong.
#[derive(Debug, Object)]
#[oai(rename = "CorrectiveAction")]
pub struct ActionView {
    /// Id.
    id: Uuid,
    /// The unit.
    unit_id: Uuid,
    /// The alert it answers.
    #[oai(skip_serializing_if_is_none)]
    alert_id: Option<Uuid>,
    /// The manual log it answers.
    #[oai(skip_serializing_if_is_none)]
    manual_log_id: Option<Uuid>,
    /// Who wrote it down.
    user_id: Uuid,
    /// What was wrong and what was done.
    description: String,
    /// The steps taken.
    #[oai(skip_serializing_if_is_none)]
    action_taken: Option<String>,
    /// Why it came about.
    #[oai(skip_serializing_if_is_none)]
    root_cause: Option<String>,
    /// What keeps it from coming back.
    #[oai(skip_serializing_if_is_none)]
    preventive_measure: Option<String>,
    /// Where photos lie.
    photo_urls: Vec<String>,
    /// When it was done.
    #[oai(skip_serializing_if_is_none)]
    completed_at: Option<Time>,
    /// The action that this one corrects.
    #[oai(skip_serializing_if_is_none)]
    corrects: Option<Uuid>,
    /// When it was written down.
    recorded_at: Time,
}

impl From<CorrectiveAction> for ActionView {
    fn from(action: CorrectiveAction) -> Self {
        Self {
            id: action.id.as_uuid(),
            unit_id: action.unit.as_uuid(),
            alert_id: action.alert.map(|id| id.as_uuid()),
            manual_log_id: action.manual_log.map(|id| id.as_uuid()),
            user_id: action.by.as_uuid(),
            description: action.description,
            action_taken: action.action_taken,
            root_cause: action.root_cause,
            preventive_measure: action.preventive_measure,
            photo_urls: action.photo_urls,
            completed_at: action.completed_at.map(Time),
            corrects: action.corrects.map(|id| id.as_uuid()),
            recorded_at: Time(action.recorded_at),
        }
    }
}

list_of!(
    CorrectiveActionList,
    ActionView,
    "Corrective actions, newest first."
);

/// What was done. Exactly one of `alert_id`, `manual_log_id` and `unit_id` says about what.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewCorrectiveAction {
    /// About this alert, open or closed.
    alert_id: Option<Uuid>,
    /// About this manual log.
    manual_log_id: Option<Uuid>,
    /// At this unit, about nothing in particular.
    unit_id: Option<Uuid>,
    /// What was wrong and what was done, 1–2,000 characters.
    description: String,
    /// The steps taken, at most 2,000 characters.
    action_taken: Option<String>,
    /// Why it came about, at most 2,000 characters.
    root_cause: Option<String>,
    /// What keeps it from coming back, at most 2,000 characters.
    preventive_measure: Option<String>,
    /// At most 10 https addresses.
    photo_urls: Option<Vec<String>>,
    /// When it was done.
    completed_at: Option<Time>,
    /// The action that this one corrects; the old one stays as it is.
    corrects: Option<Uuid>,
}

impl NewCorrectiveAction {
    fn subject(&self) -> Result<Subject, Problem> {
        match (self.alert_id, self.manual_log_id, self.unit_id) {
            (Some(id), None, None) => Ok(Subject::Alert(AlertId::from_uuid(id))),
            (None, Some(id), None) => Ok(Subject::ManualLog(ManualLogId::from_uuid(id))),
            (None, None, Some(id)) => Ok(Subject::Unit(UnitId::from_uuid(id))),
            _ => Err(Problem::field(
                "",
                "needs exactly one of alert_id, manual_log_id and unit_id",
            )),
        }
    }
}

/// An action was written down.
#[derive(Debug, ApiResponse)]
pub enum ActionCreated {
    /// The action.
    #[oai(status = 201)]
    Created(Json<ActionView>, #[oai(header = "Location")] String),
}

/// Corrective actions.
#[derive(Debug)]
pub struct CorrectiveActionsApi;

#[OpenApi(tag = "Tags::Records")]
impl CorrectiveActionsApi {
    /// Corrective actions, newest first
    #[oai(
        path = "/organizations/:org_id/corrective-actions",
        method = "get",
        operation_id = "list_corrective_actions"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "one argument per documented parameter"
    )]
    async fn list_corrective_actions(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        /// Only at this unit.
        unit_id: Query<Option<Uuid>>,
        /// Only about this alert.
        alert_id: Query<Option<Uuid>>,
        /// Only about this manual log.
        manual_log_id: Query<Option<Uuid>>,
        /// Written down at or after.
        from: Query<Option<Time>>,
        /// Written down before.
        to: Query<Option<Time>>,
        /// Rows wanted, 1–200; 50 if left out.
        limit: Query<Option<u16>>,
        /// `next` of the page before.
        after: Query<Option<String>>,
    ) -> Result<Json<CorrectiveActionList>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller
            .authorize(&app, org, Operation::ListCorrectiveActions)
            .await?;
        let filter = ActionFilter {
            unit: unit_id.0.map(UnitId::from_uuid),
            alert: alert_id.0.map(AlertId::from_uuid),
            manual_log: manual_log_id.0.map(ManualLogId::from_uuid),
            from: from.0.map(|time| time.0),
            to: to.0.map(|time| time.0),
        };
        let request = page::request("corrective-actions", limit.0, after.0.as_deref())?;
        let page = app.store.log_book.actions(org, &filter, request).await?;
        Ok(Json(CorrectiveActionList::from_page(
            "corrective-actions",
            page,
        )))
    }

    /// One corrective action
    #[oai(
        path = "/organizations/:org_id/corrective-actions/:action_id",
        method = "get",
        operation_id = "get_corrective_action"
    )]
    async fn get_corrective_action(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        action_id: Path<Uuid>,
    ) -> Result<Json<ActionView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller
            .authorize(&app, org, Operation::GetCorrectiveAction)
            .await?;
        let id = CorrectiveActionId::from_uuid(action_id.0);
        let action = app.store.log_book.find_action(org, id).await?;
        found(action).map(|action| Json(action.into()))
    }

    /// Writes down what was done; an alert that waited for it waits no longer
    #[oai(
        path = "/organizations/:org_id/corrective-actions",
        method = "post",
        operation_id = "create_corrective_action"
    )]
    async fn create_corrective_action(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        body: Body<NewCorrectiveAction>,
    ) -> Result<ActionCreated, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller
            .authorize(&app, org, Operation::CreateCorrectiveAction)
            .await?;
        let subject = body.0.subject()?;
        let new = body.0;
        let new = NewAction {
            by: access.person()?,
            subject,
            description: new.description,
            action_taken: new.action_taken,
            root_cause: new.root_cause,
            preventive_measure: new.preventive_measure,
            photo_urls: new.photo_urls.unwrap_or_default(),
            completed_at: new.completed_at.map(|time| time.0),
            corrects: new.corrects.map(CorrectiveActionId::from_uuid),
        };
        let action = app.log_book.act(org, new).await.map_err(problem_of)?;
        let location = format!(
            "/api/v1/organizations/{org}/corrective-actions/{}",
            action.id
        );
        Ok(ActionCreated::Created(Json(action.into()), location))
    }
}
