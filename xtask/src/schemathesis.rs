//! Schemathesis: requests generated from the served API description, good and bad, against a live
//! server on each database. No answer may be a 5xx, undocumented, or other than its schema says.
//!
//! What it is told and which checks it makes is in `openapi/schemathesis`.

use crate::live_server::LiveServer;
use crate::services::{self, Durability, Kind};
use crate::workspace::{self, command, run};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Configuration, hooks and pinned packages.
const FOLDER: &str = "openapi/schemathesis";
/// People who belong to the organization besides its owner, so that members can be changed and removed.
const COLLEAGUES: [(&str, &str); 3] = [("ann", "staff"), ("bob", "manager"), ("eve", "viewer")];

/// Operations that need not be seen to succeed: the first would take the caller's role away, the others
/// succeed by luck, on a thing that no earlier request closed, and the last on a history that random readings
/// do not make. The tests `authorization` and, of the last, `what_if` see each succeed. May only shrink.
const SPARED: [&str; 4] = [
    "transfer_ownership",
    "archive_unit",
    "snooze_alert",
    "try_rules",
];

/// `cargo xtask schemathesis`
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Only this database.
    #[arg(long)]
    database: Option<Database>,
    /// Seconds that fuzzing and stateful testing may take on each database.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Same seed, same requests.
    #[arg(long, default_value_t = 20_261_122)]
    seed: u64,
    /// Further words for `schemathesis run`.
    #[arg(last = true)]
    words: Vec<String>,
}

impl Default for Args {
    /// What CI runs.
    fn default() -> Self {
        Self {
            database: None,
            seconds: 60,
            seed: 20_261_122,
            words: Vec::new(),
        }
    }
}

/// A store that the server runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

/// Runs it against a server that is built now.
pub(crate) fn run_alone(args: &Args) -> Result<()> {
    check_with(&workspace::built_server()?, args)
}

/// Runs it against `server`.
///
/// # Errors
/// A check failed, or an operation was never seen to succeed: then its checks were empty.
pub(crate) fn check_with(server: &Path, args: &Args) -> Result<()> {
    let program = install()?;
    let wanted = |database| args.database.is_none_or(|only| only == database);
    if wanted(Database::Sqlite) {
        attack(&program, server, "sqlite", None, args)?;
    }
    if wanted(Database::Postgres) {
        services::with(&[Kind::Pg], Durability::Fast, |variables| {
            let (_, url) = variables.first().context("PostgreSQL runs")?;
            attack(&program, server, "postgres", Some(url), args)
        })?;
    }
    Ok(())
}

fn attack(
    program: &Path,
    server: &Path,
    name: &str,
    database: Option<&str>,
    args: &Args,
) -> Result<()> {
    let live = LiveServer::start(server, &format!("schemathesis-{name}"), database)?;
    for (who, role) in COLLEAGUES {
        live.make_member(&format!("{who}@kitchen.example"), role)?;
    }
    let report = workspace::target_dir().join(format!("schemathesis-{name}.json"));
    if report.exists() {
        fs::remove_file(&report)?;
    }
    println!("schemathesis: {name}");
    let mut seen = Statuses::new();
    // What is certain comes first and whole; what could go on for ever has its time.
    let seconds = args.seconds.to_string();
    for phases in [
        &["--phases", "examples,coverage"][..],
        &["--phases", "fuzzing,stateful", "--max-time", &seconds],
    ] {
        let mut command = command(program)?;
        command
            .current_dir(workspace::root().join(FOLDER))
            .args(["--config-file", "schemathesis.toml", "run"])
            .arg(format!("{}/api/v1/openapi.json", live.url()))
            .args(["--no-color", "--seed", &args.seed.to_string()])
            .args(phases)
            .args(&args.words)
            .envs(live.variables())
            .env("KITCHEN_REPORT", &report);
        // Fixed, like the seed: the order of Python's sets takes part in what is generated.
        command
            .env("PYTHONHASHSEED", "0")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env(
                "HYPOTHESIS_STORAGE_DIRECTORY",
                workspace::target_dir().join("hypothesis"),
            );
        let limit = Duration::from_secs(u64::from(args.seconds) + 600);
        if let Err(error) = workspace::run_within(&mut command, limit) {
            eprintln!("{}", live.log()?);
            return Err(error.context(format!("the API over {name} breaks its own description")));
        }
        add(&mut seen, &fs::read_to_string(&report)?)?;
    }
    let never: Vec<_> = never_succeeded(&seen);
    if args.words.is_empty() && !never.is_empty() {
        bail!(
            "never answered with success over {name}, so hardly tested: {}",
            never.join(", ")
        );
    }
    let requests: u64 = seen.values().flat_map(BTreeMap::values).sum();
    println!(
        "schemathesis: {name}: {} operations, {requests} requests",
        seen.len()
    );
    Ok(())
}

/// How often each operation answered with each status.
type Statuses = BTreeMap<String, BTreeMap<u16, u64>>;

#[derive(Deserialize)]
#[serde(transparent)]
struct Report(Statuses);

fn add(seen: &mut Statuses, report: &str) -> Result<()> {
    let Report(report) = serde_json::from_str(report).context("the hooks' report")?;
    for (operation, statuses) in report {
        let all = seen.entry(operation).or_default();
        for (status, count) in statuses {
            *all.entry(status).or_default() += count;
        }
    }
    Ok(())
}

fn never_succeeded(seen: &Statuses) -> Vec<&str> {
    let failed = |statuses: &BTreeMap<u16, u64>| statuses.keys().all(|status| *status >= 300);
    let never = seen.iter().filter(|(_, statuses)| failed(statuses));
    let names = never.map(|(operation, _)| operation.as_str());
    names.filter(|name| !SPARED.contains(name)).collect()
}

/// The program, in an environment of its own that is made anew when the pinned packages change.
fn install() -> Result<PathBuf> {
    services::install_python()?;
    let folder = workspace::tools_dir().join("schemathesis");
    let program = folder.join("bin/schemathesis");
    let pinned = fs::read_to_string(workspace::root().join(FOLDER).join("requirements.txt"))?;
    let stamp = folder.join("requirements.txt");
    if program.exists() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == pinned) {
        return Ok(program);
    }
    println!("schemathesis: installing the packages of {FOLDER}/requirements.txt");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    run(command("python3")?.args(["-m", "venv"]).arg(&folder))?;
    let requirements = format!("{FOLDER}/requirements.txt");
    run(command(folder.join("bin/pip"))?
        .args([
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "-r",
        ])
        .arg(requirements))?;
    fs::write(stamp, pinned)?;
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_that_only_ever_refused_is_named_whatever_the_phase() {
        let mut seen = Statuses::new();
        add(
            &mut seen,
            r#"{"get_unit": {"404": 3}, "list_units": {"200": 1, "422": 4}}"#,
        )
        .unwrap();
        assert_eq!(never_succeeded(&seen), ["get_unit"]);
        add(&mut seen, r#"{"get_unit": {"404": 1, "200": 2}}"#).unwrap();
        assert!(never_succeeded(&seen).is_empty());
        assert_eq!(seen["get_unit"][&404], 4);
        assert!(add(&mut seen, "[]").is_err());
    }
}
