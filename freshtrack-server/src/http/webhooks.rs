//! Webhooks of LoRaWAN networks: authenticated and bounded by the network crate, stored, answered.

use crate::app::App;
use crate::http::body;
use crate::http::problem::{Code, Problem};
use freshtrack_ttn::event::{DeviceIdentity, Network};
use freshtrack_ttn::webhook::{IngressOutcome, IngressRequest, handle};
use poem::http::StatusCode;
use poem::web::{Data, Path};
use poem::{Body, Request, Response, handler};
use std::sync::Arc;

/// Tells a network that something is here, and nothing about the connection.
#[handler]
pub(super) fn about() -> Response {
    Response::builder()
        .content_type("application/json")
        .body(r#"{"status":"ok"}"#)
}

/// Takes one message: durable in the inbox before it is answered with 200.
#[handler]
pub(super) async fn receive(
    app: Data<&Arc<App>>,
    Path((connection, kind)): Path<(String, String)>,
    request: &Request,
    content: Body,
) -> Response {
    let content = match body::read_all(request, content).await {
        Ok(bytes) => bytes,
        Err(problem) if problem.code() == Code::PayloadTooLarge => {
            return plain(StatusCode::PAYLOAD_TOO_LARGE, "");
        }
        Err(_) => return plain(StatusCode::BAD_REQUEST, ""),
    };
    let headers: Vec<(&str, &[u8])> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let call = IngressRequest {
        network: Network::TheThingsStack,
        connection: &connection,
        kind: &kind,
        headers: &headers,
        body: &content,
        hint: &DeviceIdentity::default(),
    };
    let answer = handle(
        app.store.connection_directory.as_ref(),
        app.store.inbox.as_ref(),
        &call,
        app.clock.now(),
    )
    .await;
    if matches!(
        answer.outcome,
        IngressOutcome::Accepted | IngressOutcome::Quarantined(_)
    ) {
        app.inbox_wake.notify_one();
    }
    metrics::counter!("freshtrack_webhook_calls_total", "status" => answer.status.to_string())
        .increment(1);
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        use poem::IntoResponse;
        return Problem::unavailable(5).into_response();
    }
    plain(status, answer.body)
}

fn plain(status: StatusCode, body: &'static str) -> Response {
    Response::builder()
        .status(status)
        .content_type("application/json")
        .body(body)
}
