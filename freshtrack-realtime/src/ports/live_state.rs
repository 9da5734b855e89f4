//! The present state of an organization, for clients that cannot be told what they missed.

use crate::latest::LatestReading;
use crate::payload::{SnapshotAlert, SnapshotUnit};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{OrgId, UnitId};

/// An organization at one point in time.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Newest event committed at that point: everything up to it is in here, nothing after it is.
    pub seq: i64,
    /// Units that are not archived, by id.
    pub units: Vec<SnapshotUnit>,
    /// Alerts that are not resolved, by id.
    pub alerts: Vec<SnapshotAlert>,
}

/// Reads the present state.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait LiveState: Send + Sync {
    /// Units and open alerts, read together with the sequence in one transaction.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn snapshot(&self, org: OrgId) -> Result<Snapshot, StoreError>;

    /// The newest evaluated reading of a unit of this organization; nothing for anybody else's.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn latest(&self, org: OrgId, unit: UnitId) -> Result<Option<LatestReading>, StoreError>;
}
