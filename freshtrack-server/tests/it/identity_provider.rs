//! Tokens of an outside provider: its published keys are fetched, kept, and changed when it changes them.

use crate::reply::{Reply, send};
use crate::running::Running;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use freshtrack_core::principal::{Role, User};
use freshtrack_server::config::OutsideIssuer;
use reqwest::Method;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

const ISSUER: &str = "https://sign-in.example";
const AUDIENCE: &str = "freshtrack-test";
const SUBJECT: &str = "provider|4711";

/// A key pair of the provider.
struct Signer {
    id: &'static str,
    pair: EcdsaKeyPair,
}

impl Signer {
    fn new(id: &'static str) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random);
        Self {
            id,
            pair: pair.expect("a key pair"),
        }
    }

    fn published(&self) -> Value {
        // An uncompressed point: 4, x, y.
        let point = self.pair.public_key().as_ref();
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]),
            "y": URL_SAFE_NO_PAD.encode(&point[33..65]),
        })
    }

    fn sign(&self, claims: &Value) -> String {
        let head = json!({ "alg": "ES256", "typ": "JWT", "kid": self.id });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&head), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.expect("it signs"));
        format!("{text}.{signature}")
    }
}

/// Publishes keys over HTTP; stops when dropped.
struct Provider {
    url: String,
    keys: Arc<Mutex<Vec<Value>>>,
    calls: Arc<Mutex<u32>>,
    _task: AbortOnDropHandle<()>,
}

impl Provider {
    async fn start(signer: &Signer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/keys", listener.local_addr().expect("an address"));
        let keys = Arc::new(Mutex::new(vec![signer.published()]));
        let calls = Arc::new(Mutex::new(0));
        let (published, counted) = (Arc::clone(&keys), Arc::clone(&calls));
        let task = TaskTracker::new().spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = [0u8; 4_096];
                if socket.read(&mut request).await.is_err() {
                    continue;
                }
                *counted.lock().expect("nobody panics here") += 1;
                let body = json!({ "keys": *published.lock().expect("nobody panics here") });
                let body = body.to_string();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
                     content-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                socket.write_all(answer.as_bytes()).await.ok();
            }
        });
        Self {
            url,
            keys,
            calls,
            _task: AbortOnDropHandle::new(task),
        }
    }

    fn publish(&self, signers: &[&Signer]) {
        let keys = signers.iter().map(|signer| signer.published()).collect();
        *self.keys.lock().expect("nobody panics here") = keys;
    }

    fn calls(&self) -> u32 {
        *self.calls.lock().expect("nobody panics here")
    }
}

async fn start(provider: &Provider) -> Running {
    let issuer = OutsideIssuer {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        algorithm: "ES256".to_owned(),
        jwks_url: provider.url.clone(),
    };
    Running::start_with(|settings| settings.issuers = vec![issuer]).await
}

/// Claims of the provider's person, good for two hours.
fn claims(run: &Running) -> Value {
    let now = run.now().as_micros() / 1_000_000;
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": SUBJECT, "iat": now, "exp": now + 7_200 })
}

/// Makes the provider's person a member.
async fn admit(run: &Running, role: Role) {
    let user = User {
        issuer: ISSUER.to_owned(),
        subject: SUBJECT.to_owned(),
        email: None,
        ..run.person("placeholder@home.example").await
    };
    let user = User {
        id: freshtrack_core::ids::UserId::from_uuid(uuid::Uuid::new_v4()),
        ..user
    };
    let people = &run.server.app().store.organizations;
    let user = people.ensure_user(user).await.expect("a person");
    run.set_role(run.home.organization, &user, role).await;
}

async fn with(run: &Running, token: &str) -> Reply {
    let request = run
        .request(Method::GET, &run.at_home(""))
        .bearer_auth(token);
    send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_provider_says_who_and_not_what_they_may_do() {
    let signer = Signer::new("2026-a");
    let provider = Provider::start(&signer).await;
    let run = start(&provider).await;
    let mut claims = claims(&run);
    claims["role"] = json!("owner");
    claims["organization"] = json!(run.home.organization);
    let token = signer.sign(&claims);
    with(&run, &token).await.problem(404, "not-found");
    admit(&run, Role::Viewer).await;
    with(&run, &token).await.expect(200);
    let sites = run.at_home("/sites");
    run.post_as(&token, &sites, &json!({ "name": "x" }))
        .await
        .problem(403, "role-too-low");
    assert_eq!(provider.calls(), 1, "keys are fetched once");
    with(&run, &run.owner).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_not_for_us_or_not_from_them_are_refused() {
    let signer = Signer::new("2026-a");
    let provider = Provider::start(&signer).await;
    let run = start(&provider).await;
    admit(&run, Role::Viewer).await;
    let good = claims(&run);
    with(&run, &signer.sign(&good)).await.expect(200);
    let now = good["iat"].as_i64().unwrap();
    for (name, value, code) in [
        ("aud", json!("another-service"), "token-invalid"),
        ("aud", Value::Null, "token-invalid"),
        ("iss", json!("https://elsewhere.example"), "token-invalid"),
        // The provider cannot speak for the local issuer either.
        ("iss", json!("freshtrack-local"), "token-invalid"),
        ("sub", json!(""), "token-invalid"),
        ("exp", Value::Null, "token-invalid"),
        ("exp", json!(now - 31), "token-expired"),
        ("nbf", json!(now + 60), "token-invalid"),
    ] {
        let mut bad = good.clone();
        bad[name] = value.clone();
        if value.is_null() {
            bad.as_object_mut().unwrap().remove(name);
        }
        let answer = with(&run, &signer.sign(&bad)).await;
        assert_eq!(answer.status, 401, "{name} {value}");
        answer.problem(401, code);
    }
    // Another key under the published id.
    let forged = Signer::new("2026-a").sign(&good);
    with(&run, &forged).await.problem(401, "token-invalid");
    // The public key is no secret to sign with.
    let public = provider.keys.lock().unwrap()[0]["x"]
        .as_str()
        .unwrap()
        .to_owned();
    let head = json!({ "alg": "HS256", "typ": "JWT", "kid": "2026-a" });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&head), part(&good));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, public.as_bytes());
    let tag = URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, text.as_bytes()));
    with(&run, &format!("{text}.{tag}"))
        .await
        .problem(401, "token-invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_learnt_and_an_old_one_forgotten() {
    let (old, new) = (Signer::new("2026-a"), Signer::new("2026-b"));
    let provider = Provider::start(&old).await;
    let run = start(&provider).await;
    admit(&run, Role::Viewer).await;
    let claims = claims(&run);
    with(&run, &old.sign(&claims)).await.expect(200);
    provider.publish(&[&old, &new]);
    // A flood of unknown keys is no flood on the provider.
    for _ in 0..5 {
        with(&run, &new.sign(&claims))
            .await
            .problem(401, "token-invalid");
    }
    assert_eq!(provider.calls(), 1);
    run.advance(30);
    with(&run, &new.sign(&claims)).await.expect(200);
    with(&run, &old.sign(&claims)).await.expect(200);
    assert_eq!(provider.calls(), 2);
    provider.publish(&[&new]);
    run.advance(600);
    with(&run, &old.sign(&claims))
        .await
        .problem(401, "token-invalid");
    with(&run, &new.sign(&claims)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_provider_is_away_its_last_keys_work_for_an_hour() {
    let signer = Signer::new("2026-a");
    let provider = Provider::start(&signer).await;
    let run = start(&provider).await;
    admit(&run, Role::Viewer).await;
    let token = signer.sign(&claims(&run));
    with(&run, &token).await.expect(200);
    drop(provider);
    run.advance(11 * 60);
    with(&run, &token).await.expect(200);
    run.advance(48 * 60);
    with(&run, &token).await.expect(200);
    run.advance(60);
    let refused = with(&run, &token).await;
    refused.problem(503, "unavailable");
    assert!(!refused.header("retry-after").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_was_never_reached_is_503_and_no_refusal() {
    let signer = Signer::new("2026-a");
    let provider = Provider::start(&signer).await;
    let run = start(&provider).await;
    let token = signer.sign(&claims(&run));
    drop(provider);
    with(&run, &token).await.problem(503, "unavailable");
    with(&run, &run.owner).await.expect(200);
}
