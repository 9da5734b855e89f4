//! The Merkle tree over an organization's audit chain: signed heads, and proofs that an event is in it and
//! that a later state extends an earlier one.
//!
//! Leaf n − 1 is event n; its data are the canonical bytes that the chain hashes too, so whoever has an
//! event's record can prove it without anything else.

use crate::audit_key::{AuditKey, is_signed};
use freshtrack_core::audit::{AuditEvent, CHAIN_START, first_unsound};
use freshtrack_core::error::StoreError;
use freshtrack_core::evidence::head::TreeHead;
use freshtrack_core::evidence::merkle::{leaf_hash, root};
use freshtrack_core::evidence::{Frontier, NotCanonical, Sha256Hash, proof};
use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::{AuditHeads, AuditLog, AuditRange, Clock, SignedHead};
use std::sync::Arc;

/// Events read at once.
const STRETCH: u16 = 1_000;
/// Leaves that a proof is made of at most: 32 bytes each while it is made.
pub const PROOF_LEAVES_MAX: i64 = 1_000_000;

/// Why there is no head or proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The store did not answer.
    #[error("the audit log cannot be read")]
    Store(#[from] StoreError),
    /// The log is not what it was; nothing is signed any more.
    #[error("the audit log is unsound at event {seq}")]
    Unsound {
        /// The first event that is missing, moved or changed.
        seq: i64,
    },
    /// The tree has no such leaf or size.
    #[error("the log has {size} events")]
    OutOfRange {
        /// Its size.
        size: i64,
    },
    /// More leaves than one proof takes.
    #[error("more than {PROOF_LEAVES_MAX} events")]
    TooLarge,
    /// A head without canonical bytes.
    #[error("the head cannot be signed")]
    NotCanonical(#[from] NotCanonical),
}

/// That an event is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// Size of the tree it is proven in.
    pub size: i64,
    /// Root of that tree.
    pub root: Sha256Hash,
    /// Hash of the leaf.
    pub leaf: Sha256Hash,
    /// Audit path, nearest sibling first (RFC 6962 section 2.1.1).
    pub path: Vec<Sha256Hash>,
}

/// That a state of the log extends an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consistency {
    /// Size of the earlier tree.
    pub first: i64,
    /// Its root.
    pub first_root: Sha256Hash,
    /// Size of the later tree.
    pub second: i64,
    /// Its root.
    pub second_root: Sha256Hash,
    /// The proof (RFC 6962 section 2.1.2).
    pub path: Vec<Sha256Hash>,
}

/// The leaf of an event.
#[must_use]
pub fn leaf_of(event: &AuditEvent) -> Sha256Hash {
    leaf_hash(event.draft.canonical(event.org, event.seq).as_bytes())
}

/// Name of an organization's log in its heads.
#[must_use]
pub fn log_name(org: OrgId) -> String {
    format!("audit/{org}")
}

/// Trees over the audit chains of an installation.
#[derive(Clone)]
pub struct AuditTrees {
    /// The chains.
    pub log: Arc<dyn AuditLog>,
    /// Signed heads.
    pub heads: Arc<dyn AuditHeads>,
    /// Who signs.
    pub key: Arc<AuditKey>,
    /// When.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for AuditTrees {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditTrees")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl AuditTrees {
    /// The newest signed head of `org`, made now if events came since; none for an empty log.
    ///
    /// Nothing is signed that does not follow from the head before: an operator's later change of the
    /// past cannot get a signature.
    ///
    /// # Errors
    /// [`TreeError::Unsound`] if the log or the head before it is not what it was.
    pub async fn sign(&self, org: OrgId) -> Result<Option<SignedHead>, TreeError> {
        let newest = self.heads.newest_head(org).await?;
        if let Some(newest) = &newest {
            self.must_be_ours(newest).await?;
        }
        let mut frontier = newest
            .as_ref()
            .map_or_else(Frontier::new, |head| head.frontier.clone());
        let mut chain = newest
            .as_ref()
            .map_or_else(|| CHAIN_START.to_owned(), |head| head.chain_hash.to_hex());
        let before = frontier.size();
        self.extend(org, &mut frontier, &mut chain).await?;
        if frontier.size() == before {
            return Ok(newest);
        }
        let now = self.clock.now();
        let head = TreeHead::new(
            log_name(org),
            &frontier,
            now,
            newest.as_ref().map(|head| &head.head),
            self.key.id().to_owned(),
        );
        let chain_hash = chain.parse().map_err(|_| TreeError::Unsound {
            seq: size_of(&frontier),
        })?;
        let signed = SignedHead {
            signature: self.key.sign(&head.signed_bytes()?),
            head,
            frontier,
            chain_hash,
        };
        let recorded = self
            .heads
            .record_head(org, signed.clone(), self.key.public(now))
            .await;
        match recorded {
            Ok(()) => Ok(Some(signed)),
            // Another node was first; what it signed covers the same events.
            Err(StoreError::Conflict) => Ok(self.heads.newest_head(org).await?),
            Err(error) => Err(error.into()),
        }
    }

    /// A head whose tree or signature was changed must not be built on.
    async fn must_be_ours(&self, head: &SignedHead) -> Result<(), TreeError> {
        let keys = self.heads.head_keys().await?;
        let bytes = head.head.signed_bytes()?;
        let signed = keys
            .iter()
            .any(|key| key.key_id == head.head.key_id && is_signed(key, &bytes, &head.signature));
        let whole = head.frontier.root() == head.head.root;
        if signed && whole {
            Ok(())
        } else {
            Err(TreeError::Unsound {
                seq: size_of(&head.frontier),
            })
        }
    }

    /// Appends the events behind the frontier, checking each.
    async fn extend(
        &self,
        org: OrgId,
        frontier: &mut Frontier,
        chain: &mut String,
    ) -> Result<(), TreeError> {
        loop {
            let size = size_of(frontier);
            let events = self.events(org, size + 1).await?;
            if let Some(seq) = first_unsound((size, chain), &events) {
                return Err(TreeError::Unsound { seq });
            }
            for event in &events {
                frontier.append(leaf_of(event));
            }
            match events.into_iter().last() {
                Some(last) => *chain = last.hash,
                None => return Ok(()),
            }
        }
    }

    async fn events(&self, org: OrgId, from: i64) -> Result<Vec<AuditEvent>, StoreError> {
        let range = AuditRange {
            from,
            limit: STRETCH,
        };
        self.log.list(org, range).await
    }

    /// Leaves of the first `size` events, or of all.
    async fn leaves(&self, org: OrgId, size: Option<i64>) -> Result<Vec<Sha256Hash>, TreeError> {
        let (head, _) = self.log.head(org).await?;
        let wanted = size.unwrap_or(head);
        if !(0..=head).contains(&wanted) {
            return Err(TreeError::OutOfRange { size: head });
        }
        if wanted > PROOF_LEAVES_MAX {
            return Err(TreeError::TooLarge);
        }
        let wanted = usize::try_from(wanted).unwrap_or(0);
        let mut leaves = Vec::with_capacity(wanted);
        while leaves.len() < wanted {
            let next = i64::try_from(leaves.len()).unwrap_or(i64::MAX) + 1;
            let events = self.events(org, next).await?;
            if events.first().is_none_or(|event| event.seq != next) {
                return Err(TreeError::Unsound { seq: next });
            }
            leaves.extend(events.iter().map(leaf_of));
        }
        leaves.truncate(wanted);
        Ok(leaves)
    }

    /// Proves that event `seq` is among the first `size`, or among all.
    ///
    /// # Errors
    /// [`TreeError::OutOfRange`] if it is not.
    pub async fn inclusion(
        &self,
        org: OrgId,
        seq: i64,
        size: Option<i64>,
    ) -> Result<Inclusion, TreeError> {
        let leaves = self.leaves(org, size).await?;
        let size = i64::try_from(leaves.len()).unwrap_or(i64::MAX);
        let missing = TreeError::OutOfRange { size };
        let Ok(index) = usize::try_from(seq - 1) else {
            return Err(missing);
        };
        let (Some(path), Some(leaf)) = (proof::inclusion(&leaves, index), leaves.get(index)) else {
            return Err(missing);
        };
        Ok(Inclusion {
            size,
            root: root(&leaves),
            leaf: *leaf,
            path,
        })
    }

    /// Proves that the log of `second` events, or of all, extends the log of the first `first`.
    ///
    /// # Errors
    /// [`TreeError::OutOfRange`] if there are not so many.
    pub async fn consistency(
        &self,
        org: OrgId,
        first: i64,
        second: Option<i64>,
    ) -> Result<Consistency, TreeError> {
        let leaves = self.leaves(org, second).await?;
        let second = i64::try_from(leaves.len()).unwrap_or(i64::MAX);
        let missing = TreeError::OutOfRange { size: second };
        let old = usize::try_from(first).ok();
        let Some((path, old)) =
            old.and_then(|old| Some((proof::consistency(&leaves, old)?, leaves.get(..old)?)))
        else {
            return Err(missing);
        };
        Ok(Consistency {
            first,
            first_root: root(old),
            second,
            second_root: root(&leaves),
            path,
        })
    }
}

fn size_of(frontier: &Frontier) -> i64 {
    i64::try_from(frontier.size()).unwrap_or(i64::MAX)
}
