//! All storage ports of one database, as the server holds them.

use super::ports::{Connections, InboxWork};
use crate::config::{DatabaseUrl, Settings, SqliteSync};
use anyhow::Context;
use async_trait::async_trait;
use freshtrack_alerts::ports::{AlertStore, MonitorStore};
use freshtrack_core::error::StoreError;
use freshtrack_core::ports::{
    ApiKeys, AuditLog, Devices, Organizations, Outbox, Places, ReadingStore,
};
use freshtrack_ttn::ports::{ConnectionDirectory, Inbox};
use std::fmt;
use std::sync::Arc;

/// What a database says of itself.
#[async_trait]
pub trait Database: Send + Sync {
    /// Reachable, with every migration applied.
    ///
    /// # Errors
    /// Why not.
    async fn health(&self) -> Result<(), StoreError>;

    /// Names the event history: random, stored with the database.
    ///
    /// # Errors
    /// If it cannot be read.
    async fn history_epoch(&self) -> Result<String, StoreError>;

    /// Closes every connection, after what is under way has ended.
    async fn close(&self);
}

/// Every port of one database.
#[derive(Clone)]
pub struct Store {
    /// Organizations, people, memberships.
    pub organizations: Arc<dyn Organizations>,
    /// Sites, areas, units.
    pub places: Arc<dyn Places>,
    /// Sensors.
    pub devices: Arc<dyn Devices>,
    /// Machine credentials.
    pub api_keys: Arc<dyn ApiKeys>,
    /// Readings, read back.
    pub readings: Arc<dyn ReadingStore>,
    /// The audit chain.
    pub audit: Arc<dyn AuditLog>,
    /// Committed events.
    pub outbox: Arc<dyn Outbox>,
    /// Monitors, and the engine's commit.
    pub monitors: Arc<dyn MonitorStore>,
    /// Alerts, read back.
    pub alerts: Arc<dyn AlertStore>,
    /// Connections, for webhooks.
    pub directory: Arc<dyn ConnectionDirectory>,
    /// Connections, for people.
    pub connections: Arc<dyn Connections>,
    /// Where network messages are stored.
    pub inbox: Arc<dyn Inbox>,
    /// Network messages that wait.
    pub inbox_work: Arc<dyn InboxWork>,
    database: Arc<dyn Database>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// An adapter that implements every port.
pub trait EveryPort:
    Organizations
    + Places
    + Devices
    + ApiKeys
    + ReadingStore
    + AuditLog
    + Outbox
    + MonitorStore
    + AlertStore
    + ConnectionDirectory
    + Connections
    + Inbox
    + InboxWork
    + Database
    + 'static
{
}

impl Store {
    /// All ports of one adapter.
    #[must_use]
    pub fn of(adapter: Arc<impl EveryPort>) -> Self {
        Self {
            organizations: adapter.clone(),
            places: adapter.clone(),
            devices: adapter.clone(),
            api_keys: adapter.clone(),
            readings: adapter.clone(),
            audit: adapter.clone(),
            outbox: adapter.clone(),
            monitors: adapter.clone(),
            alerts: adapter.clone(),
            directory: adapter.clone(),
            connections: adapter.clone(),
            inbox: adapter.clone(),
            inbox_work: adapter.clone(),
            database: adapter,
        }
    }

    /// Reachable, with every migration applied.
    ///
    /// # Errors
    /// Why not.
    pub async fn health(&self) -> Result<(), StoreError> {
        self.database.health().await
    }

    /// Names the event history.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn history_epoch(&self) -> Result<String, StoreError> {
        self.database.history_epoch().await
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

/// Opens the database of the settings and brings it to the newest schema.
///
/// # Errors
/// If it cannot be opened, reached or migrated; no password is in the words.
pub async fn open(settings: &Settings) -> anyhow::Result<Store> {
    match &settings.database {
        DatabaseUrl::Sqlite(path) => {
            if let Some(directory) = path.parent() {
                std::fs::create_dir_all(directory)
                    .with_context(|| format!("making {}", directory.display()))?;
            }
            let options = super::sqlite::SqliteOptions {
                synchronous: match settings.sqlite_sync {
                    SqliteSync::Full => super::sqlite::Durability::Full,
                    SqliteSync::Normal => super::sqlite::Durability::Normal,
                },
                ..super::sqlite::SqliteOptions::default()
            };
            let store = super::sqlite::SqliteStore::open(path, options)
                .await
                .with_context(|| format!("opening {}", settings.database))?;
            Ok(Store::of(Arc::new(store)))
        }
        DatabaseUrl::Postgres(url) => {
            let store = super::postgres::PostgresStore::open(
                url,
                super::postgres::PostgresOptions::default(),
            )
            .await
            .with_context(|| format!("opening {}", settings.database))?;
            Ok(Store::of(Arc::new(store)))
        }
    }
}
