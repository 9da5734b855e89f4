//! What the realtime hub needs of the store: history, memberships, the present state.

mod history;
mod membership;
mod metrics;
mod state;

pub use history::OutboxHistory;
pub use membership::StoreMembership;
pub use metrics::metrics_text;
pub use state::StoreState;
