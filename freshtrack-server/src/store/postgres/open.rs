//! Connecting, migrating and closing.

use super::PostgresStore;
use crate::store::error::{OpenError, failed};
use freshtrack_core::error::StoreError;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgConnection, PgPool};
use std::str::FromStr;
use std::time::Duration;

static MIGRATOR: Migrator = sqlx::migrate!("migrations/postgres");

/// Names the migration lock of this program among a database's advisory locks: `"freshtrk"`.
const MIGRATION_LOCK: i64 = 0x6672_6573_6874_726b;
const LOCK_TIMEOUT: Duration = Duration::from_mins(2);
const LOCK_PAUSE: Duration = Duration::from_millis(50);
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Settings of a [`PostgresStore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostgresOptions {
    /// Most connections of this process, at least 2.
    pub max_connections: u32,
    /// How long a statement may run.
    pub statement_timeout: Duration,
    /// How long a statement may wait for a row somebody else holds.
    pub lock_timeout: Duration,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            max_connections: 10,
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(5),
        }
    }
}

impl PostgresStore {
    /// Connects and brings the schema to this program's.
    ///
    /// Safe for several processes at once: the first applies the migrations, the others wait.
    ///
    /// # Errors
    /// If the database does not answer, or its schema is newer than this program. The error never
    /// contains the URL.
    pub async fn connect(url: &str, options: PostgresOptions) -> Result<Self, OpenError> {
        let store = Self::attach(url, options).await?;
        store.migrate().await?;
        Ok(store)
    }

    /// Connects without touching the schema.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn attach(url: &str, options: PostgresOptions) -> Result<Self, OpenError> {
        // The cause is left out: it may quote the URL.
        let connect = PgConnectOptions::from_str(url).map_err(|_| OpenError::BadUrl)?;
        let millis = |span: Duration| span.as_millis().to_string();
        let connect = connect
            .application_name("freshtrack")
            .statement_cache_capacity(250)
            .options([
                ("statement_timeout", millis(options.statement_timeout)),
                ("lock_timeout", millis(options.lock_timeout)),
                (
                    "idle_in_transaction_session_timeout",
                    millis(options.statement_timeout),
                ),
            ]);
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections.max(2))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(connect)
            .await
            .map_err(|cause| OpenError::Connect(cause.into()))?;
        Ok(Self { pool })
    }

    /// Brings the schema to this program's; does nothing if it is there.
    ///
    /// The lock is tried for, not waited for: a session that waits inside PostgreSQL holds a snapshot,
    /// for which `CREATE INDEX CONCURRENTLY` of the process that migrates would wait in turn.
    ///
    /// # Errors
    /// If a migration fails, was changed after it was applied, or is unknown to this program;
    /// [`OpenError::Locked`] if another process does not come to an end.
    pub async fn migrate(&self) -> Result<(), OpenError> {
        let broken = |cause: sqlx::Error| OpenError::Migrate(cause.into());
        // Not back into the pool: whatever happens, closing this session frees the lock.
        let mut session = self.pool.acquire().await.map_err(broken)?.detach();
        let migrated = migrate_alone(&mut session).await;
        let closed = sqlx::Connection::close(session).await;
        migrated?;
        closed.map_err(broken)
    }

    /// Whether exactly this program's migrations are applied.
    ///
    /// # Errors
    /// If the question could not be answered.
    pub async fn migrations_at_head(&self) -> Result<bool, StoreError> {
        let there: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
            .fetch_one(self.reader())
            .await
            .map_err(failed)?;
        if !there {
            return Ok(false);
        }
        let applied = applied(self.reader()).await.map_err(failed)?;
        Ok(applied
            .into_iter()
            .eq(MIGRATOR.iter().map(|step| step.version)))
    }

    /// Asks the database for an answer.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if there is none.
    pub async fn health(&self) -> Result<(), StoreError> {
        sqlx::query_scalar::<_, i32>("SELECT 1")
            .fetch_one(self.reader())
            .await
            .map(|_| ())
            .map_err(failed)
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
        self.pool.close().await;
    }
}

async fn applied(pool: &PgPool) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version")
        .fetch_all(pool)
        .await
}

/// Applies the migrations while holding the lock; the session's end gives it back.
async fn migrate_alone(session: &mut PgConnection) -> Result<(), OpenError> {
    let broken = |cause: sqlx::Error| OpenError::Migrate(cause.into());
    let deadline = tokio::time::Instant::now() + LOCK_TIMEOUT;
    loop {
        let held: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(MIGRATION_LOCK)
            .fetch_one(&mut *session)
            .await
            .map_err(broken)?;
        if held {
            break;
        }
        if tokio::time::Instant::now() >= deadline {
            return Err(OpenError::Locked {
                waited_seconds: LOCK_TIMEOUT.as_secs(),
            });
        }
        tokio::time::sleep(LOCK_PAUSE).await;
    }
    // A migration may rewrite a table: only ordinary statements have a time limit.
    sqlx::query("SET statement_timeout = 0")
        .execute(&mut *session)
        .await
        .map_err(broken)?;
    let mut migrator = Migrator::with_migrations(MIGRATOR.iter().cloned().collect());
    migrator
        .set_locking(false)
        .run_direct(None, session, false)
        .await
        .map_err(|cause| OpenError::Migrate(cause.into()))
}
