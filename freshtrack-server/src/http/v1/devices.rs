//! Sensors and the units they watch.

use super::life::{self, ArchivedAnswer, change, change_text, kept, new_name, settled};
use super::{Tags, etag, found, journal, list_of, match_version};
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
use freshtrack_core::ports::{AssignDevice, Resource, ResourceId};
use freshtrack_core::temperature::{Temperature, TemperatureDelta, TemperatureUnit};
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
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
    /// Voltage at or below which the battery counts as low.
    battery_low_mv: u16,
    /// °C values by which this device says that it has no probe.
    sentinel_temperatures: Vec<f64>,
    /// When it was made.
    created_at: Time,
    /// When people last changed it.
    updated_at: Time,
    /// Raised by one with each change.
    version: i64,
    /// When it was archived; absent while it is in use.
    #[oai(skip_serializing_if_is_none)]
    archived_at: Option<Time>,
    /// Who archived it.
    #[oai(skip_serializing_if_is_none)]
    archived_by: Option<Uuid>,
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
            battery_low_mv: d.battery_low_mv,
            sentinel_temperatures: d
                .sentinel_temperatures
                .into_iter()
                .map(|t| t.in_unit(TemperatureUnit::C))
                .collect(),
            created_at: Time(d.created_at),
            updated_at: Time(d.updated_at),
            version: d.version,
            archived_at: d.archived.map(|archived| Time(archived.at)),
            archived_by: d.archived.and_then(|a| a.by).map(|by| by.as_uuid()),
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
    Created(
        Json<DeviceView>,
        #[oai(header = "Location")] String,
        #[oai(header = "ETag")] String,
    ),
}

/// A device with its version as entity tag.
#[derive(Debug, ApiResponse)]
pub enum DeviceAnswer {
    /// The device.
    #[oai(status = 200)]
    Found(Json<DeviceView>, #[oai(header = "ETag")] String),
}

impl DeviceAnswer {
    fn of(row: Device) -> Self {
        let tag = etag(row.version);
        Self::Found(Json(row.into()), tag)
    }
}

/// Most characters of a model's name.
const MODEL: (&str, usize) = ("/model", 128);
/// Seconds between uplinks.
const INTERVAL: std::ops::RangeInclusive<u32> = 30..=86_400;
/// Most values by which a device says that it has no probe.
const SENTINELS_MAX: usize = 16;

/// A change of a device: what is left out stays, null clears. Its unit is judged by it at once.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct DevicePatch {
    /// Display name, 1–256 characters.
    name: MaybeUndefined<String>,
    /// Sensor model, e.g. `dragino-lht65`, at most 128 characters.
    #[oai(nullable)]
    model: MaybeUndefined<String>,
    /// Seconds between its uplinks, 30–86,400; the rule's interval if cleared.
    #[oai(nullable)]
    uplink_interval_seconds: MaybeUndefined<u32>,
    /// Voltage at or below which the battery counts as low, up to 10,000.
    battery_low_mv: MaybeUndefined<u16>,
    /// °C values by which this device says that it has no probe, at most 16.
    sentinel_temperatures: MaybeUndefined<Vec<f64>>,
}

impl DevicePatch {
    fn apply(self, device: &mut Device) -> Result<(), Problem> {
        if let Some(name) = new_name(self.name)? {
            device.name = name;
        }
        change_text(&mut device.model, self.model, MODEL)?;
        if let MaybeUndefined::Value(seconds) = self.uplink_interval_seconds
            && !INTERVAL.contains(&seconds)
        {
            let detail = "must be from 30 to 86400";
            return Err(Problem::field("/uplink_interval_seconds", detail));
        }
        change(
            &mut device.uplink_interval_seconds,
            self.uplink_interval_seconds,
        );
        if let Some(millivolts) = kept(self.battery_low_mv, "/battery_low_mv")? {
            if millivolts > 10_000 {
                return Err(Problem::field("/battery_low_mv", "must be from 0 to 10000"));
            }
            device.battery_low_mv = millivolts;
        }
        if let Some(values) = kept(self.sentinel_temperatures, "/sentinel_temperatures")? {
            device.sentinel_temperatures = sentinels(&values)?;
        }
        Ok(())
    }
}

fn sentinels(values: &[f64]) -> Result<Vec<Temperature>, Problem> {
    let pointer = "/sentinel_temperatures";
    if values.len() > SENTINELS_MAX {
        return Err(Problem::field(pointer, "must be at most 16 values"));
    }
    let value = |value: &f64| {
        Temperature::parse(&value.to_string(), TemperatureUnit::C)
            .map_err(|_| Problem::field(pointer, "must be temperatures in °C"))
    };
    values.iter().map(value).collect()
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
    #[expect(
        clippy::too_many_arguments,
        reason = "one argument per documented parameter"
    )]
    async fn list_devices(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        /// Only of this unit.
        unit_id: Query<Option<Uuid>>,
        /// Those in the archive instead of those in use.
        archived: Query<Option<bool>>,
        /// Rows wanted, 1–200; 50 if left out.
        limit: Query<Option<u16>>,
        /// `next` of the page before.
        after: Query<Option<String>>,
    ) -> Result<Json<DeviceList>, Problem> {
        let access = caller
            .authorize(&app, OrgId::from_uuid(org_id.0), Operation::ListDevices)
            .await?;
        let which = life::shelf(archived.0);
        let list = life::list_name("devices", which, "archived-devices");
        let request = page::request(list, limit.0, after.0.as_deref())?;
        let unit = unit_id.0.map(UnitId::from_uuid);
        let cycle = &app.store.life_cycle;
        let page = cycle.devices_on(access.org, unit, which, request).await?;
        Ok(Json(DeviceList::from_page(list, page)))
    }

    /// One device, archived or not
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
    ) -> Result<DeviceAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller.authorize(&app, org, Operation::GetDevice).await?;
        let row = device(&app, org, DeviceId::from_uuid(device_id.0)).await?;
        Ok(DeviceAnswer::of(row))
    }

    /// Changes a device
    #[oai(
        path = "/organizations/:org_id/devices/:device_id",
        method = "patch",
        operation_id = "update_device"
    )]
    async fn update_device(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        device_id: Path<Uuid>,
        /// Entity tag of the version the change is based on; 412 if it is not the newest.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Body<DevicePatch>,
    ) -> Result<DeviceAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::UpdateDevice).await?;
        let mut row = device(&app, org, DeviceId::from_uuid(device_id.0)).await?;
        match_version(if_match.0.as_deref(), row.version)?;
        let now = app.clock.now();
        body.0.apply(&mut row)?;
        (row.version, row.updated_at) = (row.version + 1, now);
        let record = journal::device(&access, now, "device.changed", &row);
        let change = Resource::Device(row.clone());
        settled(app.store.life_cycle.change(org, change, record).await)?;
        evaluate_unit_of(&app, org, &row).await;
        Ok(DeviceAnswer::of(row))
    }

    /// Archives a device; its radio identity can be used again
    #[oai(
        path = "/organizations/:org_id/devices/:device_id",
        method = "delete",
        operation_id = "archive_device"
    )]
    async fn archive_device(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        device_id: Path<Uuid>,
        /// Entity tag of the version that is to be archived; 412 if it is not the newest.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<ArchivedAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller
            .authorize(&app, org, Operation::ArchiveDevice)
            .await?;
        let row = device(&app, org, DeviceId::from_uuid(device_id.0)).await?;
        match_version(if_match.0.as_deref(), row.version)?;
        let now = app.clock.now();
        let stamp = life::stamp(&app, &access, now)?;
        let record = journal::device(&access, now, "device.archived", &row);
        let id = ResourceId::Device(row.id);
        let cycle = &app.store.life_cycle;
        settled(cycle.archive(org, id, row.version, stamp, record).await)?;
        evaluate_unit_of(&app, org, &row).await;
        Ok(ArchivedAnswer::Archived)
    }

    /// Brings a device back from the archive, with what was archived together with it
    #[oai(
        path = "/organizations/:org_id/devices/:device_id/restore",
        method = "post",
        operation_id = "restore_device"
    )]
    async fn restore_device(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        device_id: Path<Uuid>,
        /// Entity tag of the version that is to be restored; 412 if it is not the newest.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<DeviceAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller
            .authorize(&app, org, Operation::RestoreDevice)
            .await?;
        let row = device(&app, org, DeviceId::from_uuid(device_id.0)).await?;
        match_version(if_match.0.as_deref(), row.version)?;
        let now = app.clock.now();
        let record = journal::device(&access, now, "device.restored", &row);
        let id = ResourceId::Device(row.id);
        let cycle = &app.store.life_cycle;
        settled(cycle.restore(org, id, row.version, now, record).await)?;
        evaluate_unit_of(&app, org, &row).await;
        let row = device(&app, org, row.id).await?;
        Ok(DeviceAnswer::of(row))
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
            updated_at: now,
            version: 1,
            archived: None,
        };
        let record = journal::device(&access, now, "device.created", &device);
        let id = device.id;
        app.store.devices.create(org, device, record).await?;
        let stored = found(app.store.devices.find(org, id).await?)?;
        evaluate_unit_of(&app, org, &stored).await;
        let location = format!("/api/v1/organizations/{org}/devices/{id}");
        let tag = etag(stored.version);
        Ok(DeviceCreated::Created(Json(stored.into()), location, tag))
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
        /// Entity tag of the version the change is based on; 412 if it is not the newest.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Body<Assignment>,
    ) -> Result<DeviceAnswer, Problem> {
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
        let mut device = device(&app, org, id).await?;
        match_version(if_match.0.as_deref(), device.version)?;
        let left = device.clone();
        device.unit_id = unit;
        device.is_primary = body.0.is_primary;
        let record = journal::device(&access, app.clock.now(), "device.assigned", &device);
        let change = AssignDevice {
            device: id,
            unit,
            is_primary: body.0.is_primary,
        };
        let assigned = app.store.devices.assign(org, change, record).await?;
        if left.unit_id != assigned.unit_id {
            evaluate_unit_of(&app, org, &left).await;
        }
        evaluate_unit_of(&app, org, &assigned).await;
        Ok(DeviceAnswer::of(assigned))
    }
}

/// The device, archived or not.
async fn device(app: &App, org: OrgId, id: DeviceId) -> Result<Device, Problem> {
    found(app.store.devices.find(org, id).await?)
}

/// Evaluates the unit a device is on, if it is on one.
async fn evaluate_unit_of(app: &App, org: OrgId, device: &Device) {
    if let Some(unit) = device.unit_id {
        life::evaluate(app, org, unit).await;
    }
}
