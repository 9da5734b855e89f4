//! The future that does everything the hub has to wait for.

use crate::counters::count;
use crate::hub::connection::CloseReason;
use crate::hub::registry::Registry;
use crate::hub::work::{Work, perform};
use crate::hub::{Hub, Shared};
use crate::ports::{BusItem, BusState, BusStream};
use crate::resume::slow_consumer_message;
use freshtrack_core::ids::OrgId;
use futures_util::FutureExt as _;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{AbortHandle, Abortable, FuturesUnordered, SelectAll};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often everything without a time of its own is looked at.
const TICK: Duration = Duration::from_millis(250);

impl Hub {
    /// Runs the hub until `stop` is cancelled: closes windows, reads the history, follows the bus, ends
    /// expired and slow connections. The caller owns the task; one per hub.
    pub async fn run(&self, stop: CancellationToken) {
        let mut driver = Driver::new(Arc::clone(&self.shared));
        loop {
            driver.start_work();
            let wake_at = driver.wake_at();
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.shared.wake.notified() => {}
                Some(done) = driver.running.next() => driver.finished(done),
                Some((org, stream)) = driver.subscribing.next() => driver.subscribed(org, stream),
                Some(item) = driver.streams.next() => driver.on_bus(item),
                () = tokio::time::sleep_until(wake_at) => {}
            }
            driver.on_time();
        }
    }
}

struct Driver {
    shared: Arc<Shared>,
    running: FuturesUnordered<BoxFuture<'static, Work>>,
    limited: usize,
    filling: HashSet<OrgId>,
    queue: VecDeque<Work>,
    subscribing: FuturesUnordered<BoxFuture<'static, (OrgId, BusStream)>>,
    streams: SelectAll<Abortable<BusStream>>,
    followed: HashMap<OrgId, AbortHandle>,
    next_tick: Instant,
    next_poll: Instant,
    next_safety: Instant,
    next_revalidation: Instant,
    reconnects: u64,
}

impl Driver {
    fn new(shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        let reconnects = shared.ports.bus.status().reconnects;
        Self {
            next_tick: now + TICK,
            next_poll: now + shared.config.outage_poll,
            next_safety: now + shared.config.safety_poll,
            next_revalidation: now + shared.config.revalidate_every,
            shared,
            running: FuturesUnordered::new(),
            limited: 0,
            filling: HashSet::new(),
            queue: VecDeque::new(),
            subscribing: FuturesUnordered::new(),
            streams: SelectAll::new(),
            followed: HashMap::new(),
            reconnects,
        }
    }

    /// Starts what was asked for, in order, within the bound of replays.
    fn start_work(&mut self) {
        let subscribe = {
            let mut registry = self.shared.registry();
            self.queue.extend(registry.work.drain(..));
            std::mem::take(&mut registry.subscribe)
        };
        for org in subscribe {
            let bus = Arc::clone(&self.shared.ports.bus);
            self.subscribing
                .push(async move { (org, bus.subscribe(&[org]).await) }.boxed());
        }
        for _ in 0..self.queue.len() {
            let Some(work) = self.queue.pop_front() else {
                break;
            };
            let start = match work {
                Work::Replay { .. } | Work::Resync { .. } => {
                    let free = self.limited < self.shared.config.replays_max;
                    self.limited += usize::from(free);
                    free
                }
                // A second fill while one runs would read the same; the hole asks again if it stays.
                Work::Fill(org) => {
                    if !self.filling.insert(org) {
                        continue;
                    }
                    true
                }
                Work::Revalidate(_) => true,
            };
            if start {
                self.running
                    .push(perform(Arc::clone(&self.shared), work).boxed());
            } else {
                self.queue.push_back(work);
            }
        }
    }

    fn finished(&mut self, work: Work) {
        if work.is_limited() {
            self.limited -= 1;
        }
        if let Work::Fill(org) = work {
            self.filling.remove(&org);
        }
    }

    fn subscribed(&mut self, org: OrgId, stream: BusStream) {
        if !self.shared.registry().follows(org) {
            return;
        }
        let (handle, registration) = AbortHandle::new_pair();
        self.streams.push(Abortable::new(stream, registration));
        if let Some(older) = self.followed.insert(org, handle) {
            older.abort();
        }
        // What was committed between the first look at the head and now did not come by the bus.
        self.queue.push_back(Work::Fill(org));
    }

    fn on_bus(&mut self, item: BusItem) {
        match item {
            BusItem::Envelope(envelope) => {
                self.shared.receive(&envelope);
            }
            BusItem::Interrupted(org) => self.queue.push_back(Work::Fill(org)),
        }
    }

    fn wake_at(&self) -> Instant {
        let registry = self.shared.registry();
        let gap = registry.gapped.values().min();
        let gap = gap.map(|since| *since + self.shared.config.gap_wait);
        [registry.coalescer.next_due(), gap]
            .into_iter()
            .flatten()
            .fold(self.next_tick.min(self.next_poll), Instant::min)
    }

    fn on_time(&mut self) {
        let now = Instant::now();
        let shared = Arc::clone(&self.shared);
        let mut registry = shared.registry();
        let due = registry.coalescer.due(now);
        registry.deliver_batches(&shared, due, now);
        for (org, since) in &mut registry.gapped {
            if now >= *since + shared.config.gap_wait && !self.filling.contains(org) {
                *since = now;
                self.queue.push_back(Work::Fill(*org));
            }
        }
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            registry.expire_tokens(&shared, now);
            registry.end_stalled(&shared, now);
            self.forget_left(&mut registry, now);
        }
        if now >= self.next_poll {
            self.next_poll = now + shared.config.outage_poll;
            self.poll(&registry, now);
        }
        if now >= self.next_revalidation {
            self.next_revalidation = now + shared.config.revalidate_every;
            let orgs = registry
                .orgs
                .iter()
                .filter(|(_, o)| !o.connections.is_empty());
            self.queue
                .extend(orgs.map(|(org, _)| Work::Revalidate(*org)));
        }
    }

    /// Reads the history while the bus is down, once after it came back, and now and then anyway.
    fn poll(&mut self, registry: &Registry, now: Instant) {
        let status = self.shared.ports.bus.status();
        let down = matches!(status.state, BusState::Down { .. });
        let back = status.reconnects != self.reconnects;
        self.reconnects = status.reconnects;
        if !down && !back && now < self.next_safety {
            return;
        }
        self.next_safety = now + self.shared.config.safety_poll;
        let orgs = registry
            .orgs
            .iter()
            .filter(|(_, o)| !o.connections.is_empty());
        let before = self.queue.len();
        self.queue.extend(orgs.map(|(org, _)| Work::Fill(*org)));
        if down || back {
            let polls = self.queue.len() - before;
            count(&self.shared.counters.history_polls, polls);
        }
    }

    /// Stops following organizations whose last connection left a while ago.
    fn forget_left(&mut self, registry: &mut Registry, now: Instant) {
        let linger = self.shared.config.org_linger;
        let left: Vec<OrgId> = registry
            .orgs
            .iter()
            .filter(|(_, state)| state.empty_since.is_some_and(|since| now >= since + linger))
            .map(|(org, _)| *org)
            .collect();
        for org in left {
            registry.orgs.remove(&org);
            registry.gapped.remove(&org);
            self.shared.latest().forget(org);
            if let Some(handle) = self.followed.remove(&org) {
                handle.abort();
            }
        }
    }
}

impl Registry {
    /// Closes connections that take nothing, and shuts transports that do not notice they are closed.
    fn end_stalled(&mut self, cx: &Shared, now: Instant) {
        for entry in self.orgs.values().flat_map(|org| org.connections.values()) {
            match entry.mail.closing() {
                Some((_, since)) if now >= since + cx.config.close_grace => {
                    entry.mail.abort.cancel();
                }
                Some(_) => {}
                None => {
                    let stalled = entry.mail.stalled_since();
                    if stalled.is_some_and(|since| now >= since + cx.config.stalled_after) {
                        let hint = Some(slow_consumer_message());
                        entry.mail.close(CloseReason::Slow, hint, now);
                        entry.mail.abort.cancel();
                        count(&cx.counters.slow_disconnects, 1);
                    }
                }
            }
        }
    }
}
