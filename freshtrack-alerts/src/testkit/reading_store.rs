//! Laws of core's [`ReadingStore`](freshtrack_core::ports::ReadingStore).

use super::sample::{device, evaluation, further_unit, quarantined, reading};
use super::{AlertStores, fail, must_commit};
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::page::PageRequest;
use freshtrack_core::ports::{ReadingCursor, ReadingOrder, ReadingQuery};
use freshtrack_core::reading::{
    DoorState, QuarantineReason, QuarantinedReading, Reading, ReadingFlags, ReadingSource, Zone,
};
use freshtrack_core::temperature::{Temperature, TemperatureUnit};
use freshtrack_core::testkit::sample::{Tenant, at};

/// Runs every law of [`ReadingStore`](freshtrack_core::ports::ReadingStore) on what `$fresh` makes.
#[macro_export]
macro_rules! reading_store_contract {
    ($fresh:path) => {
        $crate::alerts_contract! { reading_store, $fresh;
            readings_come_back_as_they_were_stored
            the_window_of_readings_is_half_open
            readings_are_in_order_of_time_device_and_probe
            pages_visit_every_reading_once_while_readings_are_added
            another_organizations_readings_are_unknown
            the_latest_is_the_newest_evaluated_reading_of_each_unit
            quarantined_values_come_newest_first_and_bounded
        }
    };
}

async fn put(store: &dyn AlertStores, org: OrgId, unit: UnitId, readings: &[Reading]) {
    let mut change = evaluation(store, org, unit, None, "readings").await;
    change.readings = readings.to_vec();
    must_commit(store, change).await;
}

async fn put_aside(
    store: &dyn AlertStores,
    org: OrgId,
    unit: UnitId,
    aside: &[QuarantinedReading],
) {
    let mut change = evaluation(store, org, unit, None, "aside").await;
    change.quarantined = aside.to_vec();
    must_commit(store, change).await;
}

fn window(unit: UnitId, from: i64, to: i64, order: ReadingOrder) -> ReadingQuery {
    ReadingQuery {
        unit,
        from: at(from),
        to: at(to),
        order,
    }
}

async fn list(store: &dyn AlertStores, org: OrgId, query: ReadingQuery) -> Vec<Reading> {
    let page = PageRequest {
        limit: 100,
        after: None,
    };
    let found = store.readings().list(org, query, page).await;
    found.unwrap_or_else(fail).items
}

/// Every field survives, present or absent, to the microsecond and the milli-degree.
pub async fn readings_come_back_as_they_were_stored(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let probe = device(store, &tenant, "Probe").await;
    let full = Reading {
        device: Some(probe),
        probe: 3,
        effective_at: at(19),
        received_at: at(19),
        temperature: Some(Temperature::from_milli_celsius(-18_001)),
        raw_temperature: Some(Temperature::from_milli_celsius(-17_751)),
        reported_unit: TemperatureUnit::F,
        humidity_centi: Some(10_000),
        battery_percent: Some(100),
        battery_mv: Some(10_000),
        rssi_dbm: Some(-150),
        snr_centi: Some(-1_925),
        door: Some(DoorState::Open),
        zone: Some(Zone::Margin),
        source: ReadingSource::Simulator,
        flags: ReadingFlags {
            late: true,
            clock_ahead: true,
            simulated: true,
        },
        ..reading(tenant.unit, 20)
    };
    let door_only = Reading {
        temperature: None,
        zone: None,
        door: Some(DoorState::Closed),
        source: ReadingSource::Ttn,
        ..reading(tenant.unit, 30)
    };
    let wanted = [reading(tenant.unit, 10), full, door_only];
    put(store, tenant.org, tenant.unit, &wanted).await;
    let query = window(tenant.unit, 0, 100, ReadingOrder::OldestFirst);
    assert_eq!(
        list(store, tenant.org, query).await,
        wanted,
        "every field survives"
    );
}

/// `[from, to)` by the time of recording.
pub async fn the_window_of_readings_is_half_open(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let readings = [10, 20, 30].map(|seconds| reading(tenant.unit, seconds));
    put(store, tenant.org, tenant.unit, &readings).await;
    for order in [ReadingOrder::OldestFirst, ReadingOrder::NewestFirst] {
        let found = list(store, tenant.org, window(tenant.unit, 10, 30, order)).await;
        let mut found: Vec<_> = found.iter().map(|reading| reading.recorded_at).collect();
        found.sort_unstable();
        assert_eq!(found, [at(10), at(20)], "from is in, to is not");
        let found = list(store, tenant.org, window(tenant.unit, 20, 20, order)).await;
        assert_eq!(found, [], "an empty window holds nothing");
    }
}

/// Six readings at two instants: nobody's, and two probes of each of two devices.
async fn six(store: &dyn AlertStores, tenant: &Tenant) -> Vec<Reading> {
    let one = device(store, tenant, "One").await;
    let two = device(store, tenant, "Two").await;
    let of = |seconds, device, probe| Reading {
        device,
        probe,
        ..reading(tenant.unit, seconds)
    };
    let ordered = vec![
        of(10, Some(two), 0),
        of(20, None, 0),
        of(20, Some(one), 0),
        of(20, Some(one), 1),
        of(20, Some(two), 0),
        of(30, None, 0),
    ];
    let mixed: Vec<_> = [3, 5, 0, 4, 1, 2]
        .map(|n: usize| ordered[n].clone())
        .to_vec();
    put(store, tenant.org, tenant.unit, &mixed).await;
    ordered
}

/// Nobody comes before any device; the newest-first order is the exact reverse.
pub async fn readings_are_in_order_of_time_device_and_probe(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut wanted = six(store, &tenant).await;
    let query = window(tenant.unit, 0, 100, ReadingOrder::OldestFirst);
    assert_eq!(list(store, tenant.org, query).await, wanted, "oldest first");
    wanted.reverse();
    let query = window(tenant.unit, 0, 100, ReadingOrder::NewestFirst);
    assert_eq!(list(store, tenant.org, query).await, wanted, "newest first");
}

/// A reading that arrives between two pages neither hides nor repeats another.
pub async fn pages_visit_every_reading_once_while_readings_are_added(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut wanted = six(store, &tenant).await;
    for (order, added) in [
        (ReadingOrder::OldestFirst, 5),
        (ReadingOrder::NewestFirst, 40),
    ] {
        let query = window(tenant.unit, 0, 100, order);
        let mut seen = Vec::new();
        let mut after: Option<ReadingCursor> = None;
        for round in 0..wanted.len() {
            let page = PageRequest { limit: 2, after };
            let page = store.readings().list(tenant.org, query, page).await;
            let page = page.unwrap_or_else(fail);
            assert!(page.items.len() <= 2, "no more readings than asked for");
            seen.extend(page.items);
            after = page.next;
            if round == 0 {
                let behind = reading(tenant.unit, added);
                put(store, tenant.org, tenant.unit, &[behind]).await;
            }
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, wanted, "each reading once, in order");
        assert_eq!(after, None, "paging must come to an end");
        wanted.insert(0, reading(tenant.unit, 5));
        wanted.reverse();
    }
}

/// A unit of another organization has no readings, no latest one and nothing put aside.
pub async fn another_organizations_readings_are_unknown(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    put(store, other.org, other.unit, &[reading(other.unit, 10)]).await;
    put_aside(store, other.org, other.unit, &[quarantined(other.unit, 20)]).await;
    let query = window(other.unit, 0, 100, ReadingOrder::OldestFirst);
    let found = list(store, tenant.org, query).await;
    assert_eq!(
        found,
        [],
        "another organization's readings must not be listed"
    );
    let found = store.readings().latest(tenant.org, &[other.unit]).await;
    let found = found.unwrap_or_else(fail);
    assert_eq!(
        found,
        [],
        "another organization's latest reading must not be told"
    );
    for unit in [None, Some(other.unit)] {
        let found = store.readings().quarantined(tenant.org, unit, 10).await;
        let found = found.unwrap_or_else(fail);
        assert_eq!(found, [], "another organization's values must not be told");
    }
}

/// Late, imported and door-only readings are never the latest; a unit without any is left out.
pub async fn the_latest_is_the_newest_evaluated_reading_of_each_unit(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let second = further_unit(store, &tenant, "Fridge 2").await;
    let third = further_unit(store, &tenant, "Fridge 3").await;
    let unevaluated = |unit, seconds, source| Reading {
        zone: None,
        source,
        ..reading(unit, seconds)
    };
    let newest = reading(tenant.unit, 20);
    let door_only = Reading {
        temperature: None,
        door: Some(DoorState::Open),
        ..unevaluated(tenant.unit, 40, ReadingSource::Ttn)
    };
    let readings = [
        reading(tenant.unit, 10),
        newest.clone(),
        unevaluated(tenant.unit, 30, ReadingSource::Import),
        door_only,
    ];
    put(store, tenant.org, tenant.unit, &readings).await;
    let readings = [unevaluated(second, 10, ReadingSource::Import)];
    put(store, tenant.org, second, &readings).await;
    let third_newest = reading(third, 5);
    put(
        store,
        tenant.org,
        third,
        std::slice::from_ref(&third_newest),
    )
    .await;

    let asked = [third, second, tenant.unit, tenant.id()];
    let found = store.readings().latest(tenant.org, &asked).await;
    let mut found = found.unwrap_or_else(fail);
    found.sort_by_key(|reading| reading.unit);
    assert_eq!(
        found,
        [newest, third_newest],
        "the newest evaluated one of each unit"
    );
    let found = store.readings().latest(tenant.org, &[]).await;
    assert_eq!(found.unwrap_or_else(fail), []);
}

/// By time of arrival, newest first, of the unit asked for.
pub async fn quarantined_values_come_newest_first_and_bounded(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let probe = device(store, &tenant, "Probe").await;
    let second = further_unit(store, &tenant, "Fridge 2").await;
    let mut ahead = quarantined(tenant.unit, 9_000);
    ahead.device = Some(probe);
    ahead.probe = 2;
    ahead.reason = QuarantineReason::ClockAhead;
    ahead.received_at = at(15);
    let (early, late) = (quarantined(tenant.unit, 10), quarantined(tenant.unit, 30));
    let aside = [early.clone(), late.clone(), ahead.clone()];
    put_aside(store, tenant.org, tenant.unit, &aside).await;
    let elsewhere = quarantined(second, 20);
    put_aside(store, tenant.org, second, std::slice::from_ref(&elsewhere)).await;

    let all = store.readings().quarantined(tenant.org, None, 10).await;
    let wanted = [late.clone(), elsewhere, ahead.clone(), early.clone()];
    assert_eq!(all.unwrap_or_else(fail), wanted, "by arrival, newest first");
    let of_unit = store
        .readings()
        .quarantined(tenant.org, Some(tenant.unit), 10)
        .await;
    let wanted = [late.clone(), ahead, early];
    assert_eq!(
        of_unit.unwrap_or_else(fail),
        wanted,
        "of the unit asked for"
    );
    let bounded = store.readings().quarantined(tenant.org, None, 1).await;
    assert_eq!(
        bounded.unwrap_or_else(fail),
        [late],
        "no more than asked for"
    );
}
