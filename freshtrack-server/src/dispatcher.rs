//! The dispatcher: committed outbox events, in order, to the live hub.
//!
//! It runs after commit, never inside it. A commit of this process wakes it; what other processes
//! commit is found by looking at the heads. Where it stood needs no memory of its own: after a restart
//! clients resume from the outbox by their last number.

use crate::heartbeat::Heartbeat;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::{Clock, Organizations, Outbox};
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_realtime::Hub;
use freshtrack_realtime::render_or_hint;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How often commits of other processes are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Events taken at once.
const EVENTS_MAX: u16 = 500;
/// How long an organization's display unit is remembered.
const UNIT_REMEMBERED: Duration = Duration::from_mins(1);

/// Hands committed events to the hub.
pub struct Dispatcher {
    outbox: Arc<dyn Outbox>,
    organizations: Arc<dyn Organizations>,
    hub: Hub,
    clock: Arc<dyn Clock>,
    beat: Arc<Heartbeat>,
    wake: Arc<Notify>,
    behind: Arc<AtomicI64>,
    positions: HashMap<OrgId, i64>,
    units: HashMap<OrgId, (TemperatureUnit, tokio::time::Instant)>,
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher")
            .field("beat", &self.beat)
            .finish_non_exhaustive()
    }
}

/// What a dispatcher needs.
#[expect(
    missing_debug_implementations,
    reason = "only carries ports to `Dispatcher::start`"
)]
pub struct DispatcherParts {
    /// Where events come from.
    pub outbox: Arc<dyn Outbox>,
    /// For display units.
    pub organizations: Arc<dyn Organizations>,
    /// Where they go.
    pub hub: Hub,
    /// The time, for the heartbeat.
    pub clock: Arc<dyn Clock>,
    /// Proof of life.
    pub beat: Arc<Heartbeat>,
    /// Told by each commit of this process.
    pub wake: Arc<Notify>,
    /// Events committed and not yet handed over, as of the last look.
    pub behind: Arc<AtomicI64>,
}

impl Dispatcher {
    /// A dispatcher that begins with what is committed from now on.
    ///
    /// # Errors
    /// If the heads cannot be read.
    pub async fn start(parts: DispatcherParts) -> Result<Self, StoreError> {
        let positions = parts.outbox.heads().await?.into_iter().collect();
        Ok(Self {
            outbox: parts.outbox,
            organizations: parts.organizations,
            hub: parts.hub,
            clock: parts.clock,
            beat: parts.beat,
            wake: parts.wake,
            behind: parts.behind,
            positions,
            units: HashMap::new(),
        })
    }

    /// Runs until `stop`, then hands over what is committed by then.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let stopping = stop.is_cancelled();
            match self.round().await {
                Ok(()) => self.beat.beat(),
                Err(error) => {
                    tracing::warn!(error = ?error, "dispatcher could not read the outbox");
                }
            }
            if stopping {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn round(&mut self) -> Result<(), StoreError> {
        let heads = self.outbox.heads().await?;
        let waiting = heads
            .iter()
            .map(|(org, head)| head - self.position(*org))
            .sum();
        self.behind.store(waiting, Ordering::Relaxed);
        for (org, head) in heads {
            while self.position(org) < head {
                if self.hand_over(org).await? == 0 {
                    // Pruned away: nobody can resume from there either.
                    self.positions.insert(org, head);
                }
            }
        }
        self.behind.store(0, Ordering::Relaxed);
        Ok(())
    }

    fn position(&self, org: OrgId) -> i64 {
        self.positions.get(&org).copied().unwrap_or(0)
    }

    async fn hand_over(&mut self, org: OrgId) -> Result<usize, StoreError> {
        let events = self
            .outbox
            .since(org, self.position(org), EVENTS_MAX)
            .await?;
        let Some(last) = events.last().map(|event| event.seq) else {
            return Ok(0);
        };
        let unit = self.display_unit(org).await?;
        let now = self.clock.now();
        let mut envelopes = Vec::with_capacity(events.len());
        for event in &events {
            let waited = (now - event.occurred_at).to_duration();
            metrics::histogram!("freshtrack_outbox_to_dispatch_seconds")
                .record(waited.as_secs_f64());
            let rendered = render_or_hint(event, unit);
            if let Some(fault) = rendered.fault {
                tracing::error!(error = %fault, "an event could not be rendered");
            }
            envelopes.push(rendered.envelope);
        }
        let count = envelopes.len();
        self.hub.publish(envelopes).await;
        self.positions.insert(org, last);
        Ok(count)
    }

    async fn display_unit(&mut self, org: OrgId) -> Result<TemperatureUnit, StoreError> {
        let now = tokio::time::Instant::now();
        if let Some((unit, until)) = self.units.get(&org)
            && *until > now
        {
            return Ok(*unit);
        }
        let unit = self
            .organizations
            .find(org)
            .await?
            .map(|o| o.display_unit)
            .unwrap_or_default();
        self.units.insert(org, (unit, now + UNIT_REMEMBERED));
        self.hub.set_temperature_unit(org, unit);
        Ok(unit)
    }
}
