//! `Allow`: which methods a path takes, for the answer to one that it does not (RFC 9110, 15.5.6).
//!
//! The router does not say it, so it is read from the API description; the few paths outside of that
//! are listed here.

use poem::http::HeaderValue;
use serde_json::Value;
use std::sync::LazyLock;

/// Paths that no description names, and what they take; `{}` stands for one segment.
const UNDESCRIBED: [(&str, &str); 11] = [
    ("/health", READ),
    ("/health/live", READ),
    ("/health/ready", READ),
    ("/health/realtime", READ),
    ("/metrics", READ),
    ("/docs", READ),
    ("/api/v1/openapi.json", READ),
    ("/api/v1/stream", "GET"),
    ("/api/v1/ttn/{}", READ),
    ("/api/v1/ttn/{}/{}", "POST"),
    ("/socket.io/", "GET, POST"),
];
/// A path that is only read answers HEAD like GET, without the body.
const READ: &str = "GET, HEAD";

/// A path's segments, `None` for a parameter.
type Template = Vec<Option<String>>;

/// Every path with its header, those with the fewest parameters first: a literal segment wins over one.
static TABLE: LazyLock<Vec<(Template, HeaderValue)>> =
    LazyLock::new(|| table(super::document::value()));

/// The header for `path`; none for a path that nothing answers at.
pub(super) fn of(path: &str) -> Option<HeaderValue> {
    find(&TABLE, path)
}

fn find(table: &[(Template, HeaderValue)], path: &str) -> Option<HeaderValue> {
    let path: Vec<&str> = path.split('/').collect();
    let matches = |template: &Template| {
        template.len() == path.len()
            && template
                .iter()
                .zip(&path)
                .all(|(word, segment)| word.as_deref().is_none_or(|word| word == *segment))
    };
    let found = table.iter().find(|(template, _)| matches(template));
    found.map(|(_, header)| header.clone())
}

fn table(described: &Value) -> Vec<(Template, HeaderValue)> {
    let mut rows: Vec<_> = UNDESCRIBED
        .iter()
        .map(|(path, methods)| (template(path), HeaderValue::from_static(methods)))
        .collect();
    for (path, item) in described["paths"].as_object().into_iter().flatten() {
        let mut methods: Vec<String> = item
            .as_object()
            .into_iter()
            .flatten()
            .map(|(method, _)| method.to_uppercase())
            .collect();
        if methods.iter().any(|method| method == "GET") {
            methods.push("HEAD".to_owned());
        }
        methods.sort();
        if let Ok(header) = HeaderValue::from_str(&methods.join(", ")) {
            rows.push((template(path), header));
        }
    }
    rows.sort_by_key(|(template, _)| template.iter().filter(|word| word.is_none()).count());
    rows
}

fn template(path: &str) -> Template {
    path.split('/')
        .map(|word| (!word.starts_with('{')).then(|| word.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_methods_of_a_path_are_those_of_its_own_line() {
        let rows = table(&json!({ "paths": {
            "/a/{id}": { "get": {}, "delete": {} },
            "/a/statistics": { "get": {} },
            "/a": { "post": {} },
        }}));
        let allowed = |path| find(&rows, path).map(|header| header.to_str().unwrap().to_owned());
        assert_eq!(allowed("/a/7").unwrap(), "DELETE, GET, HEAD");
        assert_eq!(allowed("/a/statistics").unwrap(), "GET, HEAD");
        assert_eq!(allowed("/a").unwrap(), "POST");
        assert_eq!(allowed("/health/live").unwrap(), "GET, HEAD");
        assert_eq!(allowed("/api/v1/ttn/x/uplink").unwrap(), "POST");
        assert_eq!(allowed("/a/7/8"), None);
    }
}
