//! What one connection has not read yet, bounded, and what happens when it does not read.
//!
//! Order of reading: what belongs before everything else (`connection:ack`, a replay, a snapshot), then
//! answers to this connection alone, then ordered events, then readings with the oldest unit first. So
//! an alert never waits behind readings, and a message with number *n* never leaves before the ordered
//! events up to *n*.

use crate::event::{Class, Message, ServerEvent};
use crate::hub::CloseReason;
use crate::payload::ReadingsSkipped;
use crate::resume::slow_consumer_message;
use crate::{SeqEffect, hub::Outgoing};
use freshtrack_core::ids::UnitId;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use tokio::time::Instant;

/// Most units `readings:skipped` names.
const SKIPPED_UNITS_MAX: usize = 1_000;

/// What one connection may leave unread before it is closed.
#[derive(Debug, Clone, Copy)]
pub struct MailboxLimits {
    /// Messages that must not be dropped.
    pub messages_max: usize,
    /// Their bytes.
    pub bytes_max: usize,
}

impl Default for MailboxLimits {
    fn default() -> Self {
        Self {
            messages_max: 1_024,
            bytes_max: 1024 * 1024,
        }
    }
}

/// What became of a message offered to a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It waits its turn.
    Kept,
    /// It took the place of an older one of its unit.
    Coalesced,
    /// It did not fit: the connection is told and closed.
    Overflowed,
    /// The connection is closed already.
    Closed,
}

#[derive(Debug)]
struct Waiting {
    message: Arc<Message>,
    since: Instant,
}

/// The queues of one connection. Pure: no clock, no waiting.
#[derive(Debug)]
pub(crate) struct Mailbox {
    limits: MailboxLimits,
    prelude: VecDeque<Waiting>,
    direct: VecDeque<Waiting>,
    ordered: VecDeque<Waiting>,
    readings: HashMap<UnitId, Waiting>,
    readings_order: VecDeque<UnitId>,
    skipped_units: BTreeSet<UnitId>,
    skipped: u64,
    held: bool,
    /// Bytes of everything that waits.
    bytes: usize,
    /// Messages and bytes under the limit: what is answered and ordered.
    limited: (usize, usize),
    closing: Option<(CloseReason, Instant)>,
    progress: Instant,
    resume_from: i64,
    handed_out: u64,
    coalesced: u64,
}

impl Mailbox {
    /// An empty mailbox, held until its connection knows where it starts.
    ///
    /// `resume_from` is what the client had: until the acknowledgement has been read, that stands.
    pub(crate) fn new(limits: MailboxLimits, resume_from: i64, now: Instant) -> Self {
        Self {
            limits,
            prelude: VecDeque::new(),
            direct: VecDeque::new(),
            ordered: VecDeque::new(),
            readings: HashMap::new(),
            readings_order: VecDeque::new(),
            skipped_units: BTreeSet::new(),
            skipped: 0,
            held: true,
            bytes: 0,
            limited: (0, 0),
            closing: None,
            progress: now,
            resume_from,
            handed_out: 0,
            coalesced: 0,
        }
    }

    /// Bytes of everything that waits.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Messages that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.prelude.len() + self.direct.len() + self.ordered.len() + self.readings.len()
    }

    /// Messages handed out and readings messages replaced, ever.
    pub(crate) const fn totals(&self) -> (u64, u64) {
        (self.handed_out, self.coalesced)
    }

    /// Whether anything could be read now.
    pub(crate) fn is_empty(&self) -> bool {
        self.prelude.is_empty()
            && self.direct.is_empty()
            && (self.held || (self.ordered.is_empty() && self.readings.is_empty()))
    }

    pub(crate) const fn closing(&self) -> Option<(CloseReason, Instant)> {
        self.closing
    }

    /// Enqueue time of the longest waiting message.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        let unit = self.readings_order.front();
        let readings = unit.and_then(|unit| self.readings.get(unit));
        [
            self.prelude.front(),
            self.direct.front(),
            self.ordered.front(),
            readings,
        ]
        .into_iter()
        .flatten()
        .map(|waiting| waiting.since)
        .min()
    }

    /// Since when the transport has taken nothing although something waits.
    pub(crate) fn stalled_since(&self) -> Option<Instant> {
        if self.is_empty() {
            return None;
        }
        self.oldest().map(|since| since.max(self.progress))
    }

    /// The transport's peer accepted something.
    pub(crate) fn progressed(&mut self, now: Instant) {
        self.progress = now;
    }

    /// Puts a message where its kind belongs.
    pub(crate) fn put(&mut self, message: Arc<Message>, now: Instant) -> Put {
        if self.closing.is_some() {
            return Put::Closed;
        }
        match message.class() {
            Class::Readings { unit, .. } => return self.put_readings(unit, message, now),
            Class::Ordered(_) | Class::Direct => {}
        }
        let size = message.size();
        if self.limited.0 + 1 > self.limits.messages_max
            || self.limited.1 + size > self.limits.bytes_max
        {
            self.close(CloseReason::Slow, Some(slow_consumer_message()), now);
            return Put::Overflowed;
        }
        self.limited.0 += 1;
        self.limited.1 += size;
        self.bytes += size;
        let waiting = Waiting {
            since: now,
            message,
        };
        match waiting.message.class() {
            Class::Direct => self.direct.push_back(waiting),
            Class::Ordered(_) | Class::Readings { .. } => self.ordered.push_back(waiting),
        }
        Put::Kept
    }

    /// Puts a message before everything else and outside the limit: bounded by what a replay or a
    /// snapshot may be.
    pub(crate) fn put_first(&mut self, message: Arc<Message>, now: Instant) {
        if self.closing.is_some() {
            return;
        }
        self.bytes += message.size();
        self.prelude.push_back(Waiting {
            message,
            since: now,
        });
    }

    fn put_readings(&mut self, unit: UnitId, message: Arc<Message>, now: Instant) -> Put {
        self.bytes += message.size();
        if let Some(older) = self.readings.get_mut(&unit) {
            self.coalesced += 1;
            let replaced = std::mem::replace(&mut older.message, message);
            self.bytes -= replaced.size();
            if let Class::Readings { count, .. } = replaced.class() {
                self.skipped += count as u64;
            }
            if self.skipped_units.len() < SKIPPED_UNITS_MAX {
                self.skipped_units.insert(unit);
            }
            return Put::Coalesced;
        }
        self.readings_order.push_back(unit);
        self.readings.insert(
            unit,
            Waiting {
                message,
                since: now,
            },
        );
        Put::Kept
    }

    /// Keeps live events back until [`release`](Self::release).
    pub(crate) fn hold(&mut self) {
        self.held = true;
    }

    /// Lets live events above `to` through; those up to it are covered by what was put first.
    pub(crate) fn release(&mut self, to: i64) {
        self.held = false;
        let (mut kept, mut freed) = (VecDeque::with_capacity(self.ordered.len()), (0, 0));
        for waiting in self.ordered.drain(..) {
            match waiting.message.class() {
                Class::Ordered(seq) if seq <= to => {
                    freed.0 += 1;
                    freed.1 += waiting.message.size();
                }
                Class::Ordered(_) | Class::Direct | Class::Readings { .. } => {
                    kept.push_back(waiting);
                }
            }
        }
        self.ordered = kept;
        self.limited.0 -= freed.0;
        self.limited.1 -= freed.1;
        self.bytes -= freed.1;
    }

    /// Ends the connection: what waits is given up, `farewell` is still offered. The first reason stays.
    pub(crate) fn close(&mut self, reason: CloseReason, farewell: Option<Message>, now: Instant) {
        if self.closing.is_some() {
            return;
        }
        self.abandon();
        if let Some(message) = farewell {
            self.put_first(Arc::new(message), now);
        }
        self.closing = Some((reason, now));
    }

    /// Gives up everything that waits.
    pub(crate) fn abandon(&mut self) {
        self.prelude.clear();
        self.direct.clear();
        self.ordered.clear();
        self.readings.clear();
        self.readings_order.clear();
        self.skipped = 0;
        self.skipped_units.clear();
        self.bytes = 0;
        self.limited = (0, 0);
    }

    /// Takes the next thing for the transport; nothing if it has to wait.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Outgoing> {
        if let Some(waiting) = self.prelude.pop_front() {
            return Some(self.hand_out(waiting.message, now));
        }
        if let Some((reason, _)) = self.closing {
            return Some(Outgoing::Close(reason));
        }
        if let Some(waiting) = self.direct.pop_front() {
            self.unlimit(&waiting.message);
            return Some(self.hand_out(waiting.message, now));
        }
        if self.held {
            return None;
        }
        if let Some(waiting) = self.ordered.pop_front() {
            self.unlimit(&waiting.message);
            return Some(self.hand_out(waiting.message, now));
        }
        if let Some(unit) = self.readings_order.pop_front()
            && let Some(waiting) = self.readings.remove(&unit)
        {
            return Some(self.hand_out(waiting.message, now));
        }
        self.take_skipped()
    }

    fn take_skipped(&mut self) -> Option<Outgoing> {
        if self.skipped == 0 {
            return None;
        }
        let payload = ReadingsSkipped {
            unit_ids: std::mem::take(&mut self.skipped_units)
                .into_iter()
                .collect(),
            count: std::mem::take(&mut self.skipped),
        };
        let message = Message::direct(ServerEvent::ReadingsSkipped, &payload, SeqEffect::Keep);
        Some(Outgoing::Message {
            message: Arc::new(message),
            resume_from: self.resume_from,
        })
    }

    fn unlimit(&mut self, message: &Message) {
        self.limited.0 -= 1;
        self.limited.1 -= message.size();
    }

    fn hand_out(&mut self, message: Arc<Message>, now: Instant) -> Outgoing {
        self.bytes -= message.size();
        self.progress = now;
        self.handed_out += 1;
        self.resume_from = message.effect().apply(self.resume_from);
        Outgoing::Message {
            message,
            resume_from: self.resume_from,
        }
    }
}
