//! `freshtrack serve`: the server, until a signal ends it.

use crate::cli::Failure;
use crate::config::{self, Overrides};
use crate::{telemetry, wiring};
use anyhow::Context;
use std::process::ExitCode;

/// Runs until SIGINT or SIGTERM, then drains.
///
/// # Errors
/// Exit 2 for a wrong setting, exit 1 if the server cannot start.
pub async fn run(flags: Overrides) -> Result<ExitCode, Failure> {
    let settings = config::load(flags)?;
    telemetry::init_log(&settings);
    // Listened to before anybody can know that the server runs: a signal is a stop, never a kill.
    let signals = wiring::StopSignals::listen().context("listening to signals")?;
    let server = wiring::Server::start(settings).await?;
    #[expect(clippy::print_stdout, reason = "scripts wait for this line")]
    {
        println!("listening on http://{}", server.address());
    }
    signals.wait().await;
    server.stop().await;
    Ok(ExitCode::SUCCESS)
}
