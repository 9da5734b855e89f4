//! Sensors and the units they watch.

use super::{Tags, found, journal, list_of};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::body::Body;
use crate::http::page;
use crate::http::permissions::Operation;
use crate::http::problem::Problem;
use crate::http::wire::{Time, Wire};
use freshtrack_core::device::{BATTERY_LOW_MV_DEFAULT, Device, DeviceKind, Transport};
use freshtrack_core::hierarchy::parse_name;
use freshtrack_core::ids::{DeviceId, OrgId, UnitId};
use freshtrack_core::ports::AssignDevice;
use freshtrack_core::temperature::TemperatureDelta;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{ApiResponse, Object, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// A sensor.
#[derive(Debug, Object)]
#[oai(rename = "Device")]
pub struct DeviceView {
    /// Id.
    id: Uuid,
    /// Display name.
    name: String,
    /// LoRaWAN identity: 16 hex digits.
    #[oai(skip_serializing_if_is_none)]
    dev_eui: Option<String>,
    /// What it measures.
    kind: Wire<DeviceKind>,
    /// How it reaches us.
    transport: Wire<Transport>,
    /// Sensor model, which names its codec and probe roles.
    #[oai(skip_serializing_if_is_none)]
    model: Option<String>,
    /// The unit it is assigned to.
    #[oai(skip_serializing_if_is_none)]
    unit_id: Option<Uuid>,
    /// Whether its readings drive the unit.
    is_primary: bool,
    /// Seconds between its uplinks.
    #[oai(skip_serializing_if_is_none)]
    uplink_interval_seconds: Option<u32>,
    /// Last uplink of any kind.
    #[oai(skip_serializing_if_is_none)]
    last_seen_at: Option<Time>,
    /// When it was made.
    created_at: Time,
    /// Raised by one with each change.
    version: i64,
}

impl From<Device> for DeviceView {
    fn from(d: Device) -> Self {
        Self {
            id: d.id.as_uuid(),
            name: d.name,
            dev_eui: d.dev_eui,
            kind: Wire(d.kind),
            transport: Wire(d.transport),
            model: d.model,
            unit_id: d.unit_id.map(|unit| unit.as_uuid()),
            is_primary: d.is_primary,
            uplink_interval_seconds: d.uplink_interval_seconds,
            last_seen_at: d.last_seen_at.map(Time),
            created_at: Time(d.created_at),
            version: d.version,
        }
    }
}

list_of!(DeviceList, DeviceView, "Devices.");

/// A new sensor.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewDevice {
    /// Display name, 1–256 characters.
    name: String,
    /// LoRaWAN identity: 16 hex digits, separators allowed; unique in the organization.
    dev_eui: Option<String>,
    /// What it measures; `temperature` if left out.
    kind: Option<Wire<DeviceKind>>,
    /// How it reaches us; `lora` with a `dev_eui`, else `api`.
    transport: Option<Wire<Transport>>,
    /// Sensor model, e.g. `dragino-lht65`.
    #[oai(validator(max_length = 128))]
    model: Option<String>,
    /// The unit it watches.
    unit_id: Option<Uuid>,
    /// Seconds between its uplinks, 30–86,400; the rule's interval if left out.
    #[oai(validator(minimum(value = "30"), maximum(value = "86400")))]
    uplink_interval_seconds: Option<u32>,
}

/// A device's new assignment.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct Assignment {
    /// The unit, or null to take the device away.
    unit_id: MaybeUndefined<Uuid>,
    /// Whether its readings drive the unit; the first temperature device always does.
    #[oai(default)]
    is_primary: bool,
}

/// A device was made.
#[derive(Debug, ApiResponse)]
pub enum DeviceCreated {
    /// The device.
    #[oai(status = 201)]
    Created(Json<DeviceView>, #[oai(header = "Location")] String),
}

/// Writes a DevEUI as 16 upper-case hex digits.
fn dev_eui_of(text: &str) -> Result<String, Problem> {
    let digits: String = text
        .chars()
        .filter(|c| !matches!(c, ':' | '-' | ' '))
        .map(|c| c.to_ascii_uppercase())
        .collect();
    if digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(digits)
    } else {
        Err(Problem::field("/dev_eui", "must be 16 hex digits"))
    }
}

/// Sensors.
#[derive(Debug)]
pub struct DevicesApi;

#[OpenApi(tag = "Tags::Devices")]
impl DevicesApi {
    /// Devices of the organization
    #[oai(
        path = "/organizations/:org_id/devices",
        method = "get",
        operation_id = "list_devices"
    )]
    async fn list_devices(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        /// Only of this unit.
        unit_id: Query<Option<Uuid>>,
        /// Rows wanted, 1–200; 50 if left out.
        limit: Query<Option<u16>>,
        /// `next` of the page before.
        after: Query<Option<String>>,
    ) -> Result<Json<DeviceList>, Problem> {
        let access = caller
            .authorize(&app, OrgId::from_uuid(org_id.0), Operation::ListDevices)
            .await?;
        let request = page::request("devices", limit.0, after.0.as_deref())?;
        let unit = unit_id.0.map(UnitId::from_uuid);
        let page = app.store.devices.list(access.org, unit, request).await?;
        Ok(Json(DeviceList::from_page("devices", page)))
    }

    /// One device
    #[oai(
        path = "/organizations/:org_id/devices/:device_id",
        method = "get",
        operation_id = "get_device"
    )]
    async fn get_device(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        device_id: Path<Uuid>,
    ) -> Result<Json<DeviceView>, Problem> {
        let access = caller
            .authorize(&app, OrgId::from_uuid(org_id.0), Operation::GetDevice)
            .await?;
        let device = app
            .store
            .devices
            .find(access.org, DeviceId::from_uuid(device_id.0))
            .await?;
        found(device).map(|d| Json(d.into()))
    }

    /// Makes a device
    #[oai(
        path = "/organizations/:org_id/devices",
        method = "post",
        operation_id = "create_device"
    )]
    async fn create_device(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        body: Body<NewDevice>,
    ) -> Result<DeviceCreated, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::CreateDevice).await?;
        let new = body.0;
        let dev_eui = new.dev_eui.as_deref().map(dev_eui_of).transpose()?;
        let transport = new.transport.map_or(
            if dev_eui.is_some() {
                Transport::Lora
            } else {
                Transport::Api
            },
            |transport| transport.0,
        );
        let now = app.clock.now();
        let device = Device {
            id: DeviceId::from_uuid(app.ids.uuid()),
            name: parse_name(&new.name).map_err(|e| Problem::field("/name", e.to_string()))?,
            dev_eui,
            kind: new.kind.map_or(DeviceKind::Temperature, |kind| kind.0),
            transport,
            model: new.model,
            unit_id: new.unit_id.map(UnitId::from_uuid),
            is_primary: false,
            uplink_interval_seconds: new.uplink_interval_seconds,
            battery_low_mv: BATTERY_LOW_MV_DEFAULT,
            sentinel_temperatures: Vec::new(),
            temperature_offset: TemperatureDelta::ZERO,
            calibration_due_at: None,
            last_seen_at: None,
            created_at: now,
            version: 1,
        };
        let record = journal::device(&access, now, "device.created", &device);
        let id = device.id;
        app.store.devices.create(org, device, record).await?;
        let stored = found(app.store.devices.find(org, id).await?)?;
        let location = format!("/api/v1/organizations/{org}/devices/{id}");
        Ok(DeviceCreated::Created(Json(stored.into()), location))
    }

    /// Assigns a device to a unit, or takes it away
    #[oai(
        path = "/organizations/:org_id/devices/:device_id/assignment",
        method = "put",
        operation_id = "assign_device"
    )]
    async fn assign_device(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        device_id: Path<Uuid>,
        body: Body<Assignment>,
    ) -> Result<Json<DeviceView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::AssignDevice).await?;
        let unit = match body.0.unit_id {
            MaybeUndefined::Undefined => {
                return Err(Problem::field("/unit_id", "must be a unit's id or null"));
            }
            MaybeUndefined::Null => None,
            MaybeUndefined::Value(unit) => Some(UnitId::from_uuid(unit)),
        };
        let id = DeviceId::from_uuid(device_id.0);
        let mut device = found(app.store.devices.find(org, id).await?)?;
        device.unit_id = unit;
        device.is_primary = body.0.is_primary;
        let record = journal::device(&access, app.clock.now(), "device.assigned", &device);
        let change = AssignDevice {
            device: id,
            unit,
            is_primary: body.0.is_primary,
        };
        Ok(Json(
            app.store.devices.assign(org, change, record).await?.into(),
        ))
    }
}
