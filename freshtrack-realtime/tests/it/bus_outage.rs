//! RT-6, RT-7 as far as the hub goes: what happens while the bus is away, and holes in the sequence.

use crate::world::{World, ordered, place, request};
use freshtrack_realtime::ports::{BusState, Snapshot};
use freshtrack_realtime::testkit::sample::{alert_raised, at, envelope, org, reading, readings};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn rt_06_a_node_that_starts_without_its_bus_serves_and_joins_in_later() {
    let world = World::new();
    world.bus.go_down(at(0));
    let (here, there) = (world.node(|_| {}), world.node(|_| {}));
    let mut near = here.connect(request(org(1))).await;
    let mut far = there.connect(request(org(1))).await;
    let seq = here.emit(alert_raised(org(1), place(1), 1)).await;
    assert_eq!(near.until("alert:triggered").await.seq(), seq);
    let began = tokio::time::Instant::now();
    assert_eq!(far.until("alert:triggered").await.seq(), seq);
    assert!(began.elapsed() <= Duration::from_millis(500), "polled");
    assert_eq!(
        there.hub.bus_status().state,
        BusState::Down { since: at(0) }
    );
    world.bus.come_back();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let seq = here.emit(alert_raised(org(1), place(1), 2)).await;
    let began = tokio::time::Instant::now();
    assert_eq!(far.next().await.seq(), seq);
    assert_eq!(
        began.elapsed(),
        Duration::ZERO,
        "by the bus again, without a restart"
    );
}

#[tokio::test(start_paused = true)]
async fn rt_07_an_outage_of_any_length_loses_and_repeats_nothing() {
    let world = World::new();
    let (here, there) = (world.node(|_| {}), world.node(|_| {}));
    let mut far = there.connect(request(org(1))).await;
    far.next().await;
    let mut expected = Vec::new();
    for round in 0..6_u32 {
        if round % 2 == 1 {
            world.bus.go_down(at(0));
        } else if round > 0 {
            world.bus.come_back();
        }
        for number in 1..=30 {
            expected.push(here.emit(alert_raised(org(1), place(1), number)).await);
            tokio::time::sleep(Duration::from_millis(70)).await;
        }
    }
    let seen = far.all_within(Duration::from_secs(30)).await;
    assert_eq!(ordered(&seen), expected);
    let stats = there.hub.stats();
    assert!(stats.history_polls > 0);
    assert!(stats.serializations <= stats.events, "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn readings_committed_during_an_outage_arrive_too() {
    let world = World::new();
    let (here, there) = (world.node(|_| {}), world.node(|_| {}));
    let mut far = there.connect(request(org(1))).await;
    far.next().await;
    world.bus.go_down(at(0));
    here.emit(readings(org(1), place(1), &[reading(1, 1)]))
        .await;
    assert_eq!(far.next().await.event, "sensor:readings:batch");
}

#[tokio::test(start_paused = true)]
async fn a_hole_waits_a_moment_and_is_then_filled_from_the_history() {
    let world = World::new();
    let node = world.node(|_| {});
    let mut client = node.connect(request(org(1))).await;
    client.next().await;
    // The look at the history that follows the subscription is over.
    tokio::time::sleep(Duration::from_millis(10)).await;
    let events: Vec<_> = (1..=3)
        .map(|n| world.history.commit(alert_raised(org(1), place(1), n)))
        .collect();
    node.hub.publish(vec![envelope(&events[2])]).await;
    let began = tokio::time::Instant::now();
    assert_eq!(client.next().await.seq(), 1);
    assert_eq!(began.elapsed(), Duration::from_millis(200));
    assert_eq!(
        (client.next().await.seq(), client.next().await.seq()),
        (2, 3)
    );
    assert_eq!(node.hub.stats().gaps, 1);
}

#[tokio::test(start_paused = true)]
async fn a_hole_of_more_than_a_thousand_ends_in_one_resync() {
    let world = World::new();
    let node = world.node(|_| {});
    let mut client = node.connect(request(org(1))).await;
    client.next().await;
    let mut last = None;
    for number in 1..=1_100 {
        last = Some(world.history.commit(alert_raised(org(1), place(1), number)));
    }
    let snapshot = Snapshot {
        seq: 1_100,
        units: Vec::new(),
        alerts: Vec::new(),
    };
    world.state.set_snapshot(org(1), snapshot);
    node.hub
        .publish(vec![envelope(&last.expect("events"))])
        .await;
    let resync = client.next().await;
    assert_eq!((resync.event, resync.seq()), ("resync", 1_100));
    assert_eq!(resync.data["reason"], "gap");
    let seq = node.emit(alert_raised(org(1), place(1), 1)).await;
    let seen = client.all_within(Duration::from_secs(2)).await;
    assert_eq!(ordered(&seen), [seq]);
}

#[tokio::test(start_paused = true)]
async fn an_organization_is_followed_a_minute_after_its_last_connection() {
    let world = World::new();
    let node = world.node(|_| {});
    drop(node.connect(request(org(1))).await);
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(node.hub.stats().organizations, 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(node.hub.stats().organizations, 0);
    let mut client = node.connect(request(org(1))).await;
    let seq = node.emit(alert_raised(org(1), place(1), 1)).await;
    assert_eq!(client.until("alert:triggered").await.seq(), seq);
}
