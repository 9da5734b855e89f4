//! Settings: flags over `FRESHTRACK_*` environment over an optional `freshtrack.toml`.
//!
//! The only module that reads the environment. A wrong value names its key, itself and what is
//! allowed. Secrets are redacted wherever a setting is shown.

mod database_url;

pub use database_url::{DatabaseUrl, SqliteSync};

use serde::Deserialize;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("setting `{key}` is `{value}`, but {allowed}")]
pub struct SettingError {
    /// Its key, as in the file; the flag is `--` and the key, the variable `FRESHTRACK_` and the key.
    pub key: String,
    /// What was given; redacted where it may hold a secret.
    pub value: String,
    /// What would have been right.
    pub allowed: String,
}

/// Which parts of the server a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    All,
    /// HTTP, live stream, ingest.
    Api,
    /// Sweeper and background work.
    Worker,
}

impl Role {
    /// Whether this process answers the API.
    #[must_use]
    pub const fn serves_api(self) -> bool {
        matches!(self, Self::All | Self::Api)
    }

    /// Whether this process does background work.
    #[must_use]
    pub const fn works(self) -> bool {
        matches!(self, Self::All | Self::Worker)
    }
}

impl FromStr for Role {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => Ok(Self::All),
            "api" => Ok(Self::Api),
            "worker" => Ok(Self::Worker),
            _ => Err("it must be one of: all, api, worker"),
        }
    }
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("it must be one of: text, json"),
        }
    }
}

/// An outside identity provider whose tokens are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutsideIssuer {
    /// `iss` of its tokens, exactly.
    pub issuer: String,
    /// `aud` that its tokens must name.
    pub audience: String,
    /// The only algorithm accepted from it: `RS256` or `ES256`.
    pub algorithm: String,
    /// Where it publishes its keys (JWKS).
    pub jwks_url: String,
}

/// Bounds of what one process takes on; each has its reason in the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Readings that may wait for their commit before callers get 503.
    pub ingest_queue_readings: u32,
    /// Requests one credential may make in a minute.
    pub requests_per_minute: u32,
    /// Ingest requests one key may make in a minute.
    pub ingest_requests_per_minute: u32,
    /// Live connections of this process.
    pub stream_connections: u32,
    /// Live connections of one organization on this process.
    pub connections_per_organization: u32,
    /// Live connections of one person or key in one organization.
    pub connections_per_caller: u32,
    /// Live connections of one address that have not proved who they are.
    pub unauthenticated_per_address: u32,
    /// Handshakes of live connections that one address may begin in a second.
    pub handshakes_per_address: u32,
    /// How long live readings of a unit are gathered, in milliseconds; 0 means not at all.
    pub batch_window_ms: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ingest_queue_readings: 50_000,
            requests_per_minute: 100,
            ingest_requests_per_minute: 600,
            stream_connections: 20_000,
            connections_per_organization: 2_000,
            connections_per_caller: 20,
            unauthenticated_per_address: 50,
            handshakes_per_address: 20,
            batch_window_ms: 1_000,
        }
    }
}

/// All settings of a process.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where HTTP is answered.
    pub listen: SocketAddr,
    /// The store.
    pub database: DatabaseUrl,
    /// How hard SQLite syncs.
    pub sqlite_sync: SqliteSync,
    /// Redis for fan-out between nodes; may hold a password.
    pub redis: Option<String>,
    /// Which parts run.
    pub role: Role,
    /// Local key, SQLite file.
    pub data_dir: PathBuf,
    /// The address under which networks and people reach this server, for URLs that are handed out.
    pub public_url: Option<String>,
    /// How the log is written.
    pub log_format: LogFormat,
    /// Log filter, as `tracing` reads it.
    pub log: String,
    /// Outside identity providers.
    pub issuers: Vec<OutsideIssuer>,
    /// Origins of the pages that may open live connections; none means all.
    pub allowed_origins: Vec<String>,
    /// Bounds.
    pub limits: Limits,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("listen", &self.listen)
            .field("database", &self.database)
            .field("role", &self.role)
            .field("data_dir", &self.data_dir)
            .field("public_url", &self.public_url)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Values from flags; anything left out comes from the environment, the file or the default.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--config`
    pub config: Option<PathBuf>,
    /// `--listen`
    pub listen: Option<String>,
    /// `--database`
    pub database: Option<String>,
    /// `--redis`
    pub redis: Option<String>,
    /// `--role`
    pub role: Option<String>,
    /// `--data-dir`
    pub data_dir: Option<String>,
    /// `--public-url`
    pub public_url: Option<String>,
}

/// The file's and environment's shape: everything optional, nothing unknown.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    config: Option<String>,
    listen: Option<String>,
    database: Option<String>,
    sqlite_sync: Option<String>,
    redis: Option<String>,
    role: Option<String>,
    data_dir: Option<String>,
    public_url: Option<String>,
    log_format: Option<String>,
    log: Option<String>,
    issuers: Vec<OutsideIssuer>,
    ingest_queue_readings: Option<u32>,
    requests_per_minute: Option<u32>,
    ingest_requests_per_minute: Option<u32>,
    stream_connections: Option<u32>,
    connections_per_organization: Option<u32>,
    connections_per_caller: Option<u32>,
    unauthenticated_per_address: Option<u32>,
    handshakes_per_address: Option<u32>,
    realtime_batch_window_ms: Option<u32>,
    cors_allowed_origins: Option<String>,
}

/// Environment variables that share our prefix but are not settings of the server.
const NOT_SETTINGS: [&str; 4] = [
    "freshtrack_vectors",
    "freshtrack_require_backends",
    "freshtrack_forbidden",
    "freshtrack_services_dir",
];

/// Reads all settings.
///
/// # Errors
/// The first setting that cannot be used.
pub fn load(flags: Overrides) -> Result<Settings, SettingError> {
    from_environment(flags, std::env::vars().collect())
}

/// Reads all settings with a given environment.
///
/// # Errors
/// The first setting that cannot be used.
pub fn from_environment(
    flags: Overrides,
    environment: Vec<(String, String)>,
) -> Result<Settings, SettingError> {
    let environment: config::Map<String, String> = environment
        .into_iter()
        .filter(|(key, _)| {
            let key = key.to_ascii_lowercase();
            !key.starts_with("freshtrack_test_") && !NOT_SETTINGS.contains(&key.as_str())
        })
        .collect();
    let file = flags
        .config
        .clone()
        .or_else(|| environment.get("FRESHTRACK_CONFIG").map(PathBuf::from));
    let source = match &file {
        Some(path) => config::File::from(path.clone()).required(true),
        None => config::File::from(Path::new("freshtrack.toml")).required(false),
    };
    let raw: Raw = config::Config::builder()
        .add_source(source.format(config::FileFormat::Toml))
        .add_source(
            config::Environment::with_prefix("FRESHTRACK")
                .prefix_separator("_")
                .try_parsing(true)
                .source(Some(environment)),
        )
        .set_override_option("listen", flags.listen)
        .and_then(|b| b.set_override_option("database", flags.database))
        .and_then(|b| b.set_override_option("redis", flags.redis))
        .and_then(|b| b.set_override_option("role", flags.role))
        .and_then(|b| b.set_override_option("data_dir", flags.data_dir))
        .and_then(|b| b.set_override_option("public_url", flags.public_url))
        .and_then(config::ConfigBuilder::<config::builder::DefaultState>::build)
        .and_then(config::Config::try_deserialize)
        .map_err(from_library)?;
    check(raw)
}

/// The library's words about a source it could not read or a key it does not know.
fn from_library(error: config::ConfigError) -> SettingError {
    match error {
        config::ConfigError::Type {
            key,
            unexpected,
            expected,
            ..
        } => SettingError {
            key: key.unwrap_or_else(|| "?".to_owned()),
            value: unexpected.to_string(),
            allowed: format!("it must be {expected}"),
        },
        other => SettingError {
            key: "config".to_owned(),
            value: "freshtrack.toml or FRESHTRACK_*".to_owned(),
            allowed: format!("it cannot be read: {other}"),
        },
    }
}

fn check(raw: Raw) -> Result<Settings, SettingError> {
    let data_dir = PathBuf::from(raw.data_dir.unwrap_or_else(|| "./data".to_owned()));
    let listen: SocketAddr = parse(
        "listen",
        raw.listen.as_deref().unwrap_or("127.0.0.1:8080"),
        "it must be an address and a port, like 127.0.0.1:8080",
    )?;
    let database = match raw.database {
        Some(text) => DatabaseUrl::parse(&text)?,
        None => DatabaseUrl::sqlite(data_dir.join("freshtrack.db")),
    };
    let public_url = raw.public_url.map(web_address).transpose()?;
    for issuer in &raw.issuers {
        if !matches!(issuer.algorithm.as_str(), "RS256" | "ES256") {
            return Err(SettingError {
                key: "issuers.algorithm".to_owned(),
                value: issuer.algorithm.clone(),
                allowed: "it must be one of: RS256, ES256".to_owned(),
            });
        }
    }
    let defaults = Limits::default();
    Ok(Settings {
        listen,
        database,
        sqlite_sync: parse_word("sqlite_sync", raw.sqlite_sync.as_deref().unwrap_or("full"))?,
        redis: raw.redis.map(redis_url).transpose()?,
        role: parse_word("role", raw.role.as_deref().unwrap_or("all"))?,
        data_dir,
        public_url,
        log_format: parse_word("log_format", raw.log_format.as_deref().unwrap_or("text"))?,
        log: raw.log.unwrap_or_else(|| "info".to_owned()),
        issuers: raw.issuers,
        allowed_origins: origins(raw.cors_allowed_origins.as_deref().unwrap_or_default())?,
        limits: Limits {
            ingest_queue_readings: bounded(
                "ingest_queue_readings",
                raw.ingest_queue_readings
                    .unwrap_or(defaults.ingest_queue_readings),
                1_000..=1_000_000,
            )?,
            requests_per_minute: bounded(
                "requests_per_minute",
                raw.requests_per_minute
                    .unwrap_or(defaults.requests_per_minute),
                1..=10_000_000,
            )?,
            ingest_requests_per_minute: bounded(
                "ingest_requests_per_minute",
                raw.ingest_requests_per_minute
                    .unwrap_or(defaults.ingest_requests_per_minute),
                1..=10_000_000,
            )?,
            stream_connections: bounded(
                "stream_connections",
                raw.stream_connections
                    .unwrap_or(defaults.stream_connections),
                1..=1_000_000,
            )?,
            connections_per_organization: bounded(
                "connections_per_organization",
                raw.connections_per_organization
                    .unwrap_or(defaults.connections_per_organization),
                1..=1_000_000,
            )?,
            connections_per_caller: bounded(
                "connections_per_caller",
                raw.connections_per_caller
                    .unwrap_or(defaults.connections_per_caller),
                1..=1_000_000,
            )?,
            unauthenticated_per_address: bounded(
                "unauthenticated_per_address",
                raw.unauthenticated_per_address
                    .unwrap_or(defaults.unauthenticated_per_address),
                1..=1_000_000,
            )?,
            handshakes_per_address: bounded(
                "handshakes_per_address",
                raw.handshakes_per_address
                    .unwrap_or(defaults.handshakes_per_address),
                1..=1_000_000,
            )?,
            batch_window_ms: bounded(
                "realtime_batch_window_ms",
                raw.realtime_batch_window_ms
                    .unwrap_or(defaults.batch_window_ms),
                0..=10_000,
            )?,
        },
    })
}

/// Origins separated by commas, each as a browser sends it: scheme, host and port, nothing after.
fn origins(text: &str) -> Result<Vec<String>, SettingError> {
    let named = text.split(',').map(str::trim).filter(|one| !one.is_empty());
    named
        .map(|origin| {
            let host = origin
                .strip_prefix("https://")
                .or_else(|| origin.strip_prefix("http://"));
            if host.is_some_and(|host| !host.is_empty() && !host.contains('/')) {
                return Ok(origin.to_owned());
            }
            Err(SettingError {
                key: "cors_allowed_origins".to_owned(),
                value: origin.to_owned(),
                allowed: "each must be like https://app.example, without a path".to_owned(),
            })
        })
        .collect()
}

fn web_address(text: String) -> Result<String, SettingError> {
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    Err(SettingError {
        key: "public_url".to_owned(),
        value: text,
        allowed: "it must begin with http:// or https://".to_owned(),
    })
}

/// Checks the form of a Redis URL; the value is redacted, since it may hold a password.
fn redis_url(text: String) -> Result<String, SettingError> {
    if text.starts_with("redis://") || text.starts_with("rediss://") {
        return Ok(text);
    }
    Err(SettingError {
        key: "redis".to_owned(),
        value: format!("{}:…", text.split(':').next().unwrap_or_default()),
        allowed: "it must be redis://HOST:PORT/ or rediss://HOST:PORT/".to_owned(),
    })
}

fn parse<T: FromStr>(key: &str, value: &str, allowed: &str) -> Result<T, SettingError> {
    value.parse().map_err(|_| SettingError {
        key: key.to_owned(),
        value: value.to_owned(),
        allowed: allowed.to_owned(),
    })
}

fn parse_word<T: FromStr<Err = &'static str>>(key: &str, value: &str) -> Result<T, SettingError> {
    value.parse().map_err(|allowed: &str| SettingError {
        key: key.to_owned(),
        value: value.to_owned(),
        allowed: allowed.to_owned(),
    })
}

fn bounded(
    key: &str,
    value: u32,
    range: std::ops::RangeInclusive<u32>,
) -> Result<u32, SettingError> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(SettingError {
        key: key.to_owned(),
        value: value.to_string(),
        allowed: format!("it must be from {} to {}", range.start(), range.end()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(environment: &[(&str, &str)]) -> Result<Settings, SettingError> {
        let owned = environment
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        from_environment(Overrides::default(), owned)
    }

    #[test]
    fn defaults_need_no_other_service() {
        let settings = with(&[]).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.role, Role::All);
        assert_eq!(
            settings.database,
            DatabaseUrl::sqlite("./data/freshtrack.db")
        );
    }

    #[test]
    fn origins_are_listed_with_commas_and_have_no_path() {
        let listed = "https://a.example, http://localhost:5173";
        let settings = with(&[("FRESHTRACK_CORS_ALLOWED_ORIGINS", listed)]).unwrap();
        assert_eq!(
            settings.allowed_origins,
            ["https://a.example", "http://localhost:5173"]
        );
        for wrong in ["a.example", "https://", "https://a.example/"] {
            let error = with(&[("FRESHTRACK_CORS_ALLOWED_ORIGINS", wrong)]).unwrap_err();
            assert_eq!(error.key, "cors_allowed_origins", "{wrong}");
        }
        assert!(with(&[("FRESHTRACK_REALTIME_BATCH_WINDOW_MS", "10001")]).is_err());
    }

    #[test]
    fn flags_win_over_environment() {
        let flags = Overrides {
            listen: Some("127.0.0.1:1".to_owned()),
            ..Overrides::default()
        };
        let environment = vec![
            ("FRESHTRACK_LISTEN".to_owned(), "127.0.0.1:2".to_owned()),
            ("FRESHTRACK_ROLE".to_owned(), "worker".to_owned()),
        ];
        let settings = from_environment(flags, environment).unwrap();
        assert_eq!(settings.listen.port(), 1);
        assert_eq!(settings.role, Role::Worker);
    }

    #[test]
    fn environment_wins_over_the_file_and_the_file_over_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.toml");
        std::fs::write(&path, "listen = '127.0.0.1:3'\nrole = 'api'\n").unwrap();
        let flags = Overrides {
            config: Some(path),
            ..Overrides::default()
        };
        let environment = vec![("FRESHTRACK_LISTEN".to_owned(), "127.0.0.1:4".to_owned())];
        let settings = from_environment(flags, environment).unwrap();
        assert_eq!((settings.listen.port(), settings.role), (4, Role::Api));
    }

    #[test]
    fn a_wrong_value_names_key_value_and_what_is_allowed() {
        let error = with(&[("FRESHTRACK_ROLE", "boss")])
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "setting `role` is `boss`, but it must be one of: all, api, worker"
        );
        let error = with(&[("FRESHTRACK_LISTEN", "here")]).unwrap_err();
        assert_eq!(
            (error.key.as_str(), error.value.as_str()),
            ("listen", "here")
        );
        let error = with(&[("FRESHTRACK_REQUESTS_PER_MINUTE", "0")])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("requests_per_minute") && error.contains("from 1 to"),
            "{error}"
        );
        let error = with(&[("FRESHTRACK_REQUESTS_PER_MINUTE", "many")])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("requests_per_minute") && error.contains("many"),
            "{error}"
        );
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error = with(&[("FRESHTRACK_LISTN", "127.0.0.1:1")])
            .unwrap_err()
            .to_string();
        assert!(error.contains("listn"), "{error}");
    }

    #[test]
    fn a_database_password_is_shown_nowhere() {
        let settings =
            with(&[("FRESHTRACK_DATABASE", "postgres://ft:hunter2@db/freshtrack")]).unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
        let error = with(&[("FRESHTRACK_DATABASE", "mysql://ft:hunter2@db/x")]).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
