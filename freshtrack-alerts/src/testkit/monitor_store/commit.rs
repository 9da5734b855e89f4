//! Laws of [`MonitorStore::commit`](crate::ports::MonitorStore::commit).

use crate::alert::{AlertEventKind, AlertKey, AlertStatus, AlertType};
use crate::change::Change;
use crate::incident::StoredOutages;
use crate::ports::AlertFilter;
use crate::testkit::sample::{
    alert, device, evaluation, further_unit, incident, line, outages, quarantined, reading,
    resolved, unit_context,
};
use crate::testkit::{AlertStores, assert_conflict, commit, fail, must_commit};
use freshtrack_core::audit::{CHAIN_START, first_unsound};
use freshtrack_core::device::DeviceSeen;
use freshtrack_core::hierarchy::UnitStatus;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::page::PageRequest;
use freshtrack_core::ports::{AuditRange, ReadingOrder, ReadingQuery};
use freshtrack_core::reading::Reading;
use freshtrack_core::testkit::sample::{Tenant, at, journal};
use freshtrack_core::testkit::{assert_journals, assert_missing, assert_one_wins};

async fn readings(store: &dyn AlertStores, org: OrgId, unit: UnitId) -> Vec<Reading> {
    let query = ReadingQuery {
        unit,
        from: at(-1_000_000),
        to: at(1_000_000),
        order: ReadingOrder::OldestFirst,
    };
    let page = PageRequest {
        limit: 100,
        after: None,
    };
    let found = store.readings().list(org, query, page).await;
    found.unwrap_or_else(fail).items
}

/// All that the store tells of the first unit and of the organization's records.
async fn everything(store: &dyn AlertStores, tenant: &Tenant) -> String {
    let context = unit_context(store, tenant.org, tenant.unit).await;
    let unit = store.places().find_unit(tenant.org, tenant.unit).await;
    let readings = readings(store, tenant.org, tenant.unit).await;
    let aside = store.readings().quarantined(tenant.org, None, 100).await;
    let page = PageRequest {
        limit: 100,
        after: None,
    };
    let filter = AlertFilter::default();
    let alerts = store.alerts().list(tenant.org, &filter, page).await;
    let alerts = alerts.unwrap_or_else(fail).items;
    let mut history = Vec::new();
    for alert in &alerts {
        history.push(store.alerts().history(tenant.org, alert.id, 100).await);
    }
    let due = store.monitors().due(at(1_000_000), 100).await;
    let outbox = store.outbox().since(tenant.org, 0, 100).await;
    let outages = store.monitors().load(tenant.org, &[]).await;
    let outages = outages.unwrap_or_else(fail).map(|loaded| loaded.outages);
    let chain = store.audit_log().head(tenant.org).await;
    format!(
        "{context:#?}\n{unit:#?}\n{readings:#?}\n{aside:#?}\n{alerts:#?}\n{history:#?}\n{due:#?}\n\
         {outbox:#?}\n{chain:?}\n{outages:#?}"
    )
}

/// Fails unless `change`, of the first unit, is a conflict and leaves everything as it is.
async fn assert_refused(store: &dyn AlertStores, tenant: &Tenant, change: Change) {
    let before = everything(store, tenant).await;
    assert_conflict(commit(store, change).await);
    let after = everything(store, tenant).await;
    assert!(
        before == after,
        "a refused change must leave nothing, but\n{before}\nbecame\n{after}"
    );
}

/// A change with something of everything, beside the state of the first unit.
async fn full_change(store: &dyn AlertStores, tenant: &Tenant, label: &str) -> Change {
    let deadline = Some(at(5_000));
    let mut change = evaluation(store, tenant.org, tenant.unit, deadline, label).await;
    change.units[0].status = UnitStatus::Excursion;
    change.units[0].stored_until = Some(at(20));
    change.readings = vec![reading(tenant.unit, 10)];
    change.quarantined = vec![quarantined(tenant.unit, 20)];
    let raised = alert(tenant, tenant.unit, 100);
    change.alert_events = vec![line(&raised, AlertEventKind::Raised, 100)];
    change.alerts = vec![raised];
    change
}

/// Everything a change names is there afterwards, the version one on.
pub async fn a_change_is_there_whole(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let change = full_change(store, &tenant, "whole").await;
    must_commit(store, change.clone()).await;

    let context = unit_context(store, tenant.org, tenant.unit).await;
    assert_eq!(
        context.monitor_version,
        change.units[0].expected_version + 1
    );
    assert_eq!(context.monitor, change.units[0].monitor);
    assert_eq!(context.stored_until, Some(at(20)));
    assert_eq!(context.unit.status, UnitStatus::Excursion);
    let unit = store.places().find_unit(tenant.org, tenant.unit).await;
    let unit = unit.unwrap_or_else(fail).expect("the unit is there");
    assert_eq!(unit.status, UnitStatus::Excursion, "the copy for lists");
    let due = store.monitors().due(at(5_000), 10).await;
    assert_eq!(due.unwrap_or_else(fail), [(tenant.org, tenant.unit)]);
    assert_eq!(
        readings(store, tenant.org, tenant.unit).await,
        change.readings
    );
    let aside = store.readings().quarantined(tenant.org, None, 10).await;
    assert_eq!(aside.unwrap_or_else(fail), change.quarantined);
    let id = change.alerts[0].id;
    let found = store.alerts().find(tenant.org, id).await;
    assert_eq!(found.unwrap_or_else(fail).as_ref(), change.alerts.first());
    let found = store.alerts().history(tenant.org, id, 10).await;
    assert_eq!(found.unwrap_or_else(fail), change.alert_events);
    assert_journals(store, tenant.org, 1).await;
}

/// Nothing asked, nothing answered.
pub async fn an_empty_commit_is_answered_with_nothing(store: &dyn AlertStores) {
    let answers = store.monitors().commit(&[]).await;
    assert!(answers.unwrap_or_else(fail).is_empty());
}

/// Somebody evaluated the unit in between: nothing of this evaluation may stay.
pub async fn a_stale_version_is_refused_and_leaves_nothing(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let stale = full_change(store, &tenant, "stale").await;
    let first = evaluation(store, tenant.org, tenant.unit, None, "first").await;
    must_commit(store, first).await;
    assert_refused(store, &tenant, stale).await;
    assert_journals(store, tenant.org, 1).await;

    let mut ahead = full_change(store, &tenant, "ahead").await;
    ahead.units[0].expected_version += 1;
    assert_refused(store, &tenant, ahead).await;
    assert_journals(store, tenant.org, 1).await;
}

/// A race of two evaluations has one winner, and only the winner's rows are there.
pub async fn of_two_commits_from_one_version_exactly_one_wins(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut one = evaluation(store, tenant.org, tenant.unit, None, "one").await;
    let mut two = one.clone();
    one.readings = vec![reading(tenant.unit, 10)];
    two.readings = vec![reading(tenant.unit, 20)];
    let (one, two) = tokio::join!(commit(store, one), commit(store, two));
    assert_one_wins(&[one, two]);
    let found = readings(store, tenant.org, tenant.unit).await;
    assert_eq!(found.len(), 1, "only the winner's reading is there");
    assert_journals(store, tenant.org, 1).await;
}

/// Changes of one commit see each other.
pub async fn of_two_changes_from_one_version_in_one_commit_the_first_wins(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut one = evaluation(store, tenant.org, tenant.unit, None, "one").await;
    let mut two = one.clone();
    one.readings = vec![reading(tenant.unit, 10)];
    two.readings = vec![reading(tenant.unit, 20)];
    let wanted = one.readings.clone();
    let answers = store.monitors().commit(&[one, two]).await;
    let [first, second] = <[_; 2]>::try_from(answers.unwrap_or_else(fail))
        .unwrap_or_else(|answers| panic!("two changes, two answers, got {answers:?}"));
    first.unwrap_or_else(fail);
    assert_conflict(second);
    let found = readings(store, tenant.org, tenant.unit).await;
    assert_eq!(found, wanted, "only the first change is there");
    assert_journals(store, tenant.org, 1).await;
}

/// The first value wins: a stored reading is never overwritten, and the rest is not stored either.
pub async fn a_reading_stored_already_is_a_conflict_and_leaves_nothing(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut first = evaluation(store, tenant.org, tenant.unit, None, "first").await;
    first.readings = vec![reading(tenant.unit, 10)];
    let wanted = first.readings.clone();
    must_commit(store, first).await;

    let mut again = full_change(store, &tenant, "again").await;
    let mut other_value = reading(tenant.unit, 10);
    other_value.battery_percent = Some(50);
    again.readings = vec![reading(tenant.unit, 5), other_value];
    assert_refused(store, &tenant, again).await;
    let found = readings(store, tenant.org, tenant.unit).await;
    assert_eq!(found, wanted, "the first value stays as it was");
    assert_journals(store, tenant.org, 1).await;
}

/// At most one open alert per unit, type and device, taken or not.
pub async fn a_second_open_alert_under_one_key_is_a_conflict_and_leaves_nothing(
    store: &dyn AlertStores,
) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut first = evaluation(store, tenant.org, tenant.unit, None, "first").await;
    let mut taken = alert(&tenant, tenant.unit, 100);
    first.alerts = vec![taken.clone()];
    must_commit(store, first).await;
    let second = full_change(store, &tenant, "second").await;
    assert_refused(store, &tenant, second).await;

    let mut acknowledge = Change::empty(tenant.org, at(200));
    taken.status = AlertStatus::Acknowledged;
    taken.version = 2;
    acknowledge.alerts = vec![taken.clone()];
    must_commit(store, acknowledge).await;
    let second = full_change(store, &tenant, "second").await;
    assert_refused(store, &tenant, second).await;
    assert_journals(store, tenant.org, 1).await;

    let mut close = Change::empty(tenant.org, at(300));
    close.alerts = vec![resolved(&taken, 300)];
    must_commit(store, close).await;
    let second = full_change(store, &tenant, "second").await;
    must_commit(store, second).await; // a closed alert is in nobody's way
}

/// The key is unit, type and device; nobody is a device of its own.
pub async fn alerts_under_other_keys_stand_beside_each_other(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let (one, two) = (
        device(store, &tenant, "One").await,
        device(store, &tenant, "Two").await,
    );
    let second = further_unit(store, &tenant, "Fridge 2").await;
    let mut change = Change::empty(tenant.org, at(100));
    for (unit, alert_type, device) in [
        (tenant.unit, AlertType::TempExcursion, None),
        (tenant.unit, AlertType::DoorOpen, None),
        (tenant.unit, AlertType::LowBattery, None),
        (tenant.unit, AlertType::LowBattery, Some(one)),
        (tenant.unit, AlertType::LowBattery, Some(two)),
        (second, AlertType::TempExcursion, None),
    ] {
        let mut raised = alert(&tenant, unit, 100);
        raised.key = AlertKey { alert_type, device };
        change.alerts.push(raised);
    }
    must_commit(store, change).await;
}

/// A whole episode may end and the next begin inside one evaluation.
pub async fn one_change_may_close_an_alert_and_open_the_next(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let first = alert(&tenant, tenant.unit, 100);
    let mut raise = Change::empty(tenant.org, at(100));
    raise.alerts = vec![first.clone()];
    must_commit(store, raise).await;
    let (closed, next) = (resolved(&first, 200), alert(&tenant, tenant.unit, 201));
    let mut change = Change::empty(tenant.org, at(300));
    change.alerts = vec![closed.clone(), next.clone()];
    must_commit(store, change).await;
    for wanted in [closed, next] {
        let found = store.alerts().find(tenant.org, wanted.id).await;
        assert_eq!(found.unwrap_or_else(fail), Some(wanted));
    }
}

/// An alert that somebody else changed is not overwritten.
pub async fn an_alert_changes_only_from_the_version_before(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let first = alert(&tenant, tenant.unit, 100);
    let mut raise = Change::empty(tenant.org, at(100));
    raise.alerts = vec![first.clone()];
    must_commit(store, raise.clone()).await;
    assert_refused(store, &tenant, raise).await; // the same id as new
    let closed = resolved(&first, 200);
    let mut close = Change::empty(tenant.org, at(200));
    close.alerts = vec![closed.clone()];
    must_commit(store, close).await;

    let mut acknowledged = first.clone();
    acknowledged.status = AlertStatus::Acknowledged;
    for version in [2, 4] {
        acknowledged.version = version;
        let mut change = evaluation(store, tenant.org, tenant.unit, None, "stale").await;
        change.readings = vec![reading(tenant.unit, 10)];
        change.alerts = vec![acknowledged.clone()];
        assert_refused(store, &tenant, change).await;
    }
    let mut never_raised = alert(&tenant, tenant.unit, 100);
    never_raised.version = 2;
    let mut change = Change::empty(tenant.org, at(300));
    change.alerts = vec![never_raised];
    assert_conflict(commit(store, change).await);
    let found = store.alerts().find(tenant.org, first.id).await;
    assert_eq!(
        found.unwrap_or_else(fail),
        Some(closed),
        "the alert is as it was"
    );
    assert_journals(store, tenant.org, 0).await;
}

/// A refused change takes no other down, whichever organization's it is, and each organization
/// numbers its own.
pub async fn each_change_of_a_commit_stands_or_falls_alone(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let second = further_unit(store, &tenant, "Fridge 2").await;
    let mut stale = full_change(store, &tenant, "stale").await;
    stale.units[0].expected_version += 7;
    let changes = [
        full_change(store, &other, "beta").await,
        stale.clone(),
        evaluation(store, tenant.org, second, None, "alpha").await,
        evaluation(store, tenant.org, tenant.unit, None, "alpha").await,
    ];
    let answers = store.monitors().commit(&changes).await;
    let answers = answers.unwrap_or_else(fail);
    let stood: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(
        stood,
        [true, false, true, true],
        "answered in order, each by itself"
    );
    let found = readings(store, tenant.org, tenant.unit).await;
    assert_eq!(found, [], "of the refused change nothing stays");
    let found = store.alerts().find(tenant.org, stale.alerts[0].id).await;
    assert_eq!(
        found.unwrap_or_else(fail),
        None,
        "of the refused change nothing stays"
    );
    let found = readings(store, other.org, other.unit).await;
    assert_eq!(
        found, changes[0].readings,
        "the other organization's change stands"
    );
    assert_journals(store, tenant.org, 2).await;
    assert_journals(store, other.org, 1).await;
}

/// Nothing a change says can reach a unit of another organization.
pub async fn another_organizations_unit_cannot_be_changed(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let theirs = full_change(store, &other, "theirs").await;
    let before = everything(store, &other).await;
    let empty = Change::empty(tenant.org, at(100));
    let mut state = empty.clone();
    state.units.clone_from(&theirs.units);
    let mut values = empty.clone();
    values.readings.clone_from(&theirs.readings);
    let mut aside = empty.clone();
    aside.quarantined.clone_from(&theirs.quarantined);
    let mut alerts = empty;
    alerts.alerts.clone_from(&theirs.alerts);
    for mut change in [state, values, aside, alerts] {
        change.journal = journal("theirs");
        let answer = commit(store, change.clone()).await;
        assert!(
            answer.is_err(),
            "a change that names another organization's unit must be refused: {change:?}"
        );
    }
    let after = everything(store, &other).await;
    assert!(
        before == after,
        "another organization must be left alone, but\n{before}\nbecame\n{after}"
    );
    assert_journals(store, tenant.org, 0).await;
}

/// A change of nobody is refused; the one beside it stands.
pub async fn a_change_of_an_unknown_organization_is_refused(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut nobody = Change::empty(tenant.id(), at(100));
    nobody.journal = journal("nobody");
    let change = evaluation(store, tenant.org, tenant.unit, None, "alpha").await;
    let answers = store.monitors().commit(&[nobody, change]).await;
    let [first, second] = <[_; 2]>::try_from(answers.unwrap_or_else(fail))
        .unwrap_or_else(|answers| panic!("two changes, two answers, got {answers:?}"));
    assert_missing(first, "organization");
    second.unwrap_or_else(fail);
    assert_journals(store, tenant.org, 1).await;
}

/// Commits of one organization at the same time share one sequence and one chain.
pub async fn commits_at_once_are_numbered_gaplessly(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut changes = Vec::new();
    for number in 0..5 {
        let unit = further_unit(store, &tenant, &format!("U{number}")).await;
        let label = number.to_string();
        changes.push(evaluation(store, tenant.org, unit, None, &label).await);
    }
    let one = |number: usize| commit(store, changes[number].clone());
    let all = tokio::join!(one(0), one(1), one(2), one(3), one(4));
    for committed in [all.0, all.1, all.2, all.3, all.4] {
        committed.unwrap_or_else(fail);
    }
    assert_journals(store, tenant.org, 5).await;
    let range = AuditRange { from: 1, limit: 10 };
    let events = store.audit_log().list(tenant.org, range).await;
    let events = events.unwrap_or_else(fail);
    assert_eq!(
        first_unsound((0, CHAIN_START), &events),
        None,
        "the chain must verify"
    );
}

/// The latest uplink counts, whichever is committed last; nobody else's device is touched.
pub async fn a_device_is_seen_and_its_time_never_moves_back(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let probe = device(store, &tenant, "Probe").await;
    let seen = |seconds| DeviceSeen {
        device: probe,
        at: at(seconds),
        battery_percent: Some(80),
        battery_mv: None,
        rssi_dbm: Some(-90),
    };
    for seconds in [100, 300, 200] {
        let mut change = Change::empty(tenant.org, at(seconds));
        change.devices_seen = vec![seen(seconds)];
        must_commit(store, change).await;
    }
    let mut foreign = Change::empty(other.org, at(400));
    foreign.devices_seen = vec![seen(400)];
    let _refused_or_ignored = commit(store, foreign).await;
    let found = store.devices().find(tenant.org, probe).await;
    let found = found
        .unwrap_or_else(fail)
        .and_then(|device| device.last_seen_at);
    assert_eq!(
        found,
        Some(at(300)),
        "the latest uplink of its own organization"
    );
}

/// The organization's incidents are there whole with their version, and change from that one only.
pub async fn incidents_move_from_version_to_version(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let stored = async |org| {
        let loaded = store.monitors().load(org, &[]).await;
        loaded
            .unwrap_or_else(fail)
            .expect("the organization is there")
            .outages
    };
    assert_eq!(stored(tenant.org).await.version, 0, "none yet");
    for version in 0..2 {
        let row = incident(&tenant, 10 + version);
        let mut change = Change::empty(tenant.org, at(100));
        change.outages = Some(outages(version, vec![row]));
        must_commit(store, change.clone()).await;
        let found = stored(tenant.org).await;
        assert_eq!(found.version, version + 1);
        let wanted = change.outages.as_ref().map(|change| &change.outages);
        assert_eq!(Some(&found.outages), wanted, "incidents must be kept");
        change.journal = journal("stale");
        assert_refused(store, &tenant, change).await;
    }
    let theirs = stored(other.org).await;
    assert_eq!(
        theirs,
        StoredOutages::default(),
        "another organization has its own"
    );
}

/// Whoever is woken is evaluated soon, and by what is known now.
pub async fn a_woken_unit_is_due_and_an_evaluation_under_way_is_a_conflict(
    store: &dyn AlertStores,
) {
    let tenant = Tenant::create(store, "alpha").await;
    let second = further_unit(store, &tenant, "Fridge 2").await;
    for unit in [tenant.unit, second] {
        let later = evaluation(store, tenant.org, unit, Some(at(9_000)), "before").await;
        must_commit(store, later).await;
    }
    let under_way = evaluation(store, tenant.org, second, Some(at(9_000)), "under way").await;
    let mut change = Change::empty(tenant.org, at(200));
    change.wake = vec![second];
    must_commit(store, change).await;
    let due = store.monitors().due(at(200), 10).await;
    assert_eq!(
        due.unwrap_or_else(fail),
        [(tenant.org, second)],
        "the woken unit must be due"
    );
    assert_conflict(commit(store, under_way).await);
}
