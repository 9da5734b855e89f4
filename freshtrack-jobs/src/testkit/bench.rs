//! What a law needs: a fresh backend, a clock, and the power to let time pass.

use crate::job::{JobId, JobKey, Kind, Lane, NewJob, Payload, QueueName, Tenant};
use crate::memory::MemoryQueue;
use crate::ports::{CLAIM_MAX, ClaimRequest, Claimed, Queue, QueueAdmin, WorkerId};
use crate::queue_settings::{QueueSettings, Rate, Retention};
use async_trait::async_trait;
use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::{Clock, IdGen};
use freshtrack_core::time::{Span, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// A queue whose lane default may start ten jobs a second.
pub const RATED: &str = "rated";

/// A queue that keeps five done and seven dead jobs, for ten and twenty seconds.
pub const SHORT_MEMORY: &str = "short-memory";

/// A backend under test.
#[async_trait]
pub trait Bench: Send + Sync {
    /// The queue, as one process holds it.
    fn queue(&self) -> Arc<dyn Queue>;

    /// Its administration.
    fn admin(&self) -> Arc<dyn QueueAdmin>;

    /// The same backend as another process, or this one after a restart, holds it.
    async fn reopen(&self) -> (Arc<dyn Queue>, Arc<dyn QueueAdmin>);

    /// The clock everything here goes by.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Lets that much time pass, by setting the clock or by waiting.
    async fn pass(&self, span: Span);

    /// A lease that is long enough to work in and short enough to wait for.
    fn lease(&self) -> Span {
        Span::from_seconds(30)
    }

    /// How many jobs make a flood here.
    fn flood(&self) -> usize {
        100_000
    }

    /// Whether racing enqueues can tell who created the job.
    fn knows_its_creator(&self) -> bool {
        true
    }

    /// Stores something in lane default of the queue that is no job of ours; false if that cannot be.
    async fn plant(&self, _queue: &QueueName) -> bool {
        false
    }

    /// Ends the lease of that job behind its holder's back.
    async fn break_lease(&self, claimed: &NewJob);

    /// Takes the backend down or up again; false if it cannot be.
    async fn outage(&self, _down: bool) -> bool {
        false
    }
}

/// A clock that runs and can be set forward.
#[derive(Debug)]
pub struct BenchClock {
    origin: Timestamp,
    begun: Instant,
    ahead_us: AtomicI64,
}

impl BenchClock {
    /// Starts at `origin`.
    #[must_use]
    pub fn new(origin: Timestamp) -> Self {
        Self {
            origin,
            begun: Instant::now(),
            ahead_us: AtomicI64::new(0),
        }
    }

    /// Sets the clock forward.
    pub fn advance(&self, span: Span) {
        self.ahead_us.fetch_add(span.as_micros(), Ordering::SeqCst);
    }
}

impl Default for BenchClock {
    fn default() -> Self {
        Self::new(Timestamp::from_seconds(1_800_000_000))
    }
}

impl Clock for BenchClock {
    fn now(&self) -> Timestamp {
        self.origin
            + crate::wakeups::span(self.begun.elapsed())
            + Span::from_micros(self.ahead_us.load(Ordering::SeqCst))
    }
}

/// Randomness that repeats; its ids are not unique and nothing here asks for one.
#[derive(Debug, Default)]
pub struct BenchIds(AtomicU64);

impl IdGen for BenchIds {
    fn uuid(&self) -> uuid::Uuid {
        uuid::Uuid::nil()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let n = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst);
            *byte = (n ^ (n >> 29)).to_le_bytes()[4];
        }
    }
}

/// The memory adapter on the bench: the model the others are compared with.
#[derive(Debug, Default)]
pub struct MemoryBench {
    queue: MemoryQueue,
    clock: Arc<BenchClock>,
}

impl MemoryBench {
    /// An empty queue under [`settings`].
    #[must_use]
    pub fn new() -> Self {
        Self {
            queue: MemoryQueue::new(settings()),
            clock: Arc::default(),
        }
    }
}

#[async_trait]
impl Bench for MemoryBench {
    fn queue(&self) -> Arc<dyn Queue> {
        Arc::new(self.queue.clone())
    }

    fn admin(&self) -> Arc<dyn QueueAdmin> {
        Arc::new(self.queue.clone())
    }

    async fn reopen(&self) -> (Arc<dyn Queue>, Arc<dyn QueueAdmin>) {
        (self.queue(), self.admin())
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::<BenchClock>::clone(&self.clock)
    }

    async fn pass(&self, span: Span) {
        self.clock.advance(span);
    }

    async fn break_lease(&self, _claimed: &NewJob) {
        let far = self.clock.now() + Span::from_seconds(86_400);
        self.queue
            .promote(far, 1_000)
            .await
            .expect("memory does not fail");
    }
}

/// The settings every bench is to use.
///
/// # Panics
/// Never; the names are constants.
#[must_use]
pub fn settings() -> QueueSettings {
    let kept = Retention {
        done: 5,
        dead: 7,
        done_age: Span::from_seconds(10),
        dead_age: Span::from_seconds(20),
    };
    let rate = Rate {
        max: 10,
        per: Span::from_seconds(1),
    };
    QueueSettings::default()
        .with_retention(queue_name(SHORT_MEMORY), kept)
        .with_rate(queue_name(RATED), Lane::Default, rate)
}

/// A queue's name.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn queue_name(text: &str) -> QueueName {
    QueueName::new(text).expect("a valid queue name")
}

/// Organization number `n`.
///
/// # Panics
/// Never.
#[must_use]
pub fn org(n: u8) -> OrgId {
    format!("018f3b1e-0000-7000-8000-0000000000{n:02x}")
        .parse()
        .expect("a valid id")
}

/// A job of organization 1 in queue `work`, lane default, due at `run_at`.
#[must_use]
pub fn job(key: &str, run_at: Timestamp) -> NewJob {
    job_of(1, "work", key, run_at)
}

/// A job of organization `n` in a queue, lane default, kind `test:run`.
///
/// # Panics
/// If the names are none.
#[must_use]
pub fn job_of(n: u8, queue: &str, key: &str, run_at: Timestamp) -> NewJob {
    NewJob::new(
        Tenant::Organization(org(n)),
        queue_name(queue),
        Kind::new("test:run").expect("a valid kind"),
        1,
        JobKey::new(key).expect("a valid key"),
        Payload::from_json(r#"{"n":1}"#).expect("a valid payload"),
        run_at,
    )
    .expect("a valid job")
}

/// Claims at most `max` jobs of lane default of a queue for `worker`, without waiting.
///
/// # Panics
/// If the backend fails.
pub async fn claim(bench: &dyn Bench, queue: &str, worker: &str, max: usize) -> Vec<Claimed> {
    bench
        .queue()
        .claim(request(bench, queue, worker, max))
        .await
        .expect("the backend answers")
}

/// Claims everything that is due in lane default of a queue.
///
/// # Panics
/// If the backend fails.
pub async fn claim_all(bench: &dyn Bench, queue: &str, worker: &str) -> Vec<Claimed> {
    let mut all = Vec::new();
    loop {
        let some = claim(bench, queue, worker, CLAIM_MAX).await;
        if some.is_empty() {
            return all;
        }
        all.extend(some);
    }
}

/// The request behind [`claim`].
pub(super) fn request(bench: &dyn Bench, queue: &str, worker: &str, max: usize) -> ClaimRequest {
    ClaimRequest {
        queue: queue_name(queue),
        lane: Lane::Default,
        worker: WorkerId::new(worker),
        max,
        lease: bench.lease(),
        now: bench.clock().now(),
        wait: Duration::ZERO,
        stop: CancellationToken::new(),
    }
}

/// Id of the job in hand.
#[must_use]
pub fn id_of(claimed: &Claimed) -> JobId {
    claimed.lease.job.clone()
}
