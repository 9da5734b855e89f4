//! Rule sets and what was changed in them.

use crate::rules::{RuleScope, RuleSet};
use async_trait::async_trait;
use freshtrack_core::audit::Journal;
use freshtrack_core::device::Device;
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::{Unit, UnitType};
use freshtrack_core::ids::OrgId;
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::principal::Actor;
use freshtrack_core::time::Timestamp;
use uuid::Uuid;

/// Where a rule set belongs: a scope, and one unit type or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RulePlace {
    /// Kind of place.
    pub scope: RuleScope,
    /// The unit, area, site or organization.
    pub scope_id: Uuid,
    /// Only for units of this type, if given.
    pub unit_type: Option<UnitType>,
}

/// All that a change of rules at one place is decided by, as of one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct RulesBelow {
    /// Every rule set of the organization.
    pub rule_sets: Vec<RuleSet>,
    /// Units at or below the place, of its type, with their devices; in order of id.
    pub units: Vec<(Unit, Vec<Device>)>,
}

impl RulesBelow {
    /// Counts every change ever made to a rule of the organization.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.rule_sets.iter().map(|set| set.version).sum()
    }
}

/// One changed field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleLine {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: Actor,
    /// Where.
    pub place: RulePlace,
    /// Name of the field.
    pub field: String,
    /// Value before; nothing if it was inherited.
    pub old: Option<serde_json::Value>,
    /// Value from then on; nothing if it is inherited.
    pub new: Option<serde_json::Value>,
    /// What the person said.
    pub note: Option<String>,
}

/// A rule set as it shall be, with the history of how it became so.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleChange {
    /// The set with its new version, which is one more than the stored one; a set that is left without
    /// any field stays as a row, so that versions only rise.
    pub set: RuleSet,
    /// [`RulesBelow::revision`] the change was decided by.
    pub expected_revision: i64,
    /// One line per changed field.
    pub lines: Vec<RuleLine>,
    /// When; units are due for evaluation from then on.
    pub at: Timestamp,
}

/// The rule sets of one organization. A place of another organization is answered like an unknown one.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait RuleStore: Send + Sync {
    /// Every rule set of the organization.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn rule_sets(&self, org: OrgId) -> Result<Vec<RuleSet>, StoreError>;

    /// What a change at `place` is decided by; `None` if the place does not exist.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn below(&self, org: OrgId, place: RulePlace) -> Result<Option<RulesBelow>, StoreError>;

    /// Stores a changed rule set with its history and journal, and makes every unit it reaches due at
    /// [`RuleChange::at`], so that the sweeper evaluates it by the new rules. An evaluation by the old
    /// ones that has not been committed yet is a conflict from then on.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if any rule of the organization changed since it was decided;
    /// [`StoreError::Missing`] if the organization is unknown.
    async fn change(
        &self,
        org: OrgId,
        change: RuleChange,
        journal: Journal,
    ) -> Result<(), StoreError>;

    /// Changes of the rules at one place, newest first, for every type or for the one named.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn rule_history(
        &self,
        org: OrgId,
        place: RulePlace,
        page: PageRequest<i64>,
    ) -> Result<Page<RuleLine, i64>, StoreError>;
}
