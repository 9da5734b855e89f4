//! Socket.IO beside HTTP on one port, for browser clients built on `socket.io-client` 4.
//!
//! The library speaks the protocol and nothing more: its rooms and broadcasts are not used, because its
//! queues drop what does not fit and tell nobody. The hub decides who receives what.

mod handshake;
mod pump;

use crate::app::App;
use crate::sockets::Wire;
use crate::sockets::arrivals::{Handshake, TooMany, Waiting};
use engineioxide::service::NotFoundService;
use freshtrack_realtime::Connection;
use handshake::Refused;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::Service;
use poem::http::{StatusCode, header};
use poem::{Body, Response};
use pump::{Asked, Pump};
use serde_json::Value;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Event, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::service::SocketIoService;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Where it answers.
const PATH: &str = "/socket.io/";
/// Whoever has not authenticated by then is closed.
const AUTHENTICATE_WITHIN: Duration = Duration::from_secs(10);
/// Largest message of a client.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// What the open packet says clients may receive.
const PAYLOAD_BYTES_MAX: u64 = 1_000_000;
/// Packets the library queues per connection; the pump keeps their bytes low.
const QUEUED_PACKETS_MAX: usize = 4_096;
/// Events of one client that wait for their turn.
const ASKED_MAX: usize = 256;
/// What is told to wait when the node is full or stops.
const RETRY_AFTER_SECONDS: u32 = 5;

/// The connection between handshake and pump.
type Attached = Arc<Mutex<Option<Connection>>>;

/// Everything below `/socket.io/`.
#[derive(Clone)]
pub struct SocketIoDoor {
    app: Arc<App>,
    service: SocketIoService<NotFoundService>,
    tasks: TaskTracker,
}

impl fmt::Debug for SocketIoDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SocketIoDoor")
    }
}

impl SocketIoDoor {
    /// A door to the application's hub; `tasks` owns the connections.
    #[must_use]
    pub fn new(app: Arc<App>, tasks: TaskTracker) -> Self {
        let (service, io) = SocketIo::builder()
            .req_path(PATH)
            .transports([socketioxide::TransportType::Websocket])
            .ping_interval(Duration::from_secs(25))
            .ping_timeout(Duration::from_secs(20))
            .connect_timeout(AUTHENTICATE_WITHIN)
            .max_payload(PAYLOAD_BYTES_MAX)
            .max_buffer_size(QUEUED_PACKETS_MAX)
            .ws_max_message_size(MESSAGE_BYTES_MAX)
            .ws_max_frame_size(MESSAGE_BYTES_MAX)
            .ws_read_buffer_size(4 * 1024)
            .build_svc();
        let admit = {
            let app = Arc::clone(&app);
            move |socket: SocketRef, TryData(auth): TryData<Value>| admit(app, socket, auth.ok())
        };
        let connected = {
            let (app, tasks) = (Arc::clone(&app), tasks.clone());
            // Not async: handlers must be in place before the next packet is looked at.
            move |socket: SocketRef| {
                start(&app, &tasks, socket);
                std::future::ready(())
            }
        };
        io.ns("/", connected.with(admit));
        Self {
            app,
            service,
            tasks,
        }
    }

    /// Whether this path is ours.
    #[must_use]
    pub fn owns(path: &str) -> bool {
        path == PATH || path == PATH.trim_end_matches('/')
    }

    /// Answers a request: the upgrade, or why there is none.
    pub async fn answer(&self, request: hyper::Request<Incoming>, peer: IpAddr) -> Response {
        let waiting = match self.arrival(&request, peer) {
            Ok(waiting) => waiting,
            Err(refusal) => return refusal,
        };
        if let Some(wire) = request.extensions().get::<Wire>().cloned() {
            self.tasks.spawn(async move {
                tokio::select! {
                    () = wire.ended() => {}
                    () = wire.authenticated() => {}
                    () = tokio::time::sleep(AUTHENTICATE_WITHIN) => wire.shut(),
                }
                drop(waiting);
            });
        }
        let Ok(response) = self.service.call(request).await;
        let (parts, body) = response.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => {
                tracing::warn!(error = ?error, "the library's answer could not be read");
                bytes::Bytes::new()
            }
        };
        let mut response = Response::builder()
            .status(parts.status)
            .body(Body::from(body));
        *response.headers_mut() = parts.headers;
        response
    }

    /// What is decided before the upgrade: refused, or waiting to prove who it is.
    #[expect(clippy::result_large_err, reason = "an answer, moved once")]
    fn arrival<B>(&self, request: &hyper::Request<B>, peer: IpAddr) -> Result<Waiting, Response> {
        if !asks_for_websocket(request.uri().query().unwrap_or_default()) {
            let body = r#"{"code":0,"message":"Transport unknown"}"#;
            return Err(Response::builder()
                .status(StatusCode::BAD_REQUEST)
                .content_type("application/json")
                .body(body));
        }
        let arrivals = &self.app.arrivals;
        if !arrivals.origin_allowed(request.headers()) {
            return Err(Response::builder().status(StatusCode::FORBIDDEN).finish());
        }
        let full =
            self.app.hub.connections() >= self.app.settings.limits.stream_connections as usize;
        if full || self.app.draining.load(Ordering::Relaxed) {
            arrivals.ended(Handshake::Limited);
            return Err(later(StatusCode::SERVICE_UNAVAILABLE, RETRY_AFTER_SECONDS));
        }
        arrivals
            .knock(Some(peer))
            .map_err(|TooMany { retry_after }| later(StatusCode::TOO_MANY_REQUESTS, retry_after))
    }
}

fn later(status: StatusCode, seconds: u32) -> Response {
    Response::builder()
        .status(status)
        .header(header::RETRY_AFTER, seconds.to_string())
        .finish()
}

fn asks_for_websocket(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes())
        .any(|(name, value)| name == "transport" && value == "websocket")
}

/// The handshake of a connect packet.
async fn admit(app: Arc<App>, socket: SocketRef, auth: Option<Value>) -> Result<(), Refused> {
    let wire = wire_of(&socket)?;
    let attaching = handshake::attach(&app, auth.as_ref(), socket.id.to_string());
    let outcome = match tokio::time::timeout(AUTHENTICATE_WITHIN, attaching).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Refused::Fault),
    };
    match outcome {
        Ok(connection) => {
            app.arrivals.ended(Handshake::Accepted);
            wire.set_authenticated();
            socket
                .extensions
                .insert::<Attached>(Arc::new(Mutex::new(Some(connection))));
            Ok(())
        }
        Err(refused) => {
            tracing::debug!(reason = %refused, "refused");
            app.arrivals.ended(refused.outcome());
            if refused == Refused::Fault {
                // Before the library can say `44`: then the client would not come back.
                wire.shut();
            }
            Err(refused)
        }
    }
}

/// Starts the pump of an admitted connection.
fn start(app: &Arc<App>, tasks: &TaskTracker, socket: SocketRef) {
    let attached = socket.extensions.remove::<Attached>().and_then(|attached| {
        attached
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    });
    let (Some(connection), Ok(wire)) = (attached, wire_of(&socket)) else {
        tracing::error!("a connection was admitted without a place in the hub");
        return;
    };
    let gone = CancellationToken::new();
    let left = gone.clone();
    socket.on_disconnect(move || {
        left.cancel();
        std::future::ready(())
    });
    let (queue, asked) = mpsc::channel(ASKED_MAX);
    let flooded = wire.clone();
    // Not async: commands are taken in the order in which they were sent.
    socket.on_fallback(
        move |Event(event): Event, TryData(argument): TryData<Value>, ack: AckSender| {
            let asked = Asked {
                event,
                argument: argument.ok(),
                ack,
            };
            if let Err(mpsc::error::TrySendError::Full(_)) = queue.try_send(asked) {
                flooded.shut();
            }
            std::future::ready(())
        },
    );
    let pump = Pump {
        app: Arc::clone(app),
        socket,
        wire,
        connection,
        asked,
        gone,
    };
    tasks.spawn(pump.run());
}

fn wire_of(socket: &SocketRef) -> Result<Wire, Refused> {
    let wire = socket.req_parts().extensions.get::<Wire>().cloned();
    wire.ok_or_else(|| {
        tracing::error!("a Socket.IO request arrived without its wire");
        Refused::Fault
    })
}
