//! What the crate promises, through its public surface only.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod decode_event;
mod messages;
mod sample;
mod webhook;
