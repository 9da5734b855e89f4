//! The audit log, read back. It is written with each change, inside its transaction.

use crate::audit::AuditEvent;
use crate::error::StoreError;
use crate::ids::OrgId;
use async_trait::async_trait;

/// A stretch of an organization's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditRange {
    /// First sequence number wanted, from 1.
    pub from: i64,
    /// Most events wanted, 1…1,000.
    pub limit: u16,
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

    /// Sequence number and hash of the newest event; `(0, zeros)` for an empty chain.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn head(&self, org: OrgId) -> Result<(i64, String), StoreError>;
}
