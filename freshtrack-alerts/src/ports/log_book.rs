//! Manual logs and corrective actions, read back. They are written by the engine's commit
//! ([`Change::records`](crate::change::Change::records)) and by nothing else.
//!
//! no contract: this port shares one suite with three others, `testkit/records.rs`.

use crate::log_book::{CorrectiveAction, ManualLog};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{AlertId, CorrectiveActionId, ManualLogId, OrgId, SiteId, UnitId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::Timestamp;

/// Which logs; an absent value does not restrict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogFilter {
    /// Of units of this site.
    pub site: Option<SiteId>,
    /// Of this unit.
    pub unit: Option<UnitId>,
    /// Inside the limits, or outside.
    pub in_range: Option<bool>,
    /// Measured at or after.
    pub from: Option<Timestamp>,
    /// Measured before.
    pub to: Option<Timestamp>,
}

/// Sort key of the list of logs: when they were measured.
pub type LogCursor = (Timestamp, ManualLogId);

/// Which actions; an absent value does not restrict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ActionFilter {
    /// At this unit.
    pub unit: Option<UnitId>,
    /// About this alert.
    pub alert: Option<AlertId>,
    /// About this log.
    pub manual_log: Option<ManualLogId>,
    /// Written down at or after.
    pub from: Option<Timestamp>,
    /// Written down before.
    pub to: Option<Timestamp>,
}

/// Sort key of the list of actions: when they were written down.
pub type ActionCursor = (Timestamp, CorrectiveActionId);

/// The log book of one organization. An id of another organization is answered like an unknown one.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait LogBook: Send + Sync {
    /// The log, if it is of this organization.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn find_log(&self, org: OrgId, id: ManualLogId) -> Result<Option<ManualLog>, StoreError>;

    /// The log that a client named so.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn find_log_by_ref(
        &self,
        org: OrgId,
        client_ref: &str,
    ) -> Result<Option<ManualLog>, StoreError>;

    /// Logs, newest first.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn logs(
        &self,
        org: OrgId,
        filter: &LogFilter,
        page: PageRequest<LogCursor>,
    ) -> Result<Page<ManualLog, LogCursor>, StoreError>;

    /// The action, if it is of this organization.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn find_action(
        &self,
        org: OrgId,
        id: CorrectiveActionId,
    ) -> Result<Option<CorrectiveAction>, StoreError>;

    /// Actions, newest first.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn actions(
        &self,
        org: OrgId,
        filter: &ActionFilter,
        page: PageRequest<ActionCursor>,
    ) -> Result<Page<CorrectiveAction, ActionCursor>, StoreError>;
}
