//! The id of a job: 26 characters, derived, or a foreign producer's own.

use super::{InvalidName, JobKey, Kind, Tenant};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;

/// Crockford's alphabet in lower case: no `:`, which `BullMQ` ids may not contain.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A job's id, unique within its queue.
///
/// Ours are a hash of kind, tenant and key, so that enqueueing again finds the same job in any
/// backend. A foreign producer on a shared Redis may have chosen any other text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(Arc<str>);

impl JobId {
    /// The id of the job that `kind`, `tenant` and `key` name: 128 bits in 26 characters.
    #[must_use]
    pub fn derive(kind: &Kind, tenant: Tenant, key: &JobKey) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"ftj1\0");
        hash.update(kind.as_str().as_bytes());
        hash.update(b"\0");
        hash.update(tenant.to_text().as_bytes());
        hash.update(b"\0");
        hash.update(key.as_str().as_bytes());
        let digest = hash.finalize();
        let mut bits = [0u8; 16];
        bits.copy_from_slice(&digest[..16]);
        let mut rest = u128::from_be_bytes(bits);
        let mut text = [b'0'; 26];
        for place in text.iter_mut().rev() {
            *place = ALPHABET[(rest & 31) as usize];
            rest >>= 5;
        }
        Self(String::from_utf8_lossy(&text).as_ref().into())
    }

    /// Takes an id as a caller or a backend gave it: 1 to 128 printable characters.
    ///
    /// # Errors
    /// If it is empty, longer, or contains control characters.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        if (1..=128).contains(&text.len()) && !text.chars().any(char::is_control) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidName {
                what: "job id",
                rule: "1 to 128 printable characters",
            })
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobId({})", self.0)
    }
}
