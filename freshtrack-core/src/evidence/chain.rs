//! The audit chain: every event's hash covers the event and the hash before it.
//!
//! `hash = SHA-256(previous_hash ‖ RFC 8785 JSON of the event without its hash fields)`, where
//! `previous_hash` enters as the 64 hexadecimal digits it is stored and printed as; so
//! `printf '%s%s' "$previous" "$json" | sha256sum` recomputes a link by hand. The first previous hash
//! is 64 zeros. Appends are serialised per organization by the caller, inside the transaction of the
//! change they describe.

use super::canonical::{NotCanonical, canonical_bytes};
use super::hash::Sha256Hash;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The previous hash of the first event: 64 zeros.
pub const GENESIS: Sha256Hash = Sha256Hash::ZERO;

/// Members an event carries beside its content; they are not part of what is hashed.
const HASH_FIELDS: [&str; 2] = ["hash", "previous_hash"];

/// The bytes of an event that its hash covers.
///
/// # Errors
/// As [`canonical_bytes`].
pub fn canonical_event<T: Serialize + ?Sized>(event: &T) -> Result<Vec<u8>, NotCanonical> {
    let mut value = serde_json::to_value(event)?;
    if let Value::Object(members) = &mut value {
        for field in HASH_FIELDS {
            members.remove(field);
        }
    }
    canonical_bytes(&value)
}

/// The hash of the event that follows `previous_hash`.
#[must_use]
pub fn append(previous_hash: Sha256Hash, canonical_event: &[u8]) -> Sha256Hash {
    Sha256Hash::of(&[previous_hash.to_hex().as_bytes(), canonical_event])
}

/// Where a chain stands: the sequence number and hash of one event; `seq` 0 is before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainHead {
    /// Sequence number, gapless from 1.
    pub seq: u64,
    /// Hash of that event.
    pub hash: Sha256Hash,
}

impl ChainHead {
    /// Before the first event.
    pub const GENESIS: Self = Self {
        seq: 0,
        hash: GENESIS,
    };
}

/// One stored event as verification sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link<B> {
    /// Stored sequence number.
    pub seq: u64,
    /// Stored hash of the event before.
    pub previous_hash: Sha256Hash,
    /// Stored hash.
    pub hash: Sha256Hash,
    /// [`canonical_event`] of the stored event.
    pub canonical: B,
}

/// What recomputing a chain showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Whether every link held.
    pub ok: bool,
    /// Events that were recomputed, the bad one included.
    pub checked: u64,
    /// Sequence number of the last sound event.
    pub head_seq: u64,
    /// Hash of the last sound event.
    pub head_hash: Sha256Hash,
    /// First event that is altered, missing or out of place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_bad_seq: Option<u64>,
}

/// Recomputes a chain event by event, so that a caller can page through it.
#[derive(Debug, Clone)]
pub struct Verifier {
    head: ChainHead,
    recorded: Option<ChainHead>,
    checked: u64,
    first_bad_seq: Option<u64>,
}

impl Verifier {
    /// Starts after `anchor`, which the caller trusts; [`ChainHead::GENESIS`] for the whole chain.
    #[must_use]
    pub const fn after(anchor: ChainHead) -> Self {
        Self {
            head: anchor,
            recorded: None,
            checked: 0,
            first_bad_seq: None,
        }
    }

    /// Also demands that the chain still contains `recorded`, a head written down elsewhere: without
    /// one, cutting off the newest events cannot be seen.
    #[must_use]
    pub const fn containing(mut self, recorded: ChainHead) -> Self {
        self.recorded = Some(recorded);
        self
    }

    /// Checks the next event in order; after a bad one the rest is ignored.
    pub fn push<B: AsRef<[u8]>>(&mut self, link: &Link<B>) {
        if self.first_bad_seq.is_some() {
            return;
        }
        self.checked += 1;
        let expected_seq = self.head.seq + 1;
        let sound = link.seq == expected_seq
            && link.previous_hash == self.head.hash
            && link.hash == append(self.head.hash, link.canonical.as_ref())
            && self
                .recorded
                .is_none_or(|r| r.seq != link.seq || r.hash == link.hash);
        if sound {
            self.head = ChainHead {
                seq: link.seq,
                hash: link.hash,
            };
        } else {
            // A gap is reported as the first number that is not where it should be.
            self.first_bad_seq = Some(expected_seq);
        }
    }

    /// The result after the last event.
    #[must_use]
    pub fn finish(mut self) -> Verification {
        let cut_off = self.recorded.is_some_and(|r| r.seq > self.head.seq);
        if cut_off && self.first_bad_seq.is_none() {
            self.first_bad_seq = Some(self.head.seq + 1);
        }
        Verification {
            ok: self.first_bad_seq.is_none(),
            checked: self.checked,
            head_seq: self.head.seq,
            head_hash: self.head.hash,
            first_bad_seq: self.first_bad_seq,
        }
    }
}

/// Recomputes a whole chain from its first event.
pub fn verify<B: AsRef<[u8]>>(links: impl IntoIterator<Item = Link<B>>) -> Verification {
    let mut verifier = Verifier::after(ChainHead::GENESIS);
    for link in links {
        verifier.push(&link);
    }
    verifier.finish()
}
