//! Laws of [`LifeCycle`](crate::ports::LifeCycle).

use super::sample::{Tenant, at, journal};
use super::{
    Stores, assert_conflict, assert_journals, assert_missing, assert_one_wins, assert_refused,
    assert_taken, fail,
};
use crate::audit::Journal;
use crate::device::Device;
use crate::error::StoreError;
use crate::hierarchy::{Archived, SiteDetails, Unit, UnitStatus, UnitType};
use crate::ids::{AreaId, OrgId, SiteId, UnitId};
use crate::page::PageRequest;
use crate::ports::{AssignDevice, Resource, ResourceId, Shelf, UnitFilter};

/// Runs every law of [`LifeCycle`](crate::ports::LifeCycle) on what `$fresh` makes.
#[macro_export]
macro_rules! life_cycle_contract {
    ($fresh:path) => {
        $crate::core_contract! { life_cycle, $fresh;
            a_change_is_stored_whole
            a_change_is_based_on_the_newest_version
            a_changed_name_is_unique_among_siblings_in_use
            archiving_takes_everything_below_out_of_use
            restoring_brings_back_exactly_what_was_archived_together
            a_restored_unit_is_watched_anew
            what_is_archived_gives_its_name_and_eui_free
            nothing_returns_to_a_place_that_was_taken
            nothing_returns_before_what_it_stands_in
            archiving_twice_and_restoring_what_is_in_use_is_refused
            nothing_is_put_on_what_is_archived
            an_archived_primary_hands_over
            lists_are_of_what_was_asked_for
            another_organizations_resources_are_unknown
            each_step_is_journaled_once_and_a_refused_one_not
            of_two_changes_from_one_version_exactly_one_is_made
        }
    };
}

const EUI: &str = "A84041000181BFD5";

/// The first `limit` rows.
fn first<K>(limit: u16) -> PageRequest<K> {
    PageRequest { limit, after: None }
}

fn stamp(tenant: &Tenant, seconds: i64) -> Archived {
    Archived {
        at: at(seconds),
        by: Some(tenant.owner.id),
        batch: tenant.id(),
    }
}

/// Archives something in its version as stored.
async fn archive(store: &dyn Stores, tenant: &Tenant, id: ResourceId) -> Archived {
    let stamp = stamp(tenant, 50);
    let version = version(store, tenant.org, id).await;
    let done = store
        .life_cycle()
        .archive(tenant.org, id, version, stamp, Journal::default());
    done.await.unwrap_or_else(fail);
    stamp
}

async fn restore(store: &dyn Stores, tenant: &Tenant, id: ResourceId) -> Result<(), StoreError> {
    let version = version(store, tenant.org, id).await;
    let (org, now) = (tenant.org, at(90));
    store
        .life_cycle()
        .restore(org, id, version, now, Journal::default())
        .await
}

async fn version(store: &dyn Stores, org: OrgId, id: ResourceId) -> i64 {
    let places = store.places();
    let version = match id {
        ResourceId::Site(id) => places
            .find_site(org, id)
            .await
            .unwrap_or_else(fail)
            .map(|row| row.version),
        ResourceId::Area(id) => places
            .find_area(org, id)
            .await
            .unwrap_or_else(fail)
            .map(|row| row.version),
        ResourceId::Unit(id) => places
            .find_unit(org, id)
            .await
            .unwrap_or_else(fail)
            .map(|row| row.version),
        ResourceId::Device(id) => store
            .devices()
            .find(org, id)
            .await
            .unwrap_or_else(fail)
            .map(|row| row.version),
    };
    version.expect("archived rows are found by id")
}

async fn unit(store: &dyn Stores, tenant: &Tenant, id: UnitId) -> Unit {
    let found = store.places().find_unit(tenant.org, id).await;
    found.unwrap_or_else(fail).expect("the unit is found by id")
}

async fn add_unit(store: &dyn Stores, tenant: &Tenant, name: &str) -> UnitId {
    let unit = tenant.new_unit(name);
    let id = unit.id;
    let made = store
        .places()
        .create_unit(tenant.org, unit, Journal::default());
    made.await.unwrap_or_else(fail);
    id
}

async fn add_device(store: &dyn Stores, tenant: &Tenant, device: &Device) {
    let made = store
        .devices()
        .create(tenant.org, device.clone(), Journal::default());
    made.await.unwrap_or_else(fail);
}

async fn units_on(store: &dyn Stores, org: OrgId, shelf: Shelf) -> Vec<UnitId> {
    let filter = UnitFilter {
        shelf,
        ..UnitFilter::default()
    };
    let found = store.life_cycle().units_on(org, filter, first(100)).await;
    let found = found.unwrap_or_else(fail);
    found.items.iter().map(|unit| unit.id).collect()
}

async fn areas_on(store: &dyn Stores, org: OrgId, shelf: Shelf) -> Vec<AreaId> {
    let found = store.life_cycle().areas_on(org, None, shelf, first(100));
    let found = found.await.unwrap_or_else(fail);
    found.items.iter().map(|area| area.id).collect()
}

async fn sites_on(store: &dyn Stores, org: OrgId, shelf: Shelf) -> Vec<SiteId> {
    let found = store.life_cycle().sites_on(org, shelf, first(100)).await;
    let found = found.unwrap_or_else(fail);
    found.items.iter().map(|site| site.id).collect()
}

/// Every field that people change survives, and none that they do not.
pub async fn a_change_is_stored_whole(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let cycle = store.life_cycle();
    let places = store.places();
    let found = places.find_site(tenant.org, tenant.site).await;
    let mut site = found.unwrap_or_else(fail).expect("a site");
    site.name = String::from("Bakery");
    site.timezone = String::from("Asia/Tokyo");
    site.corrective_action_required = false;
    site.details = SiteDetails {
        city: Some("Kyōto".to_owned()),
        latitude_micro: Some(-35_011_600),
        ..SiteDetails::default()
    };
    (site.version, site.updated_at) = (2, at(7));
    let changed = Resource::Site(site.clone());
    let done = cycle.change(tenant.org, changed, Journal::default()).await;
    done.unwrap_or_else(fail);
    let found = places.find_site(tenant.org, tenant.site).await;
    assert_eq!(found.unwrap_or_else(fail), Some(site));

    let mut changed = unit(store, &tenant, tenant.unit).await;
    changed.name = String::from("Blast");
    changed.unit_type = UnitType::BlastChiller;
    changed.details.serial = Some("S/1".to_owned());
    changed.details.sort_order = 9;
    changed.monitoring_started_at = at(8);
    (changed.version, changed.updated_at) = (2, at(8));
    let wanted = changed.clone();
    changed.status = UnitStatus::AlarmActive; // the engine's alone
    let done = cycle
        .change(tenant.org, Resource::Unit(changed), Journal::default())
        .await;
    done.unwrap_or_else(fail);
    assert_eq!(unit(store, &tenant, tenant.unit).await, wanted);

    let mut device = tenant.new_device("Probe");
    device.dev_eui = Some(EUI.to_owned());
    add_device(store, &tenant, &device).await;
    device.is_primary = true; // the first on its unit
    device.name = String::from("Renamed");
    device.model = None;
    device.uplink_interval_seconds = None;
    device.battery_low_mv = 3_000;
    (device.version, device.updated_at) = (2, at(9));
    let done = cycle
        .change(
            tenant.org,
            Resource::Device(device.clone()),
            Journal::default(),
        )
        .await;
    done.unwrap_or_else(fail);
    let found = store.devices().find(tenant.org, device.id).await;
    assert_eq!(found.unwrap_or_else(fail), Some(device));
}

/// Who saw another version learns it instead of overwriting.
pub async fn a_change_is_based_on_the_newest_version(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let cycle = store.life_cycle();
    for version in [1, 3] {
        let mut stale = unit(store, &tenant, tenant.unit).await;
        stale.name = String::from("Stale");
        stale.version = version;
        let refused = cycle
            .change(tenant.org, Resource::Unit(stale), journal("stale"))
            .await;
        assert_conflict(refused);
    }
    let id = ResourceId::Unit(tenant.unit);
    let refused = cycle
        .archive(tenant.org, id, 7, stamp(&tenant, 50), journal("stale"))
        .await;
    assert_conflict(refused);
    archive(store, &tenant, id).await;
    let refused = cycle
        .restore(tenant.org, id, 1, at(90), journal("stale"))
        .await;
    assert_conflict(refused);
    assert_eq!(unit(store, &tenant, tenant.unit).await.name, "Fridge 1");
}

/// A rename meets the same rule as a new name; keeping the own name in another case is no clash.
pub async fn a_changed_name_is_unique_among_siblings_in_use(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let second = add_unit(store, &tenant, "Fridge 2").await;
    let cycle = store.life_cycle();
    let mut row = unit(store, &tenant, second).await;
    row.name = String::from("FRIDGE 1");
    row.version = 2;
    let refused = cycle
        .change(tenant.org, Resource::Unit(row.clone()), journal("taken"))
        .await;
    assert_taken(refused, "name");
    row.name = String::from("FRIDGE 2");
    let done = cycle
        .change(tenant.org, Resource::Unit(row), Journal::default())
        .await;
    done.unwrap_or_else(fail);
}

/// A site takes its areas and units with it; all carry the one stamp, and nobody else does.
pub async fn archiving_takes_everything_below_out_of_use(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = tenant.new_site("Annex");
    let other_id = other.id;
    let made = store
        .places()
        .create_site(tenant.org, other, Journal::default());
    made.await.unwrap_or_else(fail);
    let stamp = archive(store, &tenant, ResourceId::Site(tenant.site)).await;
    let org = tenant.org;
    assert_eq!(sites_on(store, org, Shelf::InUse).await, [other_id]);
    assert_eq!(sites_on(store, org, Shelf::Archive).await, [tenant.site]);
    assert_eq!(areas_on(store, org, Shelf::InUse).await, []);
    assert_eq!(areas_on(store, org, Shelf::Archive).await, [tenant.area]);
    assert_eq!(units_on(store, org, Shelf::InUse).await, []);
    assert_eq!(units_on(store, org, Shelf::Archive).await, [tenant.unit]);
    let row = unit(store, &tenant, tenant.unit).await;
    assert_eq!(row.archived, Some(stamp), "the stamp of its site");
    assert_eq!((row.version, row.updated_at), (2, stamp.at));
    let listed = store.places().list_units(org, None, first(10)).await;
    let listed = listed.unwrap_or_else(fail);
    assert_eq!(listed.items, [], "nor in the plain list");
}

/// What was archived before, by itself, stays where it is.
pub async fn restoring_brings_back_exactly_what_was_archived_together(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let before = add_unit(store, &tenant, "Fridge 2").await;
    archive(store, &tenant, ResourceId::Unit(before)).await;
    archive(store, &tenant, ResourceId::Site(tenant.site)).await;
    let done = restore(store, &tenant, ResourceId::Site(tenant.site)).await;
    done.unwrap_or_else(fail);
    let org = tenant.org;
    assert_eq!(sites_on(store, org, Shelf::InUse).await, [tenant.site]);
    assert_eq!(areas_on(store, org, Shelf::InUse).await, [tenant.area]);
    assert_eq!(units_on(store, org, Shelf::InUse).await, [tenant.unit]);
    assert_eq!(units_on(store, org, Shelf::Archive).await, [before]);
}

/// A new commissioning grace begins with the return.
pub async fn a_restored_unit_is_watched_anew(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let id = ResourceId::Area(tenant.area);
    archive(store, &tenant, id).await;
    restore(store, &tenant, id).await.unwrap_or_else(fail);
    let row = unit(store, &tenant, tenant.unit).await;
    assert_eq!(row.monitoring_started_at, at(90), "from the return on");
    assert_eq!((row.archived, row.version), (None, 3));
}

/// Somebody else may take the name or the radio.
pub async fn what_is_archived_gives_its_name_and_eui_free(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut device = tenant.new_device("Probe");
    device.dev_eui = Some(EUI.to_owned());
    add_device(store, &tenant, &device).await;
    archive(store, &tenant, ResourceId::Device(device.id)).await;
    let devices = store.devices();
    let found = devices.find_by_eui(tenant.org, EUI).await;
    assert_eq!(found.unwrap_or_else(fail), None, "its radio is unknown");
    let found = devices.find(tenant.org, device.id).await;
    let found = found.unwrap_or_else(fail).expect("it is found by id");
    assert_eq!(found.dev_eui.as_deref(), Some(EUI), "but remembers it");
    let mut successor = tenant.new_device("Successor");
    successor.dev_eui = Some(EUI.to_owned());
    add_device(store, &tenant, &successor).await;
    archive(store, &tenant, ResourceId::Unit(tenant.unit)).await;
    add_unit(store, &tenant, "Fridge 1").await;
    archive(store, &tenant, ResourceId::Site(tenant.site)).await;
    let site = tenant.new_site("Kitchen");
    let made = store
        .places()
        .create_site(tenant.org, site, Journal::default());
    made.await.unwrap_or_else(fail);
}

/// A name or radio that somebody took in between is not shared, and nothing of the batch returns.
pub async fn nothing_returns_to_a_place_that_was_taken(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    archive(store, &tenant, ResourceId::Unit(tenant.unit)).await;
    add_unit(store, &tenant, "fridge 1").await;
    let refused = restore(store, &tenant, ResourceId::Unit(tenant.unit)).await;
    assert_taken(refused, "name");
    let archived = units_on(store, tenant.org, Shelf::Archive).await;
    assert_eq!(archived, [tenant.unit]);
    let mut device = tenant.new_device("Probe");
    (device.dev_eui, device.unit_id) = (Some(EUI.to_owned()), None);
    add_device(store, &tenant, &device).await;
    archive(store, &tenant, ResourceId::Device(device.id)).await;
    let mut successor = tenant.new_device("Successor");
    (successor.dev_eui, successor.unit_id) = (Some(EUI.to_owned()), None);
    add_device(store, &tenant, &successor).await;
    let refused = restore(store, &tenant, ResourceId::Device(device.id)).await;
    assert_taken(refused, "dev_eui");
}

/// A unit in use under an archived site would be watched by nobody.
pub async fn nothing_returns_before_what_it_stands_in(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    archive(store, &tenant, ResourceId::Unit(tenant.unit)).await;
    archive(store, &tenant, ResourceId::Site(tenant.site)).await;
    for id in [ResourceId::Unit(tenant.unit), ResourceId::Area(tenant.area)] {
        let refused = restore(store, &tenant, id).await;
        assert_refused(refused, "parent_archived");
    }
}

/// Saying it twice is told, so that nobody believes to have done what another did.
pub async fn archiving_twice_and_restoring_what_is_in_use_is_refused(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    for id in [ResourceId::Unit(tenant.unit), ResourceId::Site(tenant.site)] {
        let refused = restore(store, &tenant, id).await;
        assert_refused(refused, "in_use");
        archive(store, &tenant, id).await;
        let version = version(store, tenant.org, id).await;
        let again = stamp(&tenant, 60);
        let refused = store
            .life_cycle()
            .archive(tenant.org, id, version, again, journal("again"))
            .await;
        assert_refused(refused, "archived");
    }
}

/// The archive is a closed room: nothing is changed in it, made below it or assigned to it.
pub async fn nothing_is_put_on_what_is_archived(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let device = tenant.new_device("Probe");
    add_device(store, &tenant, &device).await;
    archive(store, &tenant, ResourceId::Site(tenant.site)).await;
    let (org, places, devices) = (tenant.org, store.places(), store.devices());
    let made = places.create_area(org, tenant.new_area("Back"), journal("area"));
    assert_missing(made.await, "site");
    let made = places.create_unit(org, tenant.new_unit("Third"), journal("unit"));
    assert_missing(made.await, "area");
    let made = devices.create(org, tenant.new_device("Second"), journal("device"));
    assert_missing(made.await, "unit");
    let change = AssignDevice {
        device: device.id,
        unit: Some(tenant.unit),
        is_primary: true,
    };
    let assigned = devices.assign(org, change, journal("assign")).await;
    assert_missing(assigned, "unit");
    let mut row = unit(store, &tenant, tenant.unit).await;
    row.version += 1;
    let refused = store
        .life_cycle()
        .change(org, Resource::Unit(row), journal("change"));
    assert_refused(refused.await, "archived");
    archive(store, &tenant, ResourceId::Device(device.id)).await;
    let change = AssignDevice {
        unit: None,
        ..change
    };
    let assigned = devices.assign(org, change, journal("assign")).await;
    assert_missing(assigned, "device");
}

/// A unit with a temperature device in use has exactly one primary, also when one goes and comes back.
pub async fn an_archived_primary_hands_over(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let (one, two) = (tenant.new_device("One"), tenant.new_device("Two"));
    add_device(store, &tenant, &one).await;
    add_device(store, &tenant, &two).await;
    let primaries = async || {
        let found = store
            .devices()
            .list(tenant.org, Some(tenant.unit), first(9));
        let found = found.await.unwrap_or_else(fail).items.into_iter();
        found
            .filter(|device| device.is_primary)
            .map(|device| device.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(primaries().await, [one.id]);
    archive(store, &tenant, ResourceId::Device(one.id)).await;
    assert_eq!(primaries().await, [two.id], "the one that stayed");
    let done = restore(store, &tenant, ResourceId::Device(one.id)).await;
    done.unwrap_or_else(fail);
    assert_eq!(primaries().await, [two.id], "and stays it");
}

/// Each filter restricts, and no row is on both shelves.
pub async fn lists_are_of_what_was_asked_for(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut area = tenant.new_area("Back");
    area.sort_order = 1;
    let area_id = area.id;
    let made = store
        .places()
        .create_area(tenant.org, area, Journal::default());
    made.await.unwrap_or_else(fail);
    let mut row = tenant.new_unit("Freezer");
    (row.area_id, row.unit_type) = (area_id, UnitType::Freezer);
    let freezer = row.id;
    let made = store
        .places()
        .create_unit(tenant.org, row, Journal::default());
    made.await.unwrap_or_else(fail);
    let filters = [
        (UnitFilter::default(), vec![tenant.unit, freezer]),
        (
            UnitFilter {
                area: Some(area_id),
                ..UnitFilter::default()
            },
            vec![freezer],
        ),
        (
            UnitFilter {
                unit_type: Some(UnitType::WalkInCooler),
                ..UnitFilter::default()
            },
            vec![tenant.unit],
        ),
        (
            UnitFilter {
                status: Some(UnitStatus::AlarmActive),
                ..UnitFilter::default()
            },
            vec![],
        ),
        (
            UnitFilter {
                site: Some(tenant.id()),
                ..UnitFilter::default()
            },
            vec![],
        ),
    ];
    for (filter, wanted) in filters {
        let found = store.life_cycle().units_on(tenant.org, filter, first(9));
        let found: Vec<_> = found
            .await
            .unwrap_or_else(fail)
            .items
            .iter()
            .map(|unit| unit.id)
            .collect();
        assert_eq!(found, wanted, "{filter:?}");
    }
    let device = tenant.new_device("Probe");
    add_device(store, &tenant, &device).await;
    for (shelf, wanted) in [(Shelf::InUse, 1), (Shelf::Archive, 0)] {
        let found = store
            .life_cycle()
            .devices_on(tenant.org, Some(tenant.unit), shelf, first(9));
        let found = found.await.unwrap_or_else(fail).items;
        assert_eq!(found.len(), wanted, "{shelf:?}");
    }
}

/// An id of another organization is no id here.
pub async fn another_organizations_resources_are_unknown(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let cycle = store.life_cycle();
    let mut theirs = unit(store, &other, other.unit).await;
    (theirs.name, theirs.version) = ("Stolen".to_owned(), 2);
    let refused = cycle.change(tenant.org, Resource::Unit(theirs), journal("theirs"));
    assert_missing(refused.await, "unit");
    for id in [
        ResourceId::Site(other.site),
        ResourceId::Area(other.area),
        ResourceId::Unit(other.unit),
    ] {
        let taken = stamp(&tenant, 50);
        let refused = cycle.archive(tenant.org, id, 1, taken, journal("theirs"));
        assert_missing(refused.await, id.kind());
        let refused = cycle.restore(tenant.org, id, 1, at(90), journal("theirs"));
        assert_missing(refused.await, id.kind());
    }
    let seen = units_on(store, tenant.org, Shelf::InUse).await;
    assert_eq!(seen, [tenant.unit], "units of this organization only");
    assert_eq!(unit(store, &other, other.unit).await.name, "Fridge 1");
}

/// One step, one journal, whatever hangs below.
pub async fn each_step_is_journaled_once_and_a_refused_one_not(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let cycle = store.life_cycle();
    let mut row = unit(store, &tenant, tenant.unit).await;
    row.version = 2;
    let changed = Resource::Unit(row);
    let done = cycle.change(tenant.org, changed.clone(), journal("change"));
    done.await.unwrap_or_else(fail);
    assert_conflict(cycle.change(tenant.org, changed, journal("late")).await);
    let (org, id) = (tenant.org, ResourceId::Site(tenant.site));
    let taken = stamp(&tenant, 50);
    let done = cycle.archive(org, id, 1, taken, journal("archive")).await;
    done.unwrap_or_else(fail);
    let refused = cycle.archive(org, id, 2, taken, journal("again")).await;
    assert_refused(refused, "archived");
    let done = cycle.restore(org, id, 2, at(90), journal("restore")).await;
    done.unwrap_or_else(fail);
    assert_journals(store, org, 3).await;
}

/// Two who read the same version do not overwrite each other.
pub async fn of_two_changes_from_one_version_exactly_one_is_made(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let row = unit(store, &tenant, tenant.unit).await;
    let cycle = store.life_cycle();
    let change = |name: &str| {
        let mut row = row.clone();
        (row.name, row.version) = (name.to_owned(), 2);
        cycle.change(tenant.org, Resource::Unit(row), journal(name))
    };
    let (one, two) = tokio::join!(change("One"), change("Two"));
    assert_one_wins(&[one, two]);
    assert_journals(store, tenant.org, 1).await;
}
