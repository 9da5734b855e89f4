//! Laws of [`Outbox`](crate::ports::Outbox).

use super::sample::{Tenant, at, journal, outbox};
use super::{Stores, assert_journals, fail};
use crate::audit::Journal;
use crate::event::{EventKind, OutboxDraft, OutboxEvent};
use crate::ids::OrgId;
use serde_json::json;

/// Runs every law of [`Outbox`](crate::ports::Outbox) on what `$fresh` makes.
#[macro_export]
macro_rules! outbox_contract {
    ($fresh:path) => {
        $crate::core_contract! { outbox, $fresh;
            an_organization_without_events_has_bounds_zero_and_one
            events_are_numbered_gaplessly_in_commit_order
            events_come_back_as_they_were_written
            reading_goes_on_after_a_number_and_is_bounded
            each_organization_has_its_own_numbers
            heads_name_organizations_with_events_in_order_of_id
            changes_at_once_are_numbered_gaplessly
            pruning_takes_old_events_only
            pruning_keeps_the_newest_of_each_organization
            pruning_is_bounded_per_call
            numbers_go_on_after_everything_was_pruned
        }
    };
}

async fn since(store: &dyn Stores, org: OrgId, after: i64, limit: u16) -> Vec<OutboxEvent> {
    let events = store.outbox().since(org, after, limit).await;
    events.unwrap_or_else(fail)
}

async fn numbers(store: &dyn Stores, org: OrgId) -> Vec<i64> {
    let events = since(store, org, 0, 1_000).await;
    events.iter().map(|event| event.seq).collect()
}

async fn bounds(store: &dyn Stores, org: OrgId) -> (i64, i64) {
    store.outbox().bounds(org).await.unwrap_or_else(fail)
}

async fn change(store: &dyn Stores, tenant: &Tenant, name: &str, outbox: Vec<OutboxDraft>) {
    let journal = Journal {
        audit: Vec::new(),
        outbox,
    };
    let site = tenant.new_site(name);
    let made = store.places().create_site(tenant.org, site, journal).await;
    made.unwrap_or_else(fail);
}

/// Stores one event per instant of `seconds`.
async fn events_at(store: &dyn Stores, tenant: &Tenant, seconds: std::ops::Range<i64>) {
    let drafts = seconds
        .clone()
        .map(|n| outbox(&n.to_string(), at(n)))
        .collect();
    change(store, tenant, &format!("Site {seconds:?}"), drafts).await;
}

/// Nothing yet: the next number will be 1.
pub async fn an_organization_without_events_has_bounds_zero_and_one(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    for org in [tenant.org, tenant.id()] {
        assert_eq!(bounds(store, org).await, (0, 1));
        assert_eq!(since(store, org, 0, 10).await, []);
    }
}

/// Numbers start at 1 and follow the order of commit, then of the journal.
pub async fn events_are_numbered_gaplessly_in_commit_order(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    for round in 0..3 {
        let drafts = (0..=round).map(|n| outbox(&format!("{round}.{n}"), at(0)));
        change(store, &tenant, &format!("Site {round}"), drafts.collect()).await;
    }
    let events = since(store, tenant.org, 0, 100).await;
    let found: Vec<_> = events
        .iter()
        .map(|event| (event.seq, &event.payload))
        .collect();
    let labels = ["0.0", "1.0", "1.1", "2.0", "2.1", "2.2"];
    let labels = labels.map(|label| json!({ "label": label }));
    let wanted: Vec<_> = (1..).zip(&labels).collect();
    assert_eq!(found, wanted, "gapless from 1, in commit order");
    assert_eq!(bounds(store, tenant.org).await, (6, 1));
}

/// Every field survives, to the microsecond.
pub async fn events_come_back_as_they_were_written(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let draft = OutboxDraft {
        kind: EventKind::AlertRaised,
        occurred_at: at(5),
        site: Some(tenant.site),
        unit: Some(tenant.unit),
        alert: Some(tenant.id()),
        user: Some(tenant.owner.id),
        payload: json!({ "title": "Kühlraum ≥ 5 °C", "list": [1, null, { "a": true }] }),
    };
    change(store, &tenant, "Bakery", vec![draft.clone()]).await;
    let wanted = OutboxEvent {
        org: tenant.org,
        seq: 1,
        kind: draft.kind,
        occurred_at: draft.occurred_at,
        site: draft.site,
        unit: draft.unit,
        alert: draft.alert,
        user: draft.user,
        payload: draft.payload,
    };
    assert_eq!(since(store, tenant.org, 0, 10).await, [wanted]);
}

/// A reader goes on where it stopped and gets no more than it asked for.
pub async fn reading_goes_on_after_a_number_and_is_bounded(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    events_at(store, &tenant, 0..6).await;
    let events = since(store, tenant.org, 2, 3).await;
    let found: Vec<i64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(found, [3, 4, 5], "after the number, ascending, bounded");
    assert_eq!(
        since(store, tenant.org, 6, 3).await,
        [],
        "nothing beyond the head"
    );
    assert_eq!(
        since(store, tenant.org, 60, 3).await,
        [],
        "nor far beyond it"
    );
}

/// Events of one organization neither show in nor move another's numbers.
pub async fn each_organization_has_its_own_numbers(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    events_at(store, &tenant, 0..2).await;
    events_at(store, &other, 0..3).await;
    events_at(store, &tenant, 2..4).await;
    for (org, count) in [(tenant.org, 4), (other.org, 3)] {
        let events = since(store, org, 0, 100).await;
        assert!(
            events.iter().all(|event| event.org == org),
            "events of this organization only"
        );
        let found: Vec<i64> = events.iter().map(|event| event.seq).collect();
        assert_eq!(found, (1..=count).collect::<Vec<_>>(), "numbers of its own");
        assert_eq!(bounds(store, org).await, (count, 1));
    }
}

/// The dispatcher learns of every organization that has something, and of no other.
pub async fn heads_name_organizations_with_events_in_order_of_id(store: &dyn Stores) {
    let mut wanted = Vec::new();
    for (name, count) in [("alpha", 2), ("beta", 0), ("gamma", 3), ("delta", 1)] {
        let tenant = Tenant::create(store, name).await;
        if count > 0 {
            events_at(store, &tenant, 0..count).await;
            wanted.push((tenant.org, count));
        }
    }
    wanted.sort_unstable();
    let heads = store.outbox().heads().await.unwrap_or_else(fail);
    assert_eq!(heads, wanted, "heads in order of id");
}

/// Changes of one organization at the same time get numbers without gap or repetition.
pub async fn changes_at_once_are_numbered_gaplessly(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let places = store.places();
    let add = |tenant: &Tenant, name: &str| {
        places.create_site(tenant.org, tenant.new_site(name), journal(name))
    };
    let made = tokio::join!(
        add(&tenant, "a"),
        add(&other, "a"),
        add(&tenant, "b"),
        add(&other, "b"),
        add(&tenant, "c"),
        add(&tenant, "d"),
    );
    let made = [made.0, made.1, made.2, made.3, made.4, made.5];
    for made in made {
        made.unwrap_or_else(fail);
    }
    assert_journals(store, tenant.org, 4).await;
    assert_journals(store, other.org, 2).await;
}

async fn prune(store: &dyn Stores, before: i64, keep: u32, limit: u32) -> u64 {
    let pruned = store.outbox().prune(at(before), keep, limit).await;
    pruned.unwrap_or_else(fail)
}

/// Exactly the events before the instant go; what stays keeps its number.
pub async fn pruning_takes_old_events_only(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    events_at(store, &tenant, 0..6).await;
    assert_eq!(prune(store, 4, 0, 100).await, 4, "those before the instant");
    assert_eq!(numbers(store, tenant.org).await, [5, 6], "the rest stays");
    assert_eq!(bounds(store, tenant.org).await, (6, 5));
    assert_eq!(prune(store, 4, 0, 100).await, 0, "nothing is left to do");
}

/// However old, the newest stay, so that a client may resume.
pub async fn pruning_keeps_the_newest_of_each_organization(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    events_at(store, &tenant, 0..6).await;
    events_at(store, &other, 0..2).await;
    assert_eq!(prune(store, 1_000, 3, 100).await, 3);
    assert_eq!(
        numbers(store, tenant.org).await,
        [4, 5, 6],
        "the newest three stay"
    );
    assert_eq!(
        numbers(store, other.org).await,
        [1, 2],
        "those of the other too"
    );
}

/// One call does no more than asked; repeating it gets everything done.
pub async fn pruning_is_bounded_per_call(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    events_at(store, &tenant, 0..3).await;
    events_at(store, &other, 0..3).await;
    assert_eq!(prune(store, 1_000, 0, 4).await, 4, "no more than asked for");
    for org in [tenant.org, other.org] {
        let left = numbers(store, org).await;
        let (head, oldest) = bounds(store, org).await;
        let kept: Vec<i64> = (oldest..=head).collect();
        assert_eq!(left, kept, "what is kept is gapless up to the head");
    }
    assert_eq!(prune(store, 1_000, 0, 4).await, 2, "the rest, next time");
}

/// A number is never given twice.
pub async fn numbers_go_on_after_everything_was_pruned(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    events_at(store, &tenant, 0..3).await;
    assert_eq!(prune(store, 1_000, 0, 100).await, 3);
    assert_eq!(
        bounds(store, tenant.org).await,
        (3, 4),
        "the head is remembered"
    );
    let heads = store.outbox().heads().await.unwrap_or_else(fail);
    assert_eq!(heads, [(tenant.org, 3)], "to the dispatcher too");
    events_at(store, &tenant, 10..12).await;
    assert_eq!(numbers(store, tenant.org).await, [4, 5], "numbers go on");
}
