//! A unit with all an evaluation needs, in one row, and the rule sets above it.

use super::StampColumns;
use crate::store::column::{At, from_json, parse};
use freshtrack_alerts::change::UnitContext;
use freshtrack_alerts::rules::RuleSet;
use freshtrack_core::device::Device;
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::Unit;
use sqlx::FromRow;
use uuid::Uuid;

/// A unit, its site's settings and its monitor.
#[derive(FromRow)]
pub(crate) struct ContextRow {
    pub(crate) unit_key: i64,
    id: Uuid,
    site_id: Uuid,
    area_id: Uuid,
    name: String,
    unit_type: String,
    monitoring_mode: String,
    monitoring_started_at: At,
    details: String,
    created_at: At,
    updated_at: At,
    version: i64,
    #[sqlx(flatten)]
    stamp: StampColumns,
    site_name: String,
    site_timezone: String,
    corrective_action_required: bool,
    body: String,
    status: String,
    monitor_version: i64,
    stored_until: Option<At>,
}

impl ContextRow {
    pub(crate) fn into_context(self, devices: Vec<Device>) -> Result<UnitContext, StoreError> {
        Ok(UnitContext {
            unit: Unit {
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
            },
            site_name: self.site_name,
            site_timezone: self.site_timezone,
            corrective_action_required: self.corrective_action_required,
            devices,
            monitor: from_json("unit_monitor", "body", &self.body)?,
            monitor_version: self.monitor_version,
            stored_until: self.stored_until.map(|at| at.0),
        })
    }
}

/// A row of `rule_set`.
#[derive(FromRow)]
pub(crate) struct RuleSetRow {
    scope: String,
    scope_id: Uuid,
    unit_type: String,
    fields: String,
    version: i64,
}

impl RuleSetRow {
    pub(crate) fn into_rule_set(self) -> Result<RuleSet, StoreError> {
        Ok(RuleSet {
            scope: parse("rule_set", "scope", &self.scope)?,
            scope_id: self.scope_id,
            unit_type: match self.unit_type.as_str() {
                "" => None,
                name => Some(parse("rule_set", "unit_type", name)?),
            },
            fields: from_json("rule_set", "fields", &self.fields)?,
            version: self.version,
        })
    }
}
