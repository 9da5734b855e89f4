//! Which other origins' pages may read answers: none, unless the settings name them.
//!
//! Callers present tokens, never cookies, so no credentials are allowed across origins.

use crate::app::App;
use poem::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response};
use std::sync::Arc;

/// Headers that a page may read beside the harmless ones.
const EXPOSED: &str =
    "ETag, Location, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Idempotency-Replayed";
/// Headers that a page may send.
const ALLOWED: &str =
    "Authorization, Content-Type, If-Match, Idempotency-Key, Last-Event-ID, X-Api-Key";
/// Methods that a page may use.
const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";

/// Answers preflights of named origins and lets their pages read answers.
///
/// # Errors
/// As the request itself.
pub async fn middleware<E: Endpoint>(next: E, request: Request) -> poem::Result<Response> {
    let Some(origin) = named_origin(&request) else {
        return next.call(request).await.map(IntoResponse::into_response);
    };
    let preflight = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if preflight {
        let mut response = Response::builder().status(StatusCode::NO_CONTENT).finish();
        put(&mut response, header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        put(&mut response, header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED);
        put(&mut response, header::ACCESS_CONTROL_MAX_AGE, "600");
        response
    } else {
        match next.call(request).await {
            Ok(output) => output.into_response(),
            Err(error) => super::problem::from_framework(error),
        }
    };
    put(
        &mut response,
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        EXPOSED,
    );
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    Ok(response)
}

fn put(response: &mut Response, name: HeaderName, value: &'static str) {
    response
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
}

/// The request's origin, if the settings name it.
fn named_origin(request: &Request) -> Option<HeaderValue> {
    let origin = request.headers().get(header::ORIGIN)?;
    let app = request.extensions().get::<Arc<App>>()?;
    let named = &app.settings.allowed_origins;
    let text = origin.to_str().ok()?;
    named.iter().any(|own| own == text).then(|| origin.clone())
}
