//! Node and the client package, installed once per build directory.

use crate::house::House;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

pub(crate) struct Node {
    folder: PathBuf,
}

/// Where the scenarios can run; none where there is no Node.
pub(crate) fn installed() -> Option<&'static Node> {
    static NODE: OnceLock<Option<Node>> = OnceLock::new();
    NODE.get_or_init(install).as_ref()
}

/// Whether a missing backend is a failure.
pub(crate) fn required() -> bool {
    std::env::vars().any(|(name, value)| name == "FRESHTRACK_REQUIRE_BACKENDS" && value == "1")
}

fn install() -> Option<Node> {
    let found = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !found("node") || !found("npm") {
        assert!(!required(), "node and npm are required and missing");
        println!("SKIP: node or npm is not installed");
        return None;
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/socketio/client");
    // One folder per process: test runners start many at once, and npm locks nothing.
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("socketio-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for entry in std::fs::read_dir(&source).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
    }
    let installed = Command::new("npm")
        .args([
            "ci",
            "--no-audit",
            "--no-fund",
            "--prefer-offline",
            "--ignore-scripts",
        ])
        .current_dir(&folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&installed.stderr);
    assert!(installed.status.success(), "npm ci: {said}");
    Some(Node { folder })
}

impl Node {
    /// Plays a scenario, doing for it what it asks on its standard output.
    pub(crate) fn run(&self, scenario: &str, house: &mut House) {
        let mut child = Command::new("node")
            .arg(scenario)
            .arg(house.facts())
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut passed = false;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            println!("{scenario}: {line}");
            passed |= line == "PASSED";
            let Some(wish) = line.strip_prefix("PLEASE ") else {
                continue;
            };
            match wish {
                "start" => house.start(),
                "stop" => house.stop(),
                "redis up" => house.redis(true),
                "redis down" => house.redis(false),
                "promote" => house.promote(),
                other => panic!("the scenario asks for {other}"),
            }
            stdin.write_all(b"done\n").unwrap();
        }
        let status = child.wait().unwrap();
        assert!(status.success() && passed, "{scenario} failed: {status}");
    }
}
