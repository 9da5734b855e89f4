//! What the schema itself refuses, whoever asks.

use crate::scratch;
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::ports::Places;
use freshtrack_core::testkit::assert_journals;
use freshtrack_core::testkit::sample::{Tenant, journal};
use freshtrack_server::store::sqlite::{SqliteOptions, SqliteStore};
use freshtrack_server::store::{Store, StoreOptions};
use sqlx::{Connection, PgConnection};
use std::time::Duration;

#[tokio::test]
async fn sqlite_refuses_to_change_or_remove_an_audit_event() {
    let path = scratch::sqlite_path();
    let store = SqliteStore::open(&path, SqliteOptions::default())
        .await
        .unwrap();
    let (_, new) = Tenant::new("Tenant");
    freshtrack_core::ports::Organizations::create(&store, new, journal("made"))
        .await
        .unwrap();
    for statement in [
        "UPDATE audit_event SET title = 'nothing happened'",
        "DELETE FROM audit_event",
    ] {
        let refused = scratch::execute(&path, statement).await;
        let told = refused
            .expect_err("an audit event stays as it is")
            .to_string();
        assert!(told.contains("append-only"), "{told}");
    }
}

#[tokio::test]
async fn postgres_refuses_to_change_or_remove_an_audit_event() {
    let Some(url) = scratch::postgres_url().await else {
        return;
    };
    let store = Store::connect(&url, StoreOptions::default()).await.unwrap();
    let (_, new) = Tenant::new("Tenant");
    store
        .organizations
        .create(new, journal("made"))
        .await
        .unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    for statement in [
        "UPDATE audit_event SET title = 'nothing happened'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
    ] {
        let refused = sqlx::query(statement).execute(&mut connection).await;
        let told = refused
            .expect_err("an audit event stays as it is")
            .to_string();
        assert!(told.contains("append-only"), "{told}");
    }
}

#[tokio::test]
async fn a_file_held_by_somebody_else_is_unavailable_and_readable() {
    let path = scratch::sqlite_path();
    let options = SqliteOptions {
        busy_timeout: Duration::from_millis(50),
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open(&path, options).await.unwrap();
    let tenant = Tenant::create(&store, "Tenant").await;
    let file = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut other = sqlx::SqliteConnection::connect_with(&file).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    let refused = store
        .create_site(tenant.org, tenant.new_site("Second"), Journal::default())
        .await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    assert!(
        store
            .find_site(tenant.org, tenant.site)
            .await
            .unwrap()
            .is_some()
    );
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    store
        .create_site(tenant.org, tenant.new_site("Second"), Journal::default())
        .await
        .expect("the same call succeeds later");
}

/// A transaction that reads first and writes later fails at once when another process wrote in between,
/// whatever the busy timeout; so a writer must say from the start that it is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_may_write_to_one_sqlite_file_at_once() {
    let path = scratch::sqlite_path();
    let one = SqliteStore::open(&path, SqliteOptions::default())
        .await
        .unwrap();
    let two = SqliteStore::open(&path, SqliteOptions::default())
        .await
        .unwrap();
    let tenant = Tenant::create(&one, "Tenant").await;
    let write = async |store: &SqliteStore, name: &str| {
        for n in 0..25 {
            let site = tenant.new_site(&format!("{name} {n}"));
            store
                .create_site(tenant.org, site, journal("site"))
                .await
                .unwrap();
        }
    };
    tokio::join!(write(&one, "one"), write(&two, "two"));
    assert_journals(&two, tenant.org, 50).await;
}
