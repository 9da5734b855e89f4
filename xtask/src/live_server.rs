//! A FreshTrack server for one check: its own data, one organization, a free port.

use crate::workspace::{self, poll};
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a server may take until it listens, migrations included.
const START_PATIENCE: Duration = Duration::from_mins(1);
/// How long it may take to drain before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(15);
/// Lines of its log that a failure shows.
const LOG_LINES: usize = 30;
/// Nothing that calls it may be slowed down.
const NO_LIMIT: &str = "10000000";

/// What `freshtrack bootstrap --json` prints, as far as checks need it.
#[derive(Debug, Deserialize)]
struct Bootstrapped {
    organization_id: String,
    owner_id: String,
    unit_id: String,
    owner_token: String,
    api_key: String,
}

/// A running server; stopped and removed when dropped.
#[derive(Debug)]
pub(crate) struct LiveServer {
    program: PathBuf,
    folder: PathBuf,
    database: Option<String>,
    url: String,
    made: Bootstrapped,
    child: Child,
}

impl LiveServer {
    /// Makes an organization in an empty database and starts the server over it: an embedded one of its
    /// own, or the one at `database`.
    ///
    /// # Errors
    /// It could not be started: with the end of its log.
    pub(crate) fn start(program: &Path, name: &str, database: Option<&str>) -> Result<Self> {
        let folder = workspace::target_dir()
            .join("live")
            .join(format!("{name}-{}", std::process::id()));
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let owner = [
            "--organization",
            "Kitchen",
            "--owner",
            "owner@kitchen.example",
            "--json",
        ];
        let printed = output(&mut freshtrack(
            program,
            &folder,
            database,
            "bootstrap",
            &owner,
        ))?;
        let made = serde_json::from_str(&printed).context("bootstrap printed something else")?;
        let log = File::create(folder.join("server.log"))?;
        let mut child = freshtrack(
            program,
            &folder,
            database,
            "serve",
            &["--listen", "127.0.0.1:0"],
        )
        .env("FRESHTRACK_REQUESTS_PER_MINUTE", NO_LIMIT)
        .env("FRESHTRACK_INGEST_REQUESTS_PER_MINUTE", NO_LIMIT)
        .env("FRESHTRACK_SQLITE_SYNC", "normal")
        .env("FRESHTRACK_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .context("cannot start the server")?;
        let listening = child.stdout.take().map_or(Ok(None), address);
        let mut server = Self {
            program: program.to_path_buf(),
            folder,
            database: database.map(ToOwned::to_owned),
            url: String::new(),
            made,
            child,
        };
        match listening? {
            Some(url) => server.url = url,
            None => bail!("the server did not start:\n{}", server.log()?),
        }
        Ok(server)
    }

    /// Where it answers, without a slash at the end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Makes a person a member.
    ///
    /// # Errors
    /// The command line refused.
    pub(crate) fn make_member(&self, email: &str, role: &str) -> Result<()> {
        let org = self.made.organization_id.as_str();
        let words = ["--organization", org, "--user", email, "--role", role];
        let database = self.database.as_deref();
        output(&mut freshtrack(
            &self.program,
            &self.folder,
            database,
            "token",
            &words,
        ))?;
        Ok(())
    }

    /// The variables by which clients find it and present themselves.
    pub(crate) fn variables(&self) -> [(&'static str, &str); 6] {
        [
            ("KITCHEN_URL", &self.url),
            ("KITCHEN_ORG", &self.made.organization_id),
            ("KITCHEN_UNIT", &self.made.unit_id),
            ("KITCHEN_OWNER", &self.made.owner_id),
            ("KITCHEN_TOKEN", &self.made.owner_token),
            ("KITCHEN_KEY", &self.made.api_key),
        ]
    }

    /// The last lines of its log.
    ///
    /// # Errors
    /// The log cannot be read.
    pub(crate) fn log(&self) -> Result<String> {
        let text = fs::read(self.folder.join("server.log"))?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        Ok(lines[lines.len().saturating_sub(LOG_LINES)..].join("\n"))
    }

    fn stop(&mut self) -> Result<()> {
        let pid = i32::try_from(self.child.id())?;
        if let Some(pid) = Pid::from_raw(pid).filter(|_| matches!(self.child.try_wait(), Ok(None)))
        {
            kill_process(pid, Signal::TERM)?;
        }
        if poll(STOP_PATIENCE, || Ok(self.child.try_wait()?))?.is_none() {
            self.child.kill()?;
            self.child.wait()?;
        }
        fs::remove_dir_all(&self.folder)?;
        Ok(())
    }
}

impl Drop for LiveServer {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("live server: cannot be stopped: {error:#}");
        }
    }
}

/// `freshtrack <verb>` on the data of a server, in a folder without a settings file.
fn freshtrack(
    program: &Path,
    folder: &Path,
    database: Option<&str>,
    verb: &str,
    words: &[&str],
) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .arg(verb)
        .args(["--data-dir", "data"]);
    if let Some(url) = database {
        command.args(["--database", url]);
    }
    command.args(words);
    command
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output().context("cannot start the program")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed: {said}", workspace::shown(command));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The address in the line that the server prints when it listens; none if it ends before.
fn address(stdout: ChildStdout) -> Result<Option<String>> {
    let (found, line) = mpsc::channel();
    // Reads to the end, so that the server never writes into a closed pipe.
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some((_, url)) = line.split_once("listening on ") {
                // Nobody waits any more once the first line is there.
                found.send(url.to_owned()).ok();
            }
        }
    });
    match line.recv_timeout(START_PATIENCE) {
        Ok(url) => Ok(Some(url)),
        Err(mpsc::RecvTimeoutError::Disconnected) => Ok(None),
        Err(mpsc::RecvTimeoutError::Timeout) => bail!("no answer in {START_PATIENCE:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(script: &str) -> Result<Option<String>> {
        let mut child = Command::new("sh")
            .args(["-c", script])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let found = address(child.stdout.take().unwrap());
        child.wait().unwrap();
        found
    }

    #[test]
    fn the_address_is_read_and_an_early_end_is_noticed() {
        let script = "echo hello; echo listening on http://127.0.0.1:7";
        assert_eq!(says(script).unwrap().unwrap(), "http://127.0.0.1:7");
        assert_eq!(says("echo no").unwrap(), None);
    }
}
