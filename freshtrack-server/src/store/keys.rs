//! What a batch of changes names, and the integer keys of it.

use super::chain::Head;
use freshtrack_alerts::change::{Change, Record};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{DeviceId, OrgId, SiteId, UnitId};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// The key of nobody in `device_key` columns.
pub(crate) const NOBODY: i64 = 0;

/// What a batch of changes names: one look-up statement per kind.
#[derive(Debug, Default)]
pub(crate) struct Named {
    pub(crate) orgs: BTreeSet<OrgId>,
    pub(crate) units: BTreeSet<(OrgId, UnitId)>,
    pub(crate) devices: BTreeSet<(OrgId, DeviceId)>,
    pub(crate) sites: BTreeSet<(OrgId, SiteId)>,
}

impl Named {
    pub(crate) fn of(changes: &[Change]) -> Self {
        let mut named = Self::default();
        for change in changes {
            named.orgs.insert(change.org);
            for (unit, device) in references(change) {
                named.units.extend(unit.map(|unit| (change.org, unit)));
                named
                    .devices
                    .extend(device.map(|device| (change.org, device)));
            }
            let seen = change.devices_seen.iter();
            named
                .devices
                .extend(seen.map(|row| (change.org, row.device)));
            named
                .sites
                .extend(change.alerts.iter().map(|alert| (change.org, alert.site)));
        }
        named
    }
}

/// Every unit and device a change needs.
fn references(change: &Change) -> impl Iterator<Item = (Option<UnitId>, Option<DeviceId>)> {
    let units = change.units.iter().map(|unit| (Some(unit.unit), None));
    let readings = change
        .readings
        .iter()
        .map(|row| (Some(row.unit), row.device));
    let aside = change
        .quarantined
        .iter()
        .map(|row| (Some(row.unit), row.device));
    let doors = change
        .door_events
        .iter()
        .map(|row| (Some(row.unit), row.device));
    let alerts = change
        .alerts
        .iter()
        .map(|row| (Some(row.unit), row.key.device));
    let states = change.state_changes.iter().map(|row| Some(row.unit));
    let records = change.records.iter().map(Record::unit);
    let written = states.chain(records).map(|unit| (unit, None));
    units
        .chain(readings)
        .chain(aside)
        .chain(doors)
        .chain(alerts)
        .chain(written)
}

/// The integer keys of what a batch names, as far as they exist, and the heads of its organizations.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    pub(crate) orgs: HashMap<OrgId, i64>,
    pub(crate) units: HashMap<(i64, Uuid), i64>,
    pub(crate) devices: HashMap<(i64, Uuid), i64>,
    pub(crate) sites: HashMap<(i64, Uuid), i64>,
    pub(crate) heads: HashMap<i64, Head>,
}

impl Keys {
    /// Whether everything a change names is of its organization.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for what is not.
    pub(crate) fn check(&self, change: &Change) -> Result<(), StoreError> {
        let org_key = self.org(change.org)?;
        for (unit, device) in references(change) {
            if let Some(unit) = unit {
                self.unit(org_key, unit)?;
            }
            self.device(org_key, device)?;
        }
        for alert in &change.alerts {
            self.site(org_key, alert.site)?;
        }
        Ok(())
    }

    pub(super) fn org(&self, org: OrgId) -> Result<i64, StoreError> {
        self.orgs.get(&org).copied().ok_or(StoreError::Missing {
            what: "organization",
        })
    }

    pub(super) fn unit(&self, org_key: i64, unit: UnitId) -> Result<i64, StoreError> {
        self.units
            .get(&(org_key, unit.as_uuid()))
            .copied()
            .ok_or(StoreError::Missing { what: "unit" })
    }

    pub(super) fn site(&self, org_key: i64, site: SiteId) -> Result<i64, StoreError> {
        self.sites
            .get(&(org_key, site.as_uuid()))
            .copied()
            .ok_or(StoreError::Missing { what: "site" })
    }

    pub(super) fn device(&self, org_key: i64, device: Option<DeviceId>) -> Result<i64, StoreError> {
        let Some(device) = device else {
            return Ok(NOBODY);
        };
        self.devices
            .get(&(org_key, device.as_uuid()))
            .copied()
            .ok_or(StoreError::Missing { what: "device" })
    }
}
