//! Adapters that keep everything in memory: the fakes of every test, and a store for demos.
//!
//! They obey the same contract suites as the SQL stores. What they hold is gone with the process.

mod api_keys;
mod audit_log;
mod clock;
mod devices;
mod id_gen;
mod organizations;
mod outbox;
mod pass_on;
mod places;
mod reading_series;
mod reading_store;
mod state;
mod tenant;

#[doc(hidden)]
pub use async_trait::async_trait; // for the code `pass_on!` makes
pub use clock::ManualClock;
pub use id_gen::SequentialIds;
pub use state::MemoryState;
pub use tenant::TenantRows;

use std::sync::{Arc, Mutex, MutexGuard};

/// All core storage ports over one shared state.
///
/// Clones share the state. Every port method takes the lock once, decides, and only then writes, so
/// each is atomic and a refused change leaves nothing behind.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<MemoryState>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `decide` on the state, alone: nobody else sees anything between its first read and its
    /// last write.
    ///
    /// The way for another crate's memory adapter to change core rows together with its own. Check
    /// everything before the first write; there is no rollback.
    pub fn with<R>(&self, decide: impl FnOnce(&mut MemoryState) -> R) -> R {
        decide(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, MemoryState> {
        self.state
            .lock()
            .expect("no port method panics while it holds the state")
    }
}
