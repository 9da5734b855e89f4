//! Whether a body has the types that the API description promises, before the framework reads it.
//!
//! The framework takes a number for its text and null for anything that may be left out. What is taken
//! is what the description says, no more; and a wrong value is named by its place.

use super::document;
use serde_json::Value;

/// A value of another type than the description says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// JSON pointer into the body.
    pub(super) pointer: String,
    /// What would have been right.
    pub(super) detail: &'static str,
}

/// The first mismatch between `value` and the schema called `name`.
pub(super) fn mismatch(name: &str, value: &Value) -> Option<Mismatch> {
    let mut schemas = |name: &str| document::schema(name);
    against(document::schema(name)?, value, &mut schemas)
}

fn against<'a>(
    schema: &'a Value,
    value: &Value,
    schemas: &mut dyn FnMut(&str) -> Option<&'a Value>,
) -> Option<Mismatch> {
    if value.is_null() && schema["nullable"] == true {
        return None;
    }
    if let Some((_, name)) = schema["$ref"]
        .as_str()
        .and_then(|path| path.rsplit_once('/'))
    {
        return against(schemas(name)?, value, schemas);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return parts.iter().find_map(|part| against(part, value, schemas));
    }
    let (right, detail) = match schema["type"].as_str()? {
        "string" => (value.is_string(), "must be text"),
        "integer" => (value.is_number(), "must be a whole number"),
        "number" => (value.is_number(), "must be a number"),
        "boolean" => (value.is_boolean(), "must be true or false"),
        "array" => (value.is_array(), "must be a list"),
        "object" => (value.is_object(), "must be an object"),
        _ => (true, ""),
    };
    if !right {
        let pointer = String::new();
        return Some(Mismatch { pointer, detail });
    }
    let within = |step: &str, mut found: Mismatch| {
        let step = step.replace('~', "~0").replace('/', "~1");
        found.pointer.insert_str(0, &format!("/{step}"));
        found
    };
    if let Some(items) = value.as_array() {
        return items.iter().enumerate().find_map(|(index, item)| {
            let found = against(&schema["items"], item, schemas)?;
            Some(within(&index.to_string(), found))
        });
    }
    value.as_object()?.iter().find_map(|(name, member)| {
        let found = against(schema["properties"].get(name)?, member, schemas)?;
        Some(within(name, found))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(value: &Value) -> Option<(String, &'static str)> {
        let level = json!({ "type": "string", "enum": ["a", "b"] });
        let schema = json!({ "type": "object", "properties": {
            "name": { "type": "string" },
            "note": { "type": "string", "nullable": true },
            "count": { "type": "integer" },
            "level": { "allOf": [{ "$ref": "#/components/schemas/Level" }, { "description": "…" }] },
            "list": { "type": "array", "items": { "type": "object", "properties": {
                "a/b": { "type": "boolean" }
            }}},
            "any": { "description": "anything" },
            "either": { "anyOf": [{ "type": "string" }, { "type": "object" }] },
        }});
        let mut schemas = |name: &str| (name == "Level").then_some(&level);
        against(&schema, value, &mut schemas).map(|found| (found.pointer, found.detail))
    }

    #[test]
    fn a_value_of_another_type_is_named_by_its_place() {
        let found = |value: Value| check(&value).unwrap();
        assert_eq!(found(json!(null)), (String::new(), "must be an object"));
        assert_eq!(found(json!({ "name": 7 })).0, "/name");
        assert_eq!(found(json!({ "name": null })).0, "/name");
        assert_eq!(found(json!({ "level": null })).0, "/level");
        assert_eq!(found(json!({ "count": "7" })).1, "must be a whole number");
        assert_eq!(
            found(json!({ "list": [{}, { "a/b": 1 }] })),
            ("/list/1/a~1b".to_owned(), "must be true or false")
        );
    }

    #[test]
    fn what_the_description_allows_or_leaves_open_is_for_the_parser() {
        for value in [
            json!({}),
            json!({ "note": null, "name": "x", "count": 1.5, "level": "z" }),
            json!({ "any": null, "either": 7, "unknown": [] }),
        ] {
            assert_eq!(check(&value), None, "{value}");
        }
    }
}
