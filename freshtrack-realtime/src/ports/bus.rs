//! The way from the node that publishes to every other one.

use crate::envelope::Envelope;
use async_trait::async_trait;
use freshtrack_core::error::BoxError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::time::Timestamp;
use futures_util::stream::BoxStream;
use std::sync::Arc;
use std::time::Duration;

/// Longest time a publication may take.
pub const PUBLISH_MAX: Duration = Duration::from_millis(250);

/// The bus did not take it. Nothing is lost: other nodes read the history.
#[derive(Debug, thiserror::Error)]
#[error("bus unavailable")]
pub struct BusError(#[source] pub BoxError);

/// Which bus it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusKind {
    /// Inside one process.
    Memory,
    /// Redis publish/subscribe.
    Redis,
}

/// Whether it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusState {
    /// It does.
    Up,
    /// It does not; the history is polled meanwhile.
    Down {
        /// Since when.
        since: Timestamp,
    },
}

/// What health tells about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusStatus {
    /// Which bus.
    pub kind: BusKind,
    /// Whether it works.
    pub state: BusState,
    /// How often it came back.
    pub reconnects: u64,
}

/// What a subscription yields.
#[derive(Debug, Clone)]
pub enum BusItem {
    /// An event.
    Envelope(Arc<Envelope>),
    /// Events of this organization may have been missed: read the history.
    Interrupted(OrgId),
}

/// Events of some organizations; dropping it ends the subscription.
pub type BusStream = BoxStream<'static, BusItem>;

/// Carries events between nodes: at least once while up, in order per organization, no replay.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Sends events to every subscriber of their organizations, on every node, the sender's included.
    ///
    /// Takes at most [`PUBLISH_MAX`].
    ///
    /// # Errors
    /// If it did not take them all in time; some may have been sent.
    async fn publish(&self, envelopes: &[Arc<Envelope>]) -> Result<(), BusError>;

    /// Events of these organizations published after this call answers.
    ///
    /// Answers at once, also while the bus is down; whatever was missed because it was, or because
    /// the reader was slow, is told by [`BusItem::Interrupted`].
    async fn subscribe(&self, organizations: &[OrgId]) -> BusStream;

    /// Whether it works.
    fn status(&self) -> BusStatus;
}
