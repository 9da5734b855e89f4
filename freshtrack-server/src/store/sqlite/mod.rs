//! The store on SQLite: the embedded default, one file, one writer.
//!
//! Write-ahead log, one writing connection that begins with `BEGIN IMMEDIATE` (a transaction that
//! reads first and writes later fails at once when somebody else wrote in between), and a pool of
//! reading connections that see the last committed state and never wait for the writer.

/// Ends a query that holds the rows of one of its tables: nothing here, there is only one writer.
macro_rules! row_lock {
    ($table:literal) => {
        ""
    };
}

/// A member of a JSON column, as text.
macro_rules! member {
    ($column:literal, $name:literal) => {
        concat!("(", $column, " ->> '", $name, "')")
    };
}

/// An instant of a table as a number.
macro_rules! micros {
    ($column:literal) => {
        $column
    };
}

/// Reads the units of [`ReadingSeries`](freshtrack_core::ports::ReadingSeries) from a JSON list.
macro_rules! watched {
    ($list:literal) => {
        concat!(
            "SELECT j.value ->> 'n' AS n, unhex(j.value ->> 'id') AS id, j.value ->> 'step' AS step,
                    j.value ->> 'hot' AS hot, j.value ->> 'cold' AS cold FROM json_each(",
            $list,
            ") j"
        )
    };
}

mod alert_store;
#[path = "../both/api_keys.rs"]
mod api_keys;
#[path = "../both/archive.rs"]
mod archive;
#[path = "../both/audit_heads.rs"]
mod audit_heads;
#[path = "../both/audit_log.rs"]
mod audit_log;
#[path = "../both/calibrations.rs"]
mod calibrations;
#[path = "../both/commit.rs"]
mod commit;
#[path = "../both/connections.rs"]
mod connections;
#[path = "../both/devices.rs"]
mod devices;
#[path = "../both/holds.rs"]
mod holds;
mod inbox;
#[path = "../both/incident_store.rs"]
mod incident_store;
mod journal;
#[path = "../both/life_cycle.rs"]
mod life_cycle;
#[path = "../both/log_book.rs"]
mod log_book;
mod lookup;
#[path = "../both/members.rs"]
mod members;
mod monitor_store;
#[path = "../both/once_ledger.rs"]
mod once_ledger;
mod open;
#[path = "../both/organizations.rs"]
mod organizations;
#[path = "../both/outbox.rs"]
mod outbox;
#[path = "../both/places.rs"]
mod places;
#[path = "../both/reading_series.rs"]
mod reading_series;
mod reading_store;
#[path = "../both/removal.rs"]
mod removal;
mod retention;
#[path = "../both/rule_store.rs"]
mod rule_store;
#[path = "../both/suppressions.rs"]
mod suppressions;
#[path = "../both/unit_history.rs"]
mod unit_history;
mod write_alerts;
mod write_readings;
#[path = "../both/write_records.rs"]
mod write_records;

pub use open::{Durability, SqliteOptions};

use retention::retention_lock;

use super::error::failed;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

/// What the files of `../both` implement ports for.
type Adapter = SqliteStore;
type Connection = SqliteConnection;
type Database = Sqlite;
type WriteTx = Transaction<'static, Sqlite>;

/// Most rows one multi-row statement takes: at most 20 columns each stay below the 32,766 values that
/// SQLite binds to one statement.
const ROWS_PER_STATEMENT: usize = 1_000;

/// Every storage port on one SQLite file.
///
/// Several processes may open the same file; a writer that finds it busy for
/// [`SqliteOptions::busy_timeout`] answers `Unavailable`.
#[derive(Clone)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Where queries outside a transaction go.
    const fn reader(&self) -> &SqlitePool {
        &self.readers
    }

    /// Where queries of one organization go.
    async fn tenant(&self, _: OrgId) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.readers.acquire().await.map_err(failed)
    }

    /// Begins a transaction that writes; waits for the writer before.
    async fn begin(&self) -> Result<WriteTx, StoreError> {
        self.writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)
    }

    /// Begins a transaction that sees one state of the database throughout.
    async fn snapshot(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.readers.begin().await.map_err(failed)
    }
}

/// Makes everything of the transaction durable.
async fn finish(tx: WriteTx) -> Result<(), StoreError> {
    tx.commit().await.map_err(failed)
}
