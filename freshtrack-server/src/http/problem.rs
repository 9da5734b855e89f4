//! The one place where errors become HTTP: RFC 9457 problems with stable codes.
//!
//! A problem tells the caller what to do and nothing of our insides: no SQL, no stack trace, no
//! provider text. Whatever led to a 5xx is logged here, once.

use crate::http::request_id;
use freshtrack_core::error::StoreError;
use poem::error::{
    MethodNotAllowedError, NotFoundError, ParsePathError as PoemParsePathError, ResponseError,
    SizedLimitError,
};
use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::error::{
    AuthorizationError, ContentTypeError, ParseParamError, ParsePathError, ParseRequestPayloadError,
};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::{ToJSON, Type};
use poem_openapi::{ApiResponse, Object};

/// Media type of problems (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $status:literal $code:literal $title:literal;)+) => {
        /// Every problem this server answers with. Codes are stable; the list is append-only.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $($(#[$doc])* $variant,)+ }

        impl Code {
            /// All of them, for the documentation and its test.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// Stable code.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// One line for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }
        }
    };
}

codes! {
    /// The request is not what its media type promises.
    MalformedRequest = 400 "malformed-request" "The request cannot be read";
    /// A cursor of another list, query or version.
    CursorInvalid = 400 "cursor-invalid" "The cursor does not belong to this list";
    /// No credential.
    Unauthenticated = 401 "unauthenticated" "A credential is needed";
    /// The token has ended.
    TokenExpired = 401 "token-expired" "The token has expired";
    /// The token does not verify.
    TokenInvalid = 401 "token-invalid" "The token is not valid here";
    /// No such key, or revoked.
    KeyInvalid = 401 "key-invalid" "The API key is not valid";
    /// The key has ended.
    KeyExpired = 401 "key-expired" "The API key has expired";
    /// A signature does not verify.
    SignatureInvalid = 401 "signature-invalid" "The signature does not verify";
    /// The role may not do this.
    RoleTooLow = 403 "role-too-low" "Your role may not do this";
    /// The key may not do this.
    ScopeMissing = 403 "scope-missing" "This API key may not do this";
    /// A role above the caller's own.
    GrantAboveOwnRole = 403 "grant-above-own-role" "Nobody grants a role above their own";
    /// The page of a browser that may not open live connections here.
    OriginForbidden = 403 "origin-forbidden" "Pages of this origin may not connect";
    /// Not there, or not for this caller: indistinguishable.
    NotFound = 404 "not-found" "There is no such thing here";
    /// The path has no such method.
    MethodNotAllowed = 405 "method-not-allowed" "This path does not take this method";
    /// None of the answers we could give is acceptable.
    NotAcceptable = 406 "not-acceptable" "None of the acceptable media types can be given";
    /// The alert is closed.
    AlertResolved = 409 "alert-resolved" "The alert is resolved";
    /// Somebody else has it.
    AlertAlreadyAcknowledged = 409 "alert-already-acknowledged" "Somebody else has taken the alert";
    /// An organization keeps an owner.
    LastOwner = 409 "last-owner" "An organization keeps at least one owner";
    /// The name is in use.
    NameTaken = 409 "name-taken" "The name is taken";
    /// The slug is in use.
    SlugTaken = 409 "slug-taken" "The slug is taken";
    /// A device with this identity exists.
    DeviceExists = 409 "device-exists" "A device with this identity exists";
    /// It is in the archive.
    AlreadyArchived = 409 "already-archived" "It is archived";
    /// It is not in the archive.
    NotArchived = 409 "not-archived" "It is in use";
    /// What it stands in is archived, and comes back first.
    ParentArchived = 409 "parent-archived" "What it stands in is archived";
    /// The same request is being answered right now.
    RequestInProgress = 409 "request-in-progress" "The same request is still running";
    /// It was made; its secret was shown in the first answer and is not kept.
    SecretShownOnce = 409 "secret-shown-once" "The secret was shown once";
    /// A key that has ended has no successor.
    KeyEnded = 409 "key-ended" "The key has ended";
    /// The audit log is not what it was.
    AuditUnsound = 409 "audit-unsound" "The audit log was changed behind our back";
    /// Somebody else changed it first.
    VersionMismatch = 412 "version-mismatch" "It was changed since you read it";
    /// The body is too large.
    PayloadTooLarge = 413 "payload-too-large" "The body is too large";
    /// The media type is not taken here.
    UnsupportedMediaType = 415 "unsupported-media-type" "The media type is not supported";
    /// A field is wrong; `errors` says which.
    ValidationFailed = 422 "validation-failed" "A field is not valid";
    /// Some unit would get rules that contradict each other; `errors` names the first.
    RulesInconsistent = 422 "rules-inconsistent" "The rules would contradict each other";
    /// Limits above a unit hold for one type.
    UnitTypeRequired = 422 "unit-type-required" "A limit at this scope needs a unit type";
    /// A long window of raw readings.
    BucketRequired = 422 "bucket-required" "So many readings need buckets";
    /// The site wants to know what was done.
    CorrectiveActionRequired = 422 "corrective-action-required" "A corrective action is required";
    /// Every suppression ends.
    WindowWithoutEnd = 422 "window-without-end" "The window needs an end";
    /// A window is longer than it may be.
    WindowTooLong = 422 "window-too-long" "The window is too long";
    /// Too little was observed to say anything.
    CoverageTooLow = 422 "coverage-too-low" "Too little of the window was observed";
    /// A preset that nobody has checked.
    PresetNotEnabled = 422 "preset-not-enabled" "The preset is not enabled";
    /// A resolution needs a note.
    ResolutionRequired = 422 "resolution-required" "A note on the resolution is required";
    /// The `Idempotency-Key` named another request.
    IdempotencyKeyReused = 422 "idempotency-key-reused" "The idempotency key was used for another request";
    /// Too much at once; see `Retry-After`.
    RateLimited = 429 "rate-limited" "Too many requests";
    /// Ours; the request id helps to find it.
    Internal = 500 "internal" "Something went wrong on our side";
    /// Not now; see `Retry-After`.
    Unavailable = 503 "unavailable" "The service is not available right now";
}

/// One wrong field.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct FieldProblem {
    /// JSON pointer into the body, or `?name` for a query parameter.
    pub pointer: String,
    /// Stable code.
    pub code: String,
    /// What would have been right.
    pub detail: String,
}

/// Problem details (RFC 9457).
#[derive(Debug, Clone, Object)]
#[oai(rename = "Problem")]
pub struct ProblemBody {
    /// `urn:freshtrack:problem:` and the code.
    #[oai(rename = "type")]
    pub type_uri: String,
    /// One line for people.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What went wrong this time.
    #[oai(skip_serializing_if_is_none)]
    pub detail: Option<String>,
    /// Id of the request, as in the answer's `X-Request-Id` and in our log.
    #[oai(skip_serializing_if_is_none)]
    pub instance: Option<String>,
    /// Stable code.
    pub code: String,
    /// Wrong fields.
    #[oai(skip_serializing_if_is_none)]
    pub errors: Option<Vec<FieldProblem>>,
}

/// An answer that is a problem.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: Option<String>,
    errors: Vec<FieldProblem>,
    retry_after_seconds: Option<u32>,
}

impl Problem {
    /// A problem without further words.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        Self {
            code,
            detail: None,
            errors: Vec::new(),
            retry_after_seconds: None,
        }
    }

    /// A problem with words for the caller. Nothing secret, nothing of another tenant.
    #[must_use]
    pub fn detailed(code: Code, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..Self::new(code)
        }
    }

    /// A wrong field of the body or query.
    #[must_use]
    pub fn field(pointer: &str, detail: impl Into<String>) -> Self {
        Self::new(Code::ValidationFailed).and_field(pointer, detail)
    }

    /// The same with one more wrong field.
    #[must_use]
    pub fn and_field(self, pointer: &str, detail: impl Into<String>) -> Self {
        self.and_error(pointer, "invalid", detail)
    }

    /// The same with one more entry of `errors`.
    #[must_use]
    pub fn and_error(mut self, pointer: &str, code: &str, detail: impl Into<String>) -> Self {
        self.errors.push(FieldProblem {
            pointer: pointer.to_owned(),
            code: code.to_owned(),
            detail: detail.into(),
        });
        self
    }

    /// Not there, or not for this caller.
    #[must_use]
    pub const fn not_found() -> Self {
        Self::new(Code::NotFound)
    }

    /// Come back later.
    #[must_use]
    pub fn unavailable(retry_after_seconds: u32) -> Self {
        Self {
            retry_after_seconds: Some(retry_after_seconds),
            ..Self::new(Code::Unavailable)
        }
    }

    /// Too much at once.
    #[must_use]
    pub fn rate_limited(retry_after_seconds: u32) -> Self {
        Self {
            retry_after_seconds: Some(retry_after_seconds),
            ..Self::new(Code::RateLimited)
        }
    }

    /// The same request is still running: ask again.
    #[must_use]
    pub fn in_progress() -> Self {
        Self {
            retry_after_seconds: Some(1),
            ..Self::new(Code::RequestInProgress)
        }
    }

    /// Its code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    fn body(self) -> ProblemBody {
        ProblemBody {
            type_uri: format!("urn:freshtrack:problem:{}", self.code.as_str()),
            title: self.code.title().to_owned(),
            status: self.code.status(),
            detail: self.detail,
            instance: request_id::current(),
            code: self.code.as_str().to_owned(),
            errors: (!self.errors.is_empty()).then_some(self.errors),
        }
    }
}

/// Seconds a client waits after the store did not answer.
const STORE_RETRY_SECONDS: u32 = 2;

impl From<StoreError> for Problem {
    /// Absent rows are 404, taken names 409; what is ours is logged and answered without detail.
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Missing { .. } => Self::not_found(),
            StoreError::Taken { what: "slug" } => Self::new(Code::SlugTaken),
            StoreError::Taken { what: "dev_eui" } => Self::new(Code::DeviceExists),
            StoreError::Taken { .. } => Self::new(Code::NameTaken),
            StoreError::Refused { rule: "last_owner" } => Self::new(Code::LastOwner),
            StoreError::Refused { rule: "key_ended" } => Self::new(Code::KeyEnded),
            StoreError::Refused { rule: "archived" } => Self::new(Code::AlreadyArchived),
            StoreError::Refused { rule: "in_use" } => Self::new(Code::NotArchived),
            StoreError::Refused {
                rule: "parent_archived",
            } => Self::new(Code::ParentArchived),
            StoreError::Conflict => Self::unavailable(1),
            StoreError::Unavailable(_) => {
                tracing::warn!(error = ?error, "store unavailable");
                Self::unavailable(STORE_RETRY_SECONDS)
            }
            _ => {
                tracing::error!(error = ?error, "store error");
                Self::new(Code::Internal)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (code, retry_after) = (self.code, self.retry_after_seconds);
        let status =
            StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = self.body().to_json_string();
        let mut response = Response::builder()
            .status(status)
            .content_type(PROBLEM_JSON)
            .body(body);
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(r#"Bearer realm="freshtrack""#),
            );
        }
        if let Some(seconds) = retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The payload under which problems stand in the OpenAPI document.
struct ProblemPayload;

impl Payload for ProblemPayload {
    const CONTENT_TYPE: &'static str = PROBLEM_JSON;
    fn schema_ref() -> MetaSchemaRef {
        ProblemBody::schema_ref()
    }
    fn register(registry: &mut Registry) {
        ProblemBody::register(registry);
    }
}

impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        let documented = |status: u16, description| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![MetaMediaType {
                content_type: ProblemPayload::CONTENT_TYPE,
                schema: ProblemPayload::schema_ref(),
            }],
            headers: Vec::new(),
        };
        MetaResponses {
            responses: vec![
                documented(400, "The request cannot be read"),
                documented(401, "The credential is missing or not valid"),
                documented(403, "The credential may not do this"),
                documented(404, "There is no such thing here"),
                documented(405, "This path does not take this method"),
                documented(406, "None of the acceptable media types can be given"),
                documented(409, "The state of the resource does not allow it"),
                documented(412, "It was changed since it was read"),
                documented(413, "The body is too large"),
                documented(415, "The media type is not supported"),
                documented(422, "A field is not valid"),
                documented(429, "Too many requests; see Retry-After"),
                documented(500, "Something went wrong on our side"),
                documented(503, "Not available right now; see Retry-After"),
            ],
        }
    }

    fn register(registry: &mut Registry) {
        ProblemPayload::register(registry);
    }
}

/// Turns whatever the framework refused a request with into a problem.
///
/// Answers that handlers gave as typed errors pass through untouched.
pub fn from_framework(error: poem::Error) -> Response {
    if error.is_from_response() || error.is::<Problem>() {
        return error.into_response();
    }
    if error.is::<AuthorizationError>() {
        return Problem::new(Code::Unauthenticated).into_response();
    }
    if error.is::<ParsePathError>()
        || error.is::<PoemParsePathError>()
        || error.is::<NotFoundError>()
    {
        return Problem::not_found().into_response();
    }
    if error.is::<MethodNotAllowedError>() {
        return Problem::new(Code::MethodNotAllowed).into_response();
    }
    if error.is::<ContentTypeError>() {
        return Problem::new(Code::UnsupportedMediaType).into_response();
    }
    if error.is::<SizedLimitError>() {
        return Problem::new(Code::PayloadTooLarge).into_response();
    }
    if let Some(param) = error.downcast_ref::<ParseParamError>() {
        return Problem::field(&format!("?{}", param.name), param.reason.clone()).into_response();
    }
    if error.is::<ParseRequestPayloadError>() {
        return Problem::new(Code::MalformedRequest).into_response();
    }
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Code::PayloadTooLarge).into_response(),
        StatusCode::NOT_FOUND => Problem::not_found().into_response(),
        StatusCode::NOT_ACCEPTABLE => Problem::new(Code::NotAcceptable).into_response(),
        status if status.is_client_error() => Problem::detailed(
            Code::MalformedRequest,
            status.canonical_reason().unwrap_or("refused"),
        )
        .into_response(),
        _ => {
            tracing::error!(error = %error, "request failed");
            Problem::new(Code::Internal).into_response()
        }
    }
}

/// An error that a service below HTTP reports in its own words can be answered as a problem.
impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code.as_str())
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn as_response(&self) -> Response {
        self.clone().into_response()
    }
}
