//! The export bundle of an audit log: the records of a stretch, the signed heads over them, and all that a
//! program needs to check them without this server.
//!
//! A bundle covers the events between two signed states of the log: from the beginning, or from a head
//! that the reader has checked before, to a later head. The frontier of the earlier state stands in for
//! the leaves before it.

pub mod check;
pub mod zip;

use crate::audit_tree::{AuditTrees, TreeError, log_name};
use freshtrack_core::audit::CHAIN_START;
use freshtrack_core::error::StoreError;
use freshtrack_core::evidence::{Frontier, Sha256Hash};
use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::{AuditRange, HeadKey, SignedHead};
use freshtrack_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zip::File;

/// Most records of one bundle.
pub const RECORDS_MAX: u64 = 100_000;
/// Version of the format.
const VERSION: u32 = 1;
const STRETCH: u16 = 1_000;
const HEADS: u16 = 200;

const MANIFEST: &str = "manifest.json";
const RECORDS: &str = "records.jsonl";
const START: &str = "start.json";
const HEADS_FILE: &str = "heads.json";
const KEYS: &str = "keys.json";
const READ_ME: &str = "VERIFY.md";

/// What a bundle holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the format.
    pub version: u32,
    /// The organization.
    pub organization: OrgId,
    /// Name of its log.
    pub log: String,
    /// Events before the first one in here.
    pub after: u64,
    /// Number of the last event in here.
    pub size: u64,
    /// Root of the tree over the first `size` events.
    pub root: Sha256Hash,
    /// Chain hash of the last event.
    pub chain_hash: Sha256Hash,
    /// When it was made.
    pub made_at: Timestamp,
    /// SHA-256 of each of the other files.
    pub files: BTreeMap<String, Sha256Hash>,
}

/// The state of the log before the first record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Start {
    frontier: Frontier,
    chain_hash: Sha256Hash,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The log.
    #[error("the audit log cannot be exported")]
    Tree(#[from] TreeError),
    /// No head of that size was ever signed.
    #[error("no head of {size} events was signed")]
    NoSuchHead {
        /// The size asked for.
        size: u64,
    },
    /// More events than one bundle takes; heads in between divide them.
    #[error("more than {RECORDS_MAX} events")]
    TooLarge,
    /// The log has no events.
    #[error("the log is empty")]
    Empty,
}

impl From<StoreError> for BundleError {
    fn from(error: StoreError) -> Self {
        Self::Tree(error.into())
    }
}

/// A bundle and what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Its manifest.
    pub manifest: Manifest,
    /// The archive.
    pub archive: Vec<u8>,
}

/// Makes the bundle of the events after head `after` (0: from the beginning) up to head `to`, or up to now
/// by a head that is signed for it.
///
/// # Errors
/// If the log is unsound or no such heads exist.
pub async fn make(
    trees: &AuditTrees,
    org: OrgId,
    after: u64,
    to: Option<u64>,
) -> Result<Bundle, BundleError> {
    let newest = trees.sign(org).await?.ok_or(BundleError::Empty)?;
    let to = to.unwrap_or(newest.head.size);
    if to.saturating_sub(after) > RECORDS_MAX {
        return Err(BundleError::TooLarge);
    }
    let (start, heads) = heads_between(trees, org, after, to).await?;
    let last = heads.last().ok_or(BundleError::NoSuchHead { size: to })?;
    let records = records(trees, org, after, to).await?;
    let named: Vec<&str> = heads.iter().map(|head| head.head.key_id.as_str()).collect();
    let keys: Vec<HeadKey> = trees
        .heads
        .head_keys()
        .await?
        .into_iter()
        .filter(|key| named.contains(&key.key_id.as_str()))
        .collect();
    let mut manifest = Manifest {
        version: VERSION,
        organization: org,
        log: log_name(org),
        after,
        size: to,
        root: last.head.root,
        chain_hash: last.chain_hash,
        made_at: trees.clock.now(),
        files: BTreeMap::new(),
    };
    let mut files: Vec<File> = vec![
        (RECORDS.to_owned(), records),
        (START.to_owned(), json(&start)?),
        (HEADS_FILE.to_owned(), json(&heads)?),
        (KEYS.to_owned(), json(&keys)?),
        (READ_ME.to_owned(), include_bytes!("verify.md").to_vec()),
    ];
    for (name, content) in &files {
        let hash = Sha256Hash::of(&[content]);
        manifest.files.insert(name.clone(), hash);
    }
    files.insert(0, (MANIFEST.to_owned(), json(&manifest)?));
    Ok(Bundle {
        manifest,
        archive: zip::write(&files),
    })
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, BundleError> {
    serde_json::to_vec_pretty(value)
        .map_err(|error| BundleError::Tree(StoreError::unavailable(error).into()))
}

/// The state after `after` events and the heads behind it up to `to`; both must be signed states.
async fn heads_between(
    trees: &AuditTrees,
    org: OrgId,
    after: u64,
    to: u64,
) -> Result<(Start, Vec<SignedHead>), BundleError> {
    let mut start = Start {
        frontier: Frontier::new(),
        chain_hash: CHAIN_START.parse().unwrap_or(Sha256Hash::ZERO),
    };
    if after > 0 {
        let at = trees.heads.heads(org, after - 1, 1).await?;
        let head = at.into_iter().find(|head| head.head.size == after);
        let head = head.ok_or(BundleError::NoSuchHead { size: after })?;
        start = Start {
            frontier: head.frontier,
            chain_hash: head.chain_hash,
        };
    }
    let mut heads: Vec<SignedHead> = Vec::new();
    loop {
        let reached = heads.last().map_or(after, |head| head.head.size);
        let more = trees.heads.heads(org, reached, HEADS).await?;
        let more: Vec<_> = more.into_iter().filter(|h| h.head.size <= to).collect();
        if more.is_empty() {
            break;
        }
        heads.extend(more);
    }
    if heads.last().is_none_or(|head| head.head.size != to) {
        return Err(BundleError::NoSuchHead { size: to });
    }
    Ok((start, heads))
}

/// The canonical bytes of each event, one per line.
async fn records(
    trees: &AuditTrees,
    org: OrgId,
    after: u64,
    to: u64,
) -> Result<Vec<u8>, BundleError> {
    let (mut done, to) = (number(after), number(to));
    let mut lines = Vec::new();
    while done < to {
        let limit = u16::try_from(to - done).unwrap_or(STRETCH).min(STRETCH);
        let range = AuditRange {
            from: done + 1,
            limit,
        };
        let events = trees.log.list(org, range).await?;
        for event in &events {
            done += 1;
            if event.seq != done {
                return Err(TreeError::Unsound { seq: done }.into());
            }
            lines.extend(event.draft.canonical(org, event.seq).into_bytes());
            lines.push(b'\n');
        }
        if events.is_empty() {
            return Err(TreeError::Unsound { seq: done + 1 }.into());
        }
    }
    Ok(lines)
}

fn number(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
