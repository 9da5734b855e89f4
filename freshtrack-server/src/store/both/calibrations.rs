//! [`Calibrations`] on either database.

use super::{Adapter, Connection, finish, journal};
use crate::store::alert_filter::bound;
use crate::store::column::{At, to_json};
use crate::store::error::failed;
use crate::store::rows::{BodyRow, DeviceRow};
use async_trait::async_trait;
use freshtrack_alerts::calibration::Calibration;
use freshtrack_alerts::ports::{CalibrationCursor, Calibrations};
use freshtrack_core::audit::Journal;
use freshtrack_core::device::Device;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{DeviceId, OrgId};
use freshtrack_core::page::{Page, PageRequest};

const TABLE: &str = "calibration";
const MISSING: StoreError = StoreError::Missing { what: "device" };

#[async_trait]
impl Calibrations for Adapter {
    async fn add(
        &self,
        org: OrgId,
        calibration: Calibration,
        journal: Journal,
    ) -> Result<Device, StoreError> {
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        let device_key: Option<i64> =
            sqlx::query_scalar("SELECT key FROM device WHERE org_key = $1 AND id = $2")
                .bind(head.org_key)
                .bind(calibration.device.as_uuid())
                .fetch_optional(&mut *tx)
                .await
                .map_err(failed)?;
        let device_key = device_key.ok_or(MISSING)?;
        apply_if_newest(&mut tx, device_key, &calibration).await?;
        insert(&mut tx, head.org_key, device_key, &calibration).await?;
        make_due(&mut tx, device_key, At(calibration.recorded_at)).await?;
        journal::append(&mut tx, org, head, &journal).await?;
        let row: Option<DeviceRow> = sqlx::query_as(
            "SELECT d.id, COALESCE(d.dev_eui, d.archived_eui) AS dev_eui, d.name, d.kind, d.transport,
                    d.model, u.id AS unit_id, d.is_primary, d.uplink_interval_seconds, d.battery_low_mv,
                    d.sentinel_temperatures, d.temperature_offset, d.calibration_due_at,
                    d.last_seen_at, d.created_at, d.updated_at, d.version, d.archived_at,
                    d.archived_by, d.archive_batch
             FROM device d LEFT JOIN unit u ON u.key = d.unit_key
             WHERE d.key = $1",
        )
        .bind(device_key)
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?;
        let device = row.ok_or(MISSING)?.into_device()?;
        finish(tx).await?;
        Ok(device)
    }

    async fn list(
        &self,
        org: OrgId,
        device: DeviceId,
        page: PageRequest<CalibrationCursor>,
    ) -> Result<Page<Calibration, CalibrationCursor>, StoreError> {
        let after = page.after.map(|(at, id)| (at, id.as_uuid()));
        let (before, before_id) = bound(None, after);
        let rows: Vec<BodyRow> = sqlx::query_as(
            "SELECT c.body FROM calibration c
             WHERE c.device_key = (SELECT d.key FROM device d JOIN organization o ON o.key = d.org_key
                                   WHERE o.id = $1 AND d.id = $2)
               AND (c.calibrated_at, c.id) < ($3, $4)
             ORDER BY c.calibrated_at DESC, c.id DESC LIMIT $5",
        )
        .bind(org.as_uuid())
        .bind(device.as_uuid())
        .bind(At(before))
        .bind(before_id)
        .bind(i64::from(page.limit) + 1)
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        let found: Result<Vec<Calibration>, StoreError> =
            rows.into_iter().map(|row| row.into_record(TABLE)).collect();
        Ok(Page::from_surplus(found?, page.limit, |known| {
            (known.calibrated_at, known.id)
        }))
    }
}

/// Writes offset and due date to the device unless a later calibration is on record.
async fn apply_if_newest(
    conn: &mut Connection,
    device_key: i64,
    calibration: &Calibration,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE device SET temperature_offset = $2, calibration_due_at = $3, version = version + 1
         WHERE key = $1 AND NOT EXISTS (SELECT 1 FROM calibration c
                                        WHERE c.device_key = $1 AND c.calibrated_at > $4)",
    )
    .bind(device_key)
    .bind(calibration.temperature_offset.milli_celsius())
    .bind(At(calibration.due_at))
    .bind(At(calibration.calibrated_at))
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}

async fn insert(
    conn: &mut Connection,
    org_key: i64,
    device_key: i64,
    calibration: &Calibration,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO calibration (org_key, id, device_key, calibrated_at, body)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(org_key)
    .bind(calibration.id.as_uuid())
    .bind(device_key)
    .bind(At(calibration.calibrated_at))
    .bind(to_json(calibration)?)
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}

/// Makes the unit the device is on due; an evaluation with the old offset becomes a conflict.
async fn make_due(conn: &mut Connection, device_key: i64, at: At) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE unit_monitor SET version = version + 1,
                next_deadline = CASE WHEN next_deadline < $2 THEN next_deadline ELSE $2 END
         WHERE unit_key = (SELECT d.unit_key FROM device d WHERE d.key = $1)",
    )
    .bind(device_key)
    .bind(at)
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}
