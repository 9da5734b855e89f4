//! The runtime: one for all adapters.
//!
//! It owns concurrency, renewal, time limits, panics, drain, heartbeats and metrics; adapters only
//! store. Lanes have their own slots and never lend them downwards.

mod attempt;
mod consumer;
mod phases;
mod settle;
mod ticker;

pub use ticker::{TICK, Ticker};

use crate::job::{Lane, QueueName};
use crate::ports::{Queue, QueueError, WorkerId};
use crate::registry::Registry;
use crate::stats::{Beats, JobEvent, JobMetrics};
use freshtrack_core::ports::{Clock, IdGen};
use freshtrack_core::time::Span;
use phases::Phases;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a lease is given for; renewed at a third of it.
pub const LEASE: Span = Span::from_seconds(30);

/// A loop beats at least this often, working or idle.
pub const BEAT_EVERY: Duration = Duration::from_secs(5);

/// Expired leases and retention are looked after this often.
const PROMOTE_EVERY: Duration = Duration::from_secs(1);
const PROMOTE_LIMIT: usize = 500;

/// Slots of one lane of one queue in this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneSlots {
    /// Queue.
    pub queue: QueueName,
    /// Lane.
    pub lane: Lane,
    /// How many of its jobs run at once here.
    pub slots: usize,
}

/// Bounds of a graceful stop, each counted from the first signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainBounds {
    /// Running handlers get this long before their tokens are cancelled.
    pub cancel_after: Duration,
    /// Handlers still running then are aborted and their leases released, uncounted.
    pub release_after: Duration,
    /// The worker returns by then, whatever the backend does.
    pub exit_after: Duration,
}

impl Default for DrainBounds {
    fn default() -> Self {
        Self {
            cancel_after: Duration::from_secs(20),
            release_after: Duration::from_secs(25),
            exit_after: Duration::from_secs(29),
        }
    }
}

/// What a worker runs.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Unique per process start.
    pub worker: WorkerId,
    /// Every lane it consumes.
    pub lanes: Vec<LaneSlots>,
    /// Length of a lease.
    pub lease: Span,
    /// Bounds of the stop.
    pub drain: DrainBounds,
}

impl WorkerConfig {
    /// The standard lease and bounds.
    #[must_use]
    pub fn new(worker: WorkerId, lanes: Vec<LaneSlots>) -> Self {
        Self {
            worker,
            lanes,
            lease: LEASE,
            drain: DrainBounds::default(),
        }
    }
}

/// A worker cannot run, or cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// A lane is consumed of which no kind is registered.
    #[error("queue {0} is consumed but no kind of it has a handler")]
    NoHandler(QueueName),
    /// A kind is registered whose queue is not consumed.
    #[error("queue {0} has handlers but no slots")]
    NoSlots(QueueName),
    /// A lane with zero slots, or the same lane twice.
    #[error("lane {lane} of queue {queue} needs slots, once", lane = .lane.as_str())]
    Slots {
        /// Queue.
        queue: QueueName,
        /// Lane.
        lane: Lane,
    },
    /// The backend answered something that no waiting mends.
    #[error("queue backend failed for good")]
    Queue(#[from] QueueError),
    /// A loop of the worker panicked.
    #[error("a worker loop died")]
    LoopDied(#[source] tokio::task::JoinError),
}

/// How a stop went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every job was finished or given back.
    Completely,
    /// The backend did not take everything back in time; those leases run out by themselves.
    WithLeasesOpen,
}

/// What every loop of a worker shares.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdGen>,
    pub(crate) metrics: Arc<dyn JobMetrics>,
    pub(crate) monitor: Monitor,
    pub(crate) config: WorkerConfig,
}

impl Shared {
    pub(crate) fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        self.ids.fill_random(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// Signs of life of a worker, for health and readiness. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Monitor {
    beats: Arc<Beats>,
    busy: Arc<BTreeMap<(QueueName, Lane), Slots>>,
}

#[derive(Debug)]
struct Slots {
    all: usize,
    busy: AtomicUsize,
}

impl Monitor {
    fn of(lanes: &[LaneSlots]) -> Self {
        let busy = lanes
            .iter()
            .map(|lane| {
                let slots = Slots {
                    all: lane.slots,
                    busy: AtomicUsize::new(0),
                };
                ((lane.queue.clone(), lane.lane), slots)
            })
            .collect();
        Self {
            beats: Arc::default(),
            busy: Arc::new(busy),
        }
    }

    /// Last beats of the loops.
    #[must_use]
    pub fn beats(&self) -> &Arc<Beats> {
        &self.beats
    }

    /// Slots of a lane that run nothing now.
    #[must_use]
    pub fn free_slots(&self, queue: &QueueName, lane: Lane) -> usize {
        self.busy.get(&(queue.clone(), lane)).map_or(0, |slots| {
            slots.all.saturating_sub(slots.busy.load(Ordering::Relaxed))
        })
    }

    pub(crate) fn busy(&self, queue: &QueueName, lane: Lane, starts: bool) {
        if let Some(slots) = self.busy.get(&(queue.clone(), lane)) {
            if starts {
                slots.busy.fetch_add(1, Ordering::Relaxed);
            } else {
                slots.busy.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
}

/// A worker that is set up and not running yet.
#[derive(Debug)]
pub struct Worker(Arc<Shared>);

impl Worker {
    /// Checks that every registered queue has slots and every consumed one a handler.
    ///
    /// # Errors
    /// The first queue that is not complete: start-up is to fail, naming it.
    pub fn new(
        queue: Arc<dyn Queue>,
        registry: Arc<Registry>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGen>,
        metrics: Arc<dyn JobMetrics>,
        config: WorkerConfig,
    ) -> Result<Self, WorkerError> {
        let known = registry.queues();
        let mut seen = std::collections::BTreeSet::new();
        for lane in &config.lanes {
            if !known.contains(&lane.queue) {
                return Err(WorkerError::NoHandler(lane.queue.clone()));
            }
            if lane.slots == 0 || !seen.insert((lane.queue.clone(), lane.lane)) {
                return Err(WorkerError::Slots {
                    queue: lane.queue.clone(),
                    lane: lane.lane,
                });
            }
        }
        if let Some(queue) = known
            .into_iter()
            .find(|queue| !seen.iter().any(|(consumed, _)| consumed == queue))
        {
            return Err(WorkerError::NoSlots(queue));
        }
        let monitor = Monitor::of(&config.lanes);
        Ok(Self(Arc::new(Shared {
            queue,
            registry,
            clock,
            ids,
            metrics,
            monitor,
            config,
        })))
    }

    /// Signs of life; take it before [`Worker::run`].
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        self.0.monitor.clone()
    }

    /// Works until `stop` is cancelled, then drains within the bounds.
    ///
    /// # Errors
    /// If a loop died or the backend failed for good: the process is to end with an error, never to
    /// go on with one loop less.
    pub async fn run(self, stop: CancellationToken) -> Result<Drained, WorkerError> {
        let shared = self.0;
        let phases = Phases::following(stop);
        let attempts = TaskTracker::new();
        // Dropped halfway, this leaves no attempt behind: each gives its job back.
        let _ends_with_us = phases.release.clone().drop_guard();
        let mut loops = JoinSet::new();
        for lane in &shared.config.lanes {
            loops.spawn(consumer::consume(
                Arc::clone(&shared),
                lane.clone(),
                phases.clone(),
                attempts.clone(),
            ));
        }
        loops.spawn(look_after(Arc::clone(&shared), phases.stop.clone()));
        let failed = tokio::select! {
            () = phases.stop.cancelled() => None,
            ended = loops.join_next() => ended.and_then(first_error),
        };
        phases.stop.cancel();
        let drained = phases.drain(shared.config.drain, async {
            while loops.join_next().await.is_some() {}
            attempts.close();
            attempts.wait().await;
        });
        let drained = drained.await;
        match failed {
            Some(error) => Err(error),
            None => Ok(drained),
        }
    }
}

fn first_error(
    ended: Result<Result<(), WorkerError>, tokio::task::JoinError>,
) -> Option<WorkerError> {
    match ended {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error),
        Err(panic) => Some(WorkerError::LoopDied(panic)),
    }
}

/// Returns expired leases and removes what is kept no longer, once a second.
async fn look_after(shared: Arc<Shared>, stop: CancellationToken) -> Result<(), WorkerError> {
    const NAME: &str = "promote";
    let mut was_down = false;
    while !stop.is_cancelled() {
        let now = shared.clock.now();
        shared.monitor.beats().beat(NAME, now);
        match shared.queue.promote(now, PROMOTE_LIMIT).await {
            Ok(promoted) => {
                was_down = false;
                if promoted.returned > 0 {
                    tracing::warn!(
                        returned = promoted.returned,
                        poisoned = promoted.poisoned,
                        "jobs of workers that died were returned"
                    );
                    shared.metrics.record(JobEvent::Crashed(promoted.returned));
                }
                let most = promoted.returned.max(promoted.removed);
                if usize::try_from(most).unwrap_or(usize::MAX) >= PROMOTE_LIMIT {
                    tokio::task::yield_now().await;
                    continue;
                }
            }
            Err(error) if error.is_transient() => {
                if !was_down {
                    tracing::warn!(error = &error as &dyn std::error::Error, "queue is down");
                }
                was_down = true;
            }
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = tokio::time::sleep(PROMOTE_EVERY) => {}
            () = stop.cancelled() => {}
        }
    }
    shared.monitor.beats().retire(NAME);
    Ok(())
}
