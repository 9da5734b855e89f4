//! Ids and randomness.
//!
//! no contract: freshness cannot be told from outside in finite time.

use uuid::Uuid;

/// Makes ids and random bytes for services; decisions get them as values.
pub trait IdGen: Send + Sync + std::fmt::Debug {
    /// A new `UUIDv7`.
    fn uuid(&self) -> Uuid;

    /// Fills `bytes` with unpredictable bytes, fit for secrets.
    fn fill_random(&self, bytes: &mut [u8]);
}
