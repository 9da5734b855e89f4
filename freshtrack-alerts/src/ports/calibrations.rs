//! Calibrations of sensors.
//!
//! no contract: this port shares one suite with three others, `testkit/records.rs`.

use crate::calibration::Calibration;
use async_trait::async_trait;
use freshtrack_core::audit::Journal;
use freshtrack_core::device::Device;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{CalibrationId, DeviceId, OrgId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::Timestamp;

/// Sort key of the list of calibrations: when they were made.
pub type CalibrationCursor = (Timestamp, CalibrationId);

/// The calibrations of one organization's devices. A device of another organization is answered like
/// an unknown one.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Calibrations: Send + Sync {
    /// Stores a calibration. If none of the device was made later, its offset is added to every value
    /// from now on and its due date counts; the unit the device is on is due at `recorded_at`. Answers
    /// the device as it is then.
    ///
    /// # Errors
    /// [`StoreError::Missing`] `device`.
    async fn add(
        &self,
        org: OrgId,
        calibration: Calibration,
        journal: Journal,
    ) -> Result<Device, StoreError>;

    /// Calibrations of a device, newest first.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn list(
        &self,
        org: OrgId,
        device: DeviceId,
        page: PageRequest<CalibrationCursor>,
    ) -> Result<Page<Calibration, CalibrationCursor>, StoreError>;
}
