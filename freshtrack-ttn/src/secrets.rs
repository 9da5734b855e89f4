//! Secrets: what a network presents to us, and what we present to a network.
//!
//! Three kinds that must never be confused are three types, none of which can be printed. A webhook secret
//! is kept only as a SHA-256 digest; that is enough because it is 256 random bits, not a password.
//!
//! ```compile_fail
//! use freshtrack_ttn::secrets::{ApiKey, WebhookSecret};
//! fn call_network(_key: &ApiKey) {}
//! call_network(&WebhookSecret::from_presented("a webhook secret is not an API key"));
//! ```
//! ```compile_fail
//! use freshtrack_ttn::secrets::{AppKey, WebhookSecret};
//! let key = AppKey::from_bytes([7; 16]);
//! let secret: WebhookSecret = key;
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use freshtrack_core::time::{Span, Timestamp};
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The secret a network sends with every webhook call; wiped from memory when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct WebhookSecret(Vec<u8>);

/// The key we call a network's API with; wiped from memory when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ApiKey(String);

/// The root key of an over-the-air device; wiped from memory when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct AppKey([u8; 16]);

/// The SHA-256 of a webhook secret: what may be stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretDigest([u8; 32]);

/// The secrets of one connection: the one in use, and the one it is being rotated to.
///
/// Neither present means that everything is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SecretPair {
    /// The secret in use.
    pub current: Option<SecretDigest>,
    /// The secret that will replace it, once the network was told.
    pub next: Option<SecretDigest>,
    /// When `current` stops being accepted; set by the first use of `next`.
    pub current_expires_at: Option<Timestamp>,
}

/// Which of the two secrets was presented.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecretUse {
    /// The one in use.
    Current,
    /// The one being rotated to: this confirms the rotation.
    Next,
}

/// How long the old secret is still accepted after the new one was first seen.
pub const ROTATION_GRACE: Span = Span::from_seconds(24 * 3_600);
/// The longest grace a deployment may set.
pub const ROTATION_GRACE_MAX: Span = Span::from_seconds(7 * 24 * 3_600);

/// Compared against when there is nothing to compare against, so that refusing costs the same work.
///
/// No secret has this digest: nobody knows bytes that hash to zero.
const DUMMY: SecretDigest = SecretDigest([0; 32]);

impl WebhookSecret {
    /// Writes 256 random bits as URL-safe text; the bits must come from a cryptographic generator.
    #[must_use]
    pub fn from_random(bits: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bits).into_bytes())
    }

    /// The secret somebody presented, whatever it is.
    #[must_use]
    pub fn from_presented(secret: impl AsRef<[u8]>) -> Self {
        Self(secret.as_ref().to_vec())
    }

    /// The text to give to the network, once.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// What may be stored of it.
    #[must_use]
    pub fn digest(&self) -> SecretDigest {
        SecretDigest(Sha256::digest(&self.0).into())
    }
}

impl ApiKey {
    /// Wraps a key as the network issued it.
    #[must_use]
    pub const fn new(key: String) -> Self {
        Self(key)
    }

    /// The text for the `Authorization` header of a call to the network.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl AppKey {
    /// From its sixteen bytes.
    #[must_use]
    pub const fn from_bytes(key: [u8; 16]) -> Self {
        Self(key)
    }

    /// Its sixteen bytes, for the one call that hands them to the join server.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 16] {
        &self.0
    }
}

impl SecretDigest {
    /// A digest read back from a store.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl SecretPair {
    /// Which secret `presented` is, if any; nothing presented is compared like a wrong secret.
    ///
    /// Both comparisons always happen, in constant time, so the answer's timing tells neither which
    /// secret exists nor whether the connection does.
    #[must_use]
    pub fn verify(&self, presented: Option<&WebhookSecret>, now: Timestamp) -> Option<SecretUse> {
        let empty = WebhookSecret(Vec::new());
        let digest = presented.unwrap_or(&empty).digest();
        let expired = self.current_expires_at.is_some_and(|at| at <= now);
        let usable = Choice::from(u8::from(presented.is_some()));
        let current = matches(self.current, &digest) & usable & !Choice::from(u8::from(expired));
        let next = matches(self.next, &digest) & usable;
        if current.into() {
            Some(SecretUse::Current)
        } else if next.into() {
            Some(SecretUse::Next)
        } else {
            None
        }
    }
}

fn matches(stored: Option<SecretDigest>, presented: &SecretDigest) -> Choice {
    let configured = Choice::from(u8::from(stored.is_some()));
    stored.unwrap_or(DUMMY).0.ct_eq(&presented.0) & configured
}

macro_rules! redacted {
    ($($name:ident)+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }
    )+};
}
redacted! { WebhookSecret ApiKey AppKey SecretDigest }

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> WebhookSecret {
        WebhookSecret::from_presented(text)
    }

    #[test]
    fn both_secrets_are_accepted_during_a_rotation_and_the_old_one_expires() {
        let at = Timestamp::from_seconds;
        let pair = SecretPair {
            current: Some(secret("old").digest()),
            next: Some(secret("new").digest()),
            current_expires_at: Some(at(100)),
        };
        assert_eq!(
            pair.verify(Some(&secret("old")), at(99)),
            Some(SecretUse::Current)
        );
        assert_eq!(
            pair.verify(Some(&secret("new")), at(99)),
            Some(SecretUse::Next)
        );
        assert_eq!(pair.verify(Some(&secret("old")), at(100)), None);
        assert_eq!(
            pair.verify(Some(&secret("new")), at(100)),
            Some(SecretUse::Next)
        );
    }

    #[test]
    fn without_a_configured_secret_everything_is_refused() {
        let none = SecretPair::default();
        for presented in [Some(secret("")), Some(secret("x")), None] {
            assert_eq!(none.verify(presented.as_ref(), Timestamp::EPOCH), None);
        }
        let empty = SecretPair {
            current: Some(secret("").digest()),
            ..none
        };
        assert_eq!(
            empty.verify(None, Timestamp::EPOCH),
            None,
            "nothing presented is never right"
        );
    }

    #[test]
    fn no_secret_can_be_printed() {
        let printed = format!(
            "{:?} {:?} {:?} {:?}",
            secret("hunter2"),
            ApiKey::new("NNSXS.hunter2".to_owned()),
            AppKey::from_bytes(*b"hunter2hunter2!!"),
            secret("hunter2").digest(),
        );
        assert_eq!(
            printed,
            "WebhookSecret(redacted) ApiKey(redacted) AppKey(redacted) SecretDigest(redacted)"
        );
    }
}
