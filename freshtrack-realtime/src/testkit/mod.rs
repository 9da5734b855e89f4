//! Contract suites of the ports: one macro per port makes one test per law, for every adapter.
//!
//! An adapter's crate enables feature `testkit` and calls, for example,
//! `freshtrack_realtime::bus_contract!(fresh)`, where `fresh` is an `async fn() -> Option<impl …>` that
//! answers a clean adapter, or nothing where its backend is missing (the test then says that it skips).

#![expect(clippy::missing_panics_doc, reason = "a law panics when it is broken")]

pub mod bus;
pub mod event_history;
pub mod live_state;
pub mod membership;
pub mod sample;

/// Prints that a law was not checked, for want of a backend.
#[expect(clippy::print_stdout, reason = "a silent skip would look like a pass")]
pub fn skip(law: &str) {
    println!("SKIP {law}: no backend");
}
