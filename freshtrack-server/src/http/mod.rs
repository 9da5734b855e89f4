//! HTTP: routes, and what every request passes through.
//!
//! Outside in: request id and log span, security headers, problems for whatever is refused, panics,
//! other origins, rate limit, time limit, repeated requests, routes.

mod allow;
pub mod auth;
pub mod body;
pub mod cors;
mod docs;
mod document;
pub mod examples;
pub mod health;
pub mod idempotency;
pub mod limits;
pub mod page;
pub mod permissions;
pub mod problem;
pub mod rate;
pub mod request_id;
mod shape;
pub mod v1;
mod webhooks;
pub mod wire;

pub use document::openapi_document;

use crate::app::App;
use crate::sockets::StreamEndpoint;
use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderValue, StatusCode, header};
use poem::middleware::{AddData, CatchPanic};
use poem::{Endpoint, EndpointExt, IntoResponse, Request, Response, Route, get, post};
use problem::{Code, Problem};
use std::sync::Arc;
use std::time::Duration;

/// The whole HTTP surface of a server.
#[must_use]
pub fn endpoint(app: Arc<App>) -> BoxEndpoint<'static, Response> {
    let api = Route::new()
        .at("/stream", StreamEndpoint)
        .at(
            "/ttn/:connection_id",
            get(webhooks::about).head(webhooks::about),
        )
        .at("/ttn/:connection_id/:kind", post(webhooks::receive))
        .at("/openapi.json", get(openapi))
        .nest("/", v1::service());
    Route::new()
        .at("/health/live", get(health::live))
        .at("/health/ready", get(health::ready))
        .at("/health", get(health::ready))
        .at("/health/realtime", get(health::realtime))
        .at("/metrics", get(health::metrics))
        .at("/docs", get(docs::page))
        .nest(v1::API_PREFIX, api)
        .around(idempotency::middleware)
        .around(time_limit)
        .around(rate_limit)
        .around(cors::middleware)
        .with(
            CatchPanic::new().with_handler(|_: Box<dyn std::any::Any + Send>| {
                tracing::error!("a request handler panicked");
                Problem::new(Code::Internal).into_response()
            }),
        )
        .around(harden)
        .around(request_id::middleware)
        .with(AddData::new(app))
        .boxed()
}

/// What a worker answers: health and metrics, nothing else.
#[must_use]
pub fn health_endpoint(app: Arc<App>) -> BoxEndpoint<'static, Response> {
    Route::new()
        .at("/health/live", get(health::live))
        .at("/health/ready", get(health::ready))
        .at("/health", get(health::ready))
        .at("/metrics", get(health::metrics))
        .around(harden)
        .around(request_id::middleware)
        .with(AddData::new(app))
        .boxed()
}

#[poem::handler]
fn openapi() -> Response {
    Response::builder()
        .content_type("application/json")
        .body(document::bytes())
}

const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
const NONE: HeaderValue = HeaderValue::from_static("none");
const NO_PAGE: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
const ONE_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Headers that keep browsers from guessing, framing and leaking; what a path takes, where it refused.
async fn harden<E: Endpoint>(next: E, request: Request) -> poem::Result<Response> {
    let uri = request.uri().clone();
    let is_data = uri.path().starts_with("/api/");
    let app = request.extensions().get::<Arc<App>>();
    let over_tls = app.is_some_and(|app| app.public_url.starts_with("https://"));
    let mut response = match next.call(request).await {
        Ok(output) => output.into_response(),
        Err(error) => problem::from_framework(error),
    };
    let status = response.status();
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    if status == StatusCode::METHOD_NOT_ALLOWED
        && !headers.contains_key(header::ALLOW)
        && let Some(methods) = allow::of(uri.path())
    {
        headers.insert(header::ALLOW, methods);
    }
    if uri.path() != "/docs" {
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
    headers.insert("cross-origin-opener-policy", SAME_ORIGIN);
    headers.insert("x-permitted-cross-domain-policies", NONE);
    if is_data {
        // an answer of the API is data: opened as a page it does nothing
        headers.insert(header::CONTENT_SECURITY_POLICY, NO_PAGE);
    }
    if over_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, ONE_YEAR);
    }
    Ok(response)
}

/// A request that is not answered within this gets 503.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Ends a request that takes too long; live streams last as long as they like.
async fn time_limit<E: Endpoint>(next: E, request: Request) -> poem::Result<E::Output> {
    if request.uri().path() == "/api/v1/stream" {
        return next.call(request).await;
    }
    tokio::time::timeout(ANSWER_WITHIN, next.call(request))
        .await
        .unwrap_or_else(|_| Err(Problem::unavailable(5).into()))
}

/// Takes each API request from its caller's allowance; webhooks of networks have none.
async fn rate_limit<E: Endpoint>(next: E, request: Request) -> poem::Result<Response> {
    let path = request.uri().path();
    let limited = path.starts_with("/api/v1/")
        && !path.starts_with("/api/v1/ttn/")
        && path != "/api/v1/stream";
    let app = request.extensions().get::<Arc<App>>();
    let Some(app) = app.filter(|_| limited) else {
        return next.call(request).await.map(IntoResponse::into_response);
    };
    let allowance = app.rates.take(&caller_key(&request), path);
    let mut response = match allowance.wait_seconds {
        Some(seconds) => Problem::rate_limited(seconds).into_response(),
        None => match next.call(request).await {
            Ok(output) => output.into_response(),
            Err(error) => problem::from_framework(error),
        },
    };
    allowance.write(&mut response);
    Ok(response)
}

/// What tells callers apart before anybody is authenticated: a hash of the credential, else the address.
fn caller_key(request: &Request) -> String {
    use sha2::{Digest, Sha256};
    let credential = request
        .headers()
        .get(auth::X_API_KEY)
        .or_else(|| request.headers().get(header::AUTHORIZATION));
    match credential {
        Some(value) => {
            let digest = Sha256::digest(value.as_bytes());
            base64::Engine::encode(
                &base64::engine::general_purpose::STANDARD_NO_PAD,
                &digest[..12],
            )
        }
        None => request
            .remote_addr()
            .as_socket_addr()
            .map_or_else(|| "unknown".to_owned(), |address| address.ip().to_string()),
    }
}
