//! The store on PostgreSQL: for more than one node.
//!
//! Writers of an organization queue at its row of `organization_head`, taken in order of key, so
//! sequences have no gaps and two commits never wait for each other. Many rows go as arrays through
//! `UNNEST`: one prepared statement per table whatever the number of rows.

/// Ends a query that holds the rows of one of its tables until the transaction ends.
macro_rules! row_lock {
    ($table:literal) => {
        concat!(" FOR UPDATE OF ", $table)
    };
}

/// A member of a JSON column, as text.
macro_rules! member {
    ($column:literal, $name:literal) => {
        concat!("(CAST(", $column, " AS jsonb) ->> '", $name, "')")
    };
}

/// An instant of a table as a number.
macro_rules! micros {
    ($column:literal) => {
        concat!(
            "CAST(extract(epoch FROM ",
            $column,
            ") * 1000000 AS BIGINT)"
        )
    };
}

/// Reads the units of [`ReadingSeries`](freshtrack_core::ports::ReadingSeries) from a JSON list.
macro_rules! watched {
    ($list:literal) => {
        concat!(
            "SELECT n, id, step, hot, cold FROM jsonb_to_recordset(CAST(",
            $list,
            " AS jsonb)) AS j (n BIGINT, id UUID, step BIGINT, hot INTEGER, cold INTEGER)"
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

pub use open::PostgresOptions;

use retention::retention_lock;

use super::error::failed;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

/// What the files of `../both` implement ports for.
type Adapter = PostgresStore;
type Connection = PgConnection;
type Database = Postgres;
type WriteTx = Transaction<'static, Postgres>;

/// Every storage port on one PostgreSQL database.
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Where queries outside a transaction go.
    const fn reader(&self) -> &PgPool {
        &self.pool
    }

    /// Begins a transaction that reads, and sees rows of no other organization whatever its statements
    /// ask for, unless the role of this connection stands above row-level security.
    async fn tenant(&self, org: OrgId) -> Result<Transaction<'static, Postgres>, StoreError> {
        let mut tx = self.pool.begin().await.map_err(failed)?;
        sqlx::query(
            "SELECT set_config('freshtrack.org_key',
                     coalesce((SELECT key::text FROM organization WHERE id = $1), '-1'), true)",
        )
        .bind(org.as_uuid())
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        Ok(tx)
    }

    /// Begins a transaction that writes.
    async fn begin(&self) -> Result<WriteTx, StoreError> {
        self.pool.begin().await.map_err(failed)
    }

    /// Begins a transaction that sees one state of the database throughout.
    async fn snapshot(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.pool
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await
            .map_err(failed)
    }
}

/// Makes everything of the transaction durable.
async fn finish(tx: WriteTx) -> Result<(), StoreError> {
    tx.commit().await.map_err(failed)
}

/// One column of some rows, as an array to bind.
fn column<'r, R, T>(rows: &'r [R], of: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}
