//! Members and places in memory.

use crate::ports::{Membership, Standing};
use crate::topic::{Principal, Topic};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::principal::Role;
use freshtrack_core::temperature::TemperatureUnit;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
struct State {
    /// In the order they joined.
    members: Vec<(Principal, OrgId, Role)>,
    topics: HashSet<(OrgId, Topic)>,
    unavailable: bool,
}

/// Who belongs where, and which places exist.
#[derive(Debug, Clone, Default)]
pub struct MemoryMembership {
    state: Arc<Mutex<State>>,
}

impl MemoryMembership {
    /// Nobody belongs anywhere.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes `principal` a member, or changes its role.
    pub fn join(&self, principal: Principal, org: OrgId, role: Role) {
        let mut state = self.state();
        let held = state
            .members
            .iter_mut()
            .find(|(p, o, _)| (*p, *o) == (principal, org));
        match held {
            Some(member) => member.2 = role,
            None => state.members.push((principal, org, role)),
        }
    }

    /// Ends a membership.
    pub fn leave(&self, principal: Principal, org: OrgId) {
        self.state()
            .members
            .retain(|(p, o, _)| (*p, *o) != (principal, org));
    }

    /// Makes a site or unit of an organization.
    pub fn add_place(&self, org: OrgId, topic: Topic) {
        self.state().topics.insert((org, topic));
    }

    /// Archives a site or unit.
    pub fn archive_place(&self, org: OrgId, topic: Topic) {
        self.state().topics.remove(&(org, topic));
    }

    /// Whether questions are answered.
    pub fn set_available(&self, available: bool) {
        self.state().unavailable = !available;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask<T>(&self, answer: impl FnOnce(&State) -> T) -> Result<T, StoreError> {
        let state = self.state();
        if state.unavailable {
            return Err(StoreError::unavailable("membership taken down"));
        }
        Ok(answer(&state))
    }
}

#[async_trait]
impl Membership for MemoryMembership {
    async fn resolve(
        &self,
        principal: Principal,
        wanted: Option<OrgId>,
    ) -> Result<Option<Standing>, StoreError> {
        self.ask(|state| {
            let own: Vec<_> = state
                .members
                .iter()
                .filter(|(p, ..)| *p == principal)
                .collect();
            let found = own
                .iter()
                .find(|(_, org, _)| wanted.is_none_or(|w| w == *org))?;
            Some(Standing {
                org: found.1,
                role: found.2,
                temperature_unit: TemperatureUnit::C,
                several: own.len() > 1,
            })
        })
    }

    async fn may_see(
        &self,
        principal: Principal,
        org: OrgId,
        topic: Topic,
    ) -> Result<bool, StoreError> {
        self.ask(|state| {
            let member = state
                .members
                .iter()
                .any(|(p, o, _)| (*p, *o) == (principal, org));
            member && (topic == Topic::Organization || state.topics.contains(&(org, topic)))
        })
    }

    async fn still_valid(
        &self,
        org: OrgId,
        principals: &[Principal],
    ) -> Result<Vec<Principal>, StoreError> {
        self.ask(|state| {
            let valid = |p: &&Principal| state.members.iter().any(|(m, o, _)| m == *p && *o == org);
            principals.iter().filter(valid).copied().collect()
        })
    }
}
