//! What only a database can get wrong, on both of them.

#![expect(
    clippy::unwrap_used,
    reason = "a law panics when it is broken; that is all it does"
)]

use crate::network::Stores;
use freshtrack_alerts::change::Change;
use freshtrack_alerts::ports::MonitorStore;
use freshtrack_alerts::testkit::{must_commit, sample as alerts};
use freshtrack_core::audit::{AuditEvent, CHAIN_START, Journal, first_unsound};
use freshtrack_core::error::StoreError;
use freshtrack_core::page::PageRequest;
use freshtrack_core::ports::{AuditRange, ReadingOrder, ReadingQuery};
use freshtrack_core::testkit::assert_journals;
use freshtrack_core::testkit::sample::{Tenant, at, journal};
use freshtrack_core::time::Timestamp;

/// More rows than one statement of SQLite takes, in more changes than one.
pub(crate) async fn a_large_commit_is_stored_whole_but_for_the_change_that_conflicts<S: Stores>(
    store: &S,
) {
    const CHANGES: i64 = 60;
    const READINGS: i64 = 50;
    let tenant = Tenant::create(store, "Tenant").await;
    must_commit(store, readings(&tenant, 7 * READINGS..7 * READINGS + 1)).await;
    let changes: Vec<Change> = (0..CHANGES)
        .map(|n| {
            let mut change = readings(&tenant, n * READINGS..(n + 1) * READINGS);
            change.journal = journal(&format!("change {n}"));
            change
        })
        .collect();
    let answers = MonitorStore::commit(store, &changes).await.unwrap();
    for (n, answer) in answers.iter().enumerate() {
        match answer {
            Err(StoreError::Conflict) => assert_eq!(n, 7, "only the one with a known reading"),
            Ok(()) => assert_ne!(n, 7, "a known reading is a conflict"),
            Err(other) => panic!("change {n}: {other:?}"),
        }
    }
    assert_eq!(count(store, &tenant).await, (CHANGES - 1) * READINGS + 1);
    assert_journals(store, tenant.org, CHANGES - 1).await;
    let range = AuditRange {
        from: 1,
        limit: 1_000,
    };
    let chain: Vec<AuditEvent> = store.audit_log().list(tenant.org, range).await.unwrap();
    assert_eq!(
        first_unsound((0, CHAIN_START), &chain),
        None,
        "the chain is unbroken"
    );
}

pub(crate) async fn a_large_commit_without_conflict_is_stored_whole<S: Stores>(store: &S) {
    let tenant = Tenant::create(store, "Tenant").await;
    let changes: Vec<Change> = (0..3)
        .map(|n| readings(&tenant, n * 900..(n + 1) * 900))
        .collect();
    let answers = MonitorStore::commit(store, &changes).await.unwrap();
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(count(store, &tenant).await, 2_700);
}

/// The value is what a stranger sent; it must not be able to stop a commit.
pub(crate) async fn a_nul_in_what_was_sent_does_not_lose_the_evidence<S: Stores>(store: &S) {
    let tenant = Tenant::create(store, "Tenant").await;
    let mut change = Change::empty(tenant.org, at(10));
    let mut value = alerts::quarantined(tenant.unit, 1);
    "12\0.5".clone_into(&mut value.raw_value);
    change.quarantined.push(value);
    must_commit(store, change).await;
    let kept = store
        .readings()
        .quarantined(tenant.org, None, 10)
        .await
        .unwrap();
    assert_eq!(kept[0].raw_value, "12\u{fffd}.5");
}

/// Commits over the same organizations in opposite order wait for each other, never in a circle.
pub(crate) async fn commits_over_many_organizations_do_not_deadlock<S: Stores>(store: &S) {
    let mut tenants = Vec::new();
    for n in 0..6 {
        tenants.push(Tenant::create(store, &format!("Tenant {n}")).await);
    }
    for round in 0..10 {
        let change = |tenant: &Tenant| {
            let mut change = Change::empty(tenant.org, at(round));
            change.journal = journal("round");
            change
        };
        let forwards: Vec<Change> = tenants.iter().map(change).collect();
        let backwards: Vec<Change> = tenants.iter().rev().map(change).collect();
        let (one, two, site) = tokio::join!(
            MonitorStore::commit(store, &forwards),
            MonitorStore::commit(store, &backwards),
            store.places().create_site(
                tenants[0].org,
                tenants[0].new_site(&format!("Site {round}")),
                Journal::default(),
            ),
        );
        for answer in one.unwrap().into_iter().chain(two.unwrap()) {
            answer.unwrap();
        }
        site.unwrap();
    }
    for tenant in tenants {
        assert_journals(store, tenant.org, 20).await;
    }
}

/// A change with one reading per second of `seconds`.
fn readings(tenant: &Tenant, seconds: std::ops::Range<i64>) -> Change {
    let mut change = Change::empty(tenant.org, at(seconds.end));
    change.readings = seconds
        .map(|second| alerts::reading(tenant.unit, second))
        .collect();
    change
}

async fn count<S: Stores>(store: &S, tenant: &Tenant) -> i64 {
    let query = ReadingQuery {
        unit: tenant.unit,
        from: Timestamp::MIN,
        to: Timestamp::MAX,
        order: ReadingOrder::OldestFirst,
    };
    let page = PageRequest {
        limit: 10_000,
        after: None,
    };
    let page = store
        .readings()
        .list(tenant.org, query, page)
        .await
        .unwrap();
    i64::try_from(page.items.len()).unwrap()
}
