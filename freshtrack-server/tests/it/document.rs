//! The OpenAPI document: checked in, complete, and what clients can be generated from.

use freshtrack_server::http::permissions::Operation;
use freshtrack_server::http::{openapi_document, v1};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

fn checked_in(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../openapi")
        .join(name)
}

fn document() -> Value {
    serde_json::from_str(&openapi_document()).expect("the document is JSON")
}

/// Every operation with its path and method.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            found.push((path.clone(), method.clone(), operation.clone()));
        }
    }
    assert!(!found.is_empty());
    found
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever changes the API on purpose says so by the environment"
)]
fn wants_update() -> bool {
    std::env::var("UPDATE_OPENAPI").is_ok_and(|value| value == "1")
}

#[test]
fn the_checked_in_documents_are_what_the_server_says() {
    // As the command line prints it.
    let document = format!("{}\n", openapi_document());
    let derived = document.replace("\"application/problem+json\"", "\"application/json\"");
    for (name, text) in [("v1.json", &document), ("v1.progenitor.json", &derived)] {
        let path = checked_in(name);
        if wants_update() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        let line = kept
            .lines()
            .zip(text.lines())
            .take_while(|(a, b)| a == b)
            .count()
            + 1;
        assert!(
            kept == *text,
            "openapi/{name} is not current from line {line} on: run `cargo xtask openapi`"
        );
    }
}

/// JSON that refuses an object with the same key twice, which parsers otherwise swallow.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Unique;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
                let mut keys = BTreeSet::new();
                while let Some(key) = map.next_key::<String>()? {
                    map.next_value::<Unique>()?;
                    if let Some(twice) = keys.replace(key) {
                        return Err(A::Error::custom(format!("`{twice}` is there twice")));
                    }
                }
                Ok(Unique)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Unique, A::Error> {
                while seq.next_element::<Unique>()?.is_some() {}
                Ok(Unique)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_unit<E>(self) -> Result<Unique, E> {
                Ok(Unique)
            }
        }
        deserializer.deserialize_any(Each)
    }
}

#[test]
fn no_key_is_there_twice() {
    // The framework's own text: once parsed and written again, a lost path could not be seen.
    let raw = v1::service().spec();
    if let Err(error) = serde_json::from_str::<Unique>(&raw) {
        panic!("{error}: two resources share a path");
    }
    assert!(serde_json::from_str::<Unique>(r#"{"a":{"b":1,"b":2}}"#).is_err());
}

#[test]
fn every_operation_says_what_it_is_and_who_may_call_it() {
    let document = document();
    let schemes = document["components"]["securitySchemes"]
        .as_object()
        .unwrap();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let what = format!("{method} {path}");
        let id = operation["operationId"].as_str().unwrap_or_default();
        assert!(ids.insert(id.to_owned()) && !id.is_empty(), "{what}: {id}");
        assert!(
            operation["summary"].as_str().is_some_and(|s| s.len() > 5),
            "{what}"
        );
        assert_eq!(
            operation["tags"].as_array().map(Vec::len),
            Some(1),
            "{what}"
        );
        let responses = operation["responses"].as_object().unwrap();
        assert!(
            responses.keys().any(|status| status.starts_with('4')),
            "{what}"
        );
        let successes = responses.keys().filter(|s| s.starts_with('2')).count();
        assert_eq!(successes, 1, "{what}: generators take one kind of success");
        let security = operation["security"].as_array().expect("security");
        assert!(!security.is_empty(), "{what} is open to everybody");
        for alternative in security {
            let names: Vec<_> = alternative.as_object().unwrap().keys().collect();
            assert_eq!(names.len(), 1, "{what}: alternatives, never both");
            assert!(schemes.contains_key(names[0]), "{what}: {names:?}");
        }
    }
    let table: BTreeSet<_> = Operation::ALL
        .iter()
        .map(|operation| operation.id().to_owned())
        .filter(|id| id != "stream")
        .collect();
    // About the person who asks: any valid token will do, so no line in the permission table.
    let of_the_person = [
        "create_organization",
        "get_me",
        "list_organizations",
        "list_rule_presets",
    ];
    ids.retain(|id| !of_the_person.contains(&id.as_str()));
    assert_eq!(ids, table);
}

#[test]
fn every_refusal_is_the_one_problem_schema() {
    let document = document();
    for (path, method, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            if status.starts_with('2') {
                continue;
            }
            let content = response["content"].as_object().unwrap();
            let media: Vec<_> = content.keys().map(String::as_str).collect();
            assert_eq!(
                media,
                ["application/problem+json"],
                "{method} {path} {status}"
            );
            let schema = &content["application/problem+json"]["schema"]["$ref"];
            assert_eq!(
                schema, "#/components/schemas/Problem",
                "{method} {path} {status}"
            );
        }
    }
    let problem = &document["components"]["schemas"]["Problem"]["required"];
    for field in ["type", "title", "status", "code"] {
        assert!(
            problem.as_array().unwrap().contains(&field.into()),
            "{problem}"
        );
    }
}

#[test]
fn parameters_are_declared_as_they_are_read() {
    for (path, method, operation) in operations(&document()) {
        let what = format!("{method} {path}");
        let named: BTreeSet<String> = path
            .split('/')
            .filter_map(|part| Some(part.strip_prefix('{')?.strip_suffix('}')?.to_owned()))
            .collect();
        let mut declared = BTreeSet::new();
        for parameter in operation["parameters"].as_array().unwrap_or(&Vec::new()) {
            let name = parameter["name"].as_str().unwrap().to_owned();
            match parameter["in"].as_str() {
                Some("path") => {
                    assert_eq!(parameter["required"], true, "{what}: {name}");
                    assert!(declared.insert(name), "{what}");
                }
                Some("query") => {
                    assert_ne!(
                        parameter["required"], true,
                        "{what}: {name} may be left out"
                    );
                    let text = parameter["description"].as_str();
                    assert!(text.is_some_and(|t| !t.is_empty()), "{what}: {name}");
                }
                Some("header") => {
                    assert_eq!(name, "If-Match", "{what}");
                    assert_ne!(parameter["required"], true, "{what}");
                }
                other => panic!("{what}: a parameter in {other:?}"),
            }
        }
        assert_eq!(named, declared, "{what}");
        assert!(!path.contains(':'), "{what}");
    }
}

/// Calls `each` with every object below `value` and its place.
fn walk(value: &Value, at: &str, each: &mut dyn FnMut(&str, &serde_json::Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            each(at, members);
            for (name, member) in members {
                walk(member, &format!("{at}/{name}"), each);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{at}/{index}"), each);
            }
        }
        _ => {}
    }
}

#[test]
fn the_document_is_valid_openapi_3_0() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.0."));
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut used = BTreeSet::new();
    walk(&document, "", &mut |at, object| {
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            let name = reference.strip_prefix("#/components/schemas/");
            let name = name.unwrap_or_else(|| panic!("{at}: {reference}"));
            assert!(schemas.contains_key(name), "{at}: no schema {name}");
            used.insert(name.to_owned());
        }
        if let Some(Value::String(kind)) =
            object.get("type").filter(|_| !at.ends_with("/properties"))
        {
            let known = ["string", "number", "integer", "boolean", "array", "object"];
            let scheme = ["http", "apiKey"];
            let is_scheme = at.contains("/securitySchemes/");
            let right = if is_scheme {
                scheme.contains(&kind.as_str())
            } else {
                known.contains(&kind.as_str())
            };
            assert!(right, "{at}: type {kind}");
            assert!(kind != "array" || object.contains_key("items"), "{at}");
        }
        for list in ["parameters", "tags", "security"] {
            let value = object.get(list).filter(|_| !at.ends_with("/properties"));
            assert!(value.is_none_or(Value::is_array), "{at}: {list}");
        }
        if object.contains_key("nullable") {
            assert!(object.contains_key("type"), "{at}: nullable without type");
        }
        if let Some(Value::Array(required)) = object.get("required") {
            let properties = object.get("properties").and_then(Value::as_object);
            for name in required {
                let name = name.as_str().expect("a name");
                assert!(
                    properties.is_some_and(|p| p.contains_key(name)),
                    "{at}: {name}"
                );
            }
        }
        if let Some(Value::Array(values)) = object.get("enum") {
            let distinct: BTreeSet<_> = values.iter().map(ToString::to_string).collect();
            assert!(!values.is_empty() && distinct.len() == values.len(), "{at}");
        }
        for word in ["const", "examples", "$defs", "webhooks"] {
            assert!(!object.contains_key(word), "{at}: `{word}` is not of 3.0");
        }
    });
    let defined: BTreeSet<_> = schemas.keys().cloned().collect();
    assert_eq!(defined, used, "schemas nobody uses, or the other way round");
}
