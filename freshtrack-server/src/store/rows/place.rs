//! Organizations, sites, areas and units.

use crate::store::column::{At, from_json, parse};
use crate::store::error::corrupt;
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::{Archived, Area, Organization, Site, Unit};
use freshtrack_core::temperature::TemperatureUnit;
use sqlx::FromRow;
use uuid::Uuid;

/// A row of `organization`.
#[derive(FromRow)]
pub(crate) struct OrganizationRow {
    id: Uuid,
    name: String,
    slug: String,
    timezone: String,
    display_unit: String,
    simulator_alerts: bool,
    created_at: At,
    version: i64,
}

impl OrganizationRow {
    pub(crate) fn into_organization(self) -> Result<Organization, StoreError> {
        Ok(Organization {
            id: self.id.into(),
            name: self.name,
            slug: self.slug,
            timezone: self.timezone,
            display_unit: unit_of(&self.display_unit)
                .ok_or_else(|| corrupt("organization", "display_unit"))?,
            simulator_alerts: self.simulator_alerts,
            created_at: self.created_at.0,
            version: self.version,
        })
    }
}

/// The scale with this letter.
pub(crate) fn unit_of(letter: &str) -> Option<TemperatureUnit> {
    match letter {
        "C" => Some(TemperatureUnit::C),
        "F" => Some(TemperatureUnit::F),
        _ => None,
    }
}

/// The letter of a scale.
pub(crate) const fn unit_display(unit: TemperatureUnit) -> &'static str {
    match unit {
        TemperatureUnit::C => "C",
        TemperatureUnit::F => "F",
    }
}

/// The stamp of an archived row, whatever it is of.
#[derive(FromRow)]
pub(crate) struct StampColumns {
    archived_at: Option<At>,
    archived_by: Option<Uuid>,
    archive_batch: Option<Uuid>,
}

impl StampColumns {
    pub(crate) fn into_archived(self) -> Option<Archived> {
        Some(Archived {
            at: self.archived_at?.0,
            by: self.archived_by.map(Into::into),
            batch: self.archive_batch.unwrap_or_default(),
        })
    }
}

/// A row of `site`.
#[derive(FromRow)]
pub(crate) struct SiteRow {
    id: Uuid,
    name: String,
    timezone: String,
    corrective_action_required: bool,
    details: String,
    created_at: At,
    updated_at: At,
    version: i64,
    #[sqlx(flatten)]
    stamp: StampColumns,
}

impl SiteRow {
    pub(crate) fn into_site(self) -> Result<Site, StoreError> {
        let row = self;
        Ok(Site {
            id: row.id.into(),
            name: row.name,
            timezone: row.timezone,
            corrective_action_required: row.corrective_action_required,
            details: from_json("site", "details", &row.details)?,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            version: row.version,
            archived: row.stamp.into_archived(),
        })
    }
}

/// A row of `area` with its site's id.
#[derive(FromRow)]
pub(crate) struct AreaRow {
    id: Uuid,
    site_id: Uuid,
    name: String,
    sort_order: i32,
    details: String,
    created_at: At,
    updated_at: At,
    version: i64,
    #[sqlx(flatten)]
    stamp: StampColumns,
}

impl AreaRow {
    pub(crate) fn into_area(self) -> Result<Area, StoreError> {
        let row = self;
        Ok(Area {
            id: row.id.into(),
            site_id: row.site_id.into(),
            name: row.name,
            sort_order: row.sort_order,
            details: from_json("area", "details", &row.details)?,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            version: row.version,
            archived: row.stamp.into_archived(),
        })
    }
}

/// A row of `unit` with its place's ids and its monitor's status.
#[derive(FromRow)]
pub(crate) struct UnitRow {
    id: Uuid,
    site_id: Uuid,
    area_id: Uuid,
    name: String,
    unit_type: String,
    monitoring_mode: String,
    monitoring_started_at: At,
    status: String,
    details: String,
    created_at: At,
    updated_at: At,
    version: i64,
    #[sqlx(flatten)]
    stamp: StampColumns,
}

impl UnitRow {
    pub(crate) fn into_unit(self) -> Result<Unit, StoreError> {
        Ok(Unit {
            id: self.id.into(),
            site_id: self.site_id.into(),
            area_id: self.area_id.into(),
            name: self.name,
            unit_type: parse("unit", "unit_type", &self.unit_type)?,
            monitoring_mode: parse("unit", "monitoring_mode", &self.monitoring_mode)?,
            monitoring_started_at: self.monitoring_started_at.0,
            status: parse("unit_monitor", "status", &self.status)?,
            details: from_json("unit", "details", &self.details)?,
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
            version: self.version,
            archived: self.stamp.into_archived(),
        })
    }
}
