//! [`Devices`] on either database.

use super::archive::make_unit_due;
use super::{Adapter, Connection, finish, journal};
use crate::store::column::{At, to_json};
use crate::store::error::{failed, inserted};
use crate::store::rows::DeviceRow;
use async_trait::async_trait;
use freshtrack_core::audit::Journal;
use freshtrack_core::device::{Device, DeviceKind};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{DeviceId, OrgId, UnitId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::ports::{AssignDevice, Devices, LifeCycle, Shelf};
use sqlx::FromRow;

#[async_trait]
impl Devices for Adapter {
    async fn create(&self, org: OrgId, device: Device, journal: Journal) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        let unit_key = unit_key(&mut tx, head.org_key, device.unit_id).await?;
        let device_key = insert(&mut tx, head.org_key, unit_key, &device).await?;
        let candidate = Candidate {
            key: device_key,
            kind: device.kind.as_str().to_owned(),
            unit_key,
        };
        settle_primary(&mut tx, &candidate, device.is_primary).await?;
        make_unit_due(&mut tx, unit_key, device.created_at).await?;
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await
    }

    async fn assign(
        &self,
        org: OrgId,
        change: AssignDevice,
        journal: Journal,
    ) -> Result<Device, StoreError> {
        let missing = || StoreError::Missing { what: "device" };
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        let mut device = candidate(&mut tx, head.org_key, change.device)
            .await?
            .ok_or_else(missing)?;
        let unit_key = unit_key(&mut tx, head.org_key, change.unit).await?;
        let left = std::mem::replace(&mut device.unit_key, unit_key);
        sqlx::query(
            "UPDATE device SET unit_key = $2, is_primary = FALSE, version = version + 1
             WHERE key = $1",
        )
        .bind(device.key)
        .bind(unit_key)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        settle_primary(&mut tx, &device, change.is_primary).await?;
        let now = journal.audit.first().map(|event| event.at);
        let now = now.unwrap_or_default();
        if left != unit_key {
            appoint_if_none(&mut tx, left).await?;
            make_unit_due(&mut tx, left, now).await?;
        }
        make_unit_due(&mut tx, unit_key, now).await?;
        journal::append(&mut tx, org, head, &journal).await?;
        let row: Option<DeviceRow> = sqlx::query_as(
            "SELECT d.id, COALESCE(d.dev_eui, d.archived_eui) AS dev_eui, d.name, d.kind, d.transport, d.model, u.id AS unit_id,
                    d.is_primary, d.uplink_interval_seconds, d.battery_low_mv,
                    d.sentinel_temperatures, d.temperature_offset, d.calibration_due_at,
                    d.last_seen_at, d.created_at, d.updated_at,
                d.version, d.archived_at, d.archived_by, d.archive_batch
             FROM device d LEFT JOIN unit u ON u.key = d.unit_key
             WHERE d.key = $1",
        )
        .bind(device.key)
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?;
        let device = row.ok_or_else(missing)?.into_device()?;
        finish(tx).await?;
        Ok(device)
    }

    async fn find(&self, org: OrgId, id: DeviceId) -> Result<Option<Device>, StoreError> {
        let row: Option<DeviceRow> = sqlx::query_as(
            "SELECT d.id, COALESCE(d.dev_eui, d.archived_eui) AS dev_eui, d.name, d.kind, d.transport, d.model, u.id AS unit_id,
                    d.is_primary, d.uplink_interval_seconds, d.battery_low_mv,
                    d.sentinel_temperatures, d.temperature_offset, d.calibration_due_at,
                    d.last_seen_at, d.created_at, d.updated_at,
                d.version, d.archived_at, d.archived_by, d.archive_batch
             FROM device d LEFT JOIN unit u ON u.key = d.unit_key
             WHERE d.org_key = (SELECT key FROM organization WHERE id = $1) AND d.id = $2",
        )
        .bind(org.as_uuid())
        .bind(id.as_uuid())
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        row.map(DeviceRow::into_device).transpose()
    }

    async fn find_by_eui(&self, org: OrgId, dev_eui: &str) -> Result<Option<Device>, StoreError> {
        let row: Option<DeviceRow> = sqlx::query_as(
            "SELECT d.id, COALESCE(d.dev_eui, d.archived_eui) AS dev_eui, d.name, d.kind, d.transport, d.model, u.id AS unit_id,
                    d.is_primary, d.uplink_interval_seconds, d.battery_low_mv,
                    d.sentinel_temperatures, d.temperature_offset, d.calibration_due_at,
                    d.last_seen_at, d.created_at, d.updated_at,
                d.version, d.archived_at, d.archived_by, d.archive_batch
             FROM device d LEFT JOIN unit u ON u.key = d.unit_key
             WHERE d.org_key = (SELECT key FROM organization WHERE id = $1) AND d.dev_eui = $2",
        )
        .bind(org.as_uuid())
        .bind(dev_eui)
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        row.map(DeviceRow::into_device).transpose()
    }

    async fn list(
        &self,
        org: OrgId,
        unit: Option<UnitId>,
        page: PageRequest<DeviceId>,
    ) -> Result<Page<Device, DeviceId>, StoreError> {
        LifeCycle::devices_on(self, org, unit, Shelf::InUse, page).await
    }
}

/// A device that may become primary.
#[derive(FromRow)]
struct Candidate {
    key: i64,
    kind: String,
    unit_key: Option<i64>,
}

async fn candidate(
    conn: &mut Connection,
    org_key: i64,
    id: DeviceId,
) -> Result<Option<Candidate>, StoreError> {
    sqlx::query_as(
        "SELECT key, kind, unit_key FROM device
         WHERE org_key = $1 AND id = $2 AND archived_at IS NULL",
    )
    .bind(org_key)
    .bind(id.as_uuid())
    .fetch_optional(conn)
    .await
    .map_err(failed)
}

/// The key of a unit of the organization.
async fn unit_key(
    conn: &mut Connection,
    org_key: i64,
    unit: Option<UnitId>,
) -> Result<Option<i64>, StoreError> {
    let Some(unit) = unit else {
        return Ok(None);
    };
    let key: Option<i64> = sqlx::query_scalar(
        "SELECT key FROM unit WHERE org_key = $1 AND id = $2 AND archived_at IS NULL",
    )
    .bind(org_key)
    .bind(unit.as_uuid())
    .fetch_optional(conn)
    .await
    .map_err(failed)?;
    key.map(Some).ok_or(StoreError::Missing { what: "unit" })
}

/// Stores a device that is not primary yet and answers its key.
async fn insert(
    conn: &mut Connection,
    org_key: i64,
    unit_key: Option<i64>,
    device: &Device,
) -> Result<i64, StoreError> {
    let key: Option<i64> = sqlx::query_scalar(
        "INSERT INTO device (org_key, id, dev_eui, name, kind, transport, model, unit_key, is_primary,
                             uplink_interval_seconds, battery_low_mv, sentinel_temperatures,
                             temperature_offset, calibration_due_at, last_seen_at, created_at,
                             updated_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, FALSE, $9, $10, $11, $12, $13, $14, $15, $15, $16)
         ON CONFLICT (org_key, dev_eui) DO NOTHING RETURNING key",
    )
    .bind(org_key)
    .bind(device.id.as_uuid())
    .bind(&device.dev_eui)
    .bind(&device.name)
    .bind(device.kind.as_str())
    .bind(device.transport.as_str())
    .bind(&device.model)
    .bind(unit_key)
    .bind(device.uplink_interval_seconds.map(u32::cast_signed))
    .bind(i32::from(device.battery_low_mv))
    .bind(to_json(&device.sentinel_temperatures)?)
    .bind(device.temperature_offset.milli_celsius())
    .bind(device.calibration_due_at.map(At))
    .bind(device.last_seen_at.map(At))
    .bind(At(device.created_at))
    .bind(device.version)
    .fetch_optional(conn)
    .await
    .map_err(failed)?;
    inserted(u64::from(key.is_some()), "dev_eui")?;
    key.ok_or(StoreError::Taken { what: "dev_eui" })
}

/// Makes `device`, just put on its unit and not primary, primary if it `wants` to be; else lets
/// somebody be. A device on no unit and one that measures no temperature is never primary.
async fn settle_primary(
    conn: &mut Connection,
    device: &Candidate,
    wants: bool,
) -> Result<(), StoreError> {
    if device.unit_key.is_some() && wants && device.kind != DeviceKind::Door.as_str() {
        sqlx::query(
            "UPDATE device SET is_primary = FALSE, version = version + 1
             WHERE unit_key = $1 AND is_primary",
        )
        .bind(device.unit_key)
        .execute(&mut *conn)
        .await
        .map_err(failed)?;
        sqlx::query("UPDATE device SET is_primary = TRUE WHERE key = $1")
            .bind(device.key)
            .execute(&mut *conn)
            .await
            .map_err(failed)?;
    }
    appoint_if_none(conn, device.unit_key).await
}

/// Makes the first temperature device of a unit primary if none is.
pub(super) async fn appoint_if_none(
    conn: &mut Connection,
    unit_key: Option<i64>,
) -> Result<(), StoreError> {
    if unit_key.is_none() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE device SET is_primary = TRUE
         WHERE key = (SELECT d.key FROM device d
                      WHERE d.unit_key = $1 AND d.kind <> 'door' AND d.archived_at IS NULL
                      ORDER BY d.id LIMIT 1)
           AND NOT EXISTS (SELECT 1 FROM device p WHERE p.unit_key = $1 AND p.is_primary)",
    )
    .bind(unit_key)
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}
