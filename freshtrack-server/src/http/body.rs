//! Request bodies: JSON that cannot be read is 400, JSON with a wrong field is 422.

use super::problem::{Code, Problem};
use super::shape;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use poem::http::header;
use poem::{Request, RequestBody, Result};
use poem_openapi::payload::{ParsePayload, Payload};
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, Type};
use serde_json::Value;

/// A JSON request body.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: Type> Payload for Body<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    fn check_content_type(content_type: &str) -> bool {
        content_type
            .split(';')
            .next()
            .is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"))
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: ParseFromJSON> ParsePayload for Body<T> {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> Result<Self> {
        let bytes = read(request, body).await?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|error| {
            Problem::detailed(
                Code::MalformedRequest,
                format!("not JSON: line {}, column {}", error.line(), error.column()),
            )
        })?;
        if let MetaSchemaRef::Reference(name) = T::schema_ref()
            && let Some(mismatch) = shape::mismatch(&name, &value)
        {
            return Err(Problem::field(&mismatch.pointer, mismatch.detail).into());
        }
        T::parse_from_json(Some(value))
            .map(Self)
            .map_err(|error| Problem::detailed(Code::ValidationFailed, error.into_message()).into())
    }
}

poem_openapi::impl_apirequest_for_payload!(Body<T>, T: ParseFromJSON);

/// The whole body of a request to a documented operation.
///
/// # Errors
/// As [`read_all`].
pub async fn read(request: &Request, body: &mut RequestBody) -> Result<Bytes, Problem> {
    let body = body
        .take()
        .map_err(|_| Problem::new(Code::MalformedRequest))?;
    read_all(request, body).await
}

/// The whole body, as far as its path allows.
///
/// Of a longer one a little more is read and dropped, because a client that is cut off while it still
/// sends sees a broken connection instead of the answer.
///
/// # Errors
/// 413 if it is longer, 400 if the connection breaks off.
pub async fn read_all(request: &Request, body: poem::Body) -> Result<Bytes, Problem> {
    let bound = super::limits::body_bytes_max(request.original_uri().path());
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<usize>().ok());
    let mut chunks = Box::pin(body.into_bytes_stream());
    let mut content = BytesMut::with_capacity(declared.unwrap_or(0).min(bound));
    let mut too_large = declared.is_some_and(|length| length > bound);
    let mut dropped = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Problem::new(Code::MalformedRequest))?;
        too_large |= content.len() + chunk.len() > bound;
        if !too_large {
            content.extend_from_slice(&chunk);
            continue;
        }
        content = BytesMut::new();
        dropped += chunk.len();
        if dropped > super::limits::DROPPED_BYTES_MAX {
            break;
        }
    }
    if too_large {
        return Err(Problem::new(Code::PayloadTooLarge));
    }
    Ok(content.freeze())
}
