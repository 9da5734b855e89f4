//! Clients generated from the checked-in API description, compiled and run against a live server.
//!
//! A change of the API that breaks a client breaks its compilation or its journey here.

use crate::live_server::LiveServer;
use crate::services::{self, Durability, Kind};
use crate::workspace::{self, cargo, command, run};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long a client's journey may take.
const JOURNEY: Duration = Duration::from_mins(1);
/// Folder of the TypeScript client.
const TYPESCRIPT: &str = "examples/client-typescript";
/// Manifest of the Rust client.
pub(crate) const RUST: &str = "examples/client-rust/Cargo.toml";

/// Generates and builds both clients, and runs them against `server` on both databases.
///
/// # Errors
/// One cannot be generated, does not compile, or got another answer than it expects.
pub(crate) fn check_with(server: &Path) -> Result<()> {
    services::install_node()?;
    npm(&[
        "ci",
        "--no-audit",
        "--no-fund",
        "--prefer-offline",
        "--ignore-scripts",
    ])?;
    npm(&["run", "--silent", "build"])?;
    let rust = build_rust()?;
    for (name, database) in [("clients-sqlite", false), ("clients-postgres", true)] {
        let journeys = |database: Option<&str>| {
            let live = LiveServer::start(server, name, database)?;
            let mut node = command("node")?;
            node.current_dir(workspace::root().join(TYPESCRIPT))
                .arg("dist/main.js");
            journey(&mut node, &live)?;
            journey(&mut command(&rust)?, &live)
        };
        if database {
            services::with(&[Kind::Pg], Durability::Fast, |variables| {
                let (_, url) = variables.first().context("PostgreSQL runs")?;
                journeys(Some(url))
            })?;
        } else {
            journeys(None)?;
        }
    }
    Ok(())
}

fn journey(client: &mut Command, live: &LiveServer) -> Result<()> {
    let done = workspace::run_within(client.envs(live.variables()), JOURNEY);
    if done.is_err() {
        eprintln!("{}", live.log()?);
    }
    done
}

fn npm(words: &[&str]) -> Result<()> {
    let mut npm = command("npm")?;
    run(npm
        .current_dir(workspace::root().join(TYPESCRIPT))
        .args(words))
}

/// The Rust client is a workspace of its own, with its own lock file.
fn build_rust() -> Result<PathBuf> {
    let folder = workspace::target_dir().join("client-rust");
    run(command(cargo())?.args(["fmt", "--check", "--manifest-path", RUST]))?;
    let mut build = command(cargo())?;
    build.args([
        "build",
        "--locked",
        "--quiet",
        "--manifest-path",
        RUST,
        "--target-dir",
    ]);
    run(build.arg(&folder))?;
    Ok(folder.join("debug").join("client-rust"))
}

/// `cargo xtask clients`
pub(crate) fn run_alone() -> Result<()> {
    check_with(&workspace::built_server()?)
}
