//! RT-1, RT-3, RT-19, RT-22 and the coalescer's bounds.

use crate::world::{Node, World, place, request};
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_realtime::testkit::sample::{at, device, org, reading, reading_id, readings, unit};
use freshtrack_realtime::{Batch, Coalescer, LatestMap, LatestReading, READINGS_PER_BATCH_MAX};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn rt_01_a_live_reading_is_the_stored_one_with_both_times() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    let mut view = reading(7, 30);
    view.humidity_centi = Some(5_512);
    view.late = true;
    node.emit(readings(org(1), place(1), &[view])).await;
    let batch = client.until("sensor:readings:batch").await;
    let expected = json!({
        "id": reading_id(7), "temperature": 4.5, "humidity": 55.12, "battery": 90,
        "signalStrength": -80, "timestamp": "2026-03-14T06:40:30.000Z",
        "recordedAt": "2026-03-14T06:40:30.000Z", "deviceId": device(1), "source": "ttn",
        "late": true,
    });
    assert_eq!(batch.data["readings"], json!([expected]));
    assert_eq!(batch.data["temperatureUnit"], "C");
}

#[tokio::test(start_paused = true)]
async fn rt_03_get_latest_never_answers_for_another_organization() {
    let node = Node::alone();
    let stored = LatestReading::from_event(unit(1), at(10), &reading(1, 5)).expect("evaluated");
    node.world.state.set_latest(org(1), stored);
    let mut mine = node.connect(request(org(1))).await;
    let mut stranger = node.connect(request(org(2))).await;
    // Filled from the store after a restart, then from memory.
    for _ in 0..2 {
        let answer = mine.ask("get:latest", &json!(unit(1))).await;
        assert_eq!(answer["id"], json!(reading_id(1)));
        assert_eq!(answer["recordedAt"], "2026-03-14T06:40:05.000Z");
        assert_eq!(
            stranger.ask("get:latest", &json!(unit(1))).await,
            Value::Null
        );
    }
    for nonsense in [json!("x"), json!(5), json!({}), Value::Null] {
        assert_eq!(mine.ask("get:latest", &nonsense).await, Value::Null);
    }
    let stats = node.hub.stats();
    assert_eq!((stats.latest_hits, stats.latest_misses), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn rt_19_neither_a_late_nor_a_future_reading_sticks_as_latest() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    let mut future = reading(1, 290);
    future.recorded_at = at(290);
    let mut late = reading(3, 400);
    late.late = true;
    late.zone = None;
    for (number, view) in [(1, future), (2, reading(2, 20)), (3, late)] {
        // Committed at 10, 20 and 30 s of sample time.
        let mut event = readings(org(1), place(1), &[view]);
        event.occurred_at = at(i64::from(number) * 10);
        node.emit(event).await;
    }
    let answer = client.ask("get:latest", &json!(unit(1))).await;
    assert_eq!(answer["id"], json!(reading_id(2)));
}

#[test]
fn rt_19_an_older_reading_never_replaces_a_newer_one() {
    let mut map = LatestMap::new(2);
    let make = |u, n, seconds| LatestReading::from_event(unit(u), at(1_000), &reading(n, seconds));
    for (number, seconds) in [(1, 50), (2, 40), (3, 60), (4, 60)] {
        map.offer(org(1), make(1, number, seconds).expect("evaluated"));
    }
    assert_eq!(
        map.get(org(1), unit(1)).map(|r| r.id),
        Some(reading_id(3)),
        "first of a tie"
    );
    map.offer(org(1), make(2, 5, 1).expect("evaluated"));
    map.get(org(1), unit(1));
    map.offer(org(1), make(3, 6, 1).expect("evaluated"));
    assert_eq!(
        map.get(org(1), unit(2)),
        None,
        "the least recently used goes"
    );
    assert!(map.get(org(1), unit(1)).is_some());
    assert_eq!(
        map.get(org(2), unit(1)),
        None,
        "another organization has nothing"
    );
    map.forget(org(1));
    assert!(map.is_empty());
}

#[tokio::test(start_paused = true)]
async fn rt_22_one_ascending_message_per_unit_and_window() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    client.next().await;
    let began = Instant::now();
    for (number, seconds) in [(3, 30), (2, 10), (1, 10), (4, 5)] {
        node.emit(readings(org(1), place(1), &[reading(number, seconds)]))
            .await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let batch = client.next().await;
    assert_eq!(
        began.elapsed(),
        Duration::from_secs(1),
        "a window after the first reading"
    );
    let ids: Vec<_> = batch.data["readings"]
        .as_array()
        .expect("list")
        .iter()
        .collect();
    let ids: Vec<_> = ids.iter().map(|r| r["id"].clone()).collect();
    let expected: Vec<_> = [4, 1, 2, 3].map(|n| json!(reading_id(n))).into();
    assert_eq!(ids, expected, "by recorded time, then id");
    assert_eq!(
        (&batch.data["seqFrom"], batch.seq(), &batch.data["count"]),
        (&json!(1), 4, &json!(4))
    );
    assert_eq!(batch.data.get("truncated"), None);
    assert!(
        client.all_within(Duration::from_secs(3)).await.is_empty(),
        "one message"
    );
}

#[tokio::test(start_paused = true)]
async fn rt_22_the_newest_500_are_kept_and_the_rest_counted() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    client.next().await;
    for chunk in (1..=1_300_u32).collect::<Vec<_>>().chunks(100).rev() {
        let views: Vec<_> = chunk.iter().map(|n| reading(*n, (*n).into())).collect();
        node.emit(readings(org(1), place(1), &views)).await;
    }
    let batch = client.next().await;
    let list = batch.data["readings"].as_array().expect("list");
    assert_eq!(list.len(), READINGS_PER_BATCH_MAX);
    assert_eq!(
        (&list[0]["id"], &list[499]["id"]),
        (&json!(reading_id(801)), &json!(reading_id(1_300)))
    );
    assert_eq!(batch.data["truncated"], 800);
}

#[tokio::test(start_paused = true)]
async fn without_a_window_each_commit_is_a_message() {
    let node = World::new().node(|config| config.batch_window = Duration::ZERO);
    let mut client = node.connect(request(org(1))).await;
    client.next().await;
    for number in 1..=3 {
        node.emit(readings(
            org(1),
            place(1),
            &[reading(number, number.into())],
        ))
        .await;
        assert_eq!(client.next().await.seq(), i64::from(number));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_gathered_for_organizations_nobody_listens_to() {
    let node = Node::alone();
    node.emit(readings(org(1), place(1), &[reading(1, 1)]))
        .await;
    assert_eq!(node.hub.stats().buffered_readings, 0);
    let client = node.connect(request(org(1))).await;
    node.emit(readings(org(1), place(1), &[reading(2, 2)]))
        .await;
    assert_eq!(node.hub.stats().buffered_readings, 1);
    drop(client);
    assert_eq!(node.hub.stats().buffered_readings, 0);
}

fn commit(unit_number: u32, seq: i64, count: u32) -> Batch {
    Batch {
        org: org(1),
        unit: unit(unit_number),
        site: None,
        temperature_unit: TemperatureUnit::C,
        seq_from: seq,
        seq_to: seq,
        readings: (0..count).map(|n| reading(n, n.into())).collect(),
        truncated: 0,
    }
}

#[tokio::test(start_paused = true)]
async fn the_bound_of_the_node_closes_the_oldest_windows_early() {
    let mut coalescer = Coalescer::new(Duration::from_secs(1), 10);
    let now = Instant::now();
    assert!(coalescer.add(now, commit(1, 1, 4)).is_empty());
    assert!(coalescer.add(now, commit(2, 2, 4)).is_empty());
    let early = coalescer.add(now, commit(3, 3, 4));
    assert_eq!(early.iter().map(|b| b.unit).collect::<Vec<_>>(), [unit(1)]);
    assert_eq!(coalescer.buffered(), 8);
    assert!(coalescer.due(now + Duration::from_millis(999)).is_empty());
    assert_eq!(coalescer.due(now + Duration::from_secs(1)).len(), 2);
    assert_eq!((coalescer.buffered(), coalescer.next_due()), (0, None));
}
