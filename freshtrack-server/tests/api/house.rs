//! A server over an empty database with one organization, and people who talk to it.

use freshtrack_core::audit::Journal;
use freshtrack_core::ids::{OrgId, UserId};
use freshtrack_core::principal::Role;
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_server::config::{
    DatabaseUrl, Limits, LogFormat, Role as ServerRole, Settings, SqliteSync,
};
use freshtrack_server::local_key::LocalKey;
use freshtrack_server::onboarding::{self, Onboarded};
use freshtrack_server::wiring::{Environment, Server};
use freshtrack_server::{identity, store};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use sqlx::Connection as _;
use tempfile::TempDir;

/// A running server with one organization.
pub(crate) struct House {
    server: Server,
    folder: TempDir,
    http: reqwest::Client,
    pub(crate) made: Onboarded,
    pub(crate) owner: Person,
}

/// Somebody with a token.
pub(crate) struct Person {
    pub(crate) id: UserId,
    token: String,
}

/// What the server said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The body of an answer with this status.
    #[track_caller]
    pub(crate) fn with(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// Fails unless it is a problem with this code.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        let body = self.with(status);
        assert_eq!(body["code"], code, "{body}");
        body
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap().to_str().unwrap()
    }
}

impl House {
    pub(crate) async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = DatabaseUrl::sqlite(folder.path().join("freshtrack.db"));
        Self::build(folder, database).await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "tests are told where their databases are by the environment"
    )]
    pub(crate) async fn on_postgres() -> Option<Self> {
        let Ok(server) = std::env::var("FRESHTRACK_TEST_POSTGRES_URL") else {
            let required = std::env::var("FRESHTRACK_REQUIRE_BACKENDS").is_ok_and(|v| v == "1");
            assert!(!required, "FRESHTRACK_TEST_POSTGRES_URL is not set");
            eprintln!("SKIP: FRESHTRACK_TEST_POSTGRES_URL is not set");
            return None;
        };
        let schema = format!("t_{}", uuid::Uuid::new_v4().simple());
        let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}")))
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        let separator = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{separator}options=-c%20search_path%3D{schema}");
        let folder = tempfile::tempdir().unwrap();
        Some(Self::build(folder, DatabaseUrl::parse(&url).unwrap()).await)
    }

    async fn build(folder: TempDir, database: DatabaseUrl) -> Self {
        let settings = Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            database,
            sqlite_sync: SqliteSync::Normal,
            redis: None,
            role: ServerRole::All,
            data_dir: folder.path().to_path_buf(),
            public_url: None,
            log_format: LogFormat::Text,
            log: "warn".to_owned(),
            issuers: Vec::new(),
            allowed_origins: Vec::new(),
            limits: Limits::default(),
        };
        let server = Server::start_in(settings, Environment::default())
            .await
            .unwrap();
        let app = server.app();
        let request = onboarding::Request {
            organization: "Joe's Diner".to_owned(),
            owner_email: "owner@example.test".to_owned(),
            unit_type: freshtrack_core::hierarchy::UnitType::Fridge,
            simulator_alerts: false,
        };
        let now = app.clock.now();
        let made = onboarding::bootstrap(
            &app.store,
            "http://localhost",
            app.ids.as_ref(),
            now,
            request,
        )
        .await
        .unwrap();
        identity::install_tls();
        let http = reqwest::Client::builder().build().unwrap();
        let owner = person(&server, &folder, "owner@example.test").await;
        Self {
            server,
            folder,
            http,
            made,
            owner,
        }
    }

    pub(crate) fn store(&self) -> &store::Store {
        &self.server.app().store
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.server.app().clock.now()
    }

    /// Posts readings with the organization's key.
    pub(crate) async fn ingest(&self, body: Value) -> Answer {
        let url = format!("http://{}/api/v1/ingest/readings", self.server.address());
        let request = self.http.post(url).header("x-api-key", &self.made.api_key);
        let answer = request.json(&body).send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.json().await.unwrap();
        Answer {
            status,
            headers,
            body,
        }
    }

    pub(crate) const fn org(&self) -> OrgId {
        self.made.organization
    }

    /// A person without any membership.
    pub(crate) async fn stranger(&self, name: &str) -> Person {
        person(&self.server, &self.folder, &format!("{name}@example.test")).await
    }

    /// A member of the organization.
    pub(crate) async fn member(&self, name: &str, role: Role) -> Person {
        let person = self.stranger(name).await;
        let now = self.server.app().clock.now();
        self.store()
            .organizations
            .set_role(self.org(), person.id, role, now, Journal::default())
            .await
            .unwrap();
        person
    }

    /// A path inside the organization.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/organizations/{}{rest}", self.org())
    }

    /// Sends a request; `headers` are further ones.
    pub(crate) async fn send(
        &self,
        who: &Person,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let url = format!("http://{}/api/v1{path}", self.server.address());
        let mut request = self.http.request(method, url).bearer_auth(&who.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer {
            status,
            headers,
            body,
        }
    }

    pub(crate) async fn get(&self, who: &Person, path: &str) -> Answer {
        self.send(who, Method::GET, path, None, &[]).await
    }

    pub(crate) async fn post(&self, who: &Person, path: &str, body: Value) -> Answer {
        self.send(who, Method::POST, path, Some(&body), &[]).await
    }

    pub(crate) async fn patch(&self, who: &Person, path: &str, body: Value) -> Answer {
        self.send(who, Method::PATCH, path, Some(&body), &[]).await
    }

    pub(crate) async fn delete(&self, who: &Person, path: &str) -> Answer {
        self.send(who, Method::DELETE, path, None, &[]).await
    }
}

async fn person(server: &Server, folder: &TempDir, email: &str) -> Person {
    let app = server.app();
    let now = app.clock.now();
    let user = app
        .store
        .organizations
        .ensure_user(onboarding::local_user(app.ids.as_ref(), email, now))
        .await
        .unwrap();
    let key = LocalKey::open(folder.path(), app.ids.as_ref()).unwrap();
    let token = identity::sign(&key, &user, now, Span::from_seconds(3_600)).unwrap();
    Person { id: user.id, token }
}
