//! An issuer of our own, for installations that have none: `freshtrack token`.

use super::JwtError;
use super::issuer::Issuer;
use super::provider::PROVIDER;
use crate::time::{Span, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use std::fmt;

/// Signs tokens with a shared secret (HS256).
pub struct LocalIssuer {
    name: String,
    audience: String,
    secret: EncodingKey,
    trusted: Issuer,
}

/// What a token is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewToken<'a> {
    /// The person, by the issuer's name for them.
    pub subject: &'a str,
    /// Their e-mail address.
    pub email: Option<&'a str>,
    /// How long it is good for; whole seconds count.
    pub valid_for: Span,
}

impl LocalIssuer {
    /// An issuer that signs with `secret`.
    ///
    /// # Errors
    /// [`JwtError::SecretTooShort`] below [`SECRET_BYTES_MIN`](super::SECRET_BYTES_MIN) bytes, [`JwtError::Empty`].
    pub fn new(name: &str, audience: &str, secret: &[u8]) -> Result<Self, JwtError> {
        Ok(Self {
            name: name.to_owned(),
            audience: audience.to_owned(),
            secret: EncodingKey::from_secret(secret),
            trusted: Issuer::hs256(name, audience, secret)?,
        })
    }

    /// This issuer as a verifier needs it.
    #[must_use]
    pub fn trusted(&self) -> Issuer {
        self.trusted.clone()
    }

    /// Makes a token that is good from `now` on.
    ///
    /// # Errors
    /// [`JwtError::Empty`] without a subject, [`JwtError::Signing`].
    pub fn sign(&self, token: NewToken<'_>, now: Timestamp) -> Result<String, JwtError> {
        if token.subject.trim().is_empty() {
            return Err(JwtError::Empty { what: "subject" });
        }
        let issued_at = (now - Timestamp::EPOCH).as_seconds();
        let mut claims = json!({
            "iss": self.name,
            "aud": self.audience,
            "sub": token.subject,
            "iat": issued_at,
            "exp": issued_at.saturating_add(token.valid_for.as_seconds()),
        });
        if let Some(email) = token.email {
            claims["email"] = email.into();
        }
        let algorithm = Algorithm::HS256;
        let header = serde_json::to_vec(&Header::new(algorithm)).map_err(|_| JwtError::Signing)?;
        let mut text = URL_SAFE_NO_PAD.encode(header);
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut text);
        let signer =
            (PROVIDER.signer_factory)(&algorithm, &self.secret).map_err(|_| JwtError::Signing)?;
        let signature = signer
            .try_sign(text.as_bytes())
            .map_err(|_| JwtError::Signing)?;
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        Ok(text)
    }
}

impl fmt::Debug for LocalIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalIssuer")
            .field("name", &self.name)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}
