//! The inbox worker: stored network messages become readings.
//!
//! Messages are taken in the order they arrived, decoded, and handed to ingest together, which evaluates
//! them in time order. The commit that stores a message's readings settles it, so neither a crash nor a
//! second worker makes a reading twice. What is not understood is set aside with a reason.

use crate::heartbeat::Heartbeat;
use crate::store::Store;
use crate::store::ports::PendingEvent;
use crate::uplink_readings;
use freshtrack_alerts::ingest::{Ingest, IngestError};
use freshtrack_alerts::intake::Posted;
use freshtrack_alerts::posted::ReadingOutcome;
use freshtrack_core::device::Device;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::Clock;
use freshtrack_core::time::Span;
use freshtrack_ttn::canonical::QuarantineReason;
use freshtrack_ttn::decode::decode_event;
use freshtrack_ttn::event::LnsEvent;
use freshtrack_ttn::network::parse_event;
use futures_util::future::join_all;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Messages taken at once.
const MESSAGES_MAX: u16 = 256;
/// How often messages stored by other processes are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Wait before a message that failed for a passing reason is tried again.
const RETRY_AFTER: Span = Span::from_seconds(2);

/// How long a message belongs to the worker that took it.
const LEASE: Span = Span::from_seconds(30);

fn count(outcome: &'static str) {
    metrics::counter!("freshtrack_inbox_messages_total", "outcome" => outcome).increment(1);
}

/// Decodes and ingests stored messages.
pub struct InboxWorker {
    /// Where messages and devices are.
    pub store: Store,
    /// Where readings go.
    pub ingest: Ingest,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Proof of life.
    pub beat: Arc<Heartbeat>,
    /// Told by each message stored in this process.
    pub wake: Arc<Notify>,
}

impl fmt::Debug for InboxWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxWorker").finish_non_exhaustive()
    }
}

/// What becomes of one message.
enum Fate {
    /// These readings go in; with none, it is only settled.
    Readings(Vec<Posted>),
    /// A person has to look at it.
    Quarantined(QuarantineReason),
}

impl InboxWorker {
    /// Works until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let more = match self.round().await {
                Ok(taken) => {
                    self.beat.beat();
                    taken == usize::from(MESSAGES_MAX)
                }
                Err(error) => {
                    tracing::warn!(error = ?error, "inbox could not be worked; messages wait");
                    false
                }
            };
            if more {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn round(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let messages = self
            .store
            .inbox_queue
            .claim(now, LEASE, MESSAGES_MAX)
            .await?;
        let taken = messages.len();
        let mut devices = HashMap::new();
        let mut ready = Vec::new();
        for message in messages {
            match self.read(&message, &mut devices).await? {
                Fate::Readings(readings) => ready.push((message, readings)),
                Fate::Quarantined(reason) => {
                    count("quarantined");
                    self.store
                        .inbox_queue
                        .quarantine(message.org, message.id, reason)
                        .await?;
                }
            }
        }
        // Each call takes its place in ingest's queue when it is first polled, so order is kept.
        let calls = ready.into_iter().map(|(message, readings)| async move {
            let outcome = self
                .ingest
                .ingest(message.org, readings, Some(message.id))
                .await;
            (message, outcome)
        });
        for (message, outcome) in join_all(calls).await {
            match outcome {
                Ok(outcomes) => {
                    count("ingested");
                    for outcome in outcomes {
                        if let ReadingOutcome::Rejected { reason } = outcome {
                            count("reading_rejected");
                            tracing::debug!(reason = reason.as_str(), "a reading was rejected");
                        }
                    }
                }
                Err(IngestError::Stopped) => return Ok(0),
                Err(error) => {
                    tracing::debug!(error = ?error, "a message waits for ingest");
                    count("postponed");
                    let again = self.clock.now() + RETRY_AFTER;
                    self.store
                        .inbox_queue
                        .postpone(message.org, message.id, again)
                        .await?;
                }
            }
        }
        Ok(taken)
    }

    async fn read(
        &self,
        message: &PendingEvent,
        devices: &mut HashMap<(OrgId, String), Option<Device>>,
    ) -> Result<Fate, StoreError> {
        let entry = &message.entry;
        if let Some(reason) = entry.quarantine {
            return Ok(Fate::Quarantined(reason));
        }
        let Ok(event) = parse_event(entry.network, &entry.route, &entry.body, &entry.hint) else {
            return Ok(Fate::Quarantined(QuarantineReason::UnknownEvent));
        };
        let Some(device) = self.device(message.org, &event, devices).await? else {
            return Ok(Fate::Quarantined(QuarantineReason::UnknownDevice));
        };
        let policy = uplink_readings::policy(&device, &event);
        let decoded = decode_event(&event, entry.arrived_at, &policy, None);
        if let Some(reason) = decoded.quarantine {
            use QuarantineReason as R;
            return Ok(match reason {
                // Known and without readings: nothing for a person to mend.
                R::NotAnUplink => Fate::Readings(Vec::new()),
                // The device is there but cannot be understood: a fault of its sensor.
                R::Undecodable if device.unit_id.is_some() => Fate::Readings(vec![Ok(
                    uplink_readings::undecodable(&device, &event, decoded.contact.at),
                )]),
                other => Fate::Quarantined(other),
            });
        }
        if device.unit_id.is_none() {
            return Ok(Fate::Quarantined(QuarantineReason::UnassignedDevice));
        }
        let readings = uplink_readings::readings(&device, &event, &decoded);
        Ok(Fate::Readings(readings.into_iter().map(Ok).collect()))
    }

    /// The device an event is about, inside its own organization.
    async fn device(
        &self,
        org: OrgId,
        event: &LnsEvent,
        devices: &mut HashMap<(OrgId, String), Option<Device>>,
    ) -> Result<Option<Device>, StoreError> {
        let Some(dev_eui) = event.device.dev_eui else {
            return Ok(None);
        };
        let key = (org, dev_eui.to_string());
        if let Some(known) = devices.get(&key) {
            return Ok(known.clone());
        }
        let found = self.store.devices.find_by_eui(org, &key.1).await?;
        devices.insert(key, found.clone());
        Ok(found)
    }
}
