//! What holds for every request: repeated ones, allowances, other origins, headers; and keys that take
//! over from one another.

use crate::house::{Answer, House, Person};
use freshtrack_core::principal::Role;
use freshtrack_core::time::Span;
use reqwest::Method;
use serde_json::{Value, json};

async fn once(house: &House, who: &Person, key: &str, path: &str, body: &Value) -> Answer {
    let headers = [("idempotency-key", key)];
    house
        .send(who, Method::POST, path, Some(body), &headers)
        .await
}

pub(crate) async fn a_repeated_request_is_done_once_and_answered_alike(house: &House) {
    let (owner, sites) = (&house.owner, house.path("/sites"));
    let body = json!({ "name": "Annex" });
    let first = once(house, owner, "k-1", &sites, &body).await;
    let location = first.header("location").to_owned();
    let made = first.with(201);
    let again = once(house, owner, "k-1", &sites, &body).await;
    assert_eq!(again.header("location"), location);
    assert_eq!(again.header("etag"), "\"1\"");
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.with(201), made, "the very same answer");
    let other = json!({ "name": "Cellar" });
    let reused = once(house, owner, "k-1", &sites, &other).await;
    reused.problem(422, "idempotency-key-reused");
    let elsewhere = once(house, owner, "k-1", &house.path("/areas"), &body).await;
    elsewhere.problem(422, "idempotency-key-reused");
    // another person's keys are other keys
    let admin = house.member("admin", Role::Admin).await;
    let theirs = once(house, &admin, "k-1", &sites, &body).await;
    theirs.problem(409, "name-taken");
    let listed = house.get(owner, &sites).await.with(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
}

pub(crate) async fn of_requests_sent_at_once_one_is_done(house: &House) {
    let (owner, devices) = (&house.owner, house.path("/devices"));
    let body = json!({ "name": "probe" });
    let send = || once(house, owner, "k-2", &devices, &body);
    let (a, b, c, d) = tokio::join!(send(), send(), send(), send());
    let mut ids = Vec::new();
    for answer in [a, b, c, d] {
        match answer.status.as_u16() {
            201 => ids.push(answer.body["id"].clone()),
            409 => {
                assert_eq!(answer.header("retry-after"), "1");
                answer.problem(409, "request-in-progress");
            }
            other => panic!("{other}: {}", answer.body),
        }
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "one device: {ids:?}");
    let listed = house.get(owner, &devices).await.with(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}

pub(crate) async fn what_was_refused_may_be_sent_again(house: &House) {
    let (owner, sites) = (&house.owner, house.path("/sites"));
    let wrong = json!({ "name": "Annex", "timezone": "Mars/Olympus" });
    let refused = once(house, owner, "k-3", &sites, &wrong).await;
    refused.problem(422, "validation-failed");
    let body = json!({ "name": "Annex" });
    once(house, owner, "k-3", &sites, &body).await.with(201);
    let long = "x".repeat(256);
    let refused = once(house, owner, &long, &sites, &body).await;
    refused.problem(422, "validation-failed");
    let nobody = house.stranger("nobody").await;
    let stranger = once(house, &nobody, "k-3", &sites, &body).await;
    stranger.problem(404, "not-found");
}

pub(crate) async fn a_secret_is_neither_kept_nor_shown_again(house: &House) {
    let (owner, keys) = (&house.owner, house.path("/api-keys"));
    let body = json!({ "name": "probe", "scopes": ["ingest"] });
    let made = once(house, owner, "k-4", &keys, &body).await.with(201);
    let secret = made["key"].as_str().unwrap();
    let again = once(house, owner, "k-4", &keys, &body).await;
    assert!(!again.body.to_string().contains(secret));
    again.problem(409, "secret-shown-once");
    let listed = house.get(owner, &keys).await.with(200);
    let named = |key: &&Value| key["name"] == "probe";
    assert_eq!(
        listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(named)
            .count(),
        1
    );
    let kept = house.everything_kept().await;
    assert!(!kept.contains(secret), "no secret is kept in clear");
}

pub(crate) async fn a_key_takes_over_from_another_one(house: &House) {
    let owner = &house.owner;
    let body = json!({ "name": "probe", "scopes": ["ingest", "read"] });
    let made = house
        .post(owner, &house.path("/api-keys"), body)
        .await
        .with(201);
    let (old, id) = (
        made["key"].as_str().unwrap(),
        made["api_key"]["id"].as_str().unwrap(),
    );
    let rotate = house.path(&format!("/api-keys/{id}/rotate"));
    let rotated = house.post(owner, &rotate, json!({})).await.with(201);
    assert_eq!(rotated["api_key"]["rotated_from"], id);
    assert_eq!(rotated["api_key"]["scopes"], json!(["ingest", "read"]));
    let new = rotated["key"].as_str().unwrap();
    for key in [old, new] {
        house.read_with(key).await.with(200);
    }
    let ends: String = rotated["previous"]["expires_at"]
        .as_str()
        .unwrap()
        .to_owned();
    let ends: freshtrack_core::time::Timestamp = ends.parse().unwrap();
    let day = Span::from_seconds(86_400);
    let apart = (ends - house.now() - day).as_seconds().abs();
    assert!(apart < 60, "the old one is valid for a day");
    let at_once = json!({ "overlap_seconds": 0 });
    house.post(owner, &rotate, at_once.clone()).await.with(201);
    house.read_with(old).await.problem(401, "key-expired");
    house
        .post(owner, &rotate, at_once)
        .await
        .problem(409, "key-ended");
    let long = json!({ "overlap_seconds": 604_801 });
    let answer = house.post(owner, &rotate, long).await;
    answer.problem(422, "validation-failed");
}

pub(crate) async fn a_connection_is_changed_rotated_and_removed(house: &House) {
    let (owner, all) = (&house.owner, house.path("/ttn-connections"));
    let body = json!({ "name": "TTS", "application_id": "my-app" });
    let made = house.post(owner, &all, body).await.with(201);
    let id = made["connection"]["id"].as_str().unwrap();
    let one = format!("{all}/{id}");
    let first = made["webhook_secret"].as_str().unwrap();
    assert_eq!(house.call_network(id, first).await, 200);
    let rotated = house
        .post(owner, &format!("{one}/rotate-secret"), json!({}))
        .await
        .with(200);
    let second = rotated["webhook_secret"].as_str().unwrap();
    assert_ne!(first, second);
    assert_eq!(rotated["connection"]["rotation_pending"], true);
    for secret in [first, second, first] {
        assert_eq!(
            house.call_network(id, secret).await,
            200,
            "both are valid for a while"
        );
    }
    let shown = house.get(owner, &one).await.with(200);
    assert_eq!(shown["rotation_pending"], false);
    assert!(shown["old_secret_expires_at"].is_string(), "{shown}");
    let body = json!({ "enabled": false, "application_id": null });
    let changed = house.patch(owner, &one, body).await.with(200);
    assert_eq!(
        (changed.get("application_id"), &changed["name"]),
        (None, &json!("TTS"))
    );
    assert_ne!(house.call_network(id, second).await, 200);
    let enabled = json!({ "enabled": true });
    house.patch(owner, &one, enabled).await.with(200);
    assert_eq!(house.call_network(id, second).await, 200);
    house.delete(owner, &one).await.with(204);
    assert_ne!(house.call_network(id, second).await, 200);
    house.get(owner, &one).await.problem(404, "not-found");
    house.delete(owner, &one).await.problem(404, "not-found");
}

pub(crate) async fn answers_say_what_is_left_and_protect_themselves(house: &House) {
    let answer = house.get(&house.owner, &house.path("/sites")).await;
    assert_eq!(answer.header("ratelimit-policy"), "\"requests\";q=100;w=60");
    assert!(
        answer.header("ratelimit").starts_with("\"requests\";r="),
        "{answer:?}"
    );
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'"), "{policy}");
    let refused = house.get(&house.owner, "/nowhere").await;
    assert_eq!(refused.header("x-frame-options"), "DENY", "refusals too");
    let origin = [("origin", "https://evil.example")];
    let path = house.path("/sites");
    let answer = house
        .send(&house.owner, Method::GET, &path, None, &origin)
        .await;
    assert_eq!(answer.headers.get("access-control-allow-origin"), None);
    let mut last = None;
    for _ in 0..100 {
        last = Some(house.get(&house.owner, "/me").await);
    }
    let refused = last.unwrap();
    assert!(refused.header("ratelimit").contains("r=0"), "{refused:?}");
    assert!(refused.headers.contains_key("retry-after"));
    refused.problem(429, "rate-limited");
}

pub(crate) async fn only_named_origins_read_answers(house: &House) {
    let (path, named) = (house.path("/sites"), "https://app.example.test");
    let origin = [("origin", named)];
    let answer = house
        .send(&house.owner, Method::GET, &path, None, &origin)
        .await;
    assert_eq!(answer.header("access-control-allow-origin"), named);
    assert!(
        answer
            .header("access-control-expose-headers")
            .contains("ETag")
    );
    assert_eq!(answer.headers.get("access-control-allow-credentials"), None);
    let preflight = [
        ("origin", named),
        ("access-control-request-method", "PATCH"),
    ];
    let answer = house
        .send(&house.owner, Method::OPTIONS, &path, None, &preflight)
        .await;
    assert_eq!(answer.status.as_u16(), 204);
    assert!(
        answer
            .header("access-control-allow-methods")
            .contains("PATCH")
    );
    assert!(
        answer
            .header("access-control-allow-headers")
            .contains("If-Match")
    );
    let other = [("origin", "https://app.example.test.evil.example")];
    let answer = house
        .send(&house.owner, Method::GET, &path, None, &other)
        .await;
    assert_eq!(answer.headers.get("access-control-allow-origin"), None);
}
