//! Where sagas are between two calls.

use crate::ids::DevEui;
use crate::provisioning::saga::Saga;
use async_trait::async_trait;
use freshtrack_core::ids::OrgId;
use freshtrack_core::time::Timestamp;

/// Why a saga could not be read or stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SagaStoreError {
    /// Somebody else has stored it since it was read: whoever reads this stops.
    #[error("the saga was taken over")]
    Stale,
    /// There is one of this device already.
    #[error("the device has a saga already")]
    Exists,
    /// Nothing was changed; repeating the call is safe.
    #[error("the saga store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A saga a worker may act on until its lease ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The tenant.
    pub org: OrgId,
    /// Where it stands.
    pub saga: Saga,
    /// What [`SagaStore::save`] must present; it changes with every claim and every save.
    pub version: u64,
}

/// Sagas, one for each device of a tenant, each in the hands of at most one worker.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SagaStore: Send + Sync {
    /// Stores a new one.
    ///
    /// # Errors
    /// [`SagaStoreError::Exists`] if the device has one.
    async fn start(&self, org: OrgId, saga: Saga) -> Result<(), SagaStoreError>;

    /// One as it was last stored.
    ///
    /// # Errors
    /// [`SagaStoreError::Unavailable`].
    async fn load(&self, org: OrgId, device: DevEui) -> Result<Option<Saga>, SagaStoreError>;

    /// Takes one for this worker until `until`; `None` if there is none or another worker has it.
    ///
    /// # Errors
    /// [`SagaStoreError::Unavailable`].
    async fn claim(
        &self,
        org: OrgId,
        device: DevEui,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Claimed>, SagaStoreError>;

    /// Stores what changed and answers the new version.
    ///
    /// # Errors
    /// [`SagaStoreError::Stale`] if the claim was lost.
    async fn save(&self, claimed: &Claimed) -> Result<u64, SagaStoreError>;

    /// Gives it back before the lease ends.
    ///
    /// # Errors
    /// [`SagaStoreError::Stale`] if the claim was lost.
    async fn release(&self, claimed: &Claimed) -> Result<(), SagaStoreError>;

    /// Devices whose saga wants to go on by `now` and which nobody has, earliest first.
    ///
    /// # Errors
    /// [`SagaStoreError::Unavailable`].
    async fn due(&self, now: Timestamp, limit: u32)
    -> Result<Vec<(OrgId, DevEui)>, SagaStoreError>;
}
