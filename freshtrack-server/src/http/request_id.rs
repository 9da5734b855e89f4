//! The id of the request that this task is answering: in the answer, in problems and in the log.

use crate::app::App;
use freshtrack_core::ids::RequestId;
use poem::http::{HeaderName, HeaderValue};
use poem::{Endpoint, IntoResponse, Request, Response};
use std::sync::Arc;

tokio::task_local! {
    static CURRENT: RequestId;
}

/// Answer header that carries the id.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request being answered, if any.
pub fn current() -> Option<String> {
    CURRENT.try_with(ToString::to_string).ok()
}

/// Gives each request an id, a log span, and turns every refusal below into a problem.
///
/// # Errors
/// Never: whatever failed is answered as a problem.
pub async fn middleware<E: Endpoint>(next: E, request: Request) -> poem::Result<Response> {
    use tracing::Instrument;
    let id = request.extensions().get::<Arc<App>>().map_or_else(
        || RequestId::from_uuid(uuid::Uuid::nil()),
        |app| RequestId::from_uuid(app.ids.uuid()),
    );
    let span = tracing::info_span!("request", %id, method = %request.method(), path = request.uri().path());
    let answer = async {
        match next.call(request).await {
            Ok(output) => output.into_response(),
            Err(error) => super::problem::from_framework(error),
        }
    };
    let mut response = CURRENT.scope(id, answer.instrument(span)).await;
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    Ok(response)
}
