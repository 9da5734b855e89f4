//! Credentials that must not work, each with the reason a client can act on.

use crate::reply::{Reply, send};
use crate::running::Running;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use freshtrack_core::jwt::{LocalIssuer, NewToken};
use freshtrack_core::principal::Role;
use freshtrack_core::time::Span;
use freshtrack_server::local_key::{LOCAL_AUDIENCE, LOCAL_ISSUER};
use reqwest::Method;
use serde_json::{Value, json};

async fn with_token(run: &Running, token: &str) -> Reply {
    let request = run
        .request(Method::GET, &run.at_home(""))
        .bearer_auth(token);
    send(request).await
}

async fn ingest_with(run: &Running, key: &str) -> Reply {
    let body = format!(r#"{{"readings":[{}]}}"#, run.reading(r#""temperature":4"#));
    let request = run
        .request(Method::POST, "/api/v1/ingest/readings")
        .header("x-api-key", key)
        .header("content-type", "application/json");
    send(request.body(body)).await
}

/// A token of the owner, signed by whoever.
fn signed(run: &Running, issuer: &str, audience: &str, secret: &[u8]) -> String {
    let token = NewToken {
        subject: &run.home.owner.subject,
        email: None,
        valid_for: Span::from_minutes(60),
    };
    let now = run.now();
    LocalIssuer::new(issuer, audience, secret)
        .expect("the secret is long enough")
        .sign(token, now)
        .expect("it signs")
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owners_own_token_works_and_none_is_401() {
    let run = Running::start().await;
    with_token(&run, &run.owner).await.expect(200);
    let right = signed(&run, LOCAL_ISSUER, LOCAL_AUDIENCE, run.key.bytes());
    with_token(&run, &right).await.expect(200);
    for header in ["", "Bearer", "Bearer ", "Basic b3duZXI6eA==", "Token x"] {
        let request = run
            .request(Method::GET, &run.at_home(""))
            .header("authorization", header);
        send(request).await.problem(401, "unauthenticated");
    }
    let bare = run.request(Method::GET, &run.at_home(""));
    send(bare).await.problem(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_401_token_expired() {
    let run = Running::start().await;
    run.advance(3_600 + 29);
    with_token(&run, &run.owner).await.expect(200);
    run.advance(2);
    with_token(&run, &run.owner)
        .await
        .problem(401, "token-expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_another_audience_issuer_or_secret_are_invalid() {
    let run = Running::start().await;
    let secret = run.key.bytes();
    for (issuer, audience, secret) in [
        (LOCAL_ISSUER, "another-service", secret),
        ("another-issuer", LOCAL_AUDIENCE, secret),
        (LOCAL_ISSUER, LOCAL_AUDIENCE, [7u8; 32].as_slice()),
    ] {
        let token = signed(&run, issuer, audience, secret);
        with_token(&run, &token).await.problem(401, "token-invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_cannot_choose_its_algorithm() {
    let run = Running::start().await;
    let payload = run.owner.split('.').nth(1).unwrap();
    let signature = run.owner.split('.').nth(2).unwrap();
    for algorithm in ["none", "None", "NONE", "RS256", "ES256", "HS384", "HS512"] {
        let head = part(&json!({ "alg": algorithm, "typ": "JWT" }));
        for end in ["", signature] {
            let token = format!("{head}.{payload}.{end}");
            with_token(&run, &token).await.problem(401, "token-invalid");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_whose_claims_were_changed_is_invalid() {
    let run = Running::start().await;
    let parts: Vec<&str> = run.owner.split('.').collect();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    for (name, value) in [
        ("sub", json!("admin@home.example")),
        ("exp", json!(9_999_999_999_u64)),
    ] {
        let mut changed = claims.clone();
        changed[name] = value;
        let token = format!("{}.{}.{}", parts[0], part(&changed), parts[2]);
        with_token(&run, &token).await.problem(401, "token-invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_invalid_and_never_an_error_of_ours() {
    let run = Running::start().await;
    let long = "a".repeat(7_000);
    for token in [
        "x",
        "a.b",
        "a.b.c",
        "....",
        "eyJ9.e30.",
        "ftk",
        long.as_str(),
    ] {
        with_token(&run, token).await.problem(401, "token-invalid");
    }
    for key in [
        "ftk_",
        "ftk_abc_def",
        "ftk_aaaaaaaa_",
        "secret",
        "ftk_aaaaaaaa_!!",
    ] {
        ingest_with(&run, key).await.problem(401, "key-invalid");
    }
    let unknown = format!("ftk_aaaaaaaa_{}", "b".repeat(43));
    ingest_with(&run, &unknown)
        .await
        .problem(401, "key-invalid");
    let mut wrong = run.home.api_key.clone();
    let last = if wrong.pop() == Some('0') { '1' } else { '0' };
    wrong.push(last);
    ingest_with(&run, &wrong).await.problem(401, "key-invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_ends_at_once() {
    let run = Running::start().await;
    let (id, key) = run.make_key(&["ingest"]).await;
    ingest_with(&run, &key).await.expect(200);
    run.revoke_key(&id).await;
    ingest_with(&run, &key).await.problem(401, "key-invalid");
    let list = run.get(&run.at_home("/api-keys")).await.expect(200);
    let row = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["id"] == id.as_str());
    assert!(row.unwrap()["revoked_at"].is_string(), "{list}");
    let secret = key.rsplit('_').next().unwrap();
    assert!(!list.to_string().contains(secret), "a secret is shown once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_ends_when_it_was_said_to() {
    let run = Running::start().await;
    let now = run.now();
    let path = run.at_home("/api-keys");
    let ends = |at| json!({ "name": "short", "scopes": ["ingest"], "expires_at": format!("{at}") });
    run.post(&path, &ends(now))
        .await
        .problem(422, "validation-failed");
    let made = run
        .post(&path, &ends(now + Span::from_seconds(60)))
        .await
        .expect(201);
    let key = made["key"].as_str().unwrap();
    ingest_with(&run, key).await.expect(200);
    run.advance(60);
    ingest_with(&run, key).await.problem(401, "key-expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_what_its_scopes_say_and_nothing_else() {
    let run = Running::start().await;
    let (_, read) = run.make_key(&["read"]).await;
    ingest_with(&run, &read).await.problem(403, "scope-missing");
    let units = run.at_home("/units");
    let get = |key: String| run.request(Method::GET, &units).header("x-api-key", key);
    send(get(read.clone())).await.expect(200);
    send(get(run.home.api_key.clone()))
        .await
        .problem(403, "scope-missing");
    // A reading key never writes, whatever it reads.
    let site = run.request(Method::POST, &run.at_home("/sites"));
    send(
        site.header("x-api-key", &read)
            .json(&json!({ "name": "x" })),
    )
    .await
    .problem(403, "scope-missing");
    // A key may stand where a token does.
    with_token(&run, &read).await.expect(200);
    // A person is no machine.
    let body = json!({ "readings": [] });
    run.post("/api/v1/ingest/readings", &body)
        .await
        .problem(403, "scope-missing");
    assert!(run.stored().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_role_counts_from_the_next_request_on() {
    let run = Running::start().await;
    let user = run.person("temp@home.example").await;
    let token = run.token(&user);
    let sites = run.at_home("/sites");
    let site = |name: &str| json!({ "name": name });
    run.post_as(&token, &sites, &site("A"))
        .await
        .problem(404, "not-found");
    run.set_role(run.home.organization, &user, Role::Admin)
        .await;
    run.post_as(&token, &sites, &site("A")).await.expect(201);
    run.set_role(run.home.organization, &user, Role::Viewer)
        .await;
    run.post_as(&token, &sites, &site("B"))
        .await
        .problem(403, "role-too-low");
}
