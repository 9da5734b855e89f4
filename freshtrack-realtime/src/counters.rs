//! What happened, counted: the server turns these into metrics.

use crate::event::ServerEvent;
use crate::histogram::{Histogram, HistogramView, READINGS, SECONDS};
use crate::resume::ResyncReason;
use freshtrack_core::event::EventKind;
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

wire_enum! {
    /// What a client asked.
    Asked {
        /// `subscribe:site`.
        SubscribeSite = "subscribe:site",
        /// `subscribe:unit`.
        SubscribeUnit = "subscribe:unit",
        /// `subscribe:organization`.
        SubscribeOrganization = "subscribe:organization",
        /// `unsubscribe:site`.
        UnsubscribeSite = "unsubscribe:site",
        /// `unsubscribe:unit`.
        UnsubscribeUnit = "unsubscribe:unit",
        /// `unsubscribe:organization`.
        UnsubscribeOrganization = "unsubscribe:organization",
        /// `get:latest`.
        GetLatest = "get:latest",
        /// `ping`.
        Ping = "ping",
        /// `auth:refresh`.
        AuthRefresh = "auth:refresh",
        /// Anything else.
        Unknown = "unknown",
    }
}

wire_enum! {
    /// What became of what a client asked.
    AskedOutcome {
        /// Done.
        Done = "done",
        /// The client may not.
        Denied = "denied",
        /// It could not be understood.
        Invalid = "invalid",
        /// Too much of it.
        Limited = "limited",
        /// A port did not answer.
        Failed = "failed",
    }
}

const EVENTS: usize = ServerEvent::ALL.len();
const KINDS: usize = EventKind::ALL.len();
const ASKED: usize = Asked::ALL.len();
const OUTCOMES: usize = AskedOutcome::ALL.len();

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident,)+) => {
        #[derive(Debug)]
        pub(crate) struct Counters {
            $(pub(crate) $field: AtomicU64,)+
            pub(crate) resumed: [AtomicU64; 4],
            kinds: [AtomicU64; KINDS],
            sent: [[AtomicU64; 3]; EVENTS],
            asked: [[AtomicU64; OUTCOMES]; ASKED],
            pub(crate) batch_readings: Histogram,
            pub(crate) delivery: Histogram,
            pub(crate) revocation: Histogram,
            pub(crate) drain: Histogram,
        }

        impl Default for Counters {
            fn default() -> Self {
                Self {
                    $($field: AtomicU64::new(0),)+
                    resumed: Default::default(),
                    kinds: std::array::from_fn(|_| AtomicU64::new(0)),
                    sent: std::array::from_fn(|_| Default::default()),
                    asked: std::array::from_fn(|_| Default::default()),
                    batch_readings: Histogram::new(READINGS),
                    delivery: Histogram::new(SECONDS),
                    revocation: Histogram::new(SECONDS),
                    drain: Histogram::new(SECONDS),
                }
            }
        }

        /// Counts since the hub was made, and what it holds now.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct HubStats {
            $($(#[$doc])* pub $field: u64,)+
            /// How connections began, in the order of [`ResumeOutcome`].
            pub resumed: [u64; 4],
            /// Events taken in order, by kind.
            pub kinds: Vec<(EventKind, u64)>,
            /// Messages handed to transports, by name: Socket.IO, WebSocket, server-sent events.
            pub sent: Vec<(ServerEvent, [u64; 3])>,
            /// What clients asked and what became of it; only what happened.
            pub asked: Vec<(Asked, AskedOutcome, u64)>,
            /// Readings per batch.
            pub batch_readings: HistogramView,
            /// Seconds from the commit of an ordered event until its transport had sent it.
            pub delivery_seconds: HistogramView,
            /// Seconds from the commit of a revocation until it acted here.
            pub revocation_seconds: HistogramView,
            /// Seconds a graceful stop took.
            pub drain_seconds: HistogramView,
            /// Open connections by transport: Socket.IO, WebSocket, server-sent events.
            pub connections: [usize; 3],
            /// Organizations this node follows.
            pub organizations: usize,
            /// Readings that wait for their window.
            pub buffered_readings: usize,
            /// Messages in all mailboxes.
            pub mailbox_messages: usize,
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
                    kinds: self.kinds_view(),
                    sent: self.sent_view(),
                    asked: self.asked_view(),
                    batch_readings: self.batch_readings.view(),
                    delivery_seconds: self.delivery.view(),
                    revocation_seconds: self.revocation.view(),
                    drain_seconds: self.drain.view(),
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

    pub(crate) fn took(&self, kind: EventKind) {
        count(&self.events, 1);
        count(&self.kinds[kind as usize], 1);
    }

    pub(crate) fn sent(&self, event: ServerEvent, transport: usize) {
        count(&self.sent[event as usize][transport], 1);
    }

    pub(crate) fn asked(&self, asked: Asked, outcome: AskedOutcome) {
        count(&self.asked[asked as usize][outcome as usize], 1);
    }

    fn kinds_view(&self) -> Vec<(EventKind, u64)> {
        let kinds = EventKind::ALL.iter().zip(&self.kinds);
        kinds
            .map(|(kind, count)| (*kind, count.load(Ordering::Relaxed)))
            .collect()
    }

    fn sent_view(&self) -> Vec<(ServerEvent, [u64; 3])> {
        let sent = ServerEvent::ALL.iter().zip(&self.sent);
        sent.map(|(event, by)| {
            let counts = std::array::from_fn(|i| by[i].load(Ordering::Relaxed));
            (*event, counts)
        })
        .collect()
    }

    fn asked_view(&self) -> Vec<(Asked, AskedOutcome, u64)> {
        let rows = Asked::ALL.iter().zip(&self.asked);
        rows.flat_map(|(asked, row)| {
            let cells = AskedOutcome::ALL.iter().zip(row);
            cells.map(|(outcome, count)| (*asked, *outcome, count.load(Ordering::Relaxed)))
        })
        .filter(|(.., count)| *count > 0)
        .collect()
    }
}

/// Adds to a counter.
pub(crate) fn count(counter: &AtomicU64, by: usize) {
    counter.fetch_add(by as u64, Ordering::Relaxed);
}
