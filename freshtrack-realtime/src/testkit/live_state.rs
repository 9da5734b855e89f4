//! Laws of [`LiveState`].

use crate::latest::LatestReading;
use crate::ports::{LiveState, Snapshot};
use crate::testkit::sample;
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;

/// An adapter and the way a unit gets its newest evaluated reading.
#[async_trait]
pub trait LiveStateUnderTest: Send + Sync {
    /// The adapter.
    fn state(&self) -> &dyn LiveState;
    /// Stores an evaluated reading of a unit of `org`, newer than any before.
    async fn store_latest(&self, org: OrgId, reading: LatestReading);
}

/// One test per law: `live_state_contract!(fresh)`, `fresh` an
/// `async fn() -> Option<impl LiveStateUnderTest>`.
#[macro_export]
macro_rules! live_state_contract {
    ($fresh:path) => {
        $crate::live_state_contract!($fresh;
            an_unknown_organization_has_an_empty_snapshot,
            the_latest_reading_is_the_organizations_own,
        );
    };
    ($fresh:path; $($law:ident,)+) => {$(
        #[tokio::test]
        async fn $law() {
            match $fresh().await {
                Some(adapter) => $crate::testkit::live_state::$law(adapter).await,
                None => $crate::testkit::skip(stringify!($law)),
            }
        }
    )+};
}

fn must<T>(answer: Result<T, StoreError>) -> T {
    match answer {
        Ok(value) => value,
        Err(error) => unreachable!("a healthy store answers: {error}"),
    }
}

/// Nothing, as of 0.
pub async fn an_unknown_organization_has_an_empty_snapshot(adapter: impl LiveStateUnderTest) {
    let snapshot = must(adapter.state().snapshot(sample::org(9)).await);
    let empty = Snapshot {
        seq: 0,
        units: Vec::new(),
        alerts: Vec::new(),
    };
    assert_eq!(snapshot, empty);
}

/// RT-3: never another organization's, and nothing for an unknown unit.
pub async fn the_latest_reading_is_the_organizations_own(adapter: impl LiveStateUnderTest) {
    let Some(reading) =
        LatestReading::from_event(sample::unit(1), sample::at(10), &sample::reading(1, 5))
    else {
        unreachable!("the sample reading is evaluated")
    };
    adapter.store_latest(sample::org(1), reading.clone()).await;
    let state = adapter.state();
    let own = must(state.latest(sample::org(1), sample::unit(1)).await);
    assert_eq!(own, Some(reading));
    assert_eq!(
        must(state.latest(sample::org(2), sample::unit(1)).await),
        None
    );
    assert_eq!(
        must(state.latest(sample::org(1), sample::unit(2)).await),
        None
    );
}
