//! The prover: audit paths and consistency proofs of RFC 6962 sections 2.1.1 and 2.1.2.
//!
//! Works on the leaf hashes of the log, by the recursive definitions; checking is elsewhere
//! ([`super::verify`]) and shares nothing with this file but the two hash functions.

use super::hash::Sha256Hash;
use super::merkle::{root, split};

/// The audit path of leaf `index` in the tree of all `leaves`, nearest sibling first.
///
/// Nothing if there is no such leaf; empty for the only leaf of a tree.
#[must_use]
pub fn inclusion(leaves: &[Sha256Hash], index: usize) -> Option<Vec<Sha256Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let mut path = Vec::new();
    audit_path(leaves, index, &mut path);
    Some(path)
}

fn audit_path(leaves: &[Sha256Hash], index: usize, path: &mut Vec<Sha256Hash>) {
    if leaves.len() <= 1 {
        return;
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    if index < k {
        audit_path(left, index, path);
        path.push(root(right));
    } else {
        audit_path(right, index - k, path);
        path.push(root(left));
    }
}

/// The proof that the tree of all `leaves` extends the tree of the first `first` of them.
///
/// Nothing if `first` is beyond the tree. Empty for `first` 0 and for equal sizes; a power-of-two first
/// size omits the old root, which the verifier already has.
#[must_use]
pub fn consistency(leaves: &[Sha256Hash], first: usize) -> Option<Vec<Sha256Hash>> {
    if first > leaves.len() {
        return None;
    }
    let mut path = Vec::new();
    if first > 0 {
        subproof(leaves, first, Old::IsWholeSubtree, &mut path);
    }
    Some(path)
}

/// Whether the subtree at hand is, complete, the old tree itself.
#[derive(Clone, Copy, PartialEq)]
enum Old {
    IsWholeSubtree,
    IsPart,
}

fn subproof(leaves: &[Sha256Hash], first: usize, old: Old, path: &mut Vec<Sha256Hash>) {
    if first == leaves.len() {
        if old == Old::IsPart {
            path.push(root(leaves));
        }
        return;
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    if first <= k {
        subproof(left, first, old, path);
        path.push(root(right));
    } else {
        subproof(right, first - k, Old::IsPart, path);
        path.push(root(left));
    }
}
