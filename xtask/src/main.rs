//! Repository tasks, run as `cargo xtask <task>`.
//!
//! | task | what for |
//! |---|---|
//! | `ci` | the project's test command: every check, in order, stopping at the first failure |
//! | `services` | private PostgreSQL, Redis and Mosquitto on loopback for tests and benches |
//! | `openapi` | writes `openapi/v1.json` and its derived form, or checks that they are current |
//! | `clients` | generates the example clients and runs them against a live server |
//! | `schemathesis` | attacks a live server with what its own description promises |
//! | `alarm-quality` | what each rule pack does on the simulated fleet |
//! | `bench` | what a part does beside its peer, in the same run |
//! | `soak` | live clients that come and go while servers and Redis restart |
//! | `tidy` | what no compiler checks: crate edges, file lengths, paths named in documents |
#![expect(
    clippy::print_stdout,
    reason = "a command line tool: standard output is its interface"
)]

mod alarm_quality;
mod ci;
mod clients;
mod live_server;
mod openapi;
mod realtime;
mod schemathesis;
mod services;
mod tidy;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Repository tasks of FreshTrack")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run every check of the project, as CI does.
    Ci(ci::Args),
    /// Start, show or stop private backends for tests.
    Services(services::Args),
    /// Write the `OpenAPI` documents, or check that they are current.
    Openapi(openapi::Args),
    /// Generate the example clients from the API description and run them against a live server.
    Clients,
    /// Attack a live server, on each database, with what its own description promises.
    Schemathesis(schemathesis::Args),
    /// Print false alarms, misses and delays of each rule pack on the simulated fleet.
    AlarmQuality(alarm_quality::Args),
    /// Measure beside a peer, in the same run.
    Bench(realtime::BenchArgs),
    /// Let clients come and go while servers restart, and count what each received.
    Soak(realtime::SoakArgs),
    /// Check the rules of the house that no compiler knows.
    Tidy,
}

fn main() -> ExitCode {
    match run(&Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The chain of causes, not a backtrace: what failed is a command, not this program.
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<()> {
    match task {
        Task::Ci(args) => ci::run(args),
        Task::Services(args) => services::run(args),
        Task::Openapi(args) => openapi::run(args),
        Task::Clients => clients::run_alone(),
        Task::Schemathesis(args) => schemathesis::run_alone(args),
        Task::AlarmQuality(args) => {
            alarm_quality::run(args);
            Ok(())
        }
        Task::Bench(args) => realtime::bench(args),
        Task::Soak(args) => realtime::soak(args),
        Task::Tidy => tidy::run(),
    }
}
