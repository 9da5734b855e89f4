//! Laws of [`Suppressions`](crate::ports::Suppressions).

use super::{RecordStores, first};
use crate::alert::AlertType;
use crate::change::{Change, Record};
use crate::rules::RuleScope;
use crate::suppression::{Suppression, SuppressionKind, Window};
use crate::testkit::sample::{evaluation, further_unit, unit_context};
use crate::testkit::{assert_conflict, commit, fail, must_commit};
use freshtrack_core::audit::Journal;
use freshtrack_core::ids::UnitId;
use freshtrack_core::page::PageRequest;
use freshtrack_core::principal::Actor;
use freshtrack_core::testkit::assert_journals;
use freshtrack_core::testkit::sample::{Tenant, at, journal};
use uuid::Uuid;

fn quiet(tenant: &Tenant, scope: RuleScope, scope_id: Uuid, from: i64, to: i64) -> Suppression {
    Suppression {
        id: tenant.id(),
        scope,
        scope_id,
        alert_types: vec![AlertType::DoorOpen, AlertType::TempExcursion],
        kind: SuppressionKind::Maintenance,
        note: Some("new seals".to_owned()),
        starts_at: at(from),
        ends_at: at(to),
        ended_early_at: None,
        created_by: Actor::User(tenant.owner.id),
        created_at: at(500),
        version: 1,
    }
}

fn at_unit(tenant: &Tenant, from: i64, to: i64) -> Suppression {
    quiet(tenant, RuleScope::Unit, tenant.unit.as_uuid(), from, to)
}

async fn make(store: &dyn RecordStores, tenant: &Tenant, suppression: &Suppression) {
    let made = store.suppressions();
    let made = made
        .create(tenant.org, suppression.clone(), Journal::default())
        .await;
    made.unwrap_or_else(fail);
}

async fn windows(store: &dyn RecordStores, tenant: &Tenant, unit: UnitId) -> Vec<Window> {
    let context = unit_context(store.engine_stores(), tenant.org, unit).await;
    let mut windows = context.monitor.suppressions;
    windows.sort_by_key(|window| window.starts_at);
    windows
}

/// Organization, site, area and unit; not what lies beside, and not what was over before the unit was
/// evaluated last.
pub async fn a_suppression_reaches_the_units_below_its_place(store: &dyn RecordStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let stores = store.engine_stores();
    let further = further_unit(stores, &tenant, "Fridge 2").await;
    let annex = tenant.new_site("Annex");
    let annex_id = annex.id;
    store
        .places()
        .create_site(tenant.org, annex, Journal::default())
        .await
        .unwrap_or_else(fail);
    let places = [
        (RuleScope::Organization, tenant.org.as_uuid()),
        (RuleScope::Site, tenant.site.as_uuid()),
        (RuleScope::Area, tenant.area.as_uuid()),
        (RuleScope::Unit, tenant.unit.as_uuid()),
        (RuleScope::Site, annex_id.as_uuid()),
    ];
    let mut made = Vec::new();
    for (start, (scope, id)) in (0..).zip(places) {
        let suppression = quiet(&tenant, scope, id, start, 1_000);
        make(store, &tenant, &suppression).await;
        made.push(suppression.window());
    }
    let reaching = windows(store, &tenant, tenant.unit).await;
    assert_eq!(reaching, made[..4], "what reaches the unit");
    let reaching = windows(store, &tenant, further).await;
    assert_eq!(reaching, made[..3], "what reaches the unit");
    let mut change = evaluation(stores, tenant.org, further, None, "later").await;
    change.units[0].monitor.evaluated_at = at(2_000);
    must_commit(stores, change).await;
    let reaching = windows(store, &tenant, further).await;
    assert_eq!(reaching, [], "what is long over is not looked at again");
}

/// And what was loaded before it was made is a conflict.
pub async fn a_suppression_makes_its_units_due_and_is_told(store: &dyn RecordStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let stores = store.engine_stores();
    let further = further_unit(stores, &tenant, "Fridge 2").await;
    for unit in [tenant.unit, further] {
        let change = evaluation(stores, tenant.org, unit, Some(at(9_000)), "one").await;
        must_commit(
            stores,
            Change {
                journal: Journal::default(),
                ..change
            },
        )
        .await;
    }
    let late = evaluation(stores, tenant.org, tenant.unit, Some(at(9_000)), "late").await;
    let suppression = at_unit(&tenant, 600, 1_000);
    let made = store
        .suppressions()
        .create(tenant.org, suppression.clone(), journal("quiet"));
    made.await.unwrap_or_else(fail);
    let due = store.monitors().due(at(500), 10).await.unwrap_or_else(fail);
    assert_eq!(
        due,
        [(tenant.org, tenant.unit)],
        "exactly what it reaches is due"
    );
    assert_conflict(commit(stores, late).await);
    let found = store.suppressions().find(tenant.org, suppression.id).await;
    assert_eq!(
        found.unwrap_or_else(fail),
        Some(suppression),
        "as it was made"
    );
    assert_journals(store, tenant.org, 1).await;
}

/// It stays on record with both ends, and units learn the earlier one.
pub async fn a_suppression_is_ended_once(store: &dyn RecordStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let stores = store.engine_stores();
    let suppression = at_unit(&tenant, 0, 1_000);
    make(store, &tenant, &suppression).await;
    let known = windows(store, &tenant, tenant.unit).await;
    let mut change = evaluation(stores, tenant.org, tenant.unit, Some(at(1_000)), "one").await;
    change.units[0].monitor.suppressions = known;
    change.journal = Journal::default();
    must_commit(stores, change).await;
    let ended = store
        .suppressions()
        .end(tenant.org, suppression.id, at(700), journal("over"));
    let ended = ended.await.unwrap_or_else(fail);
    assert_eq!(
        Some(&ended),
        suppression.ended(at(700)).as_ref(),
        "ended then"
    );
    let due = store.monitors().due(at(700), 10).await.unwrap_or_else(fail);
    assert_eq!(due, [(tenant.org, tenant.unit)], "its units are due");
    let reaching = windows(store, &tenant, tenant.unit).await;
    assert_eq!(
        reaching,
        [ended.window()],
        "the earlier end is the one that counts"
    );
    let again = store
        .suppressions()
        .end(tenant.org, suppression.id, at(900), journal("again"));
    assert_eq!(
        again.await.unwrap_or_else(fail),
        ended,
        "what is over stays as it is"
    );
    assert_journals(store, tenant.org, 1).await;
}

/// Nor can anybody else's window be found, ended or listed.
pub async fn a_place_of_another_organization_cannot_be_quiet(store: &dyn RecordStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    for (scope, id) in [
        (RuleScope::Organization, other.org.as_uuid()),
        (RuleScope::Site, other.site.as_uuid()),
        (RuleScope::Area, other.area.as_uuid()),
        (RuleScope::Unit, other.unit.as_uuid()),
        (RuleScope::Unit, tenant.site.as_uuid()),
    ] {
        let suppression = quiet(&tenant, scope, id, 0, 1_000);
        let refused = store
            .suppressions()
            .create(tenant.org, suppression, journal("no"))
            .await;
        assert!(refused.is_err(), "{scope} of another must be refused");
    }
    let theirs = at_unit(&other, 0, 1_000);
    make(store, &other, &theirs).await;
    let found = store.suppressions().find(tenant.org, theirs.id).await;
    assert_eq!(
        found.unwrap_or_else(fail),
        None,
        "another's must not be found"
    );
    let ended = store
        .suppressions()
        .end(tenant.org, theirs.id, at(5), journal("no"))
        .await;
    assert!(ended.is_err(), "another's must not be ended");
    let listed = store.suppressions().list(tenant.org, None, first(5)).await;
    assert_eq!(
        listed.unwrap_or_else(fail).items,
        [],
        "another's must not be listed"
    );
    assert_journals(store, tenant.org, 0).await;
}

/// All, or those in whose window an instant lies.
pub async fn suppressions_are_listed_by_their_beginning(store: &dyn RecordStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let made = [
        at_unit(&tenant, 0, 100),
        at_unit(&tenant, 50, 200),
        at_unit(&tenant, 300, 400),
    ];
    for suppression in &made {
        make(store, &tenant, suppression).await;
    }
    let starts = async |now: Option<i64>, page| {
        let listed = store
            .suppressions()
            .list(tenant.org, now.map(at), page)
            .await;
        let listed = listed.unwrap_or_else(fail);
        let starts = listed
            .items
            .iter()
            .map(|s| (s.starts_at - at(0)).as_seconds());
        (starts.collect::<Vec<i64>>(), listed.next)
    };
    assert_eq!(
        starts(None, first(9)).await.0,
        [300, 50, 0],
        "latest beginning first"
    );
    let (page, next) = starts(None, first(2)).await;
    assert_eq!(page, [300, 50], "latest beginning first");
    let rest = PageRequest {
        limit: 2,
        after: next,
    };
    assert_eq!(starts(None, rest).await.0, [0], "the second page goes on");
    for (now, wanted) in [
        (0, &[0][..]),
        (99, &[50, 0]),
        (100, &[50]),
        (200, &[]),
        (300, &[300]),
    ] {
        let (listed, _) = starts(Some(now), first(9)).await;
        assert_eq!(listed, wanted, "in whose window {now} lies");
    }
    let ended = store
        .suppressions()
        .end(tenant.org, made[0].id, at(60), Journal::default());
    ended.await.unwrap_or_else(fail);
    let (listed, _) = starts(Some(60), first(9)).await;
    assert_eq!(listed, [50], "in whose window 60 lies");
}

/// And comes back with the unit.
pub async fn a_snooze_is_stored_with_its_change(store: &dyn RecordStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut snooze = at_unit(&tenant, 600, 1_000);
    snooze.kind = SuppressionKind::Snooze;
    let mut change = Change::empty(tenant.org, at(600));
    change.records = vec![Record::Suppression(snooze.clone())];
    must_commit(store.engine_stores(), change).await;
    let found = store.suppressions().find(tenant.org, snooze.id).await;
    assert_eq!(
        found.unwrap_or_else(fail),
        Some(snooze.clone()),
        "the snooze as it was asked for"
    );
    let reaching = windows(store, &tenant, tenant.unit).await;
    assert_eq!(reaching, [snooze.window()], "what reaches the unit");
}
