//! Readings of a unit, and values put aside.

use super::{Scale, Tags, found, shown};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::page;
use crate::http::permissions::Operation;
use crate::http::problem::Problem;
use crate::http::wire::{Time, Wire};
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::ports::{ReadingOrder, ReadingQuery};
use freshtrack_core::reading::{
    DoorState, QuarantineReason, QuarantinedReading, Reading, ReadingSource, Zone,
};
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_core::time::Timestamp;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// A stored reading.
#[derive(Debug, Object)]
#[oai(rename = "Reading")]
pub struct ReadingView {
    /// Id, derived from unit, device and time.
    id: Uuid,
    /// The unit.
    unit_id: Uuid,
    /// The device that took it.
    #[oai(skip_serializing_if_is_none)]
    device_id: Option<Uuid>,
    /// When it was taken.
    recorded_at: Time,
    /// When it arrived.
    received_at: Time,
    /// Corrected temperature.
    #[oai(skip_serializing_if_is_none)]
    temperature: Option<f64>,
    /// Temperature before the calibration offset, where it differs.
    #[oai(skip_serializing_if_is_none)]
    raw_temperature: Option<f64>,
    /// Scale of the temperatures.
    temperature_unit: Scale,
    /// Relative humidity in percent.
    #[oai(skip_serializing_if_is_none)]
    humidity_percent: Option<f64>,
    /// Battery in percent.
    #[oai(skip_serializing_if_is_none)]
    battery_percent: Option<u8>,
    /// Battery in millivolts.
    #[oai(skip_serializing_if_is_none)]
    battery_mv: Option<u16>,
    /// Signal strength in dBm.
    #[oai(skip_serializing_if_is_none)]
    rssi_dbm: Option<i16>,
    /// Signal to noise ratio in dB.
    #[oai(skip_serializing_if_is_none)]
    snr_db: Option<f64>,
    /// Door state, when the reading carries one.
    #[oai(skip_serializing_if_is_none)]
    door: Option<Wire<DoorState>>,
    /// Where it stood against the limits; absent for what was not evaluated.
    #[oai(skip_serializing_if_is_none)]
    zone: Option<Wire<Zone>>,
    /// Where it came from.
    source: Wire<ReadingSource>,
    /// Arrived after a newer one: on record, without effect on the live state.
    late: bool,
    /// Dated ahead of our clock.
    clock_ahead: bool,
    /// Made by a simulator.
    simulated: bool,
}

impl ReadingView {
    fn of(reading: &Reading, unit: TemperatureUnit) -> Self {
        Self {
            id: reading.id().as_uuid(),
            unit_id: reading.unit.as_uuid(),
            device_id: reading.device.map(|d| d.as_uuid()),
            recorded_at: Time(reading.recorded_at),
            received_at: Time(reading.received_at),
            temperature: shown(reading.temperature, unit),
            raw_temperature: shown(reading.raw_temperature, unit),
            temperature_unit: unit.into(),
            humidity_percent: reading.humidity_centi.map(|h| f64::from(h) / 100.0),
            battery_percent: reading.battery_percent,
            battery_mv: reading.battery_mv,
            rssi_dbm: reading.rssi_dbm,
            snr_db: reading.snr_centi.map(|s| f64::from(s) / 100.0),
            door: reading.door.map(Wire),
            zone: reading.zone.map(Wire),
            source: Wire(reading.source),
            late: reading.flags.late,
            clock_ahead: reading.flags.clock_ahead,
            simulated: reading.flags.simulated,
        }
    }
}

/// Readings.
#[derive(Debug, Object)]
pub struct ReadingList {
    /// The rows of this page.
    items: Vec<ReadingView>,
    /// Cursor of the next page; absent at the end.
    #[oai(skip_serializing_if_is_none)]
    next: Option<String>,
}

/// A value put aside: evidence, but neither state nor check-in.
#[derive(Debug, Object)]
#[oai(rename = "QuarantinedReading")]
pub struct QuarantinedView {
    /// The unit it claims to be of.
    unit_id: Uuid,
    /// The device that sent it.
    #[oai(skip_serializing_if_is_none)]
    device_id: Option<Uuid>,
    /// When it claims to have been taken.
    recorded_at: Time,
    /// When it arrived.
    received_at: Time,
    /// Why it was put aside.
    reason: Wire<QuarantineReason>,
    /// The value as it was written.
    raw_value: String,
}

impl From<QuarantinedReading> for QuarantinedView {
    fn from(q: QuarantinedReading) -> Self {
        Self {
            unit_id: q.unit.as_uuid(),
            device_id: q.device.map(|d| d.as_uuid()),
            recorded_at: Time(q.recorded_at),
            received_at: Time(q.received_at),
            reason: Wire(q.reason),
            raw_value: q.raw_value,
        }
    }
}

/// Values put aside, newest first.
#[derive(Debug, Object)]
pub struct QuarantinedList {
    /// At most 200.
    items: Vec<QuarantinedView>,
}

/// Direction of a list.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "lowercase")]
pub enum Order {
    /// Oldest first.
    Asc,
    /// Newest first.
    Desc,
}

/// Readings.
#[derive(Debug)]
pub struct ReadingsApi;

#[OpenApi(tag = "Tags::Readings")]
impl ReadingsApi {
    /// Readings of a unit in a window
    #[oai(
        path = "/organizations/:org_id/units/:unit_id/readings",
        method = "get",
        operation_id = "list_readings"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "one argument per documented parameter"
    )]
    async fn list_readings(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        unit_id: Path<Uuid>,
        /// Recorded at or after.
        from: Query<Option<Time>>,
        /// Recorded before.
        to: Query<Option<Time>>,
        /// Direction; newest first if left out.
        order: Query<Option<Order>>,
        /// Scale of the answer; the organization's if left out.
        temperature_unit: Query<Option<Scale>>,
        /// Rows wanted, 1–200; 50 if left out.
        limit: Query<Option<u16>>,
        /// `next` of the page before.
        after: Query<Option<String>>,
    ) -> Result<Json<ReadingList>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller.authorize(&app, org, Operation::ListReadings).await?;
        let unit = UnitId::from_uuid(unit_id.0);
        found(app.store.places.find_unit(org, unit).await?)?;
        let scale = app
            .display_unit(org, temperature_unit.0.map(Into::into))
            .await?;
        let order = match order.0 {
            Some(Order::Asc) => ReadingOrder::OldestFirst,
            Some(Order::Desc) | None => ReadingOrder::NewestFirst,
        };
        let query = ReadingQuery {
            unit,
            from: from.0.map_or(Timestamp::MIN, |time| time.0),
            to: to.0.map_or(Timestamp::MAX, |time| time.0),
            order,
        };
        let list = format!("readings/{unit}/{order:?}");
        let request = page::request(&list, limit.0, after.0.as_deref())?;
        let page = app.store.readings.list(org, query, request).await?;
        Ok(Json(ReadingList {
            items: page
                .items
                .iter()
                .map(|r| ReadingView::of(r, scale))
                .collect(),
            next: page.next.map(|key| page::encode(&list, &key)),
        }))
    }

    /// The newest evaluated reading of a unit
    #[oai(
        path = "/organizations/:org_id/units/:unit_id/readings/latest",
        method = "get",
        operation_id = "get_latest_reading"
    )]
    async fn get_latest_reading(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        unit_id: Path<Uuid>,
        /// Scale of the answer; the organization's if left out.
        temperature_unit: Query<Option<Scale>>,
    ) -> Result<Json<ReadingView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller
            .authorize(&app, org, Operation::GetLatestReading)
            .await?;
        let scale = app
            .display_unit(org, temperature_unit.0.map(Into::into))
            .await?;
        let latest = app
            .store
            .readings
            .latest(org, &[UnitId::from_uuid(unit_id.0)])
            .await?;
        found(latest.first()).map(|reading| Json(ReadingView::of(reading, scale)))
    }

    /// Values put aside, newest first
    #[oai(
        path = "/organizations/:org_id/quarantined-readings",
        method = "get",
        operation_id = "list_quarantined_readings"
    )]
    async fn list_quarantined_readings(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        /// Only of this unit.
        unit_id: Query<Option<Uuid>>,
    ) -> Result<Json<QuarantinedList>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller
            .authorize(&app, org, Operation::ListQuarantinedReadings)
            .await?;
        let unit = unit_id.0.map(UnitId::from_uuid);
        let rows = app.store.readings.quarantined(org, unit, 200).await?;
        Ok(Json(QuarantinedList {
            items: rows.into_iter().map(Into::into).collect(),
        }))
    }
}
