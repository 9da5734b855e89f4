//! Request bodies: JSON that cannot be read is 400, JSON with a wrong field is 422.

use super::problem::{Code, Problem};
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
        if let Some(field) = text_given_otherwise::<T>(&value) {
            return Err(Problem::field(&format!("/{field}"), "must be text").into());
        }
        T::parse_from_json(Some(value))
            .map(Self)
            .map_err(|error| Problem::detailed(Code::ValidationFailed, error.into_message()).into())
    }
}

/// A text field that was given a number or a boolean, which the framework would take for their text.
fn text_given_otherwise<T: Type>(value: &Value) -> Option<&'static str> {
    let MetaSchemaRef::Reference(name) = T::schema_ref() else {
        return None;
    };
    let mut registry = Registry::new();
    T::register(&mut registry);
    let fields = &registry.schemas.get(&name)?.properties;
    let is_text = |schema: &MetaSchemaRef| matches!(schema, MetaSchemaRef::Inline(schema) if schema.ty == "string");
    let given_otherwise =
        |field| matches!(value.get(field), Some(Value::Number(_) | Value::Bool(_)));
    let found = fields
        .iter()
        .find(|(field, schema)| is_text(schema) && given_otherwise(*field));
    found.map(|(field, _)| *field)
}

poem_openapi::impl_apirequest_for_payload!(Body<T>, T: ParseFromJSON);

/// The whole body of a request to a documented operation.
///
/// # Errors
/// As [`read_all`].
pub async fn read(request: &Request, body: &mut RequestBody) -> Result<bytes::Bytes, Problem> {
    let body = body
        .take()
        .map_err(|_| Problem::new(Code::MalformedRequest))?;
    read_all(request, body).await
}

/// The whole body, as far as its path allows.
///
/// # Errors
/// 413 if it is longer, 400 if the connection breaks off.
pub async fn read_all(request: &Request, body: poem::Body) -> Result<bytes::Bytes, Problem> {
    let bound = super::limits::body_bytes_max(request.original_uri().path());
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<u64>().ok());
    if declared.is_some_and(|length| length > bound as u64) {
        return Err(Problem::new(Code::PayloadTooLarge));
    }
    body.into_bytes_limit(bound)
        .await
        .map_err(|error| match error {
            poem::error::ReadBodyError::PayloadTooLarge => Problem::new(Code::PayloadTooLarge),
            _ => Problem::new(Code::MalformedRequest),
        })
}
