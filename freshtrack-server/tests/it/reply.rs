//! An answer of the server, read whole.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// Status, headers and body.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// Sends a request and reads the answer.
pub(crate) async fn send(request: reqwest::RequestBuilder) -> Reply {
    let answer = request.send().await.expect("the server answers");
    Reply {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        text: answer.text().await.expect("the answer is whole"),
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("headers are text"))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{}: not JSON ({error}): {}", self.status, self.text))
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// The body of an answer that must be this problem, complete in every part that clients rely on.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.text
        );
        let body = self.json();
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["status"], status, "{body}");
        assert_eq!(body["type"], format!("urn:freshtrack:problem:{code}"));
        assert!(
            body["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty())
        );
        let request = self.header("x-request-id");
        assert!(request.parse::<uuid::Uuid>().is_ok(), "{request}");
        assert_eq!(body["instance"], request, "{body}");
        assert_eq!(
            self.header("www-authenticate").starts_with("Bearer"),
            status == 401,
            "a 401 and nothing else says how to authenticate"
        );
        for inside in ["sqlx", "SELECT", "panicked", "src/", "stack"] {
            assert!(!self.text.contains(inside), "{}", self.text);
        }
        body
    }
}
