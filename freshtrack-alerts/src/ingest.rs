//! Ingest: the way in for readings, whatever network they came through.

use crate::engine::Engine;
use crate::group_commit::{IngestWriter, Request};
use crate::intake::Posted;
use crate::posted::ReadingOutcome;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{LnsEventId, OrgId};
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Bounds of the way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IngestConfig {
    /// Readings that may wait; beyond it callers are told to come back.
    pub waiting_readings_max: u32,
    /// Readings committed together, and most one call may bring.
    pub batch_readings_max: usize,
    /// Calls committed together.
    pub batch_requests_max: usize,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            waiting_readings_max: 4_096,
            batch_readings_max: 1_000,
            batch_requests_max: 64,
        }
    }
}

/// Takes readings and answers when they are durable. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ingest {
    queue: mpsc::Sender<Request>,
    room: Arc<Semaphore>,
    batch_readings_max: usize,
}

/// Why a call as a whole was not served. Nothing of it is stored, and repeating it is safe.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// Too many readings wait already.
    #[error("too many readings are waiting")]
    Overloaded {
        /// When to come back.
        retry_after_seconds: u32,
    },
    /// More readings than one call may bring.
    #[error("more than {max} readings in one call")]
    TooMany {
        /// How many it may bring.
        max: usize,
    },
    /// The store did not take it.
    #[error("the store did not take the readings")]
    Unavailable(#[source] Arc<StoreError>),
    /// The writer has stopped.
    #[error("ingest has stopped")]
    Stopped,
}

/// When to come back after an overload: a few commits later.
const RETRY_AFTER_SECONDS: u32 = 1;

impl Ingest {
    /// The way in, and the one writer behind it; the caller runs the writer.
    #[must_use]
    pub fn new(engine: Engine, config: IngestConfig) -> (Self, IngestWriter) {
        let capacity = usize::try_from(config.waiting_readings_max.max(1)).unwrap_or(usize::MAX);
        let (queue, requests) = mpsc::channel(capacity);
        let ingest = Self {
            queue,
            room: Arc::new(Semaphore::new(capacity)),
            batch_readings_max: config.batch_readings_max,
        };
        (ingest, IngestWriter::new(engine, config, requests))
    }

    /// Judges, evaluates and stores readings of one organization, and answers each, in order, once all
    /// of that is durable.
    ///
    /// `consumed` names the network event that is done with by this. Calling again with the same
    /// readings changes nothing and answers `Duplicate`.
    ///
    /// # Errors
    /// The call as a whole was not served; repeat it.
    pub async fn ingest(
        &self,
        org: OrgId,
        readings: Vec<Posted>,
        consumed: Option<LnsEventId>,
    ) -> Result<Vec<ReadingOutcome>, IngestError> {
        if readings.len() > self.batch_readings_max {
            return Err(IngestError::TooMany {
                max: self.batch_readings_max,
            });
        }
        let weight = u32::try_from(readings.len().max(1)).unwrap_or(u32::MAX);
        let overloaded = IngestError::Overloaded {
            retry_after_seconds: RETRY_AFTER_SECONDS,
        };
        let room = Arc::clone(&self.room)
            .try_acquire_many_owned(weight)
            .map_err(|_| overloaded.clone())?;
        let (answer, answered) = oneshot::channel();
        let request = Request {
            org,
            readings,
            consumed,
            answer,
            _room: room,
        };
        self.queue.try_send(request).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => overloaded,
            mpsc::error::TrySendError::Closed(_) => IngestError::Stopped,
        })?;
        answered.await.unwrap_or(Err(IngestError::Stopped))
    }

    /// Readings that may still be queued before callers are refused.
    #[must_use]
    pub fn room(&self) -> usize {
        self.room.available_permits()
    }
}
