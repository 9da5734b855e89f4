//! A private Redis: memory only, bounded, no eviction.

use super::Kind;
use super::daemon::Daemon;
use super::record::{Record, Stop};
use crate::workspace;
use anyhow::{Context, Result};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The server program, if it is installed.
pub(super) fn program() -> Result<Option<PathBuf>> {
    workspace::find_program("redis-server")
}

/// Starts Redis with its record and log in `dir`.
pub(super) fn start(dir: &Path) -> Result<Record> {
    let program = program()?.context("redis-server is not installed")?;
    let data = dir.join("redis-data");
    fs::create_dir_all(&data)?;
    let command = |port: u16| {
        let mut command = Command::new(&program);
        command
            .current_dir(&data)
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        // The queue lives here: a full memory must refuse writes, never drop keys.
        command.args(["--maxmemory", "256mb", "--maxmemory-policy", "noeviction"]);
        command
            .args([
                "--save",
                "",
                "--appendonly",
                "no",
                "--daemonize",
                "no",
                "--dir",
            ])
            .arg(&data);
        Ok(command)
    };
    Daemon {
        kind: Kind::Redis,
        dir,
        data: data.clone(),
        signal: Stop::Terminate,
        command: &command,
        answers: &|port| converse(port, b"PING\r\n", b"+PONG\r\n"),
        url: &|port| format!("redis://127.0.0.1:{port}/"),
    }
    .start()
}

/// Whether what listens on `port` answers `question` with `answer`.
pub(super) fn converse(port: u16, question: &[u8], answer: &[u8]) -> bool {
    let attempt = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(question)?;
        let mut heard = vec![0; answer.len()];
        stream.read_exact(&mut heard)?;
        Ok(heard == answer)
    };
    attempt().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn only_the_right_answer_counts_as_an_answer() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            for answer in [b"+PONG\r\n", b"-LOADI\n"] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut question = [0; 6];
                stream.read_exact(&mut question).unwrap();
                stream.write_all(answer).unwrap();
            }
        });
        assert!(converse(port, b"PING\r\n", b"+PONG\r\n"));
        assert!(
            !converse(port, b"PING\r\n", b"+PONG\r\n"),
            "a server that still loads is not up"
        );
        server.join().unwrap();
        assert!(
            !converse(port, b"PING\r\n", b"+PONG\r\n"),
            "nobody listens any more"
        );
    }
}
