//! Alerts, read back. They are written by the engine's commit and by nothing else.

use crate::alert::{Alert, AlertEvent, AlertStatus, AlertType, Severity};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{AlertId, AreaId, OrgId, SiteId, UnitId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::Timestamp;

/// Which alerts; an empty list or an absent value does not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertFilter {
    /// Any of these statuses.
    pub status: Vec<AlertStatus>,
    /// Any of these severities.
    pub severity: Vec<Severity>,
    /// Any of these types.
    pub alert_type: Vec<AlertType>,
    /// Of this site.
    pub site: Option<SiteId>,
    /// At a unit of this area as units stand now.
    pub area: Option<AreaId>,
    /// Of this unit.
    pub unit: Option<UnitId>,
    /// Raised at or after.
    pub from: Option<Timestamp>,
    /// Raised before.
    pub to: Option<Timestamp>,
}

/// Sort key of the list of alerts.
pub type AlertCursor = (Timestamp, AlertId);

/// The alerts of one organization. An id of another organization is answered like an unknown one.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AlertStore: Send + Sync {
    /// The alert, if it is of this organization.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn find(&self, org: OrgId, id: AlertId) -> Result<Option<Alert>, StoreError>;

    /// Alerts newest first, by (`raised_at`, id).
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn list(
        &self,
        org: OrgId,
        filter: &AlertFilter,
        page: PageRequest<AlertCursor>,
    ) -> Result<Page<Alert, AlertCursor>, StoreError>;

    /// An alert's history, oldest first; at most `limit` of its newest lines. Empty for an alert of
    /// another organization.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn history(
        &self,
        org: OrgId,
        id: AlertId,
        limit: u16,
    ) -> Result<Vec<AlertEvent>, StoreError>;
}
