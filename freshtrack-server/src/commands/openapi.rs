//! `freshtrack openapi`: the document that clients are generated from.

use crate::cli::Failure;
use crate::http;
use std::process::ExitCode;

/// Prints the document.
///
/// # Errors
/// Never; the document is made from the program itself.
pub fn run() -> Result<ExitCode, Failure> {
    #[expect(clippy::print_stdout, reason = "the document is the output")]
    {
        println!("{}", http::openapi_document());
    }
    Ok(ExitCode::SUCCESS)
}
