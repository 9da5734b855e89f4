//! What a unit went through, read back. It is written by the engine's commit and by nothing else.
//!
//! no contract: this port shares one suite with three others, `testkit/records.rs`.

use crate::change::{DoorEvent, StateChange};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::Timestamp;

/// Sort key of either list: the instant, and a number that tells those of one instant apart.
pub type HistoryCursor = (Timestamp, i64);

/// States and doors of units. A unit of another organization is answered like one without history.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait UnitHistory: Send + Sync {
    /// Door reports that changed something in `[from, to)`, newest first.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn door_events(
        &self,
        org: OrgId,
        unit: UnitId,
        window: (Timestamp, Timestamp),
        page: PageRequest<HistoryCursor>,
    ) -> Result<Page<DoorEvent, HistoryCursor>, StoreError>;

    /// Changes of the displayed status or of an axis in `[from, to)`, newest first.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn state_changes(
        &self,
        org: OrgId,
        unit: UnitId,
        window: (Timestamp, Timestamp),
        page: PageRequest<HistoryCursor>,
    ) -> Result<Page<StateChange, HistoryCursor>, StoreError>;
}
