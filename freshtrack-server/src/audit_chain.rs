//! Checks an organization's audit log: every event where it was written and as it was written, the whole
//! up to the recorded end, and every state that was ever signed still contained in it.

use crate::audit_key::is_signed;
use crate::audit_tree::{leaf_of, log_name};
use freshtrack_core::audit::{AuditEvent, CHAIN_START, first_unsound};
use freshtrack_core::error::StoreError;
use freshtrack_core::evidence::Frontier;
use freshtrack_core::evidence::merkle::empty_root;
use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::{AuditHeads, AuditLog, AuditRange, HeadKey, SignedHead};
use std::collections::VecDeque;

/// Events read at once.
const STRETCH: u16 = 1_000;
/// Heads read at once.
const HEADS: u16 = 200;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Events looked at.
    pub checked: i64,
    /// Signed heads that were compared with the tree over the events.
    pub heads_checked: i64,
    /// Number of the newest event, as recorded with the chain's head.
    pub head_seq: i64,
    /// Hash of the newest event, as recorded with the chain's head.
    pub head_hash: String,
    /// Number of the first event that is missing, moved or changed. Where the events fit each other and
    /// only a signed head tells that they are not those of then, the first one that head vouches for.
    pub first_bad_seq: Option<i64>,
}

/// Recomputes the log of `org` and compares it with the recorded head and every signed head, so that a
/// cut-off tail and a past that was rewritten as a whole are found as well.
///
/// # Errors
/// If the log could not be read.
pub async fn verify(
    log: &dyn AuditLog,
    heads: &dyn AuditHeads,
    org: OrgId,
) -> Result<Verification, StoreError> {
    let (head_seq, head_hash) = log.head(org).await?;
    let mut walk = Walk {
        org,
        log,
        heads,
        keys: heads.head_keys().await?,
        recorded: (head_seq, head_hash),
        waiting: VecDeque::new(),
        signed: (0, empty_root()),
        frontier: Frontier::new(),
        chain: CHAIN_START.to_owned(),
        checked: 0,
        heads_checked: 0,
    };
    let first_bad_seq = walk.run().await?;
    Ok(Verification {
        checked: walk.checked,
        heads_checked: walk.heads_checked,
        head_seq: walk.recorded.0,
        head_hash: walk.recorded.1,
        first_bad_seq,
    })
}

/// Recomputes the events `from` to `to` of `org`'s chain, trusting the hash of the event before.
///
/// # Errors
/// If the chain could not be read.
pub async fn verify_stretch(
    log: &dyn AuditLog,
    org: OrgId,
    from: i64,
    to: i64,
) -> Result<Verification, StoreError> {
    let (head_seq, head_hash) = log.head(org).await?;
    let (from, to) = (from.max(1), to.min(head_seq));
    let mut found = Verification {
        checked: 0,
        heads_checked: 0,
        head_seq,
        head_hash,
        first_bad_seq: None,
    };
    let mut previous = CHAIN_START.to_owned();
    if from > 1 {
        match read(log, org, from - 1, 1).await? {
            Read::Events(before) if before.first().is_some_and(|e| e.seq == from - 1) => {
                previous.clone_from(&before[0].hash);
            }
            Read::Events(_) | Read::BadAt(_) => {
                found.first_bad_seq = Some(from - 1);
                return Ok(found);
            }
        }
    }
    let mut next = from;
    while next <= to {
        let limit = u16::try_from(to - next + 1).unwrap_or(STRETCH).min(STRETCH);
        let events = match read(log, org, next, limit).await? {
            Read::Events(events) if !events.is_empty() => events,
            Read::Events(_) => {
                found.first_bad_seq = Some(next);
                break;
            }
            Read::BadAt(seq) => {
                found.first_bad_seq = Some(seq);
                break;
            }
        };
        if let Some(bad) = first_unsound((next - 1, &previous), &events) {
            found.checked += bad - next + 1;
            found.first_bad_seq = Some(bad);
            break;
        }
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        found.checked += count;
        next += count;
        if let Some(last) = events.into_iter().last() {
            previous = last.hash;
        }
    }
    Ok(found)
}

/// What reading a stretch gave.
enum Read {
    Events(Vec<AuditEvent>),
    /// The row of this event cannot be read back at all.
    BadAt(i64),
}

/// Reads a stretch; a row that cannot be read back is found and named, for that is what was looked for.
async fn read(log: &dyn AuditLog, org: OrgId, from: i64, limit: u16) -> Result<Read, StoreError> {
    match log.list(org, AuditRange { from, limit }).await {
        Ok(events) => return Ok(Read::Events(events)),
        Err(StoreError::Corrupt { .. }) => {}
        Err(error) => return Err(error),
    }
    let mut seq = from.max(1);
    loop {
        let range = AuditRange {
            from: seq,
            limit: 1,
        };
        match log.list(org, range).await {
            Ok(one) if one.is_empty() => return Ok(Read::BadAt(seq)),
            Ok(_) => seq += 1,
            Err(StoreError::Corrupt { .. }) => return Ok(Read::BadAt(seq)),
            Err(error) => return Err(error),
        }
    }
}

/// A walk from the first event to the last.
struct Walk<'a> {
    org: OrgId,
    log: &'a dyn AuditLog,
    heads: &'a dyn AuditHeads,
    keys: Vec<HeadKey>,
    /// The recorded end before the walk, and after it.
    recorded: (i64, String),
    /// Heads that were read and not reached yet.
    waiting: VecDeque<SignedHead>,
    /// Size and root of the newest head that was reached.
    signed: (u64, freshtrack_core::evidence::Sha256Hash),
    frontier: Frontier,
    chain: String,
    checked: i64,
    heads_checked: i64,
}

impl Walk<'_> {
    async fn run(&mut self) -> Result<Option<i64>, StoreError> {
        // From the very beginning: a row below number 1 is one too many.
        let mut from = i64::MIN;
        self.refill().await?;
        loop {
            let events = match read(self.log, self.org, from, STRETCH).await? {
                Read::Events(events) => events,
                Read::BadAt(seq) => return Ok(Some(seq)),
            };
            if events.is_empty() {
                return self.end().await;
            }
            let after = (self.checked, self.chain.as_str());
            let bad = first_unsound(after, &events);
            for event in &events {
                if bad.is_some_and(|bad| self.checked + 1 >= bad) {
                    break;
                }
                if let Some(seq) = self.step(event).await? {
                    return Ok(Some(seq));
                }
            }
            if bad.is_some() {
                self.checked += 1;
                return Ok(bad);
            }
            from = self.checked + 1;
        }
    }

    /// Takes an event that fits the one before; answers where the log is bad, if this shows it.
    async fn step(&mut self, event: &AuditEvent) -> Result<Option<i64>, StoreError> {
        self.checked += 1;
        self.chain.clone_from(&event.hash);
        self.frontier.append(leaf_of(event));
        if self.recorded.0 == event.seq && self.recorded.1 != event.hash {
            return Ok(Some(event.seq));
        }
        let reached = self
            .waiting
            .front()
            .is_some_and(|head| head.head.size <= self.frontier.size());
        if !reached {
            return Ok(None);
        }
        let bad = self.signed.0;
        if let Some(head) = self.waiting.pop_front() {
            if !self.agrees(&head) {
                return Ok(Some(i64::try_from(bad).unwrap_or(i64::MAX) + 1));
            }
            self.heads_checked += 1;
            self.signed = (head.head.size, head.head.root);
        }
        self.refill().await?;
        Ok(None)
    }

    /// Whether a head is signed, follows the one before, and is the head of the events so far.
    fn agrees(&self, signed: &SignedHead) -> bool {
        let head = &signed.head;
        let Ok(bytes) = head.signed_bytes() else {
            return false;
        };
        let by = self.keys.iter().find(|key| key.key_id == head.key_id);
        head.log == log_name(self.org)
            && (head.size, head.root) == (self.frontier.size(), self.frontier.root())
            && (head.previous_size, head.previous_root) == self.signed
            && signed.frontier == self.frontier
            && signed.chain_hash.to_hex() == self.chain
            && by.is_some_and(|key| is_signed(key, &bytes, &signed.signature))
    }

    async fn refill(&mut self) -> Result<(), StoreError> {
        if self.waiting.is_empty() {
            let more = self.heads.heads(self.org, self.signed.0, HEADS).await?;
            self.waiting.extend(more);
        }
        Ok(())
    }

    /// Nothing may be missing at the end: neither events of the recorded end nor of a signed head.
    async fn end(&mut self) -> Result<Option<i64>, StoreError> {
        let count = self.checked;
        if self.recorded.0 > count || !self.waiting.is_empty() {
            return Ok(Some(count + 1));
        }
        // Events may have come meanwhile; the end that is recorded now covers all that were seen.
        self.recorded = self.log.head(self.org).await?;
        if self.recorded.0 < count {
            return Ok(Some(self.recorded.0 + 1));
        }
        let differs = self.recorded.0 == count && self.recorded.1 != self.chain;
        Ok(differs.then_some(count.max(1)))
    }
}
