//! The key with which an installation signs the heads of its audit logs.

use crate::local_key::LocalKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use freshtrack_core::evidence::Sha256Hash;
use freshtrack_core::ports::{HeadKey, IdGen};
use freshtrack_core::time::Timestamp;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use std::fmt;
use std::path::Path;

/// Name of the file in the data directory.
const FILE: &str = "audit.key";

/// An Ed25519 key; its private half is shown nowhere.
pub struct AuditKey {
    pair: Ed25519KeyPair,
    id: String,
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditKey({})", self.id)
    }
}

impl AuditKey {
    /// Reads the key from `data_dir`, making it where it is missing. Of several processes that start at
    /// once, all end with the same key.
    ///
    /// # Errors
    /// If directory or file cannot be made or read, or the file is not a key.
    pub fn open(data_dir: &Path, ids: &dyn IdGen) -> std::io::Result<Self> {
        let seed = LocalKey::open_as(data_dir, FILE, ids)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.bytes())
            .map_err(|_| std::io::Error::other("the audit key cannot be used"))?;
        let id = key_id(pair.public_key().as_ref());
        Ok(Self { pair, id })
    }

    /// Its name in heads.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its public half as it is stored and handed out.
    #[must_use]
    pub fn public(&self, now: Timestamp) -> HeadKey {
        HeadKey {
            key_id: self.id.clone(),
            public_key: STANDARD.encode(self.pair.public_key().as_ref()),
            first_used_at: now,
        }
    }

    /// The signature over `bytes`, in Base64.
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> String {
        STANDARD.encode(self.pair.sign(bytes).as_ref())
    }
}

/// The name of a public key: the first 16 hex digits of its SHA-256, so that a name cannot be given to
/// another key.
#[must_use]
pub fn key_id(public_key: &[u8]) -> String {
    let mut id = Sha256Hash::of(&[public_key]).to_hex();
    id.truncate(16);
    id
}

/// Whether `key` signed `bytes`; false also where key, name or signature are not what they should be.
#[must_use]
pub fn is_signed(key: &HeadKey, bytes: &[u8], signature: &str) -> bool {
    let (Ok(public), Ok(signature)) =
        (STANDARD.decode(&key.public_key), STANDARD.decode(signature))
    else {
        return false;
    };
    key_id(&public) == key.key_id
        && UnparsedPublicKey::new(&ED25519, public)
            .verify(bytes, &signature)
            .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::RandomIds;

    #[test]
    fn what_is_signed_verifies_and_nothing_else_does() {
        let dir = tempfile::tempdir().unwrap();
        let key = AuditKey::open(dir.path(), &RandomIds).unwrap();
        let again = AuditKey::open(dir.path(), &RandomIds).unwrap();
        assert_eq!(key.id(), again.id(), "one key per installation");
        let public = key.public(Timestamp::EPOCH);
        let signature = key.sign(b"head");
        assert!(is_signed(&public, b"head", &signature));
        assert!(!is_signed(&public, b"heaD", &signature));
        let other = tempfile::tempdir().unwrap();
        let other = AuditKey::open(other.path(), &RandomIds).unwrap();
        assert!(!is_signed(
            &other.public(Timestamp::EPOCH),
            b"head",
            &signature
        ));
        let renamed = HeadKey {
            key_id: other.id().to_owned(),
            ..public
        };
        assert!(
            !is_signed(&renamed, b"head", &signature),
            "a key has one name"
        );
        assert!(!format!("{key:?}").contains(&STANDARD.encode(b"head")));
    }

    #[test]
    fn the_audit_key_is_not_the_key_of_tokens() {
        let dir = tempfile::tempdir().unwrap();
        let token = LocalKey::open(dir.path(), &RandomIds).unwrap();
        let audit = LocalKey::open_as(dir.path(), FILE, &RandomIds).unwrap();
        assert_ne!(token.bytes(), audit.bytes());
    }
}
