//! What the hub waits for: replays, snapshots, holes in the sequence, revalidation.

use crate::counters::{ResumeOutcome, count};
use crate::envelope::Envelope;
use crate::hub::Shared;
use crate::hub::connect::resume_complete;
use crate::hub::connection::{CloseReason, ConnectionId};
use crate::ports::HistoryPage;
use crate::render::{Rendered, render_or_hint};
use crate::resume::{REPLAY_EVENTS_MAX, ResyncReason, resync_messages};
use freshtrack_core::error::StoreError;
use freshtrack_core::event::OutboxEvent;
use freshtrack_core::ids::OrgId;
use freshtrack_core::temperature::TemperatureUnit;
use std::sync::Arc;
use tokio::time::Instant;

/// Most events one question to the history asks for.
const PAGE: u16 = 1_000;

/// Something [`Hub::run`](crate::Hub::run) does when it can.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// Send a connection what it missed after `from`.
    Replay {
        org: OrgId,
        id: ConnectionId,
        attempt: u64,
        from: i64,
    },
    /// Send a connection the present state.
    Resync {
        org: OrgId,
        id: ConnectionId,
        attempt: u64,
        reason: ResyncReason,
    },
    /// Read what this node has not seen of an organization.
    Fill(OrgId),
    /// Ask again who may be connected.
    Revalidate(OrgId),
}

impl Work {
    /// Whether it counts against the replays that may run at once.
    pub(crate) const fn is_limited(self) -> bool {
        matches!(self, Self::Replay { .. } | Self::Resync { .. })
    }
}

/// Does one piece of work.
pub(crate) async fn perform(shared: Arc<Shared>, work: Work) -> Work {
    let cx = shared.as_ref();
    match work {
        Work::Replay {
            org,
            id,
            attempt,
            from,
        } => cx.replay(org, id, attempt, from).await,
        Work::Resync {
            org,
            id,
            attempt,
            reason,
        } => cx.resync(org, id, attempt, reason).await,
        Work::Fill(org) => cx.fill(org).await,
        Work::Revalidate(org) => cx.revalidate(org).await,
    }
    work
}

impl Shared {
    async fn replay(&self, org: OrgId, id: ConnectionId, attempt: u64, from: i64) {
        let Some((reading, unit)) = self
            .registry()
            .orgs
            .get(&org)
            .map(|state| (Arc::clone(&state.reading), state.temperature_unit))
        else {
            return;
        };
        // One reader per organization: those who wait find its events in memory.
        let _reader = reading.lock().await;
        let recalled = self
            .registry()
            .orgs
            .get(&org)
            .and_then(|state| state.recall(from));
        if let Some((missed, to)) = recalled {
            self.finish_replay(org, id, attempt, (from, to), &missed);
            return;
        }
        match self.read_after(org, from, unit).await {
            Ok(Some((missed, to))) => {
                if let Some(state) = self.registry().orgs.get_mut(&org) {
                    state.remember_older(from, to, &missed);
                }
                self.finish_replay(org, id, attempt, (from, to), &missed);
            }
            Ok(None) => self.resync(org, id, attempt, ResyncReason::TooOld).await,
            Err(error) => self.give_up(org, id, &error),
        }
    }

    /// Reads and renders everything after `from` up to the head; nothing if it is no longer kept.
    async fn read_after(
        &self,
        org: OrgId,
        from: i64,
        unit: TemperatureUnit,
    ) -> Result<Option<(Vec<Arc<Envelope>>, i64)>, StoreError> {
        let mut missed = Vec::new();
        let mut after = from;
        let mut to = None;
        loop {
            let HistoryPage { events, bounds } = self.ports.history.since(org, after, PAGE).await?;
            if bounds.oldest > after + 1 && bounds.head > after {
                return Ok(None);
            }
            let end = *to.get_or_insert(bounds.head);
            let Some(last) = events.last().map(|event| event.seq) else {
                return Ok(Some((missed, end.max(after))));
            };
            let wanted = events.iter().filter(|event| event.seq <= end);
            missed.extend(wanted.map(|event| Arc::new(self.render(event, unit))));
            if last >= end {
                return Ok(Some((missed, end)));
            }
            after = last;
        }
    }

    fn finish_replay(
        &self,
        org: OrgId,
        id: ConnectionId,
        attempt: u64,
        (from, to): (i64, i64),
        missed: &[Arc<Envelope>],
    ) {
        let mut registry = self.registry();
        if let Some(entry) = registry.entry(org, id).filter(|e| e.attempt == attempt) {
            let complete = resume_complete(from, to);
            let sent = entry.finish_replay(from, to, missed, complete, Instant::now());
            count(&self.counters.resume_events, sent);
            self.counters.resumed(ResumeOutcome::Replay);
        }
    }

    async fn resync(&self, org: OrgId, id: ConnectionId, attempt: u64, reason: ResyncReason) {
        let snapshot = match self.ports.state.snapshot(org).await {
            Ok(snapshot) => snapshot,
            Err(error) => return self.give_up(org, id, &error),
        };
        let seq = snapshot.seq;
        let messages = resync_messages(reason, snapshot);
        let now = Instant::now();
        let mut registry = self.registry();
        if let Some(entry) = registry.entry(org, id).filter(|e| e.attempt == attempt) {
            for message in messages {
                entry.mail.put_first(Arc::new(message), now);
            }
            entry.floor = seq;
            entry.mail.release(seq);
            self.counters.resync(reason);
        }
        registry.shed(self, now);
    }

    /// The store does not answer: the transport closes without a refusal and the client comes back.
    fn give_up(&self, org: OrgId, id: ConnectionId, error: &StoreError) {
        count(&self.counters.port_failures, 1);
        self.counters.resumed(ResumeOutcome::Failed);
        tracing::warn!(%error, "a connection could not be started");
        if let Some(entry) = self.registry().entry(org, id) {
            entry
                .mail
                .close(CloseReason::Unavailable, None, Instant::now());
        }
    }

    /// Reads what was committed and not seen here; too much of it ends in a resync of everybody.
    async fn fill(&self, org: OrgId) {
        let Some(next) = self.registry().orgs.get(&org).map(|state| state.next) else {
            return;
        };
        let read = match next {
            Some(next) => self.ports.history.since(org, next - 1, PAGE).await,
            None => self
                .ports
                .history
                .head(org)
                .await
                .map(|bounds| HistoryPage {
                    events: Vec::new(),
                    bounds,
                }),
        };
        let now = Instant::now();
        let HistoryPage { events, bounds } = match read {
            Ok(page) => page,
            Err(error) => {
                count(&self.counters.port_failures, 1);
                tracing::warn!(%error, "the history could not be read");
                // A hole stays a hole and is tried again after the usual wait.
                self.registry()
                    .gapped
                    .entry(org)
                    .and_modify(|since| *since = now);
                return;
            }
        };
        let mut registry = self.registry();
        registry.start_after(self, org, bounds.head, now);
        let Some((next, unit)) = registry
            .orgs
            .get(&org)
            .and_then(|state| Some((state.next?, state.temperature_unit)))
        else {
            return;
        };
        let missed = bounds.head - (next - 1);
        if missed > REPLAY_EVENTS_MAX || (missed > 0 && bounds.oldest > next) {
            drop_latest(self, org);
            registry.skip_to(self, org, bounds.head, now);
            return;
        }
        for event in events {
            let seen = registry
                .orgs
                .get(&org)
                .is_none_or(|state| state.has(event.seq));
            if !seen {
                let envelope = Arc::new(self.render(&event, unit));
                self.refresh_latest(&envelope);
                registry.offer(self, envelope, now);
            }
        }
        registry.drain_pending(self, org, now);
        registry.gapped.entry(org).and_modify(|since| *since = now);
    }

    fn render(&self, event: &OutboxEvent, unit: TemperatureUnit) -> Envelope {
        let Rendered { envelope, fault } = render_or_hint(event, unit);
        if let Some(fault) = fault {
            count(&self.counters.render_faults, 1);
            tracing::error!(%fault, "sent a hint instead of the event");
        }
        count(
            &self.counters.serializations,
            usize::from(envelope.is_ordered()),
        );
        envelope
    }
}

/// Readings among what was skipped are not seen here, so what is held may be old.
fn drop_latest(cx: &Shared, org: OrgId) {
    cx.latest().forget(org);
}
