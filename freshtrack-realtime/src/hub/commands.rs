//! What a client may ask, and in which order it is checked: rate, schema, authority, effect.
//!
//! The commands of one connection are handled one after the other (`&mut self`), so an answer that comes
//! late can neither join a connection that is gone nor undo an unsubscribe that came after it.

use crate::counters::{Asked, AskedOutcome, count};
use crate::event::{Message, SeqEffect, ServerEvent, encode};
use crate::hub::connection::{CloseReason, ConnectionId};
use crate::hub::mail::Mail;
use crate::hub::{Hub, Shared};
use crate::mailbox::Put;
use crate::payload::{ErrorMessage, SubscriptionError};
use crate::topic::{Principal, Topic};
use bytes::Bytes;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::time::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Largest argument of a command.
const ARGUMENT_BYTES_MAX: usize = 64 * 1024;
/// Deepest JSON of an argument.
const ARGUMENT_DEPTH_MAX: usize = 16;
/// How much of a client's own words is sent back.
const ECHO_CHARS_MAX: usize = 64;

/// What the transport does with a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Send this JSON if the client asked for an answer.
    Ack(Bytes),
    /// Verify this token like a handshake, then call [`Commands::refreshed`] or
    /// [`Commands::refresh_refused`] for the answer.
    Refresh(Token),
    /// There is no answer; the client has been told by an `error` message if it was at fault.
    Nothing,
}

/// A credential on its way to the verifier; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The credential.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The side of a connection that asks.
pub struct Commands {
    shared: Arc<Shared>,
    org: OrgId,
    principal: Principal,
    id: ConnectionId,
    mail: Arc<Mail>,
    rate: Rate,
    /// What became of the command that is being handled.
    outcome: AskedOutcome,
}

impl std::fmt::Debug for Commands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Commands")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
enum Act {
    Join,
    Leave,
}

impl Commands {
    pub(crate) fn new(
        shared: Arc<Shared>,
        org: OrgId,
        principal: Principal,
        id: ConnectionId,
        mail: Arc<Mail>,
    ) -> Self {
        let burst = f64::from(shared.config.commands_burst);
        let rate = Rate {
            tokens: burst,
            at: Instant::now(),
            excess_since: None,
        };
        Self {
            shared,
            org,
            principal,
            id,
            mail,
            rate,
            outcome: AskedOutcome::Done,
        }
    }

    /// Handles one event of the client: its name, and its first argument as JSON text if it has one.
    ///
    /// Never ends the connection for what the argument is, only for its size or for constant excess.
    pub async fn handle(&mut self, event: &str, argument: Option<&str>) -> Answer {
        let asked = event.parse().unwrap_or(Asked::Unknown);
        self.outcome = AskedOutcome::Done;
        let answer = self.answer(event, argument).await;
        self.shared.counters.asked(asked, self.outcome);
        answer
    }

    async fn answer(&mut self, event: &str, argument: Option<&str>) -> Answer {
        if !self.admit(event) {
            self.outcome = AskedOutcome::Limited;
            return Answer::Ack(refusal("rate_limited", "Too many requests"));
        }
        if argument.is_some_and(|text| text.len() > ARGUMENT_BYTES_MAX) {
            self.outcome = AskedOutcome::Limited;
            self.mail
                .close(CloseReason::Malformed, None, Instant::now());
            return Answer::Nothing;
        }
        let Ok(argument) = parse(argument) else {
            return self.complain(event, "Malformed argument", "invalid_argument");
        };
        let text = argument.as_str();
        match event {
            "subscribe:site" => self.room(Act::Join, "site", text).await,
            "subscribe:unit" => self.room(Act::Join, "unit", text).await,
            "subscribe:organization" => self.room(Act::Join, "organization", text).await,
            "unsubscribe:site" => self.room(Act::Leave, "site", text).await,
            "unsubscribe:unit" => self.room(Act::Leave, "unit", text).await,
            "unsubscribe:organization" => self.room(Act::Leave, "organization", text).await,
            "get:latest" => Answer::Ack(self.latest(text).await),
            "ping" => Answer::Ack(encode(&(self.shared.ports.clock.now().as_micros() / 1_000))),
            "auth:refresh" => match argument.get("token").and_then(Value::as_str) {
                Some(token) => Answer::Refresh(Token(token.to_owned())),
                None => Answer::Ack(refresh_answer(false, "Authentication token required")),
            },
            _ => self.complain(event, "Unknown event", "unknown_event"),
        }
    }

    /// The organization the connection belongs to for its whole life.
    #[must_use]
    pub const fn organization(&self) -> OrgId {
        self.org
    }

    /// Takes over the end of a refreshed token, if it is the same caller's, and makes the answer.
    #[must_use]
    pub fn refreshed(&mut self, principal: Principal, org: OrgId, expires_at: Timestamp) -> Bytes {
        if principal != self.principal || org != self.org {
            return self.refresh_refused("Invalid token claims");
        }
        if let Some(entry) = self.shared.registry().entry(self.org, self.id) {
            entry.expires_at = Some(expires_at);
            entry.warned = false;
        }
        encode(&json!({"ok": true, "expiresAt": expires_at.to_rfc3339_millis()}))
    }

    /// The answer to a token that was refused; the old one goes on to its end.
    #[must_use]
    pub fn refresh_refused(&self, message: &str) -> Bytes {
        refresh_answer(false, message)
    }

    /// Ends the connection, for example after a malformed frame; the outlet is told the reason.
    pub fn close(&self, reason: CloseReason) {
        self.mail.close(reason, None, Instant::now());
    }

    /// Sends a message to this connection alone.
    pub(crate) fn tell(&mut self, event: ServerEvent, payload: &impl serde::Serialize) {
        let message = Message::direct(event, payload, SeqEffect::Keep);
        if self.mail.put(Arc::new(message), Instant::now()) == Put::Overflowed {
            count(&self.shared.counters.slow_disconnects, 1);
        }
    }

    fn admit(&mut self, event: &str) -> bool {
        let config = &self.shared.config;
        let now = Instant::now();
        if self
            .rate
            .take(now, config.commands_per_second, config.commands_burst)
        {
            return true;
        }
        count(&self.shared.counters.rate_limited, 1);
        if self.rate.excess(now) >= config.command_excess_max {
            self.mail.close(CloseReason::RateLimited, None, now);
        } else {
            self.complain(event, "Too many requests", "rate_limited");
        }
        false
    }

    fn complain(&mut self, event: &str, message: &'static str, code: &'static str) -> Answer {
        self.outcome = AskedOutcome::Invalid;
        let payload = ErrorMessage {
            message,
            code,
            event: Some(event.chars().take(ECHO_CHARS_MAX).collect()),
        };
        self.tell(ServerEvent::Error, &payload);
        Answer::Nothing
    }

    async fn room(&mut self, act: Act, entity: &'static str, id: Option<&str>) -> Answer {
        let outcome = match topic(entity, id, self.org) {
            Err(code) => Err(code),
            Ok(topic) => match act {
                Act::Join => self.join(topic).await,
                Act::Leave => {
                    if let Some(entry) = self.shared.registry().entry(self.org, self.id) {
                        entry.rooms.leave(topic);
                    }
                    Ok(())
                }
            },
        };
        match outcome {
            Ok(()) => {
                tracing::debug!(connection = %self.id, entity, "subscribed");
                Answer::Ack(Bytes::from_static(br#"{"ok":true}"#))
            }
            Err(code) => {
                let message = code_message(code);
                self.outcome = match code {
                    "limit_reached" => AskedOutcome::Limited,
                    "invalid_argument" => AskedOutcome::Invalid,
                    "unavailable" => AskedOutcome::Failed,
                    _ => AskedOutcome::Denied,
                };
                tracing::warn!(connection = %self.id, entity, code, "subscribe_denied");
                let entity_id = id.unwrap_or_default().chars().take(ECHO_CHARS_MAX);
                let payload = SubscriptionError {
                    entity,
                    entity_id: entity_id.collect(),
                    message,
                    code,
                };
                self.tell(ServerEvent::SubscriptionError, &payload);
                Answer::Ack(refusal(code, message))
            }
        }
    }

    async fn join(&mut self, topic: Topic) -> Result<(), &'static str> {
        if topic != Topic::Organization {
            self.room_for(topic)?;
            let membership = &self.shared.ports.membership;
            match membership.may_see(self.principal, self.org, topic).await {
                Ok(true) => {}
                Ok(false) => return Err("access_denied"),
                Err(error) => {
                    count(&self.shared.counters.port_failures, 1);
                    tracing::warn!(%error, "a subscription could not be checked");
                    return Err("unavailable");
                }
            }
        }
        // The connection may have ended while the store was asked: then there is no entry to join.
        if let Some(entry) = self.shared.registry().entry(self.org, self.id) {
            entry.rooms.join(topic);
        }
        Ok(())
    }

    fn room_for(&self, topic: Topic) -> Result<(), &'static str> {
        let max = self.shared.config.subscriptions_max;
        let mut registry = self.shared.registry();
        let full = registry
            .entry(self.org, self.id)
            .is_some_and(|e| !e.rooms.contains(topic) && e.rooms.subscriptions() >= max);
        if full { Err("limit_reached") } else { Ok(()) }
    }

    /// The newest evaluated reading of a unit of this organization as JSON, or `null`.
    async fn latest(&self, id: Option<&str>) -> Bytes {
        const NULL: Bytes = Bytes::from_static(b"null");
        let Some(unit) = id.and_then(|id| id.parse::<UnitId>().ok()) else {
            return NULL;
        };
        let shared = &self.shared;
        let held = shared.latest().get(self.org, unit);
        let reading = if held.is_some() {
            count(&shared.counters.latest_hits, 1);
            held
        } else {
            count(&shared.counters.latest_misses, 1);
            match shared.ports.state.latest(self.org, unit).await {
                Ok(Some(reading)) => {
                    let mut latest = shared.latest();
                    latest.offer(self.org, reading);
                    latest.get(self.org, unit)
                }
                Ok(None) => None,
                Err(error) => {
                    count(&shared.counters.port_failures, 1);
                    tracing::warn!(%error, "the latest reading could not be read");
                    None
                }
            }
        };
        let unit = shared
            .registry()
            .orgs
            .get(&self.org)
            .map(|o| o.temperature_unit);
        reading.map_or(NULL, |r| encode(&r.payload(unit.unwrap_or_default())))
    }
}

impl Hub {
    /// Whether the connection is in this room, for tests and inspection.
    #[must_use]
    pub fn is_in(&self, org: OrgId, id: ConnectionId, topic: Topic) -> bool {
        let mut registry = self.shared.registry();
        registry
            .entry(org, id)
            .is_some_and(|entry| entry.rooms.contains(topic))
    }
}

/// A token bucket.
struct Rate {
    tokens: f64,
    at: Instant,
    excess_since: Option<Instant>,
}

impl Rate {
    fn take(&mut self, now: Instant, per_second: u32, burst: u32) -> bool {
        let gained = (now - self.at).as_secs_f64() * f64::from(per_second);
        self.tokens = (self.tokens + gained).min(f64::from(burst));
        self.at = now;
        if self.tokens >= f64::from(burst) / 2.0 {
            // Recovered: the excess was not constant.
            self.excess_since = None;
        }
        if self.tokens < 1.0 {
            self.excess_since.get_or_insert(now);
            return false;
        }
        self.tokens -= 1.0;
        true
    }

    fn excess(&self, now: Instant) -> Duration {
        self.excess_since
            .map_or(Duration::ZERO, |since| now - since)
    }
}

/// Parses an argument, refusing deep nesting before any of it is built.
fn parse(argument: Option<&str>) -> Result<Value, ()> {
    let Some(text) = argument else {
        return Ok(Value::Null);
    };
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > ARGUMENT_DEPTH_MAX {
            return Err(());
        }
    }
    serde_json::from_str(text).map_err(|_| ())
}

/// A room of the connection's own organization. Malformed ids are denied like foreign ones.
fn topic(entity: &str, id: Option<&str>, org: OrgId) -> Result<Topic, &'static str> {
    let id = id.ok_or("invalid_argument")?;
    match entity {
        "site" => id.parse().map(Topic::Site).map_err(|_| "access_denied"),
        "unit" => id.parse().map(Topic::Unit).map_err(|_| "access_denied"),
        _ => match id.parse::<OrgId>() {
            Ok(named) if named == org => Ok(Topic::Organization),
            Ok(_) | Err(_) => Err("access_denied"),
        },
    }
}

fn code_message(code: &str) -> &'static str {
    match code {
        "limit_reached" => "Too many subscriptions",
        "invalid_argument" => "Malformed argument",
        "unavailable" => "Try again",
        _ => "Access denied",
    }
}

fn refusal(code: &str, message: &str) -> Bytes {
    encode(&json!({"ok": false, "code": code, "message": message}))
}

fn refresh_answer(ok: bool, message: &str) -> Bytes {
    encode(&json!({"ok": ok, "message": message}))
}
