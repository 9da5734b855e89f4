//! What a [`MemoryStore`](super::MemoryStore) holds: people, and one set of rows per organization.

use super::tenant::TenantRows;
use crate::error::StoreError;
use crate::ids::{ApiKeyId, OrgId, UserId};
use crate::ports::HeadKey;
use crate::principal::User;
use std::collections::BTreeMap;

/// The whole content of a memory store.
///
/// Rows of an organization live in their own [`TenantRows`], so that a method that was handed one
/// organization has no way to reach another's.
#[derive(Debug, Default)]
pub struct MemoryState {
    pub(super) tenants: BTreeMap<OrgId, TenantRows>,
    pub(super) users: BTreeMap<UserId, User>,
    /// Keys that signed heads, in order of first use.
    pub(super) head_keys: Vec<HeadKey>,
    /// API key prefixes of all organizations.
    pub(super) prefixes: BTreeMap<String, (OrgId, ApiKeyId)>,
}

impl MemoryState {
    /// The rows of an organization.
    #[must_use]
    pub fn tenant(&self, org: OrgId) -> Option<&TenantRows> {
        self.tenants.get(&org)
    }

    /// The rows of an organization, to change them.
    pub fn tenant_mut(&mut self, org: OrgId) -> Option<&mut TenantRows> {
        self.tenants.get_mut(&org)
    }

    /// Every organization with its rows, in order of id.
    pub fn tenants(&self) -> impl Iterator<Item = (OrgId, &TenantRows)> {
        self.tenants.iter().map(|(org, rows)| (*org, rows))
    }

    pub(super) fn existing(&mut self, org: OrgId) -> Result<&mut TenantRows, StoreError> {
        self.tenants.get_mut(&org).ok_or(StoreError::Missing {
            what: "organization",
        })
    }

    pub(super) fn user_named(&self, issuer: &str, subject: &str) -> Option<&User> {
        self.users
            .values()
            .find(|user| user.issuer == issuer && user.subject == subject)
    }
}
