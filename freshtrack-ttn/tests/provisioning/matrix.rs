//! S6: four steps of creation times the faults; the end state is asserted on all four planes.

use crate::house::{EUI, House, application, key, name};
use freshtrack_ttn::fake::{Fault, Times, Verb};
use freshtrack_ttn::provisioning::plane::Plane;
use freshtrack_ttn::provisioning::rights::Right;
use freshtrack_ttn::provisioning::saga::{Failure, Goal, SagaState};

const NOWHERE: [Plane; 0] = [];

#[tokio::test]
async fn rl_15_a_device_is_made_in_order_and_seen_on_all_four_planes() {
    let house = House::with(Goal::Provision).await;
    let saga = house.settle().await;
    assert_eq!(saga.state, SagaState::Complete);
    assert_eq!(house.planes(), Plane::ALL);
    let writes: Vec<String> = house
        .network
        .calls()
        .into_iter()
        .filter(|call| !call.starts_with("GET"))
        .collect();
    let device = format!("applications/kitchen-one/devices/{}", name());
    assert_eq!(
        writes,
        [
            "POST /api/v3/applications/kitchen-one/devices".to_owned(),
            format!("PUT /api/v3/js/{device}"),
            format!("PUT /api/v3/ns/{device}"),
            format!("PUT /api/v3/as/{device}"),
        ]
    );
    let network = house
        .network
        .stored(Plane::Network, &application(), &name())
        .unwrap();
    assert_eq!(network["lorawan_version"], "MAC_V1_0_3");
    assert_eq!(network["lorawan_phy_version"], "PHY_V1_0_3_REV_A");
    assert_eq!(network["ids"]["join_eui"], "70B3D57ED0000001");
    house.assert_no_strays();
}

/// Faults that nobody can know the outcome of, and waits: they relent, and the device is made once.
#[tokio::test]
async fn a_fault_that_relents_ends_complete_at_every_step() {
    let faults = [
        Fault::LostRequest,
        Fault::LostAnswer,
        Fault::Broken(500),
        Fault::Broken(503),
        Fault::RateLimited(7),
    ];
    for plane in Plane::ALL {
        for fault in faults {
            for verb in [Verb::Read, Verb::Write] {
                let house = House::with(Goal::Provision).await;
                house.network.inject(plane, verb, fault, Times::Once);
                let first = house.turn().await;
                assert_ne!(first.state, SagaState::Complete, "{plane} {fault:?}");
                assert!(first.not_before.is_some());
                let saga = house.settle().await;
                let cell = format!("{plane} {verb:?} {fault:?}: {saga:?}");
                assert_eq!(saga.state, SagaState::Complete, "{cell}");
                assert_eq!(house.planes(), Plane::ALL, "{cell}");
                for plane in Plane::ALL {
                    let applied = usize::from(
                        fault == Fault::LostAnswer
                            && plane != Plane::Identity
                            && verb == Verb::Write,
                    );
                    let most = 1 + applied;
                    assert!(house.network.writes(plane) <= most, "{cell}");
                }
                house.assert_no_strays();
            }
        }
    }
}

/// The same, for ever: visible, resumable, and nothing is taken away.
#[tokio::test]
async fn a_fault_that_stays_ends_incomplete_with_nothing_deleted() {
    for (k, plane) in Plane::ALL.into_iter().enumerate() {
        for fault in [
            Fault::LostRequest,
            Fault::Broken(503),
            Fault::RateLimited(7),
            Fault::Unauthorized,
        ] {
            let house = House::with(Goal::Provision).await;
            house
                .network
                .inject(plane, Verb::Write, fault, Times::Always);
            let saga = house.settle().await;
            assert_eq!(saga.state, SagaState::Incomplete(plane), "{fault:?}");
            assert_eq!(saga.credential_refused, fault == Fault::Unauthorized);
            assert_eq!(house.planes(), Plane::ALL[..k], "{fault:?}");
            let deleted = house
                .network
                .calls()
                .iter()
                .any(|c| c.starts_with("DELETE"));
            assert!(!deleted, "{plane} {fault:?}");
            house.network.heal();
            house
                .edit(freshtrack_ttn::provisioning::saga::Saga::resume)
                .await;
            assert_eq!(house.settle().await.state, SagaState::Complete);
            assert_eq!(house.planes(), Plane::ALL);
        }
    }
}

#[tokio::test]
async fn a_key_without_rights_ends_clean_and_names_what_is_missing() {
    for plane in Plane::ALL {
        let house = House::with(Goal::Provision).await;
        house.network.grant(&[
            "RIGHT_APPLICATION_DEVICES_READ",
            "RIGHT_APPLICATION_DEVICES_WRITE",
            "RIGHT_APPLICATION_DEVICES_WRITE_KEYS",
        ]);
        house
            .network
            .inject(plane, Verb::Write, Fault::Forbidden, Times::Once);
        let saga = house.settle().await;
        assert!(
            matches!(saga.state, SagaState::Failed(Failure::Rights { .. })),
            "{plane}: {:?}",
            saga.state
        );
        assert_eq!(house.planes(), NOWHERE, "{plane}");
        house.assert_no_strays();
    }
    let house = House::with(Goal::Provision).await;
    house.network.grant(&["RIGHT_APPLICATION_DEVICES_READ"]);
    let saga = house.settle().await;
    let missing = [Right::DevicesWrite, Right::DevicesWriteKeys].into();
    assert_eq!(saga.state, SagaState::Failed(Failure::Rights { missing }));
}

#[tokio::test]
async fn what_an_earlier_run_left_is_swept_and_the_step_tried_once_more() {
    for plane in [Plane::Join, Plane::Network, Plane::Application] {
        // Under the present name, without an identity: it reserves the ids.
        let house = House::with(Goal::Provision).await;
        house.network.place(plane, &application(), &name(), EUI);
        assert_eq!(house.settle().await.state, SagaState::Complete, "{plane}");
        assert_eq!(house.planes(), Plane::ALL);
        // Under a name the device had before.
        let house = House::with(Goal::Provision).await;
        let former = "old-sensor-name".parse().unwrap();
        house.network.place(plane, &application(), &former, EUI);
        house
            .edit(|saga| saga.former_names.push("old-sensor-name".parse().unwrap()))
            .await;
        let saga = house.settle().await;
        assert_eq!(saga.state, SagaState::Complete, "{plane}: {saga:?}");
        assert!(!house.network.has(plane, &application(), &former));
        // A second refusal after the sweep is the end, and a clean one.
        let house = House::with(Goal::Provision).await;
        house
            .network
            .inject(plane, Verb::Write, Fault::Taken, Times::Always);
        let saga = house.settle().await;
        assert_eq!(saga.state, SagaState::Failed(Failure::Conflict), "{plane}");
        assert_eq!(house.planes(), NOWHERE);
        house.assert_no_strays();
    }
}

#[tokio::test]
async fn a_device_of_somebody_else_is_never_touched() {
    let theirs = "their-sensor".parse().unwrap();
    let other = "other-kitchen".parse().unwrap();
    for plane in Plane::ALL {
        let house = House::with(Goal::Provision).await;
        house.network.place(plane, &other, &theirs, EUI);
        let saga = house.settle().await;
        assert!(
            matches!(
                saga.state,
                SagaState::Failed(Failure::ForeignConflict { .. } | Failure::Conflict)
            ),
            "{plane}: {saga:?}"
        );
        assert_eq!(house.planes(), NOWHERE, "{plane}");
        assert!(house.network.has(plane, &other, &theirs), "{plane}");
        house.assert_no_strays();
    }
    let house = House::with(Goal::Provision).await;
    house.network.take_elsewhere(EUI);
    let foreign = Failure::ForeignConflict { application: None };
    assert_eq!(house.settle().await.state, SagaState::Failed(foreign));
}

#[tokio::test]
async fn our_device_under_another_name_is_offered_for_adoption_and_kept() {
    let house = House::with(Goal::Provision).await;
    let by_hand = "made-by-hand".parse().unwrap();
    house
        .network
        .place(Plane::Identity, &application(), &by_hand, EUI);
    let saga = house.settle().await;
    let offered = Failure::AdoptionOffered {
        device: by_hand.clone(),
    };
    assert_eq!(saga.state, SagaState::Failed(offered));
    assert!(house.network.has(Plane::Identity, &application(), &by_hand));
    assert_eq!(house.planes(), NOWHERE);
}

/// RL-4: a plane that answers success and stores nothing.
#[tokio::test]
async fn rl_04_success_means_four_verified_planes() {
    for plane in Plane::ALL {
        let house = House::with(Goal::Provision).await;
        house
            .network
            .inject(plane, Verb::Write, Fault::Lie, Times::Always);
        let saga = house.settle().await;
        assert_ne!(saga.state, SagaState::Complete, "{plane}");
        house.network.heal();
        house
            .edit(freshtrack_ttn::provisioning::saga::Saga::resume)
            .await;
        assert_eq!(house.settle().await.state, SagaState::Complete, "{plane}");
        assert_eq!(house.planes(), Plane::ALL);
    }
}

#[tokio::test]
async fn without_a_key_nothing_is_left_behind() {
    let house = House::with(Goal::Provision).await;
    let provisioner = house.provisioner();
    provisioner.run(house.org, EUI, None, 0.0).await.unwrap();
    let saga = house.settle().await;
    assert_eq!(saga.state, SagaState::Failed(Failure::KeyMissing));
    assert_eq!(house.planes(), NOWHERE);
}

/// RL-3 and section 13: the key is on the join plane, and nowhere in what is stored or shown.
#[tokio::test]
async fn rl_03_the_key_is_given_to_one_call_and_kept_nowhere() {
    let house = House::with(Goal::Provision).await;
    let saga = house.settle().await;
    let hex = "5A".repeat(16);
    let join = house
        .network
        .stored(Plane::Join, &application(), &name())
        .unwrap();
    assert_eq!(join["root_keys"]["app_key"]["key"], hex.as_str());
    for plane in [Plane::Identity, Plane::Network, Plane::Application] {
        let stored = house
            .network
            .stored(plane, &application(), &name())
            .unwrap();
        assert!(!stored.to_string().contains(&hex));
    }
    let shown = format!(
        "{saga:?} {} {:?} {:?}",
        serde_json::to_string(&saga).unwrap(),
        house.admin,
        key()
    );
    assert!(!shown.contains(&hex) && !shown.contains(crate::house::KEY));
}
