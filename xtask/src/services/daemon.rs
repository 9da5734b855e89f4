//! Starting a server process and waiting until it answers.

use super::record::{self, Record, Stop};
use super::{Kind, port};
use crate::workspace::poll;
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long a service may take until it answers.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// How often a start is tried, in case another process takes the port first.
const TRIES: u32 = 3;

/// A server about to be started.
pub(super) struct Daemon<'a> {
    /// What it is.
    pub(super) kind: Kind,
    /// Folder of the record and the log.
    pub(super) dir: &'a Path,
    /// Its data folder.
    pub(super) data: PathBuf,
    /// How it is stopped.
    pub(super) signal: Stop,
    /// Makes the command that listens on a port.
    pub(super) command: &'a dyn Fn(u16) -> Result<Command>,
    /// Whether it answers on that port.
    pub(super) answers: &'a dyn Fn(u16) -> bool,
    /// Its URL on that port.
    pub(super) url: &'a dyn Fn(u16) -> String,
}

impl Daemon<'_> {
    /// Starts the process, records it, and waits until it answers.
    ///
    /// It is recorded before it answers, so that an interrupted start can still be stopped.
    ///
    /// # Errors
    /// It ended by itself or did not answer in time: with the end of its log.
    pub(super) fn start(&self) -> Result<Record> {
        let mut tries = 1;
        loop {
            match self.try_start() {
                Ok(record) => return Ok(record),
                Err(error) if tries == TRIES => {
                    return Err(error.context(format!("cannot start {}", self.kind.name())));
                }
                Err(_) => tries += 1,
            }
        }
    }

    fn try_start(&self) -> Result<Record> {
        let port = port::free()?;
        let log = self.dir.join(format!("{}.log", self.kind.name()));
        let output = File::create(&log)?;
        let mut child = (self.command)(port)?
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("cannot execute it")?;
        let pid = i32::try_from(child.id())?;
        let Some(start_time) = record::start_time(pid) else {
            bail!("it ended at once:\n{}", ending(&log, &mut child)?);
        };
        let (url, data) = ((self.url)(port), self.data.clone());
        let record = Record {
            pid,
            start_time,
            url,
            data,
            signal: self.signal,
        };
        record.save(self.dir, self.kind)?;
        let ready = poll(START_PATIENCE, || {
            if child.try_wait()?.is_some() {
                bail!("it ended by itself:\n{}", ending(&log, &mut child)?);
            }
            Ok((self.answers)(port).then_some(()))
        })?;
        if ready.is_none() {
            record.stop()?;
            bail!(
                "no answer in {START_PATIENCE:?}:\n{}",
                ending(&log, &mut child)?
            );
        }
        Ok(record)
    }
}

/// Reaps a dead child and gives the last lines of its log.
fn ending(log: &Path, child: &mut Child) -> Result<String> {
    child.wait()?;
    let text = String::from_utf8_lossy(&fs::read(log)?).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(20)..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daemon<'a>(dir: &'a Path, command: &'a dyn Fn(u16) -> Result<Command>) -> Daemon<'a> {
        Daemon {
            kind: Kind::Redis,
            dir,
            data: dir.join("data"),
            signal: Stop::Terminate,
            command,
            answers: &|_| true,
            url: &|port| format!("test://{port}"),
        }
    }

    #[test]
    fn a_server_that_dies_is_reported_with_its_last_words() {
        let temp = tempfile::tempdir().unwrap();
        let dying = |_| {
            let mut command = Command::new("sh");
            command.args(["-c", "echo out of cheese >&2; exit 1"]);
            Ok(command)
        };
        let mut daemon = daemon(temp.path(), &dying);
        daemon.answers = &|_| false;
        let error = format!("{:#}", daemon.start().unwrap_err());
        assert!(error.contains("out of cheese"), "{error}");
    }

    #[test]
    fn a_server_that_answers_is_recorded_and_can_be_stopped() {
        let temp = tempfile::tempdir().unwrap();
        let living = |_| {
            let mut command = Command::new("sleep");
            command.arg("60");
            Ok(command)
        };
        let record = daemon(temp.path(), &living).start().unwrap();
        assert!(record.url.starts_with("test://") && record.is_running());
        let kept = Record::load(temp.path(), Kind::Redis).unwrap().unwrap();
        kept.stop().unwrap();
        assert!(!record.is_running());
    }
}
