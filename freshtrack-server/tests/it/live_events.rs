//! The live stream as server-sent events: what happens is told in order, once, and nothing is lost by
//! a client that comes back.

use crate::reply::send;
use crate::running::Running;
use crate::text_stream::{Event, TextStream, ask};
use freshtrack_core::principal::Role;
use reqwest::Method;
use serde_json::json;

/// Opens an excursion, takes it and closes it.
async fn one_alert(run: &Running) {
    run.ingest(&[run.reading(r#""temperature":8"#)])
        .await
        .expect(200);
    let alerts = run.alerts("temp_excursion").await;
    let path = run.at_home(&format!(
        "/alerts/{}",
        alerts[0]["id"].as_str().expect("an id")
    ));
    run.post(&format!("{path}/acknowledge"), &json!({}))
        .await
        .expect(200);
    let note = json!({ "note": "over" });
    run.post(&format!("{path}/resolve"), &note)
        .await
        .expect(200);
}

/// Events that are told in order: those with a number, readings apart.
fn ordered(events: &[Event]) -> Vec<(String, i64)> {
    events
        .iter()
        .filter(|event| !event.name.starts_with("sensor:readings"))
        .filter_map(|event| Some((event.name.clone(), event.data["seq"].as_i64()?)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_come_in_batches_and_alerts_at_once_with_numbers() {
    let run = Running::start().await;
    let mut stream = TextStream::open(&run, &run.owner, "").await;
    let ack = stream.next().await.unwrap();
    assert_eq!(ack.name, "connection:ack");
    assert_eq!(
        ack.data["organizationId"],
        run.home.organization.to_string()
    );
    assert_eq!(ack.data["role"], "owner");
    assert_eq!(ack.data["temperatureUnit"], "F");
    let start = ack.data["seq"].as_i64().unwrap();

    one_alert(&run).await;
    let events = stream.until("alert:resolved").await;
    let numbered = ordered(&events);
    let alerts: Vec<_> = numbered
        .iter()
        .filter(|(name, _)| name.starts_with("alert:"))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(
        alerts,
        ["alert:triggered", "alert:acknowledged", "alert:resolved"]
    );
    assert!(
        numbered.windows(2).all(|pair| pair[0].1 < pair[1].1),
        "{numbered:?}"
    );
    assert!(numbered[0].1 > start);
    let triggered = events.iter().find(|e| e.name == "alert:triggered").unwrap();
    assert_eq!(triggered.data["unitId"], run.home.unit.to_string());
    assert_eq!(
        triggered.data["triggerTemperature"], 464,
        "tenths of the shown 46.4 °F"
    );

    let batch = match events
        .into_iter()
        .find(|e| e.name == "sensor:readings:batch")
    {
        Some(batch) => batch,
        None => stream.first("sensor:readings:batch").await,
    };
    assert_eq!(batch.data["count"], 1, "{batch:?}");
    assert_eq!(batch.data["readings"][0]["temperature"], 46.4);
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_of_a_second_come_together() {
    let run = Running::start().await;
    let mut stream = TextStream::open(&run, &run.owner, "").await;
    stream.first("connection:ack").await;
    let now = run.now();
    for ago in [3, 2, 1] {
        let at = now - freshtrack_core::time::Span::from_seconds(ago);
        let reading = run.reading_at(at, &format!(r#""temperature":{ago}"#));
        run.ingest(&[reading]).await.expect(200);
    }
    let batch = stream.first("sensor:readings:batch").await;
    assert_eq!(batch.data["count"], 3, "{batch:?}");
    let times: Vec<_> = batch.data["readings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reading| reading["recordedAt"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_gets_exactly_what_was_missed() {
    let run = Running::start().await;
    // Somebody who remembers 0 asks for a snapshot, so the history must not begin here.
    run.make_site("Annex").await;
    let mut witness = TextStream::open(&run, &run.owner, "").await;
    let start = witness.first("connection:ack").await.data["seq"]
        .as_i64()
        .unwrap();
    one_alert(&run).await;
    let live = ordered(&witness.until("alert:resolved").await);
    assert!(live.len() >= 3, "{live:?}");

    // From any point on: each event above it, in order, once.
    let mut points = vec![start];
    points.extend(live.iter().map(|(_, seq)| *seq));
    for since in points {
        let missed: Vec<_> = live
            .iter()
            .filter(|(_, seq)| *seq > since)
            .cloned()
            .collect();
        let query = format!("?since={since}&organization_id={}", run.home.organization);
        let mut back = TextStream::open(&run, &run.owner, &query).await;
        let ack = back.first("connection:ack").await;
        assert_eq!(ack.data["seq"], since);
        let mut replayed = back.until("resume:complete").await;
        let complete = replayed.pop().unwrap();
        assert_eq!(complete.data["from"], since, "{complete:?}");
        assert_eq!(ordered(&replayed), missed, "since {since}");
        assert!(
            replayed.iter().all(|event| event.data["replayed"] == true),
            "{replayed:?}"
        );
    }
    // The header of a browser that reconnects says the same, and wins.
    let (_, middle) = live[live.len() - 2];
    let request = ask(&run, "?since=1").bearer_auth(&run.owner);
    let answer = request
        .header("last-event-id", middle.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let text = first_text(answer).await;
    assert!(text.contains(&format!("\"seq\":{middle}")), "{text}");
}

async fn first_text(mut answer: reqwest::Response) -> String {
    let chunk = answer
        .chunk()
        .await
        .expect("the stream goes on")
        .expect("a frame");
    String::from_utf8(chunk.to_vec()).expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_beyond_the_history_asks_for_a_fresh_start() {
    let run = Running::start().await;
    let query = format!("?since=999999&organization_id={}", run.home.organization);
    let mut stream = TextStream::open(&run, &run.owner, &query).await;
    let resync = stream.first("resync").await;
    assert_eq!(resync.data["reason"], "reset", "{resync:?}");
    let units = resync.data["snapshot"]["units"].as_array().unwrap();
    assert_eq!(units[0]["unitId"], run.home.unit.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_id_never_turns_back() {
    let run = Running::start().await;
    let mut stream = TextStream::open(&run, &run.owner, "").await;
    one_alert(&run).await;
    let mut ids: Vec<_> = stream
        .until("alert:resolved")
        .await
        .iter()
        .map(|e| e.id)
        .collect();
    run.advance(1);
    run.ingest(&[run.reading(r#""temperature":8"#)])
        .await
        .expect(200);
    ids.extend(
        stream
            .until("sensor:readings:batch")
            .await
            .iter()
            .map(|e| e.id),
    );
    assert!(ids.is_sorted(), "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_the_stream_are_problems() {
    let run = Running::start().await;
    let (next_door, _) = run.neighbour().await;
    for query in ["token", "access_token", "api_key", "key"] {
        let request = ask(&run, &format!("?{query}={}", run.owner)).bearer_auth(&run.owner);
        send(request).await.problem(401, "unauthenticated");
    }
    send(ask(&run, "")).await.problem(401, "unauthenticated");
    for query in [
        format!("?site_id={}", next_door.site),
        format!("?unit_id={}", next_door.unit),
        format!("?organization_id={}", next_door.organization),
        format!("?site_id={}", uuid::Uuid::new_v4()),
        "?site_id=x".to_owned(),
        format!("?site_id={}&unit_id={}", run.home.site, next_door.unit),
    ] {
        let request = ask(&run, &query).bearer_auth(&run.owner);
        send(request).await.problem(404, "not-found");
    }
    for accept in [
        "application/json",
        "text/html, image/*",
        "text/event-streams",
    ] {
        let request = run
            .request(Method::GET, "/api/v1/stream")
            .bearer_auth(&run.owner)
            .header("accept", accept);
        send(request).await.problem(406, "not-acceptable");
    }
    let nobody = run.person("nobody@else.example").await;
    let request = ask(&run, "").bearer_auth(run.token(&nobody));
    send(request).await.problem(404, "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_one_site_hears_of_that_site_only() {
    let run = Running::start().await;
    let site = run
        .post(&run.at_home("/sites"), &json!({ "name": "Quiet" }))
        .await
        .expect(201);
    let quiet = format!("?site_id={}", site["id"].as_str().unwrap());
    let mut quiet = TextStream::open(&run, &run.owner, &quiet).await;
    quiet.first("connection:ack").await;
    let mut loud = TextStream::open(&run, &run.owner, &format!("?site_id={}", run.home.site)).await;
    one_alert(&run).await;
    loud.until("alert:resolved").await;
    let area = json!({ "name": "Cellar", "site_id": site["id"] });
    run.post(&run.at_home("/areas"), &area).await.expect(201);
    // The first thing it hears is of its own site, although an alert came before.
    let first = quiet.next().await.unwrap();
    assert_eq!(first.data["siteId"], site["id"], "{first:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_thrown_out_hears_nothing_more() {
    let run = Running::start().await;
    let (id, key) = run.make_key(&["read"]).await;
    let mut stream = TextStream::open(&run, &key, "").await;
    assert_eq!(stream.first("connection:ack").await.data["role"], "viewer");
    run.revoke_key(&id).await;
    while stream.next().await.is_some() {}
    send(ask(&run, "").bearer_auth(&key))
        .await
        .problem(401, "key-invalid");
    let viewer = run.member("viewer@home.example", Role::Viewer).await;
    TextStream::open(&run, &viewer, "")
        .await
        .first("connection:ack")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_stop_reading_or_leave_disturb_nobody() {
    let run = Running::start().await;
    let mut good = TextStream::open(&run, &run.owner, "").await;
    good.first("connection:ack").await;
    // Some never read, some leave at once.
    let mut idle = Vec::new();
    for _ in 0..5 {
        idle.push(ask(&run, "").bearer_auth(&run.owner).send().await.unwrap());
        drop(TextStream::open(&run, &run.owner, "").await);
    }
    one_alert(&run).await;
    let alerts = ordered(&good.until("alert:resolved").await);
    assert_eq!(
        alerts
            .iter()
            .filter(|(name, _)| name.starts_with("alert:"))
            .count(),
        3
    );
    drop(idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_tells_clients_to_come_back() {
    let run = Running::start().await;
    let mut stream = TextStream::open(&run, &run.owner, "").await;
    stream.first("connection:ack").await;
    let stopped = tokio::join!(run.server.stop(), async {
        let mut names = Vec::new();
        while let Some(event) = stream.next().await {
            names.push(event.name);
        }
        names
    });
    assert!(
        stopped.1.contains(&"server:draining".to_owned()),
        "{:?}",
        stopped.1
    );
}
