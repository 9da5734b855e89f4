//! Secrets are in no output and no log, whatever the level (L-80).

use crate::client::Tenant;
use crate::database::Database;
use crate::kill::now;
use crate::program::{Serving, end_of, freshtrack};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn processes_no_secret_is_logged_at_debug() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::sqlite(folder.path());
    let mut command = freshtrack(folder.path());
    command
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--database",
            &database.url,
        ])
        .env("FRESHTRACK_LOG", "debug");
    let server = Serving::start(&mut command, &folder.path().join("server.log")).await;
    let tenant = Tenant::bootstrap(folder.path(), &database.url, &server.base).await;
    let batch = json!({ "readings": [
        { "unit_id": tenant.field("unit_id"), "recorded_at": now(), "temperature": 3.0 }
    ]});
    assert!(tenant.ingest(&batch).await.is_some());
    tenant.get("/units").await;
    let uplink = format!("{}/uplink", tenant.field("webhook_url"));
    for secret in [tenant.field("webhook_secret"), "wrong-secret-9d1f"] {
        let request = tenant
            .http
            .post(&uplink)
            .header("x-webhook-secret", secret)
            .body("{}");
        request.send().await.expect("an answer");
    }
    let key = format!("{}/api/v1/ingest/readings", server.base);
    let wrong = tenant
        .http
        .post(&key)
        .header("x-api-key", "ft_wrong_key_77aa")
        .json(&batch);
    assert_eq!(wrong.send().await.expect("an answer").status(), 401);
    tenant.get_as("wrong.token.55bb", "/units").await;
    let stream = format!("{}/api/v1/stream", server.base);
    let live = tenant
        .http
        .get(&stream)
        .bearer_auth(tenant.field("owner_token"));
    drop(
        live.header("accept", "text/event-stream")
            .send()
            .await
            .expect("a stream"),
    );
    let log = server.log.clone();
    assert_eq!(server.stop().await, Some(0));
    let logged = std::fs::read_to_string(log).expect("the log is there");
    assert!(logged.contains("DEBUG"), "the level counts: {logged}");
    for field in ["owner_token", "api_key", "webhook_secret"] {
        assert!(
            !logged.contains(tenant.field(field)),
            "`{field}` is in the log"
        );
    }
    for wrong in ["wrong-secret-9d1f", "ft_wrong_key_77aa", "wrong.token.55bb"] {
        assert!(!logged.contains(wrong), "{wrong} is in the log");
    }
    // A signature alone is as good as a secret to somebody who can guess the rest.
    let signature = tenant
        .field("owner_token")
        .rsplit('.')
        .next()
        .expect("a signature");
    assert!(!logged.contains(signature));
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_a_database_password_is_in_no_output_and_no_log() {
    let folder = tempfile::tempdir().expect("a folder");
    // Nobody listens there, the port is none, the scheme is none, the options are none.
    for url in [
        "postgres://ft:hunter2@127.0.0.1:1/freshtrack",
        "postgres://ft:hunter2@127.0.0.1:port/freshtrack",
        "mysql://ft:hunter2@127.0.0.1/freshtrack",
        "postgres://127.0.0.1:1/freshtrack?user=ft&password=hunter2",
        "postgres://ft:hunter2@127.0.0.1:1/freshtrack?sslmode=hunter2",
    ] {
        for arguments in [&["migrate"][..], &["serve", "--listen", "127.0.0.1:0"]] {
            let mut command = freshtrack(folder.path());
            command
                .args(arguments)
                .env("FRESHTRACK_DATABASE", url)
                .env("FRESHTRACK_LOG", "debug");
            let ended = end_of(&mut command).await;
            assert!(matches!(ended.code, Some(1 | 2)), "{url}: {ended:?}");
            assert!(
                !format!("{ended:?}").contains("hunter2"),
                "{url}: {ended:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_a_database_password_is_not_logged_by_a_server_that_works() {
    let Some(database) = Database::postgres().await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    // Servers for tests trust their users, so that any password opens them.
    let mark = if database.url.contains('?') { '&' } else { '?' };
    let url = format!("{}{mark}password=hunter2", database.url);
    let mut command = freshtrack(folder.path());
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    command
        .env("FRESHTRACK_DATABASE", &url)
        .env("FRESHTRACK_LOG", "debug");
    let server = Serving::start(&mut command, &folder.path().join("server.log")).await;
    Tenant::bootstrap(folder.path(), &url, &server.base).await;
    let logged = server.logged();
    assert!(
        logged.contains("DEBUG") && logged.contains("postgres://"),
        "{logged}"
    );
    assert!(!logged.contains("hunter2"), "{logged}");
    assert_eq!(server.stop().await, Some(0));
    database.remove().await;
}
