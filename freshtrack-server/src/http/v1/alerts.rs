//! Alerts: what is wrong, who has it, how it ended.

use super::alert_view::{AlertEventView, AlertView, Quiet};
use super::{Scale, Tags, found};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::body::Body;
use crate::http::page;
use crate::http::permissions::Operation;
use crate::http::problem::{Code, Problem};
use crate::http::wire::{Time, Wire};
use freshtrack_alerts::actions::ActionError;
use freshtrack_alerts::alert::{Alert, AlertStatus, AlertType, Severity};
use freshtrack_alerts::lifecycle::ResolveWish;
use freshtrack_alerts::ports::AlertFilter;
use freshtrack_core::ids::{AlertId, AreaId, OrgId, SiteId, UnitId};
use freshtrack_core::principal::Role;
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_core::time::{Span, Timestamp};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// Most lines of history in one answer.
const HISTORY_MAX: u16 = 1_000;

/// Alerts, newest first.
#[derive(Debug, Object)]
pub struct AlertList {
    /// The rows of this page.
    items: Vec<AlertView>,
    /// Cursor of the next page; absent at the end.
    #[oai(skip_serializing_if_is_none)]
    next: Option<String>,
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

/// How long to be quiet.
#[derive(Debug, Clone, Copy, Enum)]
pub enum SnoozeFor {
    /// 30 minutes.
    #[oai(rename = "30m")]
    HalfAnHour,
    /// 1 hour.
    #[oai(rename = "1h")]
    OneHour,
    /// 4 hours.
    #[oai(rename = "4h")]
    FourHours,
    /// 8 hours.
    #[oai(rename = "8h")]
    EightHours,
}

/// Longest snooze that takes no admin.
const SNOOZE_STAFF_MAX: Span = Span::from_minutes(8 * 60);

/// "Not now." Either `for` or `until`.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct Snooze {
    /// How long.
    #[oai(rename = "for")]
    length: Option<SnoozeFor>,
    /// Until when, at most 24 hours from now; a critical alert 4 hours.
    until: Option<Time>,
}

impl Snooze {
    fn until(&self, now: Timestamp) -> Result<Timestamp, Problem> {
        let length = match (self.length, self.until) {
            (Some(SnoozeFor::HalfAnHour), None) => Span::from_minutes(30),
            (Some(SnoozeFor::OneHour), None) => Span::from_minutes(60),
            (Some(SnoozeFor::FourHours), None) => Span::from_minutes(4 * 60),
            (Some(SnoozeFor::EightHours), None) => SNOOZE_STAFF_MAX,
            (None, Some(until)) if until.0 > now => return Ok(until.0),
            (None, Some(_)) => return Err(Problem::field("/until", "must lie ahead")),
            _ => return Err(Problem::new(Code::WindowWithoutEnd).and_field("", NEEDS_END)),
        };
        Ok(now + length)
    }
}

const NEEDS_END: &str = "needs either for or until";

async fn shown(
    app: &App,
    org: OrgId,
    alert: Alert,
    scale: TemperatureUnit,
) -> Result<Json<AlertView>, Problem> {
    let quiet = Quiet::of(app, org, std::slice::from_ref(&alert)).await?;
    Ok(Json(AlertView::of(alert, scale, &quiet)))
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
        error @ ActionError::SnoozeOutOfRange { .. } => {
            Problem::detailed(Code::WindowTooLong, error.to_string())
        }
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
        /// Only of this area.
        area_id: Query<Option<Uuid>>,
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
            area: area_id.0.map(AreaId::from_uuid),
            unit: unit_id.0.map(UnitId::from_uuid),
            from: from.0.map(|time| time.0),
            to: to.0.map(|time| time.0),
        };
        let scale = app
            .display_unit(org, temperature_unit.0.map(Into::into))
            .await?;
        let request = page::request("alerts", limit.0, after.0.as_deref())?;
        let page = app.store.alerts.list(org, &filter, request).await?;
        let quiet = Quiet::of(&app, org, &page.items).await?;
        Ok(Json(AlertList {
            items: page
                .items
                .into_iter()
                .map(|alert| AlertView::of(alert, scale, &quiet))
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
        shown(&app, org, found(alert)?, scale).await
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
        let scale = app.display_unit(org, None).await?;
        shown(&app, org, alert, scale).await
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
        let scale = app.display_unit(org, None).await?;
        shown(&app, org, alert, scale).await
    }

    /// Keeps an alert quiet for a time: it stays open, and nothing of its type is paged at its unit
    ///
    /// Longer than 8 hours takes an admin.
    #[oai(
        path = "/organizations/:org_id/alerts/:alert_id/snooze",
        method = "post",
        operation_id = "snooze_alert"
    )]
    async fn snooze_alert(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        alert_id: Path<Uuid>,
        body: Body<Snooze>,
    ) -> Result<Json<AlertView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::SnoozeAlert).await?;
        let now = app.clock.now();
        let until = body.0.until(now)?;
        if until > now + SNOOZE_STAFF_MAX && access.role < Role::Admin {
            return Err(Problem::new(Code::RoleTooLow));
        }
        let id = AlertId::from_uuid(alert_id.0);
        let snoozed = app.alerts.snooze(org, id, access.person()?, until);
        let alert = snoozed.await.map_err(problem_of)?;
        let scale = app.display_unit(org, None).await?;
        shown(&app, org, alert, scale).await
    }
}
