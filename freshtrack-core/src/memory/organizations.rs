//! [`Organizations`] in memory.

use super::tenant::TenantRows;
use super::{MemoryState, MemoryStore};
use crate::audit::Journal;
use crate::error::StoreError;
use crate::hierarchy::Organization;
use crate::ids::{OrgId, UserId};
use crate::ports::{Member, MemberChange, NewOrganization, Organizations};
use crate::principal::{Membership, Role, User};
use crate::time::Timestamp;
use async_trait::async_trait;
use std::collections::BTreeMap;

/// Most memberships one person's list names.
const MEMBERSHIPS_MAX: usize = 200;

#[async_trait]
impl Organizations for MemoryStore {
    async fn create(&self, new: NewOrganization, journal: Journal) -> Result<(), StoreError> {
        self.with(|state| create(state, new, journal))
    }

    async fn find(&self, org: OrgId) -> Result<Option<Organization>, StoreError> {
        Ok(self.with(|state| state.tenant(org).map(|rows| rows.organization.clone())))
    }

    async fn ensure_user(&self, user: User) -> Result<User, StoreError> {
        Ok(self.with(|state| {
            let known = state
                .user_named(&user.issuer, &user.subject)
                .map(|known| known.id);
            let id = known.unwrap_or(user.id);
            let stored = state.users.entry(id).or_insert_with(|| user.clone());
            if user.email.is_some() {
                stored.email = user.email;
            }
            stored.clone()
        }))
    }

    async fn memberships(&self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        let mut found: Vec<Membership> = self.with(|state| {
            state
                .tenants
                .values()
                .filter_map(|rows| rows.memberships.get(&user).copied())
                .collect()
        });
        found.sort_by_key(|membership| (membership.created_at, membership.org));
        found.truncate(MEMBERSHIPS_MAX);
        Ok(found)
    }

    async fn organizations_of(
        &self,
        user: UserId,
    ) -> Result<Vec<(Organization, Membership)>, StoreError> {
        let memberships = self.memberships(user).await?;
        Ok(self.with(|state| {
            memberships
                .into_iter()
                .filter_map(|m| Some((state.tenant(m.org)?.organization.clone(), m)))
                .collect()
        }))
    }

    async fn update(&self, organization: Organization, journal: Journal) -> Result<(), StoreError> {
        self.with(|state| {
            let rows = state.existing(organization.id)?;
            let stored = &mut rows.organization;
            if stored.version + 1 != organization.version {
                return Err(StoreError::Conflict);
            }
            stored.name = organization.name;
            stored.timezone = organization.timezone;
            stored.display_unit = organization.display_unit;
            stored.version = organization.version;
            rows.append_journal(journal);
            Ok(())
        })
    }

    async fn change_members(
        &self,
        org: OrgId,
        changes: &[MemberChange],
        journal: Journal,
    ) -> Result<(), StoreError> {
        self.with(|state| {
            let rows = state.existing(org)?;
            let mut members = rows.memberships.clone();
            for change in changes {
                let member = members
                    .get_mut(&change.user)
                    .ok_or(StoreError::Missing { what: "member" })?;
                if member.role != change.expected {
                    return Err(StoreError::Conflict);
                }
                match change.to {
                    Some(role) => member.role = role,
                    None => {
                        members.remove(&change.user);
                    }
                }
            }
            owned(&members)?;
            rows.memberships = members;
            rows.append_journal(journal);
            Ok(())
        })
    }

    async fn set_role(
        &self,
        org: OrgId,
        user: UserId,
        role: Role,
        now: Timestamp,
        journal: Journal,
    ) -> Result<(), StoreError> {
        self.with(|state| {
            let user_known = state.users.contains_key(&user);
            let rows = state.existing(org)?;
            if !user_known {
                return Err(StoreError::Missing { what: "user" });
            }
            let since = match rows.memberships.get(&user) {
                Some(membership) if membership.role == role => return Ok(()),
                Some(membership) => membership.created_at,
                None => now,
            };
            let mut members = rows.memberships.clone();
            members.insert(
                user,
                Membership {
                    org,
                    user,
                    role,
                    created_at: since,
                },
            );
            owned(&members)?;
            rows.memberships = members;
            rows.append_journal(journal);
            Ok(())
        })
    }

    async fn members(&self, org: OrgId, limit: u16) -> Result<Vec<Member>, StoreError> {
        let mut members: Vec<Member> = self.with(|state| {
            let memberships = state.tenant(org).into_iter();
            memberships
                .flat_map(|rows| rows.memberships.values())
                .filter_map(|membership| {
                    Some(Member {
                        user: state.users.get(&membership.user)?.clone(),
                        membership: *membership,
                    })
                })
                .collect()
        });
        members.sort_by_key(|member| (member.membership.created_at, member.user.id));
        members.truncate(usize::from(limit));
        Ok(members)
    }
}

/// An organization keeps an owner.
fn owned(members: &BTreeMap<UserId, Membership>) -> Result<(), StoreError> {
    if members.values().any(|member| member.role == Role::Owner) {
        Ok(())
    } else {
        Err(StoreError::Refused { rule: "last_owner" })
    }
}

/// Builds the rows aside and puts them in place only when all of them fit.
fn create(
    state: &mut MemoryState,
    new: NewOrganization,
    journal: Journal,
) -> Result<(), StoreError> {
    let org = new.organization.id;
    let slug = &new.organization.slug;
    let taken = |what| Err(StoreError::Taken { what });
    if state.tenants.contains_key(&org) {
        return taken("organization");
    }
    if state
        .tenants
        .values()
        .any(|rows| rows.organization.slug == *slug)
    {
        return taken("slug");
    }
    let since = new.organization.created_at;
    let owner = state
        .user_named(&new.owner.issuer, &new.owner.subject)
        .map_or(new.owner.id, |known| known.id);
    let mut rows = TenantRows::new(new.organization);
    for site in new.sites {
        rows.add_site(site)?;
    }
    for area in new.areas {
        rows.add_area(area)?;
    }
    for unit in new.units {
        rows.add_unit(unit)?;
    }
    for mut key in new.api_keys {
        let in_use = |other: &crate::principal::ApiKey| other.prefix == key.prefix;
        if state.prefixes.contains_key(&key.prefix) || rows.api_keys.values().any(in_use) {
            return taken("prefix");
        }
        key.org = org;
        rows.api_keys.insert(key.id, key);
    }
    rows.memberships.insert(
        owner,
        Membership {
            org,
            user: owner,
            role: Role::Owner,
            created_at: since,
        },
    );
    rows.append_journal(journal);
    for key in rows.api_keys.values() {
        state.prefixes.insert(key.prefix.clone(), (org, key.id));
    }
    state.users.entry(owner).or_insert(new.owner);
    state.tenants.insert(org, rows);
    Ok(())
}
