//! What each command of the program does.

pub mod bootstrap;
pub mod decode;
pub mod demo;
pub mod migrate;
pub mod openapi;
pub mod replay;
pub mod retention;
pub mod serve;
pub mod token;
pub mod verify_audit;

use crate::cli::Failure;
use anyhow::Context;

/// The runtime that commands run on.
///
/// # Errors
/// If the machine refuses to give threads.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")
}

/// Reads the value of a flag; what is wrong names the flag, the value and what is allowed.
fn word<T>(flag: &str, text: &str) -> Result<T, Failure>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.parse()
        .map_err(|error| Failure::Usage(format!("`{flag}` is `{text}`, which is {error}")))
}

/// Reads an e-mail address, loosely: one `@` with something on either side, no blanks.
fn email(flag: &str, text: &str) -> Result<String, Failure> {
    let address = text.trim().to_lowercase();
    let sound = address.len() <= 254
        && address.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        })
        && !address.chars().any(|c| c.is_whitespace() || c.is_control());
    if sound {
        Ok(address)
    } else {
        Err(Failure::Usage(format!(
            "`{flag}` is `{text}`, but it must be an e-mail address"
        )))
    }
}
