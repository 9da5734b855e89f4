//! Who may be here, and what they may see.

use crate::topic::{Principal, Topic};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::principal::Role;
use freshtrack_core::temperature::TemperatureUnit;

/// A caller's place in the organization a connection will belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The organization.
    pub org: OrgId,
    /// The role there.
    pub role: Role,
    /// Its display unit.
    pub temperature_unit: TemperatureUnit,
    /// Whether the caller belongs to others as well.
    pub several: bool,
}

/// Decides by the present state of the store. Unknown and foreign ids answer the same.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Membership: Send + Sync {
    /// The organization `principal` enters: the one wanted, else the oldest membership (created, id).
    /// Nothing if there is none, or it is unknown, foreign or archived.
    ///
    /// # Errors
    /// If the question could not be answered; that is not a refusal.
    async fn resolve(
        &self,
        principal: Principal,
        wanted: Option<OrgId>,
    ) -> Result<Option<Standing>, StoreError>;

    /// Whether `topic` is a living one of `org` and `principal` belongs there.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn may_see(
        &self,
        principal: Principal,
        org: OrgId,
        topic: Topic,
    ) -> Result<bool, StoreError>;

    /// Those of `principals` (at most 1,000) that still belong to `org`; none if it is archived.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn still_valid(
        &self,
        org: OrgId,
        principals: &[Principal],
    ) -> Result<Vec<Principal>, StoreError>;
}
