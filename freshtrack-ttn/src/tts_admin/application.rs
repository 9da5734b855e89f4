//! Rights, device lists and webhooks of an application on The Things Stack.

use super::{TtsAdmin, identity, regional};
use crate::ids::{ApplicationId, DeviceName, JoinEui};
use crate::ports::{DEVICES_MAX, LnsAdmin, WebhookRecord, WebhookSpec};
use crate::provisioning::diagnosis::Listed;
use crate::provisioning::fault::{FaultClass, LnsFault};
use crate::provisioning::rights::{Right, held};
use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Devices to a page; the network's own limit.
const PAGE: usize = 1_000;
/// The header our receiver reads; see [`crate::webhook`].
const SECRET_HEADER: &str = "X-Webhook-Secret";
/// What the network calls an event, and the path our receiver has for it.
const EVENTS: [(&str, &str); 11] = [
    ("uplink_message", "/uplink"),
    ("uplink_normalized", "/normalized"),
    ("join_accept", "/join"),
    ("downlink_ack", "/down"),
    ("downlink_nack", "/down"),
    ("downlink_sent", "/down"),
    ("downlink_failed", "/down"),
    ("downlink_queued", "/down"),
    ("downlink_queue_invalidated", "/down"),
    ("location_solved", "/location"),
    ("service_data", "/service"),
];

#[async_trait]
impl LnsAdmin for TtsAdmin {
    async fn rights(&self, application: &ApplicationId) -> Result<BTreeSet<Right>, LnsFault> {
        let path = format!("applications/{application}/rights");
        let url = identity(self.cluster.identity(), &path);
        let answer = self.call(Method::GET, url, None).await?;
        let names = answer.body["rights"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        Ok(held(names.iter().filter_map(Value::as_str)))
    }

    async fn devices(&self, application: &ApplicationId) -> Result<Vec<Listed>, LnsFault> {
        let mut devices = Vec::new();
        for page in 1..=DEVICES_MAX / PAGE {
            let path = format!(
                "applications/{application}/devices?field_mask=ids&limit={PAGE}&page={page}"
            );
            let url = identity(self.cluster.identity(), &path);
            let answer = self.call(Method::GET, url, None).await?;
            let listed = answer.body["end_devices"]
                .as_array()
                .map_or(&[][..], Vec::as_slice);
            devices.extend(listed.iter().filter_map(|device| {
                Some(Listed {
                    name: device["ids"]["device_id"].as_str()?.parse().ok()?,
                    dev_eui: device["ids"]["dev_eui"]
                        .as_str()
                        .and_then(|e| e.parse().ok()),
                })
            }));
            let all = answer.total.is_some_and(|total| page * PAGE >= total);
            if all || listed.is_empty() {
                return Ok(devices);
            }
        }
        Err(LnsFault::of(FaultClass::Refused))
    }

    async fn default_join_eui(&self) -> Result<JoinEui, LnsFault> {
        let url = regional(self.cluster.regional(), "js/default_join_eui");
        let answer = self.call(Method::GET, url, None).await?;
        let eui = answer.body["join_eui"]
            .as_str()
            .and_then(|e| e.parse().ok());
        eui.ok_or(LnsFault::of(FaultClass::Refused))
    }

    async fn put_webhook(&self, webhook: &WebhookSpec) -> Result<(), LnsFault> {
        let url = regional(
            self.cluster.regional(),
            &webhook_path(&webhook.application, &webhook.id),
        );
        self.call(Method::PUT, url, Some(&webhook_body(webhook)))
            .await?;
        // Fields outside the mask are dropped without a word, so what stands there is what counts.
        let read = self.webhook(webhook).await?;
        let as_wanted = read.is_some_and(|read| {
            read.base_url == webhook.base_url
                && read.presents_our_secret
                && EVENTS
                    .iter()
                    .all(|(event, path)| read.paths.iter().any(|(e, p)| e == event && p == path))
        });
        if as_wanted {
            Ok(())
        } else {
            Err(LnsFault {
                name: Some("webhook_not_as_written".to_owned()),
                ..LnsFault::of(FaultClass::Refused)
            })
        }
    }

    async fn webhook(&self, wanted: &WebhookSpec) -> Result<Option<WebhookRecord>, LnsFault> {
        let events: Vec<&str> = EVENTS.iter().map(|(event, _)| *event).collect();
        let path = format!(
            "{}?field_mask=base_url,headers,{}",
            webhook_path(&wanted.application, &wanted.id),
            events.join(",")
        );
        let found = self
            .look_up(regional(self.cluster.regional(), &path))
            .await?;
        Ok(found.map(|body| WebhookRecord {
            base_url: body["base_url"].as_str().unwrap_or_default().to_owned(),
            paths: EVENTS
                .iter()
                .filter_map(|(event, _)| {
                    let path = body[*event]["path"].as_str()?;
                    Some(((*event).to_owned(), path.to_owned()))
                })
                .collect(),
            presents_our_secret: body["headers"][SECRET_HEADER]
                .as_str()
                .is_some_and(|secret| secret.as_bytes() == wanted.secret.expose()),
        }))
    }

    async fn delete_webhook(
        &self,
        application: &ApplicationId,
        id: &DeviceName,
    ) -> Result<(), LnsFault> {
        let path = webhook_path(application, id);
        self.remove(regional(self.cluster.regional(), &path)).await
    }
}

fn webhook_path(application: &ApplicationId, id: &DeviceName) -> String {
    format!("as/webhooks/{application}/{id}")
}

fn webhook_body(webhook: &WebhookSpec) -> Value {
    let mut body = Map::new();
    body.insert(
        "ids".to_owned(),
        json!({
            "application_ids": {"application_id": webhook.application},
            "webhook_id": webhook.id,
        }),
    );
    body.insert("base_url".to_owned(), json!(webhook.base_url));
    body.insert("format".to_owned(), json!("json"));
    let secret = String::from_utf8_lossy(webhook.secret.expose()).into_owned();
    let mut headers = Map::new();
    headers.insert(SECRET_HEADER.to_owned(), Value::String(secret));
    body.insert("headers".to_owned(), Value::Object(headers));
    let mut paths = vec!["base_url", "format", "headers"];
    for (event, path) in EVENTS {
        body.insert(event.to_owned(), json!({"path": path}));
        paths.push(event);
    }
    json!({"webhook": body, "field_mask": {"paths": paths}})
}
