//! Organizations, sites, areas and units.

use crate::store::column::{At, parse};
use crate::store::error::corrupt;
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::{Area, Organization, Site, Unit};
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

/// A row of `site`.
#[derive(FromRow)]
pub(crate) struct SiteRow {
    id: Uuid,
    name: String,
    timezone: String,
    corrective_action_required: bool,
    created_at: At,
    version: i64,
}

impl From<SiteRow> for Site {
    fn from(row: SiteRow) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            timezone: row.timezone,
            corrective_action_required: row.corrective_action_required,
            created_at: row.created_at.0,
            version: row.version,
        }
    }
}

/// A row of `area` with its site's id.
#[derive(FromRow)]
pub(crate) struct AreaRow {
    id: Uuid,
    site_id: Uuid,
    name: String,
    sort_order: i32,
    created_at: At,
    version: i64,
}

impl From<AreaRow> for Area {
    fn from(row: AreaRow) -> Self {
        Self {
            id: row.id.into(),
            site_id: row.site_id.into(),
            name: row.name,
            sort_order: row.sort_order,
            created_at: row.created_at.0,
            version: row.version,
        }
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
    created_at: At,
    version: i64,
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
            created_at: self.created_at.0,
            version: self.version,
        })
    }
}
