//! The routes of the fake network, and its own reasons to refuse.

use super::registry::Registry;
use super::{Fault, Half, Verb};
use crate::provisioning::plane::Plane;
use crate::provisioning::rights::{Job, held};
use serde_json::{Map, Value, json};

/// One request, taken apart.
pub(super) struct Asked<'a> {
    pub(super) half: Half,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) authorization: Option<&'a str>,
    pub(super) identified: bool,
    pub(super) body: &'a [u8],
}

/// One answer.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Value,
}

impl Reply {
    fn ok(body: Value) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body,
        }
    }

    fn error(status: u16, name: &str, attributes: &Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: json!({"code": 2, "message": "error:pkg/fake:" , "details": [{
                "@type": "type.googleapis.com/ttn.lorawan.v3.ErrorDetails",
                "namespace": "pkg/fake", "name": name, "attributes": attributes,
                "correlation_id": "5f3c0de1"}]}),
        }
    }

    fn absent() -> Self {
        Self::error(404, "end_device_not_found", &json!({}))
    }
}

/// The answer; `None` breaks the connection.
pub(super) fn answer(registry: &mut Registry, asked: &Asked<'_>) -> Option<Reply> {
    let line = format!("{} {}", asked.method, asked.path);
    registry.calls.push(line.clone());
    let expected = format!("Bearer {}", registry.key);
    if asked.authorization != Some(expected.as_str()) || !asked.identified {
        return Some(Reply::error(401, "api_key_not_found", &json!({})));
    }
    let parts: Vec<&str> = asked.path.split('/').skip(1).collect();
    match (asked.half, asked.method, parts.as_slice()) {
        (Half::Identity, "GET", ["api", "v3", "applications", _, "rights"]) => {
            Some(Reply::ok(json!({"rights": registry.rights})))
        }
        (Half::Identity, "GET", ["api", "v3", "applications", app, "devices"]) => {
            Some(list(registry, app, asked.query))
        }
        (Half::Identity, "POST", ["api", "v3", "applications", app, "devices"]) => {
            let name = body(asked)["end_device"]["ids"]["device_id"].clone();
            let name = name.as_str().unwrap_or_default().to_owned();
            device(registry, asked, Plane::Identity, (app, &name))
        }
        (
            Half::Identity,
            "GET" | "PUT" | "DELETE",
            ["api", "v3", "applications", app, "devices", name],
        ) => device(registry, asked, Plane::Identity, (app, name)),
        (
            Half::Regional,
            "GET" | "PUT" | "DELETE",
            [
                "api",
                "v3",
                server @ ("js" | "ns" | "as"),
                "applications",
                app,
                "devices",
                name,
            ],
        ) => {
            let plane = match *server {
                "js" => Plane::Join,
                "ns" => Plane::Network,
                _ => Plane::Application,
            };
            device(registry, asked, plane, (app, name))
        }
        (Half::Regional, "GET", ["api", "v3", "js", "default_join_eui"]) => {
            Some(Reply::ok(json!({"join_eui": "70B3D57ED0000000"})))
        }
        (Half::Regional, "GET" | "PUT" | "DELETE", ["api", "v3", "as", "webhooks", app, id]) => {
            Some(webhook(registry, asked, app, id))
        }
        _ => {
            registry.strays.push(line);
            Some(Reply::error(404, "route_not_found", &json!({})))
        }
    }
}

fn body(asked: &Asked<'_>) -> Value {
    serde_json::from_slice(asked.body).unwrap_or(Value::Null)
}

fn device(
    registry: &mut Registry,
    asked: &Asked<'_>,
    plane: Plane,
    id: (&str, &str),
) -> Option<Reply> {
    let verb = match asked.method {
        "GET" => Verb::Read,
        "DELETE" => Verb::Delete,
        _ => Verb::Write,
    };
    let fault = registry.fault(plane, verb);
    match fault {
        Some(Fault::LostRequest) => return None,
        Some(Fault::LostAnswer) => {
            apply(registry, asked, plane, verb, id);
            return None;
        }
        Some(Fault::Lie) => return Some(Reply::ok(json!({}))),
        Some(fault) => return Some(refusal(fault)),
        None => {}
    }
    let rights = held(registry.rights.iter().map(String::as_str));
    if !Job::ManageDevices.missing(&rights).is_empty() {
        return Some(refusal(Fault::Forbidden));
    }
    Some(apply(registry, asked, plane, verb, id))
}

fn refusal(fault: Fault) -> Reply {
    match fault {
        Fault::Unauthorized => Reply::error(401, "token_not_found", &json!({})),
        Fault::Forbidden => Reply::error(403, "no_application_rights", &json!({})),
        Fault::Taken => Reply::error(409, "duplicate_identifiers", &json!({})),
        Fault::RateLimited(seconds) => Reply {
            headers: vec![("X-Rate-Limit-Retry", seconds.to_string())],
            ..Reply::error(429, "rate_limit_exceeded", &json!({}))
        },
        Fault::Broken(status) => Reply::error(status, "unavailable", &json!({})),
        Fault::LostRequest | Fault::LostAnswer | Fault::Lie => Reply::ok(json!({})),
    }
}

fn apply(
    registry: &mut Registry,
    asked: &Asked<'_>,
    plane: Plane,
    verb: Verb,
    id: (&str, &str),
) -> Reply {
    match verb {
        Verb::Read => registry
            .find(plane, id.0, id.1)
            .map_or_else(Reply::absent, |record| Reply::ok(record.clone())),
        Verb::Delete if registry.delete(plane, id.0, id.1) => Reply::ok(json!({})),
        Verb::Delete => Reply::absent(),
        Verb::Write => write(registry, asked, plane, id),
    }
}

fn write(registry: &mut Registry, asked: &Asked<'_>, plane: Plane, id: (&str, &str)) -> Reply {
    let body = body(asked);
    let device = &body["end_device"];
    let paths: Vec<&str> = body["field_mask"]["paths"]
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let dev_eui = device["ids"]["dev_eui"].as_str().unwrap_or_default();
    if dev_eui.is_empty() || device["ids"]["device_id"] != id.1 || paths.is_empty() {
        return Reply::error(400, "validation", &json!({}));
    }
    if let Some(refused) = taken(registry, asked, plane, id, dev_eui) {
        return refused;
    }
    let mut record = registry
        .find(plane, id.0, id.1)
        .cloned()
        .unwrap_or_else(|| json!({"ids": device["ids"]}));
    if record["ids"]["dev_eui"] != dev_eui {
        return Reply::error(400, "validation", &json!({}));
    }
    // Like the network's: what the mask does not name is dropped without a word.
    for path in paths.iter().filter(|path| !path.starts_with("ids.")) {
        let top = path.split('.').next().unwrap_or_default();
        record[top] = device[top].clone();
    }
    let complete = match plane {
        Plane::Identity => record["join_server_address"].is_string(),
        Plane::Join => record["root_keys"]["app_key"]["key"].is_string(),
        Plane::Network => {
            record["supports_join"] == true
                && record["lorawan_phy_version"].is_string()
                && record["frequency_plan_id"].is_string()
        }
        Plane::Application => true,
    };
    if !complete {
        return Reply::error(400, "field_mask", &json!({}));
    }
    registry.store(plane, id.0, id.1, record.clone());
    Reply::ok(record)
}

/// The network's reasons why ids cannot be had.
fn taken(
    registry: &Registry,
    asked: &Asked<'_>,
    plane: Plane,
    id: (&str, &str),
    dev_eui: &str,
) -> Option<Reply> {
    if plane != Plane::Identity {
        if registry.find(Plane::Identity, id.0, id.1).is_none() {
            return Some(Reply::absent());
        }
        let holder = registry.holder(plane, dev_eui, id);
        return holder.map(|_| Reply::error(409, "duplicate_identifiers", &json!({})));
    }
    if registry.is_elsewhere(dev_eui) {
        return Some(Reply::error(
            409,
            "end_device_euis_taken_in_other_tenant",
            &json!({}),
        ));
    }
    let exists = registry.find(Plane::Identity, id.0, id.1).is_some();
    if asked.method == "POST" && exists {
        return Some(Reply::error(409, "id_taken", &json!({})));
    }
    if asked.method == "PUT" && !exists {
        return Some(Reply::absent());
    }
    // What other planes still hold without an identity reserves the ids too.
    let leftovers = Plane::ALL.into_iter().filter(|other| *other != plane);
    let leftover = (!exists)
        .then(|| {
            leftovers
                .into_iter()
                .find_map(|p| registry.holder(p, dev_eui, ("", "")))
        })
        .flatten();
    let holder = registry.holder(plane, dev_eui, id).or(leftover);
    holder.map(|(application, device)| {
        Reply::error(
            409,
            "end_device_euis_taken",
            &json!({"application_id": application, "device_id": device}),
        )
    })
}

fn list(registry: &Registry, application: &str, query: &str) -> Reply {
    let number = |name: &str| {
        query.split('&').find_map(|pair| {
            pair.strip_prefix(name)?
                .strip_prefix('=')?
                .parse::<usize>()
                .ok()
        })
    };
    let all = registry.devices(application);
    let limit = number("limit").unwrap_or(20).clamp(1, 1_000);
    let page = number("page").unwrap_or(1).max(1);
    let total = all.len();
    let shown: Vec<Value> = all
        .into_iter()
        .skip((page - 1) * limit)
        .take(limit)
        .collect();
    Reply {
        headers: vec![("X-Total-Count", total.to_string())],
        ..Reply::ok(json!({"end_devices": shown}))
    }
}

fn webhook(registry: &mut Registry, asked: &Asked<'_>, application: &str, id: &str) -> Reply {
    let rights = held(registry.rights.iter().map(String::as_str));
    if !Job::ManageWebhook.missing(&rights).is_empty() {
        return refusal(Fault::Forbidden);
    }
    let stored = registry.webhook(application, id).cloned();
    match (asked.method, stored) {
        ("GET", Some(stored)) => Reply::ok(stored),
        ("DELETE", Some(_)) => {
            registry.set_webhook(application, id, None);
            Reply::ok(json!({}))
        }
        ("GET" | "DELETE", None) => Reply::error(404, "webhook_not_found", &json!({})),
        (_, stored) => {
            let body = body(asked);
            let mut record = match stored {
                Some(Value::Object(record)) => record,
                _ => Map::new(),
            };
            let masked = body["field_mask"]["paths"].as_array();
            for path in masked.into_iter().flatten().filter_map(Value::as_str) {
                record.insert(path.to_owned(), body["webhook"][path].clone());
            }
            registry.set_webhook(application, id, Some(Value::Object(record.clone())));
            Reply::ok(Value::Object(record))
        }
    }
}
