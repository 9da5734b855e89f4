//! Manual logs: values that people measured.

use super::{Scale, Tags, degrees, list_in, unknown_body_id};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::body::Body;
use crate::http::page;
use crate::http::permissions::Operation;
use crate::http::problem::{Code, Problem};
use crate::http::wire::Time;
use freshtrack_alerts::log_actions::{LogError, Logged, NewLog};
use freshtrack_alerts::log_book::ManualLog;
use freshtrack_alerts::ports::LogFilter;
use freshtrack_core::ids::{OrgId, SiteId, UnitId};
use freshtrack_core::temperature::TemperatureUnit;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// A value that a person measured.
#[derive(Debug, Object)]
#[oai(rename = "ManualLog")]
pub struct ManualLogView {
    /// Id.
    id: Uuid,
    /// The unit.
    unit_id: Uuid,
    /// Who measured.
    user_id: Uuid,
    /// The value.
    temperature: f64,
    /// Its scale here.
    temperature_unit: Scale,
    /// The scale it was typed in.
    reported_unit: Scale,
    /// Relative humidity in percent.
    #[oai(skip_serializing_if_is_none)]
    humidity_percent: Option<f64>,
    /// What they noted.
    #[oai(skip_serializing_if_is_none)]
    notes: Option<String>,
    /// Where a photo lies.
    #[oai(skip_serializing_if_is_none)]
    photo_url: Option<String>,
    /// When they measured.
    recorded_at: Time,
    /// When it arrived.
    received_at: Time,
    /// The client's own name for it.
    #[oai(skip_serializing_if_is_none)]
    client_ref: Option<String>,
    /// Whether it was inside the limits, by the rules as it arrived.
    in_range: bool,
    /// What was done about it.
    #[oai(skip_serializing_if_is_none)]
    corrective_action_id: Option<Uuid>,
}

impl ManualLogView {
    fn of(log: ManualLog, unit: TemperatureUnit) -> Self {
        Self {
            id: log.id.as_uuid(),
            unit_id: log.unit.as_uuid(),
            user_id: log.by.as_uuid(),
            temperature: log.temperature.in_unit(unit),
            temperature_unit: unit.into(),
            reported_unit: log.reported_unit.into(),
            humidity_percent: log.humidity_centi.map(|h| f64::from(h) / 100.0),
            notes: log.notes,
            photo_url: log.photo_url,
            recorded_at: Time(log.recorded_at),
            received_at: Time(log.received_at),
            client_ref: log.client_ref,
            in_range: log.in_range,
            corrective_action_id: log.corrective_action.map(|id| id.as_uuid()),
        }
    }
}

list_in!(ManualLogList, ManualLogView, "Manual logs, newest first.");

/// A value to log.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewManualLog {
    /// The value, −100…200 °F.
    temperature: f64,
    /// Its scale; C if left out.
    temperature_unit: Option<Scale>,
    /// Relative humidity, 0–100 %.
    humidity_percent: Option<f64>,
    /// At most 1,000 characters.
    notes: Option<String>,
    /// An https address.
    photo_url: Option<String>,
    /// When it was measured, up to 7 days back; now if left out.
    recorded_at: Option<Time>,
    /// The client's own name for it, at most 128 characters: a repeat answers the stored log.
    client_ref: Option<String>,
    /// What was done about it, at most 2,000 characters; required if the value is out of range.
    corrective_action: Option<String>,
}

/// A log was written.
#[derive(Debug, ApiResponse)]
pub enum ManualLogAnswer {
    /// The log; a repeat of a `client_ref` answers the one that is stored.
    #[oai(status = 201)]
    Created(Json<ManualLogView>, #[oai(header = "Location")] String),
}

/// Hundredths of a percent.
fn humidity(percent: Option<f64>) -> Result<Option<i32>, Problem> {
    let invalid = || Problem::field("/humidity_percent", "must be from 0 to 100");
    percent
        .map(
            |percent| match freshtrack_core::decimal::parse_milli(&percent.to_string()) {
                freshtrack_core::decimal::Milli::Value(milli) => Ok(milli / 10),
                _ => Err(invalid()),
            },
        )
        .transpose()
}

/// Why nothing was written down, as a problem.
pub(super) fn problem_of(error: LogError) -> Problem {
    match error {
        LogError::NotFound { what: "unit" } => Problem::not_found(),
        LogError::NotFound { what } => unknown_body_id(what),
        LogError::Invalid { field, detail } => Problem::field(&format!("/{field}"), detail),
        LogError::CorrectiveActionRequired => Problem::new(Code::CorrectiveActionRequired),
        LogError::Unavailable(error) => error.into(),
        other => {
            tracing::error!(error = ?other, "writing into the log book failed");
            Problem::new(Code::Internal)
        }
    }
}

async fn answer(
    app: &App,
    org: OrgId,
    filter: LogFilter,
    list: &str,
    (limit, after): (Option<u16>, Option<String>),
    scale: Option<Scale>,
) -> Result<Json<ManualLogList>, Problem> {
    let scale = app.display_unit(org, scale.map(Into::into)).await?;
    let request = page::request(list, limit, after.as_deref())?;
    let page = app.store.log_book.logs(org, &filter, request).await?;
    let list = ManualLogList::of(list, page, |log| ManualLogView::of(log, scale));
    Ok(Json(list))
}

/// Manual logs.
#[derive(Debug)]
pub struct ManualLogsApi;

#[OpenApi(tag = "Tags::Records")]
impl ManualLogsApi {
    /// Manual logs of the organization, newest first
    #[oai(
        path = "/organizations/:org_id/manual-logs",
        method = "get",
        operation_id = "list_manual_logs"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "one argument per documented parameter"
    )]
    async fn list_manual_logs(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        /// Only of units of this site.
        site_id: Query<Option<Uuid>>,
        /// Only of this unit.
        unit_id: Query<Option<Uuid>>,
        /// Only inside the limits, or only outside.
        in_range: Query<Option<bool>>,
        /// Measured at or after.
        from: Query<Option<Time>>,
        /// Measured before.
        to: Query<Option<Time>>,
        /// Scale of temperatures; the organization's if left out.
        temperature_unit: Query<Option<Scale>>,
        /// Rows wanted, 1–200; 50 if left out.
        limit: Query<Option<u16>>,
        /// `next` of the page before.
        after: Query<Option<String>>,
    ) -> Result<Json<ManualLogList>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller
            .authorize(&app, org, Operation::ListManualLogs)
            .await?;
        let filter = LogFilter {
            site: site_id.0.map(SiteId::from_uuid),
            unit: unit_id.0.map(UnitId::from_uuid),
            in_range: in_range.0,
            from: from.0.map(|time| time.0),
            to: to.0.map(|time| time.0),
        };
        let page = (limit.0, after.0);
        answer(&app, org, filter, "manual-logs", page, temperature_unit.0).await
    }

    /// Manual logs of a unit, newest first
    #[oai(
        path = "/organizations/:org_id/units/:unit_id/manual-logs",
        method = "get",
        operation_id = "list_unit_manual_logs"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "one argument per documented parameter"
    )]
    async fn list_unit_manual_logs(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        unit_id: Path<Uuid>,
        /// Only inside the limits, or only outside.
        in_range: Query<Option<bool>>,
        /// Measured at or after.
        from: Query<Option<Time>>,
        /// Measured before.
        to: Query<Option<Time>>,
        /// Scale of temperatures; the organization's if left out.
        temperature_unit: Query<Option<Scale>>,
        /// Rows wanted, 1–200; 50 if left out.
        limit: Query<Option<u16>>,
        /// `next` of the page before.
        after: Query<Option<String>>,
    ) -> Result<Json<ManualLogList>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller
            .authorize(&app, org, Operation::ListUnitManualLogs)
            .await?;
        let unit = UnitId::from_uuid(unit_id.0);
        super::found(app.store.places.find_unit(org, unit).await?)?;
        let filter = LogFilter {
            site: None,
            unit: Some(unit),
            in_range: in_range.0,
            from: from.0.map(|time| time.0),
            to: to.0.map(|time| time.0),
        };
        let list = format!("manual-logs/{unit}");
        answer(
            &app,
            org,
            filter,
            &list,
            (limit.0, after.0),
            temperature_unit.0,
        )
        .await
    }

    /// Logs a value a person measured; it clears the unit's manual duty
    ///
    /// Whether it is in range is computed here. A value out of range needs to say what was done about it.
    #[oai(
        path = "/organizations/:org_id/units/:unit_id/manual-logs",
        method = "post",
        operation_id = "create_manual_log"
    )]
    async fn create_manual_log(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        unit_id: Path<Uuid>,
        body: Body<NewManualLog>,
    ) -> Result<ManualLogAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller
            .authorize(&app, org, Operation::CreateManualLog)
            .await?;
        let new = body.0;
        let reported_unit = new.temperature_unit.unwrap_or(Scale::C).into();
        let new = NewLog {
            by: access.person()?,
            temperature: degrees("/temperature", new.temperature, reported_unit)?,
            reported_unit,
            humidity_centi: humidity(new.humidity_percent)?,
            notes: new.notes,
            photo_url: new.photo_url,
            recorded_at: new.recorded_at.map(|time| time.0),
            client_ref: new.client_ref,
            corrective_action: new.corrective_action,
        };
        let unit = UnitId::from_uuid(unit_id.0);
        let logged = app.log_book.log(org, unit, new).await.map_err(problem_of)?;
        let (Logged::Now(log) | Logged::Before(log)) = logged;
        let scale = app.display_unit(org, None).await?;
        let location = format!("/api/v1/organizations/{org}/units/{unit}/manual-logs");
        let view = ManualLogView::of(log, scale);
        Ok(ManualLogAnswer::Created(Json(view), location))
    }
}
