//! The BullMQ objects of each lane, made when they are first needed.

use super::{RedisConfig, failed};
use crate::job::{Lane, QueueName};
use crate::ports::QueueError;
use bullmq::options::RedisConnectionOptions;
use bullmq::redis_connection::RedisConnection;
use bullmq::worker::CancellationToken;
use bullmq::{Job, Queue, QueueOptions, Worker, WorkerOptions};
use freshtrack_core::time::Span;
use futures_util::FutureExt as _;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;

type Place = (QueueName, Lane);

/// Stalls that are forgiven; the next one is the third crash and ends the job.
const STALLS_FORGIVEN: u32 = crate::retry::CRASHES_MAX - 1;

/// Everything of one lane that is needed to add and look.
#[derive(Clone)]
pub(super) struct LaneQueue {
    pub(super) queue: Arc<Queue>,
    pub(super) place: Place,
}

/// What a claiming process holds of a lane besides.
pub(super) struct LaneWorker {
    /// Fetches by hand.
    pub(super) fetcher: Worker,
    /// Looks for expired locks; paused, so that it never fetches.
    pub(super) watcher: Worker,
    /// Blocks on the lane's marker, alone.
    pub(super) marker: RedisConnection,
}

/// All lanes of one Redis.
pub(super) struct Lanes {
    pub(super) config: RedisConfig,
    conn: Mutex<Option<RedisConnection>>,
    queues: StdMutex<BTreeMap<Place, LaneQueue>>,
    workers: Mutex<BTreeMap<Place, Arc<LaneWorker>>>,
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes")
            .field("prefix", &self.config.prefix)
            .finish_non_exhaustive()
    }
}

/// The name of a lane's BullMQ queue.
pub(super) fn lane_name(queue: &QueueName, lane: Lane) -> String {
    match lane {
        Lane::Default => queue.to_string(),
        Lane::Critical | Lane::Bulk => format!("{queue}.{}", lane.as_str()),
    }
}

impl Lanes {
    pub(super) fn new(config: RedisConfig) -> Self {
        Self {
            config,
            conn: Mutex::default(),
            queues: StdMutex::default(),
            workers: Mutex::default(),
        }
    }

    fn options(&self) -> RedisConnectionOptions {
        RedisConnectionOptions::new().url(&self.config.url)
    }

    /// The shared connection. Redis may be down at boot: every call tries again until it is there.
    pub(super) async fn conn(&self) -> Result<RedisConnection, QueueError> {
        let mut conn = self.conn.lock().await;
        if let Some(conn) = conn.as_ref() {
            return Ok(conn.clone());
        }
        let made = RedisConnection::new_managed_only(&self.options())
            .await
            .map_err(failed)?;
        *conn = Some(made.clone());
        Ok(made)
    }

    /// Queues met so far, with every lane of each.
    pub(super) fn met(&self) -> Vec<LaneQueue> {
        self.queues
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    pub(super) async fn lane(
        &self,
        queue: &QueueName,
        lane: Lane,
    ) -> Result<LaneQueue, QueueError> {
        let place = (queue.clone(), lane);
        let known = self
            .queues
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&place)
            .cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let options = QueueOptions::new()
            .prefix(&self.config.prefix)
            .connection(self.options());
        let name = lane_name(queue, lane);
        let made = Queue::with_connection(&name, self.conn().await?, options);
        let made = LaneQueue {
            queue: Arc::new(made.await.map_err(failed)?),
            place: place.clone(),
        };
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(queues.entry(place).or_insert(made).clone())
    }

    pub(super) async fn lanes(&self, queue: &QueueName) -> Result<Vec<LaneQueue>, QueueError> {
        let mut lanes = Vec::new();
        for lane in Lane::ALL {
            lanes.push(self.lane(queue, lane).await?);
        }
        Ok(lanes)
    }

    pub(super) async fn worker(
        &self,
        queue: &QueueName,
        lane: Lane,
        lease: Span,
    ) -> Result<Arc<LaneWorker>, QueueError> {
        let place = (queue.clone(), lane);
        let mut workers = self.workers.lock().await;
        if let Some(worker) = workers.get(&place) {
            return Ok(Arc::clone(worker));
        }
        let made = Arc::new(self.make_worker(queue, lane, lease).await?);
        workers.insert(place, Arc::clone(&made));
        Ok(made)
    }

    async fn make_worker(
        &self,
        queue: &QueueName,
        lane: Lane,
        lease: Span,
    ) -> Result<LaneWorker, QueueError> {
        let name = lane_name(queue, lane);
        let mut options = WorkerOptions::new()
            .prefix(&self.config.prefix)
            .connection(self.options())
            .lock_duration(lease.to_duration())
            .stalled_interval(self.config.stalled_interval)
            .max_stalled_count(STALLS_FORGIVEN)
            .drain_delay(Duration::from_secs(1))
            .skip_lock_renewal()
            .manual_start();
        if let Some(rate) = self.config.settings.rate(queue, lane) {
            let max = u64::from(rate.max);
            let per = rate.per.to_duration();
            options = options.limiter(bullmq::options::RateLimiterOptions::new(max, per));
        }
        let make = || Worker::with_options(&name, never, options.clone());
        let (fetcher, watcher) = (make().await.map_err(failed)?, make().await.map_err(failed)?);
        watcher.pause();
        watcher.run().await.map_err(failed)?;
        let marker = RedisConnection::new_managed_only(&self.options())
            .await
            .map_err(failed)?;
        Ok(LaneWorker {
            fetcher,
            watcher,
            marker,
        })
    }
}

/// Never called: jobs are fetched by hand.
async fn never(_job: Job, _token: CancellationToken) -> Result<serde_json::Value, bullmq::Error> {
    Err(bullmq::Error::WorkerClosed)
}

impl LaneWorker {
    /// Reads away what the workers tell: their channels have no bound.
    pub(super) fn drain_events(&self) {
        for worker in [&self.fetcher, &self.watcher] {
            while worker.next_event().now_or_never().flatten().is_some() {}
        }
    }
}
