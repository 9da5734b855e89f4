//! RFC 6962 Merkle tree hashing, and the frontier that appends in O(log n).
//!
//! `leaf = SHA-256(0x00 ‖ data)`, `node = SHA-256(0x01 ‖ left ‖ right)`, split at the largest power of
//! two below n, empty tree = SHA-256(""). The two prefixes keep a node from passing as a leaf.
//!
//! **Source:** RFC 6962 section 2.1, RFC 9162 section 2.1.1.

use super::hash::Sha256Hash;
use serde::{Deserialize, Serialize};

/// The hash of a leaf's data.
#[must_use]
pub fn leaf_hash(data: &[u8]) -> Sha256Hash {
    Sha256Hash::of(&[&[0x00], data])
}

/// The hash of an inner node.
#[must_use]
pub fn node_hash(left: Sha256Hash, right: Sha256Hash) -> Sha256Hash {
    Sha256Hash::of(&[&[0x01], left.as_bytes(), right.as_bytes()])
}

/// The root of the tree without leaves.
#[must_use]
pub fn empty_root() -> Sha256Hash {
    Sha256Hash::of(&[])
}

/// The root over `leaves` (leaf hashes), by the recursive definition.
#[must_use]
pub fn root(leaves: &[Sha256Hash]) -> Sha256Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(root(left), root(right))
        }
    }
}

/// The largest power of two below `n`, for `n ≥ 2`.
pub(super) const fn split(n: usize) -> usize {
    1 << (usize::BITS - 1 - (n - 1).leading_zeros())
}

/// The roots of the perfect subtrees a log consists of, largest first: all that an append needs.
///
/// Stored beside the log and updated in the transaction that stores the record. There is one entry per
/// set bit of `size`, so it never exceeds 64 hashes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "StoredFrontier")]
pub struct Frontier {
    size: u64,
    peaks: Vec<Sha256Hash>,
}

/// A stored frontier whose peaks do not match its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a log of {size} leaves does not have {peaks} peaks")]
pub struct CorruptFrontier {
    /// Leaves the frontier claims.
    pub size: u64,
    /// Peaks it holds.
    pub peaks: usize,
}

#[derive(Deserialize)]
struct StoredFrontier {
    size: u64,
    peaks: Vec<Sha256Hash>,
}

impl TryFrom<StoredFrontier> for Frontier {
    type Error = CorruptFrontier;
    fn try_from(stored: StoredFrontier) -> Result<Self, CorruptFrontier> {
        Self::restore(stored.size, stored.peaks)
    }
}

impl Frontier {
    /// The frontier of an empty log.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            size: 0,
            peaks: Vec::new(),
        }
    }

    /// Takes up a stored frontier.
    ///
    /// # Errors
    /// [`CorruptFrontier`] if the number of peaks is not the number of set bits of `size`.
    pub fn restore(size: u64, peaks: Vec<Sha256Hash>) -> Result<Self, CorruptFrontier> {
        if peaks.len() == size.count_ones() as usize {
            Ok(Self { size, peaks })
        } else {
            Err(CorruptFrontier {
                size,
                peaks: peaks.len(),
            })
        }
    }

    /// Number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the perfect subtrees, largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Sha256Hash] {
        &self.peaks
    }

    /// Appends a leaf and returns its index.
    pub fn append(&mut self, leaf: Sha256Hash) -> u64 {
        let index = self.size;
        let mut node = leaf;
        // Each trailing one bit of the old size is a subtree as large as the new node.
        for _ in 0..index.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = node_hash(left, node);
            }
        }
        self.peaks.push(node);
        self.size = index + 1;
        index
    }

    /// The root of the log as it stands.
    #[must_use]
    pub fn root(&self) -> Sha256Hash {
        self.peaks
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| node_hash(left, right))
            .unwrap_or_else(empty_root)
    }
}
