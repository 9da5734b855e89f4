#![doc = include_str!("../README.md")]

pub mod admission;
pub mod job;
pub mod memory;
pub mod ports;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod queue_settings;
#[cfg(feature = "redis")]
pub mod redis;
pub mod registry;
pub mod retry;
pub mod schedule;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod stats;
#[cfg(feature = "testkit")]
pub mod testkit;
mod wakeups;
pub mod worker;

pub use job::{Job, JobId, JobKey, Kind, Lane, NewJob, Payload, QueueName, Reason, Tenant};
pub use ports::{Queue, QueueAdmin, QueueError, Schedules};
pub use registry::{Context, Handler, KindSpec, Outcome, Registry};
pub use retry::{Class, Policy};
pub use worker::{Ticker, Worker, WorkerConfig};
