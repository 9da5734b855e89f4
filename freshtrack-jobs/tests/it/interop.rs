//! J-23: Node's BullMQ runs our jobs, we run its jobs, and Bull Board lists our queues.
//!
//! Needs Node and the packages of `tests/interop` (`npm install` there). `FRESHTRACK_NODE` names the node
//! binary; without it, or without Redis, the test says that it skips.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot ask its backend has failed"
)]

use crate::backends::{unique, url};
use freshtrack_core::ports::Clock as _;
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_jobs::job::Reason;
use freshtrack_jobs::ports::{ClaimRequest, JobState, Queue, QueueAdmin, Scope, WorkerId};
use freshtrack_jobs::redis::{RedisConfig, RedisQueue};
use freshtrack_jobs::testkit::{BenchClock, job_of, org, queue_name};
use freshtrack_jobs::{Lane, Tenant};
use serde_json::Value;
use std::time::Duration;
use tokio::process::Command;

struct Node {
    program: String,
    url: String,
    prefix: String,
}

impl Node {
    async fn script(&self, action: &str, queue: &str) -> Value {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop");
        let run = Command::new(&self.program)
            .current_dir(folder)
            .args(["interop.mjs", action, &self.url, &self.prefix, queue])
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(Duration::from_secs(20), run)
            .await
            .unwrap()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{action}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment what there is"
)]
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn node() -> Option<Node> {
    let url = url("FRESHTRACK_TEST_REDIS_URL")?;
    let Ok(program) = std::env::var("FRESHTRACK_NODE") else {
        println!("SKIP: FRESHTRACK_NODE is unset");
        return None;
    };
    Some(Node {
        program,
        url,
        prefix: unique("node"),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "BullMQ's scripts go by the wall clock"
)]
fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    BenchClock::new(Timestamp::from_micros(
        since.as_micros().try_into().unwrap(),
    ))
    .now()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j_23_node_runs_ours_we_run_nodes_and_the_board_lists_both() {
    let Some(node) = node() else { return };
    let mut config = RedisConfig::new(&node.url);
    config.prefix.clone_from(&node.prefix);
    let queue = RedisQueue::new(config);

    let ours = job_of(1, "work", "k", now());
    queue.enqueue(vec![ours.clone()], now()).await.unwrap();
    let ran = node.script("run", "work").await;
    assert_eq!(ran["id"], ours.id().as_str());
    assert_eq!(ran["name"], "test:run");
    assert_eq!(ran["data"]["n"], 1);
    assert_eq!(ran["data"]["organizationId"], org(1).to_string());
    assert_eq!(ran["result"], 2);
    let (everything, work) = (Scope::Everything, queue_name("work"));
    let view = queue
        .get(everything, &work, &ours.id(), now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(view.state, JobState::Done, "Node's settlement counts");

    let theirs = node.script("enqueue", "work").await;
    let claimed = queue
        .claim(ClaimRequest {
            queue: work.clone(),
            lane: Lane::Default,
            worker: WorkerId::new(&unique("w")),
            max: 1,
            lease: Span::from_seconds(30),
            now: now(),
            wait: Duration::from_secs(5),
            stop: tokio_util::sync::CancellationToken::default(),
        })
        .await
        .unwrap()
        .remove(0);
    let job = claimed.job.expect("Node's job is a job");
    assert_eq!(theirs["id"], job.id.as_str());
    assert_eq!(job.spec.tenant(), Tenant::Organization(org(1)));
    assert_eq!(job.spec.payload().as_json(), r#"{"n":21}"#);
    queue
        .finish(&claimed.lease, &Reason::done(), now())
        .await
        .unwrap();

    let listed = node.script("board", "work").await;
    assert_eq!(listed[0]["name"], "work");
    assert_eq!(listed[0]["counts"]["completed"], 2, "{listed}");
}
