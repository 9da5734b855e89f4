//! [`LifeCycle`] on either database: changes and lists; what the archive does is in `archive.rs`.

use super::archive::{self, Standing, make_unit_due};
use super::{Adapter, Connection, finish, journal};
use crate::store::column::{At, folded, to_json};
use crate::store::error::{failed, taken};
use crate::store::rows::{AreaRow, DeviceRow, SiteRow, UnitRow};
use async_trait::async_trait;
use freshtrack_core::audit::Journal;
use freshtrack_core::device::Device;
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::{Archived, Area, Site, Unit};
use freshtrack_core::ids::{AreaId, DeviceId, OrgId, SiteId, UnitId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::ports::{LifeCycle, Resource, ResourceId, Shelf, UnitFilter};
use freshtrack_core::time::Timestamp;
use uuid::Uuid;

#[async_trait]
impl LifeCycle for Adapter {
    async fn change(
        &self,
        org: OrgId,
        resource: Resource,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        match &resource {
            Resource::Site(site) => change_site(&mut tx, head.org_key, site).await?,
            Resource::Area(area) => change_area(&mut tx, head.org_key, area).await?,
            Resource::Unit(unit) => change_unit(&mut tx, head.org_key, unit).await?,
            Resource::Device(device) => change_device(&mut tx, head.org_key, device).await?,
        }
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await
    }

    async fn archive(
        &self,
        org: OrgId,
        id: ResourceId,
        version: i64,
        stamp: Archived,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        let standing = archive::standing(&mut tx, head.org_key, id).await?;
        standing.must_be(version)?;
        archive::put_away(&mut tx, id, &standing, stamp).await?;
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await
    }

    async fn restore(
        &self,
        org: OrgId,
        id: ResourceId,
        version: i64,
        now: Timestamp,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        let standing = archive::standing(&mut tx, head.org_key, id).await?;
        archive::bring_back(&mut tx, head.org_key, (id, &standing), version, now).await?;
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await
    }

    async fn sites_on(
        &self,
        org: OrgId,
        which: Shelf,
        page: PageRequest<SiteId>,
    ) -> Result<Page<Site, SiteId>, StoreError> {
        let rows: Vec<SiteRow> = sqlx::query_as(
            "SELECT id, name, timezone, corrective_action_required, details, created_at, updated_at,
                    version, archived_at, archived_by, archive_batch
             FROM site
             WHERE org_key = (SELECT key FROM organization WHERE id = $1)
               AND id > $2 AND (archived_at IS NOT NULL) = $3
             ORDER BY id LIMIT $4",
        )
        .bind(org.as_uuid())
        .bind(page.after.map_or(Uuid::nil(), |id| id.as_uuid()))
        .bind(which == Shelf::Archive)
        .bind(i64::from(page.limit) + 1)
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        let sites: Result<Vec<Site>, StoreError> =
            rows.into_iter().map(SiteRow::into_site).collect();
        Ok(Page::from_surplus(sites?, page.limit, |site| site.id))
    }

    async fn areas_on(
        &self,
        org: OrgId,
        site: Option<SiteId>,
        which: Shelf,
        page: PageRequest<AreaId>,
    ) -> Result<Page<Area, AreaId>, StoreError> {
        let rows: Vec<AreaRow> = sqlx::query_as(
            "SELECT a.id, s.id AS site_id, a.name, a.sort_order, a.details, a.created_at,
                    a.updated_at, a.version, a.archived_at, a.archived_by, a.archive_batch
             FROM area a JOIN site s ON s.key = a.site_key
             WHERE a.org_key = (SELECT key FROM organization WHERE id = $1)
               AND ($2 IS NULL OR s.id = $2) AND a.id > $3 AND (a.archived_at IS NOT NULL) = $4
             ORDER BY a.id LIMIT $5",
        )
        .bind(org.as_uuid())
        .bind(site.map(|id| id.as_uuid()))
        .bind(page.after.map_or(Uuid::nil(), |id| id.as_uuid()))
        .bind(which == Shelf::Archive)
        .bind(i64::from(page.limit) + 1)
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        let areas: Result<Vec<Area>, StoreError> =
            rows.into_iter().map(AreaRow::into_area).collect();
        Ok(Page::from_surplus(areas?, page.limit, |area| area.id))
    }

    async fn units_on(
        &self,
        org: OrgId,
        filter: UnitFilter,
        page: PageRequest<UnitId>,
    ) -> Result<Page<Unit, UnitId>, StoreError> {
        let rows: Vec<UnitRow> = sqlx::query_as(
            "SELECT u.id, s.id AS site_id, a.id AS area_id, u.name, u.unit_type, u.monitoring_mode,
                    u.monitoring_started_at, m.status, u.details, u.created_at, u.updated_at,
                    u.version, u.archived_at, u.archived_by, u.archive_batch
             FROM unit u
             JOIN site s ON s.key = u.site_key
             JOIN area a ON a.key = u.area_key
             JOIN unit_monitor m ON m.unit_key = u.key
             WHERE u.org_key = (SELECT key FROM organization WHERE id = $1)
               AND ($2 IS NULL OR s.id = $2) AND ($3 IS NULL OR a.id = $3)
               AND ($4 = '' OR u.unit_type = $4) AND ($5 = '' OR m.status = $5)
               AND u.id > $6 AND (u.archived_at IS NOT NULL) = $7
             ORDER BY u.id LIMIT $8",
        )
        .bind(org.as_uuid())
        .bind(filter.site.map(|id| id.as_uuid()))
        .bind(filter.area.map(|id| id.as_uuid()))
        .bind(filter.unit_type.map_or("", |unit_type| unit_type.as_str()))
        .bind(filter.status.map_or("", |status| status.as_str()))
        .bind(page.after.map_or(Uuid::nil(), |id| id.as_uuid()))
        .bind(filter.shelf == Shelf::Archive)
        .bind(i64::from(page.limit) + 1)
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        let units: Result<Vec<Unit>, StoreError> =
            rows.into_iter().map(UnitRow::into_unit).collect();
        Ok(Page::from_surplus(units?, page.limit, |unit| unit.id))
    }

    async fn devices_on(
        &self,
        org: OrgId,
        unit: Option<UnitId>,
        which: Shelf,
        page: PageRequest<DeviceId>,
    ) -> Result<Page<Device, DeviceId>, StoreError> {
        let rows: Vec<DeviceRow> = sqlx::query_as(
            "SELECT d.id, COALESCE(d.dev_eui, d.archived_eui) AS dev_eui, d.name, d.kind, d.transport,
                    d.model, u.id AS unit_id, d.is_primary, d.uplink_interval_seconds,
                    d.battery_low_mv, d.sentinel_temperatures, d.temperature_offset,
                    d.calibration_due_at, d.last_seen_at, d.created_at, d.updated_at, d.version,
                    d.archived_at, d.archived_by, d.archive_batch
             FROM device d LEFT JOIN unit u ON u.key = d.unit_key
             WHERE d.org_key = (SELECT key FROM organization WHERE id = $1)
               AND ($2 IS NULL OR u.id = $2) AND d.id > $3 AND (d.archived_at IS NOT NULL) = $4
             ORDER BY d.id LIMIT $5",
        )
        .bind(org.as_uuid())
        .bind(unit.map(|id| id.as_uuid()))
        .bind(page.after.map_or(Uuid::nil(), |id| id.as_uuid()))
        .bind(which == Shelf::Archive)
        .bind(i64::from(page.limit) + 1)
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        let devices: Result<Vec<Device>, StoreError> =
            rows.into_iter().map(DeviceRow::into_device).collect();
        Ok(Page::from_surplus(devices?, page.limit, |device| device.id))
    }
}

/// The row a change is about, if the change may follow on it.
async fn to_change(
    conn: &mut Connection,
    org_key: i64,
    id: ResourceId,
    version: i64,
) -> Result<Standing, StoreError> {
    let standing = archive::standing(conn, org_key, id).await?;
    standing.must_be(version - 1)?;
    Ok(standing)
}

async fn change_site(conn: &mut Connection, org_key: i64, site: &Site) -> Result<(), StoreError> {
    let row = to_change(conn, org_key, ResourceId::Site(site.id), site.version).await?;
    sqlx::query(
        "UPDATE site SET name = $2, name_folded = $3, timezone = $4, corrective_action_required = $5,
                details = $6, updated_at = $7, version = $8
         WHERE key = $1",
    )
    .bind(row.key)
    .bind(&site.name)
    .bind(folded(&site.name))
    .bind(&site.timezone)
    .bind(site.corrective_action_required)
    .bind(to_json(&site.details)?)
    .bind(At(site.updated_at))
    .bind(site.version)
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(taken("name"))
}

async fn change_area(conn: &mut Connection, org_key: i64, area: &Area) -> Result<(), StoreError> {
    let row = to_change(conn, org_key, ResourceId::Area(area.id), area.version).await?;
    sqlx::query(
        "UPDATE area SET name = $2, name_folded = $3, sort_order = $4, details = $5, updated_at = $6,
                version = $7
         WHERE key = $1",
    )
    .bind(row.key)
    .bind(&area.name)
    .bind(folded(&area.name))
    .bind(area.sort_order)
    .bind(to_json(&area.details)?)
    .bind(At(area.updated_at))
    .bind(area.version)
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(taken("name"))
}

async fn change_unit(conn: &mut Connection, org_key: i64, unit: &Unit) -> Result<(), StoreError> {
    let row = to_change(conn, org_key, ResourceId::Unit(unit.id), unit.version).await?;
    sqlx::query(
        "UPDATE unit SET name = $2, name_folded = $3, unit_type = $4, monitoring_mode = $5,
                monitoring_started_at = $6, details = $7, updated_at = $8, version = $9
         WHERE key = $1",
    )
    .bind(row.key)
    .bind(&unit.name)
    .bind(folded(&unit.name))
    .bind(unit.unit_type.as_str())
    .bind(unit.monitoring_mode.as_str())
    .bind(At(unit.monitoring_started_at))
    .bind(to_json(&unit.details)?)
    .bind(At(unit.updated_at))
    .bind(unit.version)
    .execute(&mut *conn)
    .await
    .map_err(taken("name"))?;
    make_unit_due(conn, Some(row.key), unit.updated_at).await
}

async fn change_device(
    conn: &mut Connection,
    org_key: i64,
    device: &Device,
) -> Result<(), StoreError> {
    let row = to_change(conn, org_key, ResourceId::Device(device.id), device.version).await?;
    let unit_key: Option<i64> = sqlx::query_scalar(
        "UPDATE device SET name = $2, model = $3, uplink_interval_seconds = $4, battery_low_mv = $5,
                sentinel_temperatures = $6, updated_at = $7, version = $8
         WHERE key = $1 RETURNING unit_key",
    )
    .bind(row.key)
    .bind(&device.name)
    .bind(&device.model)
    .bind(device.uplink_interval_seconds.map(u32::cast_signed))
    .bind(i32::from(device.battery_low_mv))
    .bind(to_json(&device.sentinel_temperatures)?)
    .bind(At(device.updated_at))
    .bind(device.version)
    .fetch_one(&mut *conn)
    .await
    .map_err(failed)?;
    make_unit_due(conn, unit_key, device.updated_at).await
}
