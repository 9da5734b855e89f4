//! What the realtime hub needs of the store: history, memberships, the present state.

mod history;
mod membership;
mod state;

pub use history::OutboxHistory;
pub use membership::StoreMembership;
pub use state::StoreState;
