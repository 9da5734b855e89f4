//! Laws of [`Devices`](crate::ports::Devices).

use super::sample::{Tenant, at, journal};
use super::{Stores, assert_journals, assert_missing, assert_one_wins, assert_taken, fail};
use crate::audit::Journal;
use crate::device::{Device, DeviceKind};
use crate::hierarchy::Unit;
use crate::ids::{DeviceId, OrgId, UnitId};
use crate::page::PageRequest;
use crate::ports::AssignDevice;
use crate::temperature::Temperature;

/// Runs every law of [`Devices`](crate::ports::Devices) on what `$fresh` makes.
#[macro_export]
macro_rules! devices_contract {
    ($fresh:path) => {
        $crate::core_contract! { devices, $fresh;
            a_device_is_found_by_id_and_by_eui_as_it_was_made
            an_eui_is_unique_inside_its_organization
            a_unit_must_be_of_the_organization
            another_organizations_devices_are_unknown
            the_first_temperature_device_of_a_unit_is_primary
            a_later_primary_takes_the_place_over
            taking_the_primary_away_leaves_exactly_one
            a_door_sensor_does_not_drive_a_unit
            assigning_answers_the_device_as_it_is_then
            lists_are_in_order_of_id_and_of_the_unit_asked_for
            pages_visit_every_device_once
            each_change_is_journaled_once_and_a_refused_one_not
            of_two_with_one_eui_exactly_one_is_made
            two_primaries_at_once_leave_exactly_one
        }
    };
}

const EUI: &str = "A84041000181BFD4";

async fn add(store: &dyn Stores, org: OrgId, device: &Device) {
    let made = store
        .devices()
        .create(org, device.clone(), Journal::default());
    made.await.unwrap_or_else(fail);
}

async fn assign(store: &dyn Stores, org: OrgId, device: DeviceId, to: (Option<UnitId>, bool)) {
    let change = AssignDevice {
        device,
        unit: to.0,
        is_primary: to.1,
    };
    let assigned = store.devices().assign(org, change, Journal::default());
    assigned.await.unwrap_or_else(fail);
}

/// The primary devices of a unit, in order of id.
async fn primaries(store: &dyn Stores, org: OrgId, unit: UnitId) -> Vec<DeviceId> {
    let page = PageRequest {
        limit: 100,
        after: None,
    };
    let found = store.devices().list(org, Some(unit), page).await;
    let devices = found.unwrap_or_else(fail).items.into_iter();
    devices.filter(|d| d.is_primary).map(|d| d.id).collect()
}

async fn second_unit(store: &dyn Stores, tenant: &Tenant) -> UnitId {
    let unit: Unit = tenant.new_unit("Fridge 2");
    let id = unit.id;
    let made = store
        .places()
        .create_unit(tenant.org, unit, Journal::default());
    made.await.unwrap_or_else(fail);
    id
}

/// Every field survives, to the microsecond.
pub async fn a_device_is_found_by_id_and_by_eui_as_it_was_made(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut device = tenant.new_device("Probe");
    device.dev_eui = Some(EUI.to_owned());
    device.kind = DeviceKind::Combo;
    device.is_primary = true;
    device.battery_low_mv = 2_900;
    device.sentinel_temperatures = [-127_000, 85_000]
        .map(Temperature::from_milli_celsius)
        .to_vec();
    device.calibration_due_at = Some(at(31_536_000));
    device.last_seen_at = Some(at(6));
    add(store, tenant.org, &device).await;
    let mut bare = tenant.new_device("Bare");
    bare.unit_id = None;
    bare.model = None;
    bare.uplink_interval_seconds = None;
    add(store, tenant.org, &bare).await;
    let devices = store.devices();
    let found = devices.find(tenant.org, device.id).await;
    assert_eq!(found.unwrap_or_else(fail), Some(device.clone()));
    let found = devices.find_by_eui(tenant.org, EUI).await;
    assert_eq!(found.unwrap_or_else(fail), Some(device));
    let found = devices.find(tenant.org, bare.id).await;
    assert_eq!(found.unwrap_or_else(fail), Some(bare));
    let found = devices.find_by_eui(tenant.org, "0000000000000000").await;
    assert_eq!(found.unwrap_or_else(fail), None);
}

/// Two organizations may know the same radio; one may not know it twice.
pub async fn an_eui_is_unique_inside_its_organization(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    for owner in [&tenant, &other] {
        let mut device = owner.new_device("Probe");
        device.dev_eui = Some(EUI.to_owned());
        add(store, owner.org, &device).await;
        add(store, owner.org, &owner.new_device("Without one")).await;
        add(store, owner.org, &owner.new_device("Nor this")).await;
    }
    let mut device = tenant.new_device("Again");
    device.dev_eui = Some(EUI.to_owned());
    let id = device.id;
    let refused = store.devices().create(tenant.org, device, journal("made"));
    assert_taken(refused.await, "dev_eui");
    let found = store.devices().find(tenant.org, id).await;
    assert_eq!(
        found.unwrap_or_else(fail),
        None,
        "the refused one is not there"
    );
}

/// A unit of another organization is as missing as one that never was.
pub async fn a_unit_must_be_of_the_organization(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let stored = tenant.new_device("Stored");
    add(store, tenant.org, &stored).await;
    for unit in [other.unit, tenant.id()] {
        let mut device = tenant.new_device("Probe");
        device.unit_id = Some(unit);
        let refused = store.devices().create(tenant.org, device, journal("made"));
        assert_missing(refused.await, "unit");
        let change = AssignDevice {
            device: stored.id,
            unit: Some(unit),
            is_primary: true,
        };
        let refused = store
            .devices()
            .assign(tenant.org, change, journal("assigned"));
        assert_missing(refused.await, "unit");
    }
    let found = store.devices().find(tenant.org, stored.id).await;
    let unit = found.unwrap_or_else(fail).and_then(|device| device.unit_id);
    assert_eq!(unit, Some(tenant.unit), "the device stays where it was");
    assert_journals(store, tenant.org, 0).await;
}

/// No look-up, list or change of one organization reaches a device of another.
pub async fn another_organizations_devices_are_unknown(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let mut device = other.new_device("Probe");
    device.dev_eui = Some(EUI.to_owned());
    device.is_primary = true;
    add(store, other.org, &device).await;
    let devices = store.devices();
    let found = devices
        .find(tenant.org, device.id)
        .await
        .unwrap_or_else(fail);
    assert_eq!(
        found, None,
        "a device of another organization must not be found"
    );
    let found = devices
        .find_by_eui(tenant.org, EUI)
        .await
        .unwrap_or_else(fail);
    assert_eq!(found, None, "nor by its identity");
    for unit in [None, Some(other.unit)] {
        let page = PageRequest {
            limit: 10,
            after: None,
        };
        let found = devices.list(tenant.org, unit, page).await;
        assert_eq!(found.unwrap_or_else(fail).items, [], "nor be listed");
    }
    let change = AssignDevice {
        device: device.id,
        unit: Some(tenant.unit),
        is_primary: true,
    };
    let refused = devices
        .assign(tenant.org, change, journal("assigned"))
        .await;
    assert_missing(refused, "device");
    let found = devices
        .find(other.org, device.id)
        .await
        .unwrap_or_else(fail);
    assert_eq!(found, Some(device), "the device is as it was");
}

/// Nobody has to say so: the first one drives the unit, the next does not.
pub async fn the_first_temperature_device_of_a_unit_is_primary(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let (one, two) = (tenant.new_device("One"), tenant.new_device("Two"));
    add(store, tenant.org, &one).await;
    add(store, tenant.org, &two).await;
    let found = primaries(store, tenant.org, tenant.unit).await;
    assert_eq!(found, [one.id], "the first one is primary");
    let unit = second_unit(store, &tenant).await;
    assign(store, tenant.org, two.id, (Some(unit), false)).await;
    let found = primaries(store, tenant.org, unit).await;
    assert_eq!(found, [two.id], "the first one assigned too");
}

/// Being made or assigned as primary demotes the one before.
pub async fn a_later_primary_takes_the_place_over(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let one = tenant.new_device("One");
    add(store, tenant.org, &one).await;
    let mut two = tenant.new_device("Two");
    two.is_primary = true;
    add(store, tenant.org, &two).await;
    let found = primaries(store, tenant.org, tenant.unit).await;
    assert_eq!(found, [two.id], "the later one took the place over");
    assign(store, tenant.org, one.id, (Some(tenant.unit), true)).await;
    let found = primaries(store, tenant.org, tenant.unit).await;
    assert_eq!(found, [one.id], "and gave it back");
}

/// A unit with a temperature device is never left without a primary one.
pub async fn taking_the_primary_away_leaves_exactly_one(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let (one, two) = (tenant.new_device("One"), tenant.new_device("Two"));
    add(store, tenant.org, &one).await;
    add(store, tenant.org, &two).await;
    let unit = second_unit(store, &tenant).await;
    assign(store, tenant.org, one.id, (Some(unit), true)).await;
    let found = primaries(store, tenant.org, tenant.unit).await;
    assert_eq!(found, [two.id], "the one that stayed drives the unit");
    let found = primaries(store, tenant.org, unit).await;
    assert_eq!(found, [one.id], "the one that left drives the other");
    assign(store, tenant.org, two.id, (None, true)).await;
    let found = store.devices().find(tenant.org, two.id).await;
    let found = found.unwrap_or_else(fail);
    assert_eq!(
        found.map(|device| (device.unit_id, device.is_primary)),
        Some((None, false)),
        "without a unit there is nothing to drive"
    );
    assign(store, tenant.org, one.id, (Some(unit), false)).await;
    let found = primaries(store, tenant.org, unit).await;
    assert_eq!(found, [one.id], "the only one stays primary");
}

/// Only what measures temperature can be primary.
pub async fn a_door_sensor_does_not_drive_a_unit(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut door = tenant.new_device("Door");
    door.kind = DeviceKind::Door;
    add(store, tenant.org, &door).await;
    assert_eq!(primaries(store, tenant.org, tenant.unit).await, []);
    let probe = tenant.new_device("Probe");
    add(store, tenant.org, &probe).await;
    let found = primaries(store, tenant.org, tenant.unit).await;
    assert_eq!(
        found,
        [probe.id],
        "the temperature device is the primary one"
    );
    assign(store, tenant.org, door.id, (Some(tenant.unit), true)).await;
    let found = primaries(store, tenant.org, tenant.unit).await;
    assert_eq!(found, [probe.id], "asking for it changes nothing");
}

/// The answer is what a look-up finds, one version on.
pub async fn assigning_answers_the_device_as_it_is_then(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut device = tenant.new_device("Probe");
    device.unit_id = None;
    add(store, tenant.org, &device).await;
    let change = AssignDevice {
        device: device.id,
        unit: Some(tenant.unit),
        is_primary: false,
    };
    let answered = store
        .devices()
        .assign(tenant.org, change, journal("assigned"));
    let answered = answered.await.unwrap_or_else(fail);
    device.unit_id = Some(tenant.unit);
    device.is_primary = true; // the first of its unit
    device.version = 2;
    assert_eq!(answered, device);
    let found = store.devices().find(tenant.org, device.id).await;
    assert_eq!(found.unwrap_or_else(fail), Some(device));
    assert_journals(store, tenant.org, 1).await;
}

/// Order is by id, whatever the order of storing; a unit restricts.
pub async fn lists_are_in_order_of_id_and_of_the_unit_asked_for(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut devices = ["One", "Two", "Three"].map(|name| tenant.new_device(name));
    devices[1].unit_id = None;
    for number in [2, 0, 1] {
        add(store, tenant.org, &devices[number]).await;
    }
    let list = async |unit| {
        let page = PageRequest {
            limit: 10,
            after: None,
        };
        let found = store.devices().list(tenant.org, unit, page).await;
        let found: Vec<_> = found
            .unwrap_or_else(fail)
            .items
            .iter()
            .map(|d| d.id)
            .collect();
        found
    };
    let all = devices.each_ref().map(|device| device.id);
    assert_eq!(list(None).await, all, "all, in order of id");
    let of_unit = list(Some(tenant.unit)).await;
    assert_eq!(of_unit, [all[0], all[2]], "of the unit asked for");
}

/// Page by page, each device is seen once.
pub async fn pages_visit_every_device_once(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut wanted = Vec::new();
    for number in 0..5 {
        let device = tenant.new_device(&format!("D{number}"));
        add(store, tenant.org, &device).await;
        wanted.push(device.id);
    }
    let mut seen = Vec::new();
    let mut after = None;
    for _ in 0..wanted.len() {
        let page = PageRequest { limit: 2, after };
        let page = store.devices().list(tenant.org, None, page).await;
        let page = page.unwrap_or_else(fail);
        assert!(page.items.len() <= 2, "no more rows than asked for");
        seen.extend(page.items.iter().map(|device| device.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, wanted, "each device once");
    assert_eq!(after, None, "paging must come to an end");
}

/// One change, one journal; what was refused is not recorded.
pub async fn each_change_is_journaled_once_and_a_refused_one_not(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut device = tenant.new_device("Probe");
    device.dev_eui = Some(EUI.to_owned());
    let devices = store.devices();
    let made = devices.create(tenant.org, device.clone(), journal("made"));
    made.await.unwrap_or_else(fail);
    device.id = tenant.id();
    let refused = devices.create(tenant.org, device, journal("again")).await;
    assert_taken(refused, "dev_eui");
    let change = AssignDevice {
        device: tenant.id(),
        unit: None,
        is_primary: false,
    };
    let refused = devices
        .assign(tenant.org, change, journal("assigned"))
        .await;
    assert_missing(refused, "device");
    assert_journals(store, tenant.org, 1).await;
}

/// A race for an identity has one winner, and only the winner is journaled.
pub async fn of_two_with_one_eui_exactly_one_is_made(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let [one, two] = ["One", "Two"].map(|name| {
        let mut device = tenant.new_device(name);
        device.dev_eui = Some(EUI.to_owned());
        device
    });
    let devices = store.devices();
    let (one, two) = tokio::join!(
        devices.create(tenant.org, one, journal("one")),
        devices.create(tenant.org, two, journal("two")),
    );
    assert_one_wins(&[one, two]);
    assert_journals(store, tenant.org, 1).await;
}

/// Whoever comes last, a unit has one primary device.
pub async fn two_primaries_at_once_leave_exactly_one(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let [one, two] = ["One", "Two"].map(|name| {
        let mut device = tenant.new_device(name);
        device.is_primary = true;
        device
    });
    let devices = store.devices();
    let (made_one, made_two) = tokio::join!(
        devices.create(tenant.org, one, journal("one")),
        devices.create(tenant.org, two, journal("two")),
    );
    made_one.unwrap_or_else(fail);
    made_two.unwrap_or_else(fail);
    let found = primaries(store, tenant.org, tenant.unit).await;
    assert_eq!(found.len(), 1, "exactly one primary device, got {found:?}");
}
