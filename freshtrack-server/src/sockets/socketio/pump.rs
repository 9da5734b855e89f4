//! One Socket.IO connection: messages of the hub out, commands of the client in.

use super::handshake::{self, Refused};
use crate::app::App;
use crate::sockets::Wire;
use crate::sockets::stream::{expiry, live_principal};
use bytes::Bytes;
use freshtrack_core::time::Timestamp;
use freshtrack_realtime::{Answer, CloseReason, Commands, Connection, Message, Outgoing, Outlet};
use serde_json::Value;
use serde_json::value::RawValue;
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::{SendError, SocketError};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Bytes handed to the library and not yet taken by the kernel; beyond it the pump waits.
const IN_FLIGHT_MAX: u64 = 64 * 1024;
/// How long the last messages of a connection may take to leave.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);
/// Between the last byte taken and the end of the transport: control packets are not counted.
const LINGER: Duration = Duration::from_millis(50);
/// How often a full queue of the library is tried again.
const RETRY: Duration = Duration::from_millis(20);

/// One event of the client.
pub(super) struct Asked {
    pub(super) event: String,
    /// Its first argument, if it is JSON.
    pub(super) argument: Option<Value>,
    pub(super) ack: AckSender,
}

/// The way out: what was handed over, and what of it has left.
struct Exit {
    socket: SocketRef,
    wire: Wire,
    /// Value that `wire.accepted()` reaches once everything handed over has left.
    handed: u64,
    /// Events on their way: what `wire.accepted()` will say once they have left, and when they happened.
    under_way: VecDeque<(u64, Timestamp)>,
}

/// What became of a packet.
enum Sent {
    Yes,
    Full,
    Gone,
}

impl Exit {
    fn in_flight(&self) -> u64 {
        self.handed.saturating_sub(self.wire.accepted())
    }

    /// Tells the hub which events have left.
    fn note_departures(&mut self, outlet: &Outlet) {
        let accepted = self.wire.accepted();
        while let Some((handed, at)) = self.under_way.front().copied()
            && handed <= accepted
        {
            self.under_way.pop_front();
            outlet.delivered(at);
        }
    }

    fn has_room(&self) -> bool {
        self.in_flight() < IN_FLIGHT_MAX
    }

    /// Counts a text frame. Heartbeats leave uncounted, so the count starts anew whenever all has left.
    fn hand_over(&mut self, text: usize) {
        let header = match text {
            0..=125 => 2,
            126..=65_535 => 4,
            _ => 10,
        };
        self.handed = self.handed.max(self.wire.accepted()) + (text + header) as u64;
    }

    fn emit(&mut self, message: &Message) -> Sent {
        let name = message.event().as_str();
        let payload: &RawValue = match serde_json::from_str(message.text()) {
            Ok(payload) => payload,
            Err(error) => {
                tracing::error!(event = name, %error, "a payload is not JSON");
                return Sent::Yes;
            }
        };
        let sent = outcome(self.socket.emit(name, payload));
        if matches!(sent, Sent::Yes) {
            // `42["name",payload]`
            self.hand_over(name.len() + message.text().len() + 7);
            if let Some(at) = message.happened_at() {
                self.under_way.push_back((self.handed, at));
            }
        }
        sent
    }

    fn acknowledge(&mut self, ack: AckSender, body: &Bytes) -> Sent {
        let payload: &RawValue = match serde_json::from_slice(body) {
            Ok(payload) => payload,
            Err(error) => {
                tracing::error!(%error, "an answer is not JSON");
                return Sent::Yes;
            }
        };
        let sent = outcome(ack.send(payload));
        if matches!(sent, Sent::Yes) {
            self.hand_over(body.len());
        }
        sent
    }

    /// Waits until everything handed over has left, for a while.
    async fn settle(&self) {
        let left = async {
            while self.in_flight() > 0 {
                self.wire.moved_beyond(self.wire.accepted()).await;
            }
        };
        tokio::select! {
            () = left => {}
            () = self.wire.ended() => {}
            () = tokio::time::sleep(LEAVE_WITHIN) => {}
        }
        tokio::time::sleep(LINGER).await;
    }

    /// Ends the transport: with `41` the client stays away, without it comes back by itself.
    async fn close(&mut self, reason: CloseReason) {
        self.settle().await;
        if reason.is_final() {
            if let Err(error) = self.socket.clone().disconnect() {
                tracing::debug!(%error, "a client was gone before it was told to stay away");
            }
            self.hand_over(2);
            self.settle().await;
        }
        self.wire.shut();
    }
}

fn outcome(result: Result<(), SendError>) -> Sent {
    match result {
        Ok(()) => Sent::Yes,
        Err(SendError::Socket(SocketError::InternalChannelFull)) => Sent::Full,
        Err(SendError::Socket(_)) => Sent::Gone,
        Err(SendError::Serialize(error)) => {
            tracing::error!(%error, "a message could not be encoded");
            Sent::Yes
        }
    }
}

/// What the pump of a connection works on.
pub(super) struct Pump {
    pub(super) app: Arc<App>,
    pub(super) socket: SocketRef,
    pub(super) wire: Wire,
    pub(super) connection: Connection,
    pub(super) asked: mpsc::Receiver<Asked>,
    /// Cancelled when the client left or its transport ended.
    pub(super) gone: CancellationToken,
}

impl Pump {
    /// Runs until one side ends the connection.
    pub(super) async fn run(self) {
        let Self {
            app,
            socket,
            wire,
            connection,
            mut asked,
            gone,
        } = self;
        let Connection {
            mut commands,
            mut outlet,
            ..
        } = connection;
        let must_end = outlet.must_end();
        let mut exit = Exit {
            handed: wire.accepted(),
            socket,
            wire: wire.clone(),
            under_way: VecDeque::new(),
        };
        loop {
            exit.note_departures(&outlet);
            let seen = wire.accepted();
            let (room, busy) = (exit.has_room(), exit.in_flight() > 0);
            tokio::select! {
                () = must_end.cancelled() => return wire.shut(),
                () = gone.cancelled() => return,
                () = wire.ended() => return,
                () = wire.moved_beyond(seen), if busy => outlet.progressed(),
                outgoing = outlet.next(), if room => {
                    if !write(&mut exit, &mut outlet, outgoing).await {
                        return;
                    }
                }
                Some(asked) = asked.recv(), if room => {
                    if let Sent::Full | Sent::Gone = answer(&app, &mut commands, &mut exit, asked).await {
                        // It asks and does not read the answers.
                        return wire.shut();
                    }
                }
            }
        }
    }
}

/// Sends a message and whatever else is ready while there is room; false once the connection has ended.
async fn write(exit: &mut Exit, outlet: &mut Outlet, first: Outgoing) -> bool {
    let mut next = Some(first);
    while let Some(outgoing) = next {
        match outgoing {
            Outgoing::Message { message, .. } => {
                if !deliver(exit, outlet, &message).await {
                    return false;
                }
            }
            Outgoing::Close(reason) => {
                exit.close(reason).await;
                return false;
            }
        }
        next = if exit.has_room() {
            outlet.try_next()
        } else {
            None
        };
    }
    true
}

async fn deliver(exit: &mut Exit, outlet: &Outlet, message: &Message) -> bool {
    let must_end = outlet.must_end();
    loop {
        match exit.emit(message) {
            Sent::Yes => return true,
            Sent::Gone => return false,
            Sent::Full => {}
        }
        tokio::select! {
            () = must_end.cancelled() => {
                exit.wire.shut();
                return false;
            }
            () = exit.wire.ended() => return false,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

async fn answer(app: &App, commands: &mut Commands, exit: &mut Exit, asked: Asked) -> Sent {
    let argument = asked.argument.map(|value| value.to_string());
    match commands.handle(&asked.event, argument.as_deref()).await {
        Answer::Ack(body) => exit.acknowledge(asked.ack, &body),
        Answer::Refresh(token) => {
            let body = match handshake::verify(app, token.expose()).await {
                Ok(principal) => {
                    let until = expiry(&principal).unwrap_or(Timestamp::MAX);
                    let org = commands.organization();
                    commands.refreshed(live_principal(&principal), org, until)
                }
                Err(Refused::Told(words)) => commands.refresh_refused(words),
                Err(Refused::Fault) => commands.refresh_refused("Try again"),
            };
            exit.acknowledge(asked.ack, &body)
        }
        Answer::Nothing => Sent::Yes,
    }
}
