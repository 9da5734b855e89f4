//! The listening socket: small frames leave at once, requests under way end before the process does.

use poem::Response;
use poem::Server;
use poem::endpoint::BoxEndpoint;
use poem::listener::TcpAcceptor;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A connection on which nothing happens for this long is closed.
const IDLE: Duration = Duration::from_mins(2);

/// Binds the address.
pub(super) fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    // Accepted sockets inherit it; poem 3.1 never sets it, and small WebSocket frames then wait 40 ms.
    socket2::SockRef::from(&listener).set_tcp_nodelay(true)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Answers requests until `stop`, then lets those under way end within `grace`.
pub(super) fn serve(
    listener: TcpListener,
    endpoint: BoxEndpoint<'static, Response>,
    stop: CancellationToken,
    grace: Duration,
) -> std::io::Result<impl Future<Output = ()> + Send> {
    let acceptor = TcpAcceptor::from_std(listener)?;
    Ok(async move {
        let server = Server::new_with_acceptor(acceptor).idle_timeout(IDLE);
        let ended = server
            .run_with_graceful_shutdown(endpoint, stop.cancelled_owned(), Some(grace))
            .await;
        if let Err(error) = ended {
            tracing::error!(%error, "the HTTP server ended");
        }
    })
}
