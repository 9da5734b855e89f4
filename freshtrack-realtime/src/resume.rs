//! Where a returning client starts: nothing missed, a replay, or a fresh picture. Pure.

use crate::event::{Message, SeqEffect, ServerEvent};
use crate::payload::{Resync, SnapshotRows};
use crate::ports::Snapshot;
use bytes::Bytes;
use freshtrack_core::wire_enum;

/// Most events one replay sends; beyond it a snapshot is cheaper for both sides.
pub(crate) const REPLAY_EVENTS_MAX: i64 = 1_000;
const PART_ROWS_MAX: usize = 500;
const PART_BYTES_MAX: usize = 256 * 1024;
/// Room in a part for what surrounds its rows.
const PART_OVERHEAD: usize = 256;
/// 2^53: the largest integer every JSON reader keeps exactly.
const SEQ_MAX: i64 = 1 << 53;

wire_enum! {
    /// Why a client gets a fresh picture instead of what it missed.
    ResyncReason {
        /// What it missed is no longer kept, or it asked for a picture with 0.
        TooOld = "too_old",
        /// More than 1,000 events were missed.
        TooMany = "too_many",
        /// Its number is not one of this history.
        Reset = "reset",
        /// Its number may be another organization's.
        OtherOrganization = "other_organization",
        /// This node lost track of the organization.
        Gap = "gap",
        /// It reads too slowly; the transport closes next.
        SlowConsumer = "slow_consumer",
    }
}

/// The number a client says it has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LastSeq {
    /// It said none.
    #[default]
    Absent,
    /// It said something that is not an integer in 0…2^53: taken as absent, and it is told.
    Invalid,
    /// It has seen everything up to here.
    At(i64),
}

impl LastSeq {
    /// From a JSON value, as in `auth.lastSeq`.
    #[must_use]
    pub fn from_json(value: Option<&serde_json::Value>) -> Self {
        match value {
            None | Some(serde_json::Value::Null) => Self::Absent,
            Some(value) => value.as_i64().map_or(Self::Invalid, Self::checked),
        }
    }

    /// From text, as in `since=` or `Last-Event-ID`; empty text is none.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        if text.is_empty() {
            return Self::Absent;
        }
        text.parse().map_or(Self::Invalid, Self::checked)
    }

    fn checked(seq: i64) -> Self {
        if (0..=SEQ_MAX).contains(&seq) {
            Self::At(seq)
        } else {
            Self::Invalid
        }
    }
}

/// What a client sent about where it was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResumeRequest {
    /// The largest sequence it has seen.
    pub last_seq: LastSeq,
    /// The history it saw it in.
    pub epoch: Option<String>,
    /// It named no organization although it has several, so the number may belong to another.
    pub organization_unnamed: bool,
}

/// How a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the next event.
    Live,
    /// With what it missed after this number.
    Replay {
        /// What it has.
        from: i64,
    },
    /// With the present state.
    Resync(ResyncReason),
}

/// Decides how a connection begins, given the oldest event kept and the newest committed.
#[must_use]
pub fn decide(request: &ResumeRequest, epoch: &str, oldest: i64, head: i64) -> Start {
    let LastSeq::At(last) = request.last_seq else {
        return Start::Live;
    };
    if request.organization_unnamed {
        Start::Resync(ResyncReason::OtherOrganization)
    } else if request.epoch.as_deref().is_some_and(|e| e != epoch) || last > head {
        Start::Resync(ResyncReason::Reset)
    } else if last == 0 || last + 1 < oldest {
        Start::Resync(ResyncReason::TooOld)
    } else if head - last > REPLAY_EVENTS_MAX {
        Start::Resync(ResyncReason::TooMany)
    } else {
        Start::Replay { from: last }
    }
}

/// The same JSON object with `"replayed":true` as last member; the payload is not serialized again.
#[must_use]
pub fn replayed_body(body: &Bytes) -> Bytes {
    const MARK: &[u8] = b"\"replayed\":true}";
    let Some(open) = body.strip_suffix(b"}") else {
        return body.clone();
    };
    let mut marked = Vec::with_capacity(open.len() + MARK.len() + 1);
    marked.extend_from_slice(open);
    if open != b"{" {
        marked.push(b',');
    }
    marked.extend_from_slice(MARK);
    Bytes::from(marked)
}

/// The messages of a resync: parts of at most 500 rows and 256 KiB, the number only in the last.
pub(crate) fn resync_messages(reason: ResyncReason, snapshot: Snapshot) -> Vec<Message> {
    let mut parts = split(
        snapshot.units,
        |rows, unit| rows.units.push(unit),
        empty_part(),
    );
    let last = parts.pop().unwrap_or_else(empty_part);
    parts.extend(split(
        snapshot.alerts,
        |rows, alert| rows.alerts.push(alert),
        last,
    ));
    let count = parts.len();
    let number = |index: usize| index + 1;
    parts
        .into_iter()
        .enumerate()
        .map(|(index, part)| {
            let seq = (number(index) == count).then_some(snapshot.seq);
            let payload = Resync {
                reason,
                snapshot: Some(part.rows),
                part: number(index),
                parts: count,
                seq,
            };
            let effect = seq.map_or(SeqEffect::Keep, SeqEffect::Set);
            Message::direct(ServerEvent::Resync, &payload, effect)
        })
        .collect()
}

/// The hint before a slow reader's transport is closed.
pub(crate) fn slow_consumer_message() -> Message {
    let payload = Resync {
        reason: ResyncReason::SlowConsumer,
        snapshot: None,
        part: 1,
        parts: 1,
        seq: None,
    };
    Message::direct(ServerEvent::Resync, &payload, SeqEffect::Keep)
}

struct Part {
    rows: SnapshotRows,
    count: usize,
    bytes: usize,
}

fn empty_part() -> Part {
    Part {
        rows: SnapshotRows {
            units: Vec::new(),
            alerts: Vec::new(),
        },
        count: 0,
        bytes: PART_OVERHEAD,
    }
}

fn split<T: serde::Serialize>(
    items: Vec<T>,
    put: impl Fn(&mut SnapshotRows, T),
    first: Part,
) -> Vec<Part> {
    let mut parts = vec![first];
    for item in items {
        let size = crate::event::encode(&item).len() + 1;
        let full = parts
            .last()
            .is_none_or(|p| p.count >= PART_ROWS_MAX || p.bytes + size > PART_BYTES_MAX);
        if full {
            parts.push(empty_part());
        }
        if let Some(part) = parts.last_mut() {
            put(&mut part.rows, item);
            part.count += 1;
            part.bytes += size;
        }
    }
    parts
}
