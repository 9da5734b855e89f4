//! Opening, migrating and closing.

use super::SqliteStore;
use crate::store::error::{OpenError, failed};
use freshtrack_core::error::StoreError;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row, SqlitePool};
use std::path::Path;
use std::time::Duration;

static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a call waits for a free connection of this process.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the first opening of a file by several processes may take.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
const OPEN_PAUSE: Duration = Duration::from_millis(20);

/// What survives what, once a commit has been answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Survives a power cut: every commit waits for the disk.
    #[default]
    Full,
    /// Survives the death of the process but perhaps not of the machine: the disk is waited for only
    /// at checkpoints.
    Normal,
}

/// Settings of a [`SqliteStore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqliteOptions {
    /// What survives what.
    pub synchronous: Durability,
    /// Reading connections, at least 1.
    pub readers: u32,
    /// How long a statement waits for another process's lock before it answers `Unavailable`.
    pub busy_timeout: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            synchronous: Durability::default(),
            readers: 4,
            busy_timeout: Duration::from_secs(5),
        }
    }
}

impl SqliteStore {
    /// Opens the file at `path`, made if absent, and brings its schema to this program's.
    ///
    /// Safe for several processes at once: the first applies the migrations, the others wait.
    ///
    /// # Errors
    /// If the file cannot be opened, or its schema is newer than this program.
    pub async fn open(path: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        let store = Self::attach(path, options).await?;
        store.migrate().await?;
        Ok(store)
    }

    /// Opens the file without touching its schema.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub async fn attach(path: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        let connect = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .busy_timeout(options.busy_timeout)
            .statement_cache_capacity(250);
        let writing = connect
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(match options.synchronous {
                Durability::Full => SqliteSynchronous::Full,
                Durability::Normal => SqliteSynchronous::Normal,
            });
        let writer = open_writer(writing).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(options.readers.max(1))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(connect.pragma("query_only", "ON"));
        Ok(Self { writer, readers })
    }

    /// Brings the schema to this program's; does nothing if it is there.
    ///
    /// All migrations run in one transaction that holds the write lock, so a second process either
    /// waits or finds them done, and a failure leaves the schema as it was.
    ///
    /// # Errors
    /// If a migration fails, was changed after it was applied, or is unknown to this program.
    pub async fn migrate(&self) -> Result<(), OpenError> {
        let broken = |cause: sqlx::Error| OpenError::Migrate(cause.into());
        let deadline = tokio::time::Instant::now() + OPEN_TIMEOUT;
        let mut tx = loop {
            match self.writer.begin_with("BEGIN IMMEDIATE").await {
                Ok(tx) => break tx,
                Err(error) if is_busy(&error) && tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(OPEN_PAUSE).await;
                }
                Err(error) => return Err(broken(error)),
            }
        };
        MIGRATOR
            .run_direct(None, &mut *tx, false)
            .await
            .map_err(|cause| OpenError::Migrate(cause.into()))?;
        tx.commit().await.map_err(broken)
    }

    /// Whether exactly this program's migrations are applied.
    ///
    /// # Errors
    /// If the question could not be answered.
    pub async fn migrations_at_head(&self) -> Result<bool, StoreError> {
        let there = sqlx::query("SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations'");
        let found = there.fetch_optional(self.reader()).await.map_err(failed)?;
        if found.is_none() {
            return Ok(false);
        }
        let applied: Vec<i64> = sqlx::query_scalar(
            "SELECT version FROM _sqlx_migrations WHERE success ORDER BY version",
        )
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        Ok(applied
            .into_iter()
            .eq(MIGRATOR.iter().map(|step| step.version)))
    }

    /// Asks both pools for an answer.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if one does not answer.
    pub async fn health(&self) -> Result<(), StoreError> {
        for pool in [&self.readers, &self.writer] {
            let row = sqlx::query("SELECT 1")
                .fetch_one(pool)
                .await
                .map_err(failed)?;
            row.try_get::<i64, _>(0).map_err(failed)?;
        }
        Ok(())
    }

    /// Names this history of events; another one after a restore into an empty database.
    ///
    /// # Errors
    /// If the question could not be answered.
    pub async fn history_epoch(&self) -> Result<String, StoreError> {
        sqlx::query_scalar("SELECT value FROM meta WHERE name = 'history_epoch'")
            .fetch_one(self.reader())
            .await
            .map_err(failed)
    }

    /// Waits for running statements and closes every connection.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Opens the writing connection. Switching a new file to the write-ahead log takes a lock for which
/// SQLite does not wait by itself when several processes do it at once.
async fn open_writer(options: SqliteConnectOptions) -> Result<SqlitePool, OpenError> {
    let deadline = tokio::time::Instant::now() + OPEN_TIMEOUT;
    loop {
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None);
        match pool.connect_with(options.clone()).await {
            Ok(pool) => return Ok(pool),
            Err(error) if is_busy(&error) && tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(OPEN_PAUSE).await;
            }
            Err(error) => return Err(OpenError::Connect(error.into())),
        }
    }
}

/// Whether somebody else holds the file: `SQLITE_BUSY` and its extended codes, or a pool whose one
/// connection could not be opened for that reason in time.
fn is_busy(error: &sqlx::Error) -> bool {
    const BUSY: i64 = 5;
    match error {
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(cause) => cause
            .code()
            .and_then(|code| code.parse::<i64>().ok())
            .is_some_and(|code| code & 0xff == BUSY),
        _ => false,
    }
}
