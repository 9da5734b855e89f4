//! The hub of a node: who is connected, who receives what, and in which order.
//!
//! All decisions are made under one short lock, with no waiting inside; everything that waits (history,
//! snapshots, the bus, windows) is driven by [`Hub::run`], a future the caller owns. Lock order:
//! registry, then mailbox.

mod authority;
mod commands;
mod connect;
mod connection;
mod drain;
mod mail;
mod org;
mod registry;
mod run;
mod work;

pub use commands::{Answer, Commands, Token};
pub use connect::{ConnectError, ConnectRequest, LimitScope, Transport};
pub use connection::{CloseReason, Connection, ConnectionId, Outgoing, Outlet};

use crate::config::HubConfig;
use crate::counters::{Counters, HubStats, count};
use crate::envelope::{Content, Envelope};
use crate::latest::{LatestMap, LatestReading};
use crate::ports::{Bus, BusStatus, EventHistory, LiveState, Membership, PUBLISH_MAX};
use crate::topic::Audience;
use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::Clock;
use freshtrack_core::temperature::TemperatureUnit;
use registry::Registry;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// What a hub needs from the world.
#[derive(Clone)]
pub struct HubPorts {
    /// To the other nodes.
    pub bus: Arc<dyn Bus>,
    /// Committed events.
    pub history: Arc<dyn EventHistory>,
    /// Who may see what.
    pub membership: Arc<dyn Membership>,
    /// The present state.
    pub state: Arc<dyn LiveState>,
    /// The time, for what clients are told and for the end of tokens.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for HubPorts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubPorts").finish_non_exhaustive()
    }
}

pub(crate) struct Shared {
    pub(crate) config: HubConfig,
    pub(crate) ports: HubPorts,
    pub(crate) counters: Counters,
    registry: Mutex<Registry>,
    latest: Mutex<LatestMap>,
    /// Tells [`Hub::run`] that there is work or an earlier moment to wake at.
    pub(crate) wake: Notify,
    pub(crate) unsent: Arc<AtomicUsize>,
}

impl Shared {
    pub(crate) fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn latest(&self) -> MutexGuard<'_, LatestMap> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an event into its organization's order and refreshes the latest readings.
    ///
    /// Answers whether this node follows the organization at all.
    pub(crate) fn receive(&self, envelope: &Arc<Envelope>) -> bool {
        let now = Instant::now();
        let followed = {
            let mut registry = self.registry();
            registry.offer(self, Arc::clone(envelope), now);
            registry.follows(envelope.org)
        };
        if followed {
            self.refresh_latest(envelope);
        }
        self.wake.notify_one();
        followed
    }

    fn refresh_latest(&self, envelope: &Envelope) {
        let Audience {
            unit: Some(unit), ..
        } = envelope.audience
        else {
            return;
        };
        if let Content::Readings(body) = &envelope.content {
            let mut latest = self.latest();
            for view in &body.readings {
                if let Some(reading) = LatestReading::from_event(unit, envelope.at, view) {
                    latest.offer(envelope.org, reading);
                }
            }
        }
    }
}

/// The live side of one server process. Cheap to clone; all clones are the same hub.
#[derive(Clone)]
pub struct Hub {
    pub(crate) shared: Arc<Shared>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("stats", &self.stats()).finish()
    }
}

impl Hub {
    /// A hub without connections. Nothing waits or is gathered until [`run`](Self::run) is polled.
    #[must_use]
    pub fn new(config: HubConfig, ports: HubPorts) -> Self {
        let registry = Registry::new(&config);
        let latest = LatestMap::new(config.latest_units_max);
        Self {
            shared: Arc::new(Shared {
                config,
                ports,
                counters: Counters::default(),
                registry: Mutex::new(registry),
                latest: Mutex::new(latest),
                wake: Notify::new(),
                unsent: Arc::new(AtomicUsize::new(0)),
            }),
        }
    }

    /// Delivers committed events here, whatever the bus does, and gives them to the bus.
    ///
    /// Per organization they come in the order of their numbers; a repeat does no harm. A bus that
    /// does not take them costs other nodes only the time until they read the history. Takes at most
    /// 250 ms.
    pub async fn publish(&self, envelopes: Vec<Envelope>) {
        let envelopes: Vec<Arc<Envelope>> = envelopes.into_iter().map(Arc::new).collect();
        for envelope in &envelopes {
            count(
                &self.shared.counters.serializations,
                usize::from(envelope.is_ordered()),
            );
            if !self.shared.receive(envelope) {
                self.shared.counters.took(envelope.kind);
            }
        }
        let sent = tokio::time::timeout(PUBLISH_MAX, self.shared.ports.bus.publish(&envelopes));
        let failure = match sent.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "bus did not answer in time".to_owned(),
        };
        count(&self.shared.counters.bus_failures, 1);
        tracing::debug!(failure, "published on this node only");
    }

    /// Sets the display unit in which this node renders what it reads from the history.
    pub fn set_temperature_unit(&self, org: OrgId, unit: TemperatureUnit) {
        self.shared.registry().set_temperature_unit(org, unit);
    }

    /// Counts since the hub was made, and what it holds now.
    #[must_use]
    pub fn stats(&self) -> HubStats {
        let mut stats = self.shared.counters.snapshot();
        self.shared.registry().fill_stats(&mut stats);
        stats.unsent_bytes = self.shared.unsent.load(Ordering::Relaxed);
        stats.latest_units = self.shared.latest().len();
        stats
    }

    /// Open connections of this node.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.registry().connections
    }

    /// Whether the bus works.
    #[must_use]
    pub fn bus_status(&self) -> BusStatus {
        self.shared.ports.bus.status()
    }
}
