//! The demo's HTTP client: the routes that everybody else uses.

use crate::identity;
use anyhow::{Context, ensure};
use freshtrack_core::ids::OrgId;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// A request that takes longer has failed.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Talks to the demo's server as its owner and as its sensors.
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    organization: String,
    token: String,
    api_key: String,
    accepted: AtomicU64,
}

impl Client {
    pub(super) fn new(
        address: SocketAddr,
        org: OrgId,
        token: &str,
        api_key: &str,
    ) -> anyhow::Result<Self> {
        identity::install_tls();
        let base = format!("http://{address}/api/v1");
        Ok(Self {
            http: reqwest::Client::builder()
                .build()
                .context("building the HTTP client")?,
            organization: format!("{base}/organizations/{org}"),
            base,
            token: token.to_owned(),
            api_key: api_key.to_owned(),
            accepted: AtomicU64::new(0),
        })
    }

    pub(super) async fn create_unit(
        &self,
        area: Uuid,
        name: &str,
        unit_type: &str,
    ) -> anyhow::Result<Uuid> {
        let body = json!({ "area_id": area, "name": name, "unit_type": unit_type });
        let unit = self
            .post(&format!("{}/units", self.organization), &body)
            .await?;
        let id = unit["id"].as_str().context("a unit without id")?;
        Ok(id.parse()?)
    }

    pub(super) async fn post_readings(&self, readings: &[Value]) -> anyhow::Result<()> {
        let answer = self
            .http
            .post(format!("{}/ingest/readings", self.base))
            .header("x-api-key", &self.api_key)
            .timeout(ANSWER_WITHIN)
            .json(&json!({ "readings": readings }))
            .send()
            .await?
            .error_for_status()?;
        let answer: Value = answer.json().await?;
        let accepted = answer["counts"]["accepted"].as_u64().unwrap_or(0);
        ensure!(
            accepted == readings.len() as u64,
            "not every reading was accepted: {answer}"
        );
        self.accepted.fetch_add(accepted, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn readings_accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Takes an alert. One that ended while the person was on the way is no failure.
    pub(super) async fn acknowledge(&self, alert: Uuid) -> anyhow::Result<()> {
        let url = format!("{}/alerts/{alert}/acknowledge", self.organization);
        let body = json!({ "note": "on my way" });
        let (status, answer) = self.send(&url, &body).await?;
        ensure!(
            status.is_success() || answer["code"] == "alert-resolved",
            "{url} answered {status}: {answer}"
        );
        Ok(())
    }

    /// Every alert, newest first.
    pub(super) async fn alerts(&self) -> anyhow::Result<Vec<Value>> {
        let mut alerts = Vec::new();
        let mut after = String::new();
        loop {
            let url = format!(
                "{}/alerts?limit=200&temperature_unit=C{after}",
                self.organization
            );
            let answer = self
                .http
                .get(url)
                .bearer_auth(&self.token)
                .timeout(ANSWER_WITHIN);
            let mut page: Value = answer.send().await?.error_for_status()?.json().await?;
            if let Value::Array(items) = page["items"].take() {
                alerts.extend(items);
            }
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(alerts),
            }
        }
    }

    /// The live stream, open until it is dropped.
    pub(super) async fn stream(&self) -> anyhow::Result<reqwest::Response> {
        let request = self
            .http
            .get(format!("{}/stream", self.base))
            .bearer_auth(&self.token)
            .header("accept", "text/event-stream");
        Ok(request.send().await?.error_for_status()?)
    }

    async fn post(&self, url: &str, body: &Value) -> anyhow::Result<Value> {
        let (status, value) = self.send(url, body).await?;
        ensure!(status.is_success(), "{url} answered {status}: {value}");
        Ok(value)
    }

    async fn send(&self, url: &str, body: &Value) -> anyhow::Result<(reqwest::StatusCode, Value)> {
        let request = self
            .http
            .post(url)
            .bearer_auth(&self.token)
            .timeout(ANSWER_WITHIN);
        let answer = request.json(body).send().await?;
        let status = answer.status();
        Ok((status, answer.json().await?))
    }
}
