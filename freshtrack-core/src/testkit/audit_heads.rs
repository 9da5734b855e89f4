//! Laws of [`AuditHeads`](crate::ports::AuditHeads).

use super::sample::{Tenant, at, journal};
use super::{HeadStores, Stores, assert_conflict, assert_missing, fail};
use crate::evidence::head::TreeHead;
use crate::evidence::merkle::leaf_hash;
use crate::evidence::{Frontier, Sha256Hash};
use crate::ports::{HeadKey, SignedHead};

/// Runs every law of [`AuditHeads`](crate::ports::AuditHeads) on what `$fresh` makes.
#[macro_export]
macro_rules! audit_heads_contract {
    ($fresh:path) => {
        $crate::core_contract! { audit_heads, $fresh;
            heads_come_back_as_they_were_signed_in_order_of_size
            a_head_must_follow_the_newest_one
            each_organization_has_its_own_heads
            a_key_is_kept_once_with_its_first_use
            organizations_with_new_events_and_an_old_head_are_due
        }
    };
}

fn key(name: &str, seconds: i64) -> HeadKey {
    HeadKey {
        key_id: name.to_owned(),
        public_key: "ab".repeat(32),
        first_used_at: at(seconds),
    }
}

/// A head of `size` leaves after `previous`, made at `seconds`.
fn head(log: &str, size: u64, previous: Option<&SignedHead>, seconds: i64) -> SignedHead {
    let mut frontier = previous.map_or_else(Frontier::new, |head| head.frontier.clone());
    while frontier.size() < size {
        let leaf = leaf_hash(format!("{log} {}", frontier.size()).as_bytes());
        frontier.append(leaf);
    }
    let previous = previous.map(|head| &head.head);
    SignedHead {
        head: TreeHead::new(
            log.to_owned(),
            &frontier,
            at(seconds),
            previous,
            "one".to_owned(),
        ),
        signature: "cd".repeat(64),
        frontier,
        chain_hash: Sha256Hash::of(&[log.as_bytes()]),
    }
}

async fn must_record(store: &dyn HeadStores, tenant: &Tenant, head: &SignedHead) {
    let done = store
        .audit_heads()
        .record_head(tenant.org, head.clone(), key("one", 1));
    done.await.unwrap_or_else(fail);
}

async fn heads(store: &dyn HeadStores, tenant: &Tenant, after: u64, limit: u16) -> Vec<SignedHead> {
    let found = store.audit_heads().heads(tenant.org, after, limit).await;
    found.unwrap_or_else(fail)
}

/// Every part survives; a page begins where asked and is bounded.
pub async fn heads_come_back_as_they_were_signed_in_order_of_size(store: &dyn HeadStores) {
    let tenant = Tenant::create(store.stores(), "alpha").await;
    let newest = store.audit_heads().newest_head(tenant.org).await;
    assert_eq!(newest.unwrap_or_else(fail), None);
    let first = head("log", 3, None, 10);
    let second = head("log", 7, Some(&first), 20);
    let third = head("log", 8, Some(&second), 30);
    for head in [&first, &second, &third] {
        must_record(store, &tenant, head).await;
    }
    let all = heads(store, &tenant, 0, 10).await;
    assert_eq!(all, [first, second.clone(), third.clone()], "as signed");
    assert_eq!(
        heads(store, &tenant, 3, 1).await,
        [second],
        "after the size asked for, no more than asked for"
    );
    let newest = store.audit_heads().newest_head(tenant.org).await;
    assert_eq!(newest.unwrap_or_else(fail), Some(third), "the newest head");
}

/// Neither a head of the same size nor one that names another past is kept.
pub async fn a_head_must_follow_the_newest_one(store: &dyn HeadStores) {
    let tenant = Tenant::create(store.stores(), "alpha").await;
    let first = head("log", 3, None, 10);
    must_record(store, &tenant, &first).await;
    let mut forged = head("log", 9, Some(&first), 20);
    forged.head.previous_root = Sha256Hash::ZERO;
    let smaller = head("log", 2, None, 20);
    let unrelated = head("log", 5, None, 20);
    for refused in [first.clone(), forged, smaller, unrelated] {
        let done = store
            .audit_heads()
            .record_head(tenant.org, refused, key("one", 1));
        assert_conflict(done.await);
    }
    assert_eq!(heads(store, &tenant, 0, 10).await, [first]);
    let done = store
        .audit_heads()
        .record_head(tenant.id(), head("log", 1, None, 1), key("one", 1));
    assert_missing(done.await, "organization");
}

/// A head of one organization is not among those of another.
pub async fn each_organization_has_its_own_heads(store: &dyn HeadStores) {
    let tenant = Tenant::create(store.stores(), "alpha").await;
    let other = Tenant::create(store.stores(), "beta").await;
    let (own, foreign) = (head("own", 1, None, 10), head("foreign", 5, None, 10));
    must_record(store, &tenant, &own).await;
    must_record(store, &other, &foreign).await;
    assert_eq!(
        heads(store, &tenant, 0, 10).await,
        std::slice::from_ref(&own),
        "its own"
    );
    let newest = store.audit_heads().newest_head(tenant.org).await;
    assert_eq!(newest.unwrap_or_else(fail), Some(own), "its own");
}

/// A later use changes nothing about a key.
pub async fn a_key_is_kept_once_with_its_first_use(store: &dyn HeadStores) {
    let tenant = Tenant::create(store.stores(), "alpha").await;
    let first = head("log", 1, None, 10);
    let second = head("log", 2, Some(&first), 20);
    let third = head("log", 3, Some(&second), 30);
    for (head, key) in [
        (first, key("one", 10)),
        (second, key("one", 20)),
        (third, key("two", 30)),
    ] {
        let done = store.audit_heads().record_head(tenant.org, head, key);
        done.await.unwrap_or_else(fail);
    }
    let keys = store.audit_heads().head_keys().await.unwrap_or_else(fail);
    assert_eq!(keys, [key("one", 10), key("two", 30)], "each key once");
}

/// Due is who has events that no head covers, unless the newest head is young.
pub async fn organizations_with_new_events_and_an_old_head_are_due(store: &dyn HeadStores) {
    let tenant = Tenant::create(store.stores(), "alpha").await;
    let quiet = Tenant::create(store.stores(), "beta").await;
    let stores: &dyn Stores = store.stores();
    for name in ["a", "b"] {
        let site = tenant.new_site(name);
        let made = stores.places().create_site(tenant.org, site, journal(name));
        made.await.unwrap_or_else(fail);
    }
    let due = async |before: i64| {
        let due = store.audit_heads().heads_due(at(before), 10).await;
        due.unwrap_or_else(fail)
    };
    assert_eq!(due(0).await, [tenant.org], "events without any head");
    let first = head("log", 1, None, 10);
    must_record(store, &tenant, &first).await;
    assert_eq!(due(9).await, [], "the head is young");
    assert_eq!(due(11).await, [tenant.org], "an event behind an old head");
    must_record(store, &tenant, &head("log", 2, Some(&first), 20)).await;
    assert_eq!(due(100).await, [], "nothing new, nothing due");
    assert_ne!(quiet.org, tenant.org);
}
