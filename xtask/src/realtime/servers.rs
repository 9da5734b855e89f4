//! The servers under load: processes of their own, pinned to a core where that can be.

use super::wire::request;
use crate::workspace;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A process that is ended when dropped.
pub(super) struct Process {
    child: Child,
    pub(super) address: String,
}

impl Process {
    /// Starts a server that prints `listening on …` once it answers.
    fn start(mut command: Command, address: String, core: Option<u32>) -> Result<Self> {
        if let Some(core) = core {
            let mut pinned = Command::new("taskset");
            pinned.args(["-c", &core.to_string()]);
            pinned.arg(command.get_program()).args(command.get_args());
            if let Some(folder) = command.get_current_dir() {
                pinned.current_dir(folder);
            }
            for (name, value) in command.get_envs() {
                if let Some(value) = value {
                    pinned.env(name, value);
                }
            }
            command = pinned;
        }
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{}`", workspace::shown(&command)))?;
        let stdout = child.stdout.take().context("its output is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        if !line.starts_with("listening on ") {
            child.kill()?;
            child.wait()?;
            bail!("the server did not start: {line}");
        }
        Ok(Self { child, address })
    }

    /// Resident memory.
    pub(super) fn memory_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let figure = line.and_then(|line| line.split_whitespace().next());
        Ok(figure.context("no VmRSS")?.parse()?)
    }

    /// Processor time used so far, user and system, in ticks of 10 ms.
    pub(super) fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, fields) = stat.rsplit_once(") ").context("no stat")?;
        let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>);
        let ticks: u64 = ticks.sum::<Result<u64, _>>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Asks it to stop, as a service manager does.
    pub(super) fn terminate(&self) -> Result<()> {
        workspace::run(Command::new("kill").args(["-TERM", &self.child.id().to_string()]))
    }

    pub(super) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to tell.
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

/// An address nobody listens on.
pub(super) fn free_address() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.to_string())
}

/// Our server: its program, its data, and the facts of its organization.
pub(super) struct Freshtrack {
    program: PathBuf,
    data: PathBuf,
    pub(super) facts: Value,
    /// Settings beside the flags.
    settings: Vec<(&'static str, String)>,
}

impl Freshtrack {
    /// An organization in an empty folder.
    pub(super) fn new(program: &Path, data: &Path, window_ms: u32) -> Result<Self> {
        if data.exists() {
            std::fs::remove_dir_all(data)?;
        }
        std::fs::create_dir_all(data)?;
        let made = Command::new(program)
            .args([
                "bootstrap",
                "--organization",
                "Bench",
                "--owner",
                "bench@example.com",
                "--json",
            ])
            .arg("--data-dir")
            .arg(data)
            .current_dir(data)
            .output()?;
        if !made.status.success() {
            bail!("bootstrap: {}", String::from_utf8_lossy(&made.stderr));
        }
        let wide = "1000000".to_owned();
        let settings = vec![
            ("FRESHTRACK_LOG", "error".to_owned()),
            ("FRESHTRACK_CONNECTIONS_PER_CALLER", wide.clone()),
            ("FRESHTRACK_CONNECTIONS_PER_ORGANIZATION", wide.clone()),
            ("FRESHTRACK_UNAUTHENTICATED_PER_ADDRESS", wide.clone()),
            ("FRESHTRACK_HANDSHAKES_PER_ADDRESS", wide.clone()),
            ("FRESHTRACK_REQUESTS_PER_MINUTE", wide.clone()),
            ("FRESHTRACK_INGEST_REQUESTS_PER_MINUTE", wide),
            ("FRESHTRACK_REALTIME_BATCH_WINDOW_MS", window_ms.to_string()),
        ];
        Ok(Self {
            program: program.to_owned(),
            data: data.to_owned(),
            facts: serde_json::from_slice(&made.stdout)?,
            settings,
        })
    }

    /// A fact that is a text.
    pub(super) fn fact(&self, name: &str) -> &str {
        self.facts[name].as_str().unwrap_or_default()
    }

    /// One node at `address`.
    pub(super) fn start(
        &self,
        address: &str,
        redis: Option<&str>,
        core: Option<u32>,
    ) -> Result<Process> {
        let mut command = Command::new(&self.program);
        command
            .args(["serve", "--listen", address, "--data-dir"])
            .arg(&self.data)
            .current_dir(&self.data)
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        if let Some(redis) = redis {
            command.args(["--redis", redis]);
        }
        Process::start(command, address.to_owned(), core)
    }

    /// Units with these numbers in their names, made over the API of a running node.
    pub(super) async fn units(
        &self,
        address: &str,
        numbers: std::ops::Range<u32>,
    ) -> Result<Vec<String>> {
        let bearer = format!("Bearer {}", self.fact("owner_token"));
        let path = format!(
            "/api/v1/organizations/{}/units",
            self.fact("organization_id")
        );
        let mut units = Vec::new();
        for number in numbers {
            let body = json!({
                "area_id": self.fact("area_id"), "name": format!("Unit {number}"),
                "unit_type": "fridge",
            });
            let headers = [("authorization", bearer.as_str())];
            let (status, answer) =
                request(address, "POST", &path, &headers, &body.to_string()).await?;
            if status != 201 {
                bail!("a unit could not be made: {status} {answer}");
            }
            let made: Value = serde_json::from_str(&answer)?;
            units.push(made["id"].as_str().context("no id")?.to_owned());
        }
        Ok(units)
    }
}

/// The peer: Socket.IO on Node.
pub(super) fn start_node(address: &str, redis: Option<&str>, core: Option<u32>) -> Result<Process> {
    let folder = workspace::root().join("bench/realtime");
    let (_, port) = address.rsplit_once(':').context("an address has a port")?;
    let mut command = Command::new("node");
    command.args(["server.mjs", port]).current_dir(&folder);
    if let Some(redis) = redis {
        command.env("REDIS_URL", redis);
    }
    Process::start(command, address.to_owned(), core)
}

/// A Redis of our own on a free port, without persistence.
pub(super) struct Redis {
    port: String,
    child: Option<Child>,
}

impl Redis {
    pub(super) fn start() -> Result<Self> {
        let address = free_address()?;
        let (_, port) = address.rsplit_once(':').context("an address has a port")?;
        let mut redis = Self {
            port: port.to_owned(),
            child: None,
        };
        redis.up()?;
        Ok(redis)
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(super) fn up(&mut self) -> Result<()> {
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &self.port])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .context("starting redis-server")?;
        self.child = Some(child);
        Ok(())
    }

    pub(super) fn down(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.down());
    }
}
