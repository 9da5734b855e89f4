//! The memory store of sagas keeps the contract, and rules catch stores that break them.

use async_trait::async_trait;
use freshtrack_core::ids::OrgId;
use freshtrack_core::time::Timestamp;
use freshtrack_ttn::ids::DevEui;
use freshtrack_ttn::memory::MemorySagas;
use freshtrack_ttn::ports::{Claimed, SagaStore, SagaStoreError};
use freshtrack_ttn::provisioning::saga::Saga;
use freshtrack_ttn::testkit::saga_store;

fn org(n: u128) -> OrgId {
    OrgId::from_uuid(uuid::Uuid::from_u128(n))
}

mod memory {
    use super::{MemorySagas, OrgId, org};

    async fn fresh() -> (MemorySagas, OrgId, OrgId) {
        std::future::ready((MemorySagas::default(), org(1), org(2))).await
    }

    freshtrack_ttn::saga_store_contract!(fresh);
}

/// Breaks one law each.
#[derive(PartialEq)]
enum Sabotage {
    MergesTenants,
    IgnoresLeases,
    SavesForAnybody,
    ForgetsTheLimit,
}

struct Saboteur(Sabotage, MemorySagas);

impl Saboteur {
    fn tenant(&self, tenant: OrgId) -> OrgId {
        if self.0 == Sabotage::MergesTenants {
            org(1)
        } else {
            tenant
        }
    }
}

#[async_trait]
impl SagaStore for Saboteur {
    async fn start(&self, tenant: OrgId, saga: Saga) -> Result<(), SagaStoreError> {
        self.1.start(self.tenant(tenant), saga).await
    }

    async fn load(&self, tenant: OrgId, device: DevEui) -> Result<Option<Saga>, SagaStoreError> {
        self.1.load(self.tenant(tenant), device).await
    }

    async fn claim(
        &self,
        tenant: OrgId,
        device: DevEui,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Claimed>, SagaStoreError> {
        let now = if self.0 == Sabotage::IgnoresLeases {
            until
        } else {
            now
        };
        self.1.claim(self.tenant(tenant), device, now, until).await
    }

    async fn save(&self, claimed: &Claimed) -> Result<u64, SagaStoreError> {
        match self.1.save(claimed).await {
            Err(SagaStoreError::Stale) if self.0 == Sabotage::SavesForAnybody => Ok(0),
            other => other,
        }
    }

    async fn release(&self, claimed: &Claimed) -> Result<(), SagaStoreError> {
        self.1.release(claimed).await
    }

    async fn due(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<(OrgId, DevEui)>, SagaStoreError> {
        let limit = if self.0 == Sabotage::ForgetsTheLimit {
            u32::MAX
        } else {
            limit
        };
        self.1.due(now, limit).await
    }
}

fn saboteur(sabotage: Sabotage) -> Saboteur {
    Saboteur(sabotage, MemorySagas::default())
}

#[tokio::test]
#[should_panic(expected = "the store under test refused")]
async fn a_store_that_merges_tenants_is_caught() {
    saga_store::a_device_has_one_saga(&saboteur(Sabotage::MergesTenants), org(1), org(2)).await;
}

#[tokio::test]
#[should_panic(expected = "held")]
async fn a_store_that_ignores_leases_is_caught() {
    saga_store::one_worker_has_it(&saboteur(Sabotage::IgnoresLeases), org(1), org(2)).await;
}

#[tokio::test]
#[should_panic(expected = "late save")]
async fn a_store_that_saves_for_anybody_is_caught() {
    saga_store::a_lost_claim_saves_nothing(&saboteur(Sabotage::SavesForAnybody), org(1), org(2))
        .await;
}

#[tokio::test]
#[should_panic(expected = "the limit")]
async fn a_store_that_forgets_the_limit_is_caught() {
    saga_store::what_is_due_is_found(&saboteur(Sabotage::ForgetsTheLimit), org(1), org(2)).await;
}
