//! Rows of the tables and what they mean; the same columns and types in both databases.

use super::job_id;
use crate::job::{
    Code, History, InvalidJob, Job, JobKey, Lane, NewJob, Payload, QueueName, StoredJob, Tenant,
};
use crate::ports::{Claimed, JobState, JobView, Lease, QueueError, ScheduleClaim, Scope};
use crate::retry::{Class, Failure};
use crate::schedule::{Cadence, Misfire, Schedule, ScheduleId, ScheduleSpec, Zone};
use crate::stats::LaneStats;
use freshtrack_core::time::{Span, Timestamp};

/// A claimed row.
#[derive(sqlx::FromRow)]
pub(crate) struct JobRow {
    pub(crate) seq: i64,
    queue: String,
    id: String,
    lane: i64,
    tenant: String,
    kind: String,
    version: i64,
    payload: String,
    key: String,
    policy: Option<String>,
    trace: Option<String>,
    enqueued_at: i64,
    first_run_at: i64,
    pub(crate) run_at: i64,
    attempts: i64,
    crashes: i64,
    last_class: Option<String>,
    last_code: Option<String>,
    token: Option<String>,
}

impl JobRow {
    pub(crate) fn into_claimed(self, length: Span) -> Result<Claimed, QueueError> {
        let lane = Lane::from_stored(self.lane);
        let lease = Lease {
            queue: QueueName::new(&self.queue).map_err(|_| corrupt(&self.id))?,
            lane: lane.ok_or_else(|| corrupt(&self.id))?,
            job: job_id(&self.id)?,
            token: self
                .token
                .as_deref()
                .ok_or_else(|| corrupt(&self.id))?
                .into(),
            length,
        };
        let job = self.job(&lease);
        Ok(Claimed { lease, job })
    }

    fn job(&self, lease: &Lease) -> Result<Job, InvalidJob> {
        let spec = NewJob::restore(StoredJob {
            tenant: &self.tenant,
            queue: &self.queue,
            kind: &self.kind,
            version: u16::try_from(self.version).map_err(|_| InvalidJob::Stored("version"))?,
            key: &self.key,
            payload: &self.payload,
            run_at: Timestamp::from_micros(self.run_at),
            lane: lease.lane,
            policy: self.policy.as_deref(),
            trace: self.trace.as_deref(),
        })?;
        let last = self
            .last_class
            .as_deref()
            .and_then(Class::parse)
            .map(|class| Failure {
                class,
                code: self
                    .last_code
                    .as_deref()
                    .and_then(|code| Code::new(code).ok()),
            });
        let history = History {
            first_run_at: Timestamp::from_micros(self.first_run_at),
            enqueued_at: Timestamp::from_micros(self.enqueued_at),
            attempts: counted(self.attempts),
            crashes: counted(self.crashes),
            last,
        };
        Ok(Job {
            id: lease.job.clone(),
            spec,
            history,
        })
    }
}

/// A row of either table, as it is shown.
#[derive(sqlx::FromRow)]
pub(crate) struct ViewRow {
    queue: String,
    id: String,
    lane: i64,
    tenant: String,
    kind: String,
    version: i64,
    payload: String,
    key: String,
    enqueued_at: i64,
    run_at: i64,
    attempts: i64,
    crashes: i64,
    last_class: Option<String>,
    last_code: Option<String>,
    lease_until: Option<i64>,
    dead: Option<i64>,
    finished_at: Option<i64>,
    reason: Option<String>,
}

impl ViewRow {
    pub(crate) fn into_view(self, now: Timestamp) -> Result<JobView, QueueError> {
        let run_at = Timestamp::from_micros(self.run_at);
        let state = match (self.dead, self.lease_until) {
            (Some(1), _) => JobState::Dead,
            (Some(_), _) => JobState::Done,
            (None, Some(_)) => JobState::Active,
            (None, None) if run_at > now => JobState::Delayed,
            (None, None) => JobState::Waiting,
        };
        Ok(JobView {
            queue: QueueName::new(&self.queue).map_err(|_| corrupt(&self.id))?,
            lane: Lane::from_stored(self.lane).ok_or_else(|| corrupt(&self.id))?,
            tenant: Tenant::parse(&self.tenant).ok(),
            kind: self.kind,
            version: u16::try_from(self.version).unwrap_or(0),
            key: JobKey::new(&self.key).ok(),
            payload: Payload::from_json(&self.payload).ok(),
            state,
            attempts: counted(self.attempts),
            crashes: counted(self.crashes),
            class: self.last_class.as_deref().and_then(Class::parse),
            code: self
                .last_code
                .as_deref()
                .and_then(|code| Code::new(code).ok()),
            reason: self.reason,
            enqueued_at: Timestamp::from_micros(self.enqueued_at),
            run_at,
            finished_at: self.finished_at.map(Timestamp::from_micros),
            id: job_id(&self.id)?,
        })
    }
}

/// Counts of one lane.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct LaneRow {
    pub(crate) queue: String,
    pub(crate) lane: i64,
    waiting: i64,
    delayed: i64,
    active: i64,
    done: i64,
    dead: i64,
    oldest_due: Option<i64>,
    paused: i64,
}

impl LaneRow {
    pub(crate) fn into_stats(self) -> Result<LaneStats, QueueError> {
        let number = |n: i64| u64::try_from(n).unwrap_or(0);
        Ok(LaneStats {
            lane: Lane::from_stored(self.lane).ok_or_else(|| corrupt(&self.queue))?,
            queue: QueueName::new(&self.queue).map_err(|_| corrupt(&self.queue))?,
            waiting: number(self.waiting),
            delayed: number(self.delayed),
            active: number(self.active),
            done: number(self.done),
            dead: number(self.dead),
            oldest_due: self.oldest_due.map(Timestamp::from_micros),
            paused: self.paused != 0,
        })
    }
}

/// A stored schedule.
#[derive(sqlx::FromRow)]
pub(crate) struct ScheduleRow {
    pub(crate) id: String,
    tenant: String,
    queue: String,
    kind: String,
    version: i64,
    lane: i64,
    payload: String,
    cadence: String,
    timezone: String,
    misfire: String,
    enabled: i64,
    pub(crate) next_run_at: i64,
    last_run_at: Option<i64>,
    cursor: Option<i64>,
    fence: i64,
}

impl ScheduleRow {
    pub(crate) fn into_schedule(self) -> Result<Schedule, QueueError> {
        let id = self.id.clone();
        self.read().ok_or(QueueError::Corrupt {
            table: "queue_schedules",
            row: id,
        })
    }

    pub(crate) fn into_claim(self) -> Result<ScheduleClaim, QueueError> {
        let fence = self.fence;
        Ok(ScheduleClaim {
            schedule: self.into_schedule()?,
            fence,
        })
    }

    fn read(self) -> Option<Schedule> {
        Some(Schedule {
            spec: ScheduleSpec {
                id: ScheduleId::new(&self.id).ok()?,
                tenant: Tenant::parse(&self.tenant).ok()?,
                queue: QueueName::new(&self.queue).ok()?,
                kind: crate::job::Kind::new(&self.kind).ok()?,
                version: u16::try_from(self.version).ok()?,
                lane: Lane::from_stored(self.lane)?,
                payload: Payload::from_json(&self.payload).ok()?,
                cadence: Cadence::parse(&self.cadence).ok()?,
                zone: Zone::new(&self.timezone).ok()?,
                misfire: Misfire::parse(&self.misfire)?,
                enabled: self.enabled != 0,
            },
            next_run_at: Timestamp::from_micros(self.next_run_at),
            last_run_at: self.last_run_at.map(Timestamp::from_micros),
            cursor: self.cursor.map(Timestamp::from_micros),
        })
    }
}

/// The tenant a scope is bound to in a statement; none for everything.
pub(crate) fn tenant_filter(scope: Scope) -> Option<String> {
    match scope {
        Scope::Everything => None,
        Scope::Organization(org) => Some(Tenant::Organization(org).to_text()),
    }
}

fn counted(n: i64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn corrupt(id: &str) -> QueueError {
    QueueError::Corrupt {
        table: "queue_jobs",
        row: id.chars().take(40).collect(),
    }
}
