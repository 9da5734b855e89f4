//! The PostgreSQL adapters under the contract, each test in a schema of its own.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot ask its backend has failed"
)]

use crate::backends::{Wire, unique, url};
use async_trait::async_trait;
use freshtrack_core::ports::Clock;
use freshtrack_core::time::Span;
use freshtrack_jobs::ports::{Queue, QueueAdmin, Scope};
use freshtrack_jobs::postgres::{PostgresQueue, PostgresSchedules, enqueue_in, migrate};
use freshtrack_jobs::testkit::{Bench, BenchClock, job, queue_name, settings};
use freshtrack_jobs::{NewJob, QueueName};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::sync::Arc;

struct PostgresBench {
    pool: PgPool,
    wire: Wire,
    queue: PostgresQueue,
    options: PgConnectOptions,
    clock: Arc<BenchClock>,
}

async fn pool(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(5)
        .connect_with(options)
        .await
        .unwrap()
}

/// Options for a schema that was just made; none without a backend.
async fn schema() -> Option<(PgConnectOptions, Wire)> {
    let direct: PgConnectOptions = url("FRESHTRACK_TEST_POSTGRES_URL")?.parse().unwrap();
    let name = unique("jobs");
    let admin = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(direct.clone())
        .await
        .unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("create schema {name}")))
        .execute(&admin)
        .await
        .unwrap();
    admin.close().await;
    let host = (direct.get_host(), direct.get_port());
    let backend = tokio::net::lookup_host(host).await.unwrap().next().unwrap();
    let wire = Wire::to(backend).await;
    let options = direct
        .host("127.0.0.1")
        .port(wire.port)
        .options([("search_path", &name)]);
    Some((options, wire))
}

async fn fresh() -> Option<PostgresBench> {
    let (options, wire) = schema().await?;
    let pool = pool(options.clone()).await;
    migrate(&pool).await.unwrap();
    migrate(&pool).await.expect("a second time does nothing");
    let queue = PostgresQueue::new(pool.clone(), settings());
    Some(PostgresBench {
        pool,
        wire,
        queue,
        options,
        clock: Arc::default(),
    })
}

struct SchemaSchedules(
    #[expect(dead_code, reason = "keeps the wire")] Wire,
    PostgresSchedules,
);

async fn fresh_schedules() -> Option<SchemaSchedules> {
    let (options, wire) = schema().await?;
    let pool = pool(options).await;
    migrate(&pool).await.unwrap();
    Some(SchemaSchedules(wire, PostgresSchedules::new(pool)))
}

crate::delegate_schedules!(SchemaSchedules);

#[async_trait]
impl Bench for PostgresBench {
    fn queue(&self) -> Arc<dyn Queue> {
        Arc::new(self.queue.clone())
    }

    fn admin(&self) -> Arc<dyn QueueAdmin> {
        Arc::new(self.queue.clone())
    }

    async fn reopen(&self) -> (Arc<dyn Queue>, Arc<dyn QueueAdmin>) {
        let other = PostgresQueue::new(pool(self.options.clone()).await, settings());
        (Arc::new(other.clone()), Arc::new(other))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::<BenchClock>::clone(&self.clock)
    }

    async fn pass(&self, span: Span) {
        self.clock.advance(span);
    }

    fn flood(&self) -> usize {
        20_000
    }

    async fn plant(&self, queue: &QueueName) -> bool {
        let now = self.clock.now().as_micros();
        sqlx::query(
            "insert into queue_jobs (queue, id, lane, tenant, kind, version, payload, key,
                                     enqueued_at, first_run_at, run_at)
             values ($1, 'foreign', 1, '', 'test:run', 1, '{}', 'k', $2, $2, $2)",
        )
        .bind(queue.as_str())
        .bind(now)
        .execute(&self.pool)
        .await
        .unwrap();
        true
    }

    async fn break_lease(&self, _claimed: &NewJob) {
        let far = self.clock.now() + Span::from_seconds(86_400);
        self.queue.promote(far, 1_000).await.unwrap();
    }

    async fn outage(&self, down: bool) -> bool {
        self.wire.set_cut(down);
        true
    }
}

freshtrack_jobs::queue_contract!(super::postgres::fresh);
freshtrack_jobs::schedules_contract!(super::postgres::fresh_schedules);

async fn count(bench: &PostgresBench) -> u64 {
    let stats = bench
        .queue
        .stats(Scope::Everything, bench.clock.now())
        .await
        .unwrap();
    stats
        .iter()
        .filter(|lane| lane.queue == queue_name("work"))
        .map(|lane| lane.waiting)
        .sum()
}

#[tokio::test]
async fn q_13_jobs_follow_the_transaction_they_were_enqueued_in() {
    let Some(bench) = fresh().await else { return };
    let now = bench.clock.now();
    let jobs = [job("a", now), job("b", now)];
    let mut tx = bench.pool.begin().await.unwrap();
    assert_eq!(enqueue_in(&mut tx, &jobs, now).await.unwrap().len(), 2);
    tx.rollback().await.unwrap();
    assert_eq!(count(&bench).await, 0, "rolled back: nothing was enqueued");
    let mut tx = bench.pool.begin().await.unwrap();
    enqueue_in(&mut tx, &jobs, now).await.unwrap();
    assert_eq!(
        count(&bench).await,
        0,
        "nothing is enqueued before the commit"
    );
    tx.commit().await.unwrap();
    assert_eq!(count(&bench).await, 2, "committed: both are there");
}
