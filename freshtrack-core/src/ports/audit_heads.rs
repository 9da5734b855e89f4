//! Signed tree heads of the audit log: what an organization's log was, and who vouches for it.

use crate::error::StoreError;
use crate::evidence::head::TreeHead;
use crate::evidence::{Frontier, Sha256Hash};
use crate::ids::OrgId;
use crate::time::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// A tree head with its signature, as it is kept for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHead {
    /// What is signed.
    pub head: TreeHead,
    /// Ed25519 signature over [`TreeHead::signed_bytes`], Base64.
    pub signature: String,
    /// From here the next head is computed without the leaves before it.
    pub frontier: Frontier,
    /// Chain hash of the newest event in the tree.
    pub chain_hash: Sha256Hash,
}

/// A public key that signed heads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadKey {
    /// Its name in heads: the first 16 hex digits of the SHA-256 of the key.
    pub key_id: String,
    /// The Ed25519 public key, Base64.
    pub public_key: String,
    /// When it was first used.
    pub first_used_at: Timestamp,
}

/// The signed heads of organizations' audit logs. Nothing here is ever changed or removed.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AuditHeads: Send + Sync {
    /// Heads of more than `after` leaves, ascending; at most `limit`.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn heads(
        &self,
        org: OrgId,
        after: u64,
        limit: u16,
    ) -> Result<Vec<SignedHead>, StoreError>;

    /// The newest head.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn newest_head(&self, org: OrgId) -> Result<Option<SignedHead>, StoreError>;

    /// Organizations with events behind their newest head, if that was made before `before`; at most
    /// `limit`, in order of id.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn heads_due(&self, before: Timestamp, limit: u16) -> Result<Vec<OrgId>, StoreError>;

    /// Keeps a head, and `key` if it was not known.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] unless it is larger than the newest head and names it as the one before;
    /// [`StoreError::Missing`] if the organization is unknown.
    async fn record_head(
        &self,
        org: OrgId,
        head: SignedHead,
        key: HeadKey,
    ) -> Result<(), StoreError>;

    /// Every key that ever signed a head of this installation, oldest first.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn head_keys(&self) -> Result<Vec<HeadKey>, StoreError>;
}
