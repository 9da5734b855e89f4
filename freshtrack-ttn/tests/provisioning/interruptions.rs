//! Processes that die, workers that meet, people who change their mind.

use crate::house::{EUI, House, application, enrolment, key, name};
use async_trait::async_trait;
use freshtrack_core::ids::OrgId;
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_ttn::fake::{Fault, Times, Verb};
use freshtrack_ttn::ids::DevEui;
use freshtrack_ttn::memory::MemorySagas;
use freshtrack_ttn::ports::{Claimed, SagaStore, SagaStoreError};
use freshtrack_ttn::provisioning::diagnosis::{Diagnosis, examine};
use freshtrack_ttn::provisioning::plane::Plane;
use freshtrack_ttn::provisioning::saga::{Failure, Goal, Saga, SagaState};
use freshtrack_ttn::provisioning::{Progress, Provisioner};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A store whose process dies at the n-th save: before it, or after it.
struct Dying<'a> {
    inner: &'a MemorySagas,
    saves: AtomicUsize,
    dies_at: usize,
    stored: bool,
}

#[async_trait]
impl SagaStore for Dying<'_> {
    async fn start(&self, org: OrgId, saga: Saga) -> Result<(), SagaStoreError> {
        self.inner.start(org, saga).await
    }

    async fn load(&self, org: OrgId, device: DevEui) -> Result<Option<Saga>, SagaStoreError> {
        self.inner.load(org, device).await
    }

    async fn claim(
        &self,
        org: OrgId,
        device: DevEui,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Claimed>, SagaStoreError> {
        self.inner.claim(org, device, now, until).await
    }

    async fn save(&self, claimed: &Claimed) -> Result<u64, SagaStoreError> {
        let dies = self.saves.fetch_add(1, Ordering::SeqCst) == self.dies_at;
        if dies && !self.stored {
            return Err(SagaStoreError::Unavailable("killed".into()));
        }
        let version = self.inner.save(claimed).await?;
        if dies {
            return Err(SagaStoreError::Unavailable("killed".into()));
        }
        Ok(version)
    }

    async fn release(&self, claimed: &Claimed) -> Result<(), SagaStoreError> {
        self.inner.release(claimed).await
    }

    async fn due(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<(OrgId, DevEui)>, SagaStoreError> {
        self.inner.due(now, limit).await
    }
}

/// Killed before and after every save, which is before and after every call.
#[tokio::test]
async fn a_process_killed_at_any_step_is_taken_up_and_ends_complete() {
    for goal in [Goal::Provision, Goal::Deprovision] {
        for dies_at in 0..30 {
            for stored in [false, true] {
                let house = match goal {
                    Goal::Provision => House::with(goal).await,
                    Goal::Deprovision => House::provisioned().await,
                };
                let dying = Dying {
                    inner: &house.sagas,
                    saves: AtomicUsize::new(0),
                    dies_at,
                    stored,
                };
                let worker = Provisioner::new(&house.admin, &dying, &house.clock);
                let killed = worker.run(house.org, EUI, Some(&key()), 0.0).await.is_err();
                if killed {
                    // Its lease has to run out first.
                    let busy = house.provisioner().run(house.org, EUI, None, 0.0).await;
                    assert_eq!(busy.unwrap(), Progress::NotOurs);
                    house.pass(Span::from_minutes(11));
                }
                let saga = house.settle().await;
                assert_eq!(
                    saga.state,
                    SagaState::Complete,
                    "{goal:?} {dies_at} {stored}"
                );
                let planes = if goal == Goal::Provision {
                    &Plane::ALL[..]
                } else {
                    &[]
                };
                assert_eq!(house.planes(), planes, "{goal:?} {dies_at} {stored}");
                house.assert_no_strays();
            }
        }
    }
}

#[tokio::test]
async fn of_two_workers_on_one_device_one_runs() {
    let house = House::with(Goal::Provision).await;
    let (key, provisioner) = (key(), house.provisioner());
    let (one, other) = tokio::join!(
        provisioner.run(house.org, EUI, Some(&key), 0.0),
        provisioner.run(house.org, EUI, Some(&key), 0.0),
    );
    let standing = [one.unwrap(), other.unwrap()]
        .into_iter()
        .filter(|progress| matches!(progress, Progress::Standing(_)))
        .count();
    assert_eq!(standing, 1);
    for plane in Plane::ALL {
        assert_eq!(house.network.writes(plane), 1);
    }
}

/// A worker that was thought dead comes back after another took over: its next save is refused.
#[tokio::test]
async fn a_worker_whose_lease_was_taken_stops() {
    let house = House::with(Goal::Provision).await;
    let now = Timestamp::from_seconds(0);
    let until = Timestamp::from_seconds(1);
    let slow = house
        .sagas
        .claim(house.org, EUI, now, until)
        .await
        .unwrap()
        .unwrap();
    house.pass(Span::from_seconds(5));
    assert_eq!(house.settle().await.state, SagaState::Complete);
    assert!(matches!(
        house.sagas.save(&slow).await,
        Err(SagaStoreError::Stale)
    ));
    let stored = house.sagas.load(house.org, EUI).await.unwrap().unwrap();
    assert_eq!(stored.state, SagaState::Complete);
}

#[tokio::test]
async fn cancelled_in_the_middle_it_is_taken_back_whole() {
    for plane in Plane::ALL {
        let house = House::with(Goal::Provision).await;
        house
            .network
            .inject(plane, Verb::Write, Fault::Broken(503), Times::Once);
        let waiting = house.turn().await;
        assert_eq!(waiting.state, SagaState::Incomplete(plane));
        house.edit(Saga::cancel).await;
        let saga = house.settle().await;
        assert_eq!(saga.state, SagaState::Failed(Failure::Cancelled));
        assert!(house.planes().is_empty(), "{plane}");
    }
}

#[tokio::test]
async fn compensation_that_fails_is_visible_and_goes_on() {
    let house = House::with(Goal::Provision).await;
    house.network.inject(
        Plane::Application,
        Verb::Write,
        Fault::Forbidden,
        Times::Once,
    );
    house
        .network
        .inject(Plane::Join, Verb::Delete, Fault::Broken(503), Times::Few(9));
    let saga = house.turn().await;
    assert_eq!(saga.state, SagaState::Compensating(Plane::Join));
    assert!(!saga.is_at_rest());
    let due = house.sagas.due(saga.not_before.unwrap(), 10).await.unwrap();
    assert_eq!(due, [(house.org, EUI)]);
    let saga = house.settle().await;
    assert!(matches!(
        saga.state,
        SagaState::Failed(Failure::Rights { .. })
    ));
    assert!(house.planes().is_empty());
}

/// What a device made by hand had before is not ours to remove.
#[tokio::test]
async fn compensation_removes_only_what_this_run_created() {
    let house = House::new().await;
    house
        .network
        .place(Plane::Identity, &application(), &name(), EUI);
    house
        .sagas
        .start(house.org, Saga::new(Goal::Provision, enrolment()))
        .await
        .unwrap();
    house.network.inject(
        Plane::Application,
        Verb::Write,
        Fault::Forbidden,
        Times::Once,
    );
    let saga = house.settle().await;
    assert!(matches!(
        saga.state,
        SagaState::Failed(Failure::Rights { .. })
    ));
    assert_eq!(house.planes(), [Plane::Identity]);
}

#[tokio::test]
async fn an_examination_tells_how_a_device_stands() {
    for (planes, expected) in [
        (&Plane::ALL[..0], Diagnosis::NotProvisioned),
        (&Plane::ALL[..1], Diagnosis::SplitBrainNoKeys),
        (&Plane::ALL[..2], Diagnosis::Partial),
        (&Plane::ALL[1..], Diagnosis::SplitBrainOrphaned),
        (&Plane::ALL[..], Diagnosis::FullyProvisioned),
    ] {
        let house = House::new().await;
        for plane in planes {
            house.network.place(*plane, &application(), &name(), EUI);
        }
        let seen = examine(&house.admin, &enrolment()).await.unwrap();
        assert_eq!(seen.diagnosis, expected);
    }
    let house = House::new().await;
    let other = DevEui::from_bytes([9; 8]);
    house
        .network
        .place(Plane::Identity, &application(), &name(), other);
    let seen = examine(&house.admin, &enrolment()).await.unwrap();
    assert_eq!(seen.diagnosis, Diagnosis::ForeignConflict);
}
