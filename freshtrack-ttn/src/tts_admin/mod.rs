//! The Things Stack's management API over HTTP.
//!
//! Source: The Things Stack API reference, end devices, application rights, webhooks. Identity calls go to
//! one host and all others to another; which is which is in the types of [`Cluster`]. A key is sent to
//! these hosts only: redirects are the given client's to refuse.

mod answer;
mod application;
mod planes;

use crate::provisioning::cluster::{Cluster, IdentityHost, RegionalHost};
use crate::provisioning::enrolment::DeviceRef;
use crate::provisioning::fault::{FaultClass, LnsFault};
use crate::secrets::ApiKey;
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer that is read: a page of a thousand devices.
const ANSWER_MAX: usize = 4 * 1024 * 1024;
/// What we say we are; the network refuses anonymous clients.
const USER_AGENT: &str = concat!("freshtrack-ttn/", env!("CARGO_PKG_VERSION"));

/// [`DevicePlanes`](crate::ports::DevicePlanes) and [`LnsAdmin`](crate::ports::LnsAdmin) on The Things Stack.
pub struct TtsAdmin {
    http: reqwest::Client,
    cluster: Cluster,
    key: ApiKey,
}

impl std::fmt::Debug for TtsAdmin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TtsAdmin")
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

/// A URL on one of the two halves; only these functions make one.
struct Url(String);

fn identity(host: &IdentityHost, path: &str) -> Url {
    Url(format!("{}/api/v3/{path}", host.base()))
}

fn regional(host: &RegionalHost, path: &str) -> Url {
    Url(format!("{}/api/v3/{path}", host.base()))
}

/// What a call came back with.
struct Answer {
    body: Value,
    /// `X-Total-Count` of a list.
    total: Option<usize>,
}

impl TtsAdmin {
    /// A network, and the key for it. The client should follow no redirect: a key does not travel on.
    #[must_use]
    pub const fn new(http: reqwest::Client, cluster: Cluster, key: ApiKey) -> Self {
        Self { http, cluster, key }
    }

    /// One call; what the network refused is a fault.
    async fn call(
        &self,
        method: Method,
        url: Url,
        body: Option<&Value>,
    ) -> Result<Answer, LnsFault> {
        let mut request = self
            .http
            .request(method, url.0)
            .bearer_auth(self.key.expose())
            .header(reqwest::header::USER_AGENT, USER_AGENT)
            .timeout(TIMEOUT);
        if let Some(body) = body {
            request = request.json(body);
        }
        // Whatever breaks before an answer is complete leaves the outcome open.
        let unknown = |_: reqwest::Error| LnsFault::of(FaultClass::OutcomeUnknown);
        let mut response = request.send().await.map_err(unknown)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unknown)? {
            if bytes.len() + chunk.len() > ANSWER_MAX {
                return Err(LnsFault::of(FaultClass::OutcomeUnknown));
            }
            bytes.extend_from_slice(&chunk);
        }
        let body = serde_json::from_slice(&bytes);
        if response.status().is_success() {
            let total = answer::header(response.headers(), "x-total-count");
            return match body {
                Ok(body) => Ok(Answer { body, total }),
                Err(_) if bytes.is_empty() => Ok(Answer {
                    body: Value::Null,
                    total,
                }),
                Err(_) => Err(LnsFault::of(FaultClass::OutcomeUnknown)),
            };
        }
        let body = body.unwrap_or(Value::Null);
        Err(answer::fault(
            response.status().as_u16(),
            response.headers(),
            &body,
        ))
    }

    /// A call whose object may not be there.
    async fn look_up(&self, url: Url) -> Result<Option<Value>, LnsFault> {
        match self.call(Method::GET, url, None).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(fault) if fault.class == FaultClass::Absent => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// A removal: what is gone is gone.
    async fn remove(&self, url: Url) -> Result<(), LnsFault> {
        match self.call(Method::DELETE, url, None).await {
            Err(fault) if fault.class != FaultClass::Absent => Err(fault),
            _ => Ok(()),
        }
    }
}

fn device_path(device: &DeviceRef) -> String {
    format!(
        "applications/{}/devices/{}",
        device.application, device.name
    )
}
