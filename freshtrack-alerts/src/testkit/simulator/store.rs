//! The store as the services see it: behind a network that fails, and over a ledger that does not.

use super::clock::SimClock;
use super::concurrent::pause;
use super::ledger::Ledger;
use super::sabotage::{Memory, Sabotage};
use super::sensors::{below, chance};
use crate::alert::{Alert, AlertEvent};
use crate::change::{Change, Loaded, Resolved, Stored, Target};
use crate::food_safety::fleet::Rng;
use crate::memory::MemoryStore;
use crate::ports::{AlertCursor, AlertFilter, AlertStore, MonitorStore};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{AlertId, OrgId, UnitId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::ports::Clock;
use freshtrack_core::reading::ReadingKey;
use freshtrack_core::time::{Span, Timestamp};
use std::sync::{Mutex, MutexGuard};

/// A memory store with faults in front of it.
#[derive(Debug)]
pub(super) struct SimStore {
    pub(super) inner: MemoryStore,
    clock: SimClock,
    sabotage: Option<Sabotage>,
    orgs: Mutex<Vec<OrgId>>,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    rng: Rng,
    /// Whether calls may fail now.
    pub(super) faults: bool,
    pub(super) ledger: Ledger,
    memory: Memory,
}

enum Fault {
    None,
    Before,
    Conflict,
    LostAnswer,
}

impl SimStore {
    pub(super) fn new(seed: u64, clock: SimClock, sabotage: Option<Sabotage>) -> Self {
        Self {
            inner: MemoryStore::new(),
            clock,
            sabotage,
            orgs: Mutex::default(),
            state: Mutex::new(State {
                rng: Rng::seeded(seed ^ 0x5704_e000),
                faults: true,
                ledger: Ledger::new(seed),
                memory: Memory::default(),
            }),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics holding the state")
    }

    pub(super) fn knows(&self, org: OrgId) {
        self.orgs().push(org);
    }

    fn orgs(&self) -> MutexGuard<'_, Vec<OrgId>> {
        self.orgs.lock().expect("nobody panics holding the list")
    }

    /// The process died, and what it kept in memory with it.
    pub(super) fn crashed(&self) {
        self.state().memory.forget();
    }

    fn is(&self, bug: Sabotage) -> bool {
        self.sabotage == Some(bug)
    }

    async fn let_others(&self) {
        let pauses = {
            let state = &mut *self.state();
            if chance(&mut state.rng, 50) {
                below(&mut state.rng, 4)
            } else {
                0
            }
        };
        for _ in 0..pauses {
            pause().await;
        }
    }

    fn draw(&self) -> Fault {
        let state = &mut *self.state();
        let fault = match (state.faults, below(&mut state.rng, 40)) {
            (true, 0..2) => Fault::Before,
            (true, 2..4) => Fault::Conflict,
            (true, 4..6) => Fault::LostAnswer,
            _ => Fault::None,
        };
        state.ledger.tally.faults += u64::from(!matches!(fault, Fault::None));
        fault
    }

    fn fails_to_answer(&self) -> Result<(), StoreError> {
        let state = &mut *self.state();
        if state.faults && chance(&mut state.rng, 2) {
            return Err(away());
        }
        Ok(())
    }

    async fn write(&self, changes: &mut [Change]) -> Result<Answers, StoreError> {
        let mut answers = Vec::with_capacity(changes.len());
        for change in changes {
            if self.is(Sabotage::LastWriterWins) {
                self.take_present_versions(change).await?;
            }
            let units: Vec<UnitId> = change.units.iter().map(|unit| unit.unit).collect();
            let before = self.inner.load(change.org, &units).await?;
            let applied = self.inner.commit(std::slice::from_ref(change)).await?;
            let mut applied = applied.into_iter().next().unwrap_or(Ok(()));
            match (&applied, before) {
                (Ok(()), Some(before)) => self.state().ledger.note(change, before),
                (Err(StoreError::Conflict), _) => {
                    self.state().ledger.tally.conflicts += 1;
                    if self.is(Sabotage::TimerDropsReading) && !change.readings.is_empty() {
                        applied = Ok(());
                    }
                    if self.is(Sabotage::NewIdPerRetry) {
                        self.again_as_new(change).await?;
                        applied = Ok(());
                    }
                }
                _ => {}
            }
            answers.push(applied);
        }
        Ok(answers)
    }

    async fn take_present_versions(&self, change: &mut Change) -> Result<(), StoreError> {
        for unit in &mut change.units {
            let loaded = self.inner.load(change.org, &[unit.unit]).await?;
            if let Some(present) = loaded.as_ref().and_then(|loaded| loaded.units.first()) {
                unit.expected_version = present.monitor_version;
            }
        }
        Ok(())
    }

    async fn again_as_new(&self, change: &mut Change) -> Result<(), StoreError> {
        self.take_present_versions(change).await?;
        for reading in &mut change.readings {
            reading.recorded_at = reading.recorded_at + Span::from_micros(1);
        }
        change.alerts.clear();
        change.alert_events.clear();
        self.inner.commit(std::slice::from_ref(change)).await?;
        Ok(())
    }
}

type Answers = Vec<Result<(), StoreError>>;

fn away() -> StoreError {
    StoreError::unavailable("the simulated store is away")
}

#[async_trait]
impl MonitorStore for SimStore {
    async fn resolve(
        &self,
        org: OrgId,
        targets: &[Target],
    ) -> Result<Vec<Option<Resolved>>, StoreError> {
        self.let_others().await;
        self.fails_to_answer()?;
        self.inner.resolve(org, targets).await
    }

    async fn load(&self, org: OrgId, units: &[UnitId]) -> Result<Option<Loaded>, StoreError> {
        self.let_others().await;
        self.fails_to_answer()?;
        let mut loaded = self.inner.load(org, units).await?;
        if let (Some(bug), Some(loaded)) = (self.sabotage, &mut loaded) {
            let now = self.clock.now();
            self.state().memory.after_load(bug, loaded, now);
        }
        self.let_others().await;
        Ok(loaded)
    }

    async fn stored(
        &self,
        org: OrgId,
        keys: &[ReadingKey],
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        self.let_others().await;
        self.fails_to_answer()?;
        self.inner.stored(org, keys).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<Answers, StoreError> {
        self.let_others().await;
        let mut changes = changes.to_vec();
        if let Some(bug) = self.sabotage {
            for change in &mut changes {
                self.state().memory.before_commit(bug, change);
            }
        }
        let fault = self.draw();
        match fault {
            Fault::Before if self.is(Sabotage::AcknowledgeBeforeCommit) => {
                return Ok(changes.iter().map(|_| Ok(())).collect());
            }
            Fault::Before => return Err(away()),
            Fault::Conflict => {
                return Ok(changes.iter().map(|_| Err(StoreError::Conflict)).collect());
            }
            Fault::None | Fault::LostAnswer => {}
        }
        let answers = self.write(&mut changes).await?;
        self.let_others().await;
        match fault {
            Fault::LostAnswer => Err(away()),
            _ => Ok(answers),
        }
    }

    async fn due(&self, now: Timestamp, limit: u16) -> Result<Vec<(OrgId, UnitId)>, StoreError> {
        self.let_others().await;
        self.fails_to_answer()?;
        self.inner.due(now, limit).await
    }
}

#[async_trait]
impl AlertStore for SimStore {
    async fn find(&self, org: OrgId, id: AlertId) -> Result<Option<Alert>, StoreError> {
        self.let_others().await;
        if self.is(Sabotage::LookupWithoutTenant) {
            let orgs = self.orgs().clone();
            for org in orgs {
                if let Some(found) = self.inner.find(org, id).await? {
                    return Ok(Some(found));
                }
            }
        }
        self.inner.find(org, id).await
    }

    async fn list(
        &self,
        org: OrgId,
        filter: &AlertFilter,
        page: PageRequest<AlertCursor>,
    ) -> Result<Page<Alert, AlertCursor>, StoreError> {
        AlertStore::list(&self.inner, org, filter, page).await
    }

    async fn history(
        &self,
        org: OrgId,
        id: AlertId,
        limit: u16,
    ) -> Result<Vec<AlertEvent>, StoreError> {
        self.inner.history(org, id, limit).await
    }
}
