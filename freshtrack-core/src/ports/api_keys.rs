//! Machine credentials.

use crate::audit::Journal;
use crate::error::StoreError;
use crate::ids::{ApiKeyId, OrgId};
use crate::principal::ApiKey;
use crate::time::Timestamp;
use async_trait::async_trait;

/// API keys: found by prefix across organizations, managed inside one.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ApiKeys: Send + Sync {
    /// Stores a new key.
    ///
    /// # Errors
    /// [`StoreError::Taken`] `prefix`; [`StoreError::Missing`] if the organization is unknown.
    async fn create(&self, org: OrgId, key: ApiKey, journal: Journal) -> Result<(), StoreError>;

    /// The key with this prefix, whatever its state: one indexed read. The only look-up without an
    /// organization, since the key is what names it.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn find_by_prefix(&self, prefix: &str) -> Result<Option<ApiKey>, StoreError>;

    /// Keys of the organization in order of id, revoked ones included; at most `limit`.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn list(&self, org: OrgId, limit: u16) -> Result<Vec<ApiKey>, StoreError>;

    /// Revokes a key from `now` on and answers it; revoking again changes nothing and writes no journal.
    ///
    /// # Errors
    /// [`StoreError::Missing`] `api_key`.
    async fn revoke(
        &self,
        org: OrgId,
        id: ApiKeyId,
        now: Timestamp,
        journal: Journal,
    ) -> Result<ApiKey, StoreError>;

    /// Stores a key that takes over from `id`, which ends at `until` unless it ends before, and answers
    /// the old one as it is then.
    ///
    /// # Errors
    /// [`StoreError::Missing`] `api_key`; [`StoreError::Refused`] `key_ended` if it has ended by the time
    /// its successor was made; [`StoreError::Taken`] `prefix`.
    async fn supersede(
        &self,
        org: OrgId,
        id: ApiKeyId,
        successor: ApiKey,
        until: Timestamp,
        journal: Journal,
    ) -> Result<ApiKey, StoreError>;

    /// Notes that a key was used; never moves the time back.
    ///
    /// # Errors
    /// If it could not be noted.
    async fn touch(&self, org: OrgId, id: ApiKeyId, now: Timestamp) -> Result<(), StoreError>;
}
