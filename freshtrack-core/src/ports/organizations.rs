//! Organizations, people and memberships.

use crate::audit::Journal;
use crate::error::StoreError;
use crate::hierarchy::{Area, Organization, Site, Unit};
use crate::ids::{OrgId, UserId};
use crate::principal::{ApiKey, Membership, Role, User};
use crate::time::Timestamp;
use async_trait::async_trait;

/// A person as member of one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub user: User,
    /// The role.
    pub membership: Membership,
}

/// A change of one membership, from the role it is expected to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberChange {
    /// The member.
    pub user: UserId,
    /// The role now; a change based on another one is not made.
    pub expected: Role,
    /// The role from now on; `None` ends the membership. The expected role again only asks that it is
    /// still so, which is how a caller's own authority is part of a change.
    pub to: Option<Role>,
}

/// A new organization with its owner and whatever else must exist from the first moment.
#[derive(Debug, Clone)]
pub struct NewOrganization {
    /// The organization.
    pub organization: Organization,
    /// The owner; an existing person with the same issuer and subject keeps id and record.
    pub owner: User,
    /// Sites to begin with.
    pub sites: Vec<Site>,
    /// Areas to begin with, each in one of `sites`.
    pub areas: Vec<Area>,
    /// Units to begin with, each in one of `areas`.
    pub units: Vec<Unit>,
    /// Keys to begin with.
    pub api_keys: Vec<ApiKey>,
}

/// Organizations, the people known to this installation, and who belongs where.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Organizations: Send + Sync {
    /// Creates an organization, its owner's membership and its first rows, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Taken`] with `slug` if the slug is in use; nothing was stored.
    async fn create(&self, new: NewOrganization, journal: Journal) -> Result<(), StoreError>;

    /// The organization, if it exists.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn find(&self, org: OrgId) -> Result<Option<Organization>, StoreError>;

    /// The person with this issuer and subject; made from `user` if new. An existing record is
    /// answered as it is, but a changed e-mail address is taken over.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn ensure_user(&self, user: User) -> Result<User, StoreError>;

    /// Memberships of a person, oldest first (by time, then organization id); at most 200.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn memberships(&self, user: UserId) -> Result<Vec<Membership>, StoreError>;

    /// Organizations a person belongs to, with the membership, in the order of [`Self::memberships`];
    /// at most 200.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn organizations_of(
        &self,
        user: UserId,
    ) -> Result<Vec<(Organization, Membership)>, StoreError>;

    /// Stores name, time zone and display unit of an organization. Its `version` is the new one: one
    /// more than what the change is based on.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the stored version is another; [`StoreError::Missing`] if the
    /// organization is unknown.
    async fn update(&self, organization: Organization, journal: Journal) -> Result<(), StoreError>;

    /// Makes all of these changes or none, against the memberships as they are at that instant.
    ///
    /// # Errors
    /// [`StoreError::Missing`] `member` if one is not a member, [`StoreError::Conflict`] if one has not
    /// the expected role, [`StoreError::Refused`] `last_owner` if nobody would be owner afterwards:
    /// also of changes that happen at once.
    async fn change_members(
        &self,
        org: OrgId,
        changes: &[MemberChange],
        journal: Journal,
    ) -> Result<(), StoreError>;

    /// Gives `user` the role in `org`, as a new or a changed membership.
    ///
    /// Setting the role a member already has changes nothing, and the journal is not written.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if organization or user is unknown; [`StoreError::Refused`] `last_owner`
    /// if nobody would be owner afterwards.
    async fn set_role(
        &self,
        org: OrgId,
        user: UserId,
        role: Role,
        now: Timestamp,
        journal: Journal,
    ) -> Result<(), StoreError>;

    /// Members of `org`, oldest first; at most `limit`.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn members(&self, org: OrgId, limit: u16) -> Result<Vec<Member>, StoreError>;
}
