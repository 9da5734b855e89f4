//! A bus between hubs of one process.

use crate::envelope::Envelope;
use crate::ports::{Bus, BusError, BusItem, BusKind, BusState, BusStatus, BusStream};
use async_trait::async_trait;
use freshtrack_core::ids::OrgId;
use freshtrack_core::time::Timestamp;
use futures_util::stream;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Events a slow subscriber may be behind before it has to read the history.
const CAPACITY: usize = 4_096;

#[derive(Debug, Clone)]
enum Signal {
    Envelope(Arc<Envelope>),
    Interrupted,
}

/// Delivers to every subscriber of this process; can be taken down to see what a hub does then.
#[derive(Debug, Clone)]
pub struct MemoryBus {
    sender: broadcast::Sender<Signal>,
    status: Arc<Mutex<BusStatus>>,
}

impl Default for MemoryBus {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryBus {
    /// A bus that is up.
    #[must_use]
    pub fn new() -> Self {
        Self {
            sender: broadcast::Sender::new(CAPACITY),
            status: Arc::new(Mutex::new(BusStatus {
                kind: BusKind::Memory,
                state: BusState::Up,
                reconnects: 0,
            })),
        }
    }

    /// Takes the bus down: publications fail and reach nobody.
    pub fn go_down(&self, since: Timestamp) {
        self.with(|status| status.state = BusState::Down { since });
    }

    /// Brings the bus back; subscribers are told that they may have missed something.
    pub fn come_back(&self) {
        self.with(|status| {
            status.state = BusState::Up;
            status.reconnects += 1;
        });
        // Without subscribers there is nobody to tell.
        drop(self.sender.send(Signal::Interrupted));
    }

    fn with<T>(&self, act: impl FnOnce(&mut BusStatus) -> T) -> T {
        act(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Subscriber {
    receiver: broadcast::Receiver<Signal>,
    organizations: Vec<OrgId>,
    interrupted: VecDeque<OrgId>,
}

impl Subscriber {
    async fn next(&mut self) -> Option<BusItem> {
        loop {
            if let Some(org) = self.interrupted.pop_front() {
                return Some(BusItem::Interrupted(org));
            }
            match self.receiver.recv().await {
                Ok(Signal::Envelope(envelope)) => {
                    if self.organizations.contains(&envelope.org) {
                        return Some(BusItem::Envelope(envelope));
                    }
                }
                Ok(Signal::Interrupted) | Err(RecvError::Lagged(_)) => {
                    self.interrupted.extend(&self.organizations);
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

#[async_trait]
impl Bus for MemoryBus {
    async fn publish(&self, envelopes: &[Arc<Envelope>]) -> Result<(), BusError> {
        if let BusState::Down { .. } = self.status().state {
            return Err(BusError("taken down".into()));
        }
        for envelope in envelopes {
            // Without subscribers there is nobody to deliver to.
            drop(self.sender.send(Signal::Envelope(Arc::clone(envelope))));
        }
        Ok(())
    }

    async fn subscribe(&self, organizations: &[OrgId]) -> BusStream {
        let subscriber = Subscriber {
            receiver: self.sender.subscribe(),
            organizations: organizations.to_vec(),
            interrupted: VecDeque::new(),
        };
        Box::pin(stream::unfold(subscriber, |mut subscriber| async move {
            subscriber.next().await.map(|item| (item, subscriber))
        }))
    }

    fn status(&self) -> BusStatus {
        self.with(|status| *status)
    }
}
