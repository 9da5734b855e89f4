//! The SQLite adapters under the contract, each test on a file of its own.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot ask its backend has failed"
)]

use async_trait::async_trait;
use freshtrack_core::ports::Clock;
use freshtrack_core::time::Span;
use freshtrack_jobs::ports::{Queue, QueueAdmin, Scope};
use freshtrack_jobs::sqlite::{SqliteFile, SqliteQueue, SqliteSchedules, enqueue_in};
use freshtrack_jobs::testkit::{Bench, BenchClock, job, queue_name, settings};
use freshtrack_jobs::{NewJob, QueueName};
use sqlx::{SqliteConnection, SqlitePool};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::Mutex;

struct SqliteBench {
    dir: TempDir,
    queue: SqliteQueue,
    file: SqliteFile,
    clock: Arc<BenchClock>,
    outage: Mutex<Option<sqlx::pool::PoolConnection<sqlx::Sqlite>>>,
}

impl SqliteBench {
    fn path(&self) -> PathBuf {
        self.dir.path().join("queue.db")
    }
}

async fn fresh() -> Option<SqliteBench> {
    let dir = tempfile::tempdir().unwrap();
    let file = SqliteFile::open(&dir.path().join("queue.db"))
        .await
        .unwrap();
    let queue = SqliteQueue::new(file.clone(), settings());
    Some(SqliteBench {
        dir,
        queue,
        file,
        clock: Arc::default(),
        outage: Mutex::default(),
    })
}

struct FileSchedules(
    #[expect(dead_code, reason = "keeps the file")] TempDir,
    SqliteSchedules,
);

async fn fresh_schedules() -> Option<FileSchedules> {
    let dir = tempfile::tempdir().unwrap();
    let file = SqliteFile::open(&dir.path().join("queue.db"))
        .await
        .unwrap();
    Some(FileSchedules(dir, SqliteSchedules::new(file)))
}

crate::delegate_schedules!(FileSchedules);

#[async_trait]
impl Bench for SqliteBench {
    fn queue(&self) -> Arc<dyn Queue> {
        Arc::new(self.queue.clone())
    }

    fn admin(&self) -> Arc<dyn QueueAdmin> {
        Arc::new(self.queue.clone())
    }

    async fn reopen(&self) -> (Arc<dyn Queue>, Arc<dyn QueueAdmin>) {
        let file = SqliteFile::open(&self.path()).await.unwrap();
        let other = SqliteQueue::new(file, settings());
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
        .execute(&self.file.writer)
        .await
        .unwrap();
        true
    }

    async fn break_lease(&self, _claimed: &NewJob) {
        let far = self.clock.now() + Span::from_seconds(86_400);
        self.queue.promote(far, 1_000).await.unwrap();
    }

    /// Another process holds the write lock.
    async fn outage(&self, down: bool) -> bool {
        let mut held = self.outage.lock().await;
        if down {
            let url = format!("sqlite://{}", self.path().display());
            let mut other = SqlitePool::connect(&url)
                .await
                .unwrap()
                .acquire()
                .await
                .unwrap();
            sqlx::query("begin immediate")
                .execute(&mut *other)
                .await
                .unwrap();
            *held = Some(other);
        } else if let Some(mut other) = held.take() {
            sqlx::query("rollback").execute(&mut *other).await.unwrap();
        }
        true
    }
}

freshtrack_jobs::queue_contract!(super::sqlite::fresh);
freshtrack_jobs::schedules_contract!(super::sqlite::fresh_schedules);

async fn count(bench: &SqliteBench) -> u64 {
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
    let bench = fresh().await.unwrap();
    let now = bench.clock.now();
    let jobs = [job("a", now), job("b", now)];
    let mut tx = bench
        .file
        .writer
        .begin_with("begin immediate")
        .await
        .unwrap();
    let tx_ref: &mut SqliteConnection = &mut tx;
    assert_eq!(enqueue_in(tx_ref, &jobs, now).await.unwrap().len(), 2);
    tx.rollback().await.unwrap();
    assert_eq!(count(&bench).await, 0, "rolled back: nothing was enqueued");
    let mut tx = bench
        .file
        .writer
        .begin_with("begin immediate")
        .await
        .unwrap();
    enqueue_in(&mut tx, &jobs, now).await.unwrap();
    assert_eq!(
        count(&bench).await,
        0,
        "nothing is enqueued before the commit"
    );
    tx.commit().await.unwrap();
    assert_eq!(count(&bench).await, 2, "committed: both are there");
}
