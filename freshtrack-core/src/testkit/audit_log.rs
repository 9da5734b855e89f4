//! Laws of [`AuditLog`](crate::ports::AuditLog).

use super::sample::{Tenant, at, audit, journal};
use super::{Stores, fail};
use crate::audit::{
    AuditCategory, AuditDraft, AuditEvent, AuditRefs, AuditSeverity, CHAIN_START, Journal,
    first_unsound,
};
use crate::ids::OrgId;
use crate::page::PageRequest;
use crate::ports::{AuditQuery, AuditRange};
use crate::principal::Actor;
use serde_json::json;

/// Runs every law of [`AuditLog`](crate::ports::AuditLog) on what `$fresh` makes.
#[macro_export]
macro_rules! audit_log_contract {
    ($fresh:path) => {
        $crate::core_contract! { audit_log, $fresh;
            an_empty_chain_has_no_events_and_a_head_of_zeros
            every_change_extends_the_chain_and_it_verifies
            events_come_back_as_they_were_written
            a_range_begins_where_asked_and_is_bounded
            each_organization_has_its_own_chain
            changes_at_once_make_one_sound_chain
            events_are_searched_newest_first_by_what_they_are
            every_organization_is_named_for_a_check
        }
    };
}

async fn chain(store: &dyn Stores, org: OrgId, from: i64, limit: u16) -> Vec<AuditEvent> {
    let events = store
        .audit_log()
        .list(org, AuditRange { from, limit })
        .await;
    events.unwrap_or_else(fail)
}

async fn change(store: &dyn Stores, tenant: &Tenant, name: &str, audit: Vec<AuditDraft>) {
    let journal = Journal {
        audit,
        outbox: Vec::new(),
    };
    let site = tenant.new_site(name);
    let made = store.places().create_site(tenant.org, site, journal).await;
    made.unwrap_or_else(fail);
}

/// An organization without events, and one that does not exist, have an empty chain.
pub async fn an_empty_chain_has_no_events_and_a_head_of_zeros(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    for org in [tenant.org, tenant.id()] {
        assert_eq!(chain(store, org, 1, 10).await, []);
        let head = store.audit_log().head(org).await.unwrap_or_else(fail);
        assert_eq!(head, (0, CHAIN_START.to_owned()));
    }
}

/// Numbers are gapless from 1, hashes follow on, the head is the newest event.
pub async fn every_change_extends_the_chain_and_it_verifies(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    for round in 0..5 {
        let drafts = (0..=round)
            .map(|n| audit(&format!("{round}.{n}")))
            .collect();
        change(store, &tenant, &format!("Site {round}"), drafts).await;
    }
    let events = chain(store, tenant.org, 1, 100).await;
    let titles: Vec<_> = events
        .iter()
        .map(|event| event.draft.title.as_str())
        .collect();
    let wanted = [
        "0.0", "1.0", "1.1", "2.0", "2.1", "2.2", "3.0", "3.1", "3.2", "3.3", "4.0", "4.1", "4.2",
        "4.3", "4.4",
    ];
    assert_eq!(
        titles, wanted,
        "in the order of commit, then of the journal"
    );
    let unsound = first_unsound((0, CHAIN_START), &events);
    assert_eq!(unsound, None, "the chain must verify");
    let head = store
        .audit_log()
        .head(tenant.org)
        .await
        .unwrap_or_else(fail);
    let newest = events.last().map(|event| (event.seq, event.hash.clone()));
    assert_eq!(Some(head), newest, "the head is the newest event");
}

/// Every field survives, so that a stored event still hashes to what it did.
pub async fn events_come_back_as_they_were_written(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut drafts = vec![AuditDraft {
        at: at(77),
        actor: Actor::User(tenant.owner.id),
        category: AuditCategory::Device,
        kind: "device.assigned".to_owned(),
        severity: AuditSeverity::Warning,
        title: "Zugewiesen: „Kühlraum“ ≤ 5 °C".to_owned(),
        refs: AuditRefs {
            site: Some(tenant.site),
            area: Some(tenant.area),
            unit: Some(tenant.unit),
            device: Some(tenant.id()),
            alert: Some(tenant.id()),
        },
        data: json!({ "b": [1, -2, true, "x"], "a": { "z": 9_007_199_254_740_991_i64 }, "e": {} }),
    }];
    for actor in [
        Actor::System,
        Actor::ApiKey(tenant.id()),
        Actor::SuperAdmin(tenant.owner.id),
    ] {
        let mut draft = audit("actor");
        draft.actor = actor;
        drafts.push(draft);
    }
    change(store, &tenant, "Bakery", drafts.clone()).await;
    let events = chain(store, tenant.org, 1, 10).await;
    assert_eq!(
        first_unsound((0, CHAIN_START), &events),
        None,
        "the chain must verify"
    );
    assert!(events.iter().all(|event| event.org == tenant.org));
    let found: Vec<AuditDraft> = events.into_iter().map(|event| event.draft).collect();
    assert_eq!(found, drafts, "every field survives");
}

/// A stretch can be read and verified from the middle.
pub async fn a_range_begins_where_asked_and_is_bounded(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let drafts = (0..6).map(|n| audit(&n.to_string())).collect();
    change(store, &tenant, "Bakery", drafts).await;
    let events = chain(store, tenant.org, 3, 2).await;
    let numbers: Vec<i64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(
        numbers,
        [3, 4],
        "from the number asked for, no more than asked for"
    );
    let before = chain(store, tenant.org, 2, 1).await;
    assert_eq!(first_unsound((2, &before[0].hash), &events), None);
    assert_eq!(
        chain(store, tenant.org, 7, 10).await,
        [],
        "nothing beyond the end"
    );
}

/// Events of one organization neither show in nor move another's chain.
pub async fn each_organization_has_its_own_chain(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    for round in ["one", "two"] {
        change(store, &tenant, round, vec![audit("alpha")]).await;
        change(store, &other, round, vec![audit("beta")]).await;
    }
    for (org, title) in [(tenant.org, "alpha"), (other.org, "beta")] {
        let events = chain(store, org, 1, 10).await;
        assert_eq!(events.len(), 2, "two events of its own");
        let own = |event: &AuditEvent| event.org == org && event.draft.title == title;
        assert!(
            events.iter().all(own),
            "events of this organization only, got {events:?}"
        );
        assert_eq!(
            first_unsound((0, CHAIN_START), &events),
            None,
            "the chain must verify"
        );
    }
}

/// Appends are serialised per organization.
pub async fn changes_at_once_make_one_sound_chain(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let places = store.places();
    let add = |name: &str| places.create_site(tenant.org, tenant.new_site(name), journal(name));
    let made = tokio::join!(add("a"), add("b"), add("c"), add("d"), add("e"), add("f"));
    let made = [made.0, made.1, made.2, made.3, made.4, made.5];
    for made in made {
        made.unwrap_or_else(fail);
    }
    let events = chain(store, tenant.org, 1, 10).await;
    assert_eq!(events.len(), 6, "each change has its event");
    assert_eq!(
        first_unsound((0, CHAIN_START), &events),
        None,
        "the chain must verify"
    );
}

async fn found(store: &dyn Stores, org: OrgId, query: AuditQuery, after: Option<i64>) -> Vec<i64> {
    let page = PageRequest { limit: 2, after };
    let page = store.audit_log().search(org, &query, page).await;
    let page = page.unwrap_or_else(fail);
    let last = page.items.last().map(|event| event.seq);
    assert!(
        page.next.is_none() || page.next == last,
        "the last row is the key"
    );
    page.items.iter().map(|event| event.seq).collect()
}

/// Each part of a query narrows it; pages go on where the last one ended.
pub async fn events_are_searched_newest_first_by_what_they_are(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let mut by_owner = audit("by owner");
    by_owner.actor = Actor::User(tenant.owner.id);
    by_owner.at = at(100);
    let mut loud = audit("loud");
    loud.category = AuditCategory::Access;
    loud.severity = AuditSeverity::Critical;
    "key.stolen".clone_into(&mut loud.kind);
    loud.at = at(200);
    let mut refers = audit("refers");
    refers.refs.unit = Some(tenant.unit);
    refers.refs.device = Some(tenant.id());
    refers.refs.alert = Some(tenant.id());
    refers.at = at(300);
    let refs = refers.refs;
    change(store, &tenant, "Bakery", vec![by_owner, loud, refers]).await;
    change(store, &other, "Bakery", vec![audit("foreign")]).await;
    let all = AuditQuery::default();
    assert_eq!(
        found(store, tenant.org, all.clone(), None).await,
        [3, 2],
        "newest first"
    );
    assert_eq!(
        found(store, tenant.org, all.clone(), Some(2)).await,
        [1],
        "goes on"
    );
    let narrow = |narrow: fn(&mut AuditQuery)| {
        let mut query = AuditQuery::default();
        narrow(&mut query);
        query
    };
    let by_owner = AuditQuery {
        actor: Some(Actor::User(tenant.owner.id)),
        ..AuditQuery::default()
    };
    let of_unit = AuditQuery {
        unit: refs.unit,
        ..AuditQuery::default()
    };
    let of_device = AuditQuery {
        device: refs.device,
        ..AuditQuery::default()
    };
    let of_alert = AuditQuery {
        alert: refs.alert,
        ..AuditQuery::default()
    };
    let mut of_nobody = of_unit.clone();
    of_nobody.actor = by_owner.actor;
    for (query, wanted) in [
        (by_owner, vec![1]),
        (
            narrow(|q| q.category = Some(AuditCategory::Access)),
            vec![2],
        ),
        (
            narrow(|q| q.severity = Some(AuditSeverity::Critical)),
            vec![2],
        ),
        (narrow(|q| q.kind = Some("key.stolen".to_owned())), vec![2]),
        (narrow(|q| q.kind = Some("key".to_owned())), vec![]),
        (of_unit, vec![3]),
        (of_device, vec![3]),
        (of_alert, vec![3]),
        (of_nobody, vec![]),
        (narrow(|q| q.from = Some(at(200))), vec![3, 2]),
        (narrow(|q| q.to = Some(at(200))), vec![1]),
    ] {
        let seqs = found(store, tenant.org, query.clone(), None).await;
        assert_eq!(seqs, wanted, "what matches {query:?}");
    }
}

/// With and without events.
pub async fn every_organization_is_named_for_a_check(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    change(store, &tenant, "Bakery", vec![audit("one")]).await;
    let named = store.audit_log().chains().await.unwrap_or_else(fail);
    for org in [tenant.org, other.org] {
        assert!(named.contains(&org), "every organization is checked");
    }
    assert_eq!(named.len(), 2, "each once");
}
