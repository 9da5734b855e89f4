//! SIGTERM: requests under way end, nothing accepted is lost, the exit code is 0 (G-11).

use crate::client::Tenant;
use crate::database::Database;
use crate::kill::{Victim, now};
use crate::program::free_address;
use freshtrack_core::time::Span;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A stop without stuck clients takes no longer.
const STOPS_WITHIN: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn processes_sigterm_loses_no_accepted_reading_and_exits_0() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::sqlite(folder.path());
    let victim = Victim {
        folder: folder.path(),
        address: free_address(),
        database: database.url.clone(),
    };
    let server = victim.start().await;
    let tenant = Tenant::bootstrap(folder.path(), &database.url, &server.base).await;
    let start = now() - Span::from_seconds(86_400);
    let stop = Arc::new(AtomicBool::new(false));
    let mut senders = JoinSet::new();
    for sender in 0..4_i64 {
        let (tenant, stop) = (tenant.clone(), Arc::clone(&stop));
        senders.spawn(async move {
            let mut answered = Vec::new();
            for n in 0..5_000_i64 {
                let at = start + Span::from_seconds(n * 4 + sender);
                let batch = json!({ "readings": [{
                    "unit_id": tenant.field("unit_id"), "recorded_at": at, "temperature": 3.0
                }]});
                if tenant.ingest(&batch).await.is_some() {
                    answered.push(at.to_string());
                } else if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
            answered
        });
    }
    tokio::time::sleep(Duration::from_millis(800)).await;
    stop.store(true, Ordering::Relaxed);
    let asked = Instant::now();
    assert_eq!(server.stop().await, Some(0));
    assert!(
        asked.elapsed() < STOPS_WITHIN,
        "it took {:?}",
        asked.elapsed()
    );
    let mut answered = senders.join_all().await.concat();
    assert!(
        answered.len() > 20,
        "hardly anything was sent: {}",
        answered.len()
    );

    let server = victim.start().await;
    let path = format!("/units/{}/readings?order=asc", tenant.field("unit_id"));
    let rows = tenant.all(&path).await;
    let stored: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["recorded_at"].as_str())
        .collect();
    answered.retain(|at| !stored.contains(&at.as_str()));
    assert!(answered.is_empty(), "answered and lost: {answered:?}");
    assert_eq!(server.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_a_request_under_way_at_sigterm_is_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::sqlite(folder.path());
    let victim = Victim {
        folder: folder.path(),
        address: free_address(),
        database: database.url.clone(),
    };
    let server = victim.start().await;
    let tenant = Tenant::bootstrap(folder.path(), &database.url, &server.base).await;
    let body = json!({ "readings": [{
        "unit_id": tenant.field("unit_id"), "recorded_at": now(), "temperature": 3.0
    }]})
    .to_string();
    let mut stream = TcpStream::connect(&victim.address)
        .await
        .expect("it listens");
    let head = format!(
        "POST /api/v1/ingest/readings HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\n\
         content-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        tenant.field("api_key"),
        body.len()
    );
    let (first, rest) = body.split_at(10);
    stream
        .write_all(format!("{head}{first}").as_bytes())
        .await
        .expect("sent");
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.signal("TERM");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    stream.write_all(rest.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert_eq!(server.ended().await, Some(0));
    // Stored or refused with advice, but answered either way, and truly.
    let accepted = answer.starts_with("HTTP/1.1 200") && answer.contains("\"accepted\":1");
    let refused = answer.starts_with("HTTP/1.1 503");
    assert!(accepted || refused, "{answer}");
    assert!(accepted, "a request under way was turned away: {answer}");
    let server = victim.start().await;
    let path = format!("/units/{}/readings", tenant.field("unit_id"));
    assert_eq!(tenant.all(&path).await.len(), 1);
    assert_eq!(server.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_a_draining_server_says_it_is_not_ready() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::sqlite(folder.path());
    let victim = Victim {
        folder: folder.path(),
        address: free_address(),
        database: database.url.clone(),
    };
    let server = victim.start().await;
    let tenant = Tenant::bootstrap(folder.path(), &database.url, &server.base).await;
    // A request that takes its time keeps the server draining.
    let mut slow = TcpStream::connect(&victim.address)
        .await
        .expect("it listens");
    let head = format!(
        "POST /api/v1/ingest/readings HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\n\
         content-type: application/json\r\ncontent-length: 40\r\n\r\n{{",
        tenant.field("api_key")
    );
    slow.write_all(head.as_bytes()).await.expect("sent");
    let ready = format!("{}/health/ready", server.base);
    let status = async || {
        tenant
            .http
            .get(&ready)
            .send()
            .await
            .map(|a| a.status().as_u16())
    };
    // The first beats of all loops come within a moment of the start.
    let mut before = 0;
    for _ in 0..40 {
        before = status().await.expect("it answers");
        if before == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(before, 200, "a running server is ready");
    server.signal("TERM");
    let mut seen = Vec::new();
    for _ in 0..40 {
        match status().await {
            Ok(code) => seen.push(code),
            Err(_) => break,
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Answers before the signal arrived are 200; after it nothing but 503, then nobody listens.
    let first_503 = seen
        .iter()
        .position(|code| *code == 503)
        .unwrap_or(seen.len());
    assert!(
        seen[first_503..].iter().all(|code| *code == 503),
        "{seen:?}"
    );
    drop(slow);
    assert_eq!(server.ended().await, Some(0));
}
