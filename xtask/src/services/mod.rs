//! Private backends for tests: PostgreSQL, Redis and Mosquitto, on loopback, on free ports.
//!
//! Nothing of the machine is used or touched: each service gets its own port, data folder and log
//! under `target/services` (or `FRESHTRACK_SERVICES_DIR`), and only processes that were started
//! here are ever stopped. A missing program is installed from Debian's packages when we are root.

mod daemon;
mod mosquitto;
mod packages;
mod port;
mod postgres;
mod record;
mod redis;

use crate::workspace;
use anyhow::{Context, Result};
use clap::{Subcommand, ValueEnum};
use record::Record;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// `cargo xtask services …`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder for data, logs and records; default `target/services`.
    #[arg(long, env = "FRESHTRACK_SERVICES_DIR", global = true)]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start the named services (default: all) and print KEY=VALUE lines.
    Up {
        /// Which to start.
        kinds: Vec<Kind>,
        /// Keep PostgreSQL's fsync on: slower, and honest about crashes and speed.
        #[arg(long)]
        durable: bool,
    },
    /// Print `export` lines: `eval "$(cargo xtask services env)"`.
    Env,
    /// Say which services run.
    Status,
    /// Stop what `up` started and remove its data.
    Down,
}

/// A backend that tests can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// PostgreSQL.
    Pg,
    /// Redis.
    Redis,
    /// The Mosquitto MQTT broker.
    Mqtt,
}

impl Kind {
    /// Every kind, in the order in which they are started.
    pub(crate) const ALL: [Self; 3] = [Self::Pg, Self::Redis, Self::Mqtt];

    /// Name of the record, the log and the data folder.
    fn name(self) -> &'static str {
        match self {
            Self::Pg => "pg",
            Self::Redis => "redis",
            Self::Mqtt => "mqtt",
        }
    }

    /// The environment variable by which tests find it.
    fn variable(self) -> &'static str {
        match self {
            Self::Pg => "FRESHTRACK_TEST_POSTGRES_URL",
            Self::Redis => "FRESHTRACK_TEST_REDIS_URL",
            Self::Mqtt => "FRESHTRACK_TEST_MQTT_URL",
        }
    }

    /// Debian's package with the program.
    fn package(self) -> &'static str {
        match self {
            Self::Pg => "postgresql",
            Self::Redis => "redis-server",
            Self::Mqtt => "mosquitto",
        }
    }

    fn is_installed(self) -> Result<bool> {
        Ok(match self {
            Self::Pg => postgres::programs()?.is_some(),
            Self::Redis => redis::program()?.is_some(),
            Self::Mqtt => mosquitto::program()?.is_some(),
        })
    }
}

/// Whether PostgreSQL really waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// `fsync` stays on.
    Durable,
    /// `fsync` is off: right for tests that do not pull the plug.
    Fast,
}

/// Runs `cargo xtask services`.
pub(crate) fn run(args: &Args) -> Result<()> {
    let dir = args
        .dir
        .clone()
        .unwrap_or_else(|| workspace::target_dir().join("services"));
    match &args.verb {
        Verb::Up { kinds, durable } => {
            let kinds = if kinds.is_empty() {
                Kind::ALL.to_vec()
            } else {
                kinds.clone()
            };
            let durability = if *durable {
                Durability::Durable
            } else {
                Durability::Fast
            };
            for (key, value) in up(&dir, &kinds, durability)? {
                println!("{key}={value}");
            }
        }
        Verb::Env => {
            for (key, value) in variables(&dir)? {
                println!("export {key}='{value}'");
            }
        }
        Verb::Status => {
            for kind in Kind::ALL {
                match Record::load(&dir, kind)?.filter(Record::is_running) {
                    Some(record) => println!("{} pid {} {}", kind.name(), record.pid, record.url),
                    None => println!("{} -", kind.name()),
                }
            }
        }
        Verb::Down => {
            down(&dir)?;
            down_abandoned(&workspace::target_dir())?;
        }
    }
    Ok(())
}

/// Runs `work` with private services of its own, and brings them down however `work` ends.
///
/// `work` gets the variables that tests read. The services share nothing with those of
/// `cargo xtask services up`, so a test run neither sees nor stops a developer's own.
pub(crate) fn with<T>(
    kinds: &[Kind],
    durability: Durability,
    work: impl FnOnce(&[(String, String)]) -> Result<T>,
) -> Result<T> {
    let target = workspace::target_dir();
    down_abandoned(&target)?;
    let guard = DownAtEnd {
        dir: target.join(format!("{RUN_PREFIX}{}", std::process::id())),
    };
    let variables = up(&guard.dir, kinds, durability)?;
    work(&variables)
}

/// Name of a folder of [`with`], before the pid of its owner.
const RUN_PREFIX: &str = "services-run-";

/// Brings down what a [`with`] left that was killed before it could.
fn down_abandoned(target: &Path) -> Result<()> {
    for entry in fs::read_dir(target)? {
        let entry = entry?;
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(RUN_PREFIX)?.parse().ok());
        if owner.is_some_and(|pid| record::start_time(pid).is_none()) {
            down(&entry.path())?;
        }
    }
    Ok(())
}

/// Stops the services when dropped, so that neither an error nor a panic leaves one behind.
#[derive(Debug)]
struct DownAtEnd {
    dir: PathBuf,
}

impl Drop for DownAtEnd {
    fn drop(&mut self) {
        if let Err(error) = down(&self.dir) {
            eprintln!("services: cannot stop all of them: {error:#}");
        }
    }
}

/// Starts those of `kinds` that do not run yet; gives the variables of all that run.
fn up(dir: &Path, kinds: &[Kind], durability: Durability) -> Result<Vec<(String, String)>> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let dir = &dir.canonicalize()?;
    install_missing(kinds)?;
    for &kind in kinds {
        if Record::load(dir, kind)?.is_some_and(|record| record.is_running()) {
            continue;
        }
        let started = Instant::now();
        let record = match kind {
            Kind::Pg => postgres::start(dir, durability),
            Kind::Redis => redis::start(dir),
            Kind::Mqtt => mosquitto::start(dir),
        }?;
        let url = &record.url;
        eprintln!(
            "services: {} up in {} ms: {url}",
            kind.name(),
            started.elapsed().as_millis()
        );
    }
    variables(dir)
}

fn install_missing(kinds: &[Kind]) -> Result<()> {
    let mut missing = Vec::new();
    for kind in kinds {
        if !kind.is_installed()? {
            missing.push(kind.package());
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        packages::install(&missing)
    }
}

/// The Node that checks run on, whatever the system has: Debian 12 ships 18.
const NODE_VERSION: &str = "22.20.0";

/// Makes sure that npm is there, and with it the one version of Node that checks run on.
pub(crate) fn install_node() -> Result<()> {
    use crate::workspace::{command, find_program, node_dir, run};
    let mut missing = Vec::new();
    for (program, package) in [("node", "nodejs"), ("npm", "npm")] {
        if find_program(program)?.is_none() {
            missing.push(package);
        }
    }
    if !missing.is_empty() {
        packages::install(&missing)?;
    }
    let asked = command("node")?.arg("--version").output()?;
    if asked.stdout.trim_ascii() == format!("v{NODE_VERSION}").as_bytes() {
        return Ok(());
    }
    println!("node: installing {NODE_VERSION} from npm");
    run(command("npm")?
        .args([
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--no-save",
            "--prefix",
        ])
        .arg(node_dir())
        .arg(format!("node@{NODE_VERSION}")))
}

/// Makes sure that Python can make an environment of its own, for Schemathesis.
pub(crate) fn install_python() -> Result<()> {
    if crate::workspace::find_program("python3")?.is_some() {
        let asked = crate::workspace::command("python3")?
            .args(["-c", "import ensurepip, venv"])
            .stderr(std::process::Stdio::null())
            .status()?;
        if asked.success() {
            return Ok(());
        }
    }
    packages::install(&["python3", "python3-venv"])
}

/// The variables of the services that run.
fn variables(dir: &Path) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for kind in Kind::ALL {
        if let Some(record) = Record::load(dir, kind)?.filter(Record::is_running) {
            found.push((kind.variable().to_owned(), record.url));
        }
    }
    Ok(found)
}

/// Stops every recorded service, newest first, and removes its data; keeps PostgreSQL's template.
fn down(dir: &Path) -> Result<()> {
    let mut first_error = None;
    for kind in Kind::ALL.into_iter().rev() {
        if let Err(error) = stop_one(dir, kind) {
            first_error.get_or_insert(error);
        }
    }
    match first_error {
        Some(error) => Err(error),
        None if !dir.exists() => Ok(()),
        None => fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display())),
    }
}

fn stop_one(dir: &Path, kind: Kind) -> Result<()> {
    let Some(record) = Record::load(dir, kind)? else {
        return Ok(());
    };
    record
        .stop()
        .with_context(|| format!("cannot stop {}", kind.name()))?;
    if record.data.exists() {
        fs::remove_dir_all(&record.data)?;
    }
    Record::forget(dir, kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_runs_in_a_folder_that_does_not_exist() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("absent");
        assert_eq!(variables(&dir).unwrap(), []);
        down(&dir).unwrap();
    }

    #[test]
    fn what_a_killed_run_left_is_removed_and_a_living_run_is_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        let dead = temp.path().join(format!("{RUN_PREFIX}{}", i32::MAX));
        let living = temp
            .path()
            .join(format!("{RUN_PREFIX}{}", std::process::id()));
        let other = temp.path().join("debug");
        for dir in [&dead, &living, &other] {
            fs::create_dir(dir).unwrap();
        }
        down_abandoned(temp.path()).unwrap();
        assert_eq!(
            (dead.exists(), living.exists(), other.exists()),
            (false, true, true)
        );
    }

    #[test]
    fn down_forgets_a_dead_service_and_removes_its_data() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("services");
        let data = temp.path().join("elsewhere");
        fs::create_dir_all(&dir).unwrap();
        fs::create_dir_all(&data).unwrap();
        let dead = Record {
            pid: 1,
            start_time: 0,
            url: "x".to_owned(),
            data: data.clone(),
            signal: record::Stop::Terminate,
        };
        dead.save(&dir, Kind::Redis).unwrap();
        assert_eq!(
            variables(&dir).unwrap(),
            [],
            "pid 1 started at another time: not ours"
        );
        down(&dir).unwrap();
        assert!(!dir.exists() && !data.exists());
    }
}
