//! Adapters in a SQLite file: the store's own file and writer, or one of their own.
//!
//! One writer, so every change is one `BEGIN IMMEDIATE`; settlements of concurrent callers share a
//! transaction. A wake-up rings inside the process, and a poll of 250 ms sees other processes.

mod enqueue;
mod queue;
mod queue_admin;
mod retention;
mod schedules;

pub use enqueue::enqueue_in;
pub use queue::SqliteQueue;
pub use schedules::{SqliteSchedules, apply_in};

use crate::ports::QueueError;
use crate::sql::unavailable;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::path::Path;
use std::time::Duration;

/// The tables of this adapter, for the migration chain of a store that shares its file.
pub const MIGRATION: &str = include_str!("../../migrations/sqlite/0001_queue.sql");

/// Shorter than a call may take, so that a locked file is answered as `Unavailable` in time.
const BUSY: Duration = Duration::from_millis(800);

/// A file with one writer and several readers.
#[derive(Debug, Clone)]
pub struct SqliteFile {
    /// One connection, which writes.
    pub writer: SqlitePool,
    /// Connections that only read.
    pub reader: SqlitePool,
}

impl SqliteFile {
    /// Opens or makes a file of its own for the queue and creates the tables once.
    ///
    /// # Errors
    /// If the file cannot be opened or written.
    pub async fn open(path: &Path) -> Result<Self, QueueError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY);
        let pool = |connections| SqlitePoolOptions::new().max_connections(connections);
        let writer = pool(1)
            .connect_with(options.clone())
            .await
            .map_err(unavailable)?;
        let reader = pool(4).connect_with(options).await.map_err(unavailable)?;
        let file = Self { writer, reader };
        file.migrate().await?;
        Ok(file)
    }

    async fn migrate(&self) -> Result<(), QueueError> {
        let mut tx = self
            .writer
            .begin_with("begin immediate")
            .await
            .map_err(unavailable)?;
        let there: Option<i64> =
            sqlx::query_scalar("select 1 from sqlite_master where name = 'queue_jobs'")
                .fetch_optional(&mut *tx)
                .await
                .map_err(unavailable)?;
        if there.is_none() {
            sqlx::raw_sql(MIGRATION)
                .execute(&mut *tx)
                .await
                .map_err(unavailable)?;
        }
        tx.commit().await.map_err(unavailable)
    }
}
