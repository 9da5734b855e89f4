//! The command line: what it offers, and which exit code says what.
#![expect(
    clippy::doc_markdown,
    reason = "these comments are the help text, where backticks are noise"
)]

use crate::commands;
use crate::config::{Overrides, SettingError};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Temperature monitoring for food safety: readings in, alerts out, a record that holds.
///
/// Every setting is a flag, an environment variable (`FRESHTRACK_` and its name in capitals, e.g.
/// `FRESHTRACK_DATABASE`), or a line in `freshtrack.toml`; a flag wins over the environment, the
/// environment over the file. Further settings of the file and the environment: `sqlite_sync`
/// (full, normal), `log_format` (text, json), `log` (a filter like info or freshtrack_server=debug),
/// `issuers` (file only: issuer, audience, algorithm RS256 or ES256, `jwks_url`),
/// `ingest_queue_readings`, `requests_per_minute`, `ingest_requests_per_minute`,
/// `stream_connections`, `connections_per_organization`, `connections_per_caller`,
/// `unauthenticated_per_address`, `handshakes_per_address`, `realtime_batch_window_ms`,
/// `cors_allowed_origins` (with commas).
///
/// Exit codes: 0 done, 1 failed, 2 a wrong flag or setting, 3 it exists already.
#[derive(Debug, Parser)]
#[command(name = "freshtrack", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(Serve),
    /// Run the background work of a server: `serve --role worker`
    Work(Serve),
    /// Bring the database to the newest schema and stop
    Migrate(Store),
    /// Make an organization with owner, first site, area and unit, ingest key and webhook
    Bootstrap(Bootstrap),
    /// Sign a token for a person, with the key in the data directory
    Token(Token),
    /// Show the whole journey: a simulated fleet, real ingest, alerts, and what was missed
    Demo(Demo),
    /// Run a recorded series through the alert engine
    Replay(Replay),
    /// Decode a sensor's payload and show the readings in it
    Decode(Decode),
    /// Check audit chains in the database
    VerifyAudit(Store),
    /// Print the OpenAPI document
    Openapi,
}

/// Where the data is.
#[derive(Debug, Args, Clone)]
pub struct Store {
    /// Settings file; `freshtrack.toml` in the working directory if it is there
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`; a file in the data directory if left out
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// Directory of the local signing key and the embedded database [default: ./data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,
}

impl Store {
    /// As settings.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        Overrides {
            config: self.config.clone(),
            database: self.database.clone(),
            data_dir: self.data_dir.clone(),
            ..Overrides::default()
        }
    }
}

/// Flags of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    store: Store,
    /// Address and port to answer HTTP on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Redis for fan-out between several nodes: `redis://HOST:PORT/`; none is needed for one node
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// Which parts run here: all, api, worker [default: all]
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Address under which people and networks reach this server [default: http://LISTEN]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

/// Flags of `bootstrap`.
#[derive(Debug, Args)]
pub struct Bootstrap {
    #[command(flatten)]
    pub(crate) store: Store,
    /// Name of the organization
    #[arg(long, value_name = "NAME")]
    pub(crate) organization: String,
    /// E-mail address of its owner
    #[arg(long, value_name = "EMAIL")]
    pub(crate) owner: String,
    /// Kind of the first unit: fridge, freezer, display_case, walk_in_cooler, walk_in_freezer, blast_chiller
    #[arg(long, value_name = "TYPE", default_value = "fridge")]
    pub(crate) unit_type: String,
    /// Address under which people and networks reach the server, for the webhook's URL
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// Flags of `token`.
#[derive(Debug, Args)]
pub struct Token {
    #[command(flatten)]
    pub(crate) store: Store,
    /// Id of the organization
    #[arg(long, value_name = "ID")]
    pub(crate) organization: String,
    /// E-mail address of the person
    #[arg(long, value_name = "EMAIL")]
    pub(crate) user: String,
    /// Role the person has from now on: viewer, staff, manager, admin, owner
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: String,
    /// How long the token is good: 30s, 15m, 1h, 7d
    #[arg(
        long,
        value_name = "TIME",
        default_value = "1h",
        allow_hyphen_values = true
    )]
    pub(crate) ttl: String,
}

/// Flags of `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// How long it runs: 30s, 3m
    #[arg(long = "for", value_name = "TIME", default_value = "3m")]
    pub(crate) duration: String,
    /// Seed of the simulated fleet; the same seed tells the same story
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// Address and port to answer HTTP on; a free port if left out
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: String,
}

/// Flags of `replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// The recorded series
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: PathBuf,
    /// Column of the time: RFC 3339, or with an offset like +0200, or seconds since 1970
    #[arg(long, value_name = "NAME")]
    pub(crate) time_column: String,
    /// Column of the temperature
    #[arg(long, value_name = "NAME")]
    pub(crate) temperature_column: String,
    /// Scale of the temperatures: C or F
    #[arg(long, value_name = "SCALE", default_value = "C")]
    pub(crate) unit: String,
    /// Column separator, one character
    #[arg(long, value_name = "CHAR", default_value = ",")]
    pub(crate) delimiter: String,
    /// Kind of unit: fridge, freezer, display_case, walk_in_cooler, walk_in_freezer, blast_chiller
    #[arg(long, value_name = "TYPE")]
    pub(crate) unit_type: String,
    /// Upper limit in the series' scale, instead of the unit type's
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    pub(crate) max: Option<String>,
    /// Lower limit in the series' scale, instead of the unit type's
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    pub(crate) min: Option<String>,
    /// Keep one reading per stretch of this length: 15m
    #[arg(long, value_name = "TIME")]
    pub(crate) resample: Option<String>,
    /// Rule fields as JSON, e.g. {"confirm_closed_seconds": 900}
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
}

/// Flags of `decode`.
#[derive(Debug, Args)]
pub struct Decode {
    /// Family of the device, e.g. lht65, em300-th, elsys, cayenne-lpp
    #[arg(long, value_name = "FAMILY", conflicts_with_all = ["js", "jsonl"])]
    pub(crate) device: Option<String>,
    /// File with a payload formatter in JavaScript, run in the sandbox
    #[arg(long, value_name = "FILE", conflicts_with = "jsonl")]
    pub(crate) js: Option<PathBuf>,
    /// LoRaWAN port; not checked if left out
    #[arg(long, value_name = "N")]
    pub(crate) f_port: Option<u8>,
    /// The payload in hexadecimal
    #[arg(long, value_name = "BYTES")]
    pub(crate) hex: Option<String>,
    /// When it was received (RFC 3339); now if left out
    #[arg(long, value_name = "TIME")]
    pub(crate) recv_time: Option<String>,
    /// The device's variables for a formatter, as JSON
    #[arg(long, value_name = "JSON")]
    pub(crate) variables: Option<String>,
    /// Read one {"js"|"device", "f_port", "hex", "recv_time"?} a line from standard input, answer one line each
    #[arg(long)]
    pub(crate) jsonl: bool,
}

/// Why a command failed, and with which exit code.
#[derive(Debug)]
pub enum Failure {
    /// A wrong flag or setting: exit 2.
    Usage(String),
    /// It exists already: exit 3.
    Conflict(String),
    /// Anything else: exit 1.
    Failed(anyhow::Error),
}

impl From<SettingError> for Failure {
    fn from(error: SettingError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<freshtrack_core::error::StoreError> for Failure {
    fn from(error: freshtrack_core::error::StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// Runs the command that the arguments name.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let outcome = commands::runtime()
        .map_err(Failure::Failed)
        .and_then(|runtime| {
            runtime.block_on(async {
                match cli.command {
                    Command::Serve(flags) => commands::serve::run(flags.overrides()).await,
                    Command::Work(flags) => {
                        let role = Some("worker".to_owned());
                        commands::serve::run(Overrides {
                            role,
                            ..flags.overrides()
                        })
                        .await
                    }
                    Command::Migrate(flags) => commands::migrate::run(&flags).await,
                    Command::Bootstrap(flags) => commands::bootstrap::run(flags).await,
                    Command::Token(flags) => commands::token::run(flags).await,
                    Command::Demo(flags) => commands::demo::run(flags).await,
                    Command::Replay(flags) => commands::replay::run(&flags),
                    Command::Decode(flags) => commands::decode::run(&flags),
                    Command::VerifyAudit(flags) => commands::verify_audit::run(&flags).await,
                    Command::Openapi => commands::openapi::run(),
                }
            })
        });
    match outcome {
        Ok(code) => code,
        Err(Failure::Usage(message)) => fail(2, &message),
        Err(Failure::Conflict(message)) => fail(3, &message),
        Err(Failure::Failed(error)) => fail(1, &format!("{error:#}")),
    }
}

#[expect(clippy::print_stderr, reason = "the command line talks to people")]
fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("freshtrack: {message}");
    ExitCode::from(code)
}

impl Serve {
    fn overrides(&self) -> Overrides {
        Overrides {
            listen: self.listen.clone(),
            redis: self.redis.clone(),
            role: self.role.clone(),
            public_url: self.public_url.clone(),
            ..self.store.overrides()
        }
    }
}

/// Reads a length of time: a whole number and `s`, `m`, `h` or `d`.
///
/// # Errors
/// A usage failure that names the flag.
pub fn parse_time(flag: &str, text: &str) -> Result<freshtrack_core::time::Span, Failure> {
    let wrong = || {
        Failure::Usage(format!(
            "`{flag}` is `{text}`, but it must be like 30s, 15m, 1h or 7d"
        ))
    };
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let count: i64 = digits.parse().map_err(|_| wrong())?;
    if !(1..=3_650 * 86_400).contains(&(count.saturating_mul(factor))) {
        return Err(wrong());
    }
    Ok(freshtrack_core::time::Span::from_seconds(count * factor))
}
