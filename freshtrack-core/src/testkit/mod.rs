//! Contract suites: the laws of each port, to be run against every adapter.
//!
//! A law is one public async function that panics, with the reason, when an adapter breaks it. A macro
//! per port makes one `#[tokio::test]` of each of its laws:
//!
//! ```ignore
//! mod places {
//!     async fn fresh() -> MyStore { MyStore::empty().await }
//!     freshtrack_core::places_contract!(fresh);
//! }
//! ```
//!
//! `fresh` makes an empty adapter that implements all storage ports, for laws span them: a place needs
//! an organization, and a refused change must leave no journal. Laws about readings need somebody who
//! writes readings, which is the alert engine's commit, so their suite stands in `freshtrack-alerts`.

#![expect(
    clippy::missing_panics_doc,
    reason = "a law panics when it is broken; that is all it does"
)]

pub mod api_keys;
pub mod audit_heads;
pub mod audit_log;
pub mod devices;
pub mod life_cycle;
pub mod organizations;
pub mod outbox;
pub mod places;
pub mod sample;

use crate::error::StoreError;
use crate::ids::OrgId;
use crate::ports::{
    ApiKeys, AuditHeads, AuditLog, AuditRange, Devices, LifeCycle, Organizations, Outbox, Places,
    ReadingStore,
};
use std::fmt::Debug;

/// Every storage port of this crate, as one adapter.
pub trait Stores:
    Organizations + Places + Devices + LifeCycle + ApiKeys + ReadingStore + AuditLog + Outbox
{
    /// The adapter as one port; several have methods of the same name.
    fn organizations(&self) -> &dyn Organizations;
    /// As [`Self::organizations`].
    fn places(&self) -> &dyn Places;
    /// As [`Self::organizations`].
    fn devices(&self) -> &dyn Devices;
    /// As [`Self::organizations`].
    fn life_cycle(&self) -> &dyn LifeCycle;
    /// As [`Self::organizations`].
    fn api_keys(&self) -> &dyn ApiKeys;
    /// As [`Self::organizations`].
    fn readings(&self) -> &dyn ReadingStore;
    /// As [`Self::organizations`].
    fn audit_log(&self) -> &dyn AuditLog;
    /// As [`Self::organizations`].
    fn outbox(&self) -> &dyn Outbox;
}

impl<T> Stores for T
where
    T: Organizations + Places + Devices + LifeCycle + ApiKeys + ReadingStore + AuditLog + Outbox,
{
    fn organizations(&self) -> &dyn Organizations {
        self
    }
    fn places(&self) -> &dyn Places {
        self
    }
    fn devices(&self) -> &dyn Devices {
        self
    }
    fn life_cycle(&self) -> &dyn LifeCycle {
        self
    }
    fn api_keys(&self) -> &dyn ApiKeys {
        self
    }
    fn readings(&self) -> &dyn ReadingStore {
        self
    }
    fn audit_log(&self) -> &dyn AuditLog {
        self
    }
    fn outbox(&self) -> &dyn Outbox {
        self
    }
}

/// The same with signed heads.
pub trait HeadStores: Send + Sync {
    /// The adapter as one port.
    fn audit_heads(&self) -> &dyn AuditHeads;
    /// The adapter without it, for what the other suites share.
    fn stores(&self) -> &dyn Stores;
}

impl<T: Stores + AuditHeads> HeadStores for T {
    fn audit_heads(&self) -> &dyn AuditHeads {
        self
    }
    fn stores(&self) -> &dyn Stores {
        self
    }
}

/// What `fresh` may answer: an adapter, or `Option` of one where its backend may be absent. Then the
/// law is skipped, and whoever wrote `fresh` has said so or failed.
pub trait Subject {
    /// The adapter.
    type Store;

    /// The adapter, if there is one.
    fn subject(self) -> Option<Self::Store>;
}

impl<T: Stores> Subject for T {
    type Store = T;

    fn subject(self) -> Option<T> {
        Some(self)
    }
}

impl<T: Stores> Subject for Option<T> {
    type Store = T;

    fn subject(self) -> Self {
        self
    }
}

/// Makes one `#[tokio::test]` of each named law of a module of [`testkit`](crate::testkit).
#[macro_export]
macro_rules! core_contract {
    ($module:ident, $fresh:path; $($law:ident)+) => {$(
        #[tokio::test]
        async fn $law() {
            if let Some(store) = $crate::testkit::Subject::subject($fresh().await) {
                $crate::testkit::$module::$law(&store).await;
            }
        }
    )+};
}

/// Fails unless `result` refuses because `what` is taken.
#[track_caller]
pub fn assert_taken<T: Debug>(result: Result<T, StoreError>, what: &str) {
    match result {
        Err(StoreError::Taken { what: taken }) if taken == what => {}
        other => panic!("expected `{what}` to be taken, got {other:?}"),
    }
}

/// Fails unless `result` refuses because `what` is missing.
#[track_caller]
pub fn assert_missing<T: Debug>(result: Result<T, StoreError>, what: &str) {
    match result {
        Err(StoreError::Missing { what: missing }) if missing == what => {}
        other => panic!("expected `{what}` to be missing, got {other:?}"),
    }
}

/// Fails unless `result` refuses because of the guarantee `rule`.
#[track_caller]
pub fn assert_refused<T: Debug>(result: Result<T, StoreError>, rule: &str) {
    match result {
        Err(StoreError::Refused { rule: broken }) if broken == rule => {}
        other => panic!("expected `{rule}` to be refused, got {other:?}"),
    }
}

/// Fails unless `result` says that somebody else was first.
#[track_caller]
pub fn assert_conflict<T: Debug>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::Conflict) => {}
        other => panic!("expected a conflict, got {other:?}"),
    }
}

/// Fails unless exactly one of `results` succeeded.
#[track_caller]
pub fn assert_one_wins<T: Debug, const N: usize>(results: &[Result<T, StoreError>; N]) {
    let winners = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(winners, 1, "exactly one of them must win, got {results:?}");
}

/// Fails unless the organization has exactly `changes` journals of
/// [`sample::journal`]: audit and outbox events, both numbered gaplessly from 1.
pub async fn assert_journals(store: &dyn Stores, org: OrgId, changes: i64) {
    let events = store
        .outbox()
        .since(org, 0, 1_000)
        .await
        .unwrap_or_else(fail);
    let numbers: Vec<i64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(
        numbers,
        (1..=changes).collect::<Vec<_>>(),
        "outbox: each change that was made is numbered once, and no other is"
    );
    let range = AuditRange {
        from: 1,
        limit: 1_000,
    };
    let events = store
        .audit_log()
        .list(org, range)
        .await
        .unwrap_or_else(fail);
    let numbers: Vec<i64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(
        numbers,
        (1..=changes).collect::<Vec<_>>(),
        "audit: each change that was made is numbered once, and no other is"
    );
}

/// Ends the test because the adapter could not answer at all.
#[expect(
    clippy::must_use_candidate,
    clippy::needless_pass_by_value,
    reason = "its shape is that of `unwrap_or_else`'s argument"
)]
#[track_caller]
pub fn fail<T>(error: StoreError) -> T {
    panic!("the adapter could not answer: {error:?}")
}
