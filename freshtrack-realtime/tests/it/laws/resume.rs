//! RT-11, RT-13, RT-24.

use crate::world::{Client, Got, Node, Seen, World, ordered, place, request, returning};
use freshtrack_realtime::ports::Snapshot;
use freshtrack_realtime::testkit::sample::{alert_raised, org};
use freshtrack_realtime::{CloseReason, LastSeq, SnapshotUnit};
use std::time::Duration;

const QUIET: Duration = Duration::from_secs(3);

async fn emit_alerts(node: &Node, count: u32) {
    for number in 1..=count {
        node.emit(alert_raised(org(1), place(1), number)).await;
    }
}

fn snapshot(seq: i64, units: u32) -> Snapshot {
    let unit = |number| SnapshotUnit {
        unit_id: freshtrack_realtime::testkit::sample::unit(number),
        site_id: freshtrack_realtime::testkit::sample::site(1),
        status: "ok".to_owned(),
        state: "normal".to_owned(),
        temperature: Some(4.5),
        recorded_at: None,
    };
    Snapshot {
        seq,
        units: (1..=units).map(unit).collect(),
        alerts: Vec::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn rt_11_events_committed_during_the_replay_follow_it_once_and_in_order() {
    let world = World::new();
    let (home, other) = (world.node(|_| {}), world.node(|_| {}));
    emit_alerts(&home, 10).await;
    // On a node that knows nothing of the organization yet.
    let mut client = other.connect(returning(org(1), 4)).await;
    emit_alerts(&home, 3).await;
    other.emit(alert_raised(org(1), place(1), 14)).await;
    let seen = client.all_within(QUIET).await;
    assert_eq!(ordered(&seen), (5..=14).collect::<Vec<i64>>());
    let complete = seen
        .iter()
        .position(|s| s.event == "resume:complete")
        .expect("the end mark");
    for (index, message) in seen.iter().enumerate().skip(1) {
        if index != complete {
            let replayed = message.data.get("replayed").is_some();
            assert_eq!(replayed, index < complete, "{message:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rt_11_a_client_that_missed_too_much_gets_one_resync_and_what_follows() {
    let node = Node::alone();
    emit_alerts(&node, 1_005).await;
    node.world.state.set_snapshot(org(1), snapshot(1_005, 3));
    for (last, reason) in [(3, "too_many"), (0, "too_old"), (2_000, "reset")] {
        let mut client = node.connect(returning(org(1), last)).await;
        assert_eq!(
            client.next().await.seq(),
            0,
            "{reason}: nothing is promised yet"
        );
        let resync = client.next().await;
        assert_eq!((resync.event, resync.seq()), ("resync", 1_005));
        assert_eq!(resync.data["reason"], reason);
        assert_eq!(
            resync.data["snapshot"]["units"].as_array().map(Vec::len),
            Some(3)
        );
        assert_eq!(client.last_seq, Some(1_005));
    }
}

#[tokio::test(start_paused = true)]
async fn rt_11_a_pruned_history_ends_in_a_resync() {
    let node = Node::alone();
    emit_alerts(&node, 20).await;
    node.world.history.prune(org(1), 10);
    node.world.state.set_snapshot(org(1), snapshot(20, 1));
    let mut exact = node.connect(returning(org(1), 9)).await;
    assert_eq!(
        ordered(&exact.all_within(QUIET).await),
        (10..=20).collect::<Vec<i64>>()
    );
    let other = node.world.node(|_| {});
    let mut below = other.connect(returning(org(1), 8)).await;
    assert_eq!(below.next().await.seq(), 0);
    assert_eq!(below.until("resync").await.data["reason"], "too_old");
}

#[tokio::test(start_paused = true)]
async fn rt_11_another_epoch_or_an_unnamed_organization_is_not_trusted() {
    let node = Node::alone();
    emit_alerts(&node, 5).await;
    for (epoch, unnamed, reason) in [
        (Some("epoch-0"), false, Some("reset")),
        (Some("epoch-1"), true, Some("other_organization")),
        (Some("epoch-1"), false, None),
    ] {
        let mut wanted = returning(org(1), 4);
        wanted.resume.epoch = epoch.map(str::to_owned);
        wanted.resume.organization_unnamed = unnamed;
        let mut client = node.connect(wanted).await;
        client.next().await;
        let next = client.next().await;
        match reason {
            Some(reason) => assert_eq!(next.data["reason"], reason),
            None => assert_eq!((next.event, next.seq()), ("alert:triggered", 5)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rt_11_a_last_seq_that_is_no_number_is_absent_and_told() {
    let node = Node::alone();
    let mut wanted = request(org(1));
    wanted.resume.last_seq = LastSeq::from_text("-1");
    let mut client = node.connect(wanted).await;
    assert_eq!(client.next().await.event, "connection:ack");
    let error = client.next().await;
    assert_eq!(
        (error.event, &error.data["code"]),
        ("error", &"invalid_argument".into())
    );
}

#[tokio::test(start_paused = true)]
async fn rt_11_a_thousand_clients_return_at_once_and_the_history_is_read_once() {
    let world = World::new();
    let node = world.node(|config| config.connections_per_principal_max = 1_000);
    emit_alerts(&node, 100).await;
    let mut clients = Vec::new();
    let before = world.history.reads();
    for _ in 0..500 {
        clients.push(node.connect(returning(org(1), 10)).await);
    }
    for client in &mut clients {
        let seen = client.all_within(Duration::from_millis(50)).await;
        assert_eq!(ordered(&seen), (11..=100).collect::<Vec<i64>>());
    }
    let reads = world.history.reads() - before;
    assert!(
        reads < 520,
        "a head per connection at most, events once: {reads}"
    );
    let stats = node.hub.stats();
    assert_eq!(
        stats.serializations - 100,
        90,
        "each event once more, for all of them"
    );
}

#[tokio::test(start_paused = true)]
async fn rt_13_a_reader_that_stops_is_told_and_closed_and_loses_nothing() {
    let node = Node::alone();
    let mut lazy = node.connect(request(org(1))).await;
    let mut busy = node.connect(request(org(1))).await;
    lazy.next().await;
    busy.next().await;
    for number in 1..=1_500 {
        let seq = node.emit(alert_raised(org(1), place(1), number)).await;
        assert_eq!(busy.next().await.seq(), seq, "nobody else waits");
    }
    let hint = lazy.next().await;
    assert_eq!(
        (hint.event, &hint.data["reason"]),
        ("resync", &"slow_consumer".into())
    );
    assert_eq!(lazy.next_or_close().await, Got::Closed(CloseReason::Slow));
    assert_eq!(
        node.hub.stats().unsent_bytes,
        0,
        "what it left unread is given up"
    );
    assert_eq!(lazy.last_seq, Some(0), "the hint moves nothing");
    node.world.state.set_snapshot(org(1), snapshot(1_500, 1));
    let mut back = node.connect(returning(org(1), 600)).await;
    assert_eq!(
        ordered(&back.all_within(QUIET).await),
        (601..=1_500).collect::<Vec<i64>>()
    );
}

/// Reads `count` messages; answers them and the number up to which a snapshot or an acknowledgement
/// covers the record.
async fn read(client: &mut Client, count: u32, begins: i64) -> (Vec<Seen>, i64) {
    let (mut seen, mut covered) = (Vec::new(), begins);
    for _ in 0..count {
        let Ok(message) = tokio::time::timeout(QUIET, client.next()).await else {
            break;
        };
        let sets = message.event == "resync" || (message.event == "connection:ack" && begins == -1);
        if sets {
            covered = covered.max(message.seq());
        }
        seen.push(message);
    }
    (seen, covered)
}

#[tokio::test(start_paused = true)]
async fn rt_24_a_cut_at_any_message_loses_and_repeats_nothing() {
    for cut_after in 1..=14 {
        for from in [None, Some(0), Some(3)] {
            let world = World::new();
            let nodes = [world.node(|_| {}), world.node(|_| {})];
            emit_alerts(&nodes[0], 8).await;
            world.state.set_snapshot(org(1), snapshot(8, 1_200));
            let mut wanted = request(org(1));
            wanted.resume.last_seq = from.map_or(LastSeq::Absent, LastSeq::At);
            let mut client = nodes[1].connect(wanted).await;
            let (first, covered) = read(&mut client, cut_after, from.unwrap_or(-1)).await;
            let last = client.last_seq.expect("an acknowledgement came first");
            drop(client);
            emit_alerts(&nodes[0], 2).await;
            world.state.set_snapshot(org(1), snapshot(10, 1_200));
            let mut back = nodes[1].connect(returning(org(1), last)).await;
            let (rest, _) = read(&mut back, 100, last).await;
            let case = format!("cut after {cut_after}, from {from:?}");
            if let Some(fresh) = rest.iter().rfind(|message| message.event == "resync") {
                assert_eq!(last, 0, "{case}: only an unfinished resync starts over");
                assert_eq!(fresh.seq(), 10, "{case}");
                continue;
            }
            let seen = [ordered(&first), ordered(&rest)].concat();
            let expected: Vec<i64> = (covered + 1..=10).collect();
            assert_eq!(seen, expected, "{case}: each once and in order");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_comes_in_parts_and_only_the_last_sets_the_number() {
    let node = Node::alone();
    emit_alerts(&node, 2).await;
    node.world.state.set_snapshot(org(1), snapshot(2, 1_200));
    let mut client = node.connect(returning(org(1), 0)).await;
    client.next().await;
    let mut units = 0;
    for part in 1..=3 {
        let message = client.next().await;
        assert_eq!(
            (&message.data["part"], &message.data["parts"]),
            (&part.into(), &3.into())
        );
        units += message.data["snapshot"]["units"]
            .as_array()
            .expect("rows")
            .len();
        assert!(message.data.to_string().len() <= 256 * 1024);
        assert_eq!(message.data.get("seq").is_some(), part == 3);
        assert_eq!(client.last_seq, Some(if part == 3 { 2 } else { 0 }));
    }
    assert_eq!(units, 1_200);
}
