//! Removal: application, network, join, identity last; done when all are seen gone.

use crate::house::{House, enrolment};
use freshtrack_ttn::fake::{Fault, Times, Verb};
use freshtrack_ttn::provisioning::diagnosis::{Diagnosis, examine};
use freshtrack_ttn::provisioning::plane::Plane;
use freshtrack_ttn::provisioning::saga::{Failure, Saga, SagaState};

#[tokio::test]
async fn rl_14_removal_ends_with_the_identity_and_is_seen() {
    let house = House::provisioned().await;
    assert_eq!(house.settle().await.state, SagaState::Complete);
    let deleted: Vec<String> = house
        .network
        .calls()
        .into_iter()
        .filter(|call| call.starts_with("DELETE"))
        .map(|call| call.split('/').nth(3).unwrap().to_owned())
        .collect();
    assert_eq!(deleted, ["as", "ns", "js", "applications"]);
    let seen = examine(&house.admin, &enrolment()).await.unwrap();
    assert_eq!(seen.diagnosis, Diagnosis::NotProvisioned);
    house.assert_no_strays();
}

#[tokio::test]
async fn each_plane_s_fault_is_retried_blocked_or_taken_as_done() {
    for plane in Plane::REMOVAL {
        for fault in [
            Fault::LostRequest,
            Fault::LostAnswer,
            Fault::Broken(500),
            Fault::RateLimited(3),
        ] {
            let house = House::provisioned().await;
            house
                .network
                .inject(plane, Verb::Delete, fault, Times::Once);
            let saga = house.settle().await;
            assert_eq!(saga.state, SagaState::Complete, "{plane} {fault:?}");
            assert!(house.planes().is_empty());
        }
        // 403 blocks until somebody mends the key, and says so.
        let house = House::provisioned().await;
        house
            .network
            .inject(plane, Verb::Delete, Fault::Forbidden, Times::Once);
        let saga = house.settle().await;
        assert!(matches!(
            saga.state,
            SagaState::Failed(Failure::Rights { .. })
        ));
        assert!(house.planes().contains(&plane), "{plane}");
        house.edit(Saga::resume).await;
        assert_eq!(house.settle().await.state, SagaState::Complete);
        assert!(house.planes().is_empty());
        // A plane that says yes and keeps it is found out.
        let house = House::provisioned().await;
        house
            .network
            .inject(plane, Verb::Delete, Fault::Lie, Times::Always);
        assert_ne!(house.settle().await.state, SagaState::Complete, "{plane}");
        // 5xx for ever stands still, visible.
        let house = House::provisioned().await;
        house
            .network
            .inject(plane, Verb::Delete, Fault::Broken(503), Times::Always);
        assert_eq!(house.settle().await.state, SagaState::Incomplete(plane));
    }
}

#[tokio::test]
async fn what_is_gone_already_is_gone() {
    let house = House::provisioned().await;
    assert_eq!(house.settle().await.state, SagaState::Complete);
    let again = Saga::new(
        freshtrack_ttn::provisioning::saga::Goal::Deprovision,
        enrolment(),
    );
    house.edit(|saga| *saga = again).await;
    assert_eq!(house.settle().await.state, SagaState::Complete);
}
