//! Ids that come out the same in every run.

use crate::ports::IdGen;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// 2023-11-14T22:13:20Z: where the ids' own clock begins.
const FIRST_MILLIS: u64 = 1_700_000_000_000;

/// Ids and "random" bytes worked out from a seed and a counter: fit for tests and replays, never for
/// secrets. Ids are `UUIDv7` and ascend. Clones share the counter.
#[derive(Debug, Clone)]
pub struct SequentialIds {
    seed: u64,
    made: Arc<AtomicU64>,
}

impl SequentialIds {
    /// A generator; two with the same seed make the same ids, two with different seeds share none.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            made: Arc::new(AtomicU64::new(0)),
        }
    }

    fn next(&self) -> u64 {
        self.made.fetch_add(1, Ordering::SeqCst)
    }

    fn block(&self, purpose: &[u8], number: u64, part: u64) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(purpose);
        hash.update(self.seed.to_be_bytes());
        hash.update(number.to_be_bytes());
        hash.update(part.to_be_bytes());
        hash.finalize().into()
    }
}

impl IdGen for SequentialIds {
    fn uuid(&self) -> Uuid {
        let number = self.next();
        let block = self.block(b"id", number, 0);
        let mut rest = [0; 10];
        rest.copy_from_slice(&block[..10]);
        uuid::Builder::from_unix_timestamp_millis(FIRST_MILLIS + number, &rest).into_uuid()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        let number = self.next();
        for (part, chunk) in (0..).zip(bytes.chunks_mut(32)) {
            let block = self.block(b"random", number, part);
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_repeat_with_the_seed_and_ascend() {
        let one = SequentialIds::new(7);
        let ids: Vec<Uuid> = (0..100).map(|_| one.uuid()).collect();
        let again = SequentialIds::new(7);
        assert!(ids.iter().all(|id| *id == again.uuid()));
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        assert_ne!(SequentialIds::new(8).uuid(), ids[0]);
    }

    #[test]
    fn random_bytes_repeat_with_the_seed_and_differ_between_calls() {
        let bytes = |ids: &SequentialIds| {
            let mut bytes = [0; 40];
            ids.fill_random(&mut bytes);
            bytes
        };
        let one = SequentialIds::new(7);
        let (first, second) = (bytes(&one), bytes(&one));
        assert_ne!(first, second);
        assert_ne!(first[..8], first[32..]);
        assert_eq!(bytes(&SequentialIds::new(7)), first);
    }
}
