//! Several processes on one database.

use crate::client::{Tenant, answer};
use crate::database::Database;
use crate::program::{Serving, end_of, freshtrack, run};
use std::path::Path;
use tokio::task::JoinSet;

async fn server_on(folder: &Path, url: &str, log: &str) -> Serving {
    let mut command = freshtrack(folder);
    command.args(["serve", "--listen", "127.0.0.1:0", "--database", url]);
    Serving::start(&mut command, &folder.join(log)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_two_servers_started_at_once_on_an_empty_postgres_both_work() {
    let Some(database) = Database::postgres().await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let (one, two) = tokio::join!(
        server_on(folder.path(), &database.url, "one.log"),
        server_on(folder.path(), &database.url, "two.log"),
    );
    let tenant = Tenant::bootstrap(folder.path(), &database.url, &one.base).await;
    let unit = tenant.fridge("Walk-in").await;
    let beside = Tenant {
        base: two.base.clone(),
        ..tenant.clone()
    };
    // One signing key for both, and one truth.
    let read = beside.get(&format!("/units/{unit}")).await;
    assert_eq!(read["name"], "Walk-in");
    for server in [one, two] {
        assert_eq!(server.stop().await, Some(0));
    }
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_bootstrap_and_token_work_beside_a_running_server_on_one_sqlite_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::sqlite(folder.path());
    let server = server_on(folder.path(), &database.url, "server.log").await;
    let tenant = Tenant::bootstrap(folder.path(), &database.url, &server.base).await;
    let org = tenant.field("organization_id");
    let token = run(
        folder.path(),
        &[
            "token",
            "--organization",
            org,
            "--user",
            "second@torture.example",
            "--role",
            "manager",
            "--database",
            &database.url,
        ],
    )
    .await;
    assert_eq!(token.code, Some(0), "{}", token.stderr);
    let (status, body) = tenant.get_as(token.stdout.trim(), "/units").await;
    assert_eq!(status, 200, "{body}");
    let (status, _) = answer(tenant.http.get(format!("{}/health/live", server.base))).await;
    assert_eq!(status, 200);
    assert_eq!(server.stop().await, Some(0));
}

async fn migrate_at_once(folder: &Path, url: &str) {
    let mut several = JoinSet::new();
    for _ in 0..5 {
        let mut command = freshtrack(folder);
        command.args(["migrate", "--database", url]);
        several.spawn(async move { end_of(&mut command).await });
    }
    for ended in several.join_all().await {
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stdout.contains("newest schema"), "{}", ended.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_several_migrate_at_once_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    migrate_at_once(folder.path(), &Database::sqlite(folder.path()).url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_several_migrate_at_once_on_postgres() {
    let Some(database) = Database::postgres().await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    migrate_at_once(folder.path(), &database.url).await;
    database.remove().await;
}
