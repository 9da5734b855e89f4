//! Fires due schedules: every node ticks, each schedule fires once.

use crate::job::{InvalidJob, JobKey, NewJob, Payload};
use crate::ports::{Advance, Queue, QueueError, ScheduleClaim, Schedules, WorkerId};
use crate::schedule::{Firing, InvalidSchedule, Schedule, firing};
use crate::stats::{Beats, JobEvent, JobMetrics};
use freshtrack_core::ports::Clock;
use freshtrack_core::time::{Span, Timestamp};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Pause between two ticks.
pub const TICK: Duration = Duration::from_secs(1);

/// A node that died between firing and advancing is repeated by another after this long.
const HOLD: Span = Span::from_seconds(10);

/// Schedules claimed at once.
const BATCH: usize = 100;

/// Fires schedules into a queue.
#[derive(Debug)]
pub struct Ticker {
    schedules: Arc<dyn Schedules>,
    queue: Arc<dyn Queue>,
    clock: Arc<dyn Clock>,
    metrics: Arc<dyn JobMetrics>,
    beats: Arc<Beats>,
    worker: WorkerId,
}

impl Ticker {
    /// A ticker of this process; it beats as `ticker`.
    #[must_use]
    pub fn new(
        schedules: Arc<dyn Schedules>,
        queue: Arc<dyn Queue>,
        clock: Arc<dyn Clock>,
        metrics: Arc<dyn JobMetrics>,
        beats: Arc<Beats>,
        worker: WorkerId,
    ) -> Self {
        Self {
            schedules,
            queue,
            clock,
            metrics,
            beats,
            worker,
        }
    }

    /// Ticks once a second until `stop`. A backend that is down is asked again at the next tick.
    ///
    /// # Errors
    /// If a port failed for good.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), QueueError> {
        while !stop.is_cancelled() {
            self.beats.beat("ticker", self.clock.now());
            match self.tick().await {
                Ok(_) => {}
                Err(error) if error.is_transient() => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "tick failed");
                }
                Err(error) => return Err(error),
            }
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                () = stop.cancelled() => {}
            }
        }
        self.beats.retire("ticker");
        Ok(())
    }

    /// Fires everything that is due and answers how many jobs that made.
    ///
    /// # Errors
    /// If a port failed; what was not advanced is repeated with the same keys.
    pub async fn tick(&self) -> Result<usize, QueueError> {
        let mut made = 0;
        loop {
            let now = self.clock.now();
            let claims = self
                .schedules
                .claim_due(&self.worker, now, HOLD, BATCH)
                .await?;
            let last = claims.len() < BATCH;
            for claim in claims {
                made += self.fire(&claim, now).await?;
            }
            if last {
                return Ok(made);
            }
        }
    }

    async fn fire(&self, claim: &ScheduleClaim, now: Timestamp) -> Result<usize, QueueError> {
        let schedule = &claim.schedule;
        let fired = match firing(schedule, now) {
            Ok(fired) => fired,
            Err(InvalidSchedule::Never) => {
                // It was due once and never will be again: let the due one run and park the row.
                Firing {
                    instants: vec![schedule.next_run_at],
                    next_run_at: Timestamp::MAX,
                }
            }
            Err(invalid) => {
                tracing::error!(schedule = %schedule.spec.id, error = %invalid, "schedule cannot fire");
                return Ok(0);
            }
        };
        let jobs: Result<Vec<_>, _> = fired
            .instants
            .iter()
            .map(|instant| job_at(schedule, *instant, now))
            .collect();
        let made = match jobs {
            Ok(jobs) => {
                let made = jobs.len();
                if made > 0 {
                    self.queue.enqueue(jobs, now).await?;
                }
                made
            }
            Err(invalid) => {
                tracing::error!(schedule = %schedule.spec.id, error = %invalid, "schedule makes no job");
                0
            }
        };
        let last_run_at = fired.instants.last().copied();
        let to = Advance {
            next_run_at: fired.next_run_at,
            last_run_at,
        };
        match self.schedules.advance(claim, to).await {
            // Reconciled meanwhile: its new row decides, and equal keys collapse.
            Ok(()) | Err(QueueError::LeaseLost) => {}
            Err(error) => return Err(error),
        }
        if let Some(instant) = last_run_at {
            let kind = schedule.spec.kind.clone();
            self.metrics.record(JobEvent::Fired {
                kind,
                lag: now - instant,
            });
        }
        Ok(made)
    }
}

/// The job of a schedule for one instant: its key is schedule + instant, on every node the same.
fn job_at(schedule: &Schedule, instant: Timestamp, now: Timestamp) -> Result<NewJob, InvalidJob> {
    let spec = &schedule.spec;
    let mut payload: serde_json::Map<String, Value> = spec
        .payload
        .read()
        .map_err(|_| InvalidJob::Stored("schedule payload"))?;
    payload.insert(
        "scheduled_at".to_owned(),
        Value::String(instant.to_string()),
    );
    if let Some(cursor) = schedule.cursor {
        payload.insert("cursor".to_owned(), Value::String(cursor.to_string()));
    }
    let key = JobKey::new(&format!("{}@{instant}", spec.id))?;
    let payload = Payload::of(&payload)?;
    let (queue, kind) = (spec.queue.clone(), spec.kind.clone());
    Ok(NewJob::new(spec.tenant, queue, kind, spec.version, key, payload, now)?.in_lane(spec.lane))
}
