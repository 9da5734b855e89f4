//! [`Calibrations`] in memory.

use super::{MemoryStore, latest_first};
use crate::calibration::Calibration;
use crate::ports::{CalibrationCursor, Calibrations};
use async_trait::async_trait;
use freshtrack_core::audit::Journal;
use freshtrack_core::device::Device;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{DeviceId, OrgId};
use freshtrack_core::page::{Page, PageRequest};

#[async_trait]
impl Calibrations for MemoryStore {
    async fn add(
        &self,
        org: OrgId,
        calibration: Calibration,
        journal: Journal,
    ) -> Result<Device, StoreError> {
        self.with(|rows, core| {
            let missing = || StoreError::Missing { what: "device" };
            let core = core.tenant_mut(org).ok_or_else(missing)?;
            let rows = rows.of(org);
            let mut device = core
                .device(calibration.device)
                .cloned()
                .ok_or_else(missing)?;
            let of_device = |known: &&Calibration| known.device == calibration.device;
            let later = |known: &Calibration| known.calibrated_at > calibration.calibrated_at;
            if !rows.calibrations.iter().filter(of_device).any(later) {
                device.temperature_offset = calibration.temperature_offset;
                device.calibration_due_at = Some(calibration.due_at);
                device.version += 1;
                core.set_calibration(&device);
            }
            if let Some(unit) = device.unit_id.and_then(|unit| core.unit(unit)) {
                rows.make_due(core, unit, calibration.recorded_at);
            }
            rows.calibrations.push(calibration);
            core.append_journal(journal);
            Ok(device)
        })
    }

    async fn list(
        &self,
        org: OrgId,
        device: DeviceId,
        page: PageRequest<CalibrationCursor>,
    ) -> Result<Page<Calibration, CalibrationCursor>, StoreError> {
        let of_device = |known: &&Calibration| known.device == device;
        let found = self.with(|rows, _| {
            rows.of(org)
                .calibrations
                .iter()
                .filter(of_device)
                .cloned()
                .collect()
        });
        let key = |known: &Calibration| (known.calibrated_at, known.id);
        Ok(latest_first(found, &page, key))
    }
}
