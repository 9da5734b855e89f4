//! The adapter of [`TokenVerifier`].

use super::JwtError;
use super::claims::Claims;
use super::issuer::Issuer;
use super::provider::PROVIDER;
use crate::ports::{TokenError, TokenVerifier};
use crate::principal::Identity;
use crate::time::{Span, Timestamp};
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Header;
use serde_json::Value;

/// How far two clocks may differ: a token is good this much before its start and after its end.
pub const SKEW: Span = Span::from_seconds(30);

/// Longest token looked at, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8_192;

/// Verifies tokens of any of the configured issuers.
#[derive(Debug, Clone)]
pub struct JwtVerifier {
    issuers: Vec<Issuer>,
}

impl JwtVerifier {
    /// A verifier that trusts `issuers` and nobody else; with none it refuses every token.
    ///
    /// # Errors
    /// [`JwtError::DuplicateIssuer`].
    pub fn new(issuers: Vec<Issuer>) -> Result<Self, JwtError> {
        for (place, issuer) in issuers.iter().enumerate() {
            if issuers[..place].iter().any(|one| one.name == issuer.name) {
                return Err(JwtError::DuplicateIssuer);
            }
        }
        Ok(Self { issuers })
    }
}

#[async_trait]
impl TokenVerifier for JwtVerifier {
    async fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, TokenError> {
        let token = Parts::of(token)?;
        // The token only says which issuer to ask; the issuer's key says whether that is true.
        let named = token.claims.issuer();
        let issuer = self
            .issuers
            .iter()
            .find(|one| Some(one.name.as_str()) == named);
        let issuer = issuer.ok_or(TokenError::Claims)?;
        let algorithm = issuer.algorithm.as_jwt();
        if token.header.alg != algorithm {
            return Err(TokenError::Malformed);
        }
        let key = issuer.key(token.header.kid.as_deref(), now).await?;
        let verifier =
            (PROVIDER.verifier_factory)(&algorithm, &key).map_err(|_| TokenError::Signature)?;
        verifier
            .verify(token.signed.as_bytes(), &token.signature)
            .map_err(|_| TokenError::Signature)?;
        token.claims.check(issuer, now)
    }
}

/// A compact JWS taken apart, nothing of it believed yet.
struct Parts<'a> {
    header: Header,
    claims: Claims,
    /// Header and payload as they were signed.
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn of(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let header: Header =
            serde_json::from_slice(&decode(header)?).map_err(|_| TokenError::Malformed)?;
        // An extension we must understand and do not know (RFC 7515 section 4.1.11).
        if header.crit.is_some() {
            return Err(TokenError::Malformed);
        }
        let signature = decode(signature)?;
        let payload = URL_SAFE_NO_PAD
            .decode(payload)
            .map_err(|_| TokenError::Unreadable)?;
        match serde_json::from_slice(&payload) {
            Ok(Value::Object(claims)) => Ok(Self {
                header,
                claims: Claims(claims),
                signed,
                signature,
            }),
            _ => Err(TokenError::Unreadable),
        }
    }
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenError::Malformed)
}
