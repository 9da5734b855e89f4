//! The OpenAPI document as clients get it: what the framework writes, made true and complete.
//!
//! | what | why |
//! |---|---|
//! | media types without parameters | generators take `application/json; charset=utf-8` for something else |
//! | examples | [`super::examples`] |
//! | `nullable` on what a request may leave out | null means absent there, or "clear" in a PATCH; the framework takes it and does not say so |

use super::{examples, v1};
use bytes::Bytes;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The document, made once.
static DOCUMENT: LazyLock<(Value, Bytes)> = LazyLock::new(|| {
    let text = v1::service().spec();
    let text = text.replace("application/json; charset=utf-8", "application/json");
    let mut value = serde_json::from_str(&text).unwrap_or_default();
    nullable_where_optional(&mut value);
    examples::add_to(&mut value);
    let written = serde_json::to_string_pretty(&value).unwrap_or(text);
    (value, written.into())
});

/// The text of the document.
#[must_use]
pub fn openapi_document() -> String {
    String::from_utf8_lossy(&bytes()).into_owned()
}

/// The same, as it is sent.
pub(super) fn bytes() -> Bytes {
    DOCUMENT.1.clone()
}

/// The same, parsed.
pub(super) fn value() -> &'static Value {
    &DOCUMENT.0
}

/// The schema called `name`.
pub(super) fn schema(name: &str) -> Option<&'static Value> {
    value().pointer("/components/schemas")?.get(name)
}

/// Marks the optional fields of schemas that only requests use: null is taken for them.
///
/// Only those that say their type themselves; a reference stays as it is, and null is refused for it.
fn nullable_where_optional(document: &mut Value) {
    let mut of_requests = BTreeSet::new();
    let mut of_answers = BTreeSet::new();
    let operations = document["paths"].as_object().into_iter().flatten();
    for operation in operations.flat_map(|(_, item)| item.as_object().into_iter().flatten()) {
        collect(document, &operation.1["requestBody"], &mut of_requests);
        collect(document, &operation.1["responses"], &mut of_answers);
    }
    for name in of_requests.difference(&of_answers) {
        let schema = &mut document["components"]["schemas"][name];
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let fields = schema["properties"].as_object_mut().into_iter().flatten();
        for (name, field) in fields {
            let optional = !required.contains(&Value::from(name.as_str()));
            let says_its_type = field.get("type").is_some() && field.get("enum").is_none();
            if optional && says_its_type && field.get("default").is_none() {
                field["nullable"] = Value::Bool(true);
            }
        }
    }
}

/// Adds the names of all schemas that `part` leads to.
fn collect(document: &Value, part: &Value, names: &mut BTreeSet<String>) {
    match part {
        Value::Object(members) => {
            let reference = members.get("$ref").and_then(Value::as_str);
            if let Some((_, name)) = reference.and_then(|path| path.rsplit_once('/'))
                && names.insert(name.to_owned())
            {
                collect(document, &document["components"]["schemas"][name], names);
            }
            for member in members.values() {
                collect(document, member, names);
            }
        }
        Value::Array(items) => {
            for item in items {
                collect(document, item, names);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn optional_fields_of_requests_take_null_and_those_of_answers_do_not() {
        let field = json!({ "type": "string" });
        let fields =
            json!({ "must": field, "may": field, "own": { "type": "integer", "default": 1 } });
        let schema = json!({ "required": ["must"], "properties": fields });
        let body = |name: &str| json!({ "content": { "x": { "schema": { "$ref": format!("#/s/{name}") } } } });
        let mut document = json!({
            "paths": { "/x": { "post": {
                "requestBody": { "a": body("New"), "b": body("Both") },
                "responses": { "200": body("Both") },
            }}},
            "components": { "schemas": { "New": schema, "Both": schema } },
        });
        nullable_where_optional(&mut document);
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["Both"], schema);
        let new = &schemas["New"]["properties"];
        assert_eq!(new["may"]["nullable"], true);
        assert_eq!(new["must"], field);
        assert!(new["own"].get("nullable").is_none(), "a default is a value");
    }
}
