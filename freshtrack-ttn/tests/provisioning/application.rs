//! Rights, lists and webhooks of an application.

use crate::house::{House, KEY, application, http};
use freshtrack_core::ids::OrgId;
use freshtrack_core::time::Timestamp;
use freshtrack_ttn::event::{DeviceIdentity, Network};
use freshtrack_ttn::fake::FakeNetwork;
use freshtrack_ttn::ids::{ConnectionId, DevEui};
use freshtrack_ttn::memory::{MemoryConnections, MemoryInbox};
use freshtrack_ttn::ports::{Connection, LnsAdmin, WebhookSpec};
use freshtrack_ttn::provisioning::cluster::Cluster;
use freshtrack_ttn::provisioning::fault::FaultClass;
use freshtrack_ttn::provisioning::plane::Plane;
use freshtrack_ttn::provisioning::rights::{Job, Right};
use freshtrack_ttn::secrets::{ApiKey, SecretPair, WebhookSecret};
use freshtrack_ttn::tts_admin::TtsAdmin;
use freshtrack_ttn::webhook::{IngressRequest, handle};
use serde_json::json;

fn webhook(connection: &ConnectionId) -> WebhookSpec {
    WebhookSpec {
        application: application(),
        id: "freshtrack".parse().unwrap(),
        base_url: format!("https://fresh.example/api/v1/ttn/{connection}"),
        secret: WebhookSecret::from_random([3; 32]),
    }
}

#[tokio::test]
async fn rl_12_a_list_is_read_to_its_end() {
    let house = House::new().await;
    for n in 0..2_500_u16 {
        let [high, low] = n.to_be_bytes();
        let eui = DevEui::from_bytes([1, 2, 3, 4, 5, 6, high, low]);
        let name = format!("device-{n}").parse().unwrap();
        house
            .network
            .place(Plane::Identity, &application(), &name, eui);
    }
    let devices = house.admin.devices(&application()).await.unwrap();
    assert_eq!(devices.len(), 2_500);
    assert!(devices.iter().all(|device| device.dev_eui.is_some()));
    house.assert_no_strays();
}

#[tokio::test]
async fn rights_are_read_and_a_wrong_key_is_a_credential_fault() {
    let house = House::new().await;
    house.network.grant(&["RIGHT_APPLICATION_LINK"]);
    let held = house.admin.rights(&application()).await.unwrap();
    assert_eq!(
        Job::ManageWebhook.missing(&held),
        [Right::SettingsBasic].into()
    );
    let wrong = TtsAdmin::new(
        http(),
        house.network.cluster().clone(),
        ApiKey::new("NNSXS.WRONG".to_owned()),
    );
    let fault = wrong.rights(&application()).await.unwrap_err();
    assert_eq!(fault.class, FaultClass::Credential);
    assert!(!fault.to_string().contains("NNSXS"));
}

/// RL-6: identity and regional half do not know each other's routes; exchanged, nothing works.
#[tokio::test]
async fn rl_06_identity_calls_go_to_the_identity_host() {
    let network = FakeNetwork::start(KEY).await.unwrap();
    let right = network.cluster();
    let exchanged = Cluster::custom(right.regional().base(), right.identity().base()).unwrap();
    let admin = TtsAdmin::new(http(), exchanged, ApiKey::new(KEY.to_owned()));
    assert!(admin.rights(&application()).await.is_err());
    assert_eq!(network.strays().len(), 1);
    assert_eq!(
        crate::house::admin(&network)
            .default_join_eui()
            .await
            .unwrap()
            .to_string(),
        "70B3D57ED0000000"
    );
}

/// RL-1 and RL-11: the network's path for webhooks, and a mask for every field that is set.
#[tokio::test]
async fn rl_01_rl_11_a_webhook_is_put_where_the_network_has_them_and_read_back() {
    let house = House::new().await;
    let spec = webhook(&ConnectionId::from_random([7; 16]));
    house.admin.put_webhook(&spec).await.unwrap();
    let call = "PUT /api/v3/as/webhooks/kitchen-one/freshtrack".to_owned();
    assert!(house.network.calls().contains(&call));
    let read = house.admin.webhook(&spec).await.unwrap().unwrap();
    assert_eq!(read.base_url, spec.base_url);
    assert!(read.presents_our_secret);
    // Rotated: the stored one is not ours any more, and a second put makes it so.
    let rotated = WebhookSpec {
        secret: WebhookSecret::from_random([4; 32]),
        ..spec
    };
    let read = house.admin.webhook(&rotated).await.unwrap().unwrap();
    assert!(!read.presents_our_secret);
    house.admin.put_webhook(&rotated).await.unwrap();
    house
        .admin
        .delete_webhook(&application(), &rotated.id)
        .await
        .unwrap();
    house
        .admin
        .delete_webhook(&application(), &rotated.id)
        .await
        .unwrap();
    assert_eq!(house.admin.webhook(&rotated).await.unwrap(), None);
    house.assert_no_strays();
}

#[tokio::test]
async fn a_webhook_without_rights_names_no_secret() {
    let house = House::new().await;
    house.network.grant(&["RIGHT_APPLICATION_TRAFFIC_READ"]);
    let spec = webhook(&ConnectionId::from_random([7; 16]));
    let fault = house.admin.put_webhook(&spec).await.unwrap_err();
    assert!(matches!(fault.class, FaultClass::Rights { .. }));
    let secret = String::from_utf8(spec.secret.expose().to_vec()).unwrap();
    assert!(!format!("{fault:?} {fault} {spec:?}").contains(&secret));
}

/// RL-2: what stands at the network, replayed, is let in by our own receiver.
#[tokio::test]
async fn rl_02_what_is_provisioned_authenticates_against_our_receiver() {
    let house = House::new().await;
    let id = ConnectionId::from_random([7; 16]);
    let spec = webhook(&id);
    house.admin.put_webhook(&spec).await.unwrap();
    let stored = house.network.webhook(&application(), "freshtrack").unwrap();
    let connections = MemoryConnections::default();
    connections.insert(Connection {
        id: id.clone(),
        org: OrgId::from_uuid(uuid::Uuid::from_u128(1)),
        network: Network::TheThingsStack,
        application: Some(application()),
        domain: None,
        secrets: SecretPair {
            current: Some(spec.secret.digest()),
            ..SecretPair::default()
        },
    });
    let secret = stored["headers"]["X-Webhook-Secret"].as_str().unwrap();
    let url = stored["base_url"].as_str().unwrap();
    let body = json!({"end_device_ids": {"device_id": "some-device",
        "application_ids": {"application_id": "kitchen-one"}}});
    for event in [
        "uplink_message",
        "join_accept",
        "downlink_ack",
        "location_solved",
        "service_data",
    ] {
        let path = stored[event]["path"].as_str().unwrap();
        let full = format!("{url}{path}");
        let mut parts = full.rsplit('/');
        let (kind, connection) = (parts.next().unwrap(), parts.next().unwrap());
        let response = handle(
            &connections,
            &MemoryInbox::default(),
            &IngressRequest {
                network: Network::TheThingsStack,
                connection,
                kind,
                headers: &[("x-webhook-secret", secret.as_bytes())],
                body: body.to_string().as_bytes(),
                hint: &DeviceIdentity::default(),
            },
            Timestamp::from_seconds(1),
        )
        .await;
        assert_eq!(response.status, 200, "{event}");
    }
}
