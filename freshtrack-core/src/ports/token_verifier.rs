//! Verification of bearer tokens.
//!
//! no contract: each adapter is tested against its own issuer.

use crate::principal::Identity;
use crate::time::Timestamp;
use async_trait::async_trait;

/// Checks a bearer token and says whom it names. What the person may do is looked up elsewhere.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait TokenVerifier: Send + Sync {
    /// The identity a valid `token` names at `now`.
    ///
    /// # Errors
    /// Why the token is refused; [`TokenError::Unavailable`] if that could not be decided.
    async fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, TokenError>;
}

/// Why a token is refused. The wording never contains any of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not a token at all, or of a refused algorithm.
    #[error("token is malformed or of a refused kind")]
    Malformed,
    /// A compact JWS whose payload is not a JSON object.
    #[error("token payload cannot be read")]
    Unreadable,
    /// Past its end.
    #[error("token has expired")]
    Expired,
    /// Wrong issuer, audience, start, or a missing claim.
    #[error("token claims do not fit")]
    Claims,
    /// The signature does not verify, or its key is unknown.
    #[error("token signature does not verify")]
    Signature,
    /// The issuer's keys could not be had.
    #[error("the issuer's keys are unavailable")]
    Unavailable,
}
