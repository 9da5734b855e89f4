//! Who may connect, and with which words everybody else is refused.
//!
//! The words are part of the wire: clients compare them byte for byte.

use crate::app::App;
use crate::credentials;
use crate::http::auth::{self, Principal};
use crate::http::problem::{Code, Problem};
use crate::sockets::arrivals::Handshake;
use crate::sockets::stream::{expiry, live_principal};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::TokenError;
use freshtrack_core::principal::Scope;
use freshtrack_realtime::{
    ConnectError, ConnectRequest, Connection, LastSeq, ResumeRequest, Rooms, Transport,
};
use serde_json::Value;

/// Why somebody does not get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The credential is at fault: `44` with these words.
    Told(&'static str),
    /// We are: the transport closes without `44`, so that the client tries again.
    Fault,
}

impl Refused {
    /// As metrics count it.
    pub(super) fn outcome(self) -> Handshake {
        match self {
            TOO_MANY => Handshake::Limited,
            Self::Told(_) => Handshake::Refused,
            Self::Fault => Handshake::Fault,
        }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Told(words) => words,
            Self::Fault => "unavailable",
        })
    }
}

const REQUIRED: Refused = Refused::Told("Authentication token required");
const EXPIRED: Refused = Refused::Told("Token expired");
const CLAIMS: Refused = Refused::Told("Invalid token claims");
const SIGNATURE: Refused = Refused::Told("Invalid token signature");
const UNREADABLE: Refused = Refused::Told("Invalid or malformed token");
const INVALID: Refused = Refused::Told("Invalid or expired token");
const NO_ACCESS: Refused = Refused::Told("User has no organization access");
const TOO_MANY: Refused = Refused::Told("Too many connections");

/// Authenticates by the `auth` of a connect packet and attaches to the hub.
pub(super) async fn attach(
    app: &App,
    auth: Option<&Value>,
    socket_id: String,
) -> Result<Connection, Refused> {
    let member = |name: &str| auth.and_then(|auth| auth.get(name));
    let token = member("token").and_then(Value::as_str).unwrap_or_default();
    let principal = verify(app, token).await?;
    let named = match member("organizationId") {
        None | Some(Value::Null) => None,
        Some(value) => Some(organization(value).ok_or(NO_ACCESS)?),
    };
    let live = live_principal(&principal);
    let wanted = match &principal {
        Principal::Machine(key) => Some(named.unwrap_or(key.org)),
        Principal::Person { .. } => named,
    };
    let standing = app
        .membership
        .resolve(live, wanted)
        .await
        .map_err(fault)?
        .ok_or(NO_ACCESS)?;
    let request = ConnectRequest {
        principal: live,
        org: standing.org,
        role: standing.role,
        temperature_unit: standing.temperature_unit,
        transport: Transport::SocketIo,
        socket_id,
        rooms: Rooms::organization(),
        resume: ResumeRequest {
            last_seq: LastSeq::from_json(member("lastSeq")),
            epoch: member("epoch").and_then(Value::as_str).map(str::to_owned),
            organization_unnamed: wanted.is_none() && standing.several,
        },
        expires_at: expiry(&principal),
    };
    app.hub.connect(request).await.map_err(|error| match error {
        ConnectError::TooManyConnections(_) => TOO_MANY,
        ConnectError::Draining => Refused::Fault,
        other => {
            tracing::warn!(error = ?other, "a live connection could not be made");
            Refused::Fault
        }
    })
}

/// Verifies a token, or an API key that may read in the place of one.
pub(super) async fn verify(app: &App, token: &str) -> Result<Principal, Refused> {
    if token.is_empty() {
        return Err(REQUIRED);
    }
    if token.starts_with(credentials::KEY_PREFIX) {
        let principal = auth::bearer(app, token).await.map_err(key_refused)?;
        return match &principal {
            Principal::Machine(key) if !key.scopes.contains(&Scope::Read) => Err(INVALID),
            _ => Ok(principal),
        };
    }
    let identity = app
        .verifier
        .verify(token, app.clock.now())
        .await
        .map_err(token_refused)?;
    let expires_at = identity.expires_at;
    let user = app.user_of(identity).await.map_err(|problem| {
        tracing::warn!(?problem, "a person could not be looked up");
        Refused::Fault
    })?;
    Ok(Principal::Person { user, expires_at })
}

fn organization(value: &Value) -> Option<OrgId> {
    value.as_str()?.parse().ok()
}

fn token_refused(error: TokenError) -> Refused {
    match error {
        TokenError::Expired => EXPIRED,
        TokenError::Claims => CLAIMS,
        TokenError::Signature => SIGNATURE,
        TokenError::Unreadable => UNREADABLE,
        TokenError::Unavailable => Refused::Fault,
        _ => INVALID,
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as `map_err(key_refused)`"
)]
fn key_refused(problem: Problem) -> Refused {
    match problem.code() {
        Code::KeyExpired => EXPIRED,
        code if code.status() == 401 => INVALID,
        _ => Refused::Fault,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as `map_err(fault)`")]
fn fault(error: StoreError) -> Refused {
    tracing::warn!(?error, "a handshake could not be decided");
    Refused::Fault
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_a_credential_has_its_words_and_ours_has_none() {
        let told = |error| match token_refused(error) {
            Refused::Told(words) => words,
            Refused::Fault => "-",
        };
        assert_eq!(told(TokenError::Expired), "Token expired");
        assert_eq!(told(TokenError::Claims), "Invalid token claims");
        assert_eq!(told(TokenError::Signature), "Invalid token signature");
        assert_eq!(told(TokenError::Unreadable), "Invalid or malformed token");
        assert_eq!(told(TokenError::Malformed), "Invalid or expired token");
        assert_eq!(told(TokenError::Unavailable), "-");
        assert_eq!(key_refused(Problem::new(Code::KeyExpired)), EXPIRED);
        assert_eq!(key_refused(Problem::new(Code::KeyInvalid)), INVALID);
        assert_eq!(key_refused(Problem::unavailable(5)), Refused::Fault);
    }
}
