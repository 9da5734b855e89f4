//! Completeness: inclusion shows that nothing was altered, contiguity that nothing was left out.

use serde::{Deserialize, Serialize};

/// The part of a daily checkpoint that counts: which records of a unit it spans, ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceRange {
    /// First `unit_seq`.
    pub first: u64,
    /// Last `unit_seq`.
    pub last: u64,
}

/// Why a unit's records are not all there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Incomplete {
    /// A number is missing.
    #[error("record {seq} is missing")]
    Missing {
        /// The first missing number.
        seq: u64,
    },
    /// A number occurs twice or out of order.
    #[error("record {seq} is repeated or out of order")]
    Repeated {
        /// That number.
        seq: u64,
    },
}

/// Checks that `sequence` is exactly the numbers of `range`, in order.
///
/// # Errors
/// The first place where it is not.
pub fn contiguous(
    range: SequenceRange,
    sequence: impl IntoIterator<Item = u64>,
) -> Result<(), Incomplete> {
    let mut expected = range.first;
    for seq in sequence {
        if seq < expected || seq > range.last {
            return Err(Incomplete::Repeated { seq });
        }
        if seq > expected {
            return Err(Incomplete::Missing { seq: expected });
        }
        expected += 1;
    }
    if expected <= range.last {
        Err(Incomplete::Missing { seq: expected })
    } else {
        Ok(())
    }
}
