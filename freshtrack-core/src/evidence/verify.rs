//! Proof checking, written against the algorithms of RFC 9162 sections 2.1.3.2 and 2.1.4.2.
//!
//! An auditor runs this part alone. It is iterative over the bits of positions, while the prover is
//! recursive over halves, so a mistake in one is not repeated by the other.

use super::hash::Sha256Hash;
use super::merkle::{empty_root, node_hash};

/// Whether `path` proves that `leaf` is number `index` of the `size` leaves under `root`.
///
/// **Source:** RFC 9162 section 2.1.3.2.
#[must_use]
pub fn inclusion(
    leaf: Sha256Hash,
    index: u64,
    size: u64,
    path: &[Sha256Hash],
    root: Sha256Hash,
) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = leaf;
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(*sibling, hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(hash, *sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == root
}

/// A tree as a verifier knows it: how many leaves, and their root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tree {
    /// Number of leaves.
    pub size: u64,
    /// Root over them.
    pub root: Sha256Hash,
}

/// Whether `path` proves that `second` extends `first` without altering any of its leaves.
///
/// The empty tree is extended by every tree, and equal sizes need equal roots; both take an empty path.
///
/// **Source:** RFC 9162 section 2.1.4.2.
#[must_use]
pub fn consistency(first: Tree, second: Tree, path: &[Sha256Hash]) -> bool {
    if first.size == 0 {
        return path.is_empty() && first.root == empty_root();
    }
    if first.size == second.size {
        return path.is_empty() && first.root == second.root;
    }
    if first.size > second.size || path.is_empty() {
        return false;
    }
    let old_root = [first.root];
    let seed: &[Sha256Hash] = if first.size.is_power_of_two() {
        &old_root
    } else {
        &[]
    };
    let mut steps = seed.iter().chain(path).copied();
    let (mut node, mut last) = (first.size - 1, second.size - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let Some(start) = steps.next() else {
        return false;
    };
    let (mut old, mut new) = (start, start);
    for step in steps {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old = node_hash(step, old);
            new = node_hash(step, new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(new, step);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old == first.root && new == second.root
}
