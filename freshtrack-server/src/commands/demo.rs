//! placeholder
use crate::cli::{Demo, Failure};
use std::process::ExitCode;
/// x
pub async fn run(_flags: Demo) -> Result<ExitCode, Failure> {
    Ok(ExitCode::SUCCESS)
}
