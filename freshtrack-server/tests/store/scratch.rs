//! Empty databases, one per test.

use freshtrack_server::store::postgres::{PostgresOptions, PostgresStore};
use freshtrack_server::store::sqlite::{SqliteOptions, SqliteStore};
use sqlx::{Connection, PgConnection};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

thread_local! {
    /// Each test runs on a thread of its own, so its files go when it ends.
    static FOLDERS: RefCell<Vec<TempDir>> = const { RefCell::new(Vec::new()) };
}

/// A path for a database in a folder of this test.
pub(crate) fn sqlite_path() -> PathBuf {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("freshtrack.sqlite");
    FOLDERS.with_borrow_mut(|folders| folders.push(folder));
    path
}

/// An empty SQLite store.
pub(crate) async fn sqlite() -> SqliteStore {
    SqliteStore::open(&sqlite_path(), SqliteOptions::default())
        .await
        .expect("an empty store can be opened")
}

/// The address of a PostgreSQL database for tests; none if this machine has none.
///
/// Saying so aloud is all that is done about it, unless `FRESHTRACK_REQUIRE_BACKENDS` is 1.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told where their databases are by the environment"
)]
fn postgres_server() -> Option<String> {
    let server = std::env::var("FRESHTRACK_TEST_POSTGRES_URL").ok();
    if server.is_none() {
        let required = std::env::var("FRESHTRACK_REQUIRE_BACKENDS").is_ok_and(|value| value == "1");
        assert!(!required, "FRESHTRACK_TEST_POSTGRES_URL is not set");
        eprintln!("SKIP: FRESHTRACK_TEST_POSTGRES_URL is not set");
    }
    server
}

/// The address of an empty schema of its own, which stays when the test ends.
pub(crate) async fn postgres_url() -> Option<String> {
    let server = postgres_server()?;
    let schema = format!("t_{}", uuid::Uuid::new_v4().simple());
    let mut connection = PgConnection::connect(&server)
        .await
        .expect("the test database answers");
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}")))
        .execute(&mut connection)
        .await
        .expect("a schema can be made");
    connection.close().await.expect("a session can be closed");
    let separator = if server.contains('?') { '&' } else { '?' };
    Some(format!(
        "{server}{separator}options=-c%20search_path%3D{schema}"
    ))
}

/// An empty PostgreSQL store.
pub(crate) async fn postgres() -> Option<PostgresStore> {
    let options = PostgresOptions {
        max_connections: 4,
        ..PostgresOptions::default()
    };
    let store = PostgresStore::connect(&postgres_url().await?, options).await;
    Some(store.expect("an empty store can be opened"))
}

/// Runs a statement beside the store, as somebody with the file would.
pub(crate) async fn execute(path: &Path, statement: &'static str) -> Result<(), sqlx::Error> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await?;
    sqlx::query(statement).execute(&mut connection).await?;
    connection.close().await
}
