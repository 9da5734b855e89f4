//! The live stream as plain WebSocket: the same events, and commands.

use crate::running::Running;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Longest wait for one message.
const SOON: Duration = Duration::from_secs(10);

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// How a connection ended.
#[derive(Debug, PartialEq)]
struct Closed {
    code: u16,
    reason: String,
}

impl Socket {
    async fn open(run: &Running, token: Option<&str>, query: &str) -> Result<Self, Error> {
        let url = format!("ws://{}/api/v1/stream{query}", run.server.address());
        let mut request = url.into_client_request().expect("a request");
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().expect("a header");
            request.headers_mut().insert("authorization", value);
        }
        connect_async(request).await.map(|(socket, _)| Self(socket))
    }

    async fn say(&mut self, message: &Value) {
        self.say_text(&message.to_string()).await;
    }

    async fn say_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.expect("it is open");
    }

    /// The next message, or how it ended.
    async fn next(&mut self) -> Result<Value, Closed> {
        loop {
            let frame = tokio::time::timeout(SOON, self.0.next()).await;
            match frame.expect("something comes") {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err(Closed {
                        code: frame.code.into(),
                        reason: frame.reason.to_string(),
                    });
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("not a message: {other:?}"),
            }
        }
    }

    /// The data of the first event of this name.
    async fn event(&mut self, name: &str) -> Value {
        loop {
            let message = self.next().await.expect("it stays open");
            if message["event"] == name {
                return message["data"].clone();
            }
        }
    }

    /// The result of the command with this number.
    async fn result(&mut self, id: u32) -> Value {
        loop {
            let message = self.next().await.expect("it stays open");
            if message["id"] == id {
                return message["result"].clone();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_hears_readings_and_alerts() {
    let run = Running::start().await;
    let mut socket = Socket::open(&run, Some(&run.owner), "").await.unwrap();
    let ack = socket.event("connection:ack").await;
    assert_eq!(ack["organizationId"], run.home.organization.to_string());
    run.ingest(&[run.reading(r#""temperature":8"#)])
        .await
        .expect(200);
    let alert = socket.event("alert:triggered").await;
    assert_eq!(alert["alertType"], "temp_excursion");
    assert!(alert["seq"].as_i64() > ack["seq"].as_i64());
    let batch = socket.event("sensor:readings:batch").await;
    assert_eq!(batch["unitId"], run.home.unit.to_string());
    assert_eq!(batch["readings"][0]["temperature"], 46.4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_authenticates_by_its_first_frame() {
    let run = Running::start().await;
    let mut socket = Socket::open(&run, None, "").await.unwrap();
    let org = run.home.organization.to_string();
    socket
        .say(&json!({ "op": "auth", "token": run.owner, "organization_id": org }))
        .await;
    assert_eq!(socket.event("connection:ack").await["role"], "owner");
    let (_, key) = run.make_key(&["read"]).await;
    let mut machine = Socket::open(&run, None, "").await.unwrap();
    machine.say(&json!({ "op": "auth", "token": key })).await;
    assert_eq!(machine.event("connection:ack").await["role"], "viewer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_frame_that_is_no_credential_ends_the_connection() {
    let run = Running::start().await;
    let (next_door, _) = run.neighbour().await;
    let auth = |token: &str| json!({ "op": "auth", "token": token }).to_string();
    let foreign = json!({
        "op": "auth", "token": run.owner, "organization_id": next_door.organization,
    });
    for (frame, code, reason) in [
        (auth("garbage"), 4401, "token-invalid"),
        (auth(""), 4401, "not authenticated"),
        (auth(&run.home.api_key), 4403, "scope-missing"),
        (foreign.to_string(), 4403, "not-found"),
        (
            json!({ "op": "ping" }).to_string(),
            4401,
            "not authenticated",
        ),
        ("not json".to_owned(), 4400, "malformed"),
    ] {
        let mut socket = Socket::open(&run, None, "").await.unwrap();
        socket.say_text(&frame).await;
        let closed = socket.next().await.unwrap_err();
        let wanted = Closed {
            code,
            reason: reason.to_owned(),
        };
        assert_eq!(closed, wanted, "{frame}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_header_is_refused_before_the_upgrade() {
    let run = Running::start().await;
    let (next_door, _) = run.neighbour().await;
    let foreign = format!("?site_id={}", next_door.site);
    let in_url = format!("?token={}", run.owner);
    for (token, query, status) in [
        ("garbage", "", 401),
        (run.owner.as_str(), foreign.as_str(), 404),
        (run.owner.as_str(), in_url.as_str(), 401),
        (run.home.api_key.as_str(), "", 403),
    ] {
        match Socket::open(&run, Some(token), query).await {
            Err(Error::Http(answer)) => assert_eq!(answer.status().as_u16(), status, "{query}"),
            Err(other) => panic!("{query}: {other}"),
            Ok(_) => panic!("{query}: let in"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_answered_by_their_number() {
    let run = Running::start().await;
    let (next_door, _) = run.neighbour().await;
    run.ingest(&[run.reading(r#""temperature":4"#)])
        .await
        .expect(200);
    let mut socket = Socket::open(&run, Some(&run.owner), "").await.unwrap();
    socket.event("connection:ack").await;
    socket.say(&json!({ "id": 1, "op": "ping" })).await;
    assert!(socket.result(1).await.is_i64());
    socket
        .say(&json!({ "id": 2, "op": "latest", "unit_id": run.home.unit }))
        .await;
    assert_eq!(socket.result(2).await["temperature"], 39.2);
    socket
        .say(&json!({ "id": 3, "op": "latest", "unit_id": next_door.unit }))
        .await;
    assert_eq!(socket.result(3).await, Value::Null);
    socket
        .say(&json!({ "id": 4, "op": "subscribe", "site_id": run.home.site }))
        .await;
    assert_eq!(socket.result(4).await["ok"], true);
    socket
        .say(&json!({ "id": 5, "op": "subscribe", "site_id": next_door.site }))
        .await;
    let denied = socket.result(5).await;
    assert_eq!(
        (&denied["ok"], &denied["code"]),
        (&json!(false), &json!("access_denied"))
    );
    socket
        .say(&json!({ "id": 6, "op": "refresh", "token": run.owner }))
        .await;
    assert_eq!(socket.result(6).await["ok"], true);
    socket
        .say(&json!({ "id": 7, "op": "refresh", "token": "garbage" }))
        .await;
    assert_eq!(socket.result(7).await["ok"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_comes_back_gets_what_it_missed() {
    let run = Running::start().await;
    run.make_site("Annex").await;
    let mut socket = Socket::open(&run, Some(&run.owner), "").await.unwrap();
    let since = socket.event("connection:ack").await["seq"]
        .as_i64()
        .unwrap();
    drop(socket);
    run.ingest(&[run.reading(r#""temperature":8"#)])
        .await
        .expect(200);
    let org = run.home.organization.to_string();
    let auth = json!({ "op": "auth", "token": run.owner, "organization_id": org, "since": since });
    let mut back = Socket::open(&run, None, "").await.unwrap();
    back.say(&auth).await;
    let mut names = Vec::new();
    loop {
        let message = back.next().await.unwrap();
        let name = message["event"].as_str().unwrap().to_owned();
        if name == "resume:complete" {
            break;
        }
        names.push(name);
    }
    assert_eq!(
        names
            .iter()
            .filter(|name| *name == "alert:triggered")
            .count(),
        1,
        "{names:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_whose_token_ends_is_closed() {
    let run = Running::start().await;
    let mut socket = Socket::open(&run, Some(&run.owner), "").await.unwrap();
    socket.event("connection:ack").await;
    run.advance(3_600 + 31);
    let closed = loop {
        match socket.next().await {
            Ok(_) => {}
            Err(closed) => break closed,
        }
    };
    assert_eq!(closed.code, 4401, "{closed:?}");
}
