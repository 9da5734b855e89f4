//! Plain WebSocket: `{"event":…,"data":…}` out, `{"id":…,"op":…}` in.

use super::arrivals::Waiting;
use super::stream::{Wish, connect, expiry, live_principal, note};
use crate::app::App;
use crate::http::auth;
use crate::http::problem::Problem;
use freshtrack_core::time::Timestamp;
use freshtrack_realtime::{Answer, Commands, Connection, Outgoing, Outlet, Transport};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use poem::web::websocket::{CloseCode, Message, WebSocket, WebSocketStream};
use poem::{IntoResponse, Response};
use serde_json::{Value, json, value::RawValue};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// How long a client may take to authenticate by its first frame.
const AUTHENTICATE_WITHIN: Duration = Duration::from_secs(10);
/// Time between pings.
const PING_EVERY: Duration = Duration::from_secs(25);
/// A peer that answers no ping for this long is gone.
const PONG_WITHIN: Duration = Duration::from_secs(20);
/// Largest frame from a client.
const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Bytes read at once: clients say little.
const READ_BYTES: usize = 4 * 1024;
/// Bytes gathered before they are written; what waits beyond it stays in the mailbox.
const WRITE_BYTES: usize = 16 * 1024;
/// How long a last word may take to leave.
const GOODBYE_WITHIN: Duration = Duration::from_secs(2);
/// Longest text by which a client may name its command.
const NAME_CHARS_MAX: usize = 64;

/// Who comes by a request.
pub(super) struct Arrival {
    /// Let in by the request's headers; otherwise the first frame decides.
    pub(super) connection: Option<Connection>,
    pub(super) wish: Wish,
    /// Its place among those who have not proved who they are.
    pub(super) waiting: Waiting,
}

/// Upgrades and serves one connection.
pub(super) fn serve(app: Arc<App>, socket: WebSocket, arrival: Arrival) -> Response {
    let config = WebSocketConfig::default()
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX))
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(WRITE_BYTES);
    socket
        .config(config)
        .on_upgrade(move |mut socket| async move {
            let Arrival {
                connection,
                wish,
                waiting,
            } = arrival;
            let connection = match connection {
                Some(connection) => connection,
                None => match first_frame(&app, &mut socket, wish).await {
                    Ok(connection) => connection,
                    Err((code, reason)) => return close(&mut socket, code, reason).await,
                },
            };
            drop(waiting);
            let must_end = connection.outlet.must_end();
            // A peer that takes nothing holds up a write, so the end comes from outside.
            tokio::select! {
                () = must_end.cancelled() => {}
                () = talk(&app, socket, connection) => {}
            }
        })
        .into_response()
}

async fn close(
    sink: &mut (impl futures_util::Sink<Message, Error = io::Error> + Unpin),
    code: u16,
    reason: &str,
) {
    let frame = Message::Close(Some((CloseCode::from(code), reason.to_owned())));
    match tokio::time::timeout(GOODBYE_WITHIN, sink.send(frame)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "peer was gone before it was told to go"),
        Err(_) => tracing::debug!("peer did not read that it was told to go"),
    }
}

/// A browser's first frame: `{"op":"auth","token":…,"since":…}`.
async fn first_frame(
    app: &App,
    socket: &mut WebSocketStream,
    mut wish: Wish,
) -> Result<Connection, (u16, &'static str)> {
    let text = match tokio::time::timeout(AUTHENTICATE_WITHIN, socket.next()).await {
        Ok(Some(Ok(Message::Text(text)))) => text,
        Ok(Some(Ok(Message::Binary(_)) | Err(_))) => return Err((4400, "malformed")),
        Ok(Some(Ok(_)) | None) | Err(_) => return Err((4401, "not authenticated")),
    };
    let value: Value = serde_json::from_str(&text).map_err(|_| (4400, "malformed"))?;
    let token = value
        .get("token")
        .and_then(Value::as_str)
        .filter(|token| !token.is_empty());
    let (Some("auth"), Some(token)) = (value.get("op").and_then(Value::as_str), token) else {
        return Err((4401, "not authenticated"));
    };
    match value.get("since") {
        None | Some(Value::Null) => {}
        Some(since) => wish.since = Some(since.to_string()),
    }
    if let Some(epoch) = value.get("epoch").and_then(Value::as_str) {
        wish.epoch = Some(epoch.to_owned());
    }
    if let Some(org) = value.get("organization_id").and_then(Value::as_str) {
        wish.organization = Some(org.parse().map_err(|_| (4403, "no access"))?);
    }
    let entered = match auth::bearer(app, token).await {
        Ok(principal) => connect(app, &principal, &wish, Transport::WebSocket).await,
        Err(problem) => Err(problem),
    };
    note(app, entered.as_ref().err());
    entered.map_err(refusal)
}

/// The close code of a refusal.
#[expect(clippy::needless_pass_by_value, reason = "used as `map_err(refusal)`")]
fn refusal(problem: Problem) -> (u16, &'static str) {
    match problem.code().status() {
        401 => (4401, problem.code().as_str()),
        403 | 404 => (4403, problem.code().as_str()),
        429 => (4429, problem.code().as_str()),
        _ => (1012, problem.code().as_str()),
    }
}

type Sink = SplitSink<WebSocketStream, Message>;

/// One conversation, until either side ends it.
async fn talk(app: &App, socket: WebSocketStream, connection: Connection) {
    let Connection {
        mut commands,
        mut outlet,
        ..
    } = connection;
    let (mut sink, mut frames) = socket.split();
    let mut life = Life::begin();
    loop {
        tokio::select! {
            outgoing = outlet.next() => match write(&mut sink, outgoing, &mut outlet).await {
                Ok(true) => {}
                Ok(false) | Err(_) => return,
            },
            heard = hear(&mut frames) => {
                life.heard();
                let answer = match heard {
                    Heard::Command(text) => handle(app, &mut commands, &text).await,
                    Heard::Ping(data) => Some(Message::Pong(data)),
                    Heard::Pong => None,
                    Heard::Malformed => return close(&mut sink, 4400, "malformed").await,
                    Heard::End => return,
                };
                if let Some(answer) = answer
                    && sink.send(answer).await.is_err()
                {
                    return;
                }
            }
            alive = life.ask() => {
                if !alive || sink.send(Message::Ping(Vec::new())).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// What a peer said.
enum Heard {
    Command(String),
    Ping(Vec<u8>),
    Pong,
    /// Not text, too large, or not WebSocket at all.
    Malformed,
    End,
}

async fn hear(frames: &mut SplitStream<WebSocketStream>) -> Heard {
    match frames.next().await {
        Some(Ok(Message::Text(text))) if text.len() <= FRAME_BYTES_MAX => Heard::Command(text),
        Some(Ok(Message::Ping(data))) => Heard::Ping(data),
        Some(Ok(Message::Pong(_))) => Heard::Pong,
        Some(Ok(Message::Text(_) | Message::Binary(_)) | Err(_)) => Heard::Malformed,
        Some(Ok(Message::Close(_))) | None => Heard::End,
    }
}

/// Whether a peer is still there: it is asked now and then, and answers within a time.
struct Life {
    next_ping: Instant,
    answer_until: Option<Instant>,
}

impl Life {
    fn begin() -> Self {
        Self {
            next_ping: Instant::now() + PING_EVERY,
            answer_until: None,
        }
    }

    fn heard(&mut self) {
        self.answer_until = None;
    }

    /// Waits until a ping is due, or until the answer to the last one is overdue: then false.
    async fn ask(&mut self) -> bool {
        let until = self
            .answer_until
            .map_or(self.next_ping, |until| until.min(self.next_ping));
        tokio::time::sleep_until(until).await;
        let now = Instant::now();
        if self.answer_until.is_some_and(|until| now >= until) {
            return false;
        }
        self.next_ping = now + PING_EVERY;
        self.answer_until.get_or_insert(now + PONG_WITHIN);
        true
    }
}

/// Writes one message and whatever else is ready; false when the connection has ended.
async fn write(sink: &mut Sink, first: Outgoing, outlet: &mut Outlet) -> Result<bool, io::Error> {
    let mut happened = Vec::new();
    let mut next = Some(first);
    while let Some(outgoing) = next {
        match outgoing {
            Outgoing::Message { message, .. } => {
                let text = format!(
                    r#"{{"event":"{}","data":{}}}"#,
                    message.event().as_str(),
                    message.text()
                );
                sink.feed(Message::Text(text)).await?;
                happened.extend(message.happened_at());
            }
            Outgoing::Close(reason) => {
                close(sink, reason.websocket_code(), reason.as_str()).await;
                return Ok(false);
            }
        }
        next = outlet.try_next();
    }
    sink.flush().await?;
    outlet.progressed();
    for at in happened {
        outlet.delivered(at);
    }
    Ok(true)
}

/// One command: `{"id":n,"op":…}` with `site_id`, `unit_id` or `token`.
async fn handle(app: &App, commands: &mut Commands, text: &str) -> Option<Message> {
    let value = serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    let id = name_of(&value);
    let op = value.get("op").and_then(Value::as_str).unwrap_or_default();
    let of = |name: &str| value.get(name).cloned();
    let (event, argument) = match op {
        "subscribe" | "unsubscribe" => {
            let (entity, argument) = if let Some(unit) = of("unit_id") {
                ("unit", unit)
            } else if let Some(site) = of("site_id") {
                ("site", site)
            } else {
                ("organization", of("organization_id").unwrap_or(Value::Null))
            };
            (format!("{op}:{entity}"), argument)
        }
        "latest" => (
            "get:latest".to_owned(),
            of("unit_id").unwrap_or(Value::Null),
        ),
        "ping" => ("ping".to_owned(), Value::Null),
        "refresh" => ("auth:refresh".to_owned(), json!({"token": of("token")})),
        other => (other.chars().take(NAME_CHARS_MAX).collect(), Value::Null),
    };
    match commands.handle(&event, Some(&argument.to_string())).await {
        Answer::Ack(bytes) => {
            let raw = String::from_utf8(bytes.to_vec()).ok()?;
            Some(answer(&id, &RawValue::from_string(raw).ok()?))
        }
        Answer::Refresh(token) => Some(refresh(app, commands, &id, token.expose()).await),
        Answer::Nothing => None,
    }
}

/// A command's own number, or a short name, to be sent back with its answer.
fn name_of(command: &Value) -> Value {
    match command.get("id") {
        Some(id @ Value::Number(_)) => id.clone(),
        Some(Value::String(id)) if id.chars().count() <= NAME_CHARS_MAX => Value::from(id.as_str()),
        _ => Value::Null,
    }
}

async fn refresh(app: &App, commands: &mut Commands, id: &Value, token: &str) -> Message {
    let bytes = match auth::bearer(app, token).await {
        Ok(principal) => {
            let until = expiry(&principal).unwrap_or(Timestamp::MAX);
            let org = commands.organization();
            commands.refreshed(live_principal(&principal), org, until)
        }
        Err(problem) => commands.refresh_refused(problem.code().title()),
    };
    let result: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    answer(id, &result)
}

fn answer(id: &Value, result: &impl serde::Serialize) -> Message {
    Message::Text(json!({"id": id, "result": result}).to_string())
}
