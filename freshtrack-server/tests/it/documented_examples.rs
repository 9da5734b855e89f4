//! The examples of the interactive reference: one for each operation; and the page that shows them
//! works without the internet. That they are right is shown by `authorization`, which executes each
//! with the least role that may.

use crate::reply::send;
use crate::running::Running;
use freshtrack_server::http::openapi_document;
use reqwest::Method;
use serde_json::Value;

#[test]
fn every_path_parameter_and_every_body_has_an_example() {
    let document: Value = serde_json::from_str(&openapi_document()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths").values();
    for operation in paths.flat_map(|item| item.as_object().expect("methods").values()) {
        let id = operation["operationId"].as_str().expect("an id");
        for described in operation["parameters"].as_array().unwrap_or(&Vec::new()) {
            if described["in"] == "path" {
                let name = described["name"].as_str().expect("a name");
                let shown = described.get("example").is_some();
                assert!(
                    shown,
                    "{id}: `{name}` is missing in src/http/v1/examples.json"
                );
            }
        }
        if let Some(body) = operation.get("requestBody") {
            let example = &body["content"]["application/json"]["example"];
            assert!(
                example.is_object(),
                "{id}: no body in src/http/v1/examples.json"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_needs_nothing_but_this_server() {
    let run = Running::start().await;
    let page = send(run.request(Method::GET, "/docs")).await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(policy.contains("connect-src 'self';"), "{policy}");
    assert!(!policy.contains("http"), "no host is allowed: {policy}");
    // Nothing is loaded by the page itself either, and it is told where the description is.
    let text = &page.text;
    for outside in ["<script src", "<link ", "@import"] {
        assert!(!text[..2_000].contains(outside), "{outside}");
    }
    assert!(text.contains(r#""url":"/api/v1/openapi.json","withDefaultFonts":false"#));
    assert!(text.contains("<title>FreshTrack API</title>"));
    let document = send(run.request(Method::GET, "/api/v1/openapi.json")).await;
    assert_eq!(
        document.expect(200),
        serde_json::from_str::<Value>(&openapi_document()).unwrap()
    );
}
