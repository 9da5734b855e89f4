//! [`RuleStore`] on either database.

use super::monitor_store::rule_sets;
use super::{Adapter, Connection, finish, journal};
use crate::store::column::{At, to_json};
use crate::store::error::failed;
use crate::store::rows::{DeviceRow, RuleLineRow, UnitRow, type_or_any};
use async_trait::async_trait;
use freshtrack_alerts::ports::{RuleChange, RuleLine, RulePlace, RuleStore, RulesBelow};
use freshtrack_alerts::rule_edit::place_of;
use freshtrack_alerts::rules::{RuleScope, RuleSet};
use freshtrack_core::audit::Journal;
use freshtrack_core::device::Device;
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::Unit;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::Timestamp;
use std::collections::HashMap;

/// Units `u` at or below a place: `$1` organization, `$2` scope, `$3` its id, `$4` type or ''.
macro_rules! below {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " JOIN site s ON s.key = u.site_key
              JOIN area a ON a.key = u.area_key
              WHERE u.org_key = $1
                AND ($2 = 'organization' OR ($2 = 'site' AND s.id = $3)
                     OR ($2 = 'area' AND a.id = $3) OR ($2 = 'unit' AND u.id = $3))
                AND ($4 = '' OR u.unit_type = $4) ",
            $after
        )
    };
}

#[async_trait]
impl RuleStore for Adapter {
    async fn rule_sets(&self, org: OrgId) -> Result<Vec<RuleSet>, StoreError> {
        let mut tx = self.snapshot().await?;
        let org_key = org_key(&mut tx, org).await?;
        let sets = match org_key {
            Some(org_key) => rule_sets(&mut tx, org_key).await?,
            None => Vec::new(),
        };
        tx.commit().await.map_err(failed)?;
        Ok(sets)
    }

    async fn below(&self, org: OrgId, place: RulePlace) -> Result<Option<RulesBelow>, StoreError> {
        let mut tx = self.snapshot().await?;
        let Some(org_key) = org_key(&mut tx, org).await? else {
            return Ok(None);
        };
        if !exists(&mut tx, org, org_key, place).await? {
            return Ok(None);
        }
        let mut devices = devices_below(&mut tx, org_key, place).await?;
        let units = units_below(&mut tx, org_key, place).await?;
        let rule_sets = rule_sets(&mut tx, org_key).await?;
        tx.commit().await.map_err(failed)?;
        let with_devices = |unit: Unit| {
            let devices = devices.remove(&unit.id).unwrap_or_default();
            (unit, devices)
        };
        Ok(Some(RulesBelow {
            rule_sets,
            units: units.into_iter().map(with_devices).collect(),
        }))
    }

    async fn change(
        &self,
        org: OrgId,
        change: RuleChange,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        let sets = rule_sets(&mut tx, head.org_key).await?;
        let revision: i64 = sets.iter().map(|set| set.version).sum();
        if revision != change.expected_revision {
            return Err(StoreError::Conflict);
        }
        put(&mut tx, head.org_key, &change.set).await?;
        for line in &change.lines {
            insert_line(&mut tx, head.org_key, line).await?;
        }
        make_due(&mut tx, head.org_key, place_of(&change.set), change.at).await?;
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await
    }

    async fn rule_history(
        &self,
        org: OrgId,
        place: RulePlace,
        page: PageRequest<i64>,
    ) -> Result<Page<RuleLine, i64>, StoreError> {
        let rows: Vec<RuleLineRow> = sqlx::query_as(
            "SELECT key, at, actor, unit_type, field, old_value, new_value, note FROM rule_history
             WHERE org_key = (SELECT key FROM organization WHERE id = $1)
               AND scope = $2 AND scope_id = $3 AND ($4 = '' OR unit_type = $4) AND key < $5
             ORDER BY key DESC LIMIT $6",
        )
        .bind(org.as_uuid())
        .bind(place.scope.as_str())
        .bind(place.scope_id)
        .bind(type_or_any(place.unit_type))
        .bind(page.after.unwrap_or(i64::MAX))
        .bind(i64::from(page.limit) + 1)
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        let page = Page::from_surplus(rows, page.limit, |row: &RuleLineRow| row.key);
        let lines: Result<Vec<RuleLine>, StoreError> = page
            .items
            .into_iter()
            .map(|row| row.into_line(place))
            .collect();
        Ok(Page {
            items: lines?,
            next: page.next,
        })
    }
}

async fn org_key(conn: &mut Connection, org: OrgId) -> Result<Option<i64>, StoreError> {
    sqlx::query_scalar("SELECT key FROM organization WHERE id = $1")
        .bind(org.as_uuid())
        .fetch_optional(conn)
        .await
        .map_err(failed)
}

/// Whether the place is one of the organization.
pub(super) async fn exists(
    conn: &mut Connection,
    org: OrgId,
    org_key: i64,
    place: RulePlace,
) -> Result<bool, StoreError> {
    let text = match place.scope {
        RuleScope::Organization => return Ok(place.scope_id == org.as_uuid()),
        RuleScope::Site => "SELECT key FROM site WHERE org_key = $1 AND id = $2",
        RuleScope::Area => "SELECT key FROM area WHERE org_key = $1 AND id = $2",
        RuleScope::Unit => "SELECT key FROM unit WHERE org_key = $1 AND id = $2",
    };
    let found: Option<i64> = sqlx::query_scalar(text)
        .bind(org_key)
        .bind(place.scope_id)
        .fetch_optional(conn)
        .await
        .map_err(failed)?;
    Ok(found.is_some())
}

async fn units_below(
    conn: &mut Connection,
    org_key: i64,
    place: RulePlace,
) -> Result<Vec<Unit>, StoreError> {
    let rows: Vec<UnitRow> = sqlx::query_as(below!(
        "SELECT u.id, s.id AS site_id, a.id AS area_id, u.name, u.unit_type, u.monitoring_mode,
                u.monitoring_started_at, m.status, u.details, u.created_at, u.updated_at, u.version,
                u.archived_at, u.archived_by, u.archive_batch
         FROM unit u JOIN unit_monitor m ON m.unit_key = u.key",
        "ORDER BY u.id"
    ))
    .bind(org_key)
    .bind(place.scope.as_str())
    .bind(place.scope_id)
    .bind(type_or_any(place.unit_type))
    .fetch_all(conn)
    .await
    .map_err(failed)?;
    rows.into_iter().map(UnitRow::into_unit).collect()
}

async fn devices_below(
    conn: &mut Connection,
    org_key: i64,
    place: RulePlace,
) -> Result<HashMap<UnitId, Vec<Device>>, StoreError> {
    let rows: Vec<DeviceRow> = sqlx::query_as(below!(
        "SELECT d.id, COALESCE(d.dev_eui, d.archived_eui) AS dev_eui, d.name, d.kind, d.transport, d.model, u.id AS unit_id,
                d.is_primary, d.uplink_interval_seconds, d.battery_low_mv, d.sentinel_temperatures,
                d.temperature_offset, d.calibration_due_at, d.last_seen_at, d.created_at, d.updated_at,
                d.version, d.archived_at, d.archived_by, d.archive_batch
         FROM unit u JOIN device d ON d.unit_key = u.key AND d.archived_at IS NULL",
        "ORDER BY d.id"
    ))
    .bind(org_key)
    .bind(place.scope.as_str())
    .bind(place.scope_id)
    .bind(type_or_any(place.unit_type))
    .fetch_all(conn)
    .await
    .map_err(failed)?;
    let mut devices: HashMap<UnitId, Vec<Device>> = HashMap::new();
    for row in rows {
        let device = row.into_device()?;
        if let Some(unit) = device.unit_id {
            devices.entry(unit).or_default().push(device);
        }
    }
    Ok(devices)
}

async fn put(conn: &mut Connection, org_key: i64, set: &RuleSet) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO rule_set (org_key, scope, scope_id, unit_type, fields, version)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (org_key, scope, scope_id, unit_type)
         DO UPDATE SET fields = excluded.fields, version = excluded.version",
    )
    .bind(org_key)
    .bind(set.scope.as_str())
    .bind(set.scope_id)
    .bind(type_or_any(set.unit_type))
    .bind(to_json(&set.fields)?)
    .bind(set.version)
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}

async fn insert_line(
    conn: &mut Connection,
    org_key: i64,
    line: &RuleLine,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO rule_history (org_key, at, actor, scope, scope_id, unit_type, field, old_value,
                                   new_value, note)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(org_key)
    .bind(At(line.at))
    .bind(to_json(&line.actor)?)
    .bind(line.place.scope.as_str())
    .bind(line.place.scope_id)
    .bind(type_or_any(line.place.unit_type))
    .bind(&line.field)
    .bind(line.old.as_ref().map(to_json).transpose()?)
    .bind(line.new.as_ref().map(to_json).transpose()?)
    .bind(&line.note)
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}

/// Makes the units at or below a place due. Their monitors get a new version: an evaluation that was loaded
/// before must not put the deadline off again.
pub(super) async fn make_due(
    conn: &mut Connection,
    org_key: i64,
    place: RulePlace,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(below!(
        "UPDATE unit_monitor SET version = version + 1,
                next_deadline = CASE WHEN next_deadline < $5 THEN next_deadline ELSE $5 END
         WHERE unit_key IN (SELECT u.key FROM unit u",
        ")"
    ))
    .bind(org_key)
    .bind(place.scope.as_str())
    .bind(place.scope_id)
    .bind(type_or_any(place.unit_type))
    .bind(At(at))
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}
