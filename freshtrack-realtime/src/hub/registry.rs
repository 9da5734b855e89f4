//! Everything the hub's lock protects. No waiting in here.

use crate::coalesce::{Batch, Coalescer};
use crate::config::HubConfig;
use crate::counters::{HubStats, count};
use crate::envelope::{Content, Envelope, ReadingsBody};
use crate::event::Message;
use crate::hub::Shared;
use crate::hub::connection::{CloseReason, ConnectionId};
use crate::hub::org::{Entry, Org};
use crate::hub::work::Work;
use crate::mailbox::Put;
use crate::render::render_batch;
use crate::resume::{ResyncReason, slow_consumer_message};
use crate::topic::Audience;
use freshtrack_core::ids::OrgId;
use freshtrack_core::temperature::TemperatureUnit;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::time::Instant;

pub(crate) struct Registry {
    pub(crate) orgs: HashMap<OrgId, Org>,
    pub(crate) coalescer: Coalescer,
    /// Organizations with a hole, since when.
    pub(crate) gapped: BTreeMap<OrgId, Instant>,
    /// Work for [`Hub::run`](crate::Hub::run), in order.
    pub(crate) work: VecDeque<Work>,
    /// Organizations to follow on the bus.
    pub(crate) subscribe: Vec<OrgId>,
    pub(crate) connections: usize,
    pub(crate) draining: bool,
    last_id: u64,
}

impl Registry {
    pub(crate) fn new(config: &HubConfig) -> Self {
        Self {
            orgs: HashMap::new(),
            coalescer: Coalescer::new(config.batch_window, config.buffered_readings_max),
            gapped: BTreeMap::new(),
            work: VecDeque::new(),
            subscribe: Vec::new(),
            connections: 0,
            draining: false,
            last_id: 0,
        }
    }

    pub(crate) fn follows(&self, org: OrgId) -> bool {
        self.orgs.contains_key(&org)
    }

    pub(crate) fn set_temperature_unit(&mut self, org: OrgId, unit: TemperatureUnit) {
        if let Some(org) = self.orgs.get_mut(&org) {
            org.temperature_unit = unit;
        }
    }

    pub(crate) fn fill_stats(&self, stats: &mut HubStats) {
        for entry in self.orgs.values().flat_map(|org| org.connections.values()) {
            stats.connections[entry.transport.index()] += 1;
            stats.mailbox_messages += entry.mail.waiting();
        }
        stats.organizations = self.orgs.len();
        stats.buffered_readings = self.coalescer.buffered();
    }

    /// Adds a connection; its organization is followed from now on.
    pub(crate) fn enter(
        &mut self,
        org: OrgId,
        unit: TemperatureUnit,
        entry: Entry,
    ) -> ConnectionId {
        self.last_id += 1;
        let id = ConnectionId(self.last_id);
        let subscribe = &mut self.subscribe;
        let state = self.orgs.entry(org).or_insert_with(|| {
            subscribe.push(org);
            Org::new(unit)
        });
        state.temperature_unit = unit;
        state.empty_since = None;
        state.connections.insert(id, entry);
        self.connections += 1;
        id
    }

    /// Removes a connection from every room it was in.
    pub(crate) fn leave(&mut self, org: OrgId, id: ConnectionId, now: Instant) {
        let Some(state) = self.orgs.get_mut(&org) else {
            return;
        };
        if state.connections.remove(&id).is_some() {
            self.connections -= 1;
        }
        if state.connections.is_empty() {
            state.empty_since.get_or_insert(now);
            self.coalescer.forget(org);
        }
    }

    pub(crate) fn entry(&mut self, org: OrgId, id: ConnectionId) -> Option<&mut Entry> {
        self.orgs.get_mut(&org)?.connections.get_mut(&id)
    }

    /// Takes an event in its turn, keeps it until its turn comes, or drops it as a repeat.
    pub(crate) fn offer(&mut self, cx: &Shared, envelope: Arc<Envelope>, now: Instant) {
        let org = envelope.org;
        let Some(state) = self.orgs.get_mut(&org) else {
            return;
        };
        match state.next {
            Some(next) if envelope.seq < next => count(&cx.counters.repeats, 1),
            Some(next) if envelope.seq == next => {
                state.pending.remove(&next);
                self.take(cx, &envelope, now);
                self.drain_pending(cx, org, now);
            }
            Some(_) => {
                state.postpone(envelope);
                if let std::collections::btree_map::Entry::Vacant(hole) = self.gapped.entry(org) {
                    count(&cx.counters.gaps, 1);
                    hole.insert(now);
                }
            }
            None => state.postpone(envelope),
        }
    }

    /// Takes whatever is next among the events that came early.
    pub(crate) fn drain_pending(&mut self, cx: &Shared, org: OrgId, now: Instant) {
        while let Some(ready) = self.orgs.get_mut(&org).and_then(Org::pop_ready) {
            self.take(cx, &ready, now);
        }
        if self
            .orgs
            .get(&org)
            .is_none_or(|state| state.pending.is_empty())
        {
            self.gapped.remove(&org);
        }
    }

    /// Begins live delivery of an organization after `head`, unless it has begun.
    pub(crate) fn start_after(&mut self, cx: &Shared, org: OrgId, head: i64, now: Instant) {
        if let Some(state) = self.orgs.get_mut(&org)
            && state.next.is_none()
        {
            state.start_after(head);
            self.drain_pending(cx, org, now);
            if self
                .orgs
                .get(&org)
                .is_some_and(|state| !state.pending.is_empty())
            {
                self.gapped.entry(org).or_insert(now);
            }
        }
    }

    /// Gives up on what was missed: every connection gets the present state instead.
    pub(crate) fn skip_to(&mut self, cx: &Shared, org: OrgId, head: i64, now: Instant) {
        let Some(state) = self.orgs.get_mut(&org) else {
            return;
        };
        state.start_after(head);
        for (id, entry) in &mut state.connections {
            entry.mail.hold();
            entry.attempt += 1;
            self.work.push_back(Work::Resync {
                org,
                id: *id,
                attempt: entry.attempt,
                reason: ResyncReason::Gap,
            });
        }
        self.drain_pending(cx, org, now);
    }

    fn take(&mut self, cx: &Shared, envelope: &Arc<Envelope>, now: Instant) {
        cx.counters.took(envelope.kind);
        let Some(state) = self.orgs.get_mut(&envelope.org) else {
            return;
        };
        state.remember(envelope);
        match &envelope.content {
            Content::Silent => {}
            Content::Ordered(message) => {
                for entry in state.connections.values() {
                    if envelope.seq > entry.floor
                        && entry.rooms.receive(entry.principal, envelope.audience)
                    {
                        deliver(cx, entry, message, now);
                    }
                }
                self.shed(cx, now);
            }
            Content::Readings(body) => self.gather(cx, envelope, body, now),
        }
        if let Some(control) = &envelope.control {
            let acted = self.obey(cx, envelope.org, control, now);
            if acted > 0 {
                let waited = cx.ports.clock.now() - envelope.at;
                cx.counters.revocation.record(waited.to_duration());
            }
        }
    }

    fn gather(&mut self, cx: &Shared, envelope: &Envelope, body: &ReadingsBody, now: Instant) {
        let listened = self
            .orgs
            .get(&envelope.org)
            .is_some_and(|state| !state.connections.is_empty());
        let Some(unit) = envelope.audience.unit.filter(|_| listened) else {
            return;
        };
        let commit = Batch {
            org: envelope.org,
            unit,
            site: envelope.audience.site,
            temperature_unit: body.temperature_unit,
            seq_from: envelope.seq,
            seq_to: envelope.seq,
            readings: body.readings.clone(),
            truncated: 0,
        };
        let closed = self.coalescer.add(now, commit);
        self.deliver_batches(cx, closed, now);
    }

    /// Sends closed windows to whoever listens to their unit.
    pub(crate) fn deliver_batches(&mut self, cx: &Shared, batches: Vec<Batch>, now: Instant) {
        for batch in batches {
            let Some(state) = self.orgs.get(&batch.org) else {
                continue;
            };
            let audience = Audience {
                site: batch.site,
                unit: Some(batch.unit),
                user: None,
            };
            let mut listeners = state
                .connections
                .values()
                .filter(|entry| entry.rooms.receive(entry.principal, audience))
                .peekable();
            if listeners.peek().is_none() {
                continue;
            }
            let message = Arc::new(render_batch(&batch));
            count(&cx.counters.serializations, 1);
            count(&cx.counters.batches, 1);
            let readings = batch.readings.len();
            cx.counters
                .batch_readings
                .record_count(u32::try_from(readings).unwrap_or(u32::MAX));
            for entry in listeners {
                deliver(cx, entry, &message, now);
            }
        }
        self.shed(cx, now);
    }

    /// Closes the connections with the oldest unread message until the node holds no more than it may.
    pub(crate) fn shed(&mut self, cx: &Shared, now: Instant) {
        if cx.unsent.load(Ordering::Relaxed) <= cx.config.node_bytes_max {
            return;
        }
        let mut waiting: Vec<_> = self
            .orgs
            .values()
            .flat_map(|org| org.connections.values())
            .filter(|entry| entry.mail.closing().is_none())
            .filter_map(|entry| {
                entry
                    .mail
                    .oldest()
                    .map(|since| (since, Arc::clone(&entry.mail)))
            })
            .collect();
        waiting.sort_by_key(|(since, _)| *since);
        for (_, mail) in waiting {
            if cx.unsent.load(Ordering::Relaxed) <= cx.config.node_bytes_max {
                break;
            }
            mail.close(CloseReason::Slow, Some(slow_consumer_message()), now);
            count(&cx.counters.slow_disconnects, 1);
        }
    }
}

/// Puts a message of the organization into one mailbox.
fn deliver(cx: &Shared, entry: &Entry, message: &Arc<Message>, now: Instant) {
    match entry.mail.put(Arc::clone(message), now) {
        Put::Kept => count(&cx.counters.messages, 1),
        Put::Coalesced => {
            count(&cx.counters.messages, 1);
            count(&cx.counters.coalesced, 1);
        }
        Put::Overflowed => count(&cx.counters.slow_disconnects, 1),
        Put::Closed => {}
    }
}
