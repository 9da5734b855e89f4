//! Bad stores of API keys.

use super::{everybody, write_journal};
use async_trait::async_trait;
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{ApiKeyId, OrgId};
use freshtrack_core::memory::MemoryStore;
use freshtrack_core::ports::ApiKeys;
use freshtrack_core::principal::ApiKey;
use freshtrack_core::time::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    SharesPrefixes,
    ForgetsScopes,
    AcceptsNobodys,
    HidesRevoked,
    RevokesAgain,
    JournalsAgain,
    TenantBlindRevoke,
    TenantBlindTouch,
    MovesUseBack,
    LosesRaces,
    KeepsTheOldOne,
}

struct Bad {
    inner: MemoryStore,
    fault: Fault,
}

freshtrack_core::pass_on!(Bad, inner: Organizations Places Devices LifeCycle ReadingStore AuditLog Outbox);

super::caught! { Bad, api_keys;
    a_prefix_is_unique_across_organizations: SharesPrefixes, "expected `prefix` to be taken";
    a_key_is_found_by_its_prefix_as_it_was_made: ForgetsScopes, "left == right";
    a_key_needs_a_known_organization: AcceptsNobodys, "expected `organization` to be missing";
    keys_are_listed_by_id_own_only_and_bounded: HidesRevoked, "revoked ones too";
    revoking_happens_once: RevokesAgain, "the first revocation stands";
    revoking_happens_once: JournalsAgain, "no other is";
    another_organizations_key_cannot_be_revoked: TenantBlindRevoke, "expected `api_key` to be missing";
    another_organization_cannot_note_use: TenantBlindTouch, "the key is as it was";
    use_is_noted_and_never_moves_back: MovesUseBack, "never moves back";
    a_rotated_key_ends_when_its_successor_has_taken_over: KeepsTheOldOne, "the old one ends";
    of_two_with_one_prefix_exactly_one_is_made: LosesRaces, "exactly one of them must win";
}

#[async_trait]
impl ApiKeys for Bad {
    async fn create(
        &self,
        org: OrgId,
        mut key: ApiKey,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let inner = &self.inner;
        tokio::task::yield_now().await;
        match ApiKeys::create(inner, org, key.clone(), journal.clone()).await {
            Err(StoreError::Taken { .. })
                if matches!(self.fault, Fault::SharesPrefixes | Fault::LosesRaces) =>
            {
                key.prefix.push('2');
                ApiKeys::create(inner, org, key, journal).await
            }
            Err(StoreError::Missing { .. }) if self.fault == Fault::AcceptsNobodys => Ok(()),
            other => other,
        }
    }

    async fn find_by_prefix(&self, prefix: &str) -> Result<Option<ApiKey>, StoreError> {
        let mut found = self.inner.find_by_prefix(prefix).await?;
        match (self.fault, &mut found) {
            (Fault::ForgetsScopes, Some(key)) => key.scopes.truncate(1),
            (Fault::MovesUseBack, Some(key)) => {
                key.last_used_at = Some(freshtrack_core::testkit::sample::at(200));
            }
            _ => {}
        }
        Ok(found)
    }

    async fn list(&self, org: OrgId, limit: u16) -> Result<Vec<ApiKey>, StoreError> {
        let mut found = ApiKeys::list(&self.inner, org, limit).await?;
        if self.fault == Fault::HidesRevoked {
            found.retain(|key| key.revoked_at.is_none());
        }
        Ok(found)
    }

    async fn revoke(
        &self,
        org: OrgId,
        id: ApiKeyId,
        now: Timestamp,
        journal: Journal,
    ) -> Result<ApiKey, StoreError> {
        let inner = &self.inner;
        let known = ApiKeys::list(inner, org, 100).await?;
        let again = known
            .iter()
            .any(|key| key.id == id && key.revoked_at.is_some());
        let mut revoked = inner.revoke(org, id, now, journal.clone()).await;
        match (self.fault, &mut revoked) {
            (Fault::RevokesAgain, Ok(key)) => key.revoked_at = Some(now),
            (Fault::JournalsAgain, Ok(_)) if again => write_journal(inner, org, &journal),
            (Fault::TenantBlindRevoke, Err(_)) => {
                for other in everybody(inner) {
                    let found = inner.revoke(other, id, now, Journal::default()).await;
                    revoked = revoked.or(found);
                }
            }
            _ => {}
        }
        revoked
    }

    async fn supersede(
        &self,
        org: OrgId,
        id: ApiKeyId,
        successor: ApiKey,
        until: Timestamp,
        journal: Journal,
    ) -> Result<ApiKey, StoreError> {
        let rotated = self
            .inner
            .supersede(org, id, successor, until, journal)
            .await;
        match rotated {
            Ok(mut old) if self.fault == Fault::KeepsTheOldOne => {
                old.expires_at = None;
                Ok(old)
            }
            other => other,
        }
    }

    async fn touch(&self, org: OrgId, id: ApiKeyId, now: Timestamp) -> Result<(), StoreError> {
        if self.fault == Fault::TenantBlindTouch {
            for other in everybody(&self.inner) {
                let _whoever = self.inner.touch(other, id, now).await;
            }
        }
        self.inner.touch(org, id, now).await
    }
}
