//! Bad outboxes.

use super::everybody;
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::event::OutboxEvent;
use freshtrack_core::ids::OrgId;
use freshtrack_core::memory::MemoryStore;
use freshtrack_core::ports::Outbox;
use freshtrack_core::time::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    BeginsAtZero,
    LeavesGaps,
    MixesTheOrderUp,
    LosesTheUser,
    RepeatsTheLastSeen,
    Unbounded,
    TenantBlind,
    HeadsOutOfOrder,
    PrunesTheNewest,
    PrunesTooMuchAtOnce,
    PrunesYoungEvents,
    ForgetsTheHead,
}

struct Bad {
    inner: MemoryStore,
    fault: Fault,
}

freshtrack_core::pass_on!(Bad, inner: Organizations Places Devices LifeCycle ApiKeys ReadingStore AuditLog);

super::caught! { Bad, outbox;
    an_organization_without_events_has_bounds_zero_and_one: BeginsAtZero, "left == right";
    changes_at_once_are_numbered_gaplessly: LeavesGaps, "numbered once";
    events_are_numbered_gaplessly_in_commit_order: MixesTheOrderUp, "in commit order";
    events_come_back_as_they_were_written: LosesTheUser, "left == right";
    reading_goes_on_after_a_number_and_is_bounded: RepeatsTheLastSeen, "after the number";
    reading_goes_on_after_a_number_and_is_bounded: Unbounded, "bounded";
    each_organization_has_its_own_numbers: TenantBlind, "of this organization only";
    heads_name_organizations_with_events_in_order_of_id: HeadsOutOfOrder, "in order of id";
    pruning_keeps_the_newest_of_each_organization: PrunesTheNewest, "left == right";
    pruning_is_bounded_per_call: PrunesTooMuchAtOnce, "no more than asked for";
    pruning_takes_old_events_only: PrunesYoungEvents, "before the instant";
    numbers_go_on_after_everything_was_pruned: ForgetsTheHead, "the head is remembered";
}

#[async_trait]
impl Outbox for Bad {
    async fn since(
        &self,
        org: OrgId,
        after: i64,
        limit: u16,
    ) -> Result<Vec<OutboxEvent>, StoreError> {
        let (after, limit) = match self.fault {
            Fault::RepeatsTheLastSeen => (after - 1, limit),
            Fault::Unbounded => (after, u16::MAX),
            _ => (after, limit),
        };
        let mut found = self.inner.since(org, after, limit).await?;
        match self.fault {
            Fault::LeavesGaps => found.iter_mut().for_each(|event| event.seq *= 2),
            Fault::MixesTheOrderUp => found.reverse(),
            Fault::LosesTheUser => found.iter_mut().for_each(|event| event.user = None),
            Fault::TenantBlind => {
                for other in everybody(&self.inner) {
                    found.extend(self.inner.since(other, after, limit).await?);
                }
            }
            _ => {}
        }
        Ok(found)
    }

    async fn bounds(&self, org: OrgId) -> Result<(i64, i64), StoreError> {
        let (head, oldest) = self.inner.bounds(org).await?;
        Ok(match self.fault {
            Fault::BeginsAtZero if head == 0 => (0, 0),
            Fault::ForgetsTheHead if oldest > head => (0, 1),
            _ => (head, oldest),
        })
    }

    async fn heads(&self) -> Result<Vec<(OrgId, i64)>, StoreError> {
        let mut heads = self.inner.heads().await?;
        if self.fault == Fault::HeadsOutOfOrder {
            heads.reverse();
        }
        Ok(heads)
    }

    async fn prune(&self, before: Timestamp, keep: u32, limit: u32) -> Result<u64, StoreError> {
        match self.fault {
            Fault::PrunesTheNewest => self.inner.prune(before, 0, limit).await,
            Fault::PrunesTooMuchAtOnce => self.inner.prune(before, keep, u32::MAX).await,
            Fault::PrunesYoungEvents => self.inner.prune(Timestamp::MAX, keep, limit).await,
            _ => self.inner.prune(before, keep, limit).await,
        }
    }
}
