//! Calibrations of sensors: the offset that is added to every value, and when to look again.

use super::rule_wire::{DeltaView, TemperatureView, delta_of, temperature_of};
use super::{Tags, found, journal, list_of};
use crate::app::App;
use crate::http::auth::{Access, Caller};
use crate::http::body::Body;
use crate::http::page;
use crate::http::permissions::Operation;
use crate::http::problem::Problem;
use crate::http::wire::Time;
use freshtrack_alerts::calibration::{
    CALIBRATION_VALID, CALIBRATION_VALID_MAX, Calibration, OFFSET_MAX,
};
use freshtrack_alerts::log_book::{LOG_AHEAD_MAX, NOTES_CHARS_MAX, is_safe_url};
use freshtrack_core::ids::{CalibrationId, DeviceId, OrgId};
use freshtrack_core::temperature::TemperatureDelta;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// One calibration.
#[derive(Debug, Object)]
#[oai(rename = "Calibration")]
pub struct CalibrationView {
    /// Id.
    id: Uuid,
    /// The device.
    device_id: Uuid,
    /// When it was compared.
    calibrated_at: Time,
    /// Who wrote it down.
    calibrated_by: Uuid,
    /// Added to every raw value from then on.
    temperature_offset: DeltaView,
    /// What the reference showed.
    #[oai(skip_serializing_if_is_none)]
    reference_temperature: Option<TemperatureView>,
    /// Where the certificate lies.
    #[oai(skip_serializing_if_is_none)]
    certificate_url: Option<String>,
    /// Notes.
    #[oai(skip_serializing_if_is_none)]
    notes: Option<String>,
    /// When it is due again.
    due_at: Time,
    /// When it was written down.
    recorded_at: Time,
}

impl From<Calibration> for CalibrationView {
    fn from(c: Calibration) -> Self {
        Self {
            id: c.id.as_uuid(),
            device_id: c.device.as_uuid(),
            calibrated_at: Time(c.calibrated_at),
            calibrated_by: c.by.as_uuid(),
            temperature_offset: super::rule_wire::delta_view(c.temperature_offset),
            reference_temperature: c
                .reference_temperature
                .map(super::rule_wire::temperature_view),
            certificate_url: c.certificate_url,
            notes: c.notes,
            due_at: Time(c.due_at),
            recorded_at: Time(c.recorded_at),
        }
    }
}

list_of!(
    CalibrationList,
    CalibrationView,
    "Calibrations, newest first."
);

/// A calibration to record.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewCalibration {
    /// When it was compared; now if left out.
    calibrated_at: Option<Time>,
    /// Added to every raw value from now on, at most ±10 °C; 0 if left out.
    temperature_offset: Option<DeltaView>,
    /// What the reference showed.
    reference_temperature: Option<TemperatureView>,
    /// Where the certificate lies, an https address.
    certificate_url: Option<String>,
    /// At most 1,000 characters.
    notes: Option<String>,
    /// When it is due again, at most 5 years later; 365 days later if left out.
    due_at: Option<Time>,
}

/// A calibration was recorded.
#[derive(Debug, ApiResponse)]
pub enum CalibrationCreated {
    /// The calibration.
    #[oai(status = 201)]
    Created(Json<CalibrationView>, #[oai(header = "Location")] String),
}

fn made_of(
    app: &App,
    access: &Access,
    device: DeviceId,
    new: NewCalibration,
) -> Result<Calibration, Problem> {
    let now = app.clock.now();
    let calibrated_at = new.calibrated_at.map_or(now, |time| time.0);
    if calibrated_at > now + LOG_AHEAD_MAX {
        return Err(Problem::field(
            "/calibrated_at",
            "lies more than 5 minutes ahead",
        ));
    }
    let offset = delta_of("/temperature_offset", new.temperature_offset)?;
    let offset = offset.unwrap_or(TemperatureDelta::ZERO);
    if offset.milli_celsius().unsigned_abs() > OFFSET_MAX.milli_celsius().unsigned_abs() {
        return Err(Problem::field(
            "/temperature_offset",
            "must be within ±10 °C",
        ));
    }
    let due_at = new
        .due_at
        .map_or(calibrated_at + CALIBRATION_VALID, |time| time.0);
    if due_at <= calibrated_at || due_at > calibrated_at + CALIBRATION_VALID_MAX {
        let detail = "must lie after calibrated_at, at most 5 years";
        return Err(Problem::field("/due_at", detail));
    }
    if new
        .certificate_url
        .as_deref()
        .is_some_and(|url| !is_safe_url(url))
    {
        return Err(Problem::field(
            "/certificate_url",
            "must be an https address",
        ));
    }
    if new
        .notes
        .as_ref()
        .is_some_and(|notes| notes.chars().count() > NOTES_CHARS_MAX)
    {
        return Err(Problem::field("/notes", "is too long"));
    }
    let reference = temperature_of("/reference_temperature", new.reference_temperature)?;
    Ok(Calibration {
        id: CalibrationId::from_uuid(app.ids.uuid()),
        device,
        calibrated_at,
        by: access.person()?,
        temperature_offset: offset,
        reference_temperature: reference,
        certificate_url: new.certificate_url,
        notes: new.notes,
        due_at,
        recorded_at: now,
    })
}

/// Calibrations.
#[derive(Debug)]
pub struct CalibrationsApi;

#[OpenApi(tag = "Tags::Devices")]
impl CalibrationsApi {
    /// Calibrations of a device, newest first
    #[oai(
        path = "/organizations/:org_id/devices/:device_id/calibrations",
        method = "get",
        operation_id = "list_calibrations"
    )]
    async fn list_calibrations(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        device_id: Path<Uuid>,
        /// Rows wanted, 1–200; 50 if left out.
        limit: Query<Option<u16>>,
        /// `next` of the page before.
        after: Query<Option<String>>,
    ) -> Result<Json<CalibrationList>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller
            .authorize(&app, org, Operation::ListCalibrations)
            .await?;
        let device = DeviceId::from_uuid(device_id.0);
        found(app.store.devices.find(org, device).await?)?;
        let list = format!("calibrations/{device}");
        let request = page::request(&list, limit.0, after.0.as_deref())?;
        let page = app.store.calibrations.list(org, device, request).await?;
        Ok(Json(CalibrationList::from_page(&list, page)))
    }

    /// Records a calibration; the newest one's offset is added to every value from now on
    ///
    /// The raw value of each reading stays on record beside the corrected one.
    #[oai(
        path = "/organizations/:org_id/devices/:device_id/calibrations",
        method = "post",
        operation_id = "create_calibration"
    )]
    async fn create_calibration(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        device_id: Path<Uuid>,
        body: Body<NewCalibration>,
    ) -> Result<CalibrationCreated, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller
            .authorize(&app, org, Operation::CreateCalibration)
            .await?;
        let id = DeviceId::from_uuid(device_id.0);
        let device = found(app.store.devices.find(org, id).await?)?;
        let calibration = made_of(&app, &access, id, body.0)?;
        let record = journal::calibration(&access, &calibration, &device);
        let added = app.store.calibrations.add(org, calibration.clone(), record);
        added.await?;
        let location = format!("/api/v1/organizations/{org}/devices/{id}/calibrations");
        Ok(CalibrationCreated::Created(
            Json(calibration.into()),
            location,
        ))
    }
}
