//! Section 10: what a connection that does not read costs, and what it is told.

use crate::world::{Got, Node, World, ordered, place, request};
use freshtrack_realtime::testkit::sample::{alert_raised, org, reading, readings, unit};
use freshtrack_realtime::{CloseReason, Principal};
use serde_json::json;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn readings_that_wait_are_replaced_by_newer_ones_and_told() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    client.next().await;
    for window in 1..=5_u32 {
        for place_number in 1..=2 {
            let view = reading(window * 10 + place_number, window.into());
            node.emit(readings(org(1), place(place_number), &[view]))
                .await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let alert = node.emit(alert_raised(org(1), place(3), 1)).await;
    assert_eq!(client.next().await.seq(), alert, "alerts before readings");
    for place_number in 1..=2 {
        let batch = client.next().await;
        assert_eq!(
            batch.data["unitId"],
            json!(unit(place_number)),
            "oldest unit first"
        );
        assert_eq!(
            batch.data["readings"][0]["recordedAt"],
            "2026-03-14T06:40:05.000Z"
        );
    }
    let skipped = client.next().await;
    assert_eq!(skipped.event, "readings:skipped");
    assert_eq!(
        skipped.data,
        json!({"unitIds": [unit(1), unit(2)], "count": 8})
    );
    assert_eq!(node.hub.stats().coalesced, 8);
    assert!(
        client.all_within(Duration::from_secs(1)).await.is_empty(),
        "told once"
    );
}

#[tokio::test(start_paused = true)]
async fn bytes_are_bounded_as_well_as_messages() {
    let node = World::new().node(|config| config.mailbox.bytes_max = 2_000);
    let mut client = node.connect(request(org(1))).await;
    client.next().await;
    for number in 1..=10 {
        node.emit(alert_raised(org(1), place(1), number)).await;
    }
    assert!(node.hub.stats().unsent_bytes <= 2_000);
    assert_eq!(client.next().await.event, "resync");
    assert_eq!(client.next_or_close().await, Got::Closed(CloseReason::Slow));
    assert_eq!(node.hub.stats().slow_disconnects, 1);
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_takes_nothing_for_half_a_minute_is_shut() {
    let node = Node::alone();
    let mut stuck = node.connect(request(org(1))).await;
    let mut other = request(org(1));
    other.principal = Principal::User(freshtrack_realtime::testkit::sample::user(2));
    let mut slow = node.connect(other).await;
    stuck.next().await;
    slow.next().await;
    let must_end = stuck.connection.outlet.must_end();
    node.emit(alert_raised(org(1), place(1), 1)).await;
    for _ in 0..40 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        // A large frame is leaving, byte by byte.
        slow.connection.outlet.progressed();
    }
    assert!(must_end.is_cancelled(), "even if it is stuck in a write");
    assert_eq!(stuck.next().await.event, "resync");
    assert_eq!(stuck.next_or_close().await, Got::Closed(CloseReason::Slow));
    assert_eq!(
        slow.next().await.event,
        "alert:triggered",
        "progress counts"
    );
}

#[tokio::test(start_paused = true)]
async fn the_node_sheds_who_has_waited_longest() {
    let node = World::new().node(|config| config.node_bytes_max = 4_000);
    let mut first = node.connect(request(org(1))).await;
    let mut second = node.connect(request(org(2))).await;
    first.next().await;
    second.next().await;
    node.emit(alert_raised(org(1), place(1), 1)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut sent = 0;
    while node.hub.stats().slow_disconnects == 0 {
        sent += 1;
        node.emit(alert_raised(org(2), place(1), 1)).await;
    }
    assert!(sent > 3, "the bound is the node's: {sent}");
    assert_eq!(first.next().await.event, "resync");
    assert_eq!(first.next_or_close().await, Got::Closed(CloseReason::Slow));
    let seen = second.all_within(Duration::from_secs(1)).await;
    assert_eq!(ordered(&seen).len(), sent, "who came later stays");
    assert!(node.hub.stats().unsent_bytes <= 4_000);
}
