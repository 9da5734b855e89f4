//! Bad audit logs.

use super::everybody;
use async_trait::async_trait;
use freshtrack_core::audit::{AuditEvent, CHAIN_START};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::memory::MemoryStore;
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::ports::{AuditLog, AuditQuery, AuditRange};
use freshtrack_core::time::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    StartsWithNothing,
    LeavesGaps,
    DropsMicroseconds,
    IgnoresTheStart,
    TenantBlind,
    BreaksTheChain,
    SearchesLoosely,
    ForgetsTheQuiet,
}

struct Bad {
    inner: MemoryStore,
    fault: Fault,
}

freshtrack_core::pass_on!(Bad, inner: Organizations Places Devices LifeCycle ApiKeys ReadingStore Outbox);

super::caught! { Bad, audit_log;
    an_empty_chain_has_no_events_and_a_head_of_zeros: StartsWithNothing, "left == right";
    every_change_extends_the_chain_and_it_verifies: LeavesGaps, "the chain must verify";
    events_come_back_as_they_were_written: DropsMicroseconds, "the chain must verify";
    a_range_begins_where_asked_and_is_bounded: IgnoresTheStart, "from the number asked for";
    each_organization_has_its_own_chain: TenantBlind, "of its own";
    changes_at_once_make_one_sound_chain: BreaksTheChain, "the chain must verify";
    events_are_searched_newest_first_by_what_they_are: SearchesLoosely, "what matches";
    every_organization_is_named_for_a_check: ForgetsTheQuiet, "every organization is checked";
}

#[async_trait]
impl AuditLog for Bad {
    async fn list(&self, org: OrgId, mut range: AuditRange) -> Result<Vec<AuditEvent>, StoreError> {
        if self.fault == Fault::IgnoresTheStart {
            range.from = 1;
        }
        let mut found = AuditLog::list(&self.inner, org, range).await?;
        match self.fault {
            Fault::LeavesGaps => found.iter_mut().for_each(|event| event.seq *= 2),
            Fault::DropsMicroseconds => found.iter_mut().for_each(|event| {
                let seconds = event.draft.at.as_micros() / 1_000_000;
                event.draft.at = Timestamp::from_seconds(seconds);
            }),
            Fault::BreaksTheChain => {
                let last = found.len() - 1;
                CHAIN_START.clone_into(&mut found[last].previous_hash);
            }
            Fault::TenantBlind => {
                for other in everybody(&self.inner) {
                    found.extend(AuditLog::list(&self.inner, other, range).await?);
                }
            }
            _ => {}
        }
        Ok(found)
    }

    async fn search(
        &self,
        org: OrgId,
        query: &AuditQuery,
        page: PageRequest<i64>,
    ) -> Result<Page<AuditEvent, i64>, StoreError> {
        let mut query = query.clone();
        if self.fault == Fault::SearchesLoosely {
            query.alert = None;
        }
        AuditLog::search(&self.inner, org, &query, page).await
    }

    async fn chains(&self) -> Result<Vec<OrgId>, StoreError> {
        let mut all = AuditLog::chains(&self.inner).await?;
        if self.fault == Fault::ForgetsTheQuiet {
            all.truncate(1);
        }
        Ok(all)
    }

    async fn head(&self, org: OrgId) -> Result<(i64, String), StoreError> {
        match self.fault {
            Fault::StartsWithNothing => Ok((0, String::new())),
            _ => self.inner.head(org).await,
        }
    }
}
