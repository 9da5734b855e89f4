//! The program, run as people run it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A command that takes longer hangs.
const ENDS_WITHIN: Duration = Duration::from_mins(1);

/// A variable that tells tests something.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told what this machine has by the environment"
)]
pub(crate) fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The program with `folder` as its working directory and no setting from outside.
pub(crate) fn freshtrack(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_freshtrack"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FRESHTRACK_") {
            command.env_remove(name);
        }
    }
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// What a command that ended said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end.
pub(crate) async fn end_of(command: &mut Command) -> Ended {
    let output = tokio::time::timeout(ENDS_WITHIN, command.output())
        .await
        .expect("the command ends within a minute")
        .expect("the program can be started");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("the program prints text"),
        stderr: String::from_utf8(output.stderr).expect("the program prints text"),
    }
}

/// Runs the program with arguments to its end.
pub(crate) async fn run(folder: &Path, arguments: &[&str]) -> Ended {
    end_of(freshtrack(folder).args(arguments)).await
}

/// An address that was free a moment ago, and stays the same over restarts.
pub(crate) fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port is free")
        .to_string()
}

/// A server under way.
#[derive(Debug)]
pub(crate) struct Serving {
    child: Child,
    /// `http://…`, as it said.
    pub(crate) base: String,
    /// Where its log goes.
    pub(crate) log: PathBuf,
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Serving {
    /// Starts a server and waits until it says where it listens.
    pub(crate) async fn start(command: &mut Command, log: &Path) -> Self {
        let mut child = spawn(command, log);
        let stdout = child.stdout.take().expect("the output is piped");
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::time::timeout(ENDS_WITHIN, lines.next_line())
            .await
            .expect("a server starts within a minute")
            .expect("its output can be read");
        let Some(base) = line
            .as_deref()
            .and_then(|l| l.strip_prefix("listening on "))
        else {
            let said = std::fs::read_to_string(log).unwrap_or_default();
            panic!("the server did not start, it printed {line:?} and logged:\n{said}");
        };
        Self {
            base: base.to_owned(),
            child,
            log: log.to_path_buf(),
            _stdout: lines,
        }
    }

    /// `kill -9`: no destructor, no flush, no farewell.
    pub(crate) async fn kill_9(mut self) {
        self.child.kill().await.expect("the process can be killed");
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id().expect("the process runs"), name);
    }

    /// Waits for the end; the exit code.
    pub(crate) async fn ended(mut self) -> Option<i32> {
        tokio::time::timeout(ENDS_WITHIN, self.child.wait())
            .await
            .expect("the server ends within a minute")
            .expect("its end can be waited for")
            .code()
    }

    /// Asks it to stop, and waits; the exit code.
    pub(crate) async fn stop(self) -> Option<i32> {
        self.signal("TERM");
        self.ended().await
    }

    /// What it logged so far.
    pub(crate) fn logged(&self) -> String {
        std::fs::read_to_string(&self.log).expect("the log is there")
    }
}

/// Starts a command with its log appended to a file.
pub(crate) fn spawn(command: &mut Command, log: &Path) -> Child {
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(log)
        .expect("a log file can be opened");
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::from(log))
        .spawn()
        .expect("the program can be started")
}

/// Sends a signal to a process of ours.
pub(crate) fn signal(process: u32, name: &str) {
    let sent = std::process::Command::new("sh")
        .args(["-c", &format!("kill -{name} {process}")])
        .status()
        .expect("a shell is there");
    assert!(sent.success(), "signal {name} to {process}");
}
