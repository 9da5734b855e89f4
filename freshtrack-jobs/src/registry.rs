//! Which kinds of job this process knows, and what runs them.

use crate::job::{
    Code, InvalidJob, Job, JobKey, Kind, Lane, NewJob, Payload, PolicyName, QueueName, Reason,
    Tenant,
};
use crate::retry::{Class, Failure, Policy};
use async_trait::async_trait;
use freshtrack_core::ports::Clock;
use freshtrack_core::time::{Span, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Time limit of an attempt unless its kind says otherwise.
pub const TIME_LIMIT: Span = Span::from_seconds(60);

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The work is done, or there was none.
    Done(Reason),
    /// Try again later.
    Retry {
        /// What kind of failure.
        class: Class,
        /// Its code.
        code: Option<Code>,
        /// The provider asked not to come back before.
        not_before: Option<Timestamp>,
    },
    /// Do not try again.
    Dead {
        /// What kind of failure.
        class: Class,
        /// Its code.
        code: Option<Code>,
    },
    /// Give the job back, uncounted.
    Release,
}

/// What a handler may know of the attempt it makes.
#[derive(Debug, Clone)]
pub struct Context {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Cancelled when the lease was lost, the time is up or the process stops.
    pub token: CancellationToken,
    /// Number of this attempt, from 1.
    pub attempt: u32,
    /// When the time limit ends it.
    pub deadline: Timestamp,
}

/// Runs the jobs of one kind, whose payload is a `P`.
///
/// It must be idempotent: a job may run twice, at the same time even, when a lease is lost.
#[async_trait]
pub trait Handler<P: Send + 'static>: Send + Sync {
    /// Makes one attempt.
    async fn run(&self, job: &Job, payload: P, context: Context) -> Outcome;

    /// The runtime decided that the job is dead: permanent, at its horizon, or unreadable.
    ///
    /// Called before the job is moved, so that what the job stands for ends too. May be called again.
    async fn died(&self, _job: &Job, _failure: &Failure) {}
}

/// What is registered about a kind, once.
#[derive(Debug, Clone)]
pub struct KindSpec {
    /// The kind.
    pub kind: Kind,
    /// Version of its payload.
    pub version: u16,
    /// Its queue.
    pub queue: QueueName,
    /// Its lane unless the job says otherwise.
    pub lane: Lane,
    /// How it is retried.
    pub policy: Policy,
    /// How long an attempt may take.
    pub time_limit: Span,
}

impl KindSpec {
    /// Version 1 in lane default, under the standard policy and the standard time limit.
    #[must_use]
    pub const fn new(kind: Kind, queue: QueueName) -> Self {
        Self {
            kind,
            version: 1,
            queue,
            lane: Lane::Default,
            policy: Policy::standard(),
            time_limit: TIME_LIMIT,
        }
    }

    /// A job of this kind.
    ///
    /// # Errors
    /// If tenant or payload are refused.
    pub fn job<P: Serialize>(
        &self,
        tenant: Tenant,
        key: JobKey,
        payload: &P,
        run_at: Timestamp,
    ) -> Result<NewJob, InvalidJob> {
        let payload = Payload::of(payload)?;
        let (queue, kind) = (self.queue.clone(), self.kind.clone());
        Ok(
            NewJob::new(tenant, queue, kind, self.version, key, payload, run_at)?
                .in_lane(self.lane),
        )
    }
}

/// A kind cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// It is registered already in this version.
    #[error("{kind} version {version} is registered twice")]
    Twice {
        /// Kind.
        kind: Kind,
        /// Version.
        version: u16,
    },
    /// Its sample payload would carry personal data or text.
    #[error("payload of {kind} is not made of ids, counts, enum names and instants: {fields:?}")]
    Private {
        /// Kind.
        kind: Kind,
        /// Paths in the sample.
        fields: Vec<String>,
    },
    /// Its sample payload is refused.
    #[error("payload of {kind} is refused")]
    Payload {
        /// Kind.
        kind: Kind,
        /// Why.
        #[source]
        cause: crate::job::PayloadRefused,
    },
    /// A policy name is given twice.
    #[error("policy {0} is registered twice")]
    Policy(PolicyName),
}

/// A handler with its payload type forgotten.
#[async_trait]
pub(crate) trait AnyHandler: Send + Sync {
    async fn run(&self, job: &Job, context: Context) -> Outcome;
    async fn died(&self, job: &Job, failure: &Failure);
}

struct Typed<P, H>(H, PhantomData<fn() -> P>);

#[async_trait]
impl<P: DeserializeOwned + Send + 'static, H: Handler<P>> AnyHandler for Typed<P, H> {
    async fn run(&self, job: &Job, context: Context) -> Outcome {
        match job.spec.payload().read::<P>() {
            Ok(payload) => self.0.run(job, payload, context).await,
            Err(_) => Outcome::Dead {
                class: Class::Permanent,
                code: Some(Code::known("invalid_payload")),
            },
        }
    }

    async fn died(&self, job: &Job, failure: &Failure) {
        self.0.died(job, failure).await;
    }
}

/// A kind with its handler.
#[derive(Clone)]
pub struct Registered {
    /// What was registered.
    pub spec: KindSpec,
    /// A payload of its type, for tests and documentation.
    pub sample: Payload,
    pub(crate) handler: Arc<dyn AnyHandler>,
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registered")
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}

/// Every kind this process runs.
#[derive(Debug, Default)]
pub struct Registry {
    kinds: BTreeMap<(Kind, u16), Registered>,
    policies: BTreeMap<PolicyName, Policy>,
}

impl Registry {
    /// Knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a kind with its handler and a sample of its payload.
    ///
    /// The sample is walked: a payload type that could carry a phone number, an address, a name or a
    /// text is refused at start-up, not discovered in a queue.
    ///
    /// # Errors
    /// If the kind is there already or the sample is refused.
    pub fn register<P, H>(
        &mut self,
        spec: KindSpec,
        sample: &P,
        handler: H,
    ) -> Result<(), RegistryError>
    where
        P: Serialize + DeserializeOwned + Send + 'static,
        H: Handler<P> + 'static,
    {
        let kind = spec.kind.clone();
        let sample = Payload::of(sample).map_err(|cause| RegistryError::Payload {
            kind: kind.clone(),
            cause,
        })?;
        let fields = sample.private_fields();
        if !fields.is_empty() {
            return Err(RegistryError::Private { kind, fields });
        }
        let slot = (kind.clone(), spec.version);
        if self.kinds.contains_key(&slot) {
            return Err(RegistryError::Twice {
                kind,
                version: spec.version,
            });
        }
        let handler = Arc::new(Typed::<P, H>(handler, PhantomData));
        self.kinds.insert(
            slot,
            Registered {
                spec,
                sample,
                handler,
            },
        );
        Ok(())
    }

    /// Adds a policy that jobs may name instead of their kind's.
    ///
    /// # Errors
    /// If the name is taken.
    pub fn policy(&mut self, name: PolicyName, policy: Policy) -> Result<(), RegistryError> {
        match self.policies.entry(name) {
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert(policy);
                Ok(())
            }
            std::collections::btree_map::Entry::Occupied(slot) => {
                Err(RegistryError::Policy(slot.key().clone()))
            }
        }
    }

    /// The kind in that version, if it is known.
    #[must_use]
    pub fn find(&self, kind: &Kind, version: u16) -> Option<&Registered> {
        self.kinds.get(&(kind.clone(), version))
    }

    /// The policy a job is retried under: the one it names if that is known, else its kind's.
    #[must_use]
    pub fn policy_of<'a>(&'a self, job: &Job, known: &'a Registered) -> &'a Policy {
        job.spec
            .policy()
            .and_then(|name| self.policies.get(name))
            .unwrap_or(&known.spec.policy)
    }

    /// Every registered kind.
    pub fn kinds(&self) -> impl Iterator<Item = &Registered> {
        self.kinds.values()
    }

    /// Every queue a registered kind uses.
    #[must_use]
    pub fn queues(&self) -> std::collections::BTreeSet<QueueName> {
        self.kinds().map(|known| known.spec.queue.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Serialize, Deserialize)]
    struct Send {
        to: String,
    }

    struct Nothing;

    #[async_trait]
    impl Handler<Send> for Nothing {
        async fn run(&self, _job: &Job, _payload: Send, _context: Context) -> Outcome {
            Outcome::Done(Reason::done())
        }
    }

    fn spec() -> KindSpec {
        KindSpec::new(
            Kind::new("sms:send").unwrap(),
            QueueName::new("sms-notifications").unwrap(),
        )
    }

    #[test]
    fn a_payload_that_holds_a_phone_number_is_refused_at_start() {
        let mut registry = Registry::new();
        let refused = registry.register(
            spec(),
            &Send {
                to: "+436601234567".to_owned(),
            },
            Nothing,
        );
        assert!(
            matches!(refused, Err(RegistryError::Private { fields, .. }) if fields == ["$.to"])
        );
    }

    #[test]
    fn a_kind_is_registered_once_per_version() {
        let mut registry = Registry::new();
        let sample = Send {
            to: "owner".to_owned(),
        };
        registry.register(spec(), &sample, Nothing).unwrap();
        assert!(matches!(
            registry.register(spec(), &sample, Nothing),
            Err(RegistryError::Twice { .. })
        ));
        registry
            .register(
                KindSpec {
                    version: 2,
                    ..spec()
                },
                &sample,
                Nothing,
            )
            .unwrap();
        assert_eq!(registry.kinds().count(), 2);
    }
}
