//! A handler made of a closure, and a worker around it: what the laws of the runtime are played with.

#![expect(
    clippy::unwrap_used,
    reason = "a law that cannot ask its backend has failed"
)]

use super::{Bench, BenchIds, queue_name};
use crate::job::{Job, Kind, Lane, NewJob, Reason};
use crate::ports::{JobFilter, JobState, JobView, Queue, Scope, WorkerId};
use crate::registry::{Context, Handler, KindSpec, Outcome, Registry};
use crate::retry::{Backoff, Class, Failure, Policy};
use crate::stats::NoMetrics;
use crate::worker::{DrainBounds, Drained, LaneSlots, Worker, WorkerConfig, WorkerError};
use async_trait::async_trait;
use freshtrack_core::page::PageRequest;
use freshtrack_core::time::Span;
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

type Body = dyn Fn(Job, Context) -> BoxFuture<'static, Outcome> + Send + Sync;

/// A handler made of a closure, which notes the deaths it was told of.
#[derive(Clone)]
pub(super) struct Scripted {
    body: Arc<Body>,
    pub(super) deaths: Arc<Mutex<Vec<Failure>>>,
}

impl Scripted {
    pub(super) fn new<F, Fut>(body: F) -> Self
    where
        F: Fn(Job, Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
    {
        let body: Arc<Body> = Arc::new(move |job, context| Box::pin(body(job, context)));
        Self {
            body,
            deaths: Arc::default(),
        }
    }
}

#[async_trait]
impl Handler<Value> for Scripted {
    async fn run(&self, job: &Job, _payload: Value, context: Context) -> Outcome {
        (self.body)(job.clone(), context).await
    }

    async fn died(&self, _job: &Job, failure: &Failure) {
        self.deaths.lock().unwrap().push(failure.clone());
    }
}

/// How often each key was run.
#[derive(Debug, Clone, Default)]
pub(super) struct Runs(Arc<Mutex<BTreeMap<String, u32>>>);

impl Runs {
    pub(super) fn note(&self, job: &Job) -> u32 {
        let mut runs = self.0.lock().unwrap();
        let count = runs.entry(job.spec.key().as_str().to_owned()).or_default();
        *count += 1;
        *count
    }

    pub(super) fn of(&self, key: &str) -> u32 {
        self.0.lock().unwrap().get(key).copied().unwrap_or(0)
    }

    pub(super) fn keys(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

pub(super) fn done() -> Outcome {
    Outcome::Done(Reason::done())
}

/// A quick policy: 100 ms, doubling up to 200 ms, for 2 s.
pub(super) fn quick() -> Policy {
    let ms = |n: i64| Span::from_micros(n * 1_000);
    Policy::exponential(ms(100), ms(200), ms(2_000)).with_override(
        Class::Throttled,
        Backoff::Exponential {
            base: ms(100),
            cap: ms(100),
        },
    )
}

pub(super) struct Running {
    pub(super) stop: CancellationToken,
    pub(super) task: JoinHandle<Result<Drained, WorkerError>>,
    _owner: TaskTracker,
}

impl Running {
    pub(super) async fn stop(self) -> Drained {
        self.stop.cancel();
        self.task.await.unwrap().unwrap()
    }
}

/// Starts a worker for kind `test:run` in queue `work`, with so many slots per lane.
pub(super) fn start(
    bench: &dyn Bench,
    name: &str,
    slots: [usize; 3],
    handler: Scripted,
) -> Running {
    start_with(
        bench,
        name,
        slots,
        handler,
        |spec| spec,
        DrainBounds::default(),
    )
}

pub(super) fn start_with(
    bench: &dyn Bench,
    name: &str,
    slots: [usize; 3],
    handler: Scripted,
    change: impl Fn(KindSpec) -> KindSpec,
    drain: DrainBounds,
) -> Running {
    let worker = worker(bench, bench.queue(), name, slots, handler, change, drain);
    let stop = CancellationToken::new();
    let owner = TaskTracker::new();
    let task = owner.spawn(worker.run(stop.clone()));
    Running {
        stop,
        task,
        _owner: owner,
    }
}

/// Starts a worker with threads and a backend connection of its own, to be killed at once.
pub(super) async fn start_in_a_process(
    bench: &dyn Bench,
    name: &str,
    slots: [usize; 3],
    handler: Scripted,
) -> tokio::runtime::Runtime {
    let (queue, _) = bench.reopen().await;
    let drain = DrainBounds::default();
    let worker = worker(bench, queue, name, slots, handler, |spec| spec, drain);
    let process = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    process.spawn(worker.run(CancellationToken::new()));
    process
}

fn worker(
    bench: &dyn Bench,
    backend: Arc<dyn Queue>,
    name: &str,
    slots: [usize; 3],
    handler: Scripted,
    change: impl Fn(KindSpec) -> KindSpec,
    drain: DrainBounds,
) -> Worker {
    let queue = queue_name("work");
    let mut registry = Registry::new();
    let spec = KindSpec::new(Kind::new("test:run").unwrap(), queue.clone());
    let spec = change(KindSpec {
        policy: quick(),
        ..spec
    });
    registry
        .register(spec, &serde_json::json!({}), handler)
        .unwrap();
    let lanes = Lane::ALL
        .into_iter()
        .zip(slots)
        .filter(|(_, slots)| *slots > 0)
        .map(|(lane, slots)| LaneSlots {
            queue: queue.clone(),
            lane,
            slots,
        })
        .collect();
    let mut config = WorkerConfig::new(WorkerId::new(name), lanes);
    config.lease = bench.lease();
    config.drain = drain;
    let (ids, metrics): (Arc<BenchIds>, _) = (Arc::default(), Arc::new(NoMetrics));
    Worker::new(
        backend,
        Arc::new(registry),
        bench.clock(),
        ids,
        metrics,
        config,
    )
    .unwrap()
}

pub(super) async fn enqueue(bench: &dyn Bench, jobs: Vec<NewJob>) {
    let now = bench.clock().now();
    bench.queue().enqueue(jobs, now).await.unwrap();
}

pub(super) async fn views(bench: &dyn Bench, state: JobState) -> Vec<JobView> {
    let filter = JobFilter {
        state: Some(state),
        ..JobFilter::default()
    };
    let page = PageRequest {
        limit: 200,
        after: None,
    };
    let (queue, now) = (queue_name("work"), bench.clock().now());
    bench
        .admin()
        .list(Scope::Everything, &queue, &filter, page, now)
        .await
        .unwrap()
        .items
}

/// Waits until `check` holds; fails the law after `limit`.
pub(super) async fn until(what: &str, limit: Duration, check: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !check().await {
        assert!(begun.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(super) const SOON: Duration = Duration::from_secs(10);
