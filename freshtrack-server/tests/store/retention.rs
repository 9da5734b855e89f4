//! Retention on both databases: what goes, what stays, and what is left of it in the audit chain.

#![expect(
    clippy::unwrap_used,
    reason = "a law panics when it is broken; that is all it does"
)]

use crate::network::Stores;
use freshtrack_alerts::change::Change;
use freshtrack_alerts::testkit::{must_commit, sample as alerts};
use freshtrack_core::audit::{AuditEvent, CHAIN_START, first_unsound};
use freshtrack_core::page::PageRequest;
use freshtrack_core::ports::{AuditRange, ReadingOrder, ReadingQuery};
use freshtrack_core::principal::Actor;
use freshtrack_core::reading::Reading;
use freshtrack_core::testkit::sample::Tenant;
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_server::retention::{Policy, Report, run};
use freshtrack_server::store::retention::{BackupProof, LegalHold, Month, ReadingRetention};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    instant("2026-07-15T12:00:00Z")
}

fn month(text: &str) -> Month {
    Month::of(instant(&format!("{text}-01T00:00:00Z")))
}

/// One reading per instant.
async fn put<S: Stores>(store: &S, tenant: &Tenant, instants: &[&str]) {
    let mut change = Change::empty(tenant.org, now());
    change.readings = instants
        .iter()
        .map(|text| Reading {
            recorded_at: instant(text),
            ..alerts::reading(tenant.unit, 0)
        })
        .collect();
    must_commit(store, change).await;
}

async fn kept<S: Stores>(store: &S, tenant: &Tenant) -> Vec<String> {
    let query = ReadingQuery {
        unit: tenant.unit,
        from: Timestamp::MIN,
        to: Timestamp::MAX,
        order: ReadingOrder::OldestFirst,
    };
    let page = PageRequest {
        limit: 1_000,
        after: None,
    };
    let page = store
        .readings()
        .list(tenant.org, query, page)
        .await
        .unwrap();
    page.items
        .iter()
        .map(|r| r.recorded_at.to_string())
        .collect()
}

async fn look<S: Stores + ReadingRetention>(store: &S, policy: Policy) -> Report {
    run(store, policy, now(), &CancellationToken::new())
        .await
        .unwrap()
}

async fn proven<S: ReadingRetention>(store: &S) {
    let at = now() - Span::from_minutes(60);
    store.note_backup(at, BackupProof::Restore).await.unwrap();
}

const OLD: [&str; 4] = [
    "2024-05-31T23:59:59.999999Z",
    "2024-06-01T00:00:00Z",
    "2024-06-30T23:59:59Z",
    "2024-07-01T00:00:00Z",
];

pub(crate) async fn whole_months_go_after_their_time_and_the_chain_says_so<
    S: Stores + ReadingRetention,
>(
    store: &S,
) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    put(store, &tenant, &OLD).await;
    put(store, &tenant, &["2026-07-15T11:00:00Z"]).await;
    put(store, &other, &["2026-07-15T11:00:00Z"]).await;
    proven(store).await;
    let report = look(store, Policy::default()).await;
    let removed: Vec<_> = report.removed.iter().filter(|(_, n)| *n > 0).collect();
    assert_eq!(removed, [&(month("2024-05"), 1), &(month("2024-06"), 2)]);
    assert_eq!(
        kept(store, &tenant).await,
        ["2024-07-01T00:00:00Z", "2026-07-15T11:00:00Z"],
        "24 whole months stay"
    );
    assert_eq!(kept(store, &other).await.len(), 1);
    let range = AuditRange {
        from: 1,
        limit: 100,
    };
    let chain: Vec<AuditEvent> = store.audit_log().list(tenant.org, range).await.unwrap();
    assert_eq!(first_unsound((0, CHAIN_START), &chain), None);
    let told: Vec<_> = chain
        .iter()
        .filter(|event| event.draft.kind == "readings.removed")
        .map(|event| event.draft.data.to_string())
        .collect();
    assert_eq!(
        told,
        [
            r#"{"month":"2024-05","readings":1}"#,
            r#"{"month":"2024-06","readings":2}"#
        ]
    );
    let quiet = store.audit_log().list(other.org, range).await.unwrap();
    assert!(
        quiet
            .iter()
            .all(|event| event.draft.kind != "readings.removed")
    );
    let again = look(store, Policy::default()).await;
    assert!(
        again.removed.iter().all(|(_, readings)| *readings == 0),
        "{again:?}"
    );
}

pub(crate) async fn a_month_goes_piece_by_piece_where_it_is_large<S: Stores + ReadingRetention>(
    store: &S,
) {
    let tenant = Tenant::create(store, "alpha").await;
    put(store, &tenant, &OLD).await;
    proven(store).await;
    let policy = Policy {
        at_once: 1,
        kept_months: 1,
        ..Policy::default()
    };
    let report = look(store, policy).await;
    let removed: u64 = report.removed.iter().map(|(_, readings)| readings).sum();
    assert_eq!(removed, 4);
    assert_eq!(kept(store, &tenant).await, [""; 0]);
}

pub(crate) async fn nothing_goes_without_the_proof_of_a_backup<S: Stores + ReadingRetention>(
    store: &S,
) {
    let tenant = Tenant::create(store, "alpha").await;
    put(store, &tenant, &OLD).await;
    let report = look(store, Policy::default()).await;
    assert!(report.blocked.contains(&month("2024-05")), "{report:?}");
    assert_eq!(report.removed, []);
    let stale = now() - Span::from_minutes(24 * 60 + 1);
    store
        .note_backup(stale, BackupProof::Checksum)
        .await
        .unwrap();
    let ahead = now() + Span::from_minutes(1);
    let report = look(store, Policy::default()).await;
    assert_eq!(
        report.removed,
        [],
        "a proof of the day before yesterday is none"
    );
    store
        .note_backup(ahead, BackupProof::Checksum)
        .await
        .unwrap();
    let report = look(store, Policy::default()).await;
    assert_eq!(report.removed, [], "nor is one of tomorrow");
    assert_eq!(kept(store, &tenant).await.len(), 4);
}

fn hold(first: &str, last: &str, expires_at: Option<Timestamp>) -> LegalHold {
    LegalHold {
        id: Uuid::new_v4(),
        first: month(first),
        last: month(last),
        reason: "case 4711".to_owned(),
        placed_by: Actor::System,
        placed_at: now(),
        expires_at,
    }
}

pub(crate) async fn a_legal_hold_keeps_its_months<S: Stores + ReadingRetention>(store: &S) {
    let tenant = Tenant::create(store, "alpha").await;
    put(store, &tenant, &OLD).await;
    proven(store).await;
    let kept_by = hold("2024-06", "2024-06", None);
    store.place_hold(kept_by.clone()).await.unwrap();
    let over = hold("2024-05", "2024-05", Some(now()));
    store.place_hold(over).await.unwrap();
    assert_eq!(
        store.holds(now()).await.unwrap(),
        std::slice::from_ref(&kept_by)
    );
    assert!(store.place_hold(kept_by.clone()).await.is_err(), "once");
    let refused = store.remove_month(month("2024-06"), now(), 10).await;
    assert!(refused.is_err(), "whoever asks: {refused:?}");
    let report = look(store, Policy::default()).await;
    assert_eq!(report.held, [month("2024-06")]);
    let left = kept(store, &tenant).await;
    assert_eq!(
        left,
        [
            "2024-06-01T00:00:00Z",
            "2024-06-30T23:59:59Z",
            "2024-07-01T00:00:00Z"
        ],
        "what is held stays, what is not goes"
    );
    store
        .lift_hold(kept_by.id, Actor::System, now())
        .await
        .unwrap();
    let again = store.lift_hold(kept_by.id, Actor::System, now()).await;
    assert!(again.is_err(), "a hold ends once");
    look(store, Policy::default()).await;
    assert_eq!(kept(store, &tenant).await, ["2024-07-01T00:00:00Z"]);
}

/// A reading of a month that nobody made room for is stored, found, and moved when somebody looks.
pub(crate) async fn readings_of_any_month_are_stored_and_found<S: Stores + ReadingRetention>(
    store: &S,
) {
    let tenant = Tenant::create(store, "alpha").await;
    let instants = [
        "2019-02-28T23:59:59.999999Z",
        "2019-03-01T00:00:00Z",
        "2031-12-31T23:59:59Z",
    ];
    put(store, &tenant, &instants).await;
    assert_eq!(kept(store, &tenant).await, instants);
    let room = store.make_room(Month::of(now()), 3).await.unwrap();
    assert_eq!(room.strays, 0, "every reading has its month");
    assert_eq!(kept(store, &tenant).await, instants, "moved, not lost");
    let again = store.make_room(Month::of(now()), 3).await.unwrap();
    assert_eq!(again, room, "a second look changes nothing");
    let latest = store.readings().latest(tenant.org, &[tenant.unit]).await;
    assert_eq!(latest.unwrap()[0].recorded_at, instant(instants[2]));
    let months = store.months_before(month("2020-01")).await.unwrap();
    assert!(
        months.starts_with(&[month("2019-02"), month("2019-03")]),
        "{months:?}"
    );
}
