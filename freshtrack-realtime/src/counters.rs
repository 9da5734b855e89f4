//! What happened, counted: the server turns these into metrics.

use crate::resume::ResyncReason;
use freshtrack_core::wire_enum;
use std::sync::atomic::{AtomicU64, Ordering};

wire_enum! {
    /// How connections began.
    ResumeOutcome {
        /// With the next event.
        Live = "live",
        /// With a replay from memory or history.
        Replay = "replay",
        /// With the present state.
        Resync = "resync",
        /// Not at all: the history did not answer.
        Failed = "failed",
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident,)+) => {
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub(crate) $field: AtomicU64,)+ pub(crate) resumed: [AtomicU64; 4] }

        /// Counts since the hub was made, and what it holds now.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct HubStats {
            $($(#[$doc])* pub $field: u64,)+
            /// How connections began, in the order of [`ResumeOutcome`].
            pub resumed: [u64; 4],
            /// Open connections by transport: Socket.IO, WebSocket, server-sent events.
            pub connections: [usize; 3],
            /// Organizations this node follows.
            pub organizations: usize,
            /// Readings that wait for their window.
            pub buffered_readings: usize,
            /// Bytes in all mailboxes.
            pub unsent_bytes: usize,
            /// Units in the map of latest readings.
            pub latest_units: usize,
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> HubStats {
                HubStats {
                    $($field: self.$field.load(Ordering::Relaxed),)+
                    resumed: std::array::from_fn(|i| self.resumed[i].load(Ordering::Relaxed)),
                    ..HubStats::default()
                }
            }
        }
    };
}

counters! {
    /// Events taken in order, or published here for an organization nobody here listens to.
    events,
    /// Events seen again and dropped.
    repeats,
    /// Payloads of events made into JSON on this node; never more than `events`.
    serializations,
    /// Messages put into mailboxes.
    messages,
    /// Batches of readings made.
    batches,
    /// Readings messages replaced by a newer one before they were sent.
    coalesced,
    /// Connections closed because they read too slowly.
    slow_disconnects,
    /// Events sent again by replays.
    resume_events,
    /// Holes in the sequence.
    gaps,
    /// Times the history was read because the bus was down or had been.
    history_polls,
    /// Publications the bus did not take; other nodes read them from the history.
    bus_failures,
    /// Payloads that could not be rendered and became a hint.
    render_faults,
    /// Connections ended because access was taken away.
    revocations,
    /// Latest readings answered from memory.
    latest_hits,
    /// Latest readings read from the store.
    latest_misses,
    /// Commands refused for their rate.
    rate_limited,
    /// Ports that did not answer.
    port_failures,
}

impl Counters {
    pub(crate) fn resumed(&self, outcome: ResumeOutcome) {
        let index = match outcome {
            ResumeOutcome::Live => 0,
            ResumeOutcome::Replay => 1,
            ResumeOutcome::Resync => 2,
            ResumeOutcome::Failed => 3,
        };
        self.resumed[index].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn resync(&self, reason: ResyncReason) {
        tracing::debug!(reason = reason.as_str(), "resync");
        self.resumed(ResumeOutcome::Resync);
    }
}

/// Adds to a counter.
pub(crate) fn count(counter: &AtomicU64, by: usize) {
    counter.fetch_add(by as u64, Ordering::Relaxed);
}
