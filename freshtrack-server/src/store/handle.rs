//! One value for every storage port, whichever database stands behind it.

use super::error::OpenError;
use super::ports::{Connections, InboxQueue, OnceLedger};
#[cfg(feature = "postgres")]
use super::postgres::{PostgresOptions, PostgresStore};
use super::retention::ReadingRetention;
#[cfg(feature = "sqlite")]
use super::sqlite::{SqliteOptions, SqliteStore};
use freshtrack_alerts::ports::{
    AlertStore, Calibrations, IncidentStore, LogBook, MonitorStore, RuleStore, Suppressions,
    UnitHistory,
};
use freshtrack_core::error::StoreError;
use freshtrack_core::ports::{
    ApiKeys, AuditHeads, AuditLog, Devices, LifeCycle, Organizations, Outbox, Places,
    ReadingSeries, ReadingStore,
};
use freshtrack_ttn::ports::{ConnectionDirectory, Inbox};
use std::path::Path;
use std::sync::Arc;

/// Settings of a [`Store`]; those of the database that is not used are ignored.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreOptions {
    /// For `sqlite:PATH`.
    #[cfg(feature = "sqlite")]
    pub sqlite: SqliteOptions,
    /// For `postgres://…`.
    #[cfg(feature = "postgres")]
    pub postgres: PostgresOptions,
}

/// Whether a database can do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreHealth {
    /// Exactly this program's migrations are applied.
    pub migrations_at_head: bool,
}

/// Every storage port over one database.
#[derive(Clone)]
pub struct Store {
    /// Organizations, people, memberships.
    pub organizations: Arc<dyn Organizations>,
    /// Sites, areas, units.
    pub places: Arc<dyn Places>,
    /// Sensors.
    pub devices: Arc<dyn Devices>,
    /// What becomes of places and devices.
    pub life_cycle: Arc<dyn LifeCycle>,
    /// Machine credentials.
    pub api_keys: Arc<dyn ApiKeys>,
    /// Readings, read back.
    pub readings: Arc<dyn ReadingStore>,
    /// Readings, summed up.
    pub series: Arc<dyn ReadingSeries>,
    /// How long readings are kept.
    pub retention: Arc<dyn ReadingRetention>,
    /// The audit chain, read back.
    pub audit_log: Arc<dyn AuditLog>,
    /// Signed heads of it.
    pub audit_heads: Arc<dyn AuditHeads>,
    /// Committed events.
    pub outbox: Arc<dyn Outbox>,
    /// Monitors, and the engine's commit.
    pub monitors: Arc<dyn MonitorStore>,
    /// Alerts, read back.
    pub alerts: Arc<dyn AlertStore>,
    /// Incidents, read back.
    pub incidents: Arc<dyn IncidentStore>,
    /// Rules and their history.
    pub rules: Arc<dyn RuleStore>,
    /// Manual logs and corrective actions, read back.
    pub log_book: Arc<dyn LogBook>,
    /// Windows in which nothing is raised or paged.
    pub suppressions: Arc<dyn Suppressions>,
    /// Calibrations of sensors.
    pub calibrations: Arc<dyn Calibrations>,
    /// What units went through.
    pub unit_history: Arc<dyn UnitHistory>,
    /// Network connections, managed.
    pub connections: Arc<dyn Connections>,
    /// Network connections, looked up by their callers.
    pub connection_directory: Arc<dyn ConnectionDirectory>,
    /// Answers of requests that may be repeated.
    pub once_ledger: Arc<dyn OnceLedger>,
    /// Where network messages arrive.
    pub inbox: Arc<dyn Inbox>,
    /// Where they are taken from.
    pub inbox_queue: Arc<dyn InboxQueue>,
    database: Database,
}

#[derive(Clone, Debug)]
enum Database {
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteStore),
    #[cfg(feature = "postgres")]
    Postgres(PostgresStore),
}

/// Does the same with whichever database there is.
macro_rules! each {
    ($database:expr, $store:ident => $body:expr) => {
        match $database {
            #[cfg(feature = "sqlite")]
            Database::Sqlite($store) => $body,
            #[cfg(feature = "postgres")]
            Database::Postgres($store) => $body,
        }
    };
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database at `url`, `sqlite:PATH` or `postgres://…`, and brings its schema to this
    /// program's.
    ///
    /// # Errors
    /// If the URL is not understood, the database does not answer, or its schema is newer than this
    /// program. The error never contains the URL.
    pub async fn connect(url: &str, options: StoreOptions) -> Result<Self, OpenError> {
        let store = Self::attach(url, options).await?;
        store.migrate().await?;
        Ok(store)
    }

    /// Opens the database without touching its schema, for roles that wait for somebody else's
    /// migration.
    ///
    /// # Errors
    /// As for [`Self::connect`], but for the schema.
    pub async fn attach(url: &str, options: StoreOptions) -> Result<Self, OpenError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            // A database in memory would be another one for each connection.
            if path.is_empty() || path.starts_with(':') {
                return Err(OpenError::BadUrl);
            }
            return attach_sqlite(Path::new(path), options).await;
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return attach_postgres(url, options).await;
        }
        Err(OpenError::BadUrl)
    }

    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    fn over<S>(store: &Arc<S>, database: Database) -> Self
    where
        S: Organizations + Places + Devices + LifeCycle + ApiKeys,
        S: ReadingStore + ReadingSeries + ReadingRetention + AuditLog + AuditHeads + Outbox,
        S: MonitorStore + AlertStore + IncidentStore + RuleStore,
        S: LogBook + Suppressions + Calibrations + UnitHistory,
        S: Connections + ConnectionDirectory + Inbox + InboxQueue + OnceLedger + 'static,
    {
        Self {
            organizations: Arc::<S>::clone(store),
            places: Arc::<S>::clone(store),
            devices: Arc::<S>::clone(store),
            life_cycle: Arc::<S>::clone(store),
            api_keys: Arc::<S>::clone(store),
            readings: Arc::<S>::clone(store),
            series: Arc::<S>::clone(store),
            retention: Arc::<S>::clone(store),
            audit_log: Arc::<S>::clone(store),
            audit_heads: Arc::<S>::clone(store),
            outbox: Arc::<S>::clone(store),
            monitors: Arc::<S>::clone(store),
            alerts: Arc::<S>::clone(store),
            incidents: Arc::<S>::clone(store),
            rules: Arc::<S>::clone(store),
            log_book: Arc::<S>::clone(store),
            suppressions: Arc::<S>::clone(store),
            calibrations: Arc::<S>::clone(store),
            unit_history: Arc::<S>::clone(store),
            connections: Arc::<S>::clone(store),
            once_ledger: Arc::<S>::clone(store),
            connection_directory: Arc::<S>::clone(store),
            inbox: Arc::<S>::clone(store),
            inbox_queue: Arc::<S>::clone(store),
            database,
        }
    }

    /// Brings the schema to this program's; does nothing if it is there. Safe for several processes at
    /// once.
    ///
    /// # Errors
    /// If a migration fails, was changed after it was applied, or is unknown to this program.
    pub async fn migrate(&self) -> Result<(), OpenError> {
        each!(&self.database, store => store.migrate().await)
    }

    /// Asks the database for an answer, for readiness.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if there is none.
    pub async fn health(&self) -> Result<StoreHealth, StoreError> {
        each!(&self.database, store => {
            store.health().await?;
            Ok(StoreHealth { migrations_at_head: store.migrations_at_head().await? })
        })
    }

    /// Names this history of events, so that a client's sequence number is never taken for one of
    /// another: 32 hex digits, given to the database when it is made.
    ///
    /// # Errors
    /// If the question could not be answered.
    pub async fn history_epoch(&self) -> Result<String, StoreError> {
        each!(&self.database, store => store.history_epoch().await)
    }

    /// Waits for running statements and closes every connection. Port calls fail from then on.
    pub async fn close(&self) {
        each!(&self.database, store => store.close().await);
    }
}

#[cfg(feature = "sqlite")]
async fn attach_sqlite(path: &Path, options: StoreOptions) -> Result<Store, OpenError> {
    let store = SqliteStore::attach(path, options.sqlite).await?;
    Ok(Store::over(
        &Arc::new(store.clone()),
        Database::Sqlite(store),
    ))
}

#[cfg(not(feature = "sqlite"))]
#[expect(clippy::unused_async, reason = "the same call as with the feature")]
async fn attach_sqlite(_: &Path, _: StoreOptions) -> Result<Store, OpenError> {
    Err(OpenError::NotBuilt { kind: "sqlite" })
}

#[cfg(feature = "postgres")]
async fn attach_postgres(url: &str, options: StoreOptions) -> Result<Store, OpenError> {
    let store = PostgresStore::attach(url, options.postgres).await?;
    Ok(Store::over(
        &Arc::new(store.clone()),
        Database::Postgres(store),
    ))
}

#[cfg(not(feature = "postgres"))]
#[expect(clippy::unused_async, reason = "the same call as with the feature")]
async fn attach_postgres(_: &str, _: StoreOptions) -> Result<Store, OpenError> {
    Err(OpenError::NotBuilt { kind: "postgres" })
}
