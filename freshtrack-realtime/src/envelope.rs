//! One committed event on its way from the dispatcher to every node.
//!
//! Ordered events carry the payload ready for clients, and nodes pass those bytes on unread. Readings
//! travel as values instead: what a client gets is one message per unit and *window*, which only the
//! node that gathers it can write.

use crate::event::{Class, Message, ServerEvent};
use crate::outbox_view::ReadingView;
use crate::resume::replayed_body;
use crate::topic::{Audience, Principal, Topic};
use bytes::Bytes;
use freshtrack_core::event::EventKind;
use freshtrack_core::ids::{OrgId, SiteId, UnitId, UserId};
use freshtrack_core::principal::Role;
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::{Arc, OnceLock};

/// Version of the format on the bus.
const FORMAT: u8 = 1;

/// What a committed change means for open connections, beside telling them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Control {
    /// Connections of this principal end.
    Revoke {
        /// Whose.
        principal: Principal,
        /// Why, as a wire word for the client.
        reason: String,
    },
    /// Every connection of the organization ends.
    RevokeOrganization {
        /// Why, as a wire word for the client.
        reason: String,
    },
    /// Connections of this person carry on with another role.
    RoleChanged {
        /// Whose.
        user: UserId,
        /// The new role.
        role: Role,
    },
    /// Nobody can be in this room any more.
    TopicGone {
        /// Which.
        topic: Topic,
    },
}

/// Readings of one unit from one commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadingsBody {
    /// Display unit of the organization.
    pub temperature_unit: TemperatureUnit,
    /// The readings, in no particular order.
    pub readings: Vec<ReadingView>,
}

/// What an envelope has for clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing; it only takes its place in the sequence.
    Silent,
    /// One message, never dropped or reordered.
    Ordered(Arc<Message>),
    /// Readings, to be gathered.
    Readings(Arc<ReadingsBody>),
}

/// A committed event, rendered.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The organization.
    pub org: OrgId,
    /// Its place in the organization's sequence.
    pub seq: i64,
    /// What happened.
    pub kind: EventKind,
    /// When, by the record's clock.
    pub at: Timestamp,
    /// Whom it is for.
    pub audience: Audience,
    /// What clients get.
    pub content: Content,
    /// What it does to open connections.
    pub control: Option<Control>,
    replayed: OnceLock<Arc<Message>>,
}

/// Why bytes from the bus are not an envelope.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not the JSON this version writes.
    #[error("not an envelope")]
    Malformed(#[from] serde_json::Error),
    /// Written by another version.
    #[error("envelope of version {0}")]
    Version(u8),
    /// A message name this version does not know, or a body without one.
    #[error("envelope without a known message name")]
    Name,
}

#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    v: u8,
    org: OrgId,
    seq: i64,
    kind: EventKind,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    site: Option<SiteId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<UnitId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<ServerEvent>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    control: Option<Control>,
}

impl Envelope {
    /// An envelope around `content`.
    #[must_use]
    pub const fn new(
        org: OrgId,
        seq: i64,
        kind: EventKind,
        at: Timestamp,
        audience: Audience,
        content: Content,
    ) -> Self {
        Self {
            org,
            seq,
            kind,
            at,
            audience,
            content,
            control: None,
            replayed: OnceLock::new(),
        }
    }

    /// The same envelope with an effect on open connections.
    #[must_use]
    pub fn with_control(mut self, control: Option<Control>) -> Self {
        self.control = control;
        self
    }

    /// Whether making it serialized a payload.
    #[must_use]
    pub const fn is_ordered(&self) -> bool {
        matches!(self.content, Content::Ordered(_))
    }

    /// Its ordered message marked `replayed`, made once and shared; nothing for other content.
    #[must_use]
    pub fn replayed(&self) -> Option<&Arc<Message>> {
        let Content::Ordered(message) = &self.content else {
            return None;
        };
        Some(self.replayed.get_or_init(|| {
            let body = replayed_body(message.body());
            Arc::new(Message::ordered(message.event(), self.seq, body, None))
        }))
    }

    /// The bytes for the bus.
    ///
    /// # Errors
    /// Only if a message body is not JSON, which rendering cannot make.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let readings;
        let (name, body) = match &self.content {
            Content::Silent => (None, None),
            Content::Ordered(message) => (
                Some(message.event()),
                Some(serde_json::from_slice::<&RawValue>(message.body())?),
            ),
            Content::Readings(body) => {
                readings = serde_json::value::to_raw_value(body.as_ref())?;
                (Some(ServerEvent::SensorReadingsBatch), Some(&*readings))
            }
        };
        serde_json::to_vec(&Wire {
            v: FORMAT,
            org: self.org,
            seq: self.seq,
            kind: self.kind,
            at: self.at,
            site: self.audience.site,
            unit: self.audience.unit,
            user: self.audience.user,
            name,
            body,
            control: self.control.clone(),
        })
    }

    /// Reads what [`encode`](Self::encode) wrote; the payload of an ordered event stays unread.
    ///
    /// # Errors
    /// [`DecodeError`]; the event is then read from the history instead.
    pub fn decode(bytes: &Bytes) -> Result<Self, DecodeError> {
        let wire: Wire<'_> = match serde_json::from_slice(bytes) {
            Ok(wire) => wire,
            Err(error) => return Err(version(bytes).map_or(error.into(), DecodeError::Version)),
        };
        if wire.v != FORMAT {
            return Err(DecodeError::Version(wire.v));
        }
        let content = match (wire.name, wire.body) {
            (None, None) => Content::Silent,
            (Some(ServerEvent::SensorReadingsBatch), Some(body)) => {
                Content::Readings(Arc::new(serde_json::from_str(body.get())?))
            }
            (Some(name), Some(body)) => Content::Ordered(Arc::new(Message::ordered(
                name,
                wire.seq,
                bytes.slice_ref(body.get().as_bytes()),
                Some(wire.at),
            ))),
            (None, Some(_)) | (Some(_), None) => return Err(DecodeError::Name),
        };
        let audience = Audience {
            site: wire.site,
            unit: wire.unit,
            user: wire.user,
        };
        let envelope = Self::new(wire.org, wire.seq, wire.kind, wire.at, audience, content);
        Ok(envelope.with_control(wire.control))
    }
}

/// The version of an envelope this version cannot read, if that is why.
fn version(bytes: &[u8]) -> Option<u8> {
    #[derive(Deserialize)]
    struct Version {
        v: u8,
    }
    let Version { v } = serde_json::from_slice(bytes).ok()?;
    (v != FORMAT).then_some(v)
}

impl PartialEq for Envelope {
    fn eq(&self, other: &Self) -> bool {
        self.org == other.org
            && self.seq == other.seq
            && self.kind == other.kind
            && self.at == other.at
            && self.audience == other.audience
            && self.content == other.content
            && self.control == other.control
    }
}

impl Message {
    /// Whether it is one of an organization's ordered events.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        matches!(self.class(), Class::Ordered(_))
    }
}
