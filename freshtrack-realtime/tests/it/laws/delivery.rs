//! RT-4, RT-8, RT-9, RT-10, RT-17, RT-18, RT-23.

use crate::world::{Got, Node, World, ordered, place, request};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::event::EventKind;
use freshtrack_core::ids::OrgId;
use freshtrack_core::principal::Role;
use freshtrack_realtime::ports::{Membership, Standing};
use freshtrack_realtime::testkit::sample::{
    self, alert_raised, envelope, event, org, reading, readings, site, unit, user,
};
use freshtrack_realtime::{
    CloseReason, Hub, HubConfig, HubPorts, Principal, Rooms, Topic, Transport,
};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

const WINDOW: Duration = Duration::from_secs(2);

#[tokio::test(start_paused = true)]
async fn rt_04_no_message_of_an_organization_reaches_another() {
    let world = World::new();
    let (here, there) = (world.node(|_| {}), world.node(|_| {}));
    let mut rooms = Rooms::organization();
    // The same ids in both organizations: even then nothing crosses.
    for number in 1..=5 {
        rooms.join(Topic::Site(site(number)));
        rooms.join(Topic::Unit(unit(number)));
    }
    let mut strangers = Vec::new();
    for node in [&here, &there] {
        let mut wanted = request(org(2));
        wanted.rooms = rooms.clone();
        strangers.push(node.connect(wanted).await);
    }
    for number in 1..=5 {
        here.emit(alert_raised(org(1), place(number), number)).await;
        here.emit(readings(org(1), place(number), &[reading(number, 1)]))
            .await;
        let mut notice = event(org(1), EventKind::RulesChanged, place(number), json!({}));
        notice.user = Some(user(1));
        here.emit(notice).await;
    }
    for stranger in &mut strangers {
        let seen = stranger.all_within(WINDOW).await;
        assert_eq!(seen.len(), 1, "only its own acknowledgement: {seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn rt_08_a_connection_in_every_room_receives_each_event_once() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    for (event, id) in [
        ("subscribe:site", json!(site(1))),
        ("subscribe:unit", json!(unit(1))),
        ("subscribe:organization", json!(org(1))),
        ("subscribe:site", json!(site(1))),
    ] {
        assert_eq!(client.ask(event, &id).await, json!({"ok": true}));
    }
    let alert = node.emit(alert_raised(org(1), place(1), 1)).await;
    node.emit(readings(org(1), place(1), &[reading(1, 1)]))
        .await;
    let seen = client.all_within(WINDOW).await;
    assert_eq!(ordered(&seen), [alert]);
    let batches = seen.iter().filter(|s| s.event == "sensor:readings:batch");
    assert_eq!(batches.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn rt_09_outside_the_organization_room_only_the_subscribed_site_arrives() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    client.ask("unsubscribe:organization", &json!(org(1))).await;
    client.ask("subscribe:site", &json!(site(1))).await;
    let mine = node.emit(alert_raised(org(1), place(1), 1)).await;
    node.emit(alert_raised(org(1), place(2), 2)).await;
    // A unit of the site that the client never named.
    let neighbour = (site(1), unit(5));
    node.emit(readings(org(1), neighbour, &[reading(1, 1)]))
        .await;
    node.emit(readings(org(1), place(2), &[reading(2, 1)]))
        .await;
    let seen = client.all_within(WINDOW).await;
    assert_eq!(ordered(&seen), [mine]);
    let batches: Vec<_> = seen
        .iter()
        .filter(|s| s.event == "sensor:readings:batch")
        .collect();
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].data["unitId"], json!(unit(5)));
    assert_eq!(batches[0].data["siteId"], json!(site(1)));
}

#[tokio::test(start_paused = true)]
async fn rt_10_readings_gathered_at_a_stop_arrive_before_the_transport_closes() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    node.emit(readings(org(1), place(1), &[reading(1, 1)]))
        .await;
    node.emit(readings(org(1), place(2), &[reading(2, 1)]))
        .await;
    let hub = node.hub.clone();
    let (closed, names) = tokio::join!(hub.drain(), async {
        let mut names = Vec::new();
        loop {
            match client.next_or_close().await {
                Got::Message(seen) => names.push(seen.event),
                Got::Closed(reason) => {
                    assert_eq!(reason, CloseReason::Restart);
                    return names;
                }
            }
        }
    });
    assert_eq!(closed, 1);
    let expected = [
        "connection:ack",
        "server:draining",
        "sensor:readings:batch",
        "sensor:readings:batch",
    ];
    assert_eq!(names, expected);
    assert!(
        node.hub.connect(request(org(1))).await.is_err(),
        "nobody comes in any more"
    );
}

/// Answers `may_see` only when the test says so.
struct SlowMembership {
    asked: Arc<Semaphore>,
    answer: Arc<Semaphore>,
}

#[async_trait]
impl Membership for SlowMembership {
    async fn resolve(
        &self,
        _: Principal,
        _: Option<OrgId>,
    ) -> Result<Option<Standing>, StoreError> {
        Ok(None)
    }
    async fn may_see(&self, _: Principal, _: OrgId, _: Topic) -> Result<bool, StoreError> {
        self.asked.add_permits(1);
        self.answer
            .acquire()
            .await
            .map_err(StoreError::unavailable)?
            .forget();
        Ok(true)
    }
    async fn still_valid(
        &self,
        _: OrgId,
        principals: &[Principal],
    ) -> Result<Vec<Principal>, StoreError> {
        Ok(principals.to_vec())
    }
}

fn hub_with_slow_membership() -> (Hub, Arc<Semaphore>, Arc<Semaphore>) {
    let world = World::new();
    let (asked, answer) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let membership = SlowMembership {
        asked: Arc::clone(&asked),
        answer: Arc::clone(&answer),
    };
    let ports = HubPorts {
        bus: Arc::new(world.bus),
        history: Arc::new(world.history),
        membership: Arc::new(membership),
        state: Arc::new(world.state),
        clock: world.clock,
    };
    (Hub::new(HubConfig::new("e"), ports), asked, answer)
}

#[tokio::test(start_paused = true)]
async fn rt_17_an_unsubscribe_after_a_subscribe_wins() {
    let (hub, asked, answer) = hub_with_slow_membership();
    let mut connection = hub.connect(request(org(1))).await.expect("connected");
    let id = format!("\"{}\"", unit(1));
    let both = async {
        connection
            .commands
            .handle("subscribe:unit", Some(&id))
            .await;
        connection
            .commands
            .handle("unsubscribe:unit", Some(&id))
            .await;
    };
    let release = async {
        asked.acquire().await.expect("asked").forget();
        answer.add_permits(1);
    };
    tokio::join!(both, release);
    assert!(!hub.is_in(org(1), connection.id, Topic::Unit(unit(1))));
}

#[tokio::test(start_paused = true)]
async fn rt_17_a_disconnect_during_the_check_leaves_no_member() {
    let (hub, asked, answer) = hub_with_slow_membership();
    let connection = hub.connect(request(org(1))).await.expect("connected");
    let (id, mut commands, outlet) = (connection.id, connection.commands, connection.outlet);
    let text = format!("\"{}\"", unit(1));
    let subscribe = commands.handle("subscribe:unit", Some(&text));
    let leave = async {
        asked.acquire().await.expect("asked").forget();
        drop(outlet);
        answer.add_permits(1);
    };
    tokio::join!(subscribe, leave);
    assert!(!hub.is_in(org(1), id, Topic::Unit(unit(1))));
    assert_eq!(hub.stats().connections, [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn rt_18_a_person_of_two_organizations_receives_the_one_named() {
    let world = World::new();
    let person = Principal::User(user(9));
    world.membership.join(person, org(2), Role::Viewer);
    world.membership.join(person, org(1), Role::Viewer);
    let unnamed = world
        .membership
        .resolve(person, None)
        .await
        .expect("answer")
        .expect("member");
    assert_eq!((unnamed.org, unnamed.several), (org(2), true));
    let node = world.node(|_| {});
    let mut wanted = request(unnamed.org);
    wanted.principal = person;
    let mut client = node.connect(wanted).await;
    node.emit(alert_raised(org(1), place(1), 1)).await;
    node.emit(alert_raised(org(2), place(1), 2)).await;
    let seen = client.all_within(WINDOW).await;
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(seen[1].data["alertId"], json!(sample::alert(2)));
}

#[tokio::test(start_paused = true)]
async fn rt_23_an_event_is_serialized_once_however_many_listen() {
    const CONNECTIONS: u32 = 1_000;
    let world = World::new();
    let node = world.node(|config| config.connections_per_principal_max = 1_000);
    let mut clients = Vec::new();
    for number in 0..CONNECTIONS {
        let mut wanted = request(org(1));
        wanted.transport = match number % 3 {
            0 => Transport::SocketIo,
            1 => Transport::WebSocket,
            _ => Transport::Sse,
        };
        let mut client = node.hub.connect(wanted).await.expect("a free place");
        client.outlet.try_next();
        clients.push(client);
    }
    for number in 1..=20 {
        node.emit(alert_raised(org(1), place(1), number)).await;
        node.emit(readings(
            org(1),
            place(1),
            &[reading(number, number.into())],
        ))
        .await;
    }
    tokio::time::sleep(WINDOW).await;
    let stats = node.hub.stats();
    assert_eq!(stats.events, 40);
    assert_eq!(stats.serializations, 21, "20 alerts and one window");
    assert_eq!(stats.messages, 21 * u64::from(CONNECTIONS));
    let shared: Vec<_> = clients
        .iter_mut()
        .map(|client| match client.outlet.try_next() {
            Some(freshtrack_realtime::Outgoing::Message { message, .. }) => message,
            other => panic!("{other:?}"),
        })
        .collect();
    let first = shared[0].body().as_ptr();
    assert!(
        shared.iter().all(|m| m.body().as_ptr() == first),
        "one copy for all"
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_for_one_person_reaches_that_person_alone() {
    let node = Node::alone();
    let mut mine = node.connect(request(org(1))).await;
    let mut other = request(org(1));
    other.principal = Principal::User(user(2));
    let mut other = node.connect(other).await;
    let mut notice = event(org(1), EventKind::RulesChanged, place(1), json!({}));
    notice.user = Some(user(1));
    let seq = node.emit(notice).await;
    assert_eq!(mine.until("entity:changed").await.seq(), seq);
    assert_eq!(
        other.all_within(WINDOW).await.len(),
        1,
        "only the acknowledgement"
    );
}

#[tokio::test(start_paused = true)]
async fn events_published_twice_or_out_of_order_arrive_once_and_in_order() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    let mut envelopes: Vec<_> = (1..=4)
        .map(|n| envelope(&node.world.history.commit(alert_raised(org(1), place(1), n))))
        .collect();
    envelopes.reverse();
    envelopes.extend(envelopes.clone());
    node.hub.publish(envelopes).await;
    assert_eq!(ordered(&client.all_within(WINDOW).await), [1, 2, 3, 4]);
    assert!(node.hub.stats().repeats >= 4);
}
