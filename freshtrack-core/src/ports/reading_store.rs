//! Stored readings, read back. They are written by the alert engine's commit and by nothing else.
//!
//! no contract: only the engine's commit writes readings, so the suite is the alert crate's
//! `testkit/reading_store.rs`.

use crate::error::StoreError;
use crate::ids::{DeviceId, OrgId, UnitId};
use crate::page::{Page, PageRequest};
use crate::reading::{QuarantinedReading, Reading};
use crate::time::Timestamp;
use async_trait::async_trait;

/// Direction of a list of readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadingOrder {
    /// Newest first.
    NewestFirst,
    /// Oldest first.
    OldestFirst,
}

/// Which readings of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadingQuery {
    /// The unit.
    pub unit: UnitId,
    /// Recorded at or after.
    pub from: Timestamp,
    /// Recorded before.
    pub to: Timestamp,
    /// Direction.
    pub order: ReadingOrder,
}

/// Sort key of a reading inside its unit.
pub type ReadingCursor = (Timestamp, Option<DeviceId>, u8);

/// The readings of one organization's units. A unit of another organization has none.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ReadingStore: Send + Sync {
    /// Readings of a unit in a window, by (`recorded_at`, device or nobody first, probe).
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn list(
        &self,
        org: OrgId,
        query: ReadingQuery,
        page: PageRequest<ReadingCursor>,
    ) -> Result<Page<Reading, ReadingCursor>, StoreError>;

    /// The newest evaluated temperature reading of each unit named that has one; at most 1,000 units.
    ///
    /// Late, imported and other unevaluated readings are never the latest: those have no zone.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn latest(&self, org: OrgId, units: &[UnitId]) -> Result<Vec<Reading>, StoreError>;

    /// Values put aside in a window of arrival, newest first; at most `limit`.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn quarantined(
        &self,
        org: OrgId,
        unit: Option<UnitId>,
        limit: u16,
    ) -> Result<Vec<QuarantinedReading>, StoreError>;
}
