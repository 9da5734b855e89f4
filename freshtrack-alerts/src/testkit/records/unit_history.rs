//! Laws of [`UnitHistory`](crate::ports::UnitHistory).

use super::{RecordStores, first};
use crate::change::{Change, DoorEvent, StateChange};
use crate::testkit::sample::{self, further_unit};
use crate::testkit::{fail, must_commit};
use freshtrack_core::hierarchy::UnitStatus;
use freshtrack_core::ids::{DeviceId, UnitId};
use freshtrack_core::page::PageRequest;
use freshtrack_core::reading::DoorState;
use freshtrack_core::testkit::sample::{Tenant, at};

fn door(unit: UnitId, device: Option<DeviceId>, seconds: i64, state: DoorState) -> DoorEvent {
    DoorEvent {
        unit,
        device,
        state,
        recorded_at: at(seconds),
        duration_seconds: (state == DoorState::Closed).then_some(61),
    }
}

fn changed(unit: UnitId, seconds: i64, to: UnitStatus) -> StateChange {
    StateChange {
        unit,
        at: at(seconds),
        from: UnitStatus::Ok,
        to,
        temperature: "alarm".to_owned(),
        connectivity: "late".to_owned(),
        reason: "reading".to_owned(),
    }
}

/// Of one unit, in a half-open window, page by page; two of one instant in the order they came.
pub async fn doors_and_states_are_read_back_newest_first(store: &dyn RecordStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let stores = store.engine_stores();
    let further = further_unit(stores, &tenant, "Fridge 2").await;
    let device = sample::device(stores, &tenant, "Probe").await;
    let unit = tenant.unit;
    let doors = [
        door(unit, Some(device), 10, DoorState::Open),
        door(unit, None, 20, DoorState::Closed),
        door(unit, None, 20, DoorState::Unknown),
        door(unit, None, 30, DoorState::Open),
        door(further, None, 15, DoorState::Open),
    ];
    let states = [
        changed(unit, 10, UnitStatus::Excursion),
        changed(unit, 20, UnitStatus::AlarmActive),
        changed(unit, 20, UnitStatus::Restoring),
        changed(unit, 30, UnitStatus::Ok),
        changed(further, 15, UnitStatus::Offline),
    ];
    let mut change = Change::empty(tenant.org, at(sample::EVALUATED));
    change.door_events = doors.to_vec();
    change.state_changes = states.to_vec();
    must_commit(stores, change).await;

    let history = store.history_of_units();
    let window = (at(10), at(30));
    let found = history
        .door_events(tenant.org, unit, window, first(2))
        .await;
    let found = found.unwrap_or_else(fail);
    assert_eq!(found.items, [doors[2], doors[1]], "doors newest first");
    let rest = PageRequest {
        limit: 2,
        after: found.next,
    };
    let rest = history
        .door_events(tenant.org, unit, window, rest)
        .await
        .unwrap_or_else(fail);
    assert_eq!(
        (rest.items, rest.next),
        (vec![doors[0]], None),
        "doors go on"
    );

    let found = history
        .state_changes(tenant.org, unit, window, first(2))
        .await;
    let found = found.unwrap_or_else(fail);
    assert_eq!(
        found.items,
        [states[2].clone(), states[1].clone()],
        "states newest first"
    );
    let rest = PageRequest {
        limit: 2,
        after: found.next,
    };
    let rest = history
        .state_changes(tenant.org, unit, window, rest)
        .await
        .unwrap_or_else(fail);
    assert_eq!(
        (rest.items, rest.next),
        (vec![states[0].clone()], None),
        "states go on"
    );

    let foreign = history.door_events(other.org, unit, window, first(9)).await;
    assert_eq!(
        foreign.unwrap_or_else(fail).items,
        [],
        "nobody else's doors"
    );
    let foreign = history
        .state_changes(other.org, unit, window, first(9))
        .await;
    assert_eq!(
        foreign.unwrap_or_else(fail).items,
        [],
        "nobody else's states"
    );
}
