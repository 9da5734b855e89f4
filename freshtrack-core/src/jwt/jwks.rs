//! Keys an issuer publishes, fetched and remembered.
//!
//! A set is fresh for ten minutes. A key id nobody knows, or a set no longer fresh, leads to one
//! fetch, at most every thirty seconds however many tokens ask; while the issuer cannot be reached, the
//! last set is used for up to an hour. So a flood of bad tokens is no flood on the issuer, and a short
//! outage of the issuer is none of ours.

use super::JwtError;
use super::issuer::{PinnedAlgorithm, is_p256};
use crate::error::BoxError;
use crate::ports::TokenError;
use crate::time::{Span, Timestamp};
use async_trait::async_trait;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{AlgorithmFamily, DecodingKey};
use serde::Deserialize;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// How long a fetched set is used without asking again.
pub const JWKS_FRESH: Span = Span::from_minutes(10);
/// How long a fetched set is used while the issuer cannot be reached.
pub const JWKS_USABLE: Span = Span::from_minutes(60);
/// Shortest time between two fetches, whatever their reason and outcome.
pub const JWKS_REFETCH_COOLDOWN: Span = Span::from_seconds(30);
/// Most keys of a set that are looked at.
pub const JWKS_KEYS_MAX: usize = 100;
/// Largest set, in bytes.
pub const JWKS_BYTES_MAX: usize = 262_144;

/// Fetches the key set of one issuer. no contract: an adapter is an HTTP GET of one address.
#[async_trait]
pub trait FetchKeys: Send + Sync {
    /// The JSON Web Key Set as published, at most [`JWKS_BYTES_MAX`] bytes.
    ///
    /// Must come to an end within a few seconds: tokens wait for it.
    ///
    /// # Errors
    /// If it could not be had.
    async fn fetch(&self) -> Result<Vec<u8>, BoxError>;
}

/// The published keys of one issuer.
pub struct JwksCache {
    source: Arc<dyn FetchKeys>,
    algorithm: PinnedAlgorithm,
    state: Mutex<State>,
    /// Held during a fetch: whoever waits for it finds its outcome instead of fetching again.
    flight: tokio::sync::Mutex<()>,
    failures: AtomicU64,
}

#[derive(Default)]
struct State {
    keys: Vec<(Option<String>, DecodingKey)>,
    fetched_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
}

/// What the remembered keys say about a key id.
enum Known {
    /// This key, from a fresh set.
    Fresh(DecodingKey),
    /// Whatever is known needs a fetch first: a key of an ageing set, or none.
    Doubtful(Result<DecodingKey, TokenError>),
}

impl JwksCache {
    /// A cache without keys yet; the first token fetches them.
    ///
    /// # Errors
    /// [`JwtError::UnsuitedAlgorithm`] for HS256: a published secret would be none.
    pub fn new(source: Arc<dyn FetchKeys>, algorithm: PinnedAlgorithm) -> Result<Self, JwtError> {
        if algorithm == PinnedAlgorithm::Hs256 {
            return Err(JwtError::UnsuitedAlgorithm);
        }
        Ok(Self {
            source,
            algorithm,
            state: Mutex::default(),
            flight: tokio::sync::Mutex::default(),
            failures: AtomicU64::new(0),
        })
    }

    /// How many fetches have failed, for a metric; never goes down.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    pub(super) const fn algorithm(&self) -> PinnedAlgorithm {
        self.algorithm
    }

    /// The key `kid` names; without one, the only key there is.
    pub(super) async fn key(
        &self,
        kid: Option<&str>,
        now: Timestamp,
    ) -> Result<DecodingKey, TokenError> {
        if let Known::Fresh(key) = self.state().known(kid, now) {
            return Ok(key);
        }
        let _flight = self.flight.lock().await;
        // Whoever waited while another token fetched is inside the cooldown and finds its outcome.
        if self.state().may_fetch(now) {
            self.fetch(now).await;
        }
        match self.state().known(kid, now) {
            Known::Fresh(key) => Ok(key),
            Known::Doubtful(outcome) => outcome,
        }
    }

    async fn fetch(&self, now: Timestamp) {
        {
            // Noted before, so that a caller who leaves cannot make us fetch over and over. Without
            // keys it is noted after: nobody should wait out the cooldown because somebody left.
            let mut state = self.state();
            if state.fetched_at.is_some() {
                state.tried_at = Some(now);
            }
        }
        let fetched = self.source.fetch().await.ok();
        let keys = fetched.and_then(|body| parse(&body, self.algorithm));
        let mut state = self.state();
        state.tried_at = Some(now);
        match keys {
            Some(keys) => {
                state.keys = keys;
                state.fetched_at = Some(now);
            }
            None => {
                self.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("nobody panics while holding the keys")
    }
}

impl State {
    fn known(&self, kid: Option<&str>, now: Timestamp) -> Known {
        let age = self.fetched_at.map(|at| now - at);
        let key = self.find(kid);
        match (age, key) {
            (Some(age), Some(key)) if age < JWKS_FRESH => Known::Fresh(key),
            (Some(age), key) if age < JWKS_USABLE => {
                Known::Doubtful(key.ok_or(TokenError::Signature))
            }
            _ => Known::Doubtful(Err(TokenError::Unavailable)),
        }
    }

    fn find(&self, kid: Option<&str>) -> Option<DecodingKey> {
        let found = match kid {
            Some(kid) => self.keys.iter().find(|(id, _)| id.as_deref() == Some(kid)),
            None if self.keys.len() == 1 => self.keys.first(),
            None => None,
        };
        found.map(|(_, key)| key.clone())
    }

    fn may_fetch(&self, now: Timestamp) -> bool {
        self.tried_at
            .is_none_or(|tried| now - tried >= JWKS_REFETCH_COOLDOWN)
    }
}

impl fmt::Debug for JwksCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksCache")
            .field("algorithm", &self.algorithm)
            .field("failures", &self.failures())
            .finish_non_exhaustive()
    }
}

/// The suited keys of a set; nothing if it is no set or holds none, which counts as a failed fetch.
///
/// Keys are read one by one: a publisher may add kinds we do not know.
fn parse(body: &[u8], algorithm: PinnedAlgorithm) -> Option<Vec<(Option<String>, DecodingKey)>> {
    #[derive(Deserialize)]
    struct Published {
        keys: Vec<serde_json::Value>,
    }
    if body.len() > JWKS_BYTES_MAX {
        return None;
    }
    let set: Published = serde_json::from_slice(body).ok()?;
    let keys: Vec<_> = set
        .keys
        .into_iter()
        .take(JWKS_KEYS_MAX)
        .filter_map(|key| serde_json::from_value::<Jwk>(key).ok())
        .filter_map(|key| Some((key.common.key_id.clone(), suited(&key, algorithm)?)))
        .collect();
    (!keys.is_empty()).then_some(keys)
}

/// The key, if it is for signatures of just this algorithm.
fn suited(key: &Jwk, algorithm: PinnedAlgorithm) -> Option<DecodingKey> {
    let for_signatures = matches!(
        key.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    );
    let kind = match (algorithm, &key.algorithm) {
        (PinnedAlgorithm::Rs256, AlgorithmParameters::RSA(_)) => KeyAlgorithm::RS256,
        (PinnedAlgorithm::Es256, AlgorithmParameters::EllipticCurve(point))
            if point.curve == EllipticCurve::P256 =>
        {
            KeyAlgorithm::ES256
        }
        _ => return None,
    };
    let says_so = key.common.key_algorithm.is_none_or(|named| named == kind);
    let decoded = DecodingKey::from_jwk(key).ok()?;
    let whole = decoded.family() != AlgorithmFamily::Ec || is_p256(&decoded);
    (for_signatures && says_so && whole).then_some(decoded)
}
