//! Incidents, read back. They are written by the engine's commit and by nothing else.

use crate::incident::Incident;
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{IncidentId, OrgId, SiteId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::Timestamp;

/// Which incidents; an absent value does not restrict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IncidentFilter {
    /// Open ones, or closed ones.
    pub open: Option<bool>,
    /// Of this site. Those of the whole organization are of no site.
    pub site: Option<SiteId>,
}

/// Sort key of the list of incidents.
pub type IncidentCursor = (Timestamp, IncidentId);

/// The incidents of one organization. An id of another organization is answered like an unknown one.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait IncidentStore: Send + Sync {
    /// The incident, if it is of this organization.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn find(&self, org: OrgId, id: IncidentId) -> Result<Option<Incident>, StoreError>;

    /// Incidents newest first, by (`opened_at`, id).
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn list(
        &self,
        org: OrgId,
        filter: &IncidentFilter,
        page: PageRequest<IncidentCursor>,
    ) -> Result<Page<Incident, IncidentCursor>, StoreError>;
}
