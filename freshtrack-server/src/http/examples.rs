//! Examples in the OpenAPI document: one value for each path parameter, one body for each operation.
//!
//! They stand in `v1/examples.json`, are shown by the interactive reference, and are executed: a test
//! puts ids of real things in the place of the ids below and expects each operation to succeed, and
//! so does the Schemathesis run. Their clock shows 2026-03-02T12:00:00Z.

use serde_json::{Map, Value};
use std::sync::LazyLock;

/// `parameters` by name, `others` for ids that only bodies name, `bodies` by `operationId`.
static EXAMPLES: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("v1/examples.json")).unwrap_or_default());

/// Example of a path parameter.
#[must_use]
pub fn parameter(name: &str) -> Option<&'static Value> {
    EXAMPLES["parameters"].get(name)
}

/// The id that examples have for a thing, by the name of its parameter or one of its own.
#[must_use]
pub fn id(name: &str) -> Option<&'static Value> {
    parameter(name).or_else(|| EXAMPLES["others"].get(name))
}

/// Example of the body of an operation.
#[must_use]
pub fn body(operation: &str) -> Option<&'static Value> {
    EXAMPLES["bodies"].get(operation)
}

/// Puts the examples into the document.
pub(super) fn add_to(document: &mut Value) {
    let Some(paths) = document["paths"].as_object_mut() else {
        return;
    };
    let operations = paths
        .values_mut()
        .filter_map(Value::as_object_mut)
        .flat_map(Map::values_mut);
    for operation in operations {
        let parameters = operation
            .get_mut("parameters")
            .and_then(Value::as_array_mut);
        for described in parameters.into_iter().flatten() {
            if described["in"] == "path"
                && let Some(example) = described["name"].as_str().and_then(parameter)
            {
                described["example"] = example.clone();
            }
        }
        let id = operation["operationId"].as_str().unwrap_or_default();
        if let Some(example) = body(id)
            && let Some(content) = operation
                .pointer_mut("/requestBody/content")
                .and_then(Value::as_object_mut)
        {
            for media in content.values_mut() {
                media["example"] = example.clone();
            }
        }
    }
}
