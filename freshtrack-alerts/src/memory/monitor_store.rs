//! [`MonitorStore`] in memory.

use super::rows::AlertRows;
use super::{MemoryStore, commit};
use crate::change::{Change, Loaded, Resolved, Stored, Target, UnitContext};
use crate::ports::MonitorStore;
use crate::suppression::Suppression;
use async_trait::async_trait;
use freshtrack_core::device::Device;
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::Unit;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::memory::TenantRows;
use freshtrack_core::reading::ReadingKey;
use freshtrack_core::time::Timestamp;
use std::collections::BTreeSet;

#[async_trait]
impl MonitorStore for MemoryStore {
    async fn resolve(
        &self,
        org: OrgId,
        targets: &[Target],
    ) -> Result<Vec<Option<Resolved>>, StoreError> {
        Ok(self.with(|_, core| {
            let core = core.tenant(org);
            let of = |target: &Target| resolve(core?, target);
            targets.iter().map(of).collect()
        }))
    }

    async fn load(&self, org: OrgId, units: &[UnitId]) -> Result<Option<Loaded>, StoreError> {
        let wanted: BTreeSet<UnitId> = units.iter().copied().collect();
        Ok(self.with(|rows, core| {
            let core = core.tenant(org)?;
            let rows = rows.of(org);
            let context = |unit| context(rows, core, core.unit(unit)?);
            Some(Loaded {
                organization: core.organization().clone(),
                units: wanted.into_iter().filter_map(context).collect(),
                rule_sets: rows.rule_sets.clone(),
                outages: rows.outages.clone(),
            })
        }))
    }

    async fn stored(
        &self,
        org: OrgId,
        keys: &[ReadingKey],
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        Ok(self.with(|_, core| {
            let core = core.tenant(org);
            keys.iter().map(|key| stored(core?, key)).collect()
        }))
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        Ok(self.with(|rows, core| {
            let apply = |change: &Change| {
                let core = core.tenant_mut(change.org).ok_or(StoreError::Missing {
                    what: "organization",
                })?;
                commit::apply(rows.of(change.org), core, change)
            };
            changes.iter().map(apply).collect()
        }))
    }

    async fn due(&self, now: Timestamp, limit: u16) -> Result<Vec<(OrgId, UnitId)>, StoreError> {
        let mut due: Vec<(Timestamp, OrgId, UnitId)> = self.with(|rows, core| {
            let mut due = Vec::new();
            for (org, tenant) in core.tenants() {
                let rows = rows.of(org);
                due.extend(tenant.units().filter_map(|unit| {
                    let deadline = rows.armed(tenant, unit)?;
                    (deadline <= now).then_some((deadline, org, unit.id))
                }));
            }
            due
        });
        due.sort_unstable();
        due.truncate(usize::from(limit));
        Ok(due.into_iter().map(|(_, org, unit)| (org, unit)).collect())
    }
}

fn resolve(core: &TenantRows, target: &Target) -> Option<Resolved> {
    let in_use = |unit: &UnitId| core.unit(*unit).is_some_and(|row| row.archived.is_none());
    let of_device = |device: &Device| Resolved {
        unit: device.unit_id.filter(in_use),
        device: Some(device.id),
    };
    match target {
        Target::Unit(unit) => in_use(unit).then_some(Resolved {
            unit: Some(*unit),
            device: None,
        }),
        Target::Device(device) => {
            let device = core.device(*device);
            device.filter(|d| d.archived.is_none()).map(of_device)
        }
        Target::DevEui(eui) => core.device_by_eui(eui).map(of_device),
    }
}

fn context(rows: &AlertRows, core: &TenantRows, unit: &Unit) -> Option<UnitContext> {
    let site = core.site(unit.site_id)?;
    let mut row = rows.monitor(core, unit);
    let known_until = row.monitor.looked_at(unit.created_at);
    let reaching = rows
        .suppressions
        .iter()
        .filter(|known| known.reaches(core.organization().id, unit) && known.ends_at > known_until);
    row.monitor.learn(reaching.map(Suppression::window));
    Some(UnitContext {
        unit: unit.clone(),
        site_name: site.name.clone(),
        site_timezone: site.timezone.clone(),
        corrective_action_required: site.corrective_action_required,
        devices: core.devices_of(unit.id).cloned().collect(),
        monitor: row.monitor,
        monitor_version: row.version,
        stored_until: row.stored_until,
    })
}

fn stored(core: &TenantRows, key: &ReadingKey) -> Option<Stored> {
    if let Some(reading) = core.reading(key) {
        let raw = reading.raw_temperature.or(reading.temperature);
        return Some(Stored::Accepted(raw));
    }
    core.is_quarantined(key).then_some(Stored::Quarantined)
}
