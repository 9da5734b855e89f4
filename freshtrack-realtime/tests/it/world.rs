//! One node over memory adapters, and a client that keeps its resume number by the rule of section 8.

use freshtrack_core::event::OutboxEvent;
use freshtrack_core::ids::{OrgId, SiteId, UnitId};
use freshtrack_core::principal::Role;
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_realtime::memory::{MemoryBus, MemoryHistory, MemoryMembership, MemoryState};
use freshtrack_realtime::testkit::sample::{self, ManualClock};
use freshtrack_realtime::{
    CloseReason, ConnectRequest, Connection, Hub, HubConfig, HubPorts, LastSeq, Outgoing,
    Principal, ResumeRequest, Rooms, Topic, Transport,
};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) const EPOCH: &str = "epoch-1";

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) bus: MemoryBus,
    pub(crate) history: MemoryHistory,
    pub(crate) membership: MemoryMembership,
    pub(crate) state: MemoryState,
    pub(crate) clock: Arc<ManualClock>,
}

pub(crate) struct Node {
    pub(crate) hub: Hub,
    pub(crate) world: World,
    _stop: DropGuard,
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self {
            bus: MemoryBus::new(),
            history: MemoryHistory::new(),
            membership: MemoryMembership::new(),
            state: MemoryState::new(),
            clock: Arc::new(ManualClock::new(sample::at(0))),
        };
        for number in 1..=5 {
            for org in 1..=2 {
                let person = Principal::User(sample::user(number));
                world
                    .membership
                    .join(person, sample::org(org), Role::Viewer);
            }
            let places = [
                Topic::Site(sample::site(number)),
                Topic::Unit(sample::unit(number)),
            ];
            for place in places {
                world.membership.add_place(sample::org(1), place);
            }
        }
        world
    }

    pub(crate) fn node(&self, change: impl FnOnce(&mut HubConfig)) -> Node {
        let mut config = HubConfig::new(EPOCH);
        change(&mut config);
        let ports = HubPorts {
            bus: Arc::new(self.bus.clone()),
            history: Arc::new(self.history.clone()),
            membership: Arc::new(self.membership.clone()),
            state: Arc::new(self.state.clone()),
            clock: Arc::clone(&self.clock) as _,
        };
        let hub = Hub::new(config, ports);
        let stop = CancellationToken::new();
        let (running, ends) = (hub.clone(), stop.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "a test owns its node until it ends"
        )]
        drop(tokio::spawn(async move { running.run(ends).await }));
        Node {
            hub,
            world: self.clone(),
            _stop: stop.drop_guard(),
        }
    }
}

impl Node {
    pub(crate) fn alone() -> Self {
        World::new().node(|_| {})
    }

    /// Commits and publishes, as the dispatcher does; answers the event's number.
    pub(crate) async fn emit(&self, event: OutboxEvent) -> i64 {
        let event = self.world.history.commit(event);
        let seq = event.seq;
        self.hub.publish(vec![sample::envelope(&event)]).await;
        seq
    }

    pub(crate) async fn connect(&self, request: ConnectRequest) -> Client {
        let connection = self.hub.connect(request).await.expect("a free place");
        Client {
            connection,
            last_seq: None,
            closed: false,
        }
    }

    /// Cuts a client off and lets it come back with the number it kept.
    pub(crate) async fn returned(&self, client: Client, request: ConnectRequest) -> Client {
        let last_seq = client.last_seq;
        drop(client);
        let mut back = self.connect(request).await;
        back.last_seq = last_seq;
        back
    }
}

/// Place number `n`: site and unit of that number.
pub(crate) fn place(number: u32) -> (SiteId, UnitId) {
    (sample::site(number), sample::unit(number))
}

pub(crate) fn request(org: OrgId) -> ConnectRequest {
    ConnectRequest {
        principal: Principal::User(sample::user(1)),
        org,
        role: Role::Viewer,
        temperature_unit: TemperatureUnit::C,
        transport: Transport::WebSocket,
        socket_id: "socket-1".to_owned(),
        rooms: Rooms::organization(),
        resume: ResumeRequest::default(),
        expires_at: None,
    }
}

pub(crate) fn returning(org: OrgId, last_seq: i64) -> ConnectRequest {
    let mut request = request(org);
    request.resume.last_seq = LastSeq::At(last_seq);
    request
}

pub(crate) struct Client {
    pub(crate) connection: Connection,
    pub(crate) last_seq: Option<i64>,
    pub(crate) closed: bool,
}

/// A message as a client sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) event: &'static str,
    pub(crate) data: Value,
}

impl Seen {
    pub(crate) fn seq(&self) -> i64 {
        self.data["seq"].as_i64().unwrap_or(-1)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Got {
    Message(Seen),
    Closed(CloseReason),
}

impl Client {
    fn see(&mut self, out: Outgoing) -> Got {
        match out {
            Outgoing::Close(reason) => {
                self.closed = true;
                Got::Closed(reason)
            }
            Outgoing::Message {
                message,
                resume_from,
            } => {
                let event = message.event().as_str();
                let data: Value = serde_json::from_str(message.text()).expect("JSON");
                // The client's own rule, from the payload alone.
                if let Some(seq) = data["seq"].as_i64() {
                    let sets = event == "connection:ack" || event == "resync";
                    let raised = self.last_seq.unwrap_or(0).max(seq);
                    self.last_seq = Some(if sets { seq } else { raised });
                }
                // What SSE sends as id is never behind it and ends up the same.
                assert!(resume_from >= self.last_seq.unwrap_or(0), "{event} {data}");
                Got::Message(Seen { event, data })
            }
        }
    }

    /// What is ready now, at most so many messages.
    pub(crate) fn at_once(&mut self, most: usize) -> Vec<Seen> {
        let mut seen = Vec::new();
        while seen.len() < most
            && let Some(out) = self.connection.outlet.try_next()
            && let Got::Message(message) = self.see(out)
        {
            seen.push(message);
        }
        seen
    }

    /// The next message, within a minute of paused time.
    pub(crate) async fn next(&mut self) -> Seen {
        match self.next_or_close().await {
            Got::Message(seen) => seen,
            Got::Closed(reason) => panic!("closed: {reason}"),
        }
    }

    pub(crate) async fn next_or_close(&mut self) -> Got {
        let wait = Duration::from_mins(1);
        let out = tokio::time::timeout(wait, self.connection.outlet.next()).await;
        self.see(out.expect("a message within a minute"))
    }

    /// The next message of this name; others are passed over.
    pub(crate) async fn until(&mut self, event: &str) -> Seen {
        loop {
            let seen = self.next().await;
            if seen.event == event {
                return seen;
            }
        }
    }

    /// Everything that is ready within `wait`, without closes.
    pub(crate) async fn all_within(&mut self, wait: Duration) -> Vec<Seen> {
        let mut seen = Vec::new();
        let deadline = tokio::time::Instant::now() + wait;
        while let Ok(out) = tokio::time::timeout_at(deadline, self.connection.outlet.next()).await {
            match self.see(out) {
                Got::Message(message) => seen.push(message),
                Got::Closed(_) => break,
            }
        }
        seen
    }

    /// Asks, and answers the acknowledgement.
    pub(crate) async fn ask(&mut self, event: &str, argument: &Value) -> Value {
        let text = argument.to_string();
        match self.connection.commands.handle(event, Some(&text)).await {
            freshtrack_realtime::Answer::Ack(bytes) => {
                serde_json::from_slice(&bytes).expect("JSON")
            }
            other => panic!("no acknowledgement: {other:?}"),
        }
    }
}

/// Numbers of the ordered messages among these.
pub(crate) fn ordered(seen: &[Seen]) -> Vec<i64> {
    seen.iter()
        .filter(|s| s.event.starts_with("alert:") || s.event.starts_with("unit:"))
        .map(Seen::seq)
        .collect()
}
