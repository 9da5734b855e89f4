//! Adapters in PostgreSQL: the store's own database, or one of their own.
//!
//! Claims skip what others have locked, settlements of concurrent callers share a transaction, finished
//! rows leave the hot table. Workers are woken by LISTEN/NOTIFY, with interest registered before they
//! look, and a poll of 1 s in case a notification was lost.

mod enqueue;
mod listener;
mod queue;
mod queue_admin;
mod retention;
mod schedules;

pub use enqueue::enqueue_in;
pub use queue::PostgresQueue;
pub use schedules::{PostgresSchedules, apply_in};

use crate::ports::QueueError;
use crate::sql::unavailable;
use sqlx::PgPool;

/// The tables of this adapter, for the migration chain of a store that shares its database.
pub const MIGRATION: &str = include_str!("../../migrations/postgres/0001_queue.sql");

/// The notification channel; its payload is `queue/lane`.
pub const CHANNEL: &str = "queue_jobs";

/// One process at a time creates the tables.
const MIGRATION_LOCK: i64 = 0x6674_6a6f_6273;

/// Creates the tables once, in the first schema of the connection's search path.
///
/// # Errors
/// If the database does not answer or refuses.
pub async fn migrate(pool: &PgPool) -> Result<(), QueueError> {
    let mut tx = pool.begin().await.map_err(unavailable)?;
    sqlx::query("select pg_advisory_xact_lock($1)")
        .bind(MIGRATION_LOCK)
        .execute(&mut *tx)
        .await
        .map_err(unavailable)?;
    let there: bool = sqlx::query_scalar(
        "select exists (select 1 from information_schema.tables
                        where table_schema = current_schema() and table_name = 'queue_jobs')",
    )
    .fetch_one(&mut *tx)
    .await
    .map_err(unavailable)?;
    if !there {
        sqlx::raw_sql(MIGRATION)
            .execute(&mut *tx)
            .await
            .map_err(unavailable)?;
    }
    tx.commit().await.map_err(unavailable)
}
