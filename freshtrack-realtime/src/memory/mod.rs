//! Adapters inside one process: the embedded default, and the fakes of everybody's tests.

mod bus;
mod event_history;
mod live_state;
mod membership;

pub use bus::MemoryBus;
pub use event_history::MemoryHistory;
pub use live_state::MemoryState;
pub use membership::MemoryMembership;
