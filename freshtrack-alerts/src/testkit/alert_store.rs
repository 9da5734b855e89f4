//! Laws of [`AlertStore`](crate::ports::AlertStore).

use super::sample::{alert, device, further_unit, line, resolved};
use super::{AlertStores, fail, must_commit};
use crate::alert::{
    Acknowledgement, Alert, AlertEventKind, AlertKey, AlertStatus, AlertType, RaiseReason,
    Resolution, ResolutionKind, Severity, Trigger, Violated,
};
use crate::change::Change;
use crate::ports::{AlertCursor, AlertFilter};
use freshtrack_core::audit::Journal;
use freshtrack_core::ids::{AlertId, OrgId};
use freshtrack_core::page::PageRequest;
use freshtrack_core::temperature::{Limit, Temperature};
use freshtrack_core::testkit::sample::{Tenant, at};

/// Runs every law of [`AlertStore`](crate::ports::AlertStore) on what `$fresh` makes.
#[macro_export]
macro_rules! alert_store_contract {
    ($fresh:path) => {
        $crate::alerts_contract! { alert_store, $fresh;
            an_alert_comes_back_as_it_was_written
            a_later_version_takes_the_place_of_the_one_before
            another_organizations_alerts_are_unknown
            alerts_are_listed_newest_first
            each_filter_restricts_and_all_must_fit
            the_window_is_half_open
            pages_visit_every_alert_once_while_alerts_are_added
            history_is_oldest_first_and_keeps_the_newest_lines
        }
    };
}

async fn store_alerts(store: &dyn AlertStores, org: OrgId, alerts: Vec<Alert>) {
    let mut change = Change::empty(org, at(1_000));
    change.alerts = alerts;
    must_commit(store, change).await;
}

async fn list(store: &dyn AlertStores, org: OrgId, filter: &AlertFilter) -> Vec<AlertId> {
    let page = PageRequest {
        limit: 100,
        after: None,
    };
    let found = store.alerts().list(org, filter, page).await;
    let found = found.unwrap_or_else(fail);
    found.items.iter().map(|alert| alert.id).collect()
}

/// Every field survives, present or absent, to the microsecond.
pub async fn an_alert_comes_back_as_it_was_written(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let probe = device(store, &tenant, "Probe").await;
    let bare = alert(&tenant, tenant.unit, 50);
    let mut closed = alert(&tenant, tenant.unit, 20);
    closed.key.alert_type = AlertType::DoorOpen;
    closed = resolved(&closed, 30);
    closed.version = 1;
    let full = Alert {
        key: AlertKey {
            alert_type: AlertType::SensorFault,
            device: Some(probe),
        },
        severity: Severity::Critical,
        status: AlertStatus::Resolved,
        title: "Kühlraum: 9,5 °C > 41 °F".to_owned(),
        first_out_at: Some(at(1)),
        confirmed_at: Some(at(2)),
        cleared_at: Some(at(3)),
        raise_reason: RaiseReason::SuppressionEnded,
        violated: Some(Violated::Max),
        trigger: Some(Trigger {
            temperature: Temperature::from_milli_celsius(9_500),
            recorded_at: at(4),
        }),
        limit: Some(Limit::fahrenheit(41_000)),
        extreme: Some(Temperature::from_milli_celsius(-12_345)),
        acknowledged: Some(Acknowledgement {
            by: tenant.owner.id,
            at: at(5),
            note: Some("on my way".to_owned()),
            temperature: Some(Temperature::from_milli_celsius(9_000)),
        }),
        resolved: Some(Resolution {
            kind: ResolutionKind::Manual,
            by: Some(tenant.owner.id),
            at: at(6),
            note: Some("door was open".to_owned()),
        }),
        escalation_level: 3,
        paged_at: Some(at(7)),
        next_escalation_at: Some(at(8)),
        escalation_exhausted_at: Some(at(9)),
        correlated_with: Some(bare.id),
        reraised_from: Some(closed.id),
        corrective_action_pending: true,
        rules_version: 12,
        ..alert(&tenant, tenant.unit, 100)
    };
    let written = [bare, closed, full];
    store_alerts(store, tenant.org, written.to_vec()).await;
    for wanted in written {
        let found = store.alerts().find(tenant.org, wanted.id).await;
        assert_eq!(
            found.unwrap_or_else(fail),
            Some(wanted),
            "every field survives"
        );
    }
    let unknown = store.alerts().find(tenant.org, tenant.id()).await;
    assert_eq!(unknown.unwrap_or_else(fail), None);
}

/// There is one row per alert.
pub async fn a_later_version_takes_the_place_of_the_one_before(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let raised = alert(&tenant, tenant.unit, 100);
    store_alerts(store, tenant.org, vec![raised.clone()]).await;
    let closed = resolved(&raised, 200);
    store_alerts(store, tenant.org, vec![closed.clone()]).await;
    let found = store.alerts().find(tenant.org, raised.id).await;
    assert_eq!(found.unwrap_or_else(fail), Some(closed));
    let found = list(store, tenant.org, &AlertFilter::default()).await;
    assert_eq!(found, [raised.id], "one row per alert");
}

/// No look-up, list or history of one organization shows an alert of another.
pub async fn another_organizations_alerts_are_unknown(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let theirs = alert(&other, other.unit, 100);
    let mut change = Change::empty(other.org, at(100));
    change.alert_events = vec![line(&theirs, AlertEventKind::Raised, 100)];
    change.alerts = vec![theirs.clone()];
    must_commit(store, change).await;
    let found = store.alerts().find(tenant.org, theirs.id).await;
    let found = found.unwrap_or_else(fail);
    assert_eq!(
        found, None,
        "another organization's alert must not be found"
    );
    let history = store.alerts().history(tenant.org, theirs.id, 10).await;
    let history = history.unwrap_or_else(fail);
    assert_eq!(history, [], "nor its history");
    for filter in [
        AlertFilter::default(),
        AlertFilter {
            site: Some(other.site),
            ..AlertFilter::default()
        },
        AlertFilter {
            unit: Some(other.unit),
            ..AlertFilter::default()
        },
    ] {
        let found = list(store, tenant.org, &filter).await;
        assert_eq!(found, [], "nor be listed");
    }
}

/// Four alerts under four keys: raised at 200, 300, 300 and 100.
async fn four(store: &dyn AlertStores, tenant: &Tenant) -> [Alert; 4] {
    let raised = |alert_type, seconds| {
        let mut alert = alert(tenant, tenant.unit, seconds);
        alert.key.alert_type = alert_type;
        alert
    };
    let mut alerts = [
        raised(AlertType::TempExcursion, 200),
        raised(AlertType::DoorOpen, 300),
        raised(AlertType::MonitoringInterrupted, 300),
        raised(AlertType::MissedManualEntry, 100),
    ];
    alerts[1].severity = Severity::Critical;
    alerts[2].severity = Severity::Critical;
    alerts[2].status = AlertStatus::Acknowledged;
    alerts[3] = resolved(&alerts[3], 400);
    alerts[3].version = 1;
    store_alerts(store, tenant.org, alerts.to_vec()).await;
    alerts
}

/// By time of raising, then by id, both descending.
pub async fn alerts_are_listed_newest_first(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let [a, b, c, d] = four(store, &tenant).await.map(|alert| alert.id);
    let found = list(store, tenant.org, &AlertFilter::default()).await;
    assert_eq!(found, [c, b, a, d], "newest first, the greater id first");
}

/// An empty filter restricts nothing; several values of one kind are alternatives, kinds add up.
pub async fn each_filter_restricts_and_all_must_fit(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let [a, b, c, d] = four(store, &tenant).await.map(|alert| alert.id);
    let bakery = tenant.new_site("Bakery");
    let mut back = tenant.new_area("Back");
    back.site_id = bakery.id;
    let mut oven = tenant.new_unit("Freezer");
    (oven.site_id, oven.area_id) = (bakery.id, back.id);
    let mut elsewhere = alert(&tenant, oven.id, 50);
    (elsewhere.site, elsewhere.area) = (bakery.id, back.id);
    let places = store.places();
    let made = places
        .create_site(tenant.org, bakery, Journal::default())
        .await;
    made.unwrap_or_else(fail);
    let made = places
        .create_area(tenant.org, back, Journal::default())
        .await;
    made.unwrap_or_else(fail);
    let made = places
        .create_unit(tenant.org, oven, Journal::default())
        .await;
    made.unwrap_or_else(fail);
    store_alerts(store, tenant.org, vec![elsewhere.clone()]).await;

    let all = AlertFilter::default;
    let mut filter = all();
    filter.status = vec![AlertStatus::Acknowledged, AlertStatus::Resolved];
    assert_eq!(list(store, tenant.org, &filter).await, [c, d], "by status");
    let mut filter = all();
    filter.severity = vec![Severity::Critical];
    assert_eq!(
        list(store, tenant.org, &filter).await,
        [c, b],
        "by severity"
    );
    filter.status = vec![AlertStatus::Active];
    assert_eq!(list(store, tenant.org, &filter).await, [b], "by both");
    let mut filter = all();
    filter.alert_type = vec![AlertType::TempExcursion, AlertType::MissedManualEntry];
    let found = list(store, tenant.org, &filter).await;
    assert_eq!(found, [a, d, elsewhere.id], "by type");
    filter.unit = Some(tenant.unit);
    assert_eq!(list(store, tenant.org, &filter).await, [a, d], "and unit");
    let mut filter = all();
    filter.site = Some(elsewhere.site);
    let found = list(store, tenant.org, &filter).await;
    assert_eq!(found, [elsewhere.id], "by site");
    filter.unit = Some(tenant.unit);
    assert_eq!(
        list(store, tenant.org, &filter).await,
        [],
        "nothing fits both"
    );
}

/// `[from, to)` by time of raising.
pub async fn the_window_is_half_open(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let [a, b, c, d] = four(store, &tenant).await.map(|alert| alert.id);
    for (from, to, wanted) in [
        (Some(200), None, vec![c, b, a]),
        (None, Some(300), vec![a, d]),
        (Some(200), Some(300), vec![a]),
        (Some(201), Some(300), vec![]),
    ] {
        let filter = AlertFilter {
            from: from.map(at),
            to: to.map(at),
            ..AlertFilter::default()
        };
        let found = list(store, tenant.org, &filter).await;
        assert_eq!(found, wanted, "from is in, to is not: {from:?}…{to:?}");
    }
}

/// A new alert between two pages is neither reason to skip one nor to show one twice.
pub async fn pages_visit_every_alert_once_while_alerts_are_added(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let [a, b, c, d] = four(store, &tenant).await.map(|alert| alert.id);
    let second = further_unit(store, &tenant, "Fridge 2").await;
    let mut seen = Vec::new();
    let mut after: Option<AlertCursor> = None;
    for round in 0..4 {
        let page = PageRequest { limit: 1, after };
        let page = store
            .alerts()
            .list(tenant.org, &AlertFilter::default(), page)
            .await;
        let page = page.unwrap_or_else(fail);
        seen.extend(page.items.iter().map(|alert| alert.id));
        after = page.next;
        if round == 0 {
            let newest = alert(&tenant, second, 900);
            store_alerts(store, tenant.org, vec![newest]).await;
        }
    }
    assert_eq!(seen, [c, b, a, d], "each alert once, in order");
    assert_eq!(after, None, "paging must come to an end");
}

/// The order of commit is the order of history; what does not fit falls off at the old end.
pub async fn history_is_oldest_first_and_keeps_the_newest_lines(store: &dyn AlertStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let raised = alert(&tenant, tenant.unit, 100);
    let lines = [
        line(&raised, AlertEventKind::Raised, 100),
        line(&raised, AlertEventKind::Correlated, 100),
        line(&raised, AlertEventKind::Confirmed, 200),
        line(&raised, AlertEventKind::Escalated, 300),
    ];
    let mut change = Change::empty(tenant.org, at(100));
    change.alerts = vec![raised.clone()];
    change.alert_events = lines[..2].to_vec();
    must_commit(store, change).await;
    let mut change = Change::empty(tenant.org, at(300));
    change.alert_events = lines[2..].to_vec();
    must_commit(store, change).await;
    let found = store.alerts().history(tenant.org, raised.id, 10).await;
    assert_eq!(found.unwrap_or_else(fail), lines, "oldest first");
    let found = store.alerts().history(tenant.org, raised.id, 3).await;
    assert_eq!(
        found.unwrap_or_else(fail),
        lines[1..],
        "the newest lines, oldest first"
    );
}
