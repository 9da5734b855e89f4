//! What a job is: who it belongs to, what it asks for, and how it came so far.
//!
//! The rules of this file hold for every adapter. A [`NewJob`] cannot be made without a [`Tenant`],
//! and a stored one is checked again by [`NewJob::restore`], since a shared Redis may hold foreign jobs.

mod id;
mod names;
mod payload;

pub use id::JobId;
pub use names::{Code, InvalidName, JobKey, Kind, Lane, PolicyName, QueueName, Reason, Trace};
pub use payload::{PAYLOAD_BYTES_MAX, Payload, PayloadRefused};

use crate::retry::Failure;
use freshtrack_core::ids::OrgId;
use freshtrack_core::time::Timestamp;

/// Whose job it is. There is no default: a job without a tenant cannot be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tenant {
    /// Work of one organization.
    Organization(OrgId),
    /// Maintenance across organizations.
    Platform,
}

impl Tenant {
    /// How the tenant is written in storage: a UUID, or `platform`.
    #[must_use]
    pub fn to_text(self) -> String {
        match self {
            Self::Organization(org) => org.to_string(),
            Self::Platform => PLATFORM.to_owned(),
        }
    }

    /// Reads [`Tenant::to_text`] back.
    ///
    /// # Errors
    /// [`InvalidJob::Tenant`] for anything else, the nil UUID included.
    pub fn parse(text: &str) -> Result<Self, InvalidJob> {
        if text == PLATFORM {
            return Ok(Self::Platform);
        }
        let org: OrgId = text.parse().map_err(|_| InvalidJob::Tenant)?;
        Self::Organization(org).checked()
    }

    fn checked(self) -> Result<Self, InvalidJob> {
        match self {
            Self::Organization(org) if org.as_uuid().is_nil() => Err(InvalidJob::Tenant),
            Self::Organization(_) | Self::Platform => Ok(self),
        }
    }
}

const PLATFORM: &str = "platform";

/// Why something is not a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidJob {
    /// No tenant, a malformed one, or the nil organization.
    #[error("missing or malformed tenant")]
    Tenant,
    /// A queue, kind, key or other name is malformed.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The payload is too large or not a JSON object.
    #[error(transparent)]
    Payload(#[from] PayloadRefused),
    /// A stored lane or version is not one of ours.
    #[error("stored {0} is not readable")]
    Stored(&'static str),
}

/// A job as it is enqueued.
///
/// Its `Debug` prints ids and sizes, never the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    tenant: Tenant,
    queue: QueueName,
    kind: Kind,
    version: u16,
    key: JobKey,
    payload: Payload,
    run_at: Timestamp,
    lane: Lane,
    policy: Option<PolicyName>,
    trace: Option<Trace>,
}

impl NewJob {
    /// A job of `tenant` in lane default, not to start before `run_at`.
    ///
    /// `key` makes it unique per queue and tenant while a job with that key is kept.
    ///
    /// # Errors
    /// [`InvalidJob::Tenant`] for the nil organization.
    pub fn new(
        tenant: Tenant,
        queue: QueueName,
        kind: Kind,
        version: u16,
        key: JobKey,
        payload: Payload,
        run_at: Timestamp,
    ) -> Result<Self, InvalidJob> {
        Ok(Self {
            tenant: tenant.checked()?,
            queue,
            kind,
            version,
            key,
            payload,
            run_at,
            lane: Lane::Default,
            policy: None,
            trace: None,
        })
    }

    /// The same job in another lane.
    #[must_use]
    pub fn in_lane(mut self, lane: Lane) -> Self {
        self.lane = lane;
        self
    }

    /// The same job under a named policy instead of its kind's.
    #[must_use]
    pub fn under_policy(mut self, policy: PolicyName) -> Self {
        self.policy = Some(policy);
        self
    }

    /// The same job with a request id for the logs.
    #[must_use]
    pub fn traced(mut self, trace: Trace) -> Self {
        self.trace = Some(trace);
        self
    }

    /// The id this job has in every adapter, derived from kind, tenant and key.
    #[must_use]
    pub fn id(&self) -> JobId {
        JobId::derive(&self.kind, self.tenant, &self.key)
    }

    /// Whose job it is.
    #[must_use]
    pub const fn tenant(&self) -> Tenant {
        self.tenant
    }

    /// The queue it waits in.
    #[must_use]
    pub const fn queue(&self) -> &QueueName {
        &self.queue
    }

    /// What is to be done.
    #[must_use]
    pub const fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Version of the payload's shape.
    #[must_use]
    pub const fn version(&self) -> u16 {
        self.version
    }

    /// The idempotency key.
    #[must_use]
    pub const fn key(&self) -> &JobKey {
        &self.key
    }

    /// Ids, counts, enum names and instants; nothing else, ever.
    #[must_use]
    pub const fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Not before this instant.
    #[must_use]
    pub const fn run_at(&self) -> Timestamp {
        self.run_at
    }

    /// The lane it waits in.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        self.lane
    }

    /// The policy it names, if not its kind's.
    #[must_use]
    pub const fn policy(&self) -> Option<&PolicyName> {
        self.policy.as_ref()
    }

    /// The request it came from.
    #[must_use]
    pub const fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }

    /// Reads a job back from storage, checking every rule again.
    ///
    /// # Errors
    /// The first rule that does not hold; such a job is dead, never run.
    pub fn restore(stored: StoredJob<'_>) -> Result<Self, InvalidJob> {
        let mut job = Self::new(
            Tenant::parse(stored.tenant)?,
            QueueName::new(stored.queue)?,
            Kind::new(stored.kind)?,
            stored.version,
            JobKey::new(stored.key)?,
            Payload::from_json(stored.payload)?,
            stored.run_at,
        )?;
        job.lane = stored.lane;
        job.policy = stored.policy.map(PolicyName::new).transpose()?;
        job.trace = stored.trace.map(Trace::new).transpose()?;
        Ok(job)
    }
}

/// The fields of a job as an adapter stored them, unchecked.
#[derive(Clone, Copy)]
#[expect(
    missing_debug_implementations,
    reason = "holds a payload, which is never printed"
)]
pub struct StoredJob<'a> {
    /// [`Tenant::to_text`].
    pub tenant: &'a str,
    /// Queue.
    pub queue: &'a str,
    /// Kind.
    pub kind: &'a str,
    /// Version.
    pub version: u16,
    /// Key.
    pub key: &'a str,
    /// Payload as JSON.
    pub payload: &'a str,
    /// Not before.
    pub run_at: Timestamp,
    /// Lane.
    pub lane: Lane,
    /// Named policy.
    pub policy: Option<&'a str>,
    /// Request id.
    pub trace: Option<&'a str>,
}

/// How a job came so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The `run_at` it was enqueued (or requeued) with; the horizon counts from here.
    pub first_run_at: Timestamp,
    /// When it was enqueued.
    pub enqueued_at: Timestamp,
    /// Attempts that ended in a retry.
    pub attempts: u32,
    /// Workers that died holding it.
    pub crashes: u32,
    /// How the last attempt failed.
    pub last: Option<Failure>,
}

impl History {
    /// The history of a job that was just enqueued.
    #[must_use]
    pub const fn new(run_at: Timestamp, now: Timestamp) -> Self {
        Self {
            first_run_at: run_at,
            enqueued_at: now,
            attempts: 0,
            crashes: 0,
            last: None,
        }
    }
}

/// A job in a worker's hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What was enqueued.
    pub spec: NewJob,
    /// How it came so far.
    pub history: History,
}

impl Job {
    /// Number of the attempt a worker is about to make, from 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.history.attempts + self.history.crashes + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn job(tenant: Tenant) -> Result<NewJob, InvalidJob> {
        NewJob::new(
            tenant,
            QueueName::new("sms-notifications")?,
            Kind::new("sms:send")?,
            1,
            JobKey::new("d1:1")?,
            Payload::of(&json!({"delivery": "secret-looking"}))?,
            Timestamp::EPOCH,
        )
    }

    #[test]
    fn the_nil_organization_is_no_tenant() {
        let nil: OrgId = "00000000-0000-0000-0000-000000000000".parse().unwrap();
        assert_eq!(
            job(Tenant::Organization(nil)).unwrap_err(),
            InvalidJob::Tenant
        );
        for text in [
            "",
            "platforms",
            "00000000-0000-0000-0000-000000000000",
            "12",
        ] {
            assert_eq!(Tenant::parse(text), Err(InvalidJob::Tenant), "{text}");
        }
        assert_eq!(Tenant::parse("platform"), Ok(Tenant::Platform));
    }

    #[test]
    fn debug_prints_no_payload() {
        let text = format!("{:?}", job(Tenant::Platform).unwrap());
        assert!(!text.contains("secret-looking"), "{text}");
        assert!(text.contains("sms:send"), "{text}");
    }

    #[test]
    fn the_id_depends_on_kind_tenant_and_key_only() {
        let a = job(Tenant::Platform).unwrap();
        assert_eq!(a.id(), a.clone().in_lane(Lane::Critical).id());
        let org = "018f3b1e-0000-7000-8000-000000000001"
            .parse()
            .map(Tenant::Organization)
            .unwrap();
        assert_ne!(a.id(), job(org).unwrap().id());
        assert_eq!(a.id().as_str().len(), 26);
    }
}
