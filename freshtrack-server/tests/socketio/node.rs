//! Node and the client package, installed once per build directory.

use crate::house::House;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) struct Node {
    folder: PathBuf,
}

/// Whether a missing backend is a failure.
pub(crate) fn required() -> bool {
    std::env::vars().any(|(name, value)| name == "FRESHTRACK_REQUIRE_BACKENDS" && value == "1")
}

/// Where the scenarios can run; none where there is no Node.
pub(crate) fn installed() -> Option<Node> {
    if !available() {
        return None;
    }
    let folder = folder("socketio");
    copy(&source().join("client"), &folder);
    npm_ci(&folder);
    Some(Node { folder })
}

/// The example client, compiled as its own settings say, with the scenario that drives it.
pub(crate) fn live_client() -> Option<Node> {
    if !available() {
        return None;
    }
    let folder = folder("live-client");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/live-client");
    copy(&example, &folder);
    copy(&example.join("src"), &folder.join("src"));
    let scenarios = source();
    let here = |name: &str| folder.join(name);
    std::fs::copy(scenarios.join("live_client.mjs"), here("live_client.mjs")).unwrap();
    std::fs::copy(scenarios.join("client/world.mjs"), here("world.mjs")).unwrap();
    npm_ci(&folder);
    let compiled = Command::new("node")
        .args(["node_modules/typescript/bin/tsc", "--outDir", "built"])
        .current_dir(&folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&compiled.stdout);
    assert!(
        compiled.status.success(),
        "the example does not compile: {said}"
    );
    Some(Node { folder })
}

fn available() -> bool {
    let found = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let available = found("node") && found("npm");
    if !available {
        assert!(!required(), "node and npm are required and missing");
        println!("SKIP: node or npm is not installed");
    }
    available
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/socketio")
}

/// A folder of its own for each test: runners start many at once, and npm locks nothing.
fn folder(name: &str) -> PathBuf {
    static FOLDERS: AtomicU32 = AtomicU32::new(0);
    let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
    let name = format!("{name}-{}-{number}", std::process::id());
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Copies the files of a folder, not what is below it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn npm_ci(folder: &Path) {
    let arguments = [
        "ci",
        "--no-audit",
        "--no-fund",
        "--prefer-offline",
        "--ignore-scripts",
    ];
    let installed = Command::new("npm")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&installed.stderr);
    assert!(installed.status.success(), "npm ci: {said}");
}

/// What was installed for one process is nobody's after it.
impl Drop for Node {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            println!("{} stays: {error}", self.folder.display());
        }
    }
}

impl Node {
    /// Plays a scenario, doing for it what it asks on its standard output.
    pub(crate) fn run(&self, scenario: &str, house: &mut House) {
        assert!(self.plays(scenario, "", house), "{scenario} failed");
    }

    /// Whether a scenario passes with a saboteur between the server and its client; none if empty.
    pub(crate) fn plays(&self, scenario: &str, saboteur: &str, house: &mut House) -> bool {
        let mut child = Command::new("node")
            .arg(scenario)
            .arg(house.facts())
            .env("SABOTAGE", saboteur)
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
                "kill" => house.kill(),
                "redis up" => house.redis(true),
                "redis down" => house.redis(false),
                "promote" => house.promote(),
                other => panic!("the scenario asks for {other}"),
            }
            // A scenario that has failed meanwhile does not listen any more.
            if let Err(error) = stdin.write_all(b"done\n") {
                println!("{scenario}: {error}");
            }
        }
        child.wait().unwrap().success() && passed
    }
}
