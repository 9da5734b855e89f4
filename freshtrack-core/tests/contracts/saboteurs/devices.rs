//! Bad stores of devices.

use super::{everybody, write_journal};
use async_trait::async_trait;
use freshtrack_core::audit::Journal;
use freshtrack_core::device::Device;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{DeviceId, OrgId, UnitId};
use freshtrack_core::memory::MemoryStore;
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::ports::{AssignDevice, Devices};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    TenantBlind,
    SharesEuis,
    EuisAreUniqueEverywhere,
    ForgetsUnits,
    NobodyIsPrimary,
    ForgetsWhoStays,
    EverybodyIsPrimary,
    KeepsTheOldPrimary,
    DoorsDrive,
    AnswersTheDeviceBefore,
    Unordered,
    NeverEnds,
    JournalsFirst,
    LosesRaces,
    LosesSentinels,
}

struct Bad {
    inner: MemoryStore,
    fault: Fault,
}

freshtrack_core::pass_on!(Bad, inner: Organizations Places LifeCycle ApiKeys ReadingStore AuditLog Outbox);

super::caught! { Bad, devices;
    another_organizations_devices_are_unknown: TenantBlind, "must not be found";
    an_eui_is_unique_inside_its_organization: SharesEuis, "expected `dev_eui` to be taken";
    an_eui_is_unique_inside_its_organization: EuisAreUniqueEverywhere, "could not answer";
    a_unit_must_be_of_the_organization: ForgetsUnits, "expected `unit` to be missing";
    the_first_temperature_device_of_a_unit_is_primary: NobodyIsPrimary, "the first one is primary";
    two_primaries_at_once_leave_exactly_one: EverybodyIsPrimary, "exactly one primary device";
    taking_the_primary_away_leaves_exactly_one: ForgetsWhoStays, "the one that stayed";
    a_later_primary_takes_the_place_over: KeepsTheOldPrimary, "took the place over";
    a_door_sensor_does_not_drive_a_unit: DoorsDrive, "left == right";
    assigning_answers_the_device_as_it_is_then: AnswersTheDeviceBefore, "left == right";
    lists_are_in_order_of_id_and_of_the_unit_asked_for: Unordered, "in order of id";
    pages_visit_every_device_once: NeverEnds, "each device once";
    each_change_is_journaled_once_and_a_refused_one_not: JournalsFirst, "no other is";
    of_two_with_one_eui_exactly_one_is_made: LosesRaces, "exactly one of them must win";
    a_device_is_found_by_id_and_by_eui_as_it_was_made: LosesSentinels, "left == right";
}

#[async_trait]
impl Devices for Bad {
    async fn create(
        &self,
        org: OrgId,
        mut device: Device,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let inner = &self.inner;
        if self.fault == Fault::JournalsFirst {
            write_journal(inner, org, &journal);
            return Devices::create(inner, org, device, Journal::default()).await;
        }
        if self.fault == Fault::LosesRaces {
            tokio::task::yield_now().await;
        }
        if let (Fault::EuisAreUniqueEverywhere, Some(eui)) = (self.fault, &device.dev_eui) {
            for other in everybody(inner) {
                if inner.find_by_eui(other, eui).await?.is_some() {
                    return Err(StoreError::Taken { what: "dev_eui" });
                }
            }
        }
        if self.fault == Fault::KeepsTheOldPrimary {
            device.is_primary = false;
        }
        match Devices::create(inner, org, device.clone(), journal.clone()).await {
            Err(StoreError::Taken { .. })
                if matches!(self.fault, Fault::SharesEuis | Fault::LosesRaces) =>
            {
                device.dev_eui = None;
                Devices::create(inner, org, device, journal).await
            }
            Err(StoreError::Missing { .. }) if self.fault == Fault::ForgetsUnits => Ok(()),
            other => other,
        }
    }

    async fn assign(
        &self,
        org: OrgId,
        change: AssignDevice,
        journal: Journal,
    ) -> Result<Device, StoreError> {
        let before = Devices::find(&self.inner, org, change.device).await?;
        let after = self.inner.assign(org, change, journal).await?;
        match before {
            Some(before) if self.fault == Fault::AnswersTheDeviceBefore => Ok(before),
            _ => Ok(after),
        }
    }

    async fn find(&self, org: OrgId, id: DeviceId) -> Result<Option<Device>, StoreError> {
        let mut found = Devices::find(&self.inner, org, id).await?;
        if let (Fault::LosesSentinels, Some(device)) = (self.fault, &mut found) {
            device.sentinel_temperatures.clear();
        }
        if self.fault == Fault::TenantBlind {
            for other in everybody(&self.inner) {
                found = found.or(Devices::find(&self.inner, other, id).await?);
            }
        }
        Ok(found)
    }

    async fn find_by_eui(&self, org: OrgId, dev_eui: &str) -> Result<Option<Device>, StoreError> {
        self.inner.find_by_eui(org, dev_eui).await
    }

    async fn list(
        &self,
        org: OrgId,
        unit: Option<UnitId>,
        page: PageRequest<DeviceId>,
    ) -> Result<Page<Device, DeviceId>, StoreError> {
        let mut found = Devices::list(&self.inner, org, unit, page).await?;
        match self.fault {
            Fault::NobodyIsPrimary | Fault::ForgetsWhoStays => {
                found.items.iter_mut().for_each(|d| d.is_primary = false);
            }
            Fault::EverybodyIsPrimary | Fault::DoorsDrive => {
                found.items.iter_mut().for_each(|d| d.is_primary = true);
            }
            Fault::Unordered => found.items.reverse(),
            Fault::NeverEnds => found.next = None,
            _ => {}
        }
        Ok(found)
    }
}
