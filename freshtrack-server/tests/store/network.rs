//! Laws of the connection directory and the inbox, on both databases.

#![expect(
    clippy::unwrap_used,
    reason = "a law panics when it is broken; that is all it does"
)]

use freshtrack_alerts::change::Change;
use freshtrack_alerts::ports::MonitorStore;
use freshtrack_alerts::testkit::{AlertStores, must_commit, sample as alerts};
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{LnsEventId, OrgId};
use freshtrack_core::testkit::sample::{Tenant, at, journal};
use freshtrack_core::testkit::{assert_journals, assert_missing, assert_taken};
use freshtrack_core::time::Span;
use freshtrack_server::store::ports::{
    ConnectionRecord, ConnectionState, Connections, InboxQueue, event_id,
};
use freshtrack_ttn::NanoInstant;
use freshtrack_ttn::canonical::QuarantineReason;
use freshtrack_ttn::event::{DeviceIdentity, EventKind, Network};
use freshtrack_ttn::ids::ConnectionId;
use freshtrack_ttn::key::{EventKey, RepeatGuard};
use freshtrack_ttn::ports::{
    Connection, ConnectionDirectory, Inbox, InboxEntry, InboxError, Stored,
};
use freshtrack_ttn::secrets::{SecretDigest, SecretPair};
use freshtrack_ttn::testkit::inbox as inbox_suite;

pub(crate) trait Stores:
    AlertStores + Connections + ConnectionDirectory + Inbox + InboxQueue
{
}
impl<T: AlertStores + Connections + ConnectionDirectory + Inbox + InboxQueue> Stores for T {}

const LEASE: Span = Span::from_seconds(60);

fn digest(byte: u8) -> SecretDigest {
    SecretDigest::from_bytes([byte; 32])
}

fn record(org: OrgId, seed: u8) -> ConnectionRecord {
    ConnectionRecord {
        connection: Connection {
            id: ConnectionId::from_random([seed; 16]),
            org,
            network: Network::TheThingsStack,
            secrets: SecretPair {
                current: Some(digest(seed)),
                next: None,
                current_expires_at: None,
            },
            application: Some("cold-rooms".parse().unwrap()),
            domain: Some("eu1.cloud.thethings.network".to_owned()),
        },
        name: format!("Connection {seed}"),
        state: ConnectionState::Enabled,
        last_used_at: None,
        created_at: at(0),
    }
}

/// A tenant with one connection.
async fn connected<S: Stores>(store: &S, name: &str, seed: u8) -> (Tenant, ConnectionId) {
    let tenant = Tenant::create(store, name).await;
    let record = record(tenant.org, seed);
    let id = record.connection.id.clone();
    Connections::create(store, record, Journal::default())
        .await
        .unwrap();
    (tenant, id)
}

/// The `n`-th message of a connection, an uplink at second `n`.
fn message(connection: &ConnectionId, n: u8) -> InboxEntry {
    let mut key = [n; 32];
    key[31] = connection.as_str().bytes().fold(0, u8::wrapping_add);
    InboxEntry {
        key: EventKey::from_bytes(key),
        guard: Some(RepeatGuard {
            digest: EventKey::from_bytes(key),
            time: NanoInstant::from_nanos(i64::from(n) * 1_000_000_000),
        }),
        connection: connection.clone(),
        network: Network::TheThingsStack,
        kind: EventKind::DownlinkQueued,
        device: DeviceIdentity {
            name: Some("sensor-1".parse().unwrap()),
            application: Some("cold-rooms".parse().unwrap()),
            application_malformed: true,
            dev_eui: Some("A84041FFFF1C2D3E".parse().unwrap()),
            join_eui: None,
            dev_addr: Some("260B1234".parse().unwrap()),
        },
        route: "uplink".to_owned(),
        hint: DeviceIdentity::default(),
        arrived_at: at(i64::from(n)),
        body: vec![0, 159, 146, 150, n],
        quarantine: None,
    }
}

async fn claimed<S: Stores>(store: &S, seconds: i64, limit: u16) -> Vec<LnsEventId> {
    let taken = store.claim(at(seconds), LEASE, limit).await.unwrap();
    taken.into_iter().map(|event| event.id).collect()
}

pub(crate) async fn a_connection_is_found_by_its_id_while_it_is_enabled<S: Stores>(store: &S) {
    let tenant = Tenant::create(store, "Tenant").await;
    let record = record(tenant.org, 1);
    let id = record.connection.id.clone();
    Connections::create(store, record.clone(), journal("made"))
        .await
        .unwrap();
    assert_eq!(
        store.find_connection(&id).await.unwrap(),
        Some(record.connection.clone())
    );
    let unknown = ConnectionId::from_random([9; 16]);
    assert_eq!(store.find_connection(&unknown).await.unwrap(), None);

    for _ in 0..2 {
        let off = store.set_state(tenant.org, &id, ConnectionState::Disabled, journal("off"));
        off.await.unwrap();
    }
    assert_eq!(
        store.find_connection(&id).await.unwrap(),
        None,
        "nobody is let in"
    );
    let kept = Connections::find(store, tenant.org, &id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kept.state, ConnectionState::Disabled);
    assert_journals(store, tenant.org, 2).await;
}

pub(crate) async fn connections_are_taken_once_and_seen_by_their_tenant_only<S: Stores>(store: &S) {
    let (tenant, id) = connected(store, "Tenant", 1).await;
    let other = Tenant::create(store, "Other").await;
    let again = Connections::create(store, record(other.org, 1), journal("again")).await;
    assert_taken(again, "connection");
    assert_journals(store, other.org, 0).await;
    assert_eq!(
        Connections::find(store, other.org, &id).await.unwrap(),
        None
    );
    assert!(
        Connections::list(store, other.org, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        Connections::list(store, tenant.org, 10)
            .await
            .unwrap()
            .len(),
        1
    );
    let rotated = store
        .rotate(other.org, &id, digest(2), Journal::default())
        .await;
    assert_missing(rotated, "connection");
    let off = ConnectionState::Disabled;
    assert_missing(
        store
            .set_state(other.org, &id, off, Journal::default())
            .await,
        "connection",
    );
    Connections::touch(store, other.org, &id, at(5))
        .await
        .unwrap();
    let kept = Connections::find(store, tenant.org, &id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kept, record(tenant.org, 1), "nobody else changed it");
}

pub(crate) async fn a_rotation_replaces_the_old_secret_once_the_new_one_was_used<S: Stores>(
    store: &S,
) {
    let (tenant, id) = connected(store, "Tenant", 1).await;
    let after = store
        .rotate(tenant.org, &id, digest(2), journal("rotate"))
        .await
        .unwrap();
    let secrets = after.connection.secrets;
    assert_eq!(
        (secrets.current, secrets.next),
        (Some(digest(1)), Some(digest(2)))
    );
    store
        .rotate(tenant.org, &id, digest(3), journal("lost it"))
        .await
        .unwrap();
    store.confirm_rotation(&id, at(100)).await.unwrap();
    store.confirm_rotation(&id, at(900)).await.unwrap();
    let secrets = store.find_connection(&id).await.unwrap().unwrap().secrets;
    assert_eq!(
        (secrets.current, secrets.next),
        (Some(digest(1)), Some(digest(3)))
    );
    assert_eq!(
        secrets.current_expires_at,
        Some(at(100)),
        "once set, it stays"
    );
    let after = store
        .rotate(tenant.org, &id, digest(4), journal("rotate"))
        .await
        .unwrap();
    let secrets = after.connection.secrets;
    assert_eq!(
        (secrets.current, secrets.next),
        (Some(digest(3)), Some(digest(4)))
    );
    assert_eq!(secrets.current_expires_at, None);
    assert_eq!(
        store.find_connection(&id).await.unwrap().unwrap().secrets,
        secrets
    );
}

pub(crate) async fn the_time_of_last_use_never_goes_back<S: Stores>(store: &S) {
    let (tenant, id) = connected(store, "Tenant", 1).await;
    for seconds in [50, 40] {
        Connections::touch(store, tenant.org, &id, at(seconds))
            .await
            .unwrap();
    }
    let used = Connections::find(store, tenant.org, &id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(used.last_used_at, Some(at(50)));
}

pub(crate) async fn a_message_is_stored_once_and_comes_back_byte_for_byte<S: Stores>(store: &S) {
    let (tenant, id) = connected(store, "Tenant", 1).await;
    let first = message(&id, 1);
    assert_eq!(
        Inbox::store(store, tenant.org, &first).await.unwrap(),
        Stored::New
    );
    let mut again = first.clone();
    again.body = b"another body under the same key".to_vec();
    again.guard = None;
    assert_eq!(
        Inbox::store(store, tenant.org, &again).await.unwrap(),
        Stored::Duplicate
    );
    let taken = store.claim(at(10), LEASE, 10).await.unwrap();
    let [event] = <[_; 1]>::try_from(taken).expect("one message");
    assert_eq!((event.org, event.attempts), (tenant.org, 1));
    assert_eq!(event.id, event_id(&first.key));
    assert_eq!(event.entry, first, "the first body wins");
}

pub(crate) async fn the_guard_finds_a_repeat_under_another_key_within_its_window<S: Stores>(
    store: &S,
) {
    let (tenant, id) = connected(store, "Tenant", 1).await;
    let first = message(&id, 1);
    assert_eq!(
        Inbox::store(store, tenant.org, &first).await.unwrap(),
        Stored::New
    );
    let window = RepeatGuard::WINDOW.as_micros() * 1_000;
    for (n, nanos, expected) in [
        (2, window, Stored::Duplicate),
        (3, -window, Stored::Duplicate),
        (4, window + 1, Stored::New),
    ] {
        let mut copy = message(&id, n);
        let guard = first.guard.unwrap();
        copy.guard = Some(RepeatGuard {
            time: NanoInstant::from_nanos(guard.time.as_nanos() + nanos),
            ..guard
        });
        assert_eq!(
            Inbox::store(store, tenant.org, &copy).await.unwrap(),
            expected,
            "{nanos}"
        );
    }
}

pub(crate) async fn of_two_copies_at_once_exactly_one_is_new<S: Stores>(store: &S) {
    let (tenant, id) = connected(store, "Tenant", 1).await;
    for n in 1..=10 {
        let one = message(&id, n);
        let mut two = one.clone();
        two.key = EventKey::from_bytes([n.wrapping_add(100); 32]);
        let (a, b) = tokio::join!(
            Inbox::store(store, tenant.org, &one),
            Inbox::store(store, tenant.org, &two),
        );
        let answers = [a.unwrap(), b.unwrap()];
        let new = answers
            .iter()
            .filter(|answer| **answer == Stored::New)
            .count();
        assert_eq!(new, 1, "message {n}: {answers:?}");
    }
}

pub(crate) async fn a_message_for_a_foreign_connection_is_not_stored<S: Stores>(store: &S) {
    let (_, id) = connected(store, "Tenant", 1).await;
    let other = Tenant::create(store, "Other").await;
    assert!(
        Inbox::store(store, other.org, &message(&id, 1))
            .await
            .is_err()
    );
    assert!(claimed(store, 10, 10).await.is_empty());
}

pub(crate) async fn messages_are_taken_in_order_and_by_one_only_until_the_lease_ends<S: Stores>(
    store: &S,
) {
    let (tenant, id) = connected(store, "Tenant", 1).await;
    let mut ids = Vec::new();
    for n in [3, 1, 2] {
        let entry = message(&id, n);
        ids.push(event_id(&entry.key));
        Inbox::store(store, tenant.org, &entry).await.unwrap();
    }
    assert_eq!(
        claimed(store, 10, 2).await,
        ids[..2],
        "in order of arrival, no more than asked"
    );
    assert_eq!(
        claimed(store, 11, 10).await,
        ids[2..],
        "what is taken is not given again"
    );
    store.postpone(tenant.org, ids[0], at(500)).await.unwrap();
    assert_eq!(
        claimed(store, 10 + 60, 10).await,
        ids[1..2],
        "a lease that ran out"
    );
    assert_eq!(claimed(store, 500, 10).await, [ids[0], ids[1], ids[2]]);
}

pub(crate) async fn a_message_put_aside_stays_aside<S: Stores>(store: &S) {
    let (tenant, id) = connected(store, "Tenant", 1).await;
    let mut wrong = message(&id, 1);
    wrong.quarantine = Some(QuarantineReason::WrongApplication);
    Inbox::store(store, tenant.org, &wrong).await.unwrap();
    let entry = message(&id, 2);
    Inbox::store(store, tenant.org, &entry).await.unwrap();
    let event = event_id(&entry.key);
    let foreign = Tenant::create(store, "Other").await.org;
    let reason = QuarantineReason::Undecodable;
    store.quarantine(foreign, event, reason).await.unwrap();
    assert_eq!(
        claimed(store, 10, 10).await,
        [event],
        "nobody else's business"
    );
    store.quarantine(tenant.org, event, reason).await.unwrap();
    assert!(claimed(store, 9_999, 10).await.is_empty());
    let aside = InboxQueue::quarantined(store, tenant.org, 10)
        .await
        .unwrap();
    let reasons: Vec<&str> = aside.iter().map(|event| event.reason.as_str()).collect();
    assert_eq!(
        reasons,
        ["undecodable", "wrong_application"],
        "newest first"
    );
    assert_eq!(aside[0].connection, id);
    assert!(
        InboxQueue::quarantined(store, foreign, 10)
            .await
            .unwrap()
            .is_empty()
    );
}

pub(crate) async fn a_message_is_done_with_in_the_commit_of_its_readings_only<S: Stores>(
    store: &S,
) {
    let (tenant, id) = connected(store, "Tenant", 1).await;
    let entry = message(&id, 1);
    Inbox::store(store, tenant.org, &entry).await.unwrap();
    let event = event_id(&entry.key);

    let mut refused = Change::empty(tenant.org, at(10));
    refused.consumed = vec![event];
    refused.readings = vec![
        alerts::reading(tenant.unit, 1),
        alerts::reading(tenant.unit, 1),
    ];
    let answers = MonitorStore::commit(store, &[refused]).await.unwrap();
    assert!(
        matches!(answers[..], [Err(StoreError::Conflict)]),
        "{answers:?}"
    );
    assert_eq!(
        claimed(store, 10, 10).await,
        [event],
        "a refused commit consumes nothing"
    );

    let other = Tenant::create(store, "Other").await;
    let mut foreign = Change::empty(other.org, at(10));
    foreign.consumed = vec![event];
    must_commit(store, foreign).await;
    assert_eq!(
        claimed(store, 100, 10).await,
        [event],
        "nobody else consumes it"
    );

    let mut change = Change::empty(tenant.org, at(10));
    change.consumed = vec![event];
    change.readings = vec![alerts::reading(tenant.unit, 1)];
    must_commit(store, change).await;
    assert!(claimed(store, 9_999, 10).await.is_empty());
    store
        .quarantine(tenant.org, event, QuarantineReason::Encrypted)
        .await
        .unwrap();
    assert!(
        InboxQueue::quarantined(store, tenant.org, 10)
            .await
            .unwrap()
            .is_empty(),
        "what is done is done"
    );
}

/// An inbox in which each tenant's messages come by the tenant's own connection, as they must: the suite
/// of the port knows one connection only.
struct OwnConnections<'s, S> {
    store: &'s S,
    connections: [(OrgId, ConnectionId); 2],
}

#[async_trait::async_trait]
impl<S: Stores> Inbox for OwnConnections<'_, S> {
    async fn store(&self, org: OrgId, entry: &InboxEntry) -> Result<Stored, InboxError> {
        let own = self.connections.iter().find(|(owner, _)| *owner == org);
        let mut entry = entry.clone();
        entry.connection = own.expect("one of the two tenants").1.clone();
        Inbox::store(self.store, org, &entry).await
    }
}

macro_rules! inbox_rules {
    ($store:ident; $($rule:ident $seed:literal)+) => {$(
        let (one, first) = connected($store, concat!("One ", $seed), $seed).await;
        let (two, second) = connected($store, concat!("Two ", $seed), $seed + 100).await;
        let inbox = OwnConnections {
            store: $store,
            connections: [(one.org, first), (two.org, second)],
        };
        inbox_suite::$rule(&inbox, one.org, two.org).await;
    )+};
}

pub(crate) async fn the_suite_of_the_inbox_port_holds<S: Stores>(store: &S) {
    inbox_rules! { store;
        a_key_is_new_once 1
        tenants_do_not_see_each_other 2
        a_guard_holds_ten_minutes 3
        no_guard_matches_no_guard 4
    }
}
