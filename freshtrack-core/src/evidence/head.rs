//! Tree heads: the state of a log at one instant, in the bytes that are signed.
//!
//! Heads are made daily and on every export, and should leave the building: a log that lives with its
//! operator can only prove what someone else has seen. Signing (Ed25519) is the server's part.

use super::canonical::{NotCanonical, canonical_bytes};
use super::hash::Sha256Hash;
use super::merkle::Frontier;
use super::verify::{self, Tree};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

/// What a signed tree head says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TreeHead {
    /// Name of the log; one per tenant.
    pub log: String,
    /// Leaves in it.
    pub size: u64,
    /// Root over them.
    pub root: Sha256Hash,
    /// When the head was made; written with exactly three decimals.
    #[serde(serialize_with = "millis")]
    pub time: Timestamp,
    /// Size of the head before, 0 for the first.
    pub previous_size: u64,
    /// Root of the head before, the empty root for the first.
    pub previous_root: Sha256Hash,
    /// Which key signs.
    pub key_id: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde calls"
)]
fn millis<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_millis())
}

impl TreeHead {
    /// The head of `frontier` at `time`, cut to the millisecond that is signed, following `previous`.
    #[must_use]
    pub fn new(
        log: String,
        frontier: &Frontier,
        time: Timestamp,
        previous: Option<&Self>,
        key_id: String,
    ) -> Self {
        let (previous_size, previous_root) =
            previous.map_or_else(|| (0, super::merkle::empty_root()), |p| (p.size, p.root));
        let (size, root) = (frontier.size(), frontier.root());
        Self {
            log,
            size,
            root,
            time: Timestamp::from_micros(time.as_micros().div_euclid(1_000) * 1_000),
            previous_size,
            previous_root,
            key_id,
        }
    }

    /// The bytes to sign: RFC 8785 JSON of all members.
    ///
    /// # Errors
    /// As [`canonical_bytes`]; only a log of 2^53 leaves has none.
    pub fn signed_bytes(&self) -> Result<Vec<u8>, NotCanonical> {
        canonical_bytes(self)
    }

    /// The tree this head speaks of.
    #[must_use]
    pub const fn tree(&self) -> Tree {
        Tree {
            size: self.size,
            root: self.root,
        }
    }

    /// Whether `path` proves that this head extends the one it names as previous.
    #[must_use]
    pub fn extends_previous(&self, path: &[Sha256Hash]) -> bool {
        let previous = Tree {
            size: self.previous_size,
            root: self.previous_root,
        };
        verify::consistency(previous, self.tree(), path)
    }
}
