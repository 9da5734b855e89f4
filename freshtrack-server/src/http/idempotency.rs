//! `Idempotency-Key`: a request that makes something is done once, however often it is sent.
//!
//! Kept for a day per caller. Only answers of success are kept: what was refused made nothing and may be
//! sent again. An answer that shows a secret is never kept; its repetition is told that it was given.

use super::auth::{self, Principal};
use super::body;
use super::problem::{Code, Problem};
use crate::app::App;
use crate::store::ports::{Begun, KeptAnswer, OnceKey};
use bytes::Bytes;
use freshtrack_core::time::Span;
use poem::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Body, Endpoint, IntoResponse, Request, Response};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Request header that names a request.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Answer header of an answer that is given again.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// How long an answer is kept.
pub const KEPT_FOR: Span = Span::from_seconds(24 * 3_600);
/// A request without answer for so long is lost: twice the time limit of a request.
const LOST_AFTER: Span = Span::from_seconds(60);
/// Longest key.
const KEY_CHARS_MAX: usize = 255;
/// Largest answer that is kept.
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// Headers that are part of an answer's meaning.
const HEADERS_KEPT: [HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];

/// Ends of paths whose answers show a secret once.
const SHOWS_A_SECRET: [&str; 4] = ["/api-keys", "/ttn-connections", "/rotate", "/rotate-secret"];

/// Answers a request that was sent before as it was answered then.
///
/// # Errors
/// As the request itself; 409 while it is still running, 422 for a key that named another request.
pub async fn middleware<E: Endpoint>(next: E, mut request: Request) -> poem::Result<Response> {
    let Some((app, chosen)) = concerned(&request) else {
        return next.call(request).await.map(IntoResponse::into_response);
    };
    let chosen = chosen.map_err(poem::Error::from)?;
    let principal = auth::authenticate(&app, &request).await?;
    let content = request.take_body();
    let content = body::read_all(&request, content).await?;
    let key = OnceKey {
        caller: caller(&principal),
        key_hash: Sha256::digest(chosen.as_bytes()).into(),
    };
    let path = request.uri().path().to_owned();
    let print = fingerprint(&request, &content);
    request.set_body(Body::from_bytes(content));
    let now = app.clock.now();
    let bounds = (now - KEPT_FOR, now - LOST_AFTER);
    let ledger = &app.store.once_ledger;
    match ledger
        .begin(&key, print, now, bounds)
        .await
        .map_err(Problem::from)?
    {
        Begun::Reused => return Err(Problem::new(Code::IdempotencyKeyReused).into()),
        Begun::Running => return Err(Problem::in_progress().into()),
        Begun::Answered(answer) => return Ok(replay(answer, &path)),
        Begun::First => {}
    }
    let answered = next.call(request).await.map(IntoResponse::into_response);
    let (kept, answered) = match answered {
        Ok(response) => {
            let (kept, response) = keep(response, &path).await?;
            (kept, Ok(response))
        }
        Err(error) => (None, Err(error)),
    };
    if let Err(error) = ledger.end(&key, kept).await {
        tracing::warn!(error = ?error, "an answer could not be kept for its repetition");
    }
    answered
}

/// The application and the key of a request that has one; posted readings name themselves.
fn concerned(request: &Request) -> Option<(Arc<App>, Result<String, Problem>)> {
    let path = request.uri().path();
    let concerned = request.method() == Method::POST
        && path.starts_with("/api/v1/")
        && !path.starts_with("/api/v1/ingest/")
        && !path.starts_with("/api/v1/ttn/");
    let value = request
        .headers()
        .get(IDEMPOTENCY_KEY)
        .filter(|_| concerned)?;
    let app = request.extensions().get::<Arc<App>>()?;
    let key = value
        .to_str()
        .ok()
        .filter(|text| (1..=KEY_CHARS_MAX).contains(&text.len()))
        .map(str::to_owned);
    let wrong = || {
        Problem::field(
            "Idempotency-Key",
            "must be 1 to 255 visible ASCII characters",
        )
    };
    Some((Arc::clone(app), key.ok_or_else(wrong)))
}

fn caller(principal: &Principal) -> String {
    match principal {
        Principal::Person { user, .. } => format!("user:{}", user.id),
        Principal::Machine(key) => format!("api_key:{}", key.id),
    }
}

/// What makes two requests the same: method, path with query, condition and body.
fn fingerprint(request: &Request, content: &Bytes) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(request.method().as_str());
    hash.update([0]);
    hash.update(request.uri().to_string());
    hash.update([0]);
    if let Some(tag) = request.headers().get(header::IF_MATCH) {
        hash.update(tag.as_bytes());
    }
    hash.update([0]);
    hash.update(content);
    hash.finalize().into()
}

/// What is kept of an answer, and the answer itself again.
async fn keep(
    mut response: Response,
    path: &str,
) -> Result<(Option<KeptAnswer>, Response), poem::Error> {
    if !response.status().is_success() {
        return Ok((None, response));
    }
    let content = response.take_body().into_bytes().await.map_err(|error| {
        tracing::error!(error = ?error, "an answer could not be read");
        Problem::new(Code::Internal)
    })?;
    let header = |name: &HeaderName| {
        let value = response.headers().get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    };
    let secret = SHOWS_A_SECRET.iter().any(|end| path.ends_with(end));
    let kept = (content.len() <= ANSWER_BYTES_MAX).then(|| KeptAnswer {
        status: response.status().as_u16(),
        headers: HEADERS_KEPT.iter().filter_map(header).collect(),
        body: if secret { Vec::new() } else { content.to_vec() },
    });
    response.set_body(content);
    Ok((kept, response))
}

fn replay(answer: KeptAnswer, path: &str) -> Response {
    let mut response = if SHOWS_A_SECRET.iter().any(|end| path.ends_with(end)) {
        Problem::new(Code::SecretShownOnce).into_response()
    } else {
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
        Response::builder().status(status).body(answer.body)
    };
    for (name, value) in answer.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
            response.headers_mut().entry(name).or_insert(value);
        }
    }
    let again = HeaderValue::from_static("true");
    response.headers_mut().insert(IDEMPOTENCY_REPLAYED, again);
    response
}
