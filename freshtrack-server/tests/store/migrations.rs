//! The schema: where it comes from and that nobody can be too early or too late for it.

#![expect(
    clippy::unwrap_used,
    reason = "a law panics when it is broken; that is all it does"
)]

use crate::scratch;
use freshtrack_server::store::postgres::{PostgresOptions, PostgresStore};
use freshtrack_server::store::sqlite::{SqliteOptions, SqliteStore};
use freshtrack_server::store::{OpenError, Store, StoreOptions};
use std::path::Path;
use tokio::task::JoinSet;

/// File names of a folder of migrations, in order.
fn names(folder: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("migrations")
        .join(folder);
    let mut names: Vec<String> = std::fs::read_dir(path)
        .expect("the folder is there")
        .map(|entry| {
            entry
                .expect("a readable entry")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .collect();
    names.sort();
    names
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names_of_sqlite = names("sqlite");
    assert_eq!(
        names_of_sqlite,
        names("postgres"),
        "same numbers, same titles"
    );
    let numbers: Vec<&str> = names_of_sqlite
        .iter()
        .filter_map(|name| name.get(..5))
        .collect();
    assert!(
        numbers.windows(2).all(|pair| pair[0] < pair[1]),
        "each number once: {numbers:?}"
    );
}

#[tokio::test]
async fn sqlite_migrates_once_and_a_second_start_changes_nothing() {
    let path = scratch::sqlite_path();
    let store = SqliteStore::attach(&path, SqliteOptions::default())
        .await
        .unwrap();
    assert!(
        !store.migrations_at_head().await.unwrap(),
        "an empty database is not at head"
    );
    store.migrate().await.unwrap();
    assert!(store.migrations_at_head().await.unwrap());
    let epoch = store.history_epoch().await.unwrap();
    assert_eq!(epoch.len(), 32);
    store.close().await;
    let again = SqliteStore::open(&path, SqliteOptions::default())
        .await
        .unwrap();
    assert_eq!(
        again.history_epoch().await.unwrap(),
        epoch,
        "nothing was made anew"
    );
}

#[tokio::test]
async fn postgres_migrates_once_and_a_second_start_changes_nothing() {
    let Some(url) = scratch::postgres_url().await else {
        return;
    };
    let store = PostgresStore::attach(&url, PostgresOptions::default())
        .await
        .unwrap();
    assert!(
        !store.migrations_at_head().await.unwrap(),
        "an empty database is not at head"
    );
    store.migrate().await.unwrap();
    assert!(store.migrations_at_head().await.unwrap());
    let epoch = store.history_epoch().await.unwrap();
    assert_eq!(epoch.len(), 32);
    store.close().await;
    let again = PostgresStore::connect(&url, PostgresOptions::default())
        .await
        .unwrap();
    assert_eq!(
        again.history_epoch().await.unwrap(),
        epoch,
        "nothing was made anew"
    );
}

/// Four starters at one URL; all must come up, over one schema.
async fn four_start_at_once(url: &str) {
    let mut starters = JoinSet::new();
    for _ in 0..4 {
        let url = url.to_owned();
        starters.spawn(async move { Store::connect(&url, StoreOptions::default()).await });
    }
    let stores: Vec<Store> = starters
        .join_all()
        .await
        .into_iter()
        .map(|store| store.expect("each of four starters comes up"))
        .collect();
    let epoch = stores[0].history_epoch().await.unwrap();
    for store in stores {
        assert!(store.health().await.unwrap().migrations_at_head);
        assert_eq!(
            store.history_epoch().await.unwrap(),
            epoch,
            "one database, one history"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_processes_may_start_at_once_on_an_empty_sqlite_file() {
    let path = scratch::sqlite_path();
    four_start_at_once(&format!("sqlite:{}", path.display())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_processes_may_start_at_once_on_an_empty_postgres_schema() {
    if let Some(url) = scratch::postgres_url().await {
        four_start_at_once(&url).await;
    }
}

#[tokio::test]
async fn a_database_newer_than_the_program_is_refused() {
    let path = scratch::sqlite_path();
    let store = SqliteStore::open(&path, SqliteOptions::default())
        .await
        .unwrap();
    scratch::execute(
        &path,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', TRUE, x'00', 0)",
    )
    .await
    .unwrap();
    assert!(!store.migrations_at_head().await.unwrap());
    let refused = SqliteStore::open(&path, SqliteOptions::default()).await;
    assert!(matches!(refused, Err(OpenError::Migrate(_))), "{refused:?}");
}

#[tokio::test]
async fn a_password_is_in_no_error_and_no_debug_text() {
    let urls = [
        "postgres://user:hunter2@127.0.0.1:1/nowhere",
        "postgres://user:hunter2@[/nowhere",
        "mysql://user:hunter2@127.0.0.1/nowhere",
    ];
    for url in urls {
        let error = Store::connect(url, StoreOptions::default())
            .await
            .unwrap_err();
        let mut told = vec![format!("{error} {error:?}")];
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            told.push(format!("{cause} {cause:?}"));
            source = cause.source();
        }
        assert!(!told.concat().contains("hunter2"), "{told:?}");
    }
    if let Some(url) = scratch::postgres_url().await {
        let store = Store::connect(&url, StoreOptions::default()).await.unwrap();
        assert!(
            !format!("{store:?}").contains("127.0.0.1"),
            "nothing of the URL is told"
        );
    }
}

#[tokio::test]
async fn urls_that_name_no_file_or_no_database_are_refused() {
    for url in [
        "",
        "sqlite:",
        "sqlite::memory:",
        "/var/lib/x.sqlite",
        "redis://127.0.0.1",
    ] {
        let refused = Store::connect(url, StoreOptions::default()).await;
        assert!(matches!(refused, Err(OpenError::BadUrl)), "{url:?}");
    }
}
