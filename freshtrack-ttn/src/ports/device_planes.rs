//! The four registries of a network that a device is in, one call at a time.
//!
//! no contract: its adapter is tested against the fake network, over HTTP.

use crate::ids::{DevEui, JoinEui};
use crate::provisioning::enrolment::{DeviceRef, Enrolment};
use crate::provisioning::fault::LnsFault;
use crate::provisioning::plane::Plane;
use crate::secrets::AppKey;
use async_trait::async_trait;

/// What a plane has of a device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlaneRecord {
    /// Its identifier in the radio.
    pub dev_eui: Option<DevEui>,
    /// The identifier of its join server.
    pub join_eui: Option<JoinEui>,
    /// What people call it; only the identity plane has one.
    pub label: Option<String>,
}

impl PlaneRecord {
    /// Whether it is of this device, and not of another under the same name.
    #[must_use]
    pub fn is_of(&self, enrolment: &Enrolment) -> bool {
        self.dev_eui == Some(enrolment.dev_eui)
            && self.join_eui.is_none_or(|eui| eui == enrolment.join_eui)
    }
}

/// Whether a plane shall make a record or change the one it has. Only identity tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// There is none yet.
    Create,
    /// There is one of this device.
    Update,
}

/// Reading, writing and removing a device, plane by plane.
///
/// Every method may be called again: writing what is there and removing what is gone succeed.
#[async_trait]
pub trait DevicePlanes: Send + Sync {
    /// What the plane has; `None` if it has nothing.
    ///
    /// # Errors
    /// [`LnsFault`], never with class `Absent`.
    async fn read(&self, plane: Plane, device: &DeviceRef)
    -> Result<Option<PlaneRecord>, LnsFault>;

    /// Makes the plane have the device as enrolled. `key` is what the join plane stores.
    ///
    /// # Errors
    /// [`LnsFault`]; with class `OutcomeUnknown` it may have been done.
    async fn write(
        &self,
        plane: Plane,
        enrolment: &Enrolment,
        key: Option<&AppKey>,
        mode: WriteMode,
    ) -> Result<(), LnsFault>;

    /// Makes the plane not have the device.
    ///
    /// # Errors
    /// [`LnsFault`], never with class `Absent`: what is gone is gone.
    async fn delete(&self, plane: Plane, device: &DeviceRef) -> Result<(), LnsFault>;
}
