//! A caller who has been authenticated becomes a connection.

use crate::counters::{ResumeOutcome, count};
use crate::event::{Message, SeqEffect, ServerEvent};
use crate::hub::commands::Commands;
use crate::hub::connection::{Connection, ConnectionId, Outlet, Seat};
use crate::hub::mail::Mail;
use crate::hub::org::Entry;
use crate::hub::registry::Registry;
use crate::hub::work::Work;
use crate::hub::{Hub, Shared};
use crate::payload::{ConnectionAck, ErrorMessage, Millis, ResumeComplete};
use crate::resume::{LastSeq, ResumeRequest, Start, decide};
use crate::topic::{Principal, Rooms};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{OrgId, UserId};
use freshtrack_core::principal::Role;
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_core::time::Timestamp;
use std::sync::Arc;
use tokio::time::Instant;

/// How a client is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Socket.IO over WebSocket.
    SocketIo,
    /// Plain WebSocket.
    WebSocket,
    /// Server-sent events.
    Sse,
}

impl Transport {
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::SocketIo => 0,
            Self::WebSocket => 1,
            Self::Sse => 2,
        }
    }
}

/// A verified caller and what it wants.
#[derive(Debug, Clone)]
pub struct ConnectRequest {
    /// Whose credential it is.
    pub principal: Principal,
    /// The organization, for the connection's whole life.
    pub org: OrgId,
    /// The role there.
    pub role: Role,
    /// Display unit of the organization.
    pub temperature_unit: TemperatureUnit,
    /// How it is attached.
    pub transport: Transport,
    /// What `connection:ack.socketId` says.
    pub socket_id: String,
    /// Rooms to begin with; already checked against [`Membership`](crate::ports::Membership).
    pub rooms: Rooms,
    /// Where it was.
    pub resume: ResumeRequest,
    /// When its credential ends.
    pub expires_at: Option<Timestamp>,
}

impl ConnectRequest {
    /// A person with the least role in the organization's room, in °C, over a plain WebSocket, with
    /// nothing to resume; change the fields that differ.
    #[must_use]
    pub fn viewer(org: OrgId, user: UserId) -> Self {
        Self {
            principal: Principal::User(user),
            org,
            role: Role::Viewer,
            temperature_unit: TemperatureUnit::C,
            transport: Transport::WebSocket,
            socket_id: String::new(),
            rooms: Rooms::organization(),
            resume: ResumeRequest::default(),
            expires_at: None,
        }
    }
}

/// Which bound was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitScope {
    /// Connections of one caller in one organization.
    Principal,
    /// Connections of one organization.
    Organization,
    /// Connections of the node.
    Node,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// A bound of section 10: `Too many connections`.
    #[error("too many connections")]
    TooManyConnections(LimitScope),
    /// The server is about to stop: 503 with `Retry-After`.
    #[error("server is stopping")]
    Draining,
    /// The history did not answer; close without a refusal, the client tries again.
    #[error("event history unavailable")]
    Unavailable(#[source] StoreError),
}

impl Hub {
    /// Makes a connection: its first message is `connection:ack`, then what it missed, then live events.
    ///
    /// Live events are held from the first moment, so nothing falls between what is replayed and what
    /// follows. Reads the history only if this node cannot know where the connection starts.
    ///
    /// # Errors
    /// [`ConnectError`]; there is no trace of the connection then.
    pub async fn connect(&self, request: ConnectRequest) -> Result<Connection, ConnectError> {
        let shared = &self.shared;
        let now = Instant::now();
        let mut connection = {
            let mut registry = shared.registry();
            admit(&registry, shared, &request)?;
            self.seat(&mut registry, &request, now)
        };
        let known = {
            let mut registry = shared.registry();
            let start = start_from_memory(&registry, shared, &request);
            if let Some(start) = start {
                begin(&mut registry, shared, &request, connection.id, start);
            }
            start.is_some()
        };
        if !known {
            let bounds = match shared.ports.history.head(request.org).await {
                Ok(bounds) => bounds,
                Err(error) => {
                    count(&shared.counters.port_failures, 1);
                    shared.counters.resumed(ResumeOutcome::Failed);
                    return Err(ConnectError::Unavailable(error));
                }
            };
            let epoch = &shared.config.epoch;
            let start = decide(&request.resume, epoch, bounds.oldest, bounds.head);
            let mut registry = shared.registry();
            registry.start_after(shared, request.org, bounds.head, Instant::now());
            begin(&mut registry, shared, &request, connection.id, start);
        }
        if request.resume.last_seq == LastSeq::Invalid {
            let payload = ErrorMessage {
                message: "lastSeq is not an integer from 0 to 2^53",
                code: "invalid_argument",
                event: None,
            };
            connection.commands.tell(ServerEvent::Error, &payload);
        }
        shared.wake.notify_one();
        tracing::debug!(connection = %connection.id, "connected");
        Ok(connection)
    }

    fn seat(&self, registry: &mut Registry, request: &ConnectRequest, now: Instant) -> Connection {
        let shared = &self.shared;
        let limits = shared.config.mailbox;
        let had = match request.resume.last_seq {
            LastSeq::At(last) => last,
            LastSeq::Absent | LastSeq::Invalid => 0,
        };
        let mail = Arc::new(Mail::new(limits, had, Arc::clone(&shared.unsent), now));
        let entry = Entry {
            principal: request.principal,
            role: request.role,
            rooms: request.rooms.clone(),
            transport: request.transport,
            expires_at: request.expires_at,
            warned: false,
            floor: 0,
            attempt: 0,
            mail: Arc::clone(&mail),
        };
        let id = registry.enter(request.org, request.temperature_unit, entry);
        let seat = Seat {
            shared: Arc::clone(shared),
            org: request.org,
            id,
            transport: request.transport,
            since: now,
            mail: Arc::clone(&mail),
        };
        Connection {
            id,
            commands: Commands::new(Arc::clone(shared), request.org, request.principal, id, mail),
            outlet: Outlet { seat },
        }
    }
}

fn admit(registry: &Registry, cx: &Shared, request: &ConnectRequest) -> Result<(), ConnectError> {
    if registry.draining {
        return Err(ConnectError::Draining);
    }
    let refuse = |scope| Err(ConnectError::TooManyConnections(scope));
    if registry.connections >= cx.config.connections_max {
        return refuse(LimitScope::Node);
    }
    let Some(org) = registry.orgs.get(&request.org) else {
        return Ok(());
    };
    if org.connections.len() >= cx.config.connections_per_org_max {
        return refuse(LimitScope::Organization);
    }
    let own = org
        .connections
        .values()
        .filter(|e| e.principal == request.principal);
    if own.count() >= cx.config.connections_per_principal_max {
        return refuse(LimitScope::Principal);
    }
    Ok(())
}

/// What can be decided without asking the history: most returns after a short drop.
fn start_from_memory(registry: &Registry, cx: &Shared, request: &ConnectRequest) -> Option<Start> {
    let org = registry.orgs.get(&request.org)?;
    let head = org.next? - 1;
    match request.resume.last_seq {
        LastSeq::Absent | LastSeq::Invalid => Some(Start::Live),
        LastSeq::At(last) if last > head || last + 1 < org.ring_from() => None,
        LastSeq::At(_) => Some(decide(
            &request.resume,
            &cx.config.epoch,
            org.ring_from(),
            head,
        )),
    }
}

/// Sends the acknowledgement and starts what follows it, all under one lock.
fn begin(
    registry: &mut Registry,
    cx: &Shared,
    request: &ConnectRequest,
    id: ConnectionId,
    start: Start,
) {
    let now = Instant::now();
    let org = request.org;
    let Some(state) = registry.orgs.get_mut(&org) else {
        return;
    };
    let head = state.next.unwrap_or(1) - 1;
    let recalled = match start {
        Start::Replay { from } => state.recall(from),
        Start::Live | Start::Resync(_) => None,
    };
    let Some(entry) = state.connections.get_mut(&id) else {
        return;
    };
    let seq = match start {
        Start::Live => head,
        Start::Replay { from } => from,
        Start::Resync(_) => 0,
    };
    entry
        .mail
        .put_first(Arc::new(acknowledgement(cx, request, seq)), now);
    let attempt = entry.attempt;
    match (start, recalled) {
        (Start::Live, _) => {
            entry.floor = head;
            entry.mail.release(head);
            cx.counters.resumed(ResumeOutcome::Live);
        }
        (Start::Replay { from }, Some((missed, to))) => {
            let sent = entry.finish_replay(from, to, &missed, resume_complete(from, to), now);
            count(&cx.counters.resume_events, sent);
            cx.counters.resumed(ResumeOutcome::Replay);
        }
        (Start::Replay { from }, None) => registry.work.push_back(Work::Replay {
            org,
            id,
            attempt,
            from,
        }),
        (Start::Resync(reason), _) => registry.work.push_back(Work::Resync {
            org,
            id,
            attempt,
            reason,
        }),
    }
    registry.warn_of_expiry(cx, org, id, now);
}

fn acknowledgement(cx: &Shared, request: &ConnectRequest, seq: i64) -> Message {
    let now = cx.ports.clock.now();
    let payload = ConnectionAck {
        socket_id: request.socket_id.clone(),
        timestamp: Millis(now),
        organization_id: request.org,
        role: request.role,
        seq,
        epoch: cx.config.epoch.clone(),
        server_time: now.as_micros() / 1_000,
        temperature_unit: request.temperature_unit,
    };
    Message::direct(ServerEvent::ConnectionAck, &payload, SeqEffect::Set(seq))
}

pub(crate) fn resume_complete(from: i64, to: i64) -> Message {
    let payload = ResumeComplete { from, to };
    Message::direct(ServerEvent::ResumeComplete, &payload, SeqEffect::Raise(to))
}
