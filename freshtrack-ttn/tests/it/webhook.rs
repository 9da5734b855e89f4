//! Ingress: who may speak, what is answered, and what is stored.

use crate::sample::{CONNECTION, arrived, complete, with};
use async_trait::async_trait;
use freshtrack_core::ids::OrgId;
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_ttn::canonical::QuarantineReason;
use freshtrack_ttn::event::{DeviceIdentity, EventKind, Network};
use freshtrack_ttn::ids::ConnectionId;
use freshtrack_ttn::memory::{MemoryConnections, MemoryInbox};
use freshtrack_ttn::ports::{
    Connection, ConnectionDirectory, Inbox, InboxEntry, InboxError, Stored,
};
use freshtrack_ttn::secrets::{SecretPair, WebhookSecret};
use freshtrack_ttn::webhook::{
    BODY_BYTES_MAX, IngressOutcome, IngressRequest, IngressResponse, handle,
};
use serde_json::{Value, json};

const SECRET: &str = "right-secret";

fn digest(secret: &str) -> freshtrack_ttn::secrets::SecretDigest {
    WebhookSecret::from_presented(secret).digest()
}

fn org(n: u128) -> OrgId {
    format!("00000000-0000-7000-8000-{n:012x}").parse().unwrap()
}

fn connection() -> Connection {
    Connection {
        id: CONNECTION.parse().unwrap(),
        org: org(1),
        network: Network::TheThingsStack,
        secrets: SecretPair {
            current: Some(digest(SECRET)),
            ..SecretPair::default()
        },
        application: Some("ft-acme-cold".parse().unwrap()),
        domain: Some("nam1.cloud.thethings.network".to_owned()),
    }
}

struct House {
    connections: MemoryConnections,
    inbox: MemoryInbox,
}

impl House {
    fn new(connection: Connection) -> Self {
        let connections = MemoryConnections::default();
        connections.insert(connection);
        Self {
            connections,
            inbox: MemoryInbox::default(),
        }
    }

    async fn call(&self, headers: &[(&str, &[u8])], body: &[u8]) -> IngressResponse {
        self.call_at(CONNECTION, headers, body, arrived()).await
    }

    async fn call_at(
        &self,
        connection: &str,
        headers: &[(&str, &[u8])],
        body: &[u8],
        now: Timestamp,
    ) -> IngressResponse {
        let hint = DeviceIdentity::default();
        let network = Network::TheThingsStack;
        let request = IngressRequest {
            network,
            connection,
            kind: "uplink",
            headers,
            body,
            hint: &hint,
        };
        handle(&self.connections, &self.inbox, &request, now).await
    }

    fn stored(&self) -> Vec<InboxEntry> {
        self.inbox.entries(org(1))
    }
}

fn body(message: &Value) -> Vec<u8> {
    serde_json::to_vec(message).unwrap()
}

const KEY: (&str, &[u8]) = ("X-Freshtrack-Key", SECRET.as_bytes());

#[tokio::test]
async fn rl_21_the_same_body_twice_is_one_message() {
    let house = House::new(connection());
    let first = house.call(&[KEY], &body(&complete())).await;
    assert_eq!(
        (first.status, first.body),
        (200, r#"{"accepted":true,"duplicate":false}"#)
    );
    let second = house.call(&[KEY], &body(&complete())).await;
    assert_eq!(
        (second.status, second.body),
        (200, r#"{"accepted":true,"duplicate":true}"#)
    );
    assert_eq!(house.stored().len(), 1);
    assert_eq!(
        house.stored()[0].body,
        body(&complete()),
        "kept byte for byte"
    );
}

#[tokio::test]
async fn a_copy_with_another_network_time_is_the_same_message() {
    let house = House::new(connection());
    house.call(&[KEY], &body(&complete())).await;
    let copy = with("received_at", json!("2026-03-14T06:41:10Z"));
    assert_eq!(
        house.call(&[KEY], &body(&copy)).await.outcome,
        IngressOutcome::Duplicate
    );
}

#[tokio::test]
async fn the_secret_may_come_in_three_headers() {
    // base64 of "anyone:right-secret"
    let basic = ("authorization", &b"Basic YW55b25lOnJpZ2h0LXNlY3JldA=="[..]);
    for header in [KEY, ("x-webhook-secret", SECRET.as_bytes()), basic] {
        let house = House::new(connection());
        assert_eq!(
            house.call(&[header], &body(&complete())).await.status,
            200,
            "{}",
            header.0
        );
    }
}

#[tokio::test]
async fn a_wrong_header_is_not_rescued_by_a_right_one() {
    let right = ("X-Webhook-Secret", SECRET.as_bytes());
    let wrong = ("X-Freshtrack-Key", &b"wrong"[..]);
    for headers in [[wrong, right], [right, wrong]] {
        let house = House::new(connection());
        assert_eq!(house.call(&headers, &body(&complete())).await.status, 401);
    }
}

#[tokio::test]
async fn every_failed_authentication_is_the_same_bare_answer() {
    let house = House::new(connection());
    let mut answers = Vec::new();
    let unknown = "cn_0000000000000000000000000E";
    let bearer = ("Authorization", &b"Bearer right-secret"[..]);
    let downlink_key = ("X-Downlink-Apikey", SECRET.as_bytes());
    let message = body(&complete());
    for (id, headers) in [
        (CONNECTION, vec![]),
        (CONNECTION, vec![("x-freshtrack-key", &b"wrong"[..])]),
        (CONNECTION, vec![("x-freshtrack-key", &b""[..])]),
        (CONNECTION, vec![("x-freshtrack-key", &[0xFF, 0xFE][..])]),
        (CONNECTION, vec![bearer]),
        (CONNECTION, vec![downlink_key]),
        (unknown, vec![KEY]),
        ("not an id", vec![KEY]),
    ] {
        answers.push(house.call_at(id, &headers, &message, arrived()).await);
    }
    // neither size nor form of the body is looked at before the caller is known
    answers.push(house.call(&[], &vec![b'x'; BODY_BYTES_MAX + 1]).await);
    assert!(
        answers.iter().all(|a| a.status == 401 && a.body.is_empty()),
        "{answers:?}"
    );
    assert!(house.stored().is_empty());
}

#[tokio::test]
async fn rl_17_no_configured_secret_refuses_and_the_tenant_comes_from_the_connection_alone() {
    let bare = House::new(Connection {
        secrets: SecretPair::default(),
        ..connection()
    });
    for headers in [vec![], vec![KEY], vec![("x-freshtrack-key", &b""[..])]] {
        assert_eq!(bare.call(&headers, &body(&complete())).await.status, 401);
    }
    let house = House::new(connection());
    let mut message = complete();
    message["org_id"] = json!(org(2).to_string());
    message["tenant_id"] = json!(org(2).to_string());
    house.call(&[KEY], &body(&message)).await;
    assert_eq!(house.inbox.entries(org(2)).len(), 0);
    assert_eq!(house.stored().len(), 1);
}

#[tokio::test]
async fn another_tenant_s_secret_opens_nothing() {
    let house = House::new(connection());
    let other: ConnectionId = "cn_0000000000000000000000000E".parse().unwrap();
    let secrets = SecretPair {
        current: Some(digest("theirs")),
        ..SecretPair::default()
    };
    house.connections.insert(Connection {
        id: other.clone(),
        org: org(2),
        secrets,
        ..connection()
    });
    let theirs = ("x-freshtrack-key", &b"theirs"[..]);
    assert_eq!(house.call(&[theirs], &body(&complete())).await.status, 401);
    assert_eq!(
        house
            .call_at(other.as_str(), &[theirs], &body(&complete()), arrived())
            .await
            .status,
        200
    );
    assert_eq!(
        (house.stored().len(), house.inbox.entries(org(2)).len()),
        (0, 1)
    );
}

#[tokio::test]
async fn a_connection_of_another_network_is_unknown_here() {
    let house = House::new(Connection {
        network: Network::Chirpstack,
        ..connection()
    });
    assert_eq!(house.call(&[KEY], &body(&complete())).await.status, 401);
}

#[tokio::test]
async fn rotation_accepts_both_confirms_on_first_use_and_then_expires() {
    let pair = SecretPair {
        current: Some(digest("old")),
        next: Some(digest("new")),
        current_expires_at: None,
    };
    let house = House::new(Connection {
        secrets: pair,
        ..connection()
    });
    let (old, new) = (
        ("x-freshtrack-key", &b"old"[..]),
        ("x-freshtrack-key", &b"new"[..]),
    );
    let later = arrived() + Span::from_seconds(24 * 3_600);
    let message = body(&complete());
    assert_eq!(
        house
            .call_at(CONNECTION, &[old], &message, later)
            .await
            .status,
        200,
        "not confirmed yet"
    );
    assert_eq!(house.call(&[new], &message).await.status, 200);
    let almost = later - Span::from_micros(1);
    assert_eq!(
        house
            .call_at(CONNECTION, &[old], &message, almost)
            .await
            .status,
        200
    );
    assert_eq!(
        house
            .call_at(CONNECTION, &[old], &message, later)
            .await
            .status,
        401
    );
    assert_eq!(
        house
            .call_at(CONNECTION, &[new], &message, later)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn only_size_and_form_can_be_wrong_with_a_body() {
    let house = House::new(connection());
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(BODY_BYTES_MAX - 7));
    assert_eq!(large.len(), BODY_BYTES_MAX + 1);
    assert_eq!(house.call(&[KEY], large.as_bytes()).await.status, 413);
    for bad in [&b""[..], b"hello", b"[]", b"\"text\"", &[0xFF][..]] {
        assert_eq!(house.call(&[KEY], bad).await.status, 400, "{bad:?}");
    }
    let exact = format!("{{\"a\":\"{}\"}}", "x".repeat(BODY_BYTES_MAX - 8));
    assert_eq!(exact.len(), BODY_BYTES_MAX);
    assert_eq!(house.call(&[KEY], exact.as_bytes()).await.status, 200);
}

#[tokio::test]
async fn rl_22_an_odd_message_is_accepted_and_recorded() {
    for (message, outcome, kind) in [
        (
            json!({}),
            IngressOutcome::Quarantined(QuarantineReason::UnknownEvent),
            EventKind::Other,
        ),
        (
            json!({"join_accept": {"session_key_id": "AZXH"}}),
            IngressOutcome::Accepted,
            EventKind::Join,
        ),
        (
            json!({"uplink_message": {}}),
            IngressOutcome::Accepted,
            EventKind::Uplink,
        ),
        (
            with("frm_payload", json!("not base64!")),
            IngressOutcome::Accepted,
            EventKind::Uplink,
        ),
    ] {
        let house = House::new(connection());
        let answer = house.call(&[KEY], &body(&message)).await;
        assert_eq!((answer.status, answer.outcome), (200, outcome), "{message}");
        assert_eq!(house.stored()[0].kind, kind);
    }
}

#[tokio::test]
async fn another_application_or_domain_is_set_aside() {
    let mut other = complete();
    other["end_device_ids"]["application_ids"]["application_id"] = json!("somebody-else");
    let mut odd = complete();
    odd["end_device_ids"]["application_ids"]["application_id"] = json!("Not An Id");
    let elsewhere = ("X-Tts-Domain", &b"eu1.cloud.thethings.network"[..]);
    let home = ("X-Tts-Domain", &b"nam1.cloud.thethings.network"[..]);
    let mut masked = complete();
    masked.as_object_mut().unwrap().remove("end_device_ids");
    let wrong = IngressOutcome::Quarantined(QuarantineReason::WrongApplication);
    for (message, headers, outcome) in [
        (&other, vec![KEY], wrong),
        (&odd, vec![KEY], wrong),
        (&complete(), vec![KEY, elsewhere], wrong),
        (&complete(), vec![KEY, home], IngressOutcome::Accepted),
        (&masked, vec![KEY], IngressOutcome::Accepted),
    ] {
        let house = House::new(connection());
        let answer = house.call(&headers, &body(message)).await;
        assert_eq!((answer.status, answer.outcome), (200, outcome));
        assert_eq!(house.stored()[0].quarantine.is_some(), outcome == wrong);
    }
}

#[tokio::test]
async fn the_network_s_own_key_is_not_stored() {
    let house = House::new(connection());
    let live = ("X-Downlink-Apikey", &b"NNSXS.LIVE.CREDENTIAL"[..]);
    assert_eq!(
        house.call(&[KEY, live], &body(&complete())).await.status,
        200
    );
    let stored = &house.stored()[0];
    assert_eq!(
        stored.body,
        body(&complete()),
        "the body and nothing of the headers"
    );
    let printed = format!("{stored:?}");
    assert!(!printed.contains("LIVE") && !printed.contains(SECRET) && !printed.contains("y8YIwQ"));
}

#[tokio::test]
async fn what_a_field_mask_removed_the_path_may_say() {
    let house = House::new(connection());
    let mut message = complete();
    message.as_object_mut().unwrap().remove("end_device_ids");
    let bytes = body(&message);
    let hint = DeviceIdentity {
        dev_eui: Some("A84041FFFF1C2D3E".parse().unwrap()),
        ..DeviceIdentity::default()
    };
    let network = Network::TheThingsStack;
    let request = IngressRequest {
        network,
        connection: CONNECTION,
        kind: "up",
        headers: &[KEY],
        body: &bytes,
        hint: &hint,
    };
    handle(&house.connections, &house.inbox, &request, arrived()).await;
    assert_eq!(house.stored()[0].device.dev_eui, hint.dev_eui);
    // the same frame with its identity in the body has the same key
    assert_eq!(
        house.call(&[KEY], &body(&complete())).await.outcome,
        IngressOutcome::Duplicate
    );
}

struct Down;

fn down() -> InboxError {
    InboxError::Unavailable("the disk is full".into())
}

#[async_trait]
impl Inbox for Down {
    async fn store(&self, _: OrgId, _: &InboxEntry) -> Result<Stored, InboxError> {
        Err(down())
    }
}

#[async_trait]
impl ConnectionDirectory for Down {
    async fn find_connection(&self, _: &ConnectionId) -> Result<Option<Connection>, InboxError> {
        Err(down())
    }

    async fn confirm_rotation(&self, _: &ConnectionId, _: Timestamp) -> Result<(), InboxError> {
        Err(down())
    }
}

#[tokio::test]
async fn rl_20_what_is_not_durable_is_never_answered_with_success() {
    let house = House::new(connection());
    let bytes = body(&complete());
    let hint = DeviceIdentity::default();
    let network = Network::TheThingsStack;
    let request = IngressRequest {
        network,
        connection: CONNECTION,
        kind: "uplink",
        headers: &[KEY],
        body: &bytes,
        hint: &hint,
    };
    let answer = handle(&house.connections, &Down, &request, arrived()).await;
    assert_eq!(
        (answer.status, answer.outcome),
        (503, IngressOutcome::Unavailable)
    );
    let answer = handle(&Down, &house.inbox, &request, arrived()).await;
    assert_eq!(
        answer.status, 503,
        "a directory that cannot answer is no reason to refuse the caller"
    );
    assert!(house.stored().is_empty());
}

struct Counting(MemoryConnections, std::sync::atomic::AtomicUsize);

#[async_trait]
impl ConnectionDirectory for Counting {
    async fn find_connection(&self, id: &ConnectionId) -> Result<Option<Connection>, InboxError> {
        self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.0.find_connection(id).await
    }

    async fn confirm_rotation(&self, id: &ConnectionId, at: Timestamp) -> Result<(), InboxError> {
        self.0.confirm_rotation(id, at).await
    }
}

#[tokio::test]
async fn rl_29_a_call_costs_one_look_up_however_many_tenants_there_are() {
    for tenants in [10_u128, 10_000] {
        let directory = Counting(
            MemoryConnections::default(),
            std::sync::atomic::AtomicUsize::new(0),
        );
        for n in 0..tenants {
            directory.0.insert(Connection {
                id: ConnectionId::from_random(n.to_be_bytes()),
                ..connection()
            });
        }
        let inbox = MemoryInbox::default();
        let hint = DeviceIdentity::default();
        let bytes = body(&complete());
        let id = ConnectionId::from_random(3_u128.to_be_bytes());
        let network = Network::TheThingsStack;
        let request = IngressRequest {
            network,
            connection: id.as_str(),
            kind: "uplink",
            headers: &[KEY],
            body: &bytes,
            hint: &hint,
        };
        assert_eq!(
            handle(&directory, &inbox, &request, arrived()).await.status,
            200
        );
        assert_eq!(
            directory.1.load(std::sync::atomic::Ordering::Relaxed),
            1,
            "{tenants} tenants"
        );
    }
}
