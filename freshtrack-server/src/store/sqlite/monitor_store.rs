//! [`MonitorStore`] on SQLite.

use super::lookup::ids_json;
use super::{Connection, SqliteStore, commit, suppressions};
use crate::store::column::At;
use crate::store::error::failed;
use crate::store::resolve::{Answers, Wanted};
use crate::store::rows::{
    ContextRow, DeviceRow, OrganizationRow, OutagesRow, RuleSetRow, StoredRow,
};
use async_trait::async_trait;
use freshtrack_alerts::change::{Change, Loaded, Resolved, Stored, Target, UnitContext};
use freshtrack_alerts::incident::StoredOutages;
use freshtrack_alerts::ports::MonitorStore;
use freshtrack_alerts::rules::RuleSet;
use freshtrack_core::device::Device;
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::Organization;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::reading::ReadingKey;
use freshtrack_core::time::Timestamp;
use serde_json::{Value, json};
use sqlx::FromRow;
use std::collections::HashMap;
use uuid::Uuid;

#[async_trait]
impl MonitorStore for SqliteStore {
    async fn resolve(
        &self,
        org: OrgId,
        targets: &[Target],
    ) -> Result<Vec<Option<Resolved>>, StoreError> {
        let wanted = Wanted::of(targets);
        let mut answers = Answers::default();
        if !wanted.units.is_empty() {
            answers.units = sqlx::query_scalar(
                "SELECT id FROM unit
                 WHERE org_key = (SELECT key FROM organization WHERE id = $1)
                   AND archived_at IS NULL
                   AND id IN (SELECT unhex(value) FROM json_each($2))",
            )
            .bind(org.as_uuid())
            .bind(ids_json(wanted.units.iter().copied()))
            .fetch_all(self.reader())
            .await
            .map_err(failed)?;
        }
        if !wanted.devices.is_empty() {
            answers.devices = sqlx::query_as(
                "SELECT d.id, d.dev_eui, u.id
                 FROM device d LEFT JOIN unit u ON u.key = d.unit_key AND u.archived_at IS NULL
                 WHERE d.org_key = (SELECT key FROM organization WHERE id = $1)
                   AND d.archived_at IS NULL AND d.id IN (SELECT unhex(value) FROM json_each($2))",
            )
            .bind(org.as_uuid())
            .bind(ids_json(wanted.devices.iter().copied()))
            .fetch_all(self.reader())
            .await
            .map_err(failed)?;
        }
        if !wanted.dev_euis.is_empty() {
            answers.dev_euis = sqlx::query_as(
                "SELECT d.id, d.dev_eui, u.id
                 FROM device d LEFT JOIN unit u ON u.key = d.unit_key AND u.archived_at IS NULL
                 WHERE d.org_key = (SELECT key FROM organization WHERE id = $1)
                   AND d.archived_at IS NULL AND d.dev_eui IN (SELECT value FROM json_each($2))",
            )
            .bind(org.as_uuid())
            .bind(json!(wanted.dev_euis).to_string())
            .fetch_all(self.reader())
            .await
            .map_err(failed)?;
        }
        Ok(answers.in_order_of(targets))
    }

    async fn load(&self, org: OrgId, units: &[UnitId]) -> Result<Option<Loaded>, StoreError> {
        let mut tx = self.snapshot().await?;
        let Some((org_key, organization, outages)) = organization(&mut tx, org).await? else {
            return Ok(None);
        };
        let ids = ids_json(units.iter().map(UnitId::as_uuid));
        let contexts = contexts(&mut tx, org_key, &ids).await?;
        let mut devices = devices_by_unit(&mut tx, org_key, &ids).await?;
        let rule_sets = rule_sets(&mut tx, org_key).await?;
        let units: Result<Vec<UnitContext>, StoreError> = contexts
            .into_iter()
            .map(|row| {
                let devices = devices.remove(&row.unit_key).unwrap_or_default();
                row.into_context(devices)
            })
            .collect();
        let mut units = units?;
        suppressions::learn(&mut tx, org, org_key, &mut units).await?;
        tx.commit().await.map_err(failed)?;
        Ok(Some(Loaded {
            organization,
            units,
            rule_sets,
            outages,
        }))
    }

    async fn stored(
        &self,
        org: OrgId,
        keys: &[ReadingKey],
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        let mut answers = vec![None; keys.len()];
        if keys.is_empty() {
            return Ok(answers);
        }
        let rows: Vec<StoredRow> = sqlx::query_as(STORED)
            .bind(org.as_uuid())
            .bind(keys_json(keys))
            .fetch_all(self.reader())
            .await
            .map_err(failed)?;
        for row in rows {
            let place = usize::try_from(row.position).ok();
            if let Some(answer) = place.and_then(|place| answers.get_mut(place)) {
                *answer = Some(row.into());
            }
        }
        Ok(answers)
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        commit::commit(self, changes).await
    }

    async fn due(&self, now: Timestamp, limit: u16) -> Result<Vec<(OrgId, UnitId)>, StoreError> {
        let due: Vec<(Uuid, Uuid)> = sqlx::query_as(
            "SELECT o.id, u.id
             FROM unit_monitor m
             JOIN unit u ON u.key = m.unit_key
             JOIN organization o ON o.key = m.org_key
             WHERE m.next_deadline <= $1
             ORDER BY m.next_deadline, m.unit_key LIMIT $2",
        )
        .bind(At(now))
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        Ok(due
            .into_iter()
            .map(|(org, unit)| (org.into(), unit.into()))
            .collect())
    }
}

/// What stands under each of a list of keys: `[unit, recorded_at, device or "", probe]`.
const STORED: &str = "
    WITH wanted AS (
        SELECT j.key AS position, u.key AS unit_key, j.value ->> 1 AS recorded_at,
               CASE WHEN j.value ->> 2 = '' THEN 0
                    ELSE (SELECT d.key FROM device d
                          WHERE d.org_key = u.org_key AND d.id = unhex(j.value ->> 2)) END AS device_key,
               j.value ->> 3 AS probe
        FROM json_each($2) j CROSS JOIN unit u
        ON u.org_key = (SELECT key FROM organization WHERE id = $1) AND u.id = unhex(j.value ->> 0))
    SELECT w.position, FALSE AS quarantined, r.temperature, r.raw_temperature
    FROM wanted w CROSS JOIN reading r ON r.unit_key = w.unit_key AND r.recorded_at = w.recorded_at
                              AND r.device_key = w.device_key AND r.probe = w.probe
    UNION ALL
    SELECT w.position, TRUE, NULL, NULL
    FROM wanted w CROSS JOIN quarantined_reading q ON q.unit_key = w.unit_key AND q.recorded_at = w.recorded_at
                                          AND q.device_key = w.device_key AND q.probe = w.probe";

fn keys_json(keys: &[ReadingKey]) -> String {
    let hex = |id: Uuid| id.simple().to_string();
    let keys: Vec<Value> = keys
        .iter()
        .map(|key| {
            json!([
                hex(key.unit.as_uuid()),
                key.recorded_at.as_micros(),
                key.device.map_or_else(String::new, |id| hex(id.as_uuid())),
                key.probe,
            ])
        })
        .collect();
    Value::from(keys).to_string()
}

#[derive(FromRow)]
struct KeyedOrganization {
    key: i64,
    #[sqlx(flatten)]
    row: OrganizationRow,
    #[sqlx(flatten)]
    outages: OutagesRow,
}

async fn organization(
    conn: &mut Connection,
    org: OrgId,
) -> Result<Option<(i64, Organization, StoredOutages)>, StoreError> {
    let row: Option<KeyedOrganization> = sqlx::query_as(
        "SELECT o.key, o.id, o.name, o.slug, o.timezone, o.display_unit, o.simulator_alerts,
                o.created_at, o.version, x.body AS outages, x.version AS outages_version
         FROM organization o LEFT JOIN outages x ON x.org_key = o.key WHERE o.id = $1",
    )
    .bind(org.as_uuid())
    .fetch_optional(conn)
    .await
    .map_err(failed)?;
    row.map(|found| {
        let outages = found.outages.into_outages()?;
        Ok((found.key, found.row.into_organization()?, outages))
    })
    .transpose()
}

async fn contexts(
    conn: &mut Connection,
    org_key: i64,
    ids: &str,
) -> Result<Vec<ContextRow>, StoreError> {
    sqlx::query_as(
        "SELECT u.key AS unit_key, u.id, s.id AS site_id, a.id AS area_id, u.name, u.unit_type,
                u.monitoring_mode, u.monitoring_started_at, u.details, u.created_at, u.updated_at, u.version,
                u.archived_at, u.archived_by, u.archive_batch,
                s.name AS site_name, s.timezone AS site_timezone, s.corrective_action_required,
                m.body, m.status, m.version AS monitor_version, m.stored_until
         FROM unit u
         JOIN site s ON s.key = u.site_key
         JOIN area a ON a.key = u.area_key
         JOIN unit_monitor m ON m.unit_key = u.key
         WHERE u.org_key = $1 AND u.id IN (SELECT unhex(value) FROM json_each($2))
         ORDER BY u.id",
    )
    .bind(org_key)
    .bind(ids)
    .fetch_all(conn)
    .await
    .map_err(failed)
}

#[derive(FromRow)]
struct UnitDevice {
    unit_key: i64,
    #[sqlx(flatten)]
    row: DeviceRow,
}

/// Devices of the units named, by unit, in order of id.
async fn devices_by_unit(
    conn: &mut Connection,
    org_key: i64,
    ids: &str,
) -> Result<HashMap<i64, Vec<Device>>, StoreError> {
    let rows: Vec<UnitDevice> = sqlx::query_as(
        "SELECT d.unit_key, d.id, d.dev_eui, d.name, d.kind, d.transport, d.model, u.id AS unit_id,
                d.is_primary, d.uplink_interval_seconds, d.battery_low_mv, d.sentinel_temperatures,
                d.temperature_offset, d.calibration_due_at, d.last_seen_at, d.created_at, d.updated_at,
                d.version, d.archived_at, d.archived_by, d.archive_batch
         FROM unit u JOIN device d ON d.unit_key = u.key AND d.archived_at IS NULL
         WHERE u.org_key = $1 AND u.id IN (SELECT unhex(value) FROM json_each($2))
         ORDER BY d.unit_key, d.id",
    )
    .bind(org_key)
    .bind(ids)
    .fetch_all(conn)
    .await
    .map_err(failed)?;
    let mut devices: HashMap<i64, Vec<Device>> = HashMap::new();
    for found in rows {
        let of_unit = devices.entry(found.unit_key).or_default();
        of_unit.push(found.row.into_device()?);
    }
    Ok(devices)
}

/// Every rule set of the organization.
pub(super) async fn rule_sets(
    conn: &mut Connection,
    org_key: i64,
) -> Result<Vec<RuleSet>, StoreError> {
    let rows: Vec<RuleSetRow> = sqlx::query_as(
        "SELECT scope, scope_id, unit_type, fields, version FROM rule_set
         WHERE org_key = $1 ORDER BY scope, scope_id, unit_type",
    )
    .bind(org_key)
    .fetch_all(conn)
    .await
    .map_err(failed)?;
    rows.into_iter().map(RuleSetRow::into_rule_set).collect()
}
