//! The closed list of what a client can receive, and one message as every transport shares it.

use bytes::Bytes;
use freshtrack_core::ids::UnitId;
use freshtrack_core::time::Timestamp;
use freshtrack_core::wire_enum;
use serde::Serialize;

wire_enum! {
    /// Name of a message to a client. The list is append-only.
    ServerEvent {
        /// First message of a connection.
        ConnectionAck = "connection:ack",
        /// A subscription was refused or ended.
        SubscriptionError = "subscription:error",
        /// A command could not be understood.
        Error = "error",
        /// Everything missed has been sent.
        ResumeComplete = "resume:complete",
        /// The record has a hole for this client: take this state instead.
        Resync = "resync",
        /// Readings that were replaced by newer ones before they could be sent.
        ReadingsSkipped = "readings:skipped",
        /// The token ends soon.
        AuthExpiring = "auth:expiring",
        /// The token has ended; the transport closes, come back with a new one.
        AuthExpired = "auth:expired",
        /// The member's role is another one now.
        AuthChanged = "auth:changed",
        /// Access was taken away; do not come back.
        AuthRevoked = "auth:revoked",
        /// The server is about to stop; come back after the time given.
        ServerDraining = "server:draining",
        /// Readings of one unit.
        SensorReadingsBatch = "sensor:readings:batch",
        /// An alert was raised.
        AlertTriggered = "alert:triggered",
        /// An alert became more urgent.
        AlertEscalated = "alert:escalated",
        /// A person took an alert.
        AlertAcknowledged = "alert:acknowledged",
        /// An alert was closed.
        AlertResolved = "alert:resolved",
        /// A unit's dashboard group changed.
        UnitStateChanged = "unit:state:changed",
        /// A unit's status changed inside its group.
        UnitStatusChanged = "unit:status:changed",
        /// Alerts were grouped under one cause.
        IncidentOpened = "incident:opened",
        /// A group of alerts ended.
        IncidentClosed = "incident:closed",
        /// Something else changed: fetch it again.
        EntityChanged = "entity:changed",
        /// A note for one person.
        NoticeCreated = "notice:created",
        /// Roll-ups were computed again.
        MetricsUpdated = "metrics:updated",
    }
}

/// What a message does to the number a client resumes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeqEffect {
    /// Nothing.
    Keep,
    /// Raises it, if it is lower.
    Raise(i64),
    /// Sets it, even to something lower: `connection:ack` and the last part of `resync`.
    Set(i64),
}

impl SeqEffect {
    /// The client's number after this message.
    #[must_use]
    pub fn apply(self, seq: i64) -> i64 {
        match self {
            Self::Keep => seq,
            Self::Raise(n) => seq.max(n),
            Self::Set(n) => n,
        }
    }
}

/// How a mailbox treats a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Never dropped, never reordered.
    Ordered(i64),
    /// The newest of its unit is enough.
    Readings { unit: UnitId, count: usize },
    /// For this connection alone.
    Direct,
}

/// A message: name and JSON payload, serialized once and shared by all mailboxes and transports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    event: ServerEvent,
    body: Bytes,
    effect: SeqEffect,
    class: Class,
    at: Option<Timestamp>,
}

impl Message {
    /// A message of one connection; carries no place in the sequence of the organization.
    pub(crate) fn direct(event: ServerEvent, payload: &impl Serialize, effect: SeqEffect) -> Self {
        Self::new(event, encode(payload), effect, Class::Direct)
    }

    /// An ordered message whose payload is ready, and when its event happened if it is sent live.
    pub(crate) fn ordered(
        event: ServerEvent,
        seq: i64,
        body: Bytes,
        at: Option<Timestamp>,
    ) -> Self {
        Self {
            at,
            ..Self::new(event, body, SeqEffect::Raise(seq), Class::Ordered(seq))
        }
    }

    pub(crate) fn readings(unit: UnitId, count: usize, seq: i64, payload: &impl Serialize) -> Self {
        Self::new(
            ServerEvent::SensorReadingsBatch,
            encode(payload),
            SeqEffect::Raise(seq),
            Class::Readings { unit, count },
        )
    }

    fn new(event: ServerEvent, body: Bytes, effect: SeqEffect, class: Class) -> Self {
        Self {
            event,
            body,
            effect,
            class,
            at: None,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn event(&self) -> ServerEvent {
        self.event
    }

    /// Its payload: a complete JSON object.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// Its payload as text, for frames that want a `str`.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or("null")
    }

    /// What it does to the number the client resumes from.
    #[must_use]
    pub const fn effect(&self) -> SeqEffect {
        self.effect
    }

    /// When its event happened, for an ordered event that is sent live.
    #[must_use]
    pub const fn happened_at(&self) -> Option<Timestamp> {
        self.at
    }

    pub(crate) const fn class(&self) -> Class {
        self.class
    }

    /// What a mailbox counts: payload and name.
    pub(crate) fn size(&self) -> usize {
        self.body.len() + self.event.as_str().len()
    }
}

/// Serializes one of the payload types; they hold strings, numbers and lists, which cannot fail.
pub(crate) fn encode(payload: &impl Serialize) -> Bytes {
    match serde_json::to_vec(payload) {
        Ok(bytes) => Bytes::from(bytes),
        Err(error) => {
            tracing::error!(%error, "a payload could not be serialized");
            Bytes::from_static(b"null")
        }
    }
}
