//! Bearer tokens: verification of JSON Web Tokens, and a local issuer for installations without one.
//!
//! [`JwtVerifier`] is the adapter of [`TokenVerifier`](crate::ports::TokenVerifier). What a token says
//! about its own algorithm decides nothing: each configured [`Issuer`] pins one of three algorithms and
//! where its keys come from, and the token must fit. Keys named in a token (`jwk`, `jku`, `x5c`, `x5u`)
//! are never looked at. Time is the caller's; nothing here reads a clock.

mod claims;
mod issuer;
mod jwks;
mod local;
mod provider;
mod verifier;

pub use issuer::{Issuer, PinnedAlgorithm, SECRET_BYTES_MIN};
pub use jwks::{
    FetchKeys, JWKS_BYTES_MAX, JWKS_FRESH, JWKS_KEYS_MAX, JWKS_REFETCH_COOLDOWN, JWKS_USABLE,
    JwksCache,
};
pub use local::{LocalIssuer, NewToken};
pub use provider::PROVIDER;
pub use verifier::{JwtVerifier, SKEW, TOKEN_BYTES_MAX};

/// Why an issuer cannot be configured, or a token not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtError {
    /// The name of an issuer or audience, or a subject, is empty.
    #[error("{what} is empty")]
    Empty {
        /// Which.
        what: &'static str,
    },
    /// A shared secret of fewer bytes than its hash is wide (RFC 7518 section 3.2).
    #[error("the shared secret is shorter than {SECRET_BYTES_MIN} bytes")]
    SecretTooShort,
    /// Not a public key in PEM, or one that does not suit the algorithm.
    #[error("not a public key in PEM that suits the algorithm")]
    UnsuitedKey,
    /// Keys of a published set are public; a shared secret cannot be one.
    #[error("a published key set cannot hold a shared secret")]
    UnsuitedAlgorithm,
    /// Two issuers of one name: the second would never be asked.
    #[error("the issuer is configured twice")]
    DuplicateIssuer,
    /// The token could not be signed.
    #[error("the token could not be signed")]
    Signing,
}
