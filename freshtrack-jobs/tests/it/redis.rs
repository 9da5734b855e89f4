//! The Redis adapter under the contract, each test under a key prefix of its own.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot ask its backend has failed"
)]

use crate::backends::{Wire, unique, url};
use async_trait::async_trait;
use bullmq::options::RedisConnectionOptions;
use bullmq::{QueueOptions, redis_connection::RedisConnection};
use freshtrack_core::ports::Clock;
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_jobs::ports::{Queue, QueueAdmin};
use freshtrack_jobs::redis::{RedisConfig, RedisQueue, ServerCheck};
use freshtrack_jobs::testkit::{Bench, BenchClock, settings};
use freshtrack_jobs::{NewJob, QueueError, QueueName};
use std::sync::Arc;
use std::time::Duration;

struct RedisBench {
    wire: Wire,
    queue: RedisQueue,
    config: RedisConfig,
    direct: String,
    clock: Arc<BenchClock>,
}

/// The wall clock: BullMQ's scripts go by it.
#[expect(
    clippy::disallowed_methods,
    reason = "BullMQ's scripts go by the wall clock"
)]
fn wall_clock() -> Arc<BenchClock> {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    Arc::new(BenchClock::new(Timestamp::from_micros(
        since.as_micros().try_into().unwrap(),
    )))
}

async fn fresh() -> Option<RedisBench> {
    let direct = url("FRESHTRACK_TEST_REDIS_URL")?;
    let host = direct
        .strip_prefix("redis://")
        .unwrap()
        .trim_end_matches('/')
        .to_owned();
    let backend = tokio::net::lookup_host(host).await.unwrap().next().unwrap();
    let wire = Wire::to(backend).await;
    let mut config = RedisConfig::new(&format!("redis://127.0.0.1:{}/", wire.port));
    config.prefix = unique("ft");
    config.stalled_interval = Duration::from_millis(300);
    config.settings = settings();
    let queue = RedisQueue::new(config.clone());
    Some(RedisBench {
        wire,
        queue,
        config,
        direct,
        clock: wall_clock(),
    })
}

impl RedisBench {
    async fn raw(&self) -> RedisConnection {
        let options = RedisConnectionOptions::new().url(&self.direct);
        RedisConnection::new_managed_only(&options).await.unwrap()
    }
}

#[async_trait]
impl Bench for RedisBench {
    fn queue(&self) -> Arc<dyn Queue> {
        Arc::new(self.queue.clone())
    }

    fn admin(&self) -> Arc<dyn QueueAdmin> {
        Arc::new(self.queue.clone())
    }

    async fn reopen(&self) -> (Arc<dyn Queue>, Arc<dyn QueueAdmin>) {
        let other = RedisQueue::new(self.config.clone());
        // A restarted process consumes its lanes, and so meets them.
        other.resume_nothing().await;
        (Arc::new(other.clone()), Arc::new(other))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::<BenchClock>::clone(&self.clock)
    }

    async fn pass(&self, span: Span) {
        tokio::time::sleep(span.to_duration()).await;
    }

    fn lease(&self) -> Span {
        Span::from_micros(1_500_000)
    }

    /// Above the 8,000 at which Lua's unpack gives up.
    fn flood(&self) -> usize {
        18_000
    }

    fn knows_its_creator(&self) -> bool {
        false
    }

    async fn plant(&self, queue: &QueueName) -> bool {
        let options = QueueOptions::new().prefix(&self.config.prefix);
        let conn = self.raw().await;
        let queue = bullmq::Queue::with_connection(queue.as_str(), conn, options)
            .await
            .unwrap();
        let foreign = serde_json::json!({"organizationId": "nobody", "version": 1});
        queue.add("test:run", foreign).await.unwrap();
        true
    }

    async fn break_lease(&self, claimed: &NewJob) {
        let key = format!(
            "{}:{}:{}:lock",
            self.config.prefix,
            claimed.queue(),
            claimed.id()
        );
        let gone: u32 = self
            .raw()
            .await
            .cmd(redis::cmd("DEL").arg(key))
            .await
            .unwrap();
        assert_eq!(gone, 1, "there was a lock");
    }

    async fn outage(&self, down: bool) -> bool {
        self.wire.set_cut(down);
        true
    }
}

/// What a restarted process does before anything else.
trait Meets {
    async fn resume_nothing(&self);
}

impl Meets for RedisQueue {
    async fn resume_nothing(&self) {
        let queue = freshtrack_jobs::testkit::queue_name("work");
        let id = freshtrack_jobs::JobId::new("none").unwrap();
        let everything = freshtrack_jobs::ports::Scope::Everything;
        self.get(everything, &queue, &id, Timestamp::EPOCH)
            .await
            .unwrap();
    }
}

freshtrack_jobs::queue_contract!(super::redis::fresh);

/// Changes settings of the server and puts them back, so it stays in one test.
#[tokio::test]
async fn j_22_an_evicting_policy_is_refused_and_missing_durability_degrades() {
    let Some(bench) = fresh().await else { return };
    let raw = bench.raw().await;
    let set = |name: &'static str, value: &'static str| {
        let raw = raw.clone();
        async move {
            let mut set = redis::cmd("CONFIG");
            raw.cmd::<()>(set.arg("SET").arg(name).arg(value))
                .await
                .unwrap();
        }
    };
    assert_eq!(
        bench.queue.check_server().await.unwrap(),
        ServerCheck::Degraded,
        "no appendonly"
    );
    set("maxmemory-policy", "allkeys-lru").await;
    let refused = bench.queue.check_server().await;
    set("maxmemory-policy", "noeviction").await;
    assert!(
        matches!(refused, Err(QueueError::Refused { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_server_that_is_down_at_boot_is_found_when_it_comes() {
    let Some(bench) = fresh().await else { return };
    bench.wire.set_cut(true);
    let now = bench.clock.now();
    let job = || vec![freshtrack_jobs::testkit::job("k", now)];
    let down = bench.queue.enqueue(job(), now).await;
    assert!(matches!(down, Err(QueueError::Unavailable(_))), "{down:?}");
    bench.wire.set_cut(false);
    for _ in 0..50 {
        if bench.queue.enqueue(job(), now).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("still unavailable five seconds after the backend came");
}
