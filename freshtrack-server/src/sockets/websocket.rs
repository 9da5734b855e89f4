//! Plain WebSocket: `{"event":…,"data":…}` out, `{"id":…,"op":…}` in.

use super::stream::{Wish, connect, expiry, live_principal};
use crate::app::App;
use crate::http::auth;
use freshtrack_core::time::Timestamp;
use freshtrack_realtime::{Answer, Commands, Connection, Outgoing, Outlet, Transport};
use futures_util::{SinkExt, StreamExt};
use poem::web::websocket::{CloseCode, Message, WebSocket, WebSocketStream};
use poem::{IntoResponse, Response};
use serde_json::{Value, json, value::RawValue};
use std::sync::Arc;
use std::time::Duration;

/// How long a client may take to authenticate by its first frame.
const AUTHENTICATE_WITHIN: Duration = Duration::from_secs(10);
/// Time between pings.
const PING_EVERY: Duration = Duration::from_secs(25);
/// A peer that answers no ping for this long is gone.
const PONG_WITHIN: Duration = Duration::from_secs(20);
/// Largest frame from a client.
const FRAME_BYTES_MAX: usize = 64 * 1024;

/// Upgrades and serves one connection.
pub(super) fn serve(
    app: Arc<App>,
    socket: WebSocket,
    connection: Option<Connection>,
    wish: Wish,
) -> Response {
    socket
        .on_upgrade(move |mut socket| async move {
            let connection = match connection {
                Some(connection) => connection,
                None => match first_frame(&app, &mut socket, wish).await {
                    Ok(connection) => connection,
                    Err((code, reason)) => return close(&mut socket, code, reason).await,
                },
            };
            talk(&app, socket, connection).await;
        })
        .into_response()
}

async fn close(socket: &mut WebSocketStream, code: u16, reason: &str) {
    let frame = Message::Close(Some((CloseCode::from(code), reason.to_owned())));
    if let Err(error) = socket.send(frame).await {
        tracing::debug!(%error, "peer was gone before it was told to go");
    }
}

/// A browser's first frame: `{"op":"auth","token":…,"since":…}`.
async fn first_frame(
    app: &App,
    socket: &mut WebSocketStream,
    mut wish: Wish,
) -> Result<Connection, (u16, &'static str)> {
    let frame = tokio::time::timeout(AUTHENTICATE_WITHIN, socket.next()).await;
    let Ok(Some(Ok(Message::Text(text)))) = frame else {
        return Err((4401, "not authenticated"));
    };
    let value: Value = serde_json::from_str(&text).map_err(|_| (4400, "malformed"))?;
    let token = value
        .get("token")
        .and_then(Value::as_str)
        .filter(|token| !token.is_empty());
    let (Some("auth"), Some(token)) = (value.get("op").and_then(Value::as_str), token) else {
        return Err((4401, "not authenticated"));
    };
    if let Some(since) = value.get("since") {
        wish.since = Some(since.to_string());
    }
    if let Some(org) = value.get("organization_id").and_then(Value::as_str) {
        wish.organization = Some(org.parse().map_err(|_| (4403, "no access"))?);
    }
    let principal = auth::bearer(app, token).await.map_err(refusal)?;
    connect(app, &principal, &wish, Transport::WebSocket)
        .await
        .map_err(refusal)
}

/// The close code of a refusal.
#[expect(clippy::needless_pass_by_value, reason = "used as `map_err(refusal)`")]
fn refusal(problem: crate::http::problem::Problem) -> (u16, &'static str) {
    match problem.code().status() {
        401 => (4401, problem.code().as_str()),
        403 | 404 => (4403, problem.code().as_str()),
        429 => (4429, problem.code().as_str()),
        _ => (1012, problem.code().as_str()),
    }
}

async fn talk(app: &App, socket: WebSocketStream, connection: Connection) {
    let Connection {
        mut commands,
        mut outlet,
        ..
    } = connection;
    let must_end = outlet.must_end();
    let (mut sink, mut frames) = socket.split();
    let mut ping = tokio::time::interval(PING_EVERY);
    ping.reset();
    let mut unanswered: Option<tokio::time::Instant> = None;
    loop {
        let step = tokio::select! {
            () = must_end.cancelled() => return,
            outgoing = outlet.next() => match write(&mut sink, outgoing, &mut outlet).await {
                Ok(true) => continue,
                Ok(false) | Err(_) => return,
            },
            frame = frames.next() => frame,
            _ = ping.tick() => {
                if unanswered.is_some_and(|since| since.elapsed() > PONG_WITHIN)
                    || sink.send(Message::Ping(Vec::new())).await.is_err()
                {
                    return;
                }
                unanswered.get_or_insert_with(tokio::time::Instant::now);
                continue;
            }
        };
        unanswered = None;
        let answer = match step {
            Some(Ok(Message::Text(text))) if text.len() <= FRAME_BYTES_MAX => {
                handle(app, &mut commands, &text).await
            }
            Some(Ok(Message::Ping(data))) => Some(Message::Pong(data)),
            Some(Ok(Message::Pong(_))) => None,
            Some(Ok(Message::Text(_) | Message::Binary(_))) => {
                let frame = Message::Close(Some((CloseCode::from(4400), "malformed".to_owned())));
                drop(sink.send(frame).await);
                return;
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => return,
        };
        if let Some(answer) = answer
            && sink.send(answer).await.is_err()
        {
            return;
        }
    }
}

/// Writes one message and whatever else is ready; false when the connection has ended.
async fn write(
    sink: &mut (impl futures_util::Sink<Message, Error = std::io::Error> + Unpin),
    first: Outgoing,
    outlet: &mut Outlet,
) -> Result<bool, std::io::Error> {
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
            }
            Outgoing::Close(reason) => {
                let code = CloseCode::from(reason.websocket_code());
                sink.send(Message::Close(Some((code, reason.as_str().to_owned()))))
                    .await?;
                return Ok(false);
            }
        }
        next = outlet.try_next();
    }
    sink.flush().await?;
    outlet.progressed();
    Ok(true)
}

/// One command: `{"id":n,"op":…}` with `site_id`, `unit_id` or `token`.
async fn handle(app: &App, commands: &mut Commands, text: &str) -> Option<Message> {
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return Some(answer(
            &Value::Null,
            &json!({"ok": false, "code": "invalid_argument"}),
        ));
    };
    let id = value.get("id").cloned().unwrap_or(Value::Null);
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
        other => (other.chars().take(64).collect(), Value::Null),
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
