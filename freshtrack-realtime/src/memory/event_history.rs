//! A history in memory, gapless like the outbox.

use crate::ports::{EventHistory, HistoryBounds, HistoryPage};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::event::OutboxEvent;
use freshtrack_core::ids::OrgId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
struct State {
    events: HashMap<OrgId, (i64, Vec<OutboxEvent>)>,
    unavailable: bool,
    reads: u64,
}

/// Committed events of a test or an embedded system.
#[derive(Debug, Clone, Default)]
pub struct MemoryHistory {
    state: Arc<Mutex<State>>,
}

impl MemoryHistory {
    /// An empty history.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Commits an event: gives it the next number of its organization and answers it.
    #[expect(clippy::must_use_candidate, reason = "committing is what it is for")]
    pub fn commit(&self, mut event: OutboxEvent) -> OutboxEvent {
        let mut state = self.state();
        let (head, kept) = state.events.entry(event.org).or_default();
        *head += 1;
        event.seq = *head;
        kept.push(event.clone());
        event
    }

    /// Forgets events below `oldest`.
    pub fn prune(&self, org: OrgId, oldest: i64) {
        if let Some((_, kept)) = self.state().events.get_mut(&org) {
            kept.retain(|event| event.seq >= oldest);
        }
    }

    /// Whether questions are answered.
    pub fn set_available(&self, available: bool) {
        self.state().unavailable = !available;
    }

    /// How many questions were asked.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.state().reads
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(
        &self,
        org: OrgId,
        act: impl FnOnce(HistoryBounds, &[OutboxEvent]) -> T,
    ) -> Result<T, StoreError> {
        let mut state = self.state();
        state.reads += 1;
        if state.unavailable {
            return Err(StoreError::unavailable("history taken down"));
        }
        let (head, kept) = state
            .events
            .get(&org)
            .map_or((0, &[][..]), |(head, kept)| (*head, kept.as_slice()));
        let oldest = kept.first().map_or(head + 1, |event| event.seq);
        Ok(act(HistoryBounds { oldest, head }, kept))
    }
}

#[async_trait]
impl EventHistory for MemoryHistory {
    async fn since(&self, org: OrgId, after: i64, limit: u16) -> Result<HistoryPage, StoreError> {
        self.read(org, |bounds, kept| {
            let start = kept.partition_point(|event| event.seq <= after);
            let events = kept[start..].iter().take(usize::from(limit)).cloned();
            HistoryPage {
                events: events.collect(),
                bounds,
            }
        })
    }

    async fn head(&self, org: OrgId) -> Result<HistoryBounds, StoreError> {
        self.read(org, |bounds, _| bounds)
    }
}
