//! The present state in memory.

use crate::latest::LatestReading;
use crate::ports::{LiveState, Snapshot};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{OrgId, UnitId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
struct State {
    snapshots: HashMap<OrgId, Snapshot>,
    latest: HashMap<(OrgId, UnitId), LatestReading>,
    unavailable: bool,
}

/// Snapshots and latest readings somebody put there.
#[derive(Debug, Clone, Default)]
pub struct MemoryState {
    state: Arc<Mutex<State>>,
}

impl MemoryState {
    /// Nothing at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what a snapshot of `org` answers.
    pub fn set_snapshot(&self, org: OrgId, snapshot: Snapshot) {
        self.state().snapshots.insert(org, snapshot);
    }

    /// Sets a unit's newest evaluated reading.
    pub fn set_latest(&self, org: OrgId, reading: LatestReading) {
        self.state().latest.insert((org, reading.unit), reading);
    }

    /// Whether questions are answered.
    pub fn set_available(&self, available: bool) {
        self.state().unavailable = !available;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask<T>(&self, answer: impl FnOnce(&State) -> T) -> Result<T, StoreError> {
        let state = self.state();
        if state.unavailable {
            return Err(StoreError::unavailable("state taken down"));
        }
        Ok(answer(&state))
    }
}

#[async_trait]
impl LiveState for MemoryState {
    async fn snapshot(&self, org: OrgId) -> Result<Snapshot, StoreError> {
        self.ask(|state| {
            state.snapshots.get(&org).cloned().unwrap_or(Snapshot {
                seq: 0,
                units: Vec::new(),
                alerts: Vec::new(),
            })
        })
    }

    async fn latest(&self, org: OrgId, unit: UnitId) -> Result<Option<LatestReading>, StoreError> {
        self.ask(|state| state.latest.get(&(org, unit)).cloned())
    }
}
