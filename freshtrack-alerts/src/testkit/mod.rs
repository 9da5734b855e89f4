//! Contract suites of the alert engine's storage ports, and of core's [`ReadingStore`], whose only
//! writer is the engine's commit.
//!
//! They work as core's do (see [`freshtrack_core::testkit`]): `fresh` makes an empty adapter of every
//! storage port of both crates, and each macro makes one `#[tokio::test]` per law.
//!
//! ```ignore
//! mod monitor_store {
//!     freshtrack_alerts::monitor_store_contract!(super::fresh);
//! }
//! ```
//!
//! [`ReadingStore`]: freshtrack_core::ports::ReadingStore
#![expect(
    clippy::missing_panics_doc,
    reason = "a law panics when it is broken; that is all it does"
)]

pub mod alert_store;
pub mod incident_store;
pub mod monitor_store;
pub mod reading_series;
pub mod reading_store;
pub mod records;
pub mod rule_store;
pub mod sample;
pub mod simulator;

#[doc(hidden)]
pub use freshtrack_core::testkit as core;

use crate::change::Change;
use crate::ports::{AlertStore, IncidentStore, MonitorStore, RuleStore};
use freshtrack_core::error::StoreError;
use freshtrack_core::ports::ReadingSeries;
use freshtrack_core::testkit::{Stores, fail};
use std::fmt::Debug;

/// Every storage port of core and of this crate, as one adapter.
pub trait AlertStores: Stores + MonitorStore + AlertStore {
    /// The adapter as one port; several have methods of the same name.
    fn monitors(&self) -> &dyn MonitorStore;
    /// As [`Self::monitors`].
    fn alerts(&self) -> &dyn AlertStore;
}

impl<T: Stores + MonitorStore + AlertStore> AlertStores for T {
    fn monitors(&self) -> &dyn MonitorStore {
        self
    }
    fn alerts(&self) -> &dyn AlertStore {
        self
    }
}

/// The same with rules.
pub trait RuleStores: AlertStores + RuleStore {
    /// The adapter as one port.
    fn rules(&self) -> &dyn RuleStore;
    /// The adapter without rules, for what the other suites share.
    fn others(&self) -> &dyn AlertStores;
}

impl<T: AlertStores + RuleStore> RuleStores for T {
    fn rules(&self) -> &dyn RuleStore {
        self
    }
    fn others(&self) -> &dyn AlertStores {
        self
    }
}

/// The same with incidents.
pub trait IncidentStores: AlertStores + IncidentStore {
    /// The adapter as one port.
    fn incidents(&self) -> &dyn IncidentStore;
    /// The adapter without incidents, for what the other suites share.
    fn others(&self) -> &dyn AlertStores;
}

impl<T: AlertStores + IncidentStore> IncidentStores for T {
    fn incidents(&self) -> &dyn IncidentStore {
        self
    }
    fn others(&self) -> &dyn AlertStores {
        self
    }
}

/// The same with sums of readings.
pub trait SeriesStores: Send + Sync {
    /// The adapter as one port.
    fn series(&self) -> &dyn ReadingSeries;
    /// The adapter without it, for what the other suites share.
    fn others(&self) -> &dyn AlertStores;
}

impl<T: AlertStores + ReadingSeries> SeriesStores for T {
    fn series(&self) -> &dyn ReadingSeries {
        self
    }
    fn others(&self) -> &dyn AlertStores {
        self
    }
}

/// Makes one `#[tokio::test]` of each named law of a module of [`testkit`](crate::testkit).
#[macro_export]
macro_rules! alerts_contract {
    ($module:ident, $fresh:path; $($law:ident)+) => {$(
        #[tokio::test]
        async fn $law() {
            if let Some(store) = $crate::testkit::core::Subject::subject($fresh().await) {
                $crate::testkit::$module::$law(&store).await;
            }
        }
    )+};
}

/// Commits one change and answers what became of it.
///
/// # Errors
/// Why the change was refused.
pub async fn commit(store: &dyn AlertStores, change: Change) -> Result<(), StoreError> {
    let answers = store.monitors().commit(&[change]).await;
    let [answer] = <[_; 1]>::try_from(answers.unwrap_or_else(fail)).unwrap_or_else(|answers| {
        panic!("one change must get one answer, got {answers:?}");
    });
    answer
}

/// Commits one change that must not be refused.
pub async fn must_commit(store: &dyn AlertStores, change: Change) {
    commit(store, change).await.unwrap_or_else(fail);
}

/// Fails unless `result` is a conflict.
#[track_caller]
pub fn assert_conflict<T: Debug>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::Conflict) => {}
        other => panic!("expected a conflict, got {other:?}"),
    }
}
