//! What the crate promises, through its public surface only.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod decode_event;
mod messages;
mod native;
mod sample;
mod vectors;
mod webhook;
