//! Jobs without the rest of FreshTrack: a SQLite file, two kinds, a schedule. Prints what happens.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use async_trait::async_trait;
use freshtrack_core::ports::{Clock, IdGen};
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_jobs::job::{Code, Reason};
use freshtrack_jobs::ports::{Enqueued, Scope, WorkerId};
use freshtrack_jobs::queue_settings::QueueSettings;
use freshtrack_jobs::schedule::{Cadence, Misfire, ScheduleId, ScheduleSpec, Zone, reconcile};
use freshtrack_jobs::sqlite::{SqliteFile, SqliteQueue, SqliteSchedules};
use freshtrack_jobs::stats::NoMetrics;
use freshtrack_jobs::worker::LaneSlots;
use freshtrack_jobs::{
    Class, Context, Handler, Job, JobKey, Kind, KindSpec, Lane, Outcome, Payload, Queue,
    QueueAdmin, QueueName, Registry, Schedules, Tenant, Ticker, Worker, WorkerConfig,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

#[derive(Debug)]
struct System;

impl Clock for System {
    #[expect(clippy::disallowed_methods, reason = "the program's one clock")]
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(chrono::Utc::now().timestamp_micros())
    }
}

impl IdGen for System {
    #[expect(clippy::disallowed_methods, reason = "the program's one source of ids")]
    fn uuid(&self) -> uuid::Uuid {
        uuid::Uuid::now_v7()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(16) {
            chunk.copy_from_slice(&uuid::Uuid::new_v4().as_bytes()[..chunk.len()]);
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Greeting {
    number: u32,
}

struct Greet;

#[async_trait]
impl Handler<Greeting> for Greet {
    async fn run(&self, job: &Job, payload: Greeting, context: Context) -> Outcome {
        println!(
            "{} greets number {}, attempt {}",
            job.id, payload.number, context.attempt
        );
        if payload.number == 3 && context.attempt < 3 {
            let code = Code::new("busy").ok();
            return Outcome::Retry {
                class: Class::Transient,
                code,
                not_before: None,
            };
        }
        Outcome::Done(Reason::done())
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Tick {
    scheduled_at: String,
}

struct Count;

#[async_trait]
impl Handler<Tick> for Count {
    async fn run(&self, _job: &Job, payload: Tick, _context: Context) -> Outcome {
        println!("counts for {}", payload.scheduled_at);
        Outcome::Done(Reason::done())
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let path = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "jobs.db".to_owned());
    let file = SqliteFile::open(path.as_ref()).await?;
    let queue = Arc::new(SqliteQueue::new(file.clone(), QueueSettings::default()));
    let schedules = Arc::new(SqliteSchedules::new(file));
    let now = System.now();

    let name = QueueName::new("demo")?;
    let greet = KindSpec::new(Kind::new("demo:greet")?, name.clone());
    let count = KindSpec::new(Kind::new("demo:count")?, name.clone());
    let mut registry = Registry::new();
    registry.register(greet.clone(), &Greeting { number: 1 }, Greet)?;
    registry.register(count.clone(), &Tick::default(), Count)?;

    let wanted = [ScheduleSpec {
        id: ScheduleId::new("count")?,
        tenant: Tenant::Platform,
        queue: name.clone(),
        kind: count.kind,
        version: count.version,
        lane: Lane::Default,
        payload: Payload::from_json("{}")?,
        cadence: Cadence::every(Span::from_seconds(2))?,
        zone: Zone::UTC,
        misfire: Misfire::Latest,
        enabled: true,
    }];
    let stored = schedules
        .list(freshtrack_core::page::PageRequest {
            limit: 100,
            after: None,
        })
        .await?;
    schedules
        .apply(&reconcile(&wanted, &stored.items, now)?)
        .await?;

    for number in 1..=3 {
        let key = JobKey::new(&format!("greeting-{number}"))?;
        let job = greet.job(Tenant::Platform, key, &Greeting { number }, now)?;
        match &queue.enqueue(vec![job], now).await?[0] {
            Enqueued::Created(id) => println!("{id} enqueued"),
            Enqueued::Duplicate(id) => println!("{id} is kept already"),
        }
    }

    let worker_id = WorkerId::new(&System.uuid().to_string());
    let lanes = vec![LaneSlots {
        queue: name,
        lane: Lane::Default,
        slots: 2,
    }];
    let config = WorkerConfig::new(worker_id.clone(), lanes);
    let (clock, metrics) = (Arc::new(System), Arc::new(NoMetrics));
    let backend: Arc<dyn Queue> = Arc::<freshtrack_jobs::sqlite::SqliteQueue>::clone(&queue);
    let worker = Worker::new(
        Arc::clone(&backend),
        Arc::new(registry),
        Arc::<System>::clone(&clock),
        Arc::<System>::clone(&clock),
        Arc::<NoMetrics>::clone(&metrics),
        config,
    )?;
    let beats = Arc::clone(worker.monitor().beats());
    let schedule_ticker = Ticker::new(schedules, backend, clock, metrics, beats, worker_id);
    let stop = CancellationToken::new();
    let (drained, schedules_ended, ()) = tokio::join!(
        worker.run(stop.clone()),
        schedule_ticker.run(stop.clone()),
        async {
            tokio::time::sleep(std::time::Duration::from_secs(7)).await;
            stop.cancel();
        }
    );
    schedules_ended?;
    println!("stopped: {:?}", drained?);
    for lane in queue.stats(Scope::Everything, System.now()).await? {
        println!(
            "{} {}: {} done, {} dead",
            lane.queue,
            lane.lane.as_str(),
            lane.done,
            lane.dead
        );
    }
    Ok(())
}
