//! A server of its own for each test: port 0, SQLite in a temporary folder, a clock that is moved by hand.

use crate::reply::{Reply, send};
use freshtrack_core::audit::Journal;
use freshtrack_core::hierarchy::UnitType;
use freshtrack_core::ids::OrgId;
use freshtrack_core::memory::ManualClock;
use freshtrack_core::ports::Clock;
use freshtrack_core::principal::{Role as MemberRole, User};
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_server::clock::RandomIds;
use freshtrack_server::config::{
    DatabaseUrl, Limits, LogFormat, OutsideIssuer, Role, Settings, SqliteSync,
};
use freshtrack_server::identity;
use freshtrack_server::local_key::LocalKey;
use freshtrack_server::onboarding::{self, Onboarded, local_user};
use freshtrack_server::wiring::{Environment, Server};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest wait for something that the server does by itself.
const SOON: Duration = Duration::from_secs(15);

/// A running server with one organization.
pub(crate) struct Running {
    pub(crate) server: Server,
    pub(crate) clock: ManualClock,
    /// The organization.
    pub(crate) home: Onboarded,
    /// Token of its owner.
    pub(crate) owner: String,
    pub(crate) client: Client,
    pub(crate) key: LocalKey,
    _folder: TempDir,
}

fn settings(folder: &Path, issuers: Vec<OutsideIssuer>) -> Settings {
    Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        database: DatabaseUrl::sqlite(folder.join("freshtrack.db")),
        sqlite_sync: SqliteSync::Normal,
        redis: None,
        role: Role::All,
        data_dir: folder.to_path_buf(),
        public_url: None,
        log_format: LogFormat::Text,
        log: "warn".to_owned(),
        issuers,
        allowed_origins: Vec::new(),
        limits: Limits {
            requests_per_minute: 1_000_000,
            ingest_requests_per_minute: 1_000_000,
            ..Limits::default()
        },
    }
}

impl Running {
    /// A server that trusts locally signed tokens only.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A server with settings of the test's own.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        identity::install_tls();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let clock = ManualClock::new("2026-03-02T12:00:00Z".parse().expect("an instant"));
        let environment = Environment {
            clock: Arc::new(clock.clone()),
            ids: Arc::new(RandomIds),
        };
        let mut settings = settings(folder.path(), Vec::new());
        change(&mut settings);
        let server = Server::start_in(settings, environment)
            .await
            .expect("the server starts");
        let key = LocalKey::open(folder.path(), &RandomIds).expect("the key can be read");
        let client = Client::builder()
            .timeout(Duration::from_secs(30))
            .build()
            .expect("a client can be made");
        let home = onboard(&server, "Home Kitchen", "owner@home.example", clock.now()).await;
        let owner = sign(&key, &home.owner, clock.now());
        Self {
            server,
            clock,
            home,
            owner,
            client,
            key,
            _folder: folder,
        }
    }

    /// Another organization.
    pub(crate) async fn neighbour(&self) -> (Onboarded, String) {
        let now = self.clock.now();
        let made = onboard(&self.server, "Next Door", "owner@next.example", now).await;
        let token = sign(&self.key, &made.owner, now);
        (made, token)
    }

    /// A person of the organization, by a token of an hour.
    pub(crate) async fn member(&self, email: &str, role: MemberRole) -> String {
        let user = self.person(email).await;
        self.set_role(self.home.organization, &user, role).await;
        sign(&self.key, &user, self.clock.now())
    }

    /// A person without any organization.
    pub(crate) async fn person(&self, email: &str) -> User {
        let user = local_user(&RandomIds, email, self.clock.now());
        let people = &self.server.app().store.organizations;
        people.ensure_user(user).await.expect("a person is stored")
    }

    pub(crate) async fn set_role(&self, org: OrgId, user: &User, role: MemberRole) {
        let people = &self.server.app().store.organizations;
        people
            .set_role(org, user.id, role, self.clock.now(), Journal::default())
            .await
            .expect("a role is set");
    }

    /// A locally signed token that ends an hour from now.
    pub(crate) fn token(&self, user: &User) -> String {
        sign(&self.key, user, self.clock.now())
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address())
    }

    /// The path of something in the organization.
    pub(crate) fn at_home(&self, rest: &str) -> String {
        format!("/api/v1/organizations/{}{rest}", self.home.organization)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// GET as the owner.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        send(self.request(Method::GET, path).bearer_auth(&self.owner)).await
    }

    /// POST as the owner.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_as(&self.owner, path, body).await
    }

    pub(crate) async fn post_as(&self, token: &str, path: &str, body: &Value) -> Reply {
        let request = self.request(Method::POST, path).bearer_auth(token);
        send(request.json(body)).await
    }

    /// Posts a batch as it is, with the first key.
    pub(crate) async fn ingest_text(&self, body: impl Into<reqwest::Body>) -> Reply {
        let request = self
            .request(Method::POST, "/api/v1/ingest/readings")
            .header("x-api-key", &self.home.api_key)
            .header("content-type", "application/json");
        send(request.body(body)).await
    }

    /// Posts readings, each given as its own JSON text.
    pub(crate) async fn ingest(&self, readings: &[String]) -> Reply {
        self.ingest_text(format!(r#"{{"readings":[{}]}}"#, readings.join(",")))
            .await
    }

    /// One reading of the first unit, taken now, with further members.
    pub(crate) fn reading(&self, members: &str) -> String {
        self.reading_at(self.clock.now(), members)
    }

    pub(crate) fn reading_at(&self, at: Timestamp, members: &str) -> String {
        let unit = self.home.unit;
        format!(r#"{{"unit_id":"{unit}","recorded_at":"{at}",{members}}}"#)
    }

    /// Temperatures of the first unit in °C, newest first, as the API tells them.
    pub(crate) async fn stored(&self) -> Vec<f64> {
        let path = self.at_home(&format!(
            "/units/{}/readings?temperature_unit=C&limit=200",
            self.home.unit
        ));
        let list = self.get(&path).await.expect(200);
        let items = list["items"].as_array().expect("a list");
        items
            .iter()
            .filter_map(|item| item["temperature"].as_f64())
            .collect()
    }

    /// A site, which is an event of its own.
    pub(crate) async fn make_site(&self, name: &str) -> Value {
        let body = json!({ "name": name });
        self.post(&self.at_home("/sites"), &body).await.expect(201)
    }

    /// A key made through the API: its id and the whole key.
    pub(crate) async fn make_key(&self, scopes: &[&str]) -> (String, String) {
        let body = json!({ "name": "made by a test", "scopes": scopes });
        let made = self
            .post(&self.at_home("/api-keys"), &body)
            .await
            .expect(201);
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (text(&made["api_key"]["id"]), text(&made["key"]))
    }

    pub(crate) async fn revoke_key(&self, id: &str) {
        let path = self.at_home(&format!("/api-keys/{id}"));
        let request = self.request(Method::DELETE, &path).bearer_auth(&self.owner);
        send(request).await.expect(200);
    }

    /// The alerts of a type, newest first.
    pub(crate) async fn alerts(&self, alert_type: &str) -> Vec<Value> {
        let path = self.at_home(&format!("/alerts?type={alert_type}&temperature_unit=C"));
        let list = self.get(&path).await.expect(200);
        list["items"].as_array().expect("a list").clone()
    }

    /// Waits until the newest alert of a type is as wanted.
    pub(crate) async fn alert_when(
        &self,
        alert_type: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let started = Instant::now();
        loop {
            let alerts = self.alerts(alert_type).await;
            if let Some(alert) = alerts.first().filter(|alert| wanted(alert)) {
                return alert.clone();
            }
            assert!(started.elapsed() < SOON, "in vain: {alerts:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(Span::from_seconds(seconds));
    }
}

fn sign(key: &LocalKey, user: &User, now: Timestamp) -> String {
    identity::sign(key, user, now, Span::from_minutes(60)).expect("the key signs")
}

async fn onboard(server: &Server, name: &str, email: &str, now: Timestamp) -> Onboarded {
    let app = server.app();
    let request = onboarding::Request {
        organization: name.to_owned(),
        owner_email: email.to_owned(),
        unit_type: UnitType::Fridge,
        simulator_alerts: false,
    };
    onboarding::bootstrap(&app.store, &app.public_url, &RandomIds, now, request)
        .await
        .expect("an organization is made")
}
