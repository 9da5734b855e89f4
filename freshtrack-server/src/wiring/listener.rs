//! The listening socket: HTTP and Socket.IO on one port, requests under way end before the process does.
//!
//! Connections are accepted here and not by poem's server, which lifts the upgrade handle out of every
//! request before anybody else can take it, and hides the stream that has to be watched and shut.

use crate::sockets::WireStream;
use crate::sockets::socketio::SocketIoDoor;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use poem::endpoint::BoxEndpoint;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, Request, Response};
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A request whose head takes longer is given up, and so is a connection that waits longer for one.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// A pause when the process has no descriptors left.
const BREATHE: Duration = Duration::from_millis(50);
/// Bytes of a connection that wait to be read or written: what a slow reader of a stream costs.
const BUFFER_MAX: usize = 64 * 1024;
/// How often an HTTP/2 peer is asked whether it is still there.
const ASK_EVERY: Duration = Duration::from_secs(20);

/// Binds the address.
pub(super) fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// What answers.
#[derive(Clone)]
pub(super) struct House {
    /// Everything but Socket.IO.
    pub(super) endpoint: Arc<BoxEndpoint<'static, Response>>,
    /// Socket.IO, where there is any.
    pub(super) socketio: Option<SocketIoDoor>,
    /// Owns the connections.
    pub(super) tasks: TaskTracker,
    /// Ends accepting, and connections once their requests have ended.
    pub(super) stop: CancellationToken,
    /// How long requests under way get.
    pub(super) grace: Duration,
}

/// Answers requests until the stop, then lets those under way end within the grace.
pub(super) fn serve(
    listener: TcpListener,
    house: House,
) -> std::io::Result<impl Future<Output = ()> + Send> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    Ok(async move {
        loop {
            let accepted = tokio::select! {
                () = house.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    house.tasks.spawn(converse(house.clone(), stream, peer));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(BREATHE).await;
                }
            }
        }
    })
}

/// Serves one connection until it ends or is upgraded.
async fn converse(house: House, stream: TcpStream, peer: SocketAddr) {
    // Small frames leave at once; otherwise they wait 40 ms for an acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a peer was gone before it was greeted");
        return;
    }
    let local = stream.local_addr().unwrap_or(peer);
    let stream = WireStream::new(stream);
    let wire = stream.wire();
    let (stop, grace) = (house.stop.clone(), house.grace);
    let asked = CancellationToken::new();
    let first = asked.clone();
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        first.cancel();
        request.extensions_mut().insert(wire.clone());
        let house = house.clone();
        async move { Ok::<_, Infallible>(answer(&house, request, local, peer).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(BUFFER_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(ASK_EVERY);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stop.cancelled() => None,
        () = says_nothing(&asked) => {
            return tracing::debug!(%peer, "a connection asked for nothing");
        }
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        match tokio::time::timeout(grace, connection).await {
            Ok(ended) => ended,
            Err(_) => return tracing::debug!(%peer, "a request did not end in time"),
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, error = %error, "a connection ended badly");
    }
}

/// Ends once a peer has let the time for its first request pass: the library's own limit begins only
/// when it knows which protocol is spoken, which a silent peer never tells.
async fn says_nothing(asked: &CancellationToken) {
    if tokio::time::timeout(HEAD_WITHIN, asked.cancelled())
        .await
        .is_ok()
    {
        std::future::pending::<()>().await;
    }
}

async fn answer(
    house: &House,
    request: hyper::Request<Incoming>,
    local: SocketAddr,
    peer: SocketAddr,
) -> hyper::Response<BoxBody<bytes::Bytes, std::io::Error>> {
    if let Some(door) = &house.socketio
        && SocketIoDoor::owns(request.uri().path())
    {
        return door.answer(request, peer.ip()).await.into();
    }
    let request = Request::from((
        request,
        LocalAddr(Addr::SocketAddr(local)),
        RemoteAddr(Addr::SocketAddr(peer)),
        Scheme::HTTP,
    ));
    house.endpoint.get_response(request).await.into()
}
