//! What a verified token says, and whether that fits.

use super::issuer::Issuer;
use super::verifier::SKEW;
use crate::ports::TokenError;
use crate::principal::Identity;
use crate::time::Timestamp;
use serde_json::{Map, Value};

/// Longest subject, in bytes (`OpenID` Connect Core section 2).
const SUBJECT_BYTES_MAX: usize = 255;

/// Claims of a token whose payload is a JSON object.
pub(super) struct Claims(pub(super) Map<String, Value>);

impl Claims {
    /// Who the token says made it; to be believed only after its signature was verified.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.text("iss")
    }

    /// The identity, if audience, times and subject fit.
    pub(super) fn check(&self, issuer: &Issuer, now: Timestamp) -> Result<Identity, TokenError> {
        if !self.is_meant_for(&issuer.audience) {
            return Err(TokenError::Claims);
        }
        let expires_at = self.instant("exp")?.ok_or(TokenError::Claims)?;
        if now >= expires_at + SKEW {
            return Err(TokenError::Expired);
        }
        if self.instant("nbf")?.is_some_and(|start| now + SKEW < start) {
            return Err(TokenError::Claims);
        }
        let subject = self.text("sub").unwrap_or_default();
        if subject.trim().is_empty() || subject.len() > SUBJECT_BYTES_MAX {
            return Err(TokenError::Claims);
        }
        Ok(Identity {
            issuer: issuer.name.clone(),
            subject: subject.to_owned(),
            email: self.email(),
            expires_at,
        })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    fn is_meant_for(&self, audience: &str) -> bool {
        match self.0.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(several)) => several.iter().any(|one| one == audience),
            _ => false,
        }
    }

    /// A `NumericDate`: seconds since 1970, perhaps with a fraction; nothing if absent.
    fn instant(&self, name: &str) -> Result<Option<Timestamp>, TokenError> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        if let Some(seconds) = value.as_i64() {
            return Ok(Some(Timestamp::from_seconds(seconds)));
        }
        let seconds = value.as_f64().ok_or(TokenError::Claims)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a cast from float saturates, and so does the instant"
        )]
        let micros = (seconds * 1e6) as i64;
        Ok(Some(Timestamp::from_micros(micros)))
    }

    /// The address, lower-case; an address its issuer says is unverified is no address.
    fn email(&self) -> Option<String> {
        if self.0.get("email_verified") == Some(&Value::Bool(false)) {
            return None;
        }
        let email = self.text("email")?.trim();
        email.contains('@').then(|| email.to_lowercase())
    }
}
