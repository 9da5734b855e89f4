//! The rules of [`SagaStore`].
//!
//! `freshtrack_ttn::saga_store_contract!(fresh)` makes one test per rule; `fresh` is an async function that
//! gives an empty store with two tenants in it, and the tenants.

#![expect(
    clippy::missing_panics_doc,
    reason = "every rule panics when it is broken"
)]

use crate::ids::{DevEui, JoinEui};
use crate::ports::{Claimed, SagaStore, SagaStoreError};
use crate::provisioning::enrolment::{DeviceRef, Enrolment, LorawanVersion, Radio, device_name};
use crate::provisioning::saga::{Goal, Saga, SagaState};
use freshtrack_core::ids::OrgId;
use freshtrack_core::time::Timestamp;

/// A saga about the n-th device.
#[must_use]
pub fn saga(n: u8) -> Saga {
    let dev_eui = DevEui::from_bytes([0xA8, 0x40, 0x41, 0, 0, 0, 0, n]);
    let application = match "kitchen-one".parse() {
        Ok(application) => application,
        Err(error) => panic!("{error}"),
    };
    let enrolment = Enrolment {
        device: DeviceRef {
            application,
            name: device_name(dev_eui),
        },
        dev_eui,
        join_eui: JoinEui::from_bytes([0x70, 0xB3, 0xD5, 0x7E, 0xD0, 0, 0, 1]),
        label: "Walk-in freezer".to_owned(),
        radio: Radio {
            version: LorawanVersion::V1_0_3,
            frequency_plan: "EU_863_870_TTN".to_owned(),
            class_c: false,
        },
    };
    Saga::new(Goal::Provision, enrolment)
}

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn ok<T>(result: Result<T, SagaStoreError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("the store under test refused: {error}"),
    }
}

async fn claim(store: &dyn SagaStore, org: OrgId, n: u8, now: i64, until: i64) -> Option<Claimed> {
    let device = saga(n).enrolment.dev_eui;
    ok(store.claim(org, device, at(now), at(until)).await)
}

/// A device has one saga, and each tenant its own.
pub async fn a_device_has_one_saga(store: &dyn SagaStore, org: OrgId, other: OrgId) {
    ok(store.start(org, saga(1)).await);
    let again = store.start(org, saga(1)).await;
    assert!(matches!(again, Err(SagaStoreError::Exists)), "the second");
    ok(store.start(other, saga(1)).await);
    let device = saga(1).enrolment.dev_eui;
    assert_eq!(ok(store.load(org, device).await), Some(saga(1)));
    let unknown = saga(2).enrolment.dev_eui;
    assert_eq!(ok(store.load(org, unknown).await), None);
}

/// Who claims has it alone until the lease ends or it is given back.
pub async fn one_worker_has_it(store: &dyn SagaStore, org: OrgId, other: OrgId) {
    ok(store.start(org, saga(1)).await);
    assert!(claim(store, other, 1, 0, 10).await.is_none(), "not theirs");
    assert!(claim(store, org, 1, 0, 10).await.is_some());
    assert!(claim(store, org, 1, 9, 20).await.is_none(), "held");
    let Some(taken) = claim(store, org, 1, 10, 20).await else {
        panic!("the lease has ended");
    };
    ok(store.release(&taken).await);
    assert!(claim(store, org, 1, 11, 20).await.is_some(), "given back");
}

/// What is saved is what is loaded, and only who has it saves.
pub async fn a_lost_claim_saves_nothing(store: &dyn SagaStore, org: OrgId, _other: OrgId) {
    ok(store.start(org, saga(1)).await);
    let Some(mut slow) = claim(store, org, 1, 0, 10).await else {
        panic!("nobody has it");
    };
    let _ = slow.saga.next(at(0));
    slow.version = ok(store.save(&slow).await);
    let device = saga(1).enrolment.dev_eui;
    let stored = ok(store.load(org, device).await);
    assert_eq!(stored.as_ref(), Some(&slow.saga), "as saved");
    let Some(quick) = claim(store, org, 1, 10, 20).await else {
        panic!("the lease has ended");
    };
    assert_eq!(quick.saga, slow.saga);
    slow.saga.state = SagaState::Complete;
    let late = store.save(&slow).await;
    assert!(matches!(late, Err(SagaStoreError::Stale)), "late save");
    let late = store.release(&slow).await;
    assert!(matches!(late, Err(SagaStoreError::Stale)), "late release");
    assert_eq!(ok(store.load(org, device).await), Some(quick.saga));
}

/// Due is what wants to go on and nobody has, of all tenants, earliest first, up to the limit.
pub async fn what_is_due_is_found(store: &dyn SagaStore, org: OrgId, other: OrgId) {
    let waiting = |n: u8, until: i64| {
        let mut saga = saga(n);
        saga.not_before = Some(at(until));
        saga
    };
    let mut resting = saga(9);
    resting.state = SagaState::Complete;
    for (org, saga) in [
        (org, waiting(1, 30)),
        (other, waiting(2, 20)),
        (org, waiting(3, 90)),
        (org, resting),
        (org, waiting(4, 10)),
    ] {
        ok(store.start(org, saga).await);
    }
    let key = |org: OrgId, n: u8| (org, saga(n).enrolment.dev_eui);
    let due = ok(store.due(at(30), 10).await);
    assert_eq!(due, [key(org, 4), key(other, 2), key(org, 1)], "in order");
    assert_eq!(ok(store.due(at(30), 2).await).len(), 2, "the limit");
    let held = claim(store, org, 4, 30, 60).await;
    assert!(held.is_some());
    let due = ok(store.due(at(30), 10).await);
    assert_eq!(due, [key(other, 2), key(org, 1)], "not what is held");
}

/// One test per rule of [`SagaStore`]; see the module.
#[macro_export]
macro_rules! saga_store_contract {
    ($fresh:path) => {
        $crate::saga_store_contract!(@rules $fresh;
            a_device_has_one_saga
            one_worker_has_it
            a_lost_claim_saves_nothing
            what_is_due_is_found
        );
    };
    (@rules $fresh:path; $($rule:ident)+) => {$(
        #[tokio::test]
        async fn $rule() {
            let (store, org, other) = $fresh().await;
            $crate::testkit::saga_store::$rule(&store, org, other).await;
        }
    )+};
}
