//! Who is calling: bearer tokens of people and API keys of machines.
//!
//! A credential says who somebody is and nothing else. What they may do is looked up per request: a
//! person's role in our store, a key's organization and scopes in its row.

use crate::app::App;
use crate::credentials;
use crate::http::permissions::{Operation, Requirement};
use crate::http::problem::{Code, Problem};
use freshtrack_core::ids::{OrgId, UserId};
use freshtrack_core::ports::TokenError;
use freshtrack_core::principal::{Actor, ApiKey, Role, Scope, User};
use freshtrack_core::time::Timestamp;
use poem::http::header;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use std::sync::Arc;

/// Header of machine credentials.
pub const X_API_KEY: &str = "x-api-key";

/// A verified caller.
#[derive(Debug, Clone)]
pub enum Principal {
    /// A person.
    Person {
        /// Who.
        user: User,
        /// When the token ends.
        expires_at: Timestamp,
    },
    /// A machine.
    Machine(ApiKey),
}

/// A caller that may do what it asked for, in one organization.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    /// The organization.
    pub org: OrgId,
    /// The role there; a reading key acts as viewer.
    pub role: Role,
    /// For audit and history.
    pub actor: Actor,
}

impl Access {
    /// The person, or 403 for a machine.
    ///
    /// # Errors
    /// `scope-missing` for a machine.
    pub fn person(&self) -> Result<UserId, Problem> {
        match self.actor {
            Actor::User(user) | Actor::SuperAdmin(user) => Ok(user),
            Actor::ApiKey(_) | Actor::System => Err(Problem::new(Code::ScopeMissing)),
        }
    }
}

/// A person or a machine; which of the two an operation takes is in the permission table.
#[derive(Debug, Clone)]
pub struct Caller(pub Principal);

/// A person.
#[derive(Debug, Clone)]
pub struct SignedIn(pub User);

/// A machine.
#[derive(Debug, Clone)]
pub struct Machine(pub ApiKey);

impl Caller {
    /// Whether the caller is this person.
    #[must_use]
    pub fn is(&self, user: UserId) -> bool {
        matches!(&self.0, Principal::Person { user: own, .. } if own.id == user)
    }

    /// Checks that this caller may do `operation` in `org`.
    ///
    /// # Errors
    /// 404 for an organization the caller does not belong to, 403 for too low a role or scope.
    pub async fn authorize(
        &self,
        app: &App,
        org: OrgId,
        operation: Operation,
    ) -> Result<Access, Problem> {
        authorize(app, &self.0, org, operation).await
    }
}

impl SignedIn {
    /// Checks that this person may do `operation` in `org`.
    ///
    /// # Errors
    /// 404 for an organization the person does not belong to, 403 for too low a role.
    pub async fn authorize(
        &self,
        app: &App,
        org: OrgId,
        operation: Operation,
    ) -> Result<Access, Problem> {
        authorize_person(app, &self.0, org, operation).await
    }
}

/// The one check: membership first, so that a foreign organization is not there at all.
///
/// # Errors
/// 404 for an organization the caller does not belong to, 403 for too low a role or scope.
pub async fn authorize(
    app: &App,
    principal: &Principal,
    org: OrgId,
    operation: Operation,
) -> Result<Access, Problem> {
    match principal {
        Principal::Person { user, .. } => authorize_person(app, user, org, operation).await,
        Principal::Machine(key) => {
            if key.org != org {
                return Err(Problem::not_found());
            }
            let allowed = match operation.requirement() {
                Requirement::Key(scope) => key.scopes.contains(&scope),
                Requirement::Role(least) => {
                    operation.open_to_read_keys()
                        && least == Role::Viewer
                        && key.scopes.contains(&Scope::Read)
                }
            };
            if !allowed {
                return Err(Problem::new(Code::ScopeMissing));
            }
            app.rates.take_of(org).map_err(Problem::rate_limited)?;
            Ok(Access {
                org,
                role: Role::Viewer,
                actor: Actor::ApiKey(key.id),
            })
        }
    }
}

async fn authorize_person(
    app: &App,
    user: &User,
    org: OrgId,
    operation: Operation,
) -> Result<Access, Problem> {
    let role = app
        .role_in(org, user.id)
        .await?
        .ok_or_else(Problem::not_found)?;
    app.rates.take_of(org).map_err(Problem::rate_limited)?;
    let Requirement::Role(least) = operation.requirement() else {
        return Err(Problem::new(Code::ScopeMissing));
    };
    if role < least {
        return Err(Problem::new(Code::RoleTooLow));
    }
    Ok(Access {
        org,
        role,
        actor: Actor::User(user.id),
    })
}

/// Reads and verifies whatever credential a request carries.
///
/// # Errors
/// 401 with the reason, 503 if the answer could not be found out.
pub async fn authenticate(app: &App, request: &Request) -> Result<Principal, Problem> {
    if let Some(value) = request.headers().get(X_API_KEY) {
        let text = value.to_str().map_err(|_| Problem::new(Code::KeyInvalid))?;
        return key(app, text).await.map(Principal::Machine);
    }
    let Some(value) = request.headers().get(header::AUTHORIZATION) else {
        return Err(Problem::new(Code::Unauthenticated));
    };
    let token = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty())
        .ok_or_else(|| Problem::new(Code::Unauthenticated))?;
    bearer(app, token).await
}

/// A bearer credential: a token, or an API key in the place of one.
///
/// # Errors
/// 401 with the reason, 503 if the answer could not be found out.
pub async fn bearer(app: &App, token: &str) -> Result<Principal, Problem> {
    if token.starts_with(credentials::KEY_PREFIX) {
        return key(app, token).await.map(Principal::Machine);
    }
    person(app, token).await
}

async fn person(app: &App, token: &str) -> Result<Principal, Problem> {
    let now = app.clock.now();
    let identity = app
        .verifier
        .verify(token, now)
        .await
        .map_err(|error| match error {
            TokenError::Expired => Problem::new(Code::TokenExpired),
            TokenError::Unavailable => Problem::unavailable(5),
            _ => Problem::new(Code::TokenInvalid),
        })?;
    let expires_at = identity.expires_at;
    Ok(Principal::Person {
        user: app.user_of(identity).await?,
        expires_at,
    })
}

async fn key(app: &App, text: &str) -> Result<ApiKey, Problem> {
    let presented = credentials::parse_key(text).ok_or_else(|| Problem::new(Code::KeyInvalid))?;
    let stored = app.key_by_prefix(presented.prefix).await?;
    // An unknown prefix costs the same comparison as a known one.
    let matches = credentials::secret_matches(
        presented.secret,
        stored.as_ref().map(|key| &key.secret_hash),
    );
    let key = stored
        .filter(|_| matches)
        .ok_or_else(|| Problem::new(Code::KeyInvalid))?;
    let now = app.clock.now();
    if key.revoked_at.is_some_and(|at| at <= now) {
        return Err(Problem::new(Code::KeyInvalid));
    }
    if key.expires_at.is_some_and(|at| at <= now) {
        return Err(Problem::new(Code::KeyExpired));
    }
    app.note_key_use(&key, now).await;
    Ok(key)
}

fn app_of(request: &Request) -> Result<&Arc<App>, Problem> {
    request
        .extensions()
        .get::<Arc<App>>()
        .ok_or_else(|| Problem::new(Code::Internal))
}

fn register_bearer(registry: &mut Registry) {
    registry.create_security_scheme(
        "Bearer",
        MetaSecurityScheme {
            ty: "http",
            description: Some("Token of a person: HS256, RS256 or ES256, as configured per issuer"),
            name: None,
            key_in: None,
            scheme: Some("bearer"),
            bearer_format: Some("JWT"),
            flows: None,
            openid_connect_url: None,
        },
    );
}

fn register_key(registry: &mut Registry) {
    registry.create_security_scheme(
        "ApiKey",
        MetaSecurityScheme {
            ty: "apiKey",
            description: Some("Key of a machine, made by an admin of the organization"),
            name: Some("X-Api-Key"),
            key_in: Some("header"),
            scheme: None,
            bearer_format: None,
            flows: None,
            openid_connect_url: None,
        },
    );
}

macro_rules! credential_extractor {
    ($name:ident, [$($scheme:literal),+], $register:expr, |$principal:ident| $accept:expr) => {
        impl<'a> ApiExtractor<'a> for $name {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                $register(registry);
            }

            fn security_schemes() -> Vec<&'static str> {
                vec![$($scheme),+]
            }

            async fn from_request(
                request: &'a Request,
                _body: &mut RequestBody,
                _options: ExtractParamOptions<()>,
            ) -> poem::Result<Self> {
                let $principal = authenticate(app_of(request)?, request).await?;
                $accept
            }
        }
    };
}

credential_extractor!(
    Caller,
    ["Bearer", "ApiKey"],
    |registry: &mut Registry| {
        register_bearer(registry);
        register_key(registry);
    },
    |principal| Ok(Self(principal))
);
credential_extractor!(
    SignedIn,
    ["Bearer"],
    register_bearer,
    |principal| match principal {
        Principal::Person { user, .. } => Ok(Self(user)),
        Principal::Machine(_) => Err(Problem::new(Code::ScopeMissing).into()),
    }
);
credential_extractor!(
    Machine,
    ["ApiKey"],
    register_key,
    |principal| match principal {
        Principal::Machine(key) => Ok(Self(key)),
        Principal::Person { .. } => Err(Problem::new(Code::ScopeMissing).into()),
    }
);
