//! [`ApiKeys`] in memory.

use super::MemoryStore;
use crate::audit::Journal;
use crate::error::StoreError;
use crate::ids::{ApiKeyId, OrgId};
use crate::ports::ApiKeys;
use crate::principal::ApiKey;
use crate::time::Timestamp;
use async_trait::async_trait;

const UNKNOWN: StoreError = StoreError::Missing { what: "api_key" };

#[async_trait]
impl ApiKeys for MemoryStore {
    async fn create(
        &self,
        org: OrgId,
        mut key: ApiKey,
        journal: Journal,
    ) -> Result<(), StoreError> {
        self.with(|state| {
            let in_use = state.prefixes.contains_key(&key.prefix);
            let rows = state.existing(org)?;
            if in_use {
                return Err(StoreError::Taken { what: "prefix" });
            }
            key.org = org;
            let (prefix, id) = (key.prefix.clone(), key.id);
            rows.api_keys.insert(id, key);
            rows.append_journal(journal);
            state.prefixes.insert(prefix, (org, id));
            Ok(())
        })
    }

    async fn find_by_prefix(&self, prefix: &str) -> Result<Option<ApiKey>, StoreError> {
        Ok(self.with(|state| {
            let (org, id) = state.prefixes.get(prefix)?;
            state.tenant(*org)?.api_keys.get(id).cloned()
        }))
    }

    async fn list(&self, org: OrgId, limit: u16) -> Result<Vec<ApiKey>, StoreError> {
        Ok(self.with(|state| {
            let rows = state.tenant(org).into_iter();
            rows.flat_map(|rows| rows.api_keys.values())
                .take(usize::from(limit))
                .cloned()
                .collect()
        }))
    }

    async fn revoke(
        &self,
        org: OrgId,
        id: ApiKeyId,
        now: Timestamp,
        journal: Journal,
    ) -> Result<ApiKey, StoreError> {
        self.with(|state| {
            let rows = state.tenant_mut(org).ok_or(UNKNOWN)?;
            let key = rows.api_keys.get_mut(&id).ok_or(UNKNOWN)?;
            if key.revoked_at.is_some() {
                return Ok(key.clone());
            }
            key.revoked_at = Some(now);
            let revoked = key.clone();
            rows.append_journal(journal);
            Ok(revoked)
        })
    }

    async fn supersede(
        &self,
        org: OrgId,
        id: ApiKeyId,
        mut successor: ApiKey,
        until: Timestamp,
        journal: Journal,
    ) -> Result<ApiKey, StoreError> {
        self.with(|state| {
            let in_use = state.prefixes.contains_key(&successor.prefix);
            let rows = state.tenant_mut(org).ok_or(UNKNOWN)?;
            let key = rows.api_keys.get_mut(&id).ok_or(UNKNOWN)?;
            let now = successor.created_at;
            if key.revoked_at.is_some() || key.expires_at.is_some_and(|at| at <= now) {
                return Err(StoreError::Refused { rule: "key_ended" });
            }
            if in_use {
                return Err(StoreError::Taken { what: "prefix" });
            }
            key.expires_at = Some(key.expires_at.map_or(until, |at| at.min(until)));
            let old = key.clone();
            (successor.org, successor.rotated_from) = (org, Some(id));
            let (prefix, new) = (successor.prefix.clone(), successor.id);
            rows.api_keys.insert(new, successor);
            rows.append_journal(journal);
            state.prefixes.insert(prefix, (org, new));
            Ok(old)
        })
    }

    async fn touch(&self, org: OrgId, id: ApiKeyId, now: Timestamp) -> Result<(), StoreError> {
        self.with(|state| {
            let rows = state.tenant_mut(org).ok_or(UNKNOWN)?;
            let key = rows.api_keys.get_mut(&id).ok_or(UNKNOWN)?;
            key.last_used_at = key.last_used_at.max(Some(now));
            Ok(())
        })
    }
}
