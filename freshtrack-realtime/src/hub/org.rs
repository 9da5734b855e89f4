//! One organization on this node: its connections and how far its events have come.

use crate::envelope::Envelope;
use crate::event::Message;
use crate::hub::connect::Transport;
use crate::hub::connection::ConnectionId;
use crate::hub::mail::Mail;
use crate::topic::{Principal, Rooms};
use freshtrack_core::principal::Role;
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_core::time::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;

/// Ordered events kept in memory for replays.
const RING_MAX: usize = 1_000;
/// Events kept that came before their turn; the rest is read from the history.
const PENDING_MAX: usize = 1_000;

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) principal: Principal,
    pub(crate) role: Role,
    pub(crate) rooms: Rooms,
    pub(crate) transport: Transport,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) warned: bool,
    /// Ordered events up to here are covered by what the connection got at its start.
    pub(crate) floor: i64,
    /// Raised when a replay or snapshot under way no longer counts.
    pub(crate) attempt: u64,
    pub(crate) mail: Arc<Mail>,
}

#[derive(Debug)]
pub(crate) struct Org {
    pub(crate) temperature_unit: TemperatureUnit,
    /// The next event in order; unknown until the history was asked once.
    pub(crate) next: Option<i64>,
    pub(crate) pending: BTreeMap<i64, Arc<Envelope>>,
    /// The newest ordered events, complete from `ring_from` to `next`.
    ring: VecDeque<Arc<Envelope>>,
    ring_from: i64,
    pub(crate) connections: BTreeMap<ConnectionId, Entry>,
    pub(crate) empty_since: Option<Instant>,
    /// One reader of the history at a time, so that the others find what it read in the ring.
    pub(crate) reading: Arc<AsyncMutex<()>>,
}

impl Org {
    pub(crate) fn new(temperature_unit: TemperatureUnit) -> Self {
        Self {
            temperature_unit,
            next: None,
            pending: BTreeMap::new(),
            ring: VecDeque::new(),
            ring_from: 0,
            connections: BTreeMap::new(),
            empty_since: None,
            reading: Arc::new(AsyncMutex::new(())),
        }
    }

    /// Sets where live delivery begins: after `head`. Everything before counts as history.
    pub(crate) fn start_after(&mut self, head: i64) {
        self.next = Some(head + 1);
        self.ring.clear();
        self.ring_from = head + 1;
        self.pending = self.pending.split_off(&(head + 1));
    }

    /// Keeps an event that came before its turn.
    pub(crate) fn postpone(&mut self, envelope: Arc<Envelope>) {
        self.pending.insert(envelope.seq, envelope);
        if self.pending.len() > PENDING_MAX {
            self.pending.pop_last();
        }
    }

    /// The pending event whose turn it is.
    pub(crate) fn pop_ready(&mut self) -> Option<Arc<Envelope>> {
        self.next.and_then(|next| self.pending.remove(&next))
    }

    /// Remembers an event just taken in order, for replays.
    pub(crate) fn remember(&mut self, envelope: &Arc<Envelope>) {
        self.next = Some(envelope.seq + 1);
        if !envelope.is_ordered() {
            return;
        }
        self.ring.push_back(Arc::clone(envelope));
        if self.ring.len() > RING_MAX
            && let Some(oldest) = self.ring.pop_front()
        {
            self.ring_from = oldest.seq + 1;
        }
    }

    /// Remembers older events that a replay read: everything in `after + 1 ..= to`, ascending.
    pub(crate) fn remember_older(&mut self, after: i64, to: i64, read: &[Arc<Envelope>]) {
        if self.next.is_none() || to + 1 < self.ring_from || after + 1 >= self.ring_from {
            return;
        }
        let from = self.ring_from;
        let older = read.iter().filter(|e| e.seq < from && e.is_ordered());
        for envelope in older.rev() {
            if self.ring.len() >= RING_MAX {
                return;
            }
            self.ring_from = envelope.seq;
            self.ring.push_front(Arc::clone(envelope));
        }
        self.ring_from = after + 1;
    }

    /// The events after `from` that are in memory, if all of them are, and the last number they cover.
    pub(crate) fn recall(&self, from: i64) -> Option<(Vec<Arc<Envelope>>, i64)> {
        let to = self.next? - 1;
        if from + 1 < self.ring_from || from > to {
            return None;
        }
        let start = self.ring.partition_point(|e| e.seq <= from);
        Some((self.ring.iter().skip(start).cloned().collect(), to))
    }

    /// Oldest event a replay from memory could start with.
    pub(crate) const fn ring_from(&self) -> i64 {
        self.ring_from
    }

    /// Whether `envelope` has been taken already.
    pub(crate) fn has(&self, seq: i64) -> bool {
        self.next.is_some_and(|next| seq < next) || self.pending.contains_key(&seq)
    }
}

impl Entry {
    /// Puts what was missed and the end mark before everything else, then lets live events through.
    pub(crate) fn finish_replay(
        &mut self,
        from: i64,
        to: i64,
        missed: &[Arc<Envelope>],
        complete: Message,
        now: Instant,
    ) -> usize {
        let mut sent = 0;
        for envelope in missed {
            let wanted = envelope.seq > from
                && envelope.seq <= to
                && self.rooms.receive(self.principal, envelope.audience);
            if wanted && let Some(message) = envelope.replayed() {
                self.mail.put_first(Arc::clone(message), now);
                sent += 1;
            }
        }
        self.mail.put_first(Arc::new(complete), now);
        self.floor = to;
        self.mail.release(to);
        sent
    }
}
