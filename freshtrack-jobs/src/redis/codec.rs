//! A job as BullMQ keeps it: name = kind, data = payload + `organizationId` + `version`.
//!
//! What BullMQ has no place for stands in the member `_job`. A foreign producer need not know it.

use crate::job::{
    Code, History, InvalidJob, Job, JobId, JobKey, Lane, NewJob, Payload, QueueName, StoredJob,
    Tenant,
};
use crate::ports::{JobState, JobView};
use crate::retry::{Class, Failure};
use freshtrack_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const TENANT: &str = "organizationId";
const VERSION: &str = "version";
const OWN: &str = "_job";

/// What BullMQ has no place for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Own {
    pub(super) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
    enqueued_at: Option<i64>,
    first_run_at: Option<i64>,
    run_at: Option<i64>,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Members of the payload whose names are taken.
    #[serde(skip_serializing_if = "Map::is_empty")]
    shadowed: Map<String, Value>,
}

/// What changes in `_job` when an attempt ended.
#[derive(Debug, Clone)]
pub(super) enum Mark {
    Failed {
        failure: Failure,
        run_at: Option<Timestamp>,
    },
    Released {
        run_at: Timestamp,
    },
    Revived {
        now: Timestamp,
    },
}

pub(super) fn encode(job: &NewJob, now: Timestamp) -> Result<Value, serde_json::Error> {
    let mut data: Map<String, Value> = job.payload().read()?;
    let mut shadowed = Map::new();
    for name in [TENANT, VERSION, OWN] {
        if let Some(value) = data.remove(name) {
            shadowed.insert(name.to_owned(), value);
        }
    }
    let own = Own {
        key: Some(job.key().to_string()),
        policy: job.policy().map(ToString::to_string),
        trace: job.trace().map(ToString::to_string),
        enqueued_at: Some(now.as_micros()),
        first_run_at: Some(job.run_at().as_micros()),
        run_at: Some(job.run_at().as_micros()),
        shadowed,
        ..Own::default()
    };
    data.insert(TENANT.to_owned(), Value::String(job.tenant().to_text()));
    data.insert(VERSION.to_owned(), Value::from(job.version()));
    data.insert(OWN.to_owned(), serde_json::to_value(own)?);
    Ok(Value::Object(data))
}

pub(super) fn own(data: &Value) -> Own {
    let stored = data.get(OWN).cloned();
    stored
        .and_then(|own| serde_json::from_value(own).ok())
        .unwrap_or_default()
}

/// The same data after an attempt ended.
pub(super) fn marked(data: &Value, mark: &Mark) -> Value {
    let mut own = own(data);
    match mark {
        Mark::Failed { failure, run_at } => {
            own.attempts += 1;
            own.class = Some(failure.class.as_str().to_owned());
            own.code = failure.code.as_ref().map(ToString::to_string);
            own.run_at = run_at.map(Timestamp::as_micros).or(own.run_at);
        }
        Mark::Released { run_at } => own.run_at = Some(run_at.as_micros()),
        Mark::Revived { now } => {
            own = Own {
                attempts: 0,
                class: None,
                code: None,
                first_run_at: Some(now.as_micros()),
                run_at: Some(now.as_micros()),
                ..own
            }
        }
    }
    let mut data = data.clone();
    if let (Some(members), Ok(own)) = (data.as_object_mut(), serde_json::to_value(own)) {
        members.insert(OWN.to_owned(), own);
    }
    data
}

pub(super) fn tenant(data: &Value) -> Result<Tenant, InvalidJob> {
    Tenant::parse(
        data.get(TENANT)
            .and_then(Value::as_str)
            .ok_or(InvalidJob::Tenant)?,
    )
}

/// A foreign producer that knows no version means the first.
fn version(data: &Value) -> Result<u16, InvalidJob> {
    match data.get(VERSION) {
        None => Ok(1),
        Some(number) => number
            .as_u64()
            .and_then(|n| u16::try_from(n).ok())
            .ok_or(InvalidJob::Stored("version")),
    }
}

fn payload(data: &Value, own: &Own) -> Result<Payload, InvalidJob> {
    let mut members = data.as_object().cloned().unwrap_or_default();
    for name in [TENANT, VERSION, OWN] {
        members.remove(name);
    }
    members.extend(own.shadowed.clone());
    Ok(Payload::of(&members)?)
}

/// Reads a job back, checking every rule again.
pub(super) fn decode(
    raw: &bullmq::Job,
    id: &JobId,
    queue: &QueueName,
    lane: Lane,
    crashes: u32,
) -> Result<Job, InvalidJob> {
    let data = raw.data();
    let own = own(data);
    let added = millis(raw.timestamp());
    let run_at = own.run_at.map_or(added, Timestamp::from_micros);
    let key = own.key.clone().unwrap_or_else(|| id.to_string());
    let spec = NewJob::restore(StoredJob {
        tenant: &tenant(data)?.to_text(),
        queue: queue.as_str(),
        kind: raw.name(),
        version: version(data)?,
        key: JobKey::new(&key)?.as_str(),
        payload: payload(data, &own)?.as_json(),
        run_at,
        lane,
        policy: own.policy.as_deref(),
        trace: own.trace.as_deref(),
    })?;
    let last = failure(&own);
    let history = History {
        first_run_at: own.first_run_at.map_or(added, Timestamp::from_micros),
        enqueued_at: own.enqueued_at.map_or(added, Timestamp::from_micros),
        attempts: own.attempts,
        crashes,
        last,
    };
    Ok(Job {
        id: id.clone(),
        spec,
        history,
    })
}

fn failure(own: &Own) -> Option<Failure> {
    let class = own.class.as_deref().and_then(Class::parse)?;
    Some(Failure {
        class,
        code: own.code.as_deref().and_then(|code| Code::new(code).ok()),
    })
}

/// What is shown of a job. BullMQ's `failedReason` may hold a foreign worker's text: never shown.
pub(super) fn view(
    raw: &bullmq::Job,
    id: &JobId,
    queue: &QueueName,
    lane: Lane,
    state: JobState,
    crashes: u32,
) -> JobView {
    let data = raw.data();
    let own = own(data);
    let last = failure(&own);
    let added = millis(raw.timestamp());
    let reason = (state == JobState::Done)
        .then(|| serde_json::from_str::<String>(raw.returnvalue()).ok())
        .flatten()
        .filter(|reason| crate::job::Reason::new(reason).is_ok());
    JobView {
        id: id.clone(),
        queue: queue.clone(),
        lane,
        tenant: tenant(data).ok(),
        kind: raw.name().to_owned(),
        version: version(data).unwrap_or(0),
        key: own.key.as_deref().and_then(|key| JobKey::new(key).ok()),
        payload: payload(data, &own).ok(),
        state,
        attempts: own.attempts,
        crashes,
        class: last.as_ref().map(|failure| failure.class),
        code: last.and_then(|failure| failure.code),
        reason,
        enqueued_at: own.enqueued_at.map_or(added, Timestamp::from_micros),
        run_at: own.run_at.map_or(added, Timestamp::from_micros),
        finished_at: raw.finished_on().map(millis),
    }
}

pub(super) fn millis(ms: u64) -> Timestamp {
    Timestamp::from_micros(i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1_000))
}

/// Whole milliseconds since 1970, rounded up: never early.
pub(super) fn to_millis(at: Timestamp) -> u64 {
    u64::try_from(at.as_micros().max(0))
        .unwrap_or(0)
        .div_ceil(1_000)
}
