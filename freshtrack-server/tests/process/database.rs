//! Empty databases, one per test.

use crate::program::told;
use sqlx::{Connection, PgConnection, Row, SqliteConnection};
use std::path::Path;

/// A database of one test.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    /// As the setting `database` takes it.
    pub(crate) url: String,
    server: Option<(String, String)>,
}

/// What the journal of a database says about its readings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Journal {
    pub(crate) events: i64,
    pub(crate) first_seq: i64,
    pub(crate) last_seq: i64,
    /// Readings named by `reading.accepted` events.
    pub(crate) readings_told: i64,
}

const JOURNAL_SQLITE: &str = "SELECT count(*), min(seq), max(seq), coalesce(sum(CASE kind WHEN \
    'reading.accepted' THEN json_array_length(payload, '$.readings') ELSE 0 END), 0) FROM outbox_event";
const JOURNAL_POSTGRES: &str = "SELECT count(*), min(seq), max(seq), coalesce(sum(CASE kind WHEN \
    'reading.accepted' THEN json_array_length(payload::json -> 'readings') ELSE 0 END), 0)::bigint \
    FROM outbox_event";

impl Database {
    /// A SQLite file that is not there yet.
    pub(crate) fn sqlite(folder: &Path) -> Self {
        Self {
            url: format!("sqlite:{}", folder.join("freshtrack.db").display()),
            server: None,
        }
    }

    /// An empty PostgreSQL database; none if this machine has no server for tests.
    pub(crate) async fn postgres() -> Option<Self> {
        let Some(server) = told("FRESHTRACK_TEST_POSTGRES_URL") else {
            let required = told("FRESHTRACK_REQUIRE_BACKENDS").is_some_and(|value| value == "1");
            assert!(!required, "FRESHTRACK_TEST_POSTGRES_URL is not set");
            eprintln!("SKIP: FRESHTRACK_TEST_POSTGRES_URL is not set");
            return None;
        };
        let name = format!("ft_{}", uuid::Uuid::new_v4().simple());
        administer(&server, format!("CREATE DATABASE {name}")).await;
        let (address, options) = server.split_once('?').unwrap_or((&server, ""));
        let (host, _) = address.rsplit_once('/').expect("the URL names a database");
        let mark = if options.is_empty() { "" } else { "?" };
        Some(Self {
            url: format!("{host}/{name}{mark}{options}"),
            server: Some((server, name)),
        })
    }

    /// Removes what is not a file.
    pub(crate) async fn remove(self) {
        if let Some((server, name)) = self.server {
            administer(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }

    /// Reads the journal past the program, as somebody with the database would.
    pub(crate) async fn journal(&self) -> Journal {
        self.row(JOURNAL_SQLITE, JOURNAL_POSTGRES, |columns| Journal {
            events: columns[0],
            first_seq: columns[1],
            last_seq: columns[2],
            readings_told: columns[3],
        })
        .await
    }

    /// Rows of organizations, users and memberships.
    pub(crate) async fn people(&self) -> Vec<i64> {
        const COUNTS: &str = "SELECT (SELECT count(*) FROM organization), (SELECT count(*) FROM \
            app_user), (SELECT count(*) FROM membership), (SELECT count(*) FROM audit_event)";
        self.row(COUNTS, COUNTS, <[i64]>::to_vec).await
    }

    async fn row<T>(
        &self,
        sqlite: &'static str,
        postgres: &'static str,
        read: impl FnOnce(&[i64]) -> T,
    ) -> T {
        let columns: Vec<i64> = if self.server.is_some() {
            let mut connection = PgConnection::connect(&self.url).await.expect("it answers");
            let row = sqlx::query(postgres).fetch_one(&mut connection).await;
            let row = row.expect("the statement runs");
            (0..row.len()).map(|i| row.get(i)).collect()
        } else {
            let mut connection = SqliteConnection::connect(&self.url)
                .await
                .expect("it opens");
            let row = sqlx::query(sqlite).fetch_one(&mut connection).await;
            let row = row.expect("the statement runs");
            (0..row.len()).map(|i| row.get(i)).collect()
        };
        read(&columns)
    }
}

async fn administer(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server)
        .await
        .expect("the test database answers");
    sqlx::query(sqlx::AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .expect("databases can be made and removed");
    connection.close().await.expect("a session can be closed");
}
