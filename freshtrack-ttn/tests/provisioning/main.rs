//! Provisioning against a network that fails on demand, over real HTTP.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod application;
mod deprovision;
mod house;
mod interruptions;
mod matrix;
