//! Bounds before anybody has proved who they are, origins of pages, and what ends open connections.

use crate::running::Running;
use freshtrack_core::audit::Journal;
use freshtrack_core::event::{EventKind, OutboxDraft};
use freshtrack_core::principal::Role;
use freshtrack_server::config::Settings;
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const STREAM: &str = "/api/v1/stream";
const SOCKETIO: &str = "/socket.io/?EIO=4&transport=websocket";

async fn dial(
    run: &Running,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<Socket, Error> {
    let url = format!("ws://{}{path}", run.server.address());
    let mut request = url.into_client_request()?;
    for (name, value) in headers {
        let value = value.parse().expect("a header");
        request.headers_mut().insert(*name, value);
    }
    connect_async(request).await.map(|(socket, _)| socket)
}

/// The status a handshake was refused with, and what it was told to wait.
async fn refusal(run: &Running, path: &str, headers: &[(&'static str, &str)]) -> (u16, String) {
    match dial(run, path, headers).await {
        Err(Error::Http(answer)) => {
            let wait = answer.headers().get("retry-after");
            let wait = wait.map_or("", |value| value.to_str().expect("a number"));
            (answer.status().as_u16(), wait.to_owned())
        }
        Err(other) => panic!("{path}: {other}"),
        Ok(_) => panic!("{path}: let in"),
    }
}

/// Frames until the end: texts, and the code of the close frame.
async fn until_closed(socket: &mut Socket) -> (Vec<String>, Option<u16>) {
    let mut texts = Vec::new();
    loop {
        let next = tokio::time::timeout(Duration::from_secs(15), socket.next()).await;
        match next.expect("something comes, or it ends") {
            Some(Ok(Message::Text(text))) => texts.push(text.to_string()),
            Some(Ok(Message::Close(frame))) => {
                return (texts, frame.map(|frame| frame.code.into()));
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return (texts, None),
        }
    }
}

async fn acknowledged(run: &Running, token: &str) -> Socket {
    let bearer = format!("Bearer {token}");
    let mut socket = dial(run, STREAM, &[("authorization", &bearer)])
        .await
        .expect("let in");
    let first = socket.next().await.expect("open").expect("a frame");
    assert!(first.to_text().expect("text").contains("connection:ack"));
    socket
}

fn limits(
    change: impl FnOnce(&mut freshtrack_server::config::Limits),
) -> impl FnOnce(&mut Settings) {
    move |settings| change(&mut settings.limits)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_is_refused_and_a_program_is_not() {
    let run = Running::start_with(|settings| {
        settings.allowed_origins = vec!["https://app.example".to_owned()];
    })
    .await;
    for path in [STREAM, SOCKETIO] {
        for origin in ["https://evil.example", "null", "https://app.example.evil"] {
            assert_eq!(
                refusal(&run, path, &[("origin", origin)]).await.0,
                403,
                "{path}"
            );
        }
        dial(&run, path, &[("origin", "https://app.example")])
            .await
            .expect("a page of ours");
        dial(&run, path, &[]).await.expect("a program");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_list_every_origin_may_knock() {
    let run = Running::start().await;
    for path in [STREAM, SOCKETIO] {
        dial(&run, path, &[("origin", "https://anything.example")])
            .await
            .expect("let in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_begins_so_many_handshakes_in_a_second() {
    let run = Running::start_with(limits(|l| l.handshakes_per_address = 3)).await;
    let mut refused = Vec::new();
    for path in [STREAM, SOCKETIO, STREAM, SOCKETIO, STREAM, SOCKETIO, STREAM] {
        match dial(&run, path, &[]).await {
            Ok(_) => {}
            Err(Error::Http(answer)) => refused.push(answer.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }
    assert!(
        !refused.is_empty() && refused.iter().all(|s| *s == 429),
        "{refused:?}"
    );
    let events = run
        .request(Method::GET, STREAM)
        .bearer_auth(&run.owner)
        .header("accept", "text/event-stream");
    let status = events.send().await.expect("an answer").status().as_u16();
    assert!([200, 429].contains(&status), "{status}");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    acknowledged(&run, &run.owner).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_proved_themselves_is_bounded_by_address() {
    let run = Running::start_with(limits(|l| {
        l.unauthenticated_per_address = 2;
        l.handshakes_per_address = 100;
    }))
    .await;
    let first = dial(&run, STREAM, &[]).await.expect("the first");
    let _second = dial(&run, SOCKETIO, &[]).await.expect("the second");
    for path in [STREAM, SOCKETIO] {
        assert_eq!(refusal(&run, path, &[]).await, (429, "10".to_owned()));
    }
    drop(first);
    let begun = Instant::now();
    let mut third = loop {
        match dial(&run, STREAM, &[]).await {
            Ok(socket) => break socket,
            Err(_) => assert!(
                begun.elapsed() < Duration::from_secs(5),
                "its place is kept"
            ),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    // Whoever has proved who they are no longer counts.
    let auth = json!({ "op": "auth", "token": run.owner }).to_string();
    third.send(Message::text(auth)).await.expect("open");
    third.next().await.expect("open").expect("an answer");
    dial(&run, SOCKETIO, &[])
        .await
        .expect("there is room again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_node_says_so_before_the_upgrade() {
    let run = Running::start_with(limits(|l| l.stream_connections = 1)).await;
    let _only = acknowledged(&run, &run.owner).await;
    let bearer = format!("Bearer {}", run.owner);
    let (status, wait) = refusal(&run, STREAM, &[("authorization", &bearer)]).await;
    assert_eq!((status, wait.is_empty()), (503, false));
    let (status, wait) = refusal(&run, SOCKETIO, &[]).await;
    assert_eq!((status, wait.is_empty()), (503, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_caller_and_one_organization_have_their_own_bounds() {
    let run = Running::start_with(limits(|l| {
        l.connections_per_caller = 1;
        l.connections_per_organization = 2;
    }))
    .await;
    let viewer = run.member("viewer@home.example", Role::Viewer).await;
    let staff = run.member("staff@home.example", Role::Staff).await;
    let _owner = acknowledged(&run, &run.owner).await;
    let bearer = |token: &str| format!("Bearer {token}");
    let again = bearer(&run.owner);
    assert_eq!(
        refusal(&run, STREAM, &[("authorization", &again)]).await.0,
        429
    );
    let _viewer = acknowledged(&run, &viewer).await;
    let third = bearer(&staff);
    assert_eq!(
        refusal(&run, STREAM, &[("authorization", &third)]).await.0,
        429
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_over_64_kib_ends_the_connection_before_it_is_read() {
    let run = Running::start().await;
    for mut socket in [
        acknowledged(&run, &run.owner).await,
        dial(&run, STREAM, &[]).await.expect("nobody yet"),
    ] {
        let large = format!(r#"{{"op":"ping","x":"{}"}}"#, "x".repeat(64 * 1024));
        // The peer may be gone before all of it is sent.
        drop(socket.send(Message::text(large)).await);
        let (_, code) = until_closed(&mut socket).await;
        assert!(matches!(code, None | Some(4400)), "{code:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_socket_says_is_answered_by_its_number_or_an_error() {
    let run = Running::start().await;
    let mut socket = acknowledged(&run, &run.owner).await;
    let deep = format!("{}1{}", "[".repeat(20), "]".repeat(20));
    for said in [
        "not json".to_owned(),
        "[]".to_owned(),
        "7".to_owned(),
        r#"{"id":{"a":[1]},"op":"no such"}"#.to_owned(),
        format!(r#"{{"id":1,"op":"latest","unit_id":{deep}}}"#),
        r#"{"id":1,"op":"subscribe","unit_id":{"a":1}}"#.to_owned(),
        r#"{"id":1,"op":"refresh","token":{"a":1}}"#.to_owned(),
        r#"{"op":"ping"}"#.to_owned(),
    ] {
        socket.send(Message::text(said)).await.expect("open");
    }
    let ping = json!({ "id": "last", "op": "ping" }).to_string();
    socket
        .send(Message::text(ping))
        .await
        .expect("it is still open");
    let mut codes = Vec::new();
    loop {
        let frame = socket.next().await.expect("open").expect("a frame");
        let value: Value = serde_json::from_str(frame.to_text().expect("text")).expect("JSON");
        if value["id"] == "last" {
            break;
        }
        codes.extend(value["data"]["code"].as_str().map(str::to_owned));
    }
    for code in ["unknown_event", "invalid_argument"] {
        assert!(codes.iter().any(|have| have == code), "{code}: {codes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_organization_ends_its_connections_within_a_second() {
    let run = Running::start().await;
    let (_, neighbour) = run.neighbour().await;
    let mut ours = acknowledged(&run, &run.owner).await;
    let mut theirs = acknowledged(&run, &neighbour).await;
    let organizations = &run.server.app().store.organizations;
    let found = organizations
        .find(run.home.organization)
        .await
        .expect("an answer");
    let mut organization = found.expect("it exists");
    organization.version += 1;
    let told = OutboxDraft {
        kind: EventKind::PlaceChanged,
        occurred_at: run.now(),
        site: None,
        unit: None,
        alert: None,
        user: None,
        payload: json!({"entity": "organization", "id": organization.id, "change": "archived"}),
    };
    let journal = Journal {
        audit: Vec::new(),
        outbox: vec![told],
    };
    let committed = Instant::now();
    organizations
        .update(organization, journal)
        .await
        .expect("stored");
    let (texts, code) = until_closed(&mut ours).await;
    assert!(
        committed.elapsed() < Duration::from_secs(1),
        "{:?}",
        committed.elapsed()
    );
    assert_eq!(code, Some(4403));
    let last = texts.last().expect("it was told");
    assert!(
        last.contains("auth:revoked") && last.contains("organization_archived"),
        "{last}"
    );
    let ping = json!({ "id": 1, "op": "ping" }).to_string();
    theirs.send(Message::text(ping)).await.expect("open");
    theirs.next().await.expect("open").expect("an answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_live_side_does_is_counted() {
    let run = Running::start().await;
    let _socket = acknowledged(&run, &run.owner).await;
    run.make_site("Annex").await;
    run.ingest(&[run.reading(r#""temperature":8"#)])
        .await
        .expect(200);
    let begun = Instant::now();
    let wanted = [
        r#"freshtrack_realtime_connections{transport="websocket"} 1"#,
        r#"freshtrack_realtime_handshakes_total{outcome="accepted"} 1"#,
        r#"freshtrack_realtime_resume_total{outcome="live"} 1"#,
        r#"freshtrack_realtime_events_total{kind="place.changed"} 1"#,
        r#"freshtrack_realtime_messages_total{event="alert:triggered",transport="websocket"} 1"#,
        r#"freshtrack_realtime_messages_total{event="sensor:readings:batch",transport="websocket"} 1"#,
    ];
    loop {
        let page = run
            .request(Method::GET, "/metrics")
            .send()
            .await
            .expect("an answer");
        let page = page.text().await.expect("text");
        let missing: Vec<_> = wanted
            .iter()
            .filter(|line| !page.contains(**line))
            .collect();
        if missing.is_empty() && !page.contains("delivery_seconds_count 0") {
            let org = run.home.organization.to_string();
            assert!(!page.contains(&org), "an organization is named");
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{missing:?}\n{page}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
