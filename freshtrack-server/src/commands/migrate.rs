//! `freshtrack migrate`: the newest schema, and nothing else.

use crate::cli::{Failure, Store};
use crate::{config, database};
use std::process::ExitCode;

/// Brings the database to the newest schema; several at once are safe.
///
/// # Errors
/// If the database cannot be reached or a migration fails.
pub async fn run(flags: &Store) -> Result<ExitCode, Failure> {
    let settings = config::load(flags.overrides())?;
    let store = database::open(&settings).await?;
    store.close().await;
    #[expect(clippy::print_stdout, reason = "the command line talks to people")]
    {
        println!("{} is at the newest schema", settings.database);
    }
    Ok(ExitCode::SUCCESS)
}
