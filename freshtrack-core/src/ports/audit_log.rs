//! The audit log, read back. It is written with each change, inside its transaction.

use crate::audit::{AuditCategory, AuditEvent, AuditSeverity};
use crate::error::StoreError;
use crate::ids::{AlertId, DeviceId, OrgId, UnitId};
use crate::page::{Page, PageRequest};
use crate::principal::Actor;
use crate::time::Timestamp;
use async_trait::async_trait;

/// A stretch of an organization's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditRange {
    /// First sequence number wanted, from 1.
    pub from: i64,
    /// Most events wanted, 1…1,000.
    pub limit: u16,
}

/// Which events; every part that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditQuery {
    /// By whom.
    pub actor: Option<Actor>,
    /// About what.
    pub category: Option<AuditCategory>,
    /// How loud.
    pub severity: Option<AuditSeverity>,
    /// Exact type name.
    pub kind: Option<String>,
    /// About which unit.
    pub unit: Option<UnitId>,
    /// About which device.
    pub device: Option<DeviceId>,
    /// About which alert.
    pub alert: Option<AlertId>,
    /// At or after.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
}

impl AuditQuery {
    /// Whether an event is one of those asked for.
    #[must_use]
    pub fn matches(&self, event: &AuditEvent) -> bool {
        let draft = &event.draft;
        let refs = &draft.refs;
        self.actor.is_none_or(|actor| draft.actor == actor)
            && self.category.is_none_or(|c| draft.category == c)
            && self.severity.is_none_or(|s| draft.severity == s)
            && self.kind.as_ref().is_none_or(|kind| draft.kind == *kind)
            && self.unit.is_none_or(|id| refs.unit == Some(id))
            && self.device.is_none_or(|id| refs.device == Some(id))
            && self.alert.is_none_or(|id| refs.alert == Some(id))
            && self.from.is_none_or(|from| draft.at >= from)
            && self.to.is_none_or(|to| draft.at < to)
    }
}

/// The audit chain of one organization, in order.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Events from `range.from` on, ascending; exactly as stored, so that tampering shows.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn list(&self, org: OrgId, range: AuditRange) -> Result<Vec<AuditEvent>, StoreError>;

    /// Events that match, newest first; the page's key is the sequence number.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn search(
        &self,
        org: OrgId,
        query: &AuditQuery,
        page: PageRequest<i64>,
    ) -> Result<Page<AuditEvent, i64>, StoreError>;

    /// Every organization, for whoever checks them all.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn chains(&self) -> Result<Vec<OrgId>, StoreError>;

    /// Sequence number and hash of the newest event as the writers recorded them, beside the events;
    /// `(0, zeros)` for an empty chain. Events that were removed at the end are missed by it.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn head(&self, org: OrgId) -> Result<(i64, String), StoreError>;
}
