//! Adapters in memory: for tests and embedding, and the model the others are compared with.

mod jobs;
mod queue;
mod queue_admin;
mod schedules;

pub use queue::MemoryQueue;
pub use schedules::MemorySchedules;
