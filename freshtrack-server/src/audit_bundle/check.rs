//! Checking a bundle: needs the bundle and nothing else, neither a store nor a network.

use super::zip;
use super::{HEADS_FILE, KEYS, MANIFEST, Manifest, READ_ME, RECORDS, START, Start, VERSION};
use crate::audit_key::is_signed;
use freshtrack_core::audit::{CHAIN_START, chain_hash};
use freshtrack_core::evidence::merkle::{empty_root, leaf_hash};
use freshtrack_core::evidence::{Frontier, Sha256Hash, canonical_bytes};
use freshtrack_core::ports::{HeadKey, SignedHead};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a sound bundle showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    /// Its manifest.
    pub manifest: Manifest,
    /// Heads that were checked.
    pub heads: usize,
    /// Names of the keys that signed them.
    pub keys: BTreeSet<String>,
}

/// Why a bundle is not sound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsound {
    /// It is no bundle; nothing can be said about the log.
    #[error("cannot be read: {what}")]
    Unreadable {
        /// What was looked for.
        what: String,
    },
    /// A file is not the one the manifest names.
    #[error("file {name} is not the one in the manifest")]
    File {
        /// The file.
        name: String,
    },
    /// An event is not in its place, of another organization, or not in its one form.
    #[error("event {seq} is changed, missing or out of place")]
    Record {
        /// Its number.
        seq: u64,
    },
    /// The records do not lead to the recorded chain hash.
    #[error("the chain of the records ends in another hash")]
    Chain,
    /// The tree over the records is not the one that was signed.
    #[error("the tree over the first {size} events is not the one that was signed")]
    Tree {
        /// Size of the signed tree.
        size: u64,
    },
    /// A head's signature is missing or not by a key of that name.
    #[error("the head of {size} events is not signed by the key it names")]
    Signature {
        /// Size of its tree.
        size: u64,
    },
    /// A head that does not name the one before.
    #[error("the head of {size} events does not follow the one before")]
    Order {
        /// Size of its tree.
        size: u64,
    },
    /// Signed by another key than the one demanded.
    #[error("the head of {size} events is signed by key {key}")]
    OtherKey {
        /// Size of its tree.
        size: u64,
        /// The key that signed.
        key: String,
    },
}

struct Parts {
    manifest: Manifest,
    records: Vec<u8>,
    start: Start,
    heads: Vec<SignedHead>,
    keys: Vec<HeadKey>,
}

/// Checks a bundle; `key` is the name of the only key that may have signed.
///
/// # Errors
/// The first check that fails.
pub fn check(archive: &[u8], key: Option<&str>) -> Result<Sound, Unsound> {
    let parts = open(archive)?;
    let Parts {
        manifest,
        records,
        start,
        heads,
        keys,
    } = &parts;
    let mut log = Replay {
        manifest,
        keys,
        key,
        frontier: start.frontier.clone(),
        chain: start.chain_hash.to_hex(),
        before: None,
    };
    log.must_begin(start)?;
    let mut heads_left = heads.iter().peekable();
    let text = std::str::from_utf8(records).map_err(|_| Unsound::Record {
        seq: manifest.after + 1,
    })?;
    for line in text.lines() {
        log.take(line)?;
        while let Some(head) = heads_left.next_if(|head| head.head.size == log.frontier.size()) {
            log.agree(head)?;
        }
    }
    if let Some(head) = heads_left.next() {
        return Err(Unsound::Tree {
            size: head.head.size,
        });
    }
    log.must_end()?;
    Ok(Sound {
        keys: heads.iter().map(|head| head.head.key_id.clone()).collect(),
        heads: heads.len(),
        manifest: parts.manifest,
    })
}

fn open(archive: &[u8]) -> Result<Parts, Unsound> {
    let unreadable = |what: &str| Unsound::Unreadable {
        what: what.to_owned(),
    };
    let files = zip::read(archive).map_err(|_| unreadable("a ZIP archive"))?;
    let mut files: BTreeMap<String, Vec<u8>> = files.into_iter().collect();
    let manifest: Manifest = parse(&files, MANIFEST)?;
    if manifest.version != VERSION {
        return Err(unreadable("a bundle of version 1"));
    }
    for name in [RECORDS, START, HEADS_FILE, KEYS, READ_ME] {
        let content = files.get(name).ok_or_else(|| unreadable(name))?;
        if manifest.files.get(name) != Some(&Sha256Hash::of(&[content])) {
            return Err(Unsound::File {
                name: name.to_owned(),
            });
        }
    }
    Ok(Parts {
        start: parse(&files, START)?,
        heads: parse(&files, HEADS_FILE)?,
        keys: parse(&files, KEYS)?,
        records: files.remove(RECORDS).unwrap_or_default(),
        manifest,
    })
}

fn parse<T: DeserializeOwned>(files: &BTreeMap<String, Vec<u8>>, name: &str) -> Result<T, Unsound> {
    files
        .get(name)
        .and_then(|content| serde_json::from_slice(content).ok())
        .ok_or_else(|| Unsound::Unreadable {
            what: name.to_owned(),
        })
}

/// The log as the records build it up.
struct Replay<'a> {
    manifest: &'a Manifest,
    keys: &'a [HeadKey],
    key: Option<&'a str>,
    frontier: Frontier,
    chain: String,
    before: Option<(u64, Sha256Hash)>,
}

impl Replay<'_> {
    fn must_begin(&mut self, start: &Start) -> Result<(), Unsound> {
        let size = start.frontier.size();
        let empty = size > 0 || start.chain_hash.to_hex() == CHAIN_START;
        if size != self.manifest.after || !empty {
            return Err(Unsound::Tree { size });
        }
        let root = if size == 0 {
            empty_root()
        } else {
            start.frontier.root()
        };
        self.before = Some((size, root));
        Ok(())
    }

    /// The next record: in its place, of this organization, in its one form.
    fn take(&mut self, line: &str) -> Result<(), Unsound> {
        let seq = self.frontier.size() + 1;
        let bad = Unsound::Record { seq };
        let Ok(record) = serde_json::from_str::<Value>(line) else {
            return Err(bad);
        };
        let of_this_log = record["org"] == self.manifest.organization.to_string().as_str()
            && record["seq"].as_u64() == Some(seq);
        let one_form = canonical_bytes(&record).is_ok_and(|bytes| bytes == line.as_bytes());
        if !of_this_log || !one_form {
            return Err(bad);
        }
        self.frontier.append(leaf_hash(line.as_bytes()));
        self.chain = chain_hash(&self.chain, line);
        Ok(())
    }

    /// A head over exactly the records so far.
    fn agree(&mut self, signed: &SignedHead) -> Result<(), Unsound> {
        let head = &signed.head;
        let size = head.size;
        if head.log != self.manifest.log
            || head.root != self.frontier.root()
            || signed.chain_hash.to_hex() != self.chain
        {
            return Err(Unsound::Tree { size });
        }
        if self.before != Some((head.previous_size, head.previous_root)) {
            return Err(Unsound::Order { size });
        }
        let bytes = head
            .signed_bytes()
            .map_err(|_| Unsound::Signature { size })?;
        let by = self.keys.iter().find(|key| key.key_id == head.key_id);
        if !by.is_some_and(|key| is_signed(key, &bytes, &signed.signature)) {
            return Err(Unsound::Signature { size });
        }
        if self.key.is_some_and(|key| key != head.key_id) {
            return Err(Unsound::OtherKey {
                size,
                key: head.key_id.clone(),
            });
        }
        self.before = Some((size, head.root));
        Ok(())
    }

    fn must_end(&self) -> Result<(), Unsound> {
        let size = self.frontier.size();
        let end = (self.manifest.size, self.manifest.root);
        if (size, self.frontier.root()) != end {
            return Err(Unsound::Record { seq: size + 1 });
        }
        if self.before != Some(end) {
            return Err(Unsound::Tree { size });
        }
        if self.chain != self.manifest.chain_hash.to_hex() {
            return Err(Unsound::Chain);
        }
        Ok(())
    }
}
