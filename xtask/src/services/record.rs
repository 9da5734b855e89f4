//! What was started: pid, start time, URL, data folder; and how it is stopped.
//!
//! A pid alone does not name a process: the kernel hands it out again. The start time beside it
//! does, so a record that outlived its process can never cause a stranger to be killed.

use super::Kind;
use crate::workspace::poll;
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a service may take to stop before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// The signal by which a service stops in good order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stop {
    /// `SIGINT`: PostgreSQL's "fast" shutdown, which does not wait for clients.
    Interrupt,
    /// `SIGTERM`: everything else.
    Terminate,
}

/// One started service.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    /// Its process.
    pub(super) pid: i32,
    /// When that process started, in clock ticks since boot.
    pub(super) start_time: u64,
    /// Where it answers.
    pub(super) url: String,
    /// Its data folder, removed when it is stopped.
    pub(super) data: PathBuf,
    /// How it is stopped.
    pub(super) signal: Stop,
}

impl Record {
    fn file(dir: &Path, kind: Kind) -> PathBuf {
        dir.join(format!("{}.json", kind.name()))
    }

    /// The record of `kind`, if one was kept in `dir`.
    pub(super) fn load(dir: &Path, kind: Kind) -> Result<Option<Self>> {
        let file = Self::file(dir, kind);
        match fs::read(&file) {
            Ok(bytes) => {
                Ok(Some(serde_json::from_slice(&bytes).with_context(|| {
                    format!("{} is damaged", file.display())
                })?))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }

    /// Keeps this record in `dir`, whole or not at all.
    pub(super) fn save(&self, dir: &Path, kind: Kind) -> Result<()> {
        let file = Self::file(dir, kind);
        let new = file.with_extension("json.new");
        fs::write(&new, serde_json::to_vec(self)?)?;
        fs::rename(&new, &file).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Removes the record of `kind` from `dir`.
    pub(super) fn forget(dir: &Path, kind: Kind) -> Result<()> {
        Ok(fs::remove_file(Self::file(dir, kind))?)
    }

    /// Whether that very process still runs.
    pub(super) fn is_running(&self) -> bool {
        start_time(self.pid) == Some(self.start_time)
    }

    /// Stops the process in good order, by force when it takes too long; nothing if it is gone.
    pub(super) fn stop(&self) -> Result<()> {
        self.stop_within(STOP_PATIENCE)
    }

    fn stop_within(&self, patience: Duration) -> Result<()> {
        let polite = match self.signal {
            Stop::Interrupt => Signal::INT,
            Stop::Terminate => Signal::TERM,
        };
        for signal in [polite, Signal::KILL] {
            if !self.is_running() {
                return Ok(());
            }
            let pid = Pid::from_raw(self.pid).context("a record without a pid")?;
            match kill_process(pid, signal) {
                Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                Err(error) => return Err(error).context("the signal was refused"),
            }
            if poll(patience, || Ok((!self.is_running()).then_some(())))?.is_some() {
                return Ok(());
            }
        }
        bail!("process {} survives SIGKILL", self.pid)
    }
}

/// When process `pid` started, in clock ticks since boot; `None` if there is no such process.
///
/// A zombie (stopped, but not yet reaped by its parent, which can take seconds) counts as gone.
pub(super) fn start_time(pid: i32) -> Option<u64> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Field 22 of a `stat` line. The command name may hold spaces and parentheses: count after the last.
fn parse_stat(line: &str) -> Option<u64> {
    let (_, rest) = line.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.nth(18)?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    const STAT: &str = "42 (a ) b) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2 3";

    #[test]
    fn the_start_time_is_found_behind_a_hostile_command_name() {
        assert_eq!(parse_stat(STAT), Some(987_654));
    }

    #[test]
    fn a_zombie_counts_as_gone() {
        assert_eq!(parse_stat(&STAT.replace(") S", ") Z")), None);
    }

    fn record_of(pid: i32, start_time: u64) -> Record {
        Record {
            pid,
            start_time,
            url: String::new(),
            data: PathBuf::new(),
            signal: Stop::Terminate,
        }
    }

    #[test]
    fn a_recycled_pid_is_never_killed_and_our_own_is() {
        let mut child = Command::new("sleep")
            .arg("60")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let started = start_time(pid).unwrap();

        record_of(pid, started + 1).stop().unwrap();
        assert_eq!(
            child.try_wait().unwrap(),
            None,
            "a process of another start time lives on"
        );

        record_of(pid, started).stop().unwrap();
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn a_process_that_ignores_the_polite_signal_is_killed() {
        let mut child = Command::new("sh")
            .args(["-c", "trap '' INT; echo ready; exec sleep 60"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut output, &mut line).unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let mut record = record_of(pid, start_time(pid).unwrap());
        record.signal = Stop::Interrupt;
        record.stop_within(Duration::from_millis(100)).unwrap();
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn a_record_comes_back_as_it_was_kept() {
        let temp = tempfile::tempdir().unwrap();
        assert!(Record::load(temp.path(), Kind::Pg).unwrap().is_none());
        record_of(7, 9).save(temp.path(), Kind::Pg).unwrap();
        let back = Record::load(temp.path(), Kind::Pg).unwrap().unwrap();
        assert_eq!((back.pid, back.start_time), (7, 9));
        Record::forget(temp.path(), Kind::Pg).unwrap();
        assert!(Record::load(temp.path(), Kind::Pg).unwrap().is_none());
    }
}
