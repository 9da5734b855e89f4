//! `freshtrack verify-audit`: is every organization's audit chain whole?

use crate::cli::{Failure, Store};
use crate::{audit_chain, config, database};
use std::process::ExitCode;

/// Recomputes every chain in the database. Exit 0 if all are sound, 1 if one is not.
///
/// # Errors
/// If the database cannot be read.
#[expect(clippy::print_stdout, reason = "the command line talks to people")]
pub async fn run(flags: &Store) -> Result<ExitCode, Failure> {
    let settings = config::load(flags.overrides())?;
    let store = database::open(&settings).await?;
    let mut sound = true;
    for (org, _) in store.outbox.heads().await? {
        let found = audit_chain::verify(store.audit_log.as_ref(), org).await?;
        match found.first_bad_seq {
            None => println!(
                "{org}  sound, {} events, head {}",
                found.checked, found.head_hash
            ),
            Some(seq) => {
                sound = false;
                println!("{org}  BROKEN at event {seq}");
            }
        }
    }
    store.close().await;
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
