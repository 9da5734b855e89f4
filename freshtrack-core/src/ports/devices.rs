//! Sensors and their assignment to units.

use crate::audit::Journal;
use crate::device::Device;
use crate::error::StoreError;
use crate::ids::{DeviceId, OrgId, UnitId};
use crate::page::{Page, PageRequest};
use async_trait::async_trait;

/// A change of a device's assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssignDevice {
    /// The device.
    pub device: DeviceId,
    /// Its unit from now on; none takes it away.
    pub unit: Option<UnitId>,
    /// Whether it drives the unit; the first temperature device of a unit always does.
    pub is_primary: bool,
}

/// The sensors of one organization. An id of another organization is answered like an unknown one.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Devices: Send + Sync {
    /// Stores a new device. Exactly one temperature-capable device of a unit is primary: the first is
    /// made so, and a later one stored as primary takes the place over.
    ///
    /// # Errors
    /// [`StoreError::Taken`] `dev_eui`; [`StoreError::Missing`] `unit` if the unit is not of this
    /// organization.
    async fn create(&self, org: OrgId, device: Device, journal: Journal) -> Result<(), StoreError>;

    /// Assigns a device, keeping exactly one primary per unit, and answers it as it is then.
    ///
    /// # Errors
    /// [`StoreError::Missing`] `device` or `unit`.
    async fn assign(
        &self,
        org: OrgId,
        change: AssignDevice,
        journal: Journal,
    ) -> Result<Device, StoreError>;

    /// The device, if it is of this organization.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn find(&self, org: OrgId, id: DeviceId) -> Result<Option<Device>, StoreError>;

    /// The device with this `LoRaWAN` identity (16 upper-case hex digits).
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn find_by_eui(&self, org: OrgId, dev_eui: &str) -> Result<Option<Device>, StoreError>;

    /// Devices in order of id, of one unit if `unit` is given.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn list(
        &self,
        org: OrgId,
        unit: Option<UnitId>,
        page: PageRequest<DeviceId>,
    ) -> Result<Page<Device, DeviceId>, StoreError>;
}
