//! Row-level security on PostgreSQL: what a statement that forgets its organization still cannot see.

#![expect(
    clippy::unwrap_used,
    reason = "a law panics when it is broken; that is all it does"
)]

use crate::scratch;
use freshtrack_alerts::change::Change;
use freshtrack_alerts::testkit::{must_commit, sample as alerts};
use freshtrack_core::page::PageRequest;
use freshtrack_core::ports::{
    AuditLog, AuditQuery, AuditRange, Places, ReadingOrder, ReadingQuery, ReadingSeries,
    ReadingStore,
};
use freshtrack_core::series::{Frame, Watch};
use freshtrack_core::testkit::sample::{Tenant, at, journal};
use freshtrack_core::time::Span;
use freshtrack_server::store::postgres::{PostgresOptions, PostgresStore};
use sqlx::{Connection, PgConnection};

/// Tables that hold rows of the two organizations of these tests.
const TABLES: [&str; 7] = [
    "site",
    "area",
    "unit",
    "reading",
    "quarantined_reading",
    "audit_event",
    "outbox_event",
];

/// A store of a role that is no superuser but owns its tables, as an installation's should be, with two
/// organizations; and the URL of that role.
async fn two_tenants() -> Option<(PostgresStore, String, Tenant, Tenant)> {
    let url = scratch::postgres_url().await?;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let schema: String = sqlx::query_scalar("SELECT current_schema()::text")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    for statement in [
        format!("CREATE ROLE {schema} LOGIN PASSWORD 'wall' NOSUPERUSER"),
        format!("ALTER SCHEMA {schema} OWNER TO {schema}"),
    ] {
        let statement = sqlx::query(sqlx::AssertSqlSafe(statement));
        statement.execute(&mut connection).await.unwrap();
    }
    let (_, rest) = url.split_once("://").unwrap();
    let host = rest.split_once('@').map_or(rest, |(_, host)| host);
    let url = format!("postgres://{schema}:wall@{host}");
    let store = PostgresStore::connect(&url, PostgresOptions::default())
        .await
        .unwrap();
    let mut tenants = Vec::new();
    for name in ["alpha", "beta"] {
        let tenant = Tenant::create(&store, name).await;
        let mut change = Change::empty(tenant.org, at(100));
        change.readings = vec![alerts::reading(tenant.unit, 10)];
        change.quarantined = vec![alerts::quarantined(tenant.unit, 20)];
        change.journal = journal(name);
        must_commit(&store, change).await;
        tenants.push(tenant);
    }
    let [one, other] = <[Tenant; 2]>::try_from(tenants).unwrap();
    Some((store, url, one, other))
}

async fn count(connection: &mut PgConnection, table: &str) -> i64 {
    let text = format!("SELECT count(*) FROM {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(text))
        .fetch_one(connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_statement_without_its_organization_sees_and_writes_nothing_of_another() {
    let Some((_store, url, one, _)) = two_tenants().await else {
        return;
    };
    let mut connection = PgConnection::connect(&url).await.unwrap();
    for table in TABLES {
        assert_eq!(
            count(&mut connection, table).await,
            2,
            "{table}, both of them"
        );
    }
    let mut tx = connection.begin().await.unwrap();
    sqlx::query(
        "SELECT set_config('freshtrack.org_key',
                           (SELECT key::text FROM organization WHERE id = $1), true)",
    )
    .bind(one.org.as_uuid())
    .execute(&mut *tx)
    .await
    .unwrap();
    for table in TABLES {
        assert_eq!(count(&mut tx, table).await, 1, "{table}, its own");
    }
    let changed = sqlx::query("UPDATE unit SET name = 'x'")
        .execute(&mut *tx)
        .await
        .unwrap();
    assert_eq!(changed.rows_affected(), 1, "nor is another's row changed");
    let foreign = sqlx::query(
        "INSERT INTO outbox_event (org_key, seq, kind, occurred_at, payload)
         SELECT max(key), 999, 'x', now(), '{}' FROM organization",
    )
    .execute(&mut *tx)
    .await;
    let refused = foreign.unwrap_err().to_string();
    assert!(refused.contains("row-level security"), "{refused}");
    drop(tx);
    assert_eq!(
        count(&mut connection, "unit").await,
        2,
        "until the transaction ends"
    );
}

/// Where nothing is visible to a transaction that names no organization, exactly the reads that name
/// theirs still answer: those this server promises the wall for.
#[tokio::test]
async fn reads_of_the_record_name_their_organization() {
    let Some((store, url, tenant, _)) = two_tenants().await else {
        return;
    };
    let mut connection = PgConnection::connect(&url).await.unwrap();
    for table in TABLES {
        let text = format!(
            "ALTER POLICY one_organization ON {table}
             USING (coalesce(current_setting('freshtrack.org_key', true), '') = org_key::text)"
        );
        sqlx::query(sqlx::AssertSqlSafe(text))
            .execute(&mut connection)
            .await
            .unwrap();
        assert_eq!(count(&mut connection, table).await, 0, "nobody is named");
    }
    let page = PageRequest {
        limit: 10,
        after: None,
    };
    let query = ReadingQuery {
        unit: tenant.unit,
        from: at(0),
        to: at(100),
        order: ReadingOrder::OldestFirst,
    };
    let found = ReadingStore::list(&store, tenant.org, query, page).await;
    assert_eq!(found.unwrap().items.len(), 1, "readings");
    let found = store.latest(tenant.org, &[tenant.unit]).await;
    assert_eq!(found.unwrap().len(), 1, "the latest reading");
    let found = store.quarantined(tenant.org, None, 10).await;
    assert_eq!(found.unwrap().len(), 1, "values put aside");
    let frame = Frame {
        from: at(0),
        to: at(100),
        seen_to: at(100),
        origin: at(0),
        width: Span::from_seconds(100),
    };
    let watch = Watch {
        unit: tenant.unit,
        interval: Span::from_minutes(5),
        max: None,
        min: None,
    };
    let found = store.sums(tenant.org, frame, &[watch]).await;
    assert_eq!(found.unwrap().len(), 1, "series");
    let range = AuditRange { from: 1, limit: 10 };
    let found = AuditLog::list(&store, tenant.org, range).await;
    assert_eq!(found.unwrap().len(), 1, "the audit chain");
    let page = PageRequest {
        limit: 10,
        after: None,
    };
    let found = store.search(tenant.org, &AuditQuery::default(), page).await;
    assert_eq!(found.unwrap().items.len(), 1, "the audit list");
    let found = Places::find_unit(&store, tenant.org, tenant.unit).await;
    assert!(
        found.unwrap().is_none(),
        "places are behind the first wall only: add them to the promise when that changes"
    );
}
