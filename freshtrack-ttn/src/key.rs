//! The identity of an event: the same event from any source, any number of times, has one key.
//!
//! The key is the only thing that stands between a retried message and a second reading, so its parts and
//! their order never change; the leading `ftk1` is there to be counted up if they must.

use crate::event::{EventBody, LnsEvent};
use crate::ids::ConnectionId;
use crate::lenient::NanoInstant;
use freshtrack_core::time::Span;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt;

/// SHA-256 over what identifies an event within one connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey([u8; 32]);

/// A second guard against duplicates whose network times differ between adapters.
///
/// Two uplinks with the same digest and times at most [`RepeatGuard::WINDOW`] apart are one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RepeatGuard {
    /// The event's key without its time.
    pub digest: EventKey,
    /// The network's time of the message; never the time of arrival.
    pub time: NanoInstant,
}

impl RepeatGuard {
    /// How far apart the network times of one uplink may be.
    pub const WINDOW: Span = Span::from_minutes(10);

    /// Whether both name the same uplink.
    #[must_use]
    pub fn same_uplink(&self, other: &Self) -> bool {
        let apart = self.time.as_nanos().abs_diff(other.time.as_nanos());
        self.digest == other.digest && apart <= Self::WINDOW.as_micros().unsigned_abs() * 1_000
    }
}

impl EventKey {
    /// A key read back from a store.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key of `event`, which arrived as `message` on `connection`.
    #[must_use]
    pub fn of(connection: &ConnectionId, event: &LnsEvent, message: &Value) -> Self {
        if let Some(id) = &event.deduplication_id {
            return hash(&[
                connection.as_str().as_bytes(),
                event.body.kind().as_str().as_bytes(),
                id.as_bytes(),
            ]);
        }
        match &event.body {
            EventBody::Uplink(frame) => {
                let time = frame
                    .network_time
                    .map(|t| t.as_nanos().to_string())
                    .unwrap_or_default();
                hash_parts(connection, event, &uplink_parts(frame), &time)
            }
            EventBody::Downlink(report) => {
                let parts = FrameParts {
                    session: &report.session,
                    counter: report.counter.to_string(),
                    port: report.port.unwrap_or(0).to_string(),
                    payload: &Sha256::digest(sorted_json(message)),
                };
                hash_parts(connection, event, &parts, &outer_time(event))
            }
            EventBody::NormalizedCopy(_)
            | EventBody::Join(_)
            | EventBody::QueueInvalidated(_)
            | EventBody::Location(_)
            | EventBody::Service(_)
            | EventBody::DeviceStatus(_)
            | EventBody::Log(_)
            | EventBody::Transmitted(_)
            | EventBody::Other => {
                let parts = FrameParts {
                    session: &[],
                    counter: String::new(),
                    port: String::new(),
                    payload: &Sha256::digest(sorted_json(message)),
                };
                hash_parts(connection, event, &parts, &outer_time(event))
            }
        }
    }
}

/// The second guard of an uplink, if it has a network time and anything that counts frames.
///
/// A network's own id needs no second guard. Without session and counter two equal payloads are two frames of a quiet room, not one sent twice.
#[must_use]
pub fn repeat_guard(connection: &ConnectionId, event: &LnsEvent) -> Option<RepeatGuard> {
    let EventBody::Uplink(frame) = &event.body else {
        return None;
    };
    if event.deduplication_id.is_some() {
        return None;
    }
    if frame.session.is_empty() && !frame.counter_given {
        return None;
    }
    let time = frame.network_time.or(event.received_at)?;
    let digest = hash_parts(connection, event, &uplink_parts(frame), "guard");
    Some(RepeatGuard { digest, time })
}

struct FrameParts<'a> {
    session: &'a [u8],
    counter: String,
    port: String,
    payload: &'a [u8],
}

fn uplink_parts(frame: &crate::uplink::UplinkFrame) -> FrameParts<'_> {
    FrameParts {
        session: &frame.session,
        counter: frame.counter.to_string(),
        port: frame.port.unwrap_or(0).to_string(),
        payload: frame.payload.identity(),
    }
}

fn outer_time(event: &LnsEvent) -> String {
    event
        .received_at
        .map(|t| t.as_nanos().to_string())
        .unwrap_or_default()
}

fn hash_parts(
    connection: &ConnectionId,
    event: &LnsEvent,
    parts: &FrameParts<'_>,
    time: &str,
) -> EventKey {
    hash(&[
        connection.as_str().as_bytes(),
        event.device.key_text().as_bytes(),
        event.body.kind().as_str().as_bytes(),
        parts.session,
        parts.counter.as_bytes(),
        parts.port.as_bytes(),
        parts.payload,
        time.as_bytes(),
    ])
}

fn hash(fields: &[&[u8]]) -> EventKey {
    let mut sha = Sha256::new();
    sha.update(b"ftk1");
    for field in fields {
        // a body is bounded far below 4 GiB; a longer field could not have been received
        sha.update(u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
        sha.update(field);
    }
    EventKey(sha.finalize().into())
}

/// JSON with the keys of every object in order, so that two encoders agree on one body.
fn sorted_json(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            let inner: Vec<String> = sorted
                .into_iter()
                .map(|(key, member)| {
                    format!("{}:{}", Value::String(key.clone()), sorted_json(member))
                })
                .collect();
            format!("{{{}}}", inner.join(","))
        }
        Value::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(sorted_json).collect::<Vec<_>>().join(",")
            )
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
