//! Checks an organization's audit chain: every event where it was written and as it was written.

use freshtrack_core::audit::{CHAIN_START, first_unsound};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::{AuditLog, AuditRange};

/// Events read at once.
const STRETCH: u16 = 1_000;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Events looked at.
    pub checked: i64,
    /// Number of the newest event, as recorded with the chain's head.
    pub head_seq: i64,
    /// Hash of the newest event, as recorded with the chain's head.
    pub head_hash: String,
    /// Number of the first event that is missing, moved or changed.
    pub first_bad_seq: Option<i64>,
}

/// Recomputes the chain of `org` and compares its end with the recorded head, so that a cut-off tail
/// is found as well.
///
/// # Errors
/// If the chain could not be read.
pub async fn verify(log: &dyn AuditLog, org: OrgId) -> Result<Verification, StoreError> {
    let (head_seq, head_hash) = log.head(org).await?;
    let mut verification = Verification {
        checked: 0,
        head_seq,
        head_hash,
        first_bad_seq: None,
    };
    let mut previous = CHAIN_START.to_owned();
    let mut expected = 1;
    loop {
        let events = log
            .list(
                org,
                AuditRange {
                    from: expected,
                    limit: STRETCH,
                },
            )
            .await?;
        if events.is_empty() {
            break;
        }
        if let Some(bad) = first_unsound((expected - 1, &previous), &events) {
            verification.checked += bad - expected + 1;
            verification.first_bad_seq = Some(bad);
            return Ok(verification);
        }
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        verification.checked += count;
        expected += count;
        if let Some(last) = events.into_iter().last() {
            previous = last.hash;
        }
    }
    // An event committed meanwhile may lie behind the head that was read first, never before it.
    let whole = expected > verification.head_seq
        && (expected - 1 > verification.head_seq || previous == verification.head_hash);
    if !whole {
        verification.first_bad_seq = Some(expected.min(verification.head_seq));
    }
    Ok(verification)
}
