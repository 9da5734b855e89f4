//! A private Mosquitto: anonymous, nothing kept.

use super::Kind;
use super::daemon::Daemon;
use super::record::{Record, Stop};
use super::redis::converse;
use crate::workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An MQTT 3.1.1 CONNECT: clean session, keep-alive 10 s, client id "t".
const CONNECT: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x0a\x00\x01t";
/// The CONNACK that accepts it.
const ACCEPTED: &[u8] = b"\x20\x02\x00\x00";

/// The broker, if it is installed.
pub(super) fn program() -> Result<Option<PathBuf>> {
    workspace::find_program("mosquitto")
}

/// Starts Mosquitto with its record and log in `dir`.
pub(super) fn start(dir: &Path) -> Result<Record> {
    let program = program()?.context("mosquitto is not installed")?;
    let data = dir.join("mqtt-data");
    fs::create_dir_all(&data)?;
    let file = data.join("mosquitto.conf");
    let command = |port: u16| {
        fs::write(&file, configuration(port))?;
        let mut command = Command::new(&program);
        command.current_dir(&data).arg("-c").arg(&file);
        Ok(command)
    };
    Daemon {
        kind: Kind::Mqtt,
        dir,
        data: data.clone(),
        signal: Stop::Terminate,
        command: &command,
        answers: &|port| converse(port, CONNECT, ACCEPTED),
        url: &|port| format!("mqtt://127.0.0.1:{port}"),
    }
    .start()
}

/// The broker's configuration; started as root it would drop to a user who cannot read our files.
fn configuration(port: u16) -> String {
    let mut lines = vec![
        format!("listener {port} 127.0.0.1"),
        "allow_anonymous true".to_owned(),
        "persistence false".to_owned(),
        "log_dest stderr".to_owned(),
        "set_tcp_nodelay true".to_owned(),
    ];
    if rustix::process::geteuid().is_root() {
        lines.push("user root".to_owned());
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connect_packet_is_as_long_as_it_says() {
        assert_eq!(usize::from(CONNECT[1]), CONNECT.len() - 2);
    }

    #[test]
    fn the_broker_listens_on_loopback_only() {
        assert!(configuration(20_001).starts_with("listener 20001 127.0.0.1\n"));
    }
}
