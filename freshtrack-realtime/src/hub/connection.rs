//! A connection as a transport holds it: commands in, messages out.

use crate::event::Message;
use crate::hub::Shared;
use crate::hub::commands::Commands;
use crate::hub::connect::Transport;
use crate::hub::mail::Mail;
use freshtrack_core::ids::OrgId;
use freshtrack_core::time::Timestamp;
use freshtrack_core::wire_enum;
use std::sync::Arc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Names a connection of this hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub(crate) u64);

impl std::fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

wire_enum! {
    /// Why the hub ends a connection.
    CloseReason {
        /// It reads too slowly. Socket.IO: close without `41`; WebSocket 4408.
        Slow = "slow",
        /// Its token has ended. Socket.IO: close without `41`; WebSocket 4401.
        Expired = "expired",
        /// Its access was taken away, for good. Socket.IO: `41`; WebSocket 4403.
        Revoked = "revoked",
        /// The server stops. Socket.IO: close without `41`; WebSocket 1012; SSE `retry:`.
        Restart = "restart",
        /// It sent what cannot be accepted. WebSocket 4400.
        Malformed = "malformed",
        /// It sent too much for too long. WebSocket 4429.
        RateLimited = "rate_limited",
        /// The history did not answer: come back. Socket.IO: close without `41`; WebSocket 1012.
        Unavailable = "unavailable",
    }
}

impl CloseReason {
    /// Whether the client must not come back by itself: Socket.IO then sends `41`.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Revoked)
    }

    /// The close code of a plain WebSocket.
    #[must_use]
    pub const fn websocket_code(self) -> u16 {
        match self {
            Self::Slow => 4408,
            Self::Expired => 4401,
            Self::Revoked => 4403,
            Self::Restart | Self::Unavailable => 1012,
            Self::Malformed => 4400,
            Self::RateLimited => 4429,
        }
    }
}

/// The next thing a transport does.
#[derive(Debug, Clone, PartialEq)]
pub enum Outgoing {
    /// Send this.
    Message {
        /// Name and payload.
        message: Arc<Message>,
        /// The number this client resumes from once it has the message: the `id:` of SSE.
        resume_from: i64,
    },
    /// End the transport. Comes after everything that is still to be sent, and for ever after.
    Close(CloseReason),
}

/// Messages of one connection. Dropping it ends the connection.
#[derive(Debug)]
pub struct Outlet {
    pub(crate) seat: Seat,
}

impl Outlet {
    /// Waits for the next thing to do. Cancelling the wait loses nothing.
    pub async fn next(&mut self) -> Outgoing {
        let outgoing = self.seat.mail.next().await;
        self.note(&outgoing);
        outgoing
    }

    /// The next thing to do if there is one now: what is ready goes out in one write.
    pub fn try_next(&mut self) -> Option<Outgoing> {
        let outgoing = self.seat.mail.take(Instant::now())?;
        self.note(&outgoing);
        Some(outgoing)
    }

    fn note(&self, outgoing: &Outgoing) {
        if let Outgoing::Message { message, .. } = outgoing {
            let counters = &self.seat.shared.counters;
            counters.sent(message.event(), self.seat.transport.index());
        }
    }

    /// Tells the hub that the peer accepted the last byte of a message that happened at `at`, for the
    /// record of delays.
    pub fn delivered(&self, at: Timestamp) {
        let shared = &self.seat.shared;
        let took = shared.ports.clock.now() - at;
        shared.counters.delivery.record(took.to_duration());
    }

    /// Tells the hub that the peer accepted bytes of a message handed out before. Without it, a message
    /// that takes 30 s to leave counts as a reader that stopped.
    pub fn progressed(&self) {
        self.seat.mail.progressed(Instant::now());
    }

    /// Ends the connection: what waits is given up and [`next`](Self::next) answers the reason.
    pub fn close(&self, reason: CloseReason) {
        self.seat.mail.close(reason, None, Instant::now());
    }

    /// Cancelled when the transport has to end even though it is stuck in a write.
    #[must_use]
    pub fn must_end(&self) -> CancellationToken {
        self.seat.mail.abort.clone()
    }
}

/// One authenticated client of any transport.
#[derive(Debug)]
pub struct Connection {
    /// Its name in this hub.
    pub id: ConnectionId,
    /// What it asks. Server-sent events drop it.
    pub commands: Commands,
    /// What it gets.
    pub outlet: Outlet,
}

/// The place in the hub; gives it up when dropped.
pub(crate) struct Seat {
    pub(crate) shared: Arc<Shared>,
    pub(crate) org: OrgId,
    pub(crate) id: ConnectionId,
    pub(crate) transport: Transport,
    pub(crate) since: Instant,
    pub(crate) mail: Arc<Mail>,
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seat")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.shared
            .registry()
            .leave(self.org, self.id, Instant::now());
        let reason = self.mail.closing().map(|(reason, _)| reason.as_str());
        let (sent, coalesced) = self.mail.totals();
        self.mail.abandon();
        let seconds = self.since.elapsed().as_secs();
        tracing::debug!(
            connection = %self.id,
            reason = reason.unwrap_or("left"),
            seconds,
            sent,
            coalesced,
            "disconnected"
        );
    }
}
