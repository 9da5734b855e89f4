//! Laws of [`MonitorStore`](crate::ports::MonitorStore): looking up, loading, deadlines. Those of its
//! commit are in [`commit`].

pub mod commit;

use super::sample::{device, evaluation, further_unit, quarantined, reading, unit_context};
use super::{AlertStores, fail, must_commit};
use crate::change::{Resolved, Stored, Target};
use crate::monitor::Monitor;
use freshtrack_core::audit::Journal;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::reading::ReadingKey;
use freshtrack_core::temperature::Temperature;
use freshtrack_core::testkit::sample::{Tenant, at};

pub use commit::*;

/// Runs every law of [`MonitorStore`](crate::ports::MonitorStore) on what `$fresh` makes.
#[macro_export]
macro_rules! monitor_store_contract {
    ($fresh:path) => {
        $crate::alerts_contract! { monitor_store, $fresh;
            a_new_unit_has_a_fresh_monitor_due_at_once
            targets_are_resolved_in_order
            targets_of_another_organization_are_unknown
            loading_gives_each_unit_with_its_place_and_devices
            loading_leaves_out_what_the_organization_does_not_have
            stored_values_are_answered_in_order_of_the_keys
            stored_values_of_another_organization_are_unknown
            due_units_come_earliest_first_and_bounded
            a_unit_is_due_at_its_deadline_and_not_before
            a_unit_without_deadline_is_never_due
            a_change_is_there_whole
            an_empty_commit_is_answered_with_nothing
            a_stale_version_is_refused_and_leaves_nothing
            of_two_commits_from_one_version_exactly_one_wins
            of_two_changes_from_one_version_in_one_commit_the_first_wins
            a_reading_stored_already_is_a_conflict_and_leaves_nothing
            a_second_open_alert_under_one_key_is_a_conflict_and_leaves_nothing
            alerts_under_other_keys_stand_beside_each_other
            one_change_may_close_an_alert_and_open_the_next
            an_alert_changes_only_from_the_version_before
            each_change_of_a_commit_stands_or_falls_alone
            another_organizations_unit_cannot_be_changed
            a_change_of_an_unknown_organization_is_refused
            commits_at_once_are_numbered_gaplessly
            a_device_is_seen_and_its_time_never_moves_back
            incidents_move_from_version_to_version
            a_woken_unit_is_due_and_an_evaluation_under_way_is_a_conflict
        }
    };
}

/// Whoever makes a unit, the sweeper hears of it.
pub async fn a_new_unit_has_a_fresh_monitor_due_at_once(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let second = further_unit(store, &tenant, "Fridge 2").await;
    for unit in [tenant.unit, second] {
        let context = unit_context(store, tenant.org, unit).await;
        assert_eq!(context.monitor, Monitor::default());
        assert_eq!(context.stored_until, None);
    }
    let due = due(store, 3, 10).await; // the instant at which sample units are made
    assert!(
        due.contains(&(tenant.org, tenant.unit)) && due.contains(&(tenant.org, second)),
        "a new unit must be due at once, however it was made, got {due:?}"
    );
}

async fn due(store: &dyn AlertStores, seconds: i64, limit: u16) -> Vec<(OrgId, UnitId)> {
    let due = store.monitors().due(at(seconds), limit).await;
    due.unwrap_or_else(fail)
}

/// One answer per target, in the order asked; repeated targets are answered each time.
pub async fn targets_are_resolved_in_order(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut probe = tenant.new_device("Probe");
    probe.dev_eui = Some("A84041000181BFD4".to_owned());
    let mut spare = tenant.new_device("Spare");
    spare.unit_id = None;
    for device in [&probe, &spare] {
        let made = store
            .devices()
            .create(tenant.org, device.clone(), Journal::default());
        made.await.unwrap_or_else(fail);
    }
    let targets = [
        Target::Device(probe.id),
        Target::Unit(tenant.id()),
        Target::Unit(tenant.unit),
        Target::DevEui("A84041000181BFD4".to_owned()),
        Target::DevEui("0000000000000000".to_owned()),
        Target::Device(spare.id),
        Target::Device(tenant.id()),
        Target::Unit(tenant.unit),
    ];
    let found = store.monitors().resolve(tenant.org, &targets).await;
    let unit = Some(Resolved {
        unit: Some(tenant.unit),
        device: None,
    });
    let device = |unit, device| {
        Some(Resolved {
            unit,
            device: Some(device),
        })
    };
    let wanted = [
        device(Some(tenant.unit), probe.id),
        None,
        unit,
        device(Some(tenant.unit), probe.id),
        None,
        device(None, spare.id),
        None,
        unit,
    ];
    assert_eq!(
        found.unwrap_or_else(fail),
        wanted,
        "one answer per target, in order"
    );
    let found = store.monitors().resolve(tenant.org, &[]).await;
    assert_eq!(found.unwrap_or_else(fail), []);
}

/// What is another organization's is as unknown as what never was.
pub async fn targets_of_another_organization_are_unknown(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let mut probe = other.new_device("Probe");
    probe.dev_eui = Some("A84041000181BFD4".to_owned());
    let made = store
        .devices()
        .create(other.org, probe.clone(), Journal::default());
    made.await.unwrap_or_else(fail);
    let targets = [
        Target::Unit(other.unit),
        Target::Device(probe.id),
        Target::DevEui("A84041000181BFD4".to_owned()),
    ];
    let found = store.monitors().resolve(tenant.org, &targets).await;
    let found = found.unwrap_or_else(fail);
    assert_eq!(
        found, [None; 3],
        "another organization's targets are unknown"
    );
}

/// Place, site settings and devices come with the state; units and devices in order of id.
pub async fn loading_gives_each_unit_with_its_place_and_devices(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let second = further_unit(store, &tenant, "Fridge 2").await;
    let devices = ["One", "Two"].map(|name| tenant.new_device(name));
    for device in devices.iter().rev() {
        let made = store
            .devices()
            .create(tenant.org, device.clone(), Journal::default());
        made.await.unwrap_or_else(fail);
    }
    let loaded = store
        .monitors()
        .load(tenant.org, &[second, tenant.unit, second])
        .await;
    let loaded = loaded
        .unwrap_or_else(fail)
        .expect("the organization is there");
    let organization = store.organizations().find(tenant.org).await;
    assert_eq!(Some(loaded.organization), organization.unwrap_or_else(fail));
    let units: Vec<_> = loaded.units.iter().map(|context| context.unit.id).collect();
    assert_eq!(
        units,
        [tenant.unit, second],
        "each unit once, in order of id"
    );
    let context = &loaded.units[0];
    let unit = store.places().find_unit(tenant.org, tenant.unit).await;
    assert_eq!(Some(&context.unit), unit.unwrap_or_else(fail).as_ref());
    assert_eq!(context.site_name, "Kitchen");
    assert_eq!(context.site_timezone, "America/New_York");
    assert!(context.corrective_action_required, "the site asks for it");
    let found: Vec<_> = context.devices.iter().map(|device| device.id).collect();
    assert_eq!(
        found,
        devices.map(|device| device.id),
        "devices in order of id"
    );
    assert_eq!(loaded.units[1].devices, [], "the other unit has none");
}

/// Unknown units are left out; an unknown organization is `None`.
pub async fn loading_leaves_out_what_the_organization_does_not_have(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let asked = [other.unit, tenant.unit, tenant.id()];
    let loaded = store.monitors().load(tenant.org, &asked).await;
    let loaded = loaded
        .unwrap_or_else(fail)
        .expect("the organization is there");
    let units: Vec<_> = loaded.units.iter().map(|context| context.unit.id).collect();
    assert_eq!(
        units,
        [tenant.unit],
        "only units of this organization are loaded"
    );
    let nowhere = store.monitors().load(tenant.id(), &[tenant.unit]).await;
    assert!(
        nowhere.unwrap_or_else(fail).is_none(),
        "an unknown organization"
    );
}

/// The raw temperature is what was sent: before the calibration offset.
pub async fn stored_values_are_answered_in_order_of_the_keys(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let probe = device(store, &tenant, "Probe").await;
    let plain = reading(tenant.unit, 10);
    let mut corrected = reading(tenant.unit, 10);
    corrected.device = Some(probe);
    corrected.raw_temperature = Some(Temperature::from_milli_celsius(4_250));
    let mut second_probe = corrected.clone();
    second_probe.probe = 1;
    (second_probe.temperature, second_probe.raw_temperature) = (None, None);
    let aside = quarantined(tenant.unit, 20);
    let mut change = evaluation(store, tenant.org, tenant.unit, None, "stored").await;
    change.readings = vec![plain.clone(), corrected.clone(), second_probe.clone()];
    change.quarantined = vec![aside.clone()];
    must_commit(store, change).await;

    let never = |seconds| ReadingKey {
        recorded_at: at(seconds),
        ..plain.key()
    };
    let keys = [
        never(11),
        corrected.key(),
        never(20), // put aside
        plain.key(),
        second_probe.key(),
        ReadingKey {
            probe: 2,
            ..corrected.key()
        },
        corrected.key(),
    ];
    let found = store.monitors().stored(tenant.org, &keys).await;
    let accepted = |milli| {
        Some(Stored::Accepted(Some(Temperature::from_milli_celsius(
            milli,
        ))))
    };
    let wanted = [
        None,
        accepted(4_250),
        Some(Stored::Quarantined),
        accepted(4_000),
        Some(Stored::Accepted(None)),
        None,
        accepted(4_250),
    ];
    assert_eq!(
        found.unwrap_or_else(fail),
        wanted,
        "one answer per key, in order"
    );
}

/// A key of another organization's unit has nothing under it.
pub async fn stored_values_of_another_organization_are_unknown(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let mut change = evaluation(store, other.org, other.unit, None, "stored").await;
    change.readings = vec![reading(other.unit, 10)];
    change.quarantined = vec![quarantined(other.unit, 20)];
    let keys = [
        change.readings[0].key(),
        ReadingKey {
            recorded_at: at(20),
            ..change.readings[0].key()
        },
    ];
    must_commit(store, change).await;
    let found = store.monitors().stored(tenant.org, &keys).await;
    let found = found.unwrap_or_else(fail);
    assert_eq!(
        found, [None; 2],
        "another organization's readings are unknown"
    );
}

/// Deadlines of all organizations make one queue.
pub async fn due_units_come_earliest_first_and_bounded(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let second = further_unit(store, &tenant, "Fridge 2").await;
    for (org, unit, deadline) in [
        (tenant.org, tenant.unit, 3_000),
        (tenant.org, second, 1_000),
        (other.org, other.unit, 2_000),
    ] {
        let change = evaluation(store, org, unit, Some(at(deadline)), "deadline").await;
        must_commit(store, change).await;
    }
    let wanted = [
        (tenant.org, second),
        (other.org, other.unit),
        (tenant.org, tenant.unit),
    ];
    assert_eq!(due(store, 9_000, 10).await, wanted, "earliest first");
    assert_eq!(
        due(store, 9_000, 2).await,
        wanted[..2],
        "no more than asked for"
    );
    assert_eq!(
        due(store, 2_500, 10).await,
        wanted[..2],
        "what is due by then"
    );
}

/// The deadline itself is due; the microsecond before is not.
pub async fn a_unit_is_due_at_its_deadline_and_not_before(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let deadline = at(1_000);
    let change = evaluation(store, tenant.org, tenant.unit, Some(deadline), "deadline").await;
    must_commit(store, change).await;
    let just_before = deadline - freshtrack_core::time::Span::from_micros(1);
    let found = store.monitors().due(just_before, 10).await;
    assert_eq!(found.unwrap_or_else(fail), [], "not before its deadline");
    let found = store.monitors().due(deadline, 10).await;
    let found = found.unwrap_or_else(fail);
    assert_eq!(found, [(tenant.org, tenant.unit)], "due at its deadline");
}

/// Nothing to wait for, nothing to wake up for.
pub async fn a_unit_without_deadline_is_never_due(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let change = evaluation(store, tenant.org, tenant.unit, None, "deadline").await;
    must_commit(store, change).await;
    assert_eq!(due(store, 1_000_000_000, 10).await, []);
}
