//! What a connection receives, in which order, and from where it starts.

use crate::world::{Got, Node, World, ordered, place, request, returning};
use freshtrack_realtime::testkit::sample::{alert_raised, org, reading, readings};
use freshtrack_realtime::{CloseReason, ConnectError, LimitScope};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn the_first_message_is_the_acknowledgement_with_the_head() {
    let node = Node::alone();
    for number in 1..=3 {
        node.emit(alert_raised(org(1), place(1), number)).await;
    }
    let mut client = node.connect(request(org(1))).await;
    let ack = client.next().await;
    assert_eq!(ack.event, "connection:ack");
    assert_eq!(ack.seq(), 3);
    assert_eq!(ack.data["epoch"], "epoch-1");
    assert_eq!(ack.data["socketId"], "socket-1");
    assert_eq!(ack.data["timestamp"], "2026-03-14T06:40:00.000Z");
    assert_eq!(ack.data["temperatureUnit"], "C");
}

#[tokio::test(start_paused = true)]
async fn an_alert_arrives_at_once_and_before_readings_that_were_committed_first() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    client.next().await;
    let first = node
        .emit(readings(org(1), place(1), &[reading(1, 1)]))
        .await;
    let second = node.emit(alert_raised(org(1), place(1), 1)).await;
    let alert = client.next().await;
    assert_eq!((alert.event, alert.seq()), ("alert:triggered", second));
    let batch = client.next().await;
    assert_eq!((batch.event, batch.seq()), ("sensor:readings:batch", first));
    assert_eq!(client.last_seq, Some(second), "a batch never turns it back");
}

#[tokio::test(start_paused = true)]
async fn a_returning_client_gets_what_it_missed_from_memory_or_history() {
    let world = World::new();
    let (warm, cold) = (world.node(|_| {}), world.node(|_| {}));
    let _listener = warm.connect(request(org(1))).await;
    for number in 1..=5 {
        warm.emit(alert_raised(org(1), place(1), number)).await;
    }
    let reads = world.history.reads();
    for (node, name) in [(&warm, "memory"), (&cold, "history")] {
        let mut client = node.connect(returning(org(1), 2)).await;
        assert_eq!(client.next().await.seq(), 2, "{name}: never the head");
        for seq in 3..=5 {
            let missed = client.next().await;
            assert_eq!(
                (missed.seq(), &missed.data["replayed"]),
                (seq, &true.into())
            );
        }
        let complete = client.next().await;
        assert_eq!(complete.event, "resume:complete");
        assert_eq!(
            (&complete.data["from"], &complete.data["to"]),
            (&2.into(), &5.into())
        );
        if name == "memory" {
            assert_eq!(world.history.reads(), reads, "memory asks nobody");
        }
    }
    let live = warm.emit(alert_raised(org(1), place(1), 6)).await;
    assert_eq!(live, 6);
}

#[tokio::test(start_paused = true)]
async fn another_node_hears_of_it_by_the_bus() {
    let world = World::new();
    let (here, there) = (world.node(|_| {}), world.node(|_| {}));
    let mut client = there.connect(request(org(1))).await;
    client.next().await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let seq = here.emit(alert_raised(org(1), place(1), 1)).await;
    assert_eq!(client.next().await.seq(), seq);
}

#[tokio::test(start_paused = true)]
async fn bounds_on_connections_are_refusals() {
    let world = World::new();
    let node = world.node(|config| {
        config.connections_per_principal_max = 2;
        config.connections_per_org_max = 2;
        config.connections_max = 3;
    });
    let first = node.connect(request(org(1))).await;
    let _second = node.connect(request(org(1))).await;
    let refused = node.hub.connect(request(org(1))).await.map(|_| ());
    let Err(ConnectError::TooManyConnections(scope)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(scope, LimitScope::Organization);
    drop(first);
    let _again = node.connect(request(org(1))).await;
    assert_eq!(node.hub.stats().connections, [0, 2, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_history_that_does_not_answer_is_no_refusal() {
    let node = Node::alone();
    node.world.history.set_available(false);
    let refused = node.hub.connect(request(org(1))).await.map(|_| ());
    assert!(
        matches!(refused, Err(ConnectError::Unavailable(_))),
        "{refused:?}"
    );
    assert_eq!(
        node.hub.stats().connections,
        [0, 0, 0],
        "and leaves no trace"
    );
}

#[tokio::test(start_paused = true)]
async fn a_replay_the_history_cannot_give_closes_so_that_the_client_returns() {
    let node = Node::alone();
    for number in 1..=4 {
        node.emit(alert_raised(org(1), place(1), number)).await;
    }
    let mut client = node.connect(returning(org(1), 1)).await;
    node.world.history.set_available(false);
    let mut got = client.next_or_close().await;
    while let Got::Message(seen) = got {
        assert_eq!(ordered(&[seen]), [] as [i64; 0]);
        got = client.next_or_close().await;
    }
    assert_eq!(got, Got::Closed(CloseReason::Unavailable));
    assert_eq!(client.last_seq, Some(1), "nothing is lost");
}

#[tokio::test(start_paused = true)]
async fn either_side_of_a_transport_can_end_the_connection() {
    let node = Node::alone();
    for reading_side in [true, false] {
        let mut client = node.connect(request(org(1))).await;
        if reading_side {
            client.connection.commands.close(CloseReason::Malformed);
        } else {
            client.connection.outlet.close(CloseReason::Malformed);
        }
        let closed = Got::Closed(CloseReason::Malformed);
        assert_eq!(client.next_or_close().await, closed);
        assert_eq!(client.next_or_close().await, closed, "for ever after");
    }
}
