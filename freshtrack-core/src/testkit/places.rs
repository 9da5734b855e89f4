//! Laws of [`Places`](crate::ports::Places).

use super::sample::{Tenant, journal};
use super::{Stores, assert_journals, assert_missing, assert_one_wins, assert_taken, fail};
use crate::audit::Journal;
use crate::error::StoreError;
use crate::hierarchy::{Area, Site, Unit};
use crate::ids::{OrgId, SiteId};
use crate::page::PageRequest;

/// Runs every law of [`Places`](crate::ports::Places) on what `$fresh` makes.
#[macro_export]
macro_rules! places_contract {
    ($fresh:path) => {
        $crate::core_contract! { places, $fresh;
            places_come_back_as_they_were_made
            names_are_unique_among_siblings_whatever_their_case
            the_same_name_may_stand_under_another_parent
            a_parent_must_be_there_and_of_the_organization
            another_organizations_places_are_unknown
            lists_are_in_order_of_id_and_of_the_site_asked_for
            pages_visit_every_row_once_while_rows_are_added
            each_place_is_journaled_once
            a_refused_place_leaves_no_journal
            of_two_with_one_name_exactly_one_is_made
            places_made_at_once_are_numbered_gaplessly
        }
    };
}

/// The first `limit` rows.
fn first<K>(limit: u16) -> PageRequest<K> {
    PageRequest { limit, after: None }
}

async fn add_site(store: &dyn Stores, org: OrgId, site: &Site) {
    let made = store
        .places()
        .create_site(org, site.clone(), Journal::default());
    made.await.unwrap_or_else(fail);
}

async fn add_area(store: &dyn Stores, org: OrgId, area: &Area) {
    let made = store
        .places()
        .create_area(org, area.clone(), Journal::default());
    made.await.unwrap_or_else(fail);
}

async fn add_unit(store: &dyn Stores, org: OrgId, unit: &Unit) {
    let made = store
        .places()
        .create_unit(org, unit.clone(), Journal::default());
    made.await.unwrap_or_else(fail);
}

/// Every field of a place survives, to the microsecond.
pub async fn places_come_back_as_they_were_made(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let site = tenant.new_site("Bakery");
    add_site(store, tenant.org, &site).await;
    let mut area = tenant.new_area("Back");
    area.site_id = site.id;
    add_area(store, tenant.org, &area).await;
    let mut unit = tenant.new_unit("Freezer");
    (unit.site_id, unit.area_id) = (site.id, area.id);
    add_unit(store, tenant.org, &unit).await;

    let places = store.places();
    let found = places.find_site(tenant.org, site.id).await;
    assert_eq!(found.unwrap_or_else(fail), Some(site.clone()));
    let found = places
        .list_areas(tenant.org, Some(site.id), first(10))
        .await;
    assert_eq!(
        found.unwrap_or_else(fail).items,
        std::slice::from_ref(&area)
    );
    let found = places.find_area(tenant.org, area.id).await;
    assert_eq!(found.unwrap_or_else(fail), Some(area));
    let found = places.find_unit(tenant.org, unit.id).await;
    assert_eq!(found.unwrap_or_else(fail), Some(unit));
    let unknown: SiteId = tenant.id();
    let found = places.find_site(tenant.org, unknown).await;
    assert_eq!(found.unwrap_or_else(fail), None);
}

/// Case does not make a name another name, in any alphabet.
pub async fn names_are_unique_among_siblings_whatever_their_case(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let places = store.places();
    let site = tenant.new_site("kitCHEN");
    let refused = places.create_site(tenant.org, site, journal("made")).await;
    assert_taken(refused, "name");
    let area = tenant.new_area("COLD room");
    let refused = places.create_area(tenant.org, area, journal("made")).await;
    assert_taken(refused, "name");
    let unit = tenant.new_unit("FRIDGE 1");
    let refused = places.create_unit(tenant.org, unit, journal("made")).await;
    assert_taken(refused, "name");
    add_unit(store, tenant.org, &tenant.new_unit("Kühlschrank Äpfel")).await;
    let unit = tenant.new_unit("KÜHLSCHRANK ÄPFEL");
    let refused = places.create_unit(tenant.org, unit, journal("made")).await;
    assert_taken(refused, "name");
}

/// Names are unique among siblings only.
pub async fn the_same_name_may_stand_under_another_parent(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    Tenant::create(store, "beta").await; // also has a "Kitchen"
    let site = tenant.new_site("Bakery");
    add_site(store, tenant.org, &site).await;
    let mut area = tenant.new_area("Cold room");
    area.site_id = site.id;
    add_area(store, tenant.org, &area).await;
    let mut unit = tenant.new_unit("Fridge 1");
    (unit.site_id, unit.area_id) = (site.id, area.id);
    add_unit(store, tenant.org, &unit).await;
}

/// A parent of another organization is as missing as one that never was.
pub async fn a_parent_must_be_there_and_of_the_organization(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let places = store.places();
    let nowhere: OrgId = tenant.id();
    let site = tenant.new_site("Bakery");
    let refused = places.create_site(nowhere, site, journal("made")).await;
    assert_missing(refused, "organization");
    for site in [other.site, tenant.id()] {
        let mut area = tenant.new_area("Back");
        area.site_id = site;
        let refused = places.create_area(tenant.org, area, journal("made")).await;
        assert_missing(refused, "site");
    }
    let mut unit = tenant.new_unit("Freezer");
    (unit.site_id, unit.area_id) = (other.site, other.area);
    let refused = places.create_unit(tenant.org, unit, journal("made")).await;
    assert_missing(refused, "area");
    let site = tenant.new_site("Bakery");
    add_site(store, tenant.org, &site).await;
    let mut unit = tenant.new_unit("Freezer");
    unit.site_id = site.id; // the area is of the first site
    let refused = places.create_unit(tenant.org, unit, journal("made")).await;
    assert_missing(refused, "area");
    assert_journals(store, tenant.org, 0).await;
    assert_journals(store, other.org, 0).await;
}

/// No look-up and no list of one organization shows a place of another.
pub async fn another_organizations_places_are_unknown(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let places = store.places();
    let site = places.find_site(tenant.org, other.site).await;
    let site = site.unwrap_or_else(fail);
    assert_eq!(
        site, None,
        "a site of another organization must not be found"
    );
    let area = places.find_area(tenant.org, other.area).await;
    let area = area.unwrap_or_else(fail);
    assert_eq!(
        area, None,
        "an area of another organization must not be found"
    );
    let unit = places.find_unit(tenant.org, other.unit).await;
    let unit = unit.unwrap_or_else(fail);
    assert_eq!(
        unit, None,
        "a unit of another organization must not be found"
    );

    let sites = places.list_sites(tenant.org, first(10)).await;
    let sites: Vec<_> = sites
        .unwrap_or_else(fail)
        .items
        .iter()
        .map(|s| s.id)
        .collect();
    assert_eq!(sites, [tenant.site], "sites of this organization only");
    let areas = places.list_areas(tenant.org, None, first(10)).await;
    let areas: Vec<_> = areas
        .unwrap_or_else(fail)
        .items
        .iter()
        .map(|a| a.id)
        .collect();
    assert_eq!(areas, [tenant.area], "areas of this organization only");
    let units = places.list_units(tenant.org, None, first(10)).await;
    let units: Vec<_> = units
        .unwrap_or_else(fail)
        .items
        .iter()
        .map(|u| u.id)
        .collect();
    assert_eq!(units, [tenant.unit], "units of this organization only");

    let areas = places
        .list_areas(tenant.org, Some(other.site), first(10))
        .await;
    assert_eq!(
        areas.unwrap_or_else(fail).items,
        [],
        "nor by naming its site"
    );
    let units = places
        .list_units(tenant.org, Some(other.site), first(10))
        .await;
    assert_eq!(
        units.unwrap_or_else(fail).items,
        [],
        "nor by naming its site"
    );
}

/// Order is by id, whatever the order of storing; a site restricts.
pub async fn lists_are_in_order_of_id_and_of_the_site_asked_for(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let units: Vec<Unit> = (0..3).map(|n| tenant.new_unit(&format!("U{n}"))).collect();
    for number in [2, 0, 1] {
        add_unit(store, tenant.org, &units[number]).await;
    }
    let bakery = tenant.new_site("Bakery");
    let annex = tenant.new_site("Annex");
    add_site(store, tenant.org, &annex).await;
    add_site(store, tenant.org, &bakery).await;
    let places = store.places();
    let found = places.list_sites(tenant.org, first(10)).await;
    let found: Vec<_> = found
        .unwrap_or_else(fail)
        .items
        .iter()
        .map(|s| s.id)
        .collect();
    assert_eq!(found, [tenant.site, bakery.id, annex.id], "in order of id");
    let found = places
        .list_units(tenant.org, Some(tenant.site), first(10))
        .await;
    let found: Vec<_> = found
        .unwrap_or_else(fail)
        .items
        .iter()
        .map(|u| u.id)
        .collect();
    let wanted = [tenant.unit, units[0].id, units[1].id, units[2].id];
    assert_eq!(found, wanted, "in order of id");
    let found = places
        .list_units(tenant.org, Some(bakery.id), first(10))
        .await;
    assert_eq!(
        found.unwrap_or_else(fail).items,
        [],
        "of the site asked for"
    );
    let found = places
        .list_areas(tenant.org, Some(bakery.id), first(10))
        .await;
    assert_eq!(
        found.unwrap_or_else(fail).items,
        [],
        "of the site asked for"
    );
}

/// A row that stands between two pages is neither skipped nor shown twice.
pub async fn pages_visit_every_row_once_while_rows_are_added(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let between = tenant.new_unit("Between"); // id below the others, stored later
    let mut wanted = vec![tenant.unit];
    for number in 0..4 {
        let unit = tenant.new_unit(&format!("U{number}"));
        add_unit(store, tenant.org, &unit).await;
        wanted.push(unit.id);
    }
    let last = tenant.new_unit("Last");
    let mut seen = Vec::new();
    let mut request = first(2);
    loop {
        let page = store.places().list_units(tenant.org, None, request).await;
        let page = page.unwrap_or_else(fail);
        assert!(page.items.len() <= 2, "no more rows than asked for");
        if seen.is_empty() {
            add_unit(store, tenant.org, &between).await;
            add_unit(store, tenant.org, &last).await;
        }
        seen.extend(page.items.iter().map(|unit| unit.id));
        match page.next {
            Some(after) => {
                request = PageRequest {
                    limit: 2,
                    after: Some(after),
                }
            }
            None => break,
        }
        assert!(seen.len() < 20, "paging must come to an end");
    }
    wanted.push(last.id);
    assert_eq!(
        seen, wanted,
        "each row once, the row added at the end included"
    );
}

/// One change, one journal.
pub async fn each_place_is_journaled_once(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let places = store.places();
    let made = places.create_site(tenant.org, tenant.new_site("Bakery"), journal("site"));
    made.await.unwrap_or_else(fail);
    let made = places.create_area(tenant.org, tenant.new_area("Back"), journal("area"));
    made.await.unwrap_or_else(fail);
    let made = places.create_unit(tenant.org, tenant.new_unit("Freezer"), journal("unit"));
    made.await.unwrap_or_else(fail);
    assert_journals(store, tenant.org, 3).await;
}

/// What was not done is not recorded.
pub async fn a_refused_place_leaves_no_journal(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let places = store.places();
    let refused: [Result<(), StoreError>; 3] = [
        places
            .create_site(tenant.org, tenant.new_site("Kitchen"), journal("site"))
            .await,
        places
            .create_area(tenant.org, tenant.new_area("Cold room"), journal("area"))
            .await,
        places
            .create_unit(tenant.org, tenant.new_unit("Fridge 1"), journal("unit"))
            .await,
    ];
    for refused in refused {
        assert_taken(refused, "name");
    }
    assert_journals(store, tenant.org, 0).await;
    let units = store.places().list_units(tenant.org, None, first(10)).await;
    assert_eq!(
        units.unwrap_or_else(fail).items.len(),
        1,
        "nothing was stored"
    );
}

/// A race for a name has one winner, and only the winner is journaled.
pub async fn of_two_with_one_name_exactly_one_is_made(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let places = store.places();
    let (one, two) = tokio::join!(
        places.create_unit(tenant.org, tenant.new_unit("Freezer"), journal("one")),
        places.create_unit(tenant.org, tenant.new_unit("freezer"), journal("two")),
    );
    assert_one_wins(&[one, two]);
    assert_journals(store, tenant.org, 1).await;
}

/// Changes of one organization at the same time get numbers without gap or repetition.
pub async fn places_made_at_once_are_numbered_gaplessly(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let places = store.places();
    let add = |name: &str| places.create_unit(tenant.org, tenant.new_unit(name), journal(name));
    let made = tokio::join!(add("a"), add("b"), add("c"), add("d"), add("e"), add("f"));
    let made = [made.0, made.1, made.2, made.3, made.4, made.5];
    for made in made {
        made.unwrap_or_else(fail);
    }
    assert_journals(store, tenant.org, 6).await;
}
