//! `freshtrack verify-audit`: is every organization's audit log whole, or is this bundle of one?

use crate::audit_bundle::check::{self, Unsound};
use crate::cli::{Failure, VerifyAudit};
use crate::{audit_chain, config, database};
use anyhow::Context;
use std::path::Path;
use std::process::ExitCode;

/// Largest bundle that is read.
const BUNDLE_BYTES_MAX: u64 = 1 << 30;

/// Checks the bundle named, without any database, or every log in the database.
///
/// Exit 0 if all is sound, 1 if something is not, 2 for a bundle that cannot be read.
///
/// # Errors
/// If the database cannot be read.
pub async fn run(flags: &VerifyAudit) -> Result<ExitCode, Failure> {
    match &flags.bundle {
        Some(path) => bundle(path, flags.key.as_deref()),
        None => logs(flags).await,
    }
}

#[expect(clippy::print_stdout, reason = "the command line talks to people")]
fn bundle(path: &Path, key: Option<&str>) -> Result<ExitCode, Failure> {
    let unreadable = |why: String| Failure::Usage(format!("{}: {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    if size.len() > BUNDLE_BYTES_MAX {
        return Err(unreadable("larger than any bundle".to_owned()));
    }
    let archive = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    match check::check(&archive, key) {
        Ok(sound) => {
            let manifest = &sound.manifest;
            println!("{}  sound", manifest.log);
            println!(
                "  events  {} to {}, root {}",
                manifest.after + 1,
                manifest.size,
                manifest.root
            );
            println!("  heads   {}, all signed", sound.heads);
            for key in &sound.keys {
                println!("  key     {key}");
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(error @ Unsound::Unreadable { .. }) => Err(unreadable(error.to_string())),
        Err(error) => {
            println!("BROKEN: {error}");
            Ok(ExitCode::FAILURE)
        }
    }
}

#[expect(clippy::print_stdout, reason = "the command line talks to people")]
async fn logs(flags: &VerifyAudit) -> Result<ExitCode, Failure> {
    let settings = config::load(flags.store.overrides())?;
    let store = database::open(&settings).await?;
    let mut sound = true;
    let organizations = store.audit_log.chains().await;
    for org in organizations.context("listing organizations")? {
        let (log, heads) = (store.audit_log.as_ref(), store.audit_heads.as_ref());
        let found = audit_chain::verify(log, heads, org).await?;
        match found.first_bad_seq {
            None => println!(
                "{org}  sound, {} events, {} signed heads, head {}",
                found.checked, found.heads_checked, found.head_hash
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
