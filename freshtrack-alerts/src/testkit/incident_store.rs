//! Laws of [`IncidentStore`](crate::ports::IncidentStore).

use super::sample::{incident, outages};
use super::{IncidentStores, fail, must_commit};
use crate::change::Change;
use crate::incident::Incident;
use crate::ports::{IncidentCursor, IncidentFilter};
use freshtrack_core::ids::{IncidentId, OrgId};
use freshtrack_core::page::PageRequest;
use freshtrack_core::testkit::sample::{Tenant, at};

/// Runs every law of [`IncidentStore`](crate::ports::IncidentStore) on what `$fresh` makes.
#[macro_export]
macro_rules! incident_store_contract {
    ($fresh:path) => {
        $crate::alerts_contract! { incident_store, $fresh;
            an_incident_comes_back_as_it_was_written
            a_later_row_takes_the_place_of_the_one_before
            another_organizations_incidents_are_unknown
            incidents_are_listed_newest_first_page_by_page
            each_filter_of_incidents_restricts_and_all_must_fit
        }
    };
}

async fn store_incidents(
    store: &dyn IncidentStores,
    org: OrgId,
    version: i64,
    rows: Vec<Incident>,
) {
    let mut change = Change::empty(org, at(1_000));
    change.outages = Some(outages(version, rows));
    must_commit(store.others(), change).await;
}

async fn list(store: &dyn IncidentStores, org: OrgId, filter: IncidentFilter) -> Vec<IncidentId> {
    let page = PageRequest {
        limit: 100,
        after: None,
    };
    let found = store.incidents().list(org, &filter, page).await;
    found
        .unwrap_or_else(fail)
        .items
        .iter()
        .map(|row| row.id)
        .collect()
}

/// Every field survives, present or absent.
pub async fn an_incident_comes_back_as_it_was_written(store: &dyn IncidentStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let bare = Incident {
        site: None,
        members: Vec::new(),
        children: Vec::new(),
        lead: None,
        ..incident(&tenant, 10)
    };
    let full = Incident {
        gateway: Some((tenant.id(), at(5))),
        last_paged_at: Some(at(11)),
        lead_pages_at: Some(at(900)),
        stood_still: Some((at(1), at(2))),
        closed_at: Some(at(901)),
        ..incident(&tenant, 20)
    };
    store_incidents(store, tenant.org, 0, vec![bare.clone(), full.clone()]).await;
    for row in [bare, full] {
        let found = store.incidents().find(tenant.org, row.id).await;
        assert_eq!(
            found.unwrap_or_else(fail),
            Some(row),
            "every field survives"
        );
    }
    let nobody: IncidentId = tenant.id();
    let found = store.incidents().find(tenant.org, nobody).await;
    assert_eq!(found.unwrap_or_else(fail), None);
}

/// An incident is written again when it changes.
pub async fn a_later_row_takes_the_place_of_the_one_before(store: &dyn IncidentStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let open = incident(&tenant, 10);
    store_incidents(store, tenant.org, 0, vec![open.clone()]).await;
    let closed = Incident {
        closed_at: Some(at(50)),
        children: Vec::new(),
        ..open
    };
    store_incidents(store, tenant.org, 1, vec![closed.clone()]).await;
    let found = store.incidents().find(tenant.org, closed.id).await;
    assert_eq!(found.unwrap_or_else(fail), Some(closed), "the later row");
    let all = list(store, tenant.org, IncidentFilter::default()).await;
    assert_eq!(all.len(), 1, "and no second one");
}

/// Neither by id nor in the list.
pub async fn another_organizations_incidents_are_unknown(store: &dyn IncidentStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let row = incident(&other, 10);
    store_incidents(store, other.org, 0, vec![row.clone()]).await;
    let found = store.incidents().find(tenant.org, row.id).await;
    assert_eq!(found.unwrap_or_else(fail), None, "must not be found");
    let listed = list(store, tenant.org, IncidentFilter::default()).await;
    assert_eq!(listed, [], "nor be listed");
}

/// By the instant it opened, then by id.
pub async fn incidents_are_listed_newest_first_page_by_page(store: &dyn IncidentStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let rows: Vec<Incident> = [30, 10, 20, 20].map(|s| incident(&tenant, s)).into();
    store_incidents(store, tenant.org, 0, rows.clone()).await;
    let mut wanted: Vec<IncidentCursor> = rows.iter().map(|row| (row.opened_at, row.id)).collect();
    wanted.sort_unstable_by(|a, b| b.cmp(a));
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = PageRequest { limit: 3, after };
        let filter = IncidentFilter::default();
        let page = store.incidents().list(tenant.org, &filter, page).await;
        let page = page.unwrap_or_else(fail);
        seen.extend(page.items.iter().map(|row| (row.opened_at, row.id)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, wanted, "newest first, each once");
}

/// By state and by site.
pub async fn each_filter_of_incidents_restricts_and_all_must_fit(store: &dyn IncidentStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let here = incident(&tenant, 10);
    let over = Incident {
        closed_at: Some(at(40)),
        ..incident(&tenant, 20)
    };
    let nowhere = Incident {
        site: None,
        ..incident(&tenant, 30)
    };
    store_incidents(
        store,
        tenant.org,
        0,
        vec![here.clone(), over.clone(), nowhere.clone()],
    )
    .await;
    let ask = |open, site| list(store, tenant.org, IncidentFilter { open, site });
    assert_eq!(
        ask(Some(true), None).await,
        [nowhere.id, here.id],
        "open ones"
    );
    assert_eq!(ask(Some(false), None).await, [over.id], "closed ones");
    assert_eq!(
        ask(None, Some(tenant.site)).await,
        [over.id, here.id],
        "of the site"
    );
    assert_eq!(ask(Some(true), Some(tenant.site)).await, [here.id], "both");
    assert_eq!(ask(None, Some(tenant.id())).await, [], "of another site");
}
