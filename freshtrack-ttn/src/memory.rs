//! Ports in memory: for tests, tools and embedding without a database.

use crate::ids::{ConnectionId, DevEui};
use crate::ports::{
    Claimed, Connection, ConnectionDirectory, Inbox, InboxEntry, InboxError, SagaStore,
    SagaStoreError, Stored,
};
use crate::provisioning::saga::Saga;
use async_trait::async_trait;
use freshtrack_core::ids::OrgId;
use freshtrack_core::time::Timestamp;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// An [`Inbox`] in memory; keeps everything until it is dropped.
#[derive(Debug, Default)]
pub struct MemoryInbox {
    entries: Mutex<Vec<(OrgId, InboxEntry)>>,
}

/// A [`ConnectionDirectory`] in memory.
#[derive(Debug, Default)]
pub struct MemoryConnections {
    connections: Mutex<HashMap<ConnectionId, Connection>>,
}

impl MemoryInbox {
    /// What one tenant has, oldest first.
    #[must_use]
    pub fn entries(&self, org: OrgId) -> Vec<InboxEntry> {
        let all = locked(&self.entries);
        all.iter()
            .filter(|(owner, _)| *owner == org)
            .map(|(_, entry)| entry.clone())
            .collect()
    }
}

impl MemoryConnections {
    /// Adds a connection, replacing one of the same id.
    pub fn insert(&self, connection: Connection) {
        locked(&self.connections).insert(connection.id.clone(), connection);
    }
}

#[async_trait]
impl Inbox for MemoryInbox {
    async fn store(&self, org: OrgId, entry: &InboxEntry) -> Result<Stored, InboxError> {
        let mut all = locked(&self.entries);
        let known = all.iter().any(|(owner, old)| {
            let repeated = match (&old.guard, &entry.guard) {
                (Some(old), Some(new)) => old.same_uplink(new),
                (Some(_) | None, _) => false,
            };
            *owner == org && (old.key == entry.key || repeated)
        });
        if known {
            return Ok(Stored::Duplicate);
        }
        all.push((org, entry.clone()));
        Ok(Stored::New)
    }
}

#[async_trait]
impl ConnectionDirectory for MemoryConnections {
    async fn find_connection(&self, id: &ConnectionId) -> Result<Option<Connection>, InboxError> {
        Ok(locked(&self.connections).get(id).cloned())
    }

    async fn confirm_rotation(
        &self,
        id: &ConnectionId,
        current_expires_at: Timestamp,
    ) -> Result<(), InboxError> {
        if let Some(connection) = locked(&self.connections).get_mut(id) {
            connection
                .secrets
                .current_expires_at
                .get_or_insert(current_expires_at);
        }
        Ok(())
    }
}

/// A [`SagaStore`] in memory.
#[derive(Debug, Default)]
pub struct MemorySagas {
    sagas: Mutex<BTreeMap<(OrgId, DevEui), SagaRow>>,
}

#[derive(Debug)]
struct SagaRow {
    saga: Saga,
    version: u64,
    held_until: Option<Timestamp>,
}

impl SagaRow {
    fn held(&self, now: Timestamp) -> bool {
        self.held_until.is_some_and(|until| until > now)
    }
}

impl MemorySagas {
    /// Changes a claimed row, whose version says that the claim still stands.
    fn change(
        &self,
        claimed: &Claimed,
        change: impl FnOnce(&mut SagaRow),
    ) -> Result<u64, SagaStoreError> {
        let mut sagas = locked(&self.sagas);
        let row = sagas
            .get_mut(&(claimed.org, claimed.saga.enrolment.dev_eui))
            .filter(|row| row.version == claimed.version)
            .ok_or(SagaStoreError::Stale)?;
        row.version += 1;
        change(row);
        Ok(row.version)
    }
}

#[async_trait]
impl SagaStore for MemorySagas {
    async fn start(&self, org: OrgId, saga: Saga) -> Result<(), SagaStoreError> {
        match locked(&self.sagas).entry((org, saga.enrolment.dev_eui)) {
            Entry::Occupied(_) => Err(SagaStoreError::Exists),
            Entry::Vacant(entry) => {
                entry.insert(SagaRow {
                    saga,
                    version: 0,
                    held_until: None,
                });
                Ok(())
            }
        }
    }

    async fn load(&self, org: OrgId, device: DevEui) -> Result<Option<Saga>, SagaStoreError> {
        let sagas = locked(&self.sagas);
        Ok(sagas.get(&(org, device)).map(|row| row.saga.clone()))
    }

    async fn claim(
        &self,
        org: OrgId,
        device: DevEui,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Claimed>, SagaStoreError> {
        let mut sagas = locked(&self.sagas);
        let row = sagas.get_mut(&(org, device)).filter(|row| !row.held(now));
        Ok(row.map(|row| {
            row.version += 1;
            row.held_until = Some(until);
            Claimed {
                org,
                saga: row.saga.clone(),
                version: row.version,
            }
        }))
    }

    async fn save(&self, claimed: &Claimed) -> Result<u64, SagaStoreError> {
        self.change(claimed, |row| row.saga = claimed.saga.clone())
    }

    async fn release(&self, claimed: &Claimed) -> Result<(), SagaStoreError> {
        self.change(claimed, |row| row.held_until = None)?;
        Ok(())
    }

    async fn due(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<(OrgId, DevEui)>, SagaStoreError> {
        let sagas = locked(&self.sagas);
        let mut due: Vec<_> = sagas
            .iter()
            .filter(|(_, row)| !row.held(now) && !row.saga.is_at_rest())
            .filter(|(_, row)| row.saga.not_before.is_none_or(|at| at <= now))
            .map(|(key, row)| (row.saga.not_before, *key))
            .collect();
        due.sort_unstable();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(due.into_iter().take(limit).map(|(_, key)| key).collect())
    }
}

/// A panic elsewhere leaves these maps whole: every change is one call.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
