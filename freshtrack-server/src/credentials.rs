//! Machine credentials: how they are made, how they are recognised. Secrets are shown once and kept
//! only as hashes.

use freshtrack_core::ids::{ApiKeyId, OrgId};
use freshtrack_core::ports::IdGen;
use freshtrack_core::principal::{ApiKey, Scope};
use freshtrack_core::time::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What every key begins with, so that a leaked one is recognised.
pub const KEY_PREFIX: &str = "ftk_";
const PREFIX_CHARS: usize = 8;
const SECRET_BYTES: usize = 32;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key as a caller presents it.
#[derive(Clone, Copy)]
pub struct PresentedKey<'a> {
    /// What it is looked up by.
    pub prefix: &'a str,
    /// What is compared.
    pub secret: &'a str,
}

impl std::fmt::Debug for PresentedKey<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PresentedKey")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// Splits `ftk_<prefix>_<secret>`.
#[must_use]
pub fn parse_key(text: &str) -> Option<PresentedKey<'_>> {
    let (prefix, secret) = text.strip_prefix(KEY_PREFIX)?.split_once('_')?;
    let is_base62 = |s: &str| s.bytes().all(|b| b.is_ascii_alphanumeric());
    (prefix.len() == PREFIX_CHARS
        && (40..=48).contains(&secret.len())
        && is_base62(prefix)
        && is_base62(secret))
    .then_some(PresentedKey { prefix, secret })
}

/// Makes a key: its row, and the text that is shown once.
#[must_use]
pub fn make_key(
    ids: &dyn IdGen,
    org: OrgId,
    name: &str,
    scopes: Vec<Scope>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> (ApiKey, String) {
    let prefix: String = random_base62(ids).chars().take(PREFIX_CHARS).collect();
    let secret = random_base62(ids);
    let text = format!("{KEY_PREFIX}{prefix}_{secret}");
    let key = ApiKey {
        id: ApiKeyId::from_uuid(ids.uuid()),
        org,
        name: name.to_owned(),
        prefix,
        secret_hash: hash(&secret),
        scopes,
        expires_at,
        revoked_at: None,
        last_used_at: None,
        rotated_from: None,
        created_at: now,
    };
    (key, text)
}

/// Whether `secret` is the one behind `stored`, in constant time; an absent hash never matches but
/// costs the same.
#[must_use]
pub fn secret_matches(secret: &str, stored: Option<&[u8; 32]>) -> bool {
    let nobody = [0u8; 32];
    let equal: bool = hash(secret).ct_eq(stored.unwrap_or(&nobody)).into();
    equal && stored.is_some()
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// 32 random bytes as a base-62 number, 43 digits.
#[must_use]
pub fn random_base62(ids: &dyn IdGen) -> String {
    let mut bytes = [0u8; SECRET_BYTES];
    ids.fill_random(&mut bytes);
    let mut digits = Vec::with_capacity(43);
    for _ in 0..43 {
        let mut rest = 0u32;
        for byte in &mut bytes {
            let value = (rest << 8) | u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            rest = value % 62;
        }
        digits.push(char::from(BASE62[rest as usize]));
    }
    digits.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::RandomIds;
    use uuid::Uuid;

    fn key() -> (ApiKey, String) {
        make_key(
            &RandomIds,
            OrgId::from_uuid(Uuid::from_u128(1)),
            "probe",
            vec![Scope::Ingest],
            None,
            Timestamp::EPOCH,
        )
    }

    #[test]
    fn a_made_key_is_recognised_and_any_other_is_not() {
        let (row, text) = key();
        let presented = parse_key(&text).unwrap();
        assert_eq!(presented.prefix, row.prefix);
        assert!(secret_matches(presented.secret, Some(&row.secret_hash)));
        let (_, other) = key();
        assert!(!secret_matches(
            parse_key(&other).unwrap().secret,
            Some(&row.secret_hash)
        ));
        assert!(!secret_matches(presented.secret, None));
    }

    #[test]
    fn what_is_not_a_key_is_refused_before_any_look_up() {
        for text in [
            "",
            "ftk_",
            "ftk_abcdefgh_",
            "ftk_abc_def",
            "ftk_abcdefgh_!!",
            "Bearer x",
        ] {
            assert!(parse_key(text).is_none(), "{text}");
        }
        let (_, text) = key();
        assert!(parse_key(&text.replace("ftk_", "xxx_")).is_none());
    }

    #[test]
    fn debug_shows_no_secret() {
        let (_, text) = key();
        let presented = parse_key(&text).unwrap();
        assert!(!format!("{presented:?}").contains(presented.secret));
    }
}
