//! Who may vouch for people, and how that is checked.

use super::JwtError;
use super::jwks::JwksCache;
use crate::ports::TokenError;
use crate::time::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey};
use std::fmt;
use std::sync::Arc;

/// Shortest shared secret of HS256, in bytes: as many as the hash has (RFC 7518 section 3.2).
pub const SECRET_BYTES_MIN: usize = 32;

/// The one algorithm an issuer signs with; configured, never taken from a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinnedAlgorithm {
    /// HMAC with SHA-256 and a shared secret.
    Hs256,
    /// RSA (PKCS #1 v1.5) with SHA-256, 2048 to 8192 bits.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl PinnedAlgorithm {
    pub(super) const fn as_jwt(self) -> Algorithm {
        match self {
            Self::Hs256 => Algorithm::HS256,
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
        }
    }
}

/// A trusted issuer: name, audience, algorithm and keys.
#[derive(Clone)]
pub struct Issuer {
    pub(super) name: String,
    pub(super) audience: String,
    pub(super) algorithm: PinnedAlgorithm,
    keys: Keys,
}

#[derive(Clone)]
enum Keys {
    Fixed(DecodingKey),
    Published(Arc<JwksCache>),
}

impl Issuer {
    /// An issuer that shares `secret` with us.
    ///
    /// # Errors
    /// [`JwtError::SecretTooShort`], [`JwtError::Empty`].
    pub fn hs256(name: &str, audience: &str, secret: &[u8]) -> Result<Self, JwtError> {
        if secret.len() < SECRET_BYTES_MIN {
            return Err(JwtError::SecretTooShort);
        }
        let key = DecodingKey::from_secret(secret);
        Self::new(name, audience, PinnedAlgorithm::Hs256, Keys::Fixed(key))
    }

    /// An issuer whose RSA public key is known, as PEM (`PUBLIC KEY` or `RSA PUBLIC KEY`).
    ///
    /// # Errors
    /// [`JwtError::UnsuitedKey`], [`JwtError::Empty`].
    pub fn rs256(name: &str, audience: &str, pem: &[u8]) -> Result<Self, JwtError> {
        let key = public_pem(pem).and_then(|pem| DecodingKey::from_rsa_pem(pem).ok());
        let key = key.ok_or(JwtError::UnsuitedKey)?;
        // The DER of a modulus of 2048 bits and its exponent has at least 256 bytes.
        if key.try_get_as_bytes().map_or(0, <[u8]>::len) < 256 {
            return Err(JwtError::UnsuitedKey);
        }
        Self::new(name, audience, PinnedAlgorithm::Rs256, Keys::Fixed(key))
    }

    /// An issuer whose P-256 public key is known, as PEM (`PUBLIC KEY`).
    ///
    /// # Errors
    /// [`JwtError::UnsuitedKey`], [`JwtError::Empty`].
    pub fn es256(name: &str, audience: &str, pem: &[u8]) -> Result<Self, JwtError> {
        let key = public_pem(pem).and_then(|pem| DecodingKey::from_ec_pem(pem).ok());
        let key = key.filter(is_p256).ok_or(JwtError::UnsuitedKey)?;
        Self::new(name, audience, PinnedAlgorithm::Es256, Keys::Fixed(key))
    }

    /// An issuer that publishes its keys; `keys` fetches and remembers them.
    ///
    /// # Errors
    /// [`JwtError::Empty`].
    pub fn published(name: &str, audience: &str, keys: Arc<JwksCache>) -> Result<Self, JwtError> {
        let algorithm = keys.algorithm();
        Self::new(name, audience, algorithm, Keys::Published(keys))
    }

    fn new(
        name: &str,
        audience: &str,
        algorithm: PinnedAlgorithm,
        keys: Keys,
    ) -> Result<Self, JwtError> {
        for (what, text) in [("issuer", name), ("audience", audience)] {
            if text.trim().is_empty() {
                return Err(JwtError::Empty { what });
            }
        }
        Ok(Self {
            name: name.to_owned(),
            audience: audience.to_owned(),
            algorithm,
            keys,
        })
    }

    /// The key that a token naming `kid` must be signed with.
    pub(super) async fn key(
        &self,
        kid: Option<&str>,
        now: Timestamp,
    ) -> Result<DecodingKey, TokenError> {
        match &self.keys {
            Keys::Fixed(key) => Ok(key.clone()),
            Keys::Published(keys) => keys.key(kid, now).await,
        }
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("name", &self.name)
            .field("audience", &self.audience)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// The text, unless it holds a private key: nobody should hand those out, least of all to us.
fn public_pem(pem: &[u8]) -> Option<&[u8]> {
    let text = std::str::from_utf8(pem).ok()?;
    (!text.contains("PRIVATE KEY")).then_some(pem)
}

/// Whether the key is an uncompressed point of P-256.
pub(super) fn is_p256(key: &DecodingKey) -> bool {
    key.try_get_as_bytes()
        .is_ok_and(|point| point.len() == 65 && point[0] == 4)
}
