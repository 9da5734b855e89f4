//! The loop that makes the calls a saga names.

use super::enrolment::DeviceRef;
use super::fault::LnsFault;
use super::plane::Plane;
use super::saga::{Call, Next, Outcome, Saga};
use crate::ids::DevEui;
use crate::ports::{Claimed, DevicePlanes, SagaStore, SagaStoreError, WriteMode};
use crate::secrets::AppKey;
use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::Clock;
use freshtrack_core::time::{Span, Timestamp};

/// How long a worker may hold a saga. Longer than all calls of a run together.
const LEASE: Span = Span::from_minutes(10);
/// The most calls of one turn; more is a mistake, and the saga goes on in the next.
const CALLS: u32 = 64;

/// How a turn ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// The saga as it stands; [`Saga::not_before`] says when to come again.
    Standing(Box<Saga>),
    /// Another worker has it, or there is none.
    NotOurs,
}

/// Runs sagas over the planes of one network connection.
pub struct Provisioner<'a> {
    planes: &'a dyn DevicePlanes,
    sagas: &'a dyn SagaStore,
    clock: &'a dyn Clock,
}

impl std::fmt::Debug for Provisioner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provisioner").finish_non_exhaustive()
    }
}

impl<'a> Provisioner<'a> {
    /// Over these ports.
    #[must_use]
    pub const fn new(
        planes: &'a dyn DevicePlanes,
        sagas: &'a dyn SagaStore,
        clock: &'a dyn Clock,
    ) -> Self {
        Self {
            planes,
            sagas,
            clock,
        }
    }

    /// Takes a device's saga as far as it goes now: every step is stored before it is taken.
    ///
    /// `key` is needed once, when the join plane has none. `jitter` in 0..=1 spreads retries.
    ///
    /// # Errors
    /// [`SagaStoreError`]; a saga lost to another worker is [`Progress::NotOurs`] instead.
    pub async fn run(
        &self,
        org: OrgId,
        device: DevEui,
        key: Option<&AppKey>,
        jitter: f64,
    ) -> Result<Progress, SagaStoreError> {
        let now = self.clock.now();
        let Some(mut claimed) = self.sagas.claim(org, device, now, now + LEASE).await? else {
            return Ok(Progress::NotOurs);
        };
        match self.turn(&mut claimed, key, jitter).await {
            Ok(()) => {
                self.sagas.release(&claimed).await?;
                Ok(Progress::Standing(Box::new(claimed.saga)))
            }
            Err(SagaStoreError::Stale) => Ok(Progress::NotOurs),
            Err(error) => Err(error),
        }
    }

    async fn turn(
        &self,
        claimed: &mut Claimed,
        key: Option<&AppKey>,
        jitter: f64,
    ) -> Result<(), SagaStoreError> {
        for _ in 0..CALLS {
            let next = claimed.saga.next(self.now());
            claimed.version = self.sagas.save(claimed).await?;
            let Next::Call(call) = next else {
                return Ok(());
            };
            let outcome = self.make(call, &claimed.saga, key).await;
            claimed.saga.after(outcome, self.now(), jitter);
            claimed.version = self.sagas.save(claimed).await?;
        }
        Ok(())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn make(&self, call: Call, saga: &Saga, key: Option<&AppKey>) -> Outcome {
        let made = match call {
            Call::Read(plane) => {
                return match self.planes.read(plane, saga.device()).await {
                    Ok(record) => Outcome::Found(record),
                    Err(fault) => Outcome::Fault(fault),
                };
            }
            Call::Write(Plane::Join, mode) if key.is_none() => {
                return match mode {
                    WriteMode::Create => Outcome::NoKey,
                    // The key stands there already; nothing else of this plane changes.
                    WriteMode::Update => Outcome::Done,
                };
            }
            Call::Write(plane, mode) => {
                let key = key.filter(|_| plane == Plane::Join);
                self.planes.write(plane, &saga.enrolment, key, mode).await
            }
            Call::Delete(plane) => self.planes.delete(plane, saga.device()).await,
            Call::Sweep => self.sweep(saga).await,
        };
        match made {
            Ok(()) => Outcome::Done,
            Err(fault) => Outcome::Fault(fault),
        }
    }

    /// Removes records of our device that have no identity any more, under each name it ever had.
    async fn sweep(&self, saga: &Saga) -> Result<(), LnsFault> {
        for name in saga.former_names.iter().chain([&saga.device().name]) {
            let device = DeviceRef {
                application: saga.device().application.clone(),
                name: name.clone(),
            };
            let present = *name == saga.device().name;
            let identity = self.planes.read(Plane::Identity, &device).await?;
            if identity.is_some() && !(present && saga.created.contains(Plane::Identity)) {
                continue;
            }
            for plane in [Plane::Application, Plane::Network, Plane::Join] {
                if present && saga.created.contains(plane) {
                    continue;
                }
                let record = self.planes.read(plane, &device).await?;
                if record.is_some_and(|r| r.dev_eui == Some(saga.enrolment.dev_eui)) {
                    self.planes.delete(plane, &device).await?;
                }
            }
        }
        Ok(())
    }
}
