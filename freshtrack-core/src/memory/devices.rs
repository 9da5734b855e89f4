//! [`Devices`] in memory.

use super::MemoryStore;
use super::tenant::{TenantRows, page_of};
use crate::audit::Journal;
use crate::device::{Device, DeviceKind};
use crate::error::StoreError;
use crate::ids::{DeviceId, OrgId, UnitId};
use crate::page::{Page, PageRequest};
use crate::ports::{AssignDevice, Devices};
use async_trait::async_trait;

#[async_trait]
impl Devices for MemoryStore {
    async fn create(&self, org: OrgId, device: Device, journal: Journal) -> Result<(), StoreError> {
        self.with(|state| {
            let rows = state.existing(org)?;
            if let Some(eui) = &device.dev_eui
                && rows.device_by_eui(eui).is_some()
            {
                return Err(StoreError::Taken { what: "dev_eui" });
            }
            rows.require_unit(device.unit_id)?;
            let (id, unit, wants) = (device.id, device.unit_id, device.is_primary);
            rows.devices.insert(id, device);
            rows.settle_primary(unit, id, wants);
            rows.touch(unit);
            rows.append_journal(journal);
            Ok(())
        })
    }

    async fn assign(
        &self,
        org: OrgId,
        change: AssignDevice,
        journal: Journal,
    ) -> Result<Device, StoreError> {
        self.with(|state| {
            let rows = state.existing(org)?;
            let missing = StoreError::Missing { what: "device" };
            let device = rows.device(change.device);
            let device = device.filter(|device| device.archived.is_none());
            let left = device.ok_or(missing)?.unit_id;
            rows.require_unit(change.unit)?;
            if let Some(device) = rows.devices.get_mut(&change.device) {
                device.unit_id = change.unit;
                device.version += 1;
            }
            rows.settle_primary(change.unit, change.device, change.is_primary);
            if left != change.unit {
                rows.appoint_if_none(left);
                rows.touch(left);
            }
            rows.touch(change.unit);
            rows.append_journal(journal);
            Ok(rows.devices[&change.device].clone())
        })
    }

    async fn find(&self, org: OrgId, id: DeviceId) -> Result<Option<Device>, StoreError> {
        Ok(self.with(|state| state.tenant(org)?.device(id).cloned()))
    }

    async fn find_by_eui(&self, org: OrgId, dev_eui: &str) -> Result<Option<Device>, StoreError> {
        Ok(self.with(|state| state.tenant(org)?.device_by_eui(dev_eui).cloned()))
    }

    async fn list(
        &self,
        org: OrgId,
        unit: Option<UnitId>,
        page: PageRequest<DeviceId>,
    ) -> Result<Page<Device, DeviceId>, StoreError> {
        Ok(self.with(|state| {
            let rows = state.tenant(org).into_iter();
            let devices = rows
                .flat_map(|rows| rows.devices.values())
                .filter(|device| device.archived.is_none())
                .filter(|device| unit.is_none() || device.unit_id == unit);
            page_of(devices, &page, |device| device.id)
        }))
    }
}

impl TenantRows {
    fn require_unit(&self, unit: Option<UnitId>) -> Result<(), StoreError> {
        match unit {
            Some(unit) => match self.units.get(&unit) {
                Some(row) if row.archived.is_none() => Ok(()),
                _ => Err(StoreError::Missing { what: "unit" }),
            },
            None => Ok(()),
        }
    }

    /// Makes `device`, just put on `unit`, primary if it `wants` to be, and lets somebody be.
    ///
    /// A device on no unit and one that measures no temperature is never primary.
    fn settle_primary(&mut self, unit: Option<UnitId>, device: DeviceId, wants: bool) {
        let able = |row: &Device| unit.is_some() && row.kind != DeviceKind::Door;
        let primary = wants && self.devices.get(&device).is_some_and(able);
        for row in self.devices.values_mut() {
            if row.id == device {
                row.is_primary = primary;
            } else if primary && row.unit_id == unit && row.is_primary {
                row.is_primary = false;
                row.version += 1;
            }
        }
        self.appoint_if_none(unit);
    }

    /// Makes the first temperature device of a unit primary if none is.
    pub(super) fn appoint_if_none(&mut self, unit: Option<UnitId>) {
        if unit.is_none() {
            return;
        }
        let able = |row: &&mut Device| {
            row.archived.is_none() && row.unit_id == unit && row.kind != DeviceKind::Door
        };
        if self
            .devices
            .values_mut()
            .filter(able)
            .any(|row| row.is_primary)
        {
            return;
        }
        if let Some(first) = self.devices.values_mut().find(able) {
            first.is_primary = true;
        }
    }
}
