//! Every operation against every kind of caller that must not do it, generated from the document and
//! the permission table: an operation that nobody thought of fails here.

use crate::reply::{Reply, send};
use crate::running::Running;
use freshtrack_core::principal::{Role, Scope};
use freshtrack_core::time::Span;
use freshtrack_server::http::examples;
use freshtrack_server::http::permissions::{Operation, Requirement};
use freshtrack_server::onboarding::Onboarded;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Length of a UUID in text; other names in paths are words.
const UUID_CHARS: usize = 36;

/// About the person who asks, whatever the organization: any valid token will do.
const OF_THE_PERSON: [&str; 4] = [
    "create_organization",
    "get_me",
    "list_organizations",
    "list_rule_presets",
];

/// Operations that the document cannot describe: a stream of two transports. May only shrink.
const NOT_IN_THE_DOCUMENT: [&str; 1] = ["stream"];
/// Operations whose organization comes from the key alone, so that no path can name another one.
/// May only shrink.
const WITHOUT_ORGANIZATION: [&str; 1] = ["ingest_readings"];

/// Operations of which the least role sees only what is its own: somebody else's is not there. May only
/// shrink.
const OWN_ROWS_BELOW_ADMIN: [&str; 1] = ["get_audit_event"];

/// One operation as it is called.
struct Call {
    id: String,
    method: Method,
    /// With `{name}` for its parameters.
    path: String,
    body: Option<Value>,
}

/// Ids that paths and bodies name, of one organization.
struct Names {
    org: String,
    ids: BTreeMap<&'static str, String>,
}

impl Names {
    async fn of(run: &Running, owner: &str, made: &Onboarded) -> Self {
        let org = made.organization.to_string();
        let path = |rest: &str| format!("/api/v1/organizations/{org}{rest}");
        let post = async |rest: &str, body: Value| {
            run.post_as(owner, &path(rest), &body).await.expect(201)
        };
        let device = post("/devices", json!({ "name": "probe", "unit_id": made.unit })).await;
        let connection = post("/ttn-connections", json!({ "name": "TTS" })).await;
        let key = json!({ "name": "to be revoked", "scopes": ["read"] });
        let key = post("/api-keys", key).await;
        let at = |minutes| (run.now() - Span::from_minutes(minutes)).to_string();
        let reading = json!({ "readings": [
            { "unit_id": made.unit, "recorded_at": at(10), "temperature": 4 },
            { "unit_id": made.unit, "recorded_at": at(5), "temperature": 4 },
            { "unit_id": made.unit, "recorded_at": at(0), "temperature": 20 }
        ]});
        let request = run.request(Method::POST, "/api/v1/ingest/readings");
        send(request.header("x-api-key", &made.api_key).json(&reading))
            .await
            .expect(200);
        let alerts = run
            .request(Method::GET, &path("/alerts"))
            .bearer_auth(owner);
        let alerts = send(alerts).await.expect(200);
        let text = |value: &Value| value.as_str().expect("an id").to_owned();
        let alert = text(&alerts["items"][0]["id"]);
        let snooze = run.request(Method::POST, &path(&format!("/alerts/{alert}/snooze")));
        send(snooze.bearer_auth(owner).json(&json!({ "for": "30m" })))
            .await
            .expect(200);
        let quiet = run
            .request(Method::GET, &path("/suppressions"))
            .bearer_auth(owner);
        let quiet = send(quiet).await.expect(200);
        let action = json!({ "unit_id": made.unit, "description": "closed the door" });
        let action = post("/corrective-actions", action).await;
        let colleague = run.person(&format!("colleague@{org}.example")).await;
        run.set_role(made.organization, &colleague, Role::Staff)
            .await;
        Self {
            ids: BTreeMap::from([
                ("user_id", colleague.id.to_string()),
                ("owner_id", made.owner.id.to_string()),
                ("scope", "unit".to_owned()),
                ("scope_id", made.unit.to_string()),
                ("field", "confirm_closed_seconds".to_owned()),
                ("unit_id", made.unit.to_string()),
                ("site_id", made.site.to_string()),
                ("area_id", made.area.to_string()),
                ("device_id", text(&device["id"])),
                ("connection_id", text(&connection["connection"]["id"])),
                ("key_id", text(&key["api_key"]["id"])),
                ("alert_id", alert),
                ("seq", "1".to_owned()),
                ("suppression_id", text(&quiet["items"][0]["id"])),
                ("action_id", text(&action["id"])),
            ]),
            org,
        }
    }
}

/// A body that its operation takes; an operation with a body and without a line here fails the test.
fn body(id: &str, of: &Names) -> Option<Value> {
    Some(match id {
        "create_site" => json!({ "name": "Annex" }),
        "update_site"
        | "update_area"
        | "update_unit"
        | "update_device"
        | "update_organization"
        | "update_ttn_connection" => json!({ "name": "Renamed" }),
        "rotate_api_key" => json!({}),
        "create_area" => json!({ "name": "Cellar", "site_id": of.ids["site_id"] }),
        "create_unit" => {
            json!({ "name": "Second", "area_id": of.ids["area_id"], "unit_type": "freezer" })
        }
        "create_device" => json!({ "name": "second probe", "unit_id": of.ids["unit_id"] }),
        "assign_device" => json!({ "unit_id": of.ids["unit_id"], "is_primary": true }),
        "create_ttn_connection" => json!({ "name": "TTN" }),
        "create_api_key" => json!({ "name": "second", "scopes": ["read"] }),
        "acknowledge_alert" => json!({ "note": "I have it" }),
        "create_organization" => json!({ "name": "Third" }),
        "change_member" => json!({ "role": "viewer" }),
        "transfer_ownership" => json!({ "user_id": of.ids["owner_id"] }),
        "try_rules" => json!({ "rule": { "confirm_closed_seconds": 700 } }),
        "snooze_alert" => json!({ "for": "30m" }),
        "create_suppression" => json!({
            "scope": "unit", "scope_id": of.ids["unit_id"], "kind": "maintenance",
            "ends_at": "2026-03-02T13:00:00Z",
        }),
        "create_manual_log" => json!({ "temperature": 3.5 }),
        "create_corrective_action" => {
            json!({ "unit_id": of.ids["unit_id"], "description": "closed the door" })
        }
        "create_calibration" => json!({ "temperature_offset": { "value": 0.1, "unit": "C" } }),
        "set_rules" => json!({ "fields": { "confirm_closed_seconds": 700 } }),
        "resolve_alert" => json!({ "note": "door was open" }),
        "ingest_readings" => json!({ "readings": [
            { "unit_id": of.ids["unit_id"], "recorded_at": "2026-03-02T11:59:00Z", "temperature": 4 }
        ]}),
        _ => return None,
    })
}

/// The body that the document shows as example, with ids of real things in the place of those it names.
fn example(operation: &Value, of: &Names) -> Option<Value> {
    let example = operation.pointer("/requestBody/content/application~1json/example")?;
    let mut text = example.to_string();
    for (name, id) in &of.ids {
        if let Some(Value::String(shown)) = examples::id(name)
            && shown.len() == UUID_CHARS
        {
            text = text.replace(shown.as_str(), id);
        }
    }
    Some(serde_json::from_str(&text).expect("JSON as before"))
}

fn calls(of: &Names) -> Vec<Call> {
    let document: Value =
        serde_json::from_str(&freshtrack_server::http::openapi_document()).expect("JSON");
    let mut calls: Vec<Call> = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            let id = operation["operationId"].as_str().expect("an id").to_owned();
            let body = example(operation, of).or_else(|| body(&id, of));
            let wants_body = operation.get("requestBody").is_some();
            assert_eq!(
                body.is_some(),
                wants_body,
                "{id} needs an example: a body in src/http/v1/examples.json"
            );
            calls.push(Call {
                method: method.to_uppercase().parse().expect("a method"),
                path: format!("/api/v1{}", path.trim_start_matches("/api/v1")),
                body,
                id,
            });
        }
    }
    for id in NOT_IN_THE_DOCUMENT {
        assert!(
            calls.iter().all(|call| call.id != id),
            "{id} is documented by now"
        );
    }
    calls.push(Call {
        id: "stream".to_owned(),
        method: Method::GET,
        path: "/api/v1/stream?organization_id={org_id}".to_owned(),
        body: None,
    });
    // What is done to an alert comes before closing it, and the archive after everything else.
    calls.sort_by_key(|call| (archive_order(&call.id), call.id.clone()));
    calls
}

/// What is archived comes back before what it stands in is archived.
fn archive_order(id: &str) -> usize {
    [
        "resolve_alert",
        "revoke_api_key",
        "remove_ttn_connection",
        "archive_device",
        "restore_device",
        "archive_unit",
        "restore_unit",
        "archive_area",
        "restore_area",
        "archive_site",
        "restore_site",
    ]
    .iter()
    .position(|other| *other == id)
    .map_or(0, |place| place + 1)
}

impl Call {
    /// The path in `org`, with further ids of `of`.
    fn path(&self, org: &str, of: &Names) -> String {
        let mut path = self.path.replace("{org_id}", org);
        for (name, id) in &of.ids {
            path = path.replace(&format!("{{{name}}}"), id);
        }
        assert!(!path.contains('{'), "{} needs a case: {path}", self.id);
        path
    }

    async fn send(&self, run: &Running, path: &str, credential: Option<&str>) -> Reply {
        let mut request = run
            .request(self.method.clone(), path)
            .header("accept", "text/event-stream, application/json");
        if let Some(body) = &self.body {
            request = request.json(body);
        }
        request = match credential {
            Some(key) if key.starts_with("ftk_") => request.header("x-api-key", key),
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        if self.id == "stream" && credential.is_some() {
            return first_bytes(request).await;
        }
        send(request).await
    }

    fn operation(&self) -> Operation {
        let found = Operation::ALL
            .iter()
            .find(|operation| operation.id() == self.id);
        *found.unwrap_or_else(|| panic!("{} is in no line of the permission table", self.id))
    }
}

/// A stream has no end: its status and headers are enough, unless it was refused.
async fn first_bytes(request: reqwest::RequestBuilder) -> Reply {
    let answer = request.send().await.expect("the server answers");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = if status == 200 {
        String::new()
    } else {
        answer.text().await.expect("a body")
    };
    Reply {
        status,
        headers,
        text,
    }
}

#[test]
fn the_table_and_the_document_name_the_same_operations() {
    let names = Names {
        org: String::new(),
        ids: ["site_id", "area_id", "unit_id", "owner_id"]
            .map(|name| (name, String::new()))
            .into(),
    };
    let mut documented: Vec<_> = calls(&names)
        .into_iter()
        .map(|call| call.id)
        .filter(|id| !OF_THE_PERSON.contains(&id.as_str()))
        .collect();
    let mut table: Vec<_> = Operation::ALL.iter().map(|o| o.id().to_owned()).collect();
    documented.sort();
    table.sort();
    assert_eq!(documented, table);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_without_a_valid_credential() {
    let run = Running::start().await;
    let names = Names::of(&run, &run.owner, &run.home).await;
    let gone = run.person("gone@home.example").await;
    let long_ago = run.now() - Span::from_minutes(120);
    let expired =
        freshtrack_server::identity::sign(&run.key, &gone, long_ago, Span::from_minutes(5))
            .unwrap();
    let (id, revoked) = run.make_key(&["ingest", "read"]).await;
    run.revoke_key(&id).await;
    let ended = run.make_key_until(run.now() + Span::from_seconds(60)).await;
    run.advance(61);
    for call in calls(&names) {
        let path = call.path(&names.org, &names);
        for (credential, code) in [
            (None, "unauthenticated"),
            (Some(expired.as_str()), "token-expired"),
            (Some(revoked.as_str()), "key-invalid"),
            (Some(ended.as_str()), "key-expired"),
            (Some("garbage"), "token-invalid"),
        ] {
            let answer = call.send(&run, &path, credential).await;
            assert_eq!(answer.status, 401, "{} with {credential:?}", call.id);
            answer.problem(401, code);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_organization_is_not_there_at_all() {
    let run = Running::start().await;
    let names = Names::of(&run, &run.owner, &run.home).await;
    let (next, outsider) = run.neighbour().await;
    let foreign = Names::of(&run, &outsider, &next).await;
    let path = format!("/api/v1/organizations/{}/api-keys", next.organization);
    let body = json!({ "name": "all", "scopes": ["ingest", "read"] });
    let key = run.post_as(&outsider, &path, &body).await.expect(201);
    let key = key["key"].as_str().unwrap();
    for call in calls(&names) {
        let path = call.path(&names.org, &names);
        if WITHOUT_ORGANIZATION.contains(&call.id.as_str()) {
            // The key's organization is the only one there is, and the unit is none of it.
            let answer = call.send(&run, &path, Some(key)).await.expect(200);
            assert_eq!(answer["counts"]["rejected"], 1, "{}: {answer}", call.id);
            assert_eq!(answer["results"][0]["reason"], "unknown_unit", "{answer}");
            continue;
        }
        if OF_THE_PERSON.contains(&call.id.as_str()) {
            let answer = call.send(&run, &path, Some(&outsider)).await;
            assert!(answer.status < 300, "{}: {}", call.id, answer.text);
            let of_home = [&names.org, &names.ids["owner_id"], &names.ids["unit_id"]];
            for id in of_home {
                assert!(!answer.text.contains(id), "{}: {}", call.id, answer.text);
            }
            continue;
        }
        for credential in [outsider.as_str(), key] {
            let answer = call.send(&run, &path, Some(credential)).await;
            assert_eq!(answer.status, 404, "{}: {}", call.id, answer.text);
            answer.problem(404, "not-found");
        }
        // Somebody else's things are not found in one's own organization either.
        let mine_with_theirs = call.path(&names.org, &foreign);
        if mine_with_theirs != path {
            let answer = call.send(&run, &mine_with_theirs, Some(&run.owner)).await;
            assert_eq!(answer.status, 404, "{}: {}", call.id, answer.text);
        }
    }
    for call in calls(&foreign) {
        let names_theirs = call.body.as_ref().is_some_and(|body| {
            let body = body.to_string();
            let mut uuids = foreign.ids.values().filter(|id| id.len() == UUID_CHARS);
            uuids.any(|id| body.contains(id))
        });
        if names_theirs && !WITHOUT_ORGANIZATION.contains(&call.id.as_str()) {
            let path = call.path(&names.org, &names);
            let answer = call.send(&run, &path, Some(&run.owner)).await;
            assert_eq!(
                answer.status, 404,
                "{} by its body: {}",
                call.id, answer.text
            );
        }
    }
}

/// The role below, if there is one.
fn below(role: Role) -> Option<Role> {
    [
        Role::Viewer,
        Role::Staff,
        Role::Manager,
        Role::Admin,
        Role::Owner,
    ]
    .into_iter()
    .rev()
    .find(|other| *other < role)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_takes_its_least_role_and_nobody_below() {
    let run = Running::start().await;
    let names = Names::of(&run, &run.owner, &run.home).await;
    let (_, read) = run.make_key(&["read"]).await;
    let person = run.person("somebody@home.example").await;
    let token = run.token(&person);
    for call in calls(&names) {
        let path = call.path(&names.org, &names);
        if OF_THE_PERSON.contains(&call.id.as_str()) {
            // Any person may, and no machine is one.
            for key in [&run.home.api_key, &read] {
                let answer = call.send(&run, &path, Some(key)).await;
                answer.problem(403, "scope-missing");
            }
            let nobody = run.token(&run.person("nobody@home.example").await);
            let answer = call.send(&run, &path, Some(&nobody)).await;
            assert!(answer.status < 300, "{}: {}", call.id, answer.text);
            continue;
        }
        let operation = call.operation();
        match operation.requirement() {
            Requirement::Role(least) => {
                if let Some(lower) = below(least) {
                    run.set_role(run.home.organization, &person, lower).await;
                    let answer = call.send(&run, &path, Some(&token)).await;
                    assert_eq!(answer.status, 403, "{} as {lower:?}", call.id);
                    answer.problem(403, "role-too-low");
                }
                // A key with another scope is the caller below a viewer.
                let answer = call.send(&run, &path, Some(&run.home.api_key)).await;
                assert_eq!(answer.status, 403, "{} with an ingest key", call.id);
                answer.problem(403, "scope-missing");
                let answer = call.send(&run, &path, Some(&read)).await;
                let open = operation.open_to_read_keys();
                let own = OWN_ROWS_BELOW_ADMIN.contains(&call.id.as_str());
                let wanted = match (open, own) {
                    (true, false) => 200,
                    (true, true) => 404,
                    (false, _) => 403,
                };
                assert_eq!(answer.status, wanted, "{} with a read key", call.id);
                assert!(!open || call.method == Method::GET, "read keys only read");
                run.set_role(run.home.organization, &person, least).await;
                let answer = call.send(&run, &path, Some(&token)).await;
                let done = matches!(answer.status, 200 | 201 | 204) || own && answer.status == 404;
                assert!(done, "{} as {least:?}: {}", call.id, answer.text);
            }
            Requirement::Key(scope) => {
                assert_eq!(scope, Scope::Ingest, "{} needs a case", call.id);
                for credential in [read.as_str(), token.as_str(), run.owner.as_str()] {
                    let answer = call.send(&run, &path, Some(credential)).await;
                    assert_eq!(answer.status, 403, "{}: {}", call.id, answer.text);
                    answer.problem(403, "scope-missing");
                }
                let answer = call.send(&run, &path, Some(&run.home.api_key)).await;
                assert_eq!(answer.status, 200, "{}: {}", call.id, answer.text);
            }
        }
    }
}
