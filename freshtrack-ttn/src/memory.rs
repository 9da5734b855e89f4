//! Ports in memory: for tests, tools and embedding without a database.

use crate::ids::ConnectionId;
use crate::ports::{Connection, ConnectionDirectory, Inbox, InboxEntry, InboxError, Stored};
use async_trait::async_trait;
use freshtrack_core::ids::OrgId;
use freshtrack_core::time::Timestamp;
use std::collections::HashMap;
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

/// A panic elsewhere leaves these maps whole: every change is one call.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
