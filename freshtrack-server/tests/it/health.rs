//! What operators and their tools ask: alive, ready, how much.

use crate::reply::send;
use crate::running::Running;
use reqwest::Method;
use serde_json::json;
use std::sync::atomic::Ordering;

#[tokio::test(flavor = "multi_thread")]
async fn health_names_each_check_and_needs_no_credential() {
    let run = Running::start().await;
    let live = send(run.request(Method::GET, "/health/live")).await;
    assert_eq!(live.expect(200), json!({ "status": "ok" }));
    for path in ["/health/ready", "/health"] {
        let ready = send(run.request(Method::GET, path)).await.expect(200);
        assert_eq!(ready["status"], "ok");
        for check in ["database", "migrations", "dispatcher", "sweeper", "inbox"] {
            assert_eq!(ready["checks"][check]["ok"], true, "{check}: {ready}");
        }
        assert!(ready["checks"]["dispatcher_behind_events"].is_i64());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_drains_is_alive_and_not_ready() {
    let run = Running::start().await;
    run.server.app().draining.store(true, Ordering::Relaxed);
    let ready = send(run.request(Method::GET, "/health/ready")).await;
    let body = ready.expect(503);
    assert_eq!(body["status"], "unavailable");
    assert_eq!(body["checks"]["draining"], true);
    send(run.request(Method::GET, "/health/live"))
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_became_of_readings() {
    let run = Running::start().await;
    let count = async |result: &str| {
        let metrics = send(run.request(Method::GET, "/metrics")).await;
        assert_eq!(metrics.status, 200);
        assert!(metrics.header("content-type").starts_with("text/plain"));
        let name = format!("freshtrack_readings_total{{result=\"{result}\"}} ");
        let line = metrics
            .text
            .lines()
            .find_map(|line| line.strip_prefix(&name));
        line.map_or(0, |value| value.parse::<u64>().expect("a count"))
    };
    // Other tests of this process count into the same metrics.
    let before = (count("accepted").await, count("rejected").await);
    let good = run.reading(r#""temperature":4"#);
    run.ingest(&[good, "7".to_owned()]).await.expect(200);
    assert!(count("accepted").await > before.0);
    assert!(count("rejected").await > before.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_every_loop_and_the_next_start_finds_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_path_buf();
    let database = freshtrack_server::config::DatabaseUrl::sqlite(path.join("kept.db"));
    let keep = |settings: &mut freshtrack_server::config::Settings| {
        settings.database = database.clone();
    };
    let run = Running::start_with(keep).await;
    run.ingest(&[run.reading(r#""temperature":4"#)])
        .await
        .expect(200);
    let (org, unit) = (run.home.organization, run.home.unit);
    let address = run.server.address();
    run.server.stop().await;
    assert!(
        reqwest::get(format!("http://{address}/health/live"))
            .await
            .is_err()
    );
    let store = freshtrack_server::store::sqlite::SqliteStore::open(
        &path.join("kept.db"),
        freshtrack_server::store::sqlite::SqliteOptions::default(),
    )
    .await
    .unwrap();
    let latest = freshtrack_core::ports::ReadingStore::latest(&store, org, &[unit]).await;
    assert_eq!(latest.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_an_id_and_the_headers_that_protect_browsers() {
    let run = Running::start().await;
    for path in [
        "/health/live",
        "/metrics",
        "/nothing",
        "/api/v1/openapi.json",
    ] {
        let answer = send(run.request(Method::GET, path)).await;
        assert!(
            answer.header("x-request-id").parse::<uuid::Uuid>().is_ok(),
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    let document = send(run.request(Method::GET, "/api/v1/openapi.json")).await;
    assert_eq!(document.text, freshtrack_server::http::openapi_document());
}
