//! The store: every storage port of the domain crates on SQLite and on PostgreSQL.
//!
//! Both keep the same tables (`migrations/sqlite`, `migrations/postgres`: same numbers, same titles)
//! and pass the same contract suites. Statements that both understand stand once, in `both/`, and are
//! compiled for each: a file there names its database only as `super::Adapter` and `super::Connection`. Inside, rows have small integer keys; at the ports there are only
//! ids. Every table of a tenant has `org_key`, and every statement names it.

mod alert_filter;
mod batch;
mod chain;
mod column;
mod error;
mod handle;
mod keys;
pub mod ports;
#[cfg(feature = "postgres")]
pub mod postgres;
mod resolve;
pub mod retention;
mod rows;
mod series;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use error::OpenError;
pub use handle::{Store, StoreHealth, StoreOptions};
