//! The alert engine's storage ports in memory: the fake of every test, and a store for demos.
//!
//! [`MemoryStore`] stands on core's store of the same name and passes core's ports on to it, so that
//! one value is a whole database, as the SQL stores are.

mod alert_store;
mod calibrations;
mod commit;
mod incident_store;
mod log_book;
mod monitor_store;
mod rows;
mod rule_store;
mod suppressions;
mod unit_history;

use crate::change::DoorEvent;
use crate::rules::RuleSet;
use freshtrack_core::ids::{LnsEventId, OrgId};
use freshtrack_core::memory::{MemoryState, MemoryStore as CoreStore};
use freshtrack_core::page::{Page, PageRequest};
use rows::{AlertRows, Rows};
use std::cmp::Reverse;
use std::sync::{Arc, Mutex, MutexGuard};

/// Monitors, alerts and everything of core's [`MemoryStore`](CoreStore) over one shared state.
///
/// Clones share the state. Two locks, always taken in the same order: this crate's rows first, then
/// core's; a commit holds both, so nobody sees half of one.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    core: CoreStore,
    rows: Arc<Mutex<Rows>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A store whose core rows are those of `core`, shared with it.
    #[must_use]
    pub fn over(core: CoreStore) -> Self {
        Self {
            core,
            rows: Arc::default(),
        }
    }

    /// The store of core's rows.
    #[must_use]
    pub const fn core(&self) -> &CoreStore {
        &self.core
    }

    /// Replaces the rule sets of an organization, which [`MonitorStore::load`] hands out.
    ///
    /// [`MonitorStore::load`]: crate::ports::MonitorStore::load
    pub fn set_rules(&self, org: OrgId, rule_sets: Vec<RuleSet>) {
        self.with(|rows, _| rows.of(org).rule_sets = rule_sets);
    }

    /// Door events of an organization, in the order they were committed.
    #[must_use]
    pub fn door_events(&self, org: OrgId) -> Vec<DoorEvent> {
        self.with(|rows, _| rows.of(org).door_events.clone())
    }

    /// Network events whose evaluation was committed, in order of id.
    #[must_use]
    pub fn consumed(&self, org: OrgId) -> Vec<LnsEventId> {
        self.with(|rows, _| rows.of(org).consumed.iter().copied().collect())
    }

    fn with<R>(&self, decide: impl FnOnce(&mut Rows, &mut MemoryState) -> R) -> R {
        let mut rows: MutexGuard<'_, Rows> = self
            .rows
            .lock()
            .expect("no port method panics while it holds the rows");
        self.core.with(|core| decide(&mut rows, core))
    }
}

freshtrack_core::pass_on!(
    MemoryStore, core: Organizations Places Devices LifeCycle ApiKeys ReadingStore ReadingSeries AuditLog
    AuditHeads Outbox
);

/// The page of `rows`, latest first, that `page` wants.
fn latest_first<T, K: Ord + Copy>(
    mut rows: Vec<T>,
    page: &PageRequest<K>,
    key: impl Fn(&T) -> K,
) -> Page<T, K> {
    rows.retain(|row| page.after.is_none_or(|after| key(row) < after));
    rows.sort_by_key(|row| Reverse(key(row)));
    Page::from_surplus(rows, page.limit, key)
}

impl Rows {
    fn of(&mut self, org: OrgId) -> &mut AlertRows {
        self.tenants.entry(org).or_default()
    }
}
