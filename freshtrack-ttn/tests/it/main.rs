//! What the crate promises, through its public surface only.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod bench;
#[cfg(feature = "chirpstack")]
mod chirpstack;
mod decode_event;
#[cfg(feature = "js-codecs")]
mod hostile;
mod inbox;
#[cfg(feature = "js-codecs")]
mod js;
mod messages;
mod native;
mod native_frames;
mod saga_store;
mod sample;
mod vectors;
mod webhook;
