//! Who may be connected, by the present rows.

use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{OrgId, UserId};
use freshtrack_core::ports::{ApiKeys, Clock, Organizations, Places};
use freshtrack_core::principal::Role;
use freshtrack_realtime::ports::{Membership, Standing};
use freshtrack_realtime::{Principal, Topic};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// Most keys of an organization that are looked through.
const KEYS_MAX: u16 = 1_000;
/// Most members of an organization that are listed at once.
const MEMBERS_MAX: u16 = 1_000;

/// Memberships and keys as the store has them.
#[derive(Clone)]
pub struct StoreMembership {
    /// People and organizations.
    pub organizations: Arc<dyn Organizations>,
    /// Machine credentials.
    pub api_keys: Arc<dyn ApiKeys>,
    /// Sites and units.
    pub places: Arc<dyn Places>,
    /// For keys that end.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for StoreMembership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreMembership")
    }
}

impl StoreMembership {
    async fn role(&self, principal: Principal, org: OrgId) -> Result<Option<Role>, StoreError> {
        match principal {
            Principal::User(user) => {
                let memberships = self.organizations.memberships(user).await?;
                Ok(memberships.iter().find(|m| m.org == org).map(|m| m.role))
            }
            Principal::ApiKey(id) => {
                let now = self.clock.now();
                let keys = self.api_keys.list(org, KEYS_MAX).await?;
                let good = keys.iter().any(|key| {
                    key.id == id
                        && key.revoked_at.is_none_or(|at| at > now)
                        && key.expires_at.is_none_or(|at| at > now)
                });
                Ok(good.then_some(Role::Viewer))
            }
        }
    }
}

#[async_trait]
impl Membership for StoreMembership {
    async fn resolve(
        &self,
        principal: Principal,
        wanted: Option<OrgId>,
    ) -> Result<Option<Standing>, StoreError> {
        let memberships = match principal {
            Principal::User(user) => self.organizations.memberships(user).await?,
            Principal::ApiKey(_) => Vec::new(),
        };
        let Some(org) = wanted.or_else(|| memberships.first().map(|m| m.org)) else {
            return Ok(None);
        };
        let Some(role) = self.role(principal, org).await? else {
            return Ok(None);
        };
        Ok(self
            .organizations
            .find(org)
            .await?
            .map(|organization| Standing {
                org,
                role,
                temperature_unit: organization.display_unit,
                several: memberships.len() > 1,
            }))
    }

    async fn may_see(
        &self,
        principal: Principal,
        org: OrgId,
        topic: Topic,
    ) -> Result<bool, StoreError> {
        if self.role(principal, org).await?.is_none() {
            return Ok(false);
        }
        match topic {
            Topic::Organization => Ok(true),
            Topic::Site(site) => {
                let site = self.places.find_site(org, site).await?;
                Ok(site.is_some_and(|site| site.archived.is_none()))
            }
            Topic::Unit(unit) => {
                let unit = self.places.find_unit(org, unit).await?;
                Ok(unit.is_some_and(|unit| unit.archived.is_none()))
            }
        }
    }

    async fn still_valid(
        &self,
        org: OrgId,
        principals: &[Principal],
    ) -> Result<Vec<Principal>, StoreError> {
        if self.organizations.find(org).await?.is_none() {
            return Ok(Vec::new());
        }
        let people = principals.iter().any(|p| p.user().is_some());
        let members = if people {
            self.organizations.members(org, MEMBERS_MAX).await?
        } else {
            Vec::new()
        };
        let known: HashSet<UserId> = members.iter().map(|member| member.user.id).collect();
        let whole = members.len() < usize::from(MEMBERS_MAX);
        let mut valid = Vec::with_capacity(principals.len());
        for principal in principals {
            let good = match principal.user() {
                Some(user) if whole || known.contains(&user) => known.contains(&user),
                // Not among the members listed, but there are more; and keys are few.
                _ => self.role(*principal, org).await?.is_some(),
            };
            if good {
                valid.push(*principal);
            }
        }
        Ok(valid)
    }
}
