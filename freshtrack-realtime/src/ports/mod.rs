//! What the hub needs from the world.

mod bus;
mod event_history;
mod live_state;
mod membership;

pub use bus::{Bus, BusError, BusItem, BusKind, BusState, BusStatus, BusStream, PUBLISH_MAX};
pub use event_history::{EventHistory, HistoryBounds, HistoryPage};
pub use live_state::{LiveState, Snapshot};
pub use membership::{Membership, Standing};
