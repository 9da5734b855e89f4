//! [`Places`] on either database.

use super::{Adapter, Connection, finish, journal};
use crate::store::column::{At, folded, to_json};
use crate::store::error::{failed, inserted};
use crate::store::rows::{AreaRow, SiteRow, UnitRow};
use async_trait::async_trait;
use freshtrack_alerts::monitor::Monitor;
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::{Area, Site, Unit};
use freshtrack_core::ids::{AreaId, OrgId, SiteId, UnitId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::ports::{LifeCycle, Places, Shelf, UnitFilter};

#[async_trait]
impl Places for Adapter {
    async fn create_site(
        &self,
        org: OrgId,
        site: Site,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        insert_site(&mut tx, head.org_key, &site).await?;
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await
    }

    async fn create_area(
        &self,
        org: OrgId,
        area: Area,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        insert_area(&mut tx, head.org_key, &area).await?;
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await
    }

    async fn create_unit(
        &self,
        org: OrgId,
        unit: Unit,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        insert_unit(&mut tx, head.org_key, &unit).await?;
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await
    }

    async fn list_sites(
        &self,
        org: OrgId,
        page: PageRequest<SiteId>,
    ) -> Result<Page<Site, SiteId>, StoreError> {
        LifeCycle::sites_on(self, org, Shelf::InUse, page).await
    }

    async fn list_areas(
        &self,
        org: OrgId,
        site: Option<SiteId>,
        page: PageRequest<AreaId>,
    ) -> Result<Page<Area, AreaId>, StoreError> {
        LifeCycle::areas_on(self, org, site, Shelf::InUse, page).await
    }

    async fn list_units(
        &self,
        org: OrgId,
        site: Option<SiteId>,
        page: PageRequest<UnitId>,
    ) -> Result<Page<Unit, UnitId>, StoreError> {
        let filter = UnitFilter {
            site,
            ..UnitFilter::default()
        };
        LifeCycle::units_on(self, org, filter, page).await
    }

    async fn find_site(&self, org: OrgId, id: SiteId) -> Result<Option<Site>, StoreError> {
        let row: Option<SiteRow> = sqlx::query_as(
            "SELECT id, name, timezone, corrective_action_required, details, created_at, updated_at,
                    version, archived_at, archived_by, archive_batch
             FROM site
             WHERE org_key = (SELECT key FROM organization WHERE id = $1) AND id = $2",
        )
        .bind(org.as_uuid())
        .bind(id.as_uuid())
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        row.map(SiteRow::into_site).transpose()
    }

    async fn find_area(&self, org: OrgId, id: AreaId) -> Result<Option<Area>, StoreError> {
        let row: Option<AreaRow> = sqlx::query_as(
            "SELECT a.id, s.id AS site_id, a.name, a.sort_order, a.details, a.created_at, a.updated_at,
                    a.version, a.archived_at, a.archived_by, a.archive_batch
             FROM area a JOIN site s ON s.key = a.site_key
             WHERE a.org_key = (SELECT key FROM organization WHERE id = $1) AND a.id = $2",
        )
        .bind(org.as_uuid())
        .bind(id.as_uuid())
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        row.map(AreaRow::into_area).transpose()
    }

    async fn find_unit(&self, org: OrgId, id: UnitId) -> Result<Option<Unit>, StoreError> {
        let row: Option<UnitRow> = sqlx::query_as(
            "SELECT u.id, s.id AS site_id, a.id AS area_id, u.name, u.unit_type, u.monitoring_mode,
                    u.monitoring_started_at, m.status, u.details, u.created_at, u.updated_at, u.version,
                u.archived_at, u.archived_by, u.archive_batch
             FROM unit u
             JOIN site s ON s.key = u.site_key
             JOIN area a ON a.key = u.area_key
             JOIN unit_monitor m ON m.unit_key = u.key
             WHERE u.org_key = (SELECT key FROM organization WHERE id = $1) AND u.id = $2",
        )
        .bind(org.as_uuid())
        .bind(id.as_uuid())
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        row.map(UnitRow::into_unit).transpose()
    }
}

/// Stores a site of the organization.
pub(super) async fn insert_site(
    conn: &mut Connection,
    org_key: i64,
    site: &Site,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "INSERT INTO site (org_key, id, name, name_folded, timezone, corrective_action_required,
                           details, created_at, updated_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $9, $7, $7, $8)
         ON CONFLICT (org_key, name_folded) DO NOTHING",
    )
    .bind(org_key)
    .bind(site.id.as_uuid())
    .bind(&site.name)
    .bind(folded(&site.name))
    .bind(&site.timezone)
    .bind(site.corrective_action_required)
    .bind(At(site.created_at))
    .bind(site.version)
    .bind(to_json(&site.details)?)
    .execute(conn)
    .await
    .map_err(failed)?;
    inserted(done.rows_affected(), "name")
}

/// Stores an area in a site of the organization.
pub(super) async fn insert_area(
    conn: &mut Connection,
    org_key: i64,
    area: &Area,
) -> Result<(), StoreError> {
    let site_key: i64 = sqlx::query_scalar(
        "SELECT key FROM site WHERE org_key = $1 AND id = $2 AND archived_at IS NULL",
    )
    .bind(org_key)
    .bind(area.site_id.as_uuid())
    .fetch_optional(&mut *conn)
    .await
    .map_err(failed)?
    .ok_or(StoreError::Missing { what: "site" })?;
    let done = sqlx::query(
        "INSERT INTO area (org_key, id, site_key, name, name_folded, sort_order, details, created_at,
                           updated_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $9, $7, $7, $8)
         ON CONFLICT (site_key, name_folded) DO NOTHING",
    )
    .bind(org_key)
    .bind(area.id.as_uuid())
    .bind(site_key)
    .bind(&area.name)
    .bind(folded(&area.name))
    .bind(area.sort_order)
    .bind(At(area.created_at))
    .bind(area.version)
    .bind(to_json(&area.details)?)
    .execute(conn)
    .await
    .map_err(failed)?;
    inserted(done.rows_affected(), "name")
}

/// Stores a unit in an area of the organization, with a monitor that is due at once.
pub(super) async fn insert_unit(
    conn: &mut Connection,
    org_key: i64,
    unit: &Unit,
) -> Result<(), StoreError> {
    let place: Option<(i64, i64)> = sqlx::query_as(
        "SELECT a.site_key, a.key FROM area a JOIN site s ON s.key = a.site_key
         WHERE a.org_key = $1 AND a.id = $2 AND s.id = $3 AND a.archived_at IS NULL",
    )
    .bind(org_key)
    .bind(unit.area_id.as_uuid())
    .bind(unit.site_id.as_uuid())
    .fetch_optional(&mut *conn)
    .await
    .map_err(failed)?;
    let (site_key, area_key) = place.ok_or(StoreError::Missing { what: "area" })?;
    let unit_key: Option<i64> = sqlx::query_scalar(
        "INSERT INTO unit (org_key, id, site_key, area_key, name, name_folded, unit_type,
                           monitoring_mode, monitoring_started_at, details, created_at, updated_at,
                           version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $12, $10, $10, $11)
         ON CONFLICT (area_key, name_folded) DO NOTHING RETURNING key",
    )
    .bind(org_key)
    .bind(unit.id.as_uuid())
    .bind(site_key)
    .bind(area_key)
    .bind(&unit.name)
    .bind(folded(&unit.name))
    .bind(unit.unit_type.as_str())
    .bind(unit.monitoring_mode.as_str())
    .bind(At(unit.monitoring_started_at))
    .bind(At(unit.created_at))
    .bind(unit.version)
    .bind(to_json(&unit.details)?)
    .fetch_optional(&mut *conn)
    .await
    .map_err(failed)?;
    let unit_key = unit_key.ok_or(StoreError::Taken { what: "name" })?;
    sqlx::query(
        "INSERT INTO unit_monitor (unit_key, org_key, body, status, next_deadline, stored_until,
                                   version)
         VALUES ($1, $2, $3, $4, $5, NULL, 1)",
    )
    .bind(unit_key)
    .bind(org_key)
    .bind(to_json(&Monitor::default())?)
    .bind(unit.status.as_str())
    .bind(At(unit.created_at))
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}
