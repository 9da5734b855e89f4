//! Alerts: what is wrong, who has it, how it ended.

use super::{Scale, Tags, found, shown};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::body::Body;
use crate::http::page;
use crate::http::permissions::Operation;
use crate::http::problem::{Code, Problem};
use crate::http::wire::{Time, Wire};
use freshtrack_alerts::actions::ActionError;
use freshtrack_alerts::alert::{
    Alert, AlertEvent, AlertEventKind, AlertStatus, AlertType, RaiseReason, ResolutionKind,
    Severity, Violated,
};
use freshtrack_alerts::lifecycle::ResolveWish;
use freshtrack_alerts::ports::AlertFilter;
use freshtrack_core::ids::{AlertId, OrgId, SiteId, UnitId};
use freshtrack_core::temperature::{Limit, TemperatureUnit};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// Most lines of history in one answer.
const HISTORY_MAX: u16 = 1_000;

/// A limit as its author wrote it.
#[derive(Debug, Object)]
#[oai(rename = "Limit")]
pub struct LimitView {
    /// The number as authored.
    value: f64,
    /// The author's scale.
    unit: Scale,
    /// The same in °C.
    celsius: f64,
}

impl From<Limit> for LimitView {
    fn from(limit: Limit) -> Self {
        Self {
            value: f64::from(limit.milli) / 1_000.0,
            unit: limit.unit.into(),
            celsius: limit.temperature().in_unit(TemperatureUnit::C),
        }
    }
}

/// Who took an alert.
#[derive(Debug, Object)]
#[oai(rename = "Acknowledgement")]
pub struct AcknowledgementView {
    /// Who.
    by: Uuid,
    /// When.
    at: Time,
    /// What they said.
    #[oai(skip_serializing_if_is_none)]
    note: Option<String>,
}

/// How an alert ended.
#[derive(Debug, Object)]
#[oai(rename = "Resolution")]
pub struct ResolutionView {
    /// By itself or by a person.
    kind: Wire<ResolutionKind>,
    /// The person.
    #[oai(skip_serializing_if_is_none)]
    by: Option<Uuid>,
    /// When.
    at: Time,
    /// What they said.
    #[oai(skip_serializing_if_is_none)]
    note: Option<String>,
}

/// The reading that opened an excursion.
#[derive(Debug, Object)]
#[oai(rename = "Trigger")]
pub struct TriggerView {
    /// Its temperature.
    temperature: f64,
    /// When it was taken.
    recorded_at: Time,
}

/// An alert. Condition times say when it was true, record times when we knew.
#[derive(Debug, Object)]
#[oai(rename = "Alert")]
pub struct AlertView {
    /// Id.
    id: Uuid,
    /// Site of the unit.
    site_id: Uuid,
    /// Area of the unit.
    area_id: Uuid,
    /// The unit.
    unit_id: Uuid,
    /// The device, for alerts about one.
    #[oai(skip_serializing_if_is_none)]
    device_id: Option<Uuid>,
    /// What is wrong.
    #[oai(rename = "type")]
    alert_type: Wire<AlertType>,
    /// How bad.
    severity: Wire<Severity>,
    /// Where it is in its life.
    status: Wire<AlertStatus>,
    /// One line for people.
    title: String,
    /// Since when the condition held.
    condition_since: Time,
    /// The first out-of-range reading.
    #[oai(skip_serializing_if_is_none)]
    first_out_at: Option<Time>,
    /// When the excursion was confirmed.
    #[oai(skip_serializing_if_is_none)]
    confirmed_at: Option<Time>,
    /// When the condition ended.
    #[oai(skip_serializing_if_is_none)]
    cleared_at: Option<Time>,
    /// When it was raised.
    raised_at: Time,
    /// Why it was raised then.
    raise_reason: Wire<RaiseReason>,
    /// Which limit.
    #[oai(skip_serializing_if_is_none)]
    violated: Option<Wire<Violated>>,
    /// The limit.
    #[oai(skip_serializing_if_is_none)]
    limit: Option<LimitView>,
    /// The reading that opened it.
    #[oai(skip_serializing_if_is_none)]
    trigger: Option<TriggerView>,
    /// The worst value so far.
    #[oai(skip_serializing_if_is_none)]
    extreme: Option<f64>,
    /// Scale of `trigger` and `extreme`.
    temperature_unit: Scale,
    /// Who took it.
    #[oai(skip_serializing_if_is_none)]
    acknowledged: Option<AcknowledgementView>,
    /// How it ended.
    #[oai(skip_serializing_if_is_none)]
    resolved: Option<ResolutionView>,
    /// Escalation steps that have fired.
    escalation_level: u16,
    /// The alert that was closed too early.
    #[oai(skip_serializing_if_is_none)]
    reraised_from: Option<Uuid>,
    /// The alert it belongs to.
    #[oai(skip_serializing_if_is_none)]
    correlated_with: Option<Uuid>,
    /// Whether somebody still has to write down what was done.
    corrective_action_pending: bool,
    /// Raised by one with each change.
    version: i64,
}

impl AlertView {
    fn of(alert: Alert, unit: TemperatureUnit) -> Self {
        Self {
            id: alert.id.as_uuid(),
            site_id: alert.site.as_uuid(),
            area_id: alert.area.as_uuid(),
            unit_id: alert.unit.as_uuid(),
            device_id: alert.key.device.map(|d| d.as_uuid()),
            alert_type: Wire(alert.key.alert_type),
            severity: Wire(alert.severity),
            status: Wire(alert.status),
            title: alert.title,
            condition_since: Time(alert.condition_since),
            first_out_at: alert.first_out_at.map(Time),
            confirmed_at: alert.confirmed_at.map(Time),
            cleared_at: alert.cleared_at.map(Time),
            raised_at: Time(alert.raised_at),
            raise_reason: Wire(alert.raise_reason),
            violated: alert.violated.map(Wire),
            limit: alert.limit.map(Into::into),
            trigger: alert.trigger.map(|trigger| TriggerView {
                temperature: trigger.temperature.in_unit(unit),
                recorded_at: Time(trigger.recorded_at),
            }),
            extreme: shown(alert.extreme, unit),
            temperature_unit: unit.into(),
            acknowledged: alert.acknowledged.map(|ack| AcknowledgementView {
                by: ack.by.as_uuid(),
                at: Time(ack.at),
                note: ack.note,
            }),
            resolved: alert.resolved.map(|resolution| ResolutionView {
                kind: Wire(resolution.kind),
                by: resolution.by.map(|by| by.as_uuid()),
                at: Time(resolution.at),
                note: resolution.note,
            }),
            escalation_level: alert.escalation_level,
            reraised_from: alert.reraised_from.map(|id| id.as_uuid()),
            correlated_with: alert.correlated_with.map(|id| id.as_uuid()),
            corrective_action_pending: alert.corrective_action_pending,
            version: alert.version,
        }
    }
}

/// Alerts, newest first.
#[derive(Debug, Object)]
pub struct AlertList {
    /// The rows of this page.
    items: Vec<AlertView>,
    /// Cursor of the next page; absent at the end.
    #[oai(skip_serializing_if_is_none)]
    next: Option<String>,
}

/// One line of an alert's history.
#[derive(Debug, Object)]
#[oai(rename = "AlertEvent")]
pub struct AlertEventView {
    /// When.
    at: Time,
    /// What happened.
    kind: Wire<AlertEventKind>,
    /// Who: `user`, `api_key`, `system` or `super_admin`.
    actor: String,
    /// The person or key.
    #[oai(skip_serializing_if_is_none)]
    actor_id: Option<Uuid>,
    /// The rest.
    details: serde_json::Value,
}

impl From<AlertEvent> for AlertEventView {
    fn from(event: AlertEvent) -> Self {
        use freshtrack_core::principal::Actor;
        let (actor, actor_id) = match event.actor {
            Actor::User(id) => ("user", Some(id.as_uuid())),
            Actor::SuperAdmin(id) => ("super_admin", Some(id.as_uuid())),
            Actor::ApiKey(id) => ("api_key", Some(id.as_uuid())),
            Actor::System => ("system", None),
        };
        Self {
            at: Time(event.at),
            kind: Wire(event.kind),
            actor: actor.to_owned(),
            actor_id,
            details: event.details,
        }
    }
}

/// An alert's history, oldest first.
#[derive(Debug, Object)]
pub struct AlertHistory {
    /// At most its newest 1,000 lines.
    items: Vec<AlertEventView>,
}

/// "I have it."
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct Acknowledge {
    /// What to tell the others, at most 1,000 characters.
    note: Option<String>,
}

/// "It is over."
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct Resolve {
    /// Why it is over, 1–2,000 characters.
    note: Option<String>,
    /// What was done, at most 2,000 characters; sites may demand it.
    corrective_action: Option<String>,
}

fn problem_of(error: ActionError) -> Problem {
    match error {
        ActionError::NotFound => Problem::not_found(),
        ActionError::AlreadyResolved => Problem::new(Code::AlertResolved),
        ActionError::AlreadyAcknowledged { by, at } => {
            Problem::detailed(Code::AlertAlreadyAcknowledged, format!("by {by} at {at}"))
        }
        ActionError::NoteRequired => Problem::new(Code::ResolutionRequired),
        ActionError::NoteTooLong => Problem::field("/note", "is too long"),
        ActionError::CorrectiveActionRequired => Problem::new(Code::CorrectiveActionRequired),
        ActionError::Unavailable(error) => error.into(),
        other => {
            tracing::error!(error = ?other, "alert action failed");
            Problem::new(Code::Internal)
        }
    }
}

fn values<T: Copy>(list: Option<Vec<Wire<T>>>) -> Vec<T> {
    list.unwrap_or_default()
        .into_iter()
        .map(|value| value.0)
        .collect()
}

/// Alerts.
#[derive(Debug)]
pub struct AlertsApi;

#[OpenApi(tag = "Tags::Alerts")]
impl AlertsApi {
    /// Alerts, newest first
    #[oai(
        path = "/organizations/:org_id/alerts",
        method = "get",
        operation_id = "list_alerts"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "one argument per documented parameter"
    )]
    async fn list_alerts(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        /// Any of these; may be repeated.
        status: Query<Option<Vec<Wire<AlertStatus>>>>,
        /// Any of these; may be repeated.
        severity: Query<Option<Vec<Wire<Severity>>>>,
        /// Any of these; may be repeated.
        #[oai(name = "type")]
        alert_type: Query<Option<Vec<Wire<AlertType>>>>,
        /// Only of this site.
        site_id: Query<Option<Uuid>>,
        /// Only of this unit.
        unit_id: Query<Option<Uuid>>,
        /// Raised at or after.
        from: Query<Option<Time>>,
        /// Raised before.
        to: Query<Option<Time>>,
        /// Scale of temperatures; the organization's if left out.
        temperature_unit: Query<Option<Scale>>,
        /// Rows wanted, 1–200; 50 if left out.
        limit: Query<Option<u16>>,
        /// `next` of the page before.
        after: Query<Option<String>>,
    ) -> Result<Json<AlertList>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller.authorize(&app, org, Operation::ListAlerts).await?;
        let filter = AlertFilter {
            status: values(status.0),
            severity: values(severity.0),
            alert_type: values(alert_type.0),
            site: site_id.0.map(SiteId::from_uuid),
            unit: unit_id.0.map(UnitId::from_uuid),
            from: from.0.map(|time| time.0),
            to: to.0.map(|time| time.0),
        };
        let scale = app
            .display_unit(org, temperature_unit.0.map(Into::into))
            .await?;
        let request = page::request("alerts", limit.0, after.0.as_deref())?;
        let page = app.store.alerts.list(org, &filter, request).await?;
        Ok(Json(AlertList {
            items: page
                .items
                .into_iter()
                .map(|alert| AlertView::of(alert, scale))
                .collect(),
            next: page.next.map(|key| page::encode("alerts", &key)),
        }))
    }

    /// One alert
    #[oai(
        path = "/organizations/:org_id/alerts/:alert_id",
        method = "get",
        operation_id = "get_alert"
    )]
    async fn get_alert(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        alert_id: Path<Uuid>,
        /// Scale of temperatures; the organization's if left out.
        temperature_unit: Query<Option<Scale>>,
    ) -> Result<Json<AlertView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller.authorize(&app, org, Operation::GetAlert).await?;
        let scale = app
            .display_unit(org, temperature_unit.0.map(Into::into))
            .await?;
        let alert = app
            .store
            .alerts
            .find(org, AlertId::from_uuid(alert_id.0))
            .await?;
        found(alert).map(|alert| Json(AlertView::of(alert, scale)))
    }

    /// An alert's history, oldest first
    #[oai(
        path = "/organizations/:org_id/alerts/:alert_id/history",
        method = "get",
        operation_id = "list_alert_history"
    )]
    async fn list_alert_history(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        alert_id: Path<Uuid>,
    ) -> Result<Json<AlertHistory>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller
            .authorize(&app, org, Operation::ListAlertHistory)
            .await?;
        let id = AlertId::from_uuid(alert_id.0);
        found(app.store.alerts.find(org, id).await?)?;
        let lines = app.store.alerts.history(org, id, HISTORY_MAX).await?;
        Ok(Json(AlertHistory {
            items: lines.into_iter().map(Into::into).collect(),
        }))
    }

    /// Takes an alert: "I have it"
    #[oai(
        path = "/organizations/:org_id/alerts/:alert_id/acknowledge",
        method = "post",
        operation_id = "acknowledge_alert"
    )]
    async fn acknowledge_alert(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        alert_id: Path<Uuid>,
        body: Body<Acknowledge>,
    ) -> Result<Json<AlertView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller
            .authorize(&app, org, Operation::AcknowledgeAlert)
            .await?;
        let id = AlertId::from_uuid(alert_id.0);
        let note = body.0.note.as_deref();
        let alert = app
            .alerts
            .acknowledge(org, id, access.person()?, note)
            .await
            .map_err(problem_of)?;
        Ok(Json(AlertView::of(
            alert,
            app.display_unit(org, None).await?,
        )))
    }

    /// Closes an alert: "it is over"
    ///
    /// If the condition still holds 15 minutes later, a new alert is raised.
    #[oai(
        path = "/organizations/:org_id/alerts/:alert_id/resolve",
        method = "post",
        operation_id = "resolve_alert"
    )]
    async fn resolve_alert(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        alert_id: Path<Uuid>,
        body: Body<Resolve>,
    ) -> Result<Json<AlertView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::ResolveAlert).await?;
        let wish = ResolveWish {
            by: access.person()?,
            note: body.0.note.as_deref().unwrap_or_default(),
            corrective_action: body.0.corrective_action.as_deref(),
        };
        let alert = app
            .alerts
            .resolve(org, AlertId::from_uuid(alert_id.0), wish)
            .await
            .map_err(problem_of)?;
        Ok(Json(AlertView::of(
            alert,
            app.display_unit(org, None).await?,
        )))
    }
}
