//! Windows in which nothing is raised or paged. Evaluations are handed those that reach their unit with
//! the unit itself ([`MonitorStore::load`](super::MonitorStore::load)).
//!
//! no contract: this port shares one suite with three others, `testkit/records.rs`.

use crate::suppression::Suppression;
use async_trait::async_trait;
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{OrgId, SuppressionId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::Timestamp;

/// Most suppressions that are looked at for what is quiet now.
pub const ACTIVE_MAX: u16 = 1_000;

/// Sort key of the list of suppressions: when they begin.
pub type SuppressionCursor = (Timestamp, SuppressionId);

/// The suppressions of one organization; never deleted. An id of another organization is answered like
/// an unknown one.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Suppressions: Send + Sync {
    /// Stores a new suppression and makes every unit it reaches due at its `created_at`. An evaluation
    /// under way that does not know of it is a conflict from then on.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if its place is not of this organization.
    async fn create(
        &self,
        org: OrgId,
        suppression: Suppression,
        journal: Journal,
    ) -> Result<(), StoreError>;

    /// Ends a suppression at `at` and answers it as it is then; every unit it reaches is due. One that
    /// is over already stays as it is, without a journal.
    ///
    /// # Errors
    /// [`StoreError::Missing`] `suppression`.
    async fn end(
        &self,
        org: OrgId,
        id: SuppressionId,
        at: Timestamp,
        journal: Journal,
    ) -> Result<Suppression, StoreError>;

    /// The suppression, if it is of this organization.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn find(&self, org: OrgId, id: SuppressionId) -> Result<Option<Suppression>, StoreError>;

    /// Those in whose window `at` lies, or all of them without it; latest beginning first.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn list(
        &self,
        org: OrgId,
        at: Option<Timestamp>,
        page: PageRequest<SuppressionCursor>,
    ) -> Result<Page<Suppression, SuppressionCursor>, StoreError>;
}
