//! The live side under load: `cargo xtask bench realtime` and `cargo xtask soak realtime`.

mod fanout;
mod figures;
mod servers;
mod soak;
mod wire;

use crate::workspace::{cargo, command, run as run_command, target_dir};
use anyhow::{Result, bail};
use std::path::PathBuf;

/// `cargo xtask bench …`
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    what: Bench,
}

#[derive(Debug, clap::Subcommand)]
enum Bench {
    /// Fan-out to many clients, beside Socket.IO on Node in the same run.
    Realtime(fanout::Args),
}

/// `cargo xtask soak …`
#[derive(Debug, clap::Args)]
pub(crate) struct SoakArgs {
    #[command(subcommand)]
    what: Soak,
}

#[derive(Debug, clap::Subcommand)]
enum Soak {
    /// Clients that come and go while servers and Redis restart: each gets every event once.
    Realtime(soak::Args),
}

/// Measures.
///
/// # Errors
/// A server could not be started, or did not deliver.
pub(crate) fn bench(args: &BenchArgs) -> Result<()> {
    let Bench::Realtime(args) = &args.what;
    fanout::run(args)
}

/// Runs the soak.
///
/// # Errors
/// An event was lost or came twice, or something could not be started.
pub(crate) fn soak(args: &SoakArgs) -> Result<()> {
    let Soak::Realtime(args) = &args.what;
    soak::run(args)
}

/// The server program: the one given, or an optimized one built now.
fn program(given: Option<&PathBuf>) -> Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given.canonicalize()?);
    }
    let folder = target_dir().join("bench");
    let mut build = command(cargo())?;
    build
        .args([
            "build",
            "--release",
            "--locked",
            "-p",
            "freshtrack-server",
            "--bin",
            "freshtrack",
        ])
        .env("CARGO_TARGET_DIR", &folder);
    run_command(&mut build)?;
    let program = folder.join("release/freshtrack");
    if !program.exists() {
        bail!("the build made no program");
    }
    Ok(program)
}

/// Runs on this thread alone, so that the load has one core.
fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, future)
}
