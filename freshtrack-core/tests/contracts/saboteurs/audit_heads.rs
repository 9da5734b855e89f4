//! Bad stores of signed heads.

use super::everybody;
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::memory::MemoryStore;
use freshtrack_core::ports::{AuditHeads, HeadKey, SignedHead};
use freshtrack_core::testkit::{HeadStores, Stores};
use freshtrack_core::time::{Span, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    ForgetsTheFrontier,
    IgnoresThePast,
    TenantBlind,
    MovesTheFirstUse,
    NeverDue,
}

struct Bad {
    inner: MemoryStore,
    fault: Fault,
}

impl HeadStores for Bad {
    fn stores(&self) -> &dyn Stores {
        &self.inner
    }
    fn audit_heads(&self) -> &dyn AuditHeads {
        self
    }
}

super::caught! { Bad, audit_heads;
    heads_come_back_as_they_were_signed_in_order_of_size: ForgetsTheFrontier, "as signed";
    a_head_must_follow_the_newest_one: IgnoresThePast, "expected a conflict";
    each_organization_has_its_own_heads: TenantBlind, "its own";
    a_key_is_kept_once_with_its_first_use: MovesTheFirstUse, "each key once";
    organizations_with_new_events_and_an_old_head_are_due: NeverDue, "without any head";
}

#[async_trait]
impl AuditHeads for Bad {
    async fn heads(
        &self,
        org: OrgId,
        after: u64,
        limit: u16,
    ) -> Result<Vec<SignedHead>, StoreError> {
        let mut found = self.inner.heads(org, after, limit).await?;
        match self.fault {
            Fault::ForgetsTheFrontier => {
                for head in &mut found {
                    head.frontier = freshtrack_core::evidence::Frontier::new();
                }
            }
            Fault::TenantBlind => {
                for other in everybody(&self.inner) {
                    found.extend(self.inner.heads(other, after, limit).await?);
                }
            }
            _ => {}
        }
        Ok(found)
    }

    async fn newest_head(&self, org: OrgId) -> Result<Option<SignedHead>, StoreError> {
        self.inner.newest_head(org).await
    }

    async fn heads_due(&self, before: Timestamp, limit: u16) -> Result<Vec<OrgId>, StoreError> {
        if self.fault == Fault::NeverDue {
            return Ok(Vec::new());
        }
        self.inner.heads_due(before, limit).await
    }

    async fn record_head(
        &self,
        org: OrgId,
        head: SignedHead,
        key: HeadKey,
    ) -> Result<(), StoreError> {
        let done = self.inner.record_head(org, head, key).await;
        match done {
            Err(StoreError::Conflict) if self.fault == Fault::IgnoresThePast => Ok(()),
            other => other,
        }
    }

    async fn head_keys(&self) -> Result<Vec<HeadKey>, StoreError> {
        let mut keys = self.inner.head_keys().await?;
        if self.fault == Fault::MovesTheFirstUse {
            for key in &mut keys {
                key.first_used_at = key.first_used_at + Span::from_seconds(10);
            }
        }
        Ok(keys)
    }
}
