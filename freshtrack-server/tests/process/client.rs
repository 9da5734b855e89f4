//! A tenant and its HTTP client.

use crate::program::{end_of, freshtrack};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// A request that takes longer has failed.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// An organization, as `bootstrap --json` made it, and a way to reach its server.
#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    pub(crate) made: Value,
    pub(crate) base: String,
    pub(crate) http: reqwest::Client,
}

impl Tenant {
    /// Makes an organization with a fridge by the command line.
    pub(crate) async fn bootstrap(folder: &Path, database: &str, base: &str) -> Self {
        let mut command = freshtrack(folder);
        command.args(["bootstrap", "--json", "--organization", "Torture Diner"]);
        command.args(["--owner", "owner@torture.example", "--database", database]);
        command.args(["--public-url", base]);
        let ended = end_of(&mut command).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        freshtrack_server::identity::install_tls();
        Self {
            made: serde_json::from_str(&ended.stdout).expect("one JSON object"),
            base: base.to_owned(),
            http: reqwest::Client::builder()
                .timeout(ANSWER_WITHIN)
                .build()
                .expect("a client can be made"),
        }
    }

    /// A field of what was made.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.made[name]
            .as_str()
            .unwrap_or_else(|| panic!("`{name}` is missing"))
    }

    /// The address of something of this organization.
    pub(crate) fn url(&self, path: &str) -> String {
        let org = self.field("organization_id");
        format!("{}/api/v1/organizations/{org}{path}", self.base)
    }

    /// Reads something as the owner.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.get_as(self.field("owner_token"), path).await;
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }

    /// Reads something with any token: status and body.
    pub(crate) async fn get_as(&self, token: &str, path: &str) -> (u16, Value) {
        answer(self.http.get(self.url(path)).bearer_auth(token)).await
    }

    /// Posts something with any token: status and body.
    pub(crate) async fn post_as(&self, token: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(self.url(path)).bearer_auth(token);
        answer(request.json(body)).await
    }

    /// Makes something as the owner; its id.
    pub(crate) async fn create(&self, path: &str, body: &Value) -> String {
        let (status, made) = self.post_as(self.field("owner_token"), path, body).await;
        assert_eq!(status, 201, "POST {path}: {made}");
        made["id"]
            .as_str()
            .expect("what is made has an id")
            .to_owned()
    }

    /// Another fridge; its id.
    pub(crate) async fn fridge(&self, name: &str) -> String {
        let body = json!({ "area_id": self.field("area_id"), "name": name, "unit_type": "fridge" });
        self.create("/units", &body).await
    }

    /// Posts a batch with the ingest key: the answer of a 200, or nothing.
    pub(crate) async fn ingest(&self, batch: &Value) -> Option<Value> {
        let request = self
            .http
            .post(format!("{}/api/v1/ingest/readings", self.base))
            .header("x-api-key", self.field("api_key"))
            .json(batch);
        let response = request.send().await.ok()?;
        if response.status() != 200 {
            return None;
        }
        response.json().await.ok()
    }

    /// Every item of a paged list.
    pub(crate) async fn all(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut after = String::new();
        loop {
            let mark = if path.contains('?') { '&' } else { '?' };
            let mut page = self.get(&format!("{path}{mark}limit=200{after}")).await;
            if let Value::Array(rows) = page["items"].take() {
                items.extend(rows);
            }
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return items,
            }
        }
    }
}

/// Status and body, null where there is none.
pub(crate) async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("the server answers");
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or(Value::Null))
}
