//! Laws of [`ApiKeys`](crate::ports::ApiKeys).

use super::sample::{Tenant, at, journal};
use super::{
    Stores, assert_journals, assert_missing, assert_one_wins, assert_refused, assert_taken, fail,
};
use crate::audit::Journal;
use crate::ids::OrgId;
use crate::principal::ApiKey;

/// Runs every law of [`ApiKeys`](crate::ports::ApiKeys) on what `$fresh` makes.
#[macro_export]
macro_rules! api_keys_contract {
    ($fresh:path) => {
        $crate::core_contract! { api_keys, $fresh;
            a_key_is_found_by_its_prefix_as_it_was_made
            a_prefix_is_unique_across_organizations
            a_key_needs_a_known_organization
            keys_are_listed_by_id_own_only_and_bounded
            revoking_happens_once
            another_organizations_key_cannot_be_revoked
            use_is_noted_and_never_moves_back
            another_organization_cannot_note_use
            of_two_with_one_prefix_exactly_one_is_made
            a_rotated_key_ends_when_its_successor_has_taken_over
        }
    };
}

async fn add(store: &dyn Stores, org: OrgId, key: &ApiKey) {
    let made = store
        .api_keys()
        .create(org, key.clone(), Journal::default());
    made.await.unwrap_or_else(fail);
}

async fn find(store: &dyn Stores, prefix: &str) -> Option<ApiKey> {
    let found = store.api_keys().find_by_prefix(prefix).await;
    found.unwrap_or_else(fail)
}

/// Every field survives, organization and hash above all.
pub async fn a_key_is_found_by_its_prefix_as_it_was_made(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut key = tenant.new_api_key("abcdefgh");
    key.secret_hash = std::array::from_fn(|n| u8::try_from(n * 8).unwrap_or(0));
    let made = store
        .api_keys()
        .create(tenant.org, key.clone(), journal("made"));
    made.await.unwrap_or_else(fail);
    assert_eq!(find(store, "abcdefgh").await, Some(key));
    assert_eq!(
        find(store, "ABCDEFGH").await,
        None,
        "case counts in a prefix"
    );
    assert_eq!(
        find(store, "abcdefg").await,
        None,
        "a part is not the prefix"
    );
    assert_journals(store, tenant.org, 1).await;
}

/// The prefix is what names the organization, so no two may share it.
pub async fn a_prefix_is_unique_across_organizations(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let key = tenant.new_api_key("abcdefgh");
    add(store, tenant.org, &key).await;
    let second = other.new_api_key("abcdefgh");
    let refused = store.api_keys().create(other.org, second, journal("made"));
    assert_taken(refused.await, "prefix");
    assert_eq!(find(store, "abcdefgh").await, Some(key), "the first stays");
    assert_journals(store, other.org, 0).await;
}

/// A key of nobody is refused.
pub async fn a_key_needs_a_known_organization(store: &dyn Stores) {
    let (tenant, _) = Tenant::new("alpha");
    let key = tenant.new_api_key("abcdefgh");
    let refused = store.api_keys().create(tenant.org, key, journal("made"));
    assert_missing(refused.await, "organization");
    assert_eq!(find(store, "abcdefgh").await, None);
}

/// In order of id, revoked ones included, never another organization's.
pub async fn keys_are_listed_by_id_own_only_and_bounded(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let keys = ["aaaaaaaa", "bbbbbbbb", "cccccccc"].map(|prefix| tenant.new_api_key(prefix));
    for number in [2, 0, 1] {
        add(store, tenant.org, &keys[number]).await;
    }
    add(store, other.org, &other.new_api_key("dddddddd")).await;
    let revoked = store
        .api_keys()
        .revoke(tenant.org, keys[0].id, at(9), journal("revoked"));
    revoked.await.unwrap_or_else(fail);
    let found = store.api_keys().list(tenant.org, 10).await;
    let found: Vec<_> = found
        .unwrap_or_else(fail)
        .iter()
        .map(|key| key.id)
        .collect();
    assert_eq!(
        found,
        keys.map(|key| key.id),
        "own keys in order of id, revoked ones too"
    );
    let bounded = store.api_keys().list(tenant.org, 2).await;
    assert_eq!(
        bounded.unwrap_or_else(fail).len(),
        2,
        "no more than asked for"
    );
}

/// The first revocation counts; a second changes nothing and is not recorded.
pub async fn revoking_happens_once(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let key = tenant.new_api_key("abcdefgh");
    add(store, tenant.org, &key).await;
    let keys = store.api_keys();
    let revoked = keys
        .revoke(tenant.org, key.id, at(100), journal("first"))
        .await;
    assert_eq!(revoked.unwrap_or_else(fail).revoked_at, Some(at(100)));
    let again = keys
        .revoke(tenant.org, key.id, at(200), journal("second"))
        .await;
    let again = again.unwrap_or_else(fail);
    assert_eq!(
        again.revoked_at,
        Some(at(100)),
        "the first revocation stands"
    );
    assert_eq!(
        find(store, "abcdefgh").await,
        Some(again),
        "and is what is stored"
    );
    assert_journals(store, tenant.org, 1).await;
}

/// To one organization another's key is as missing as one that never was.
pub async fn another_organizations_key_cannot_be_revoked(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let key = other.new_api_key("abcdefgh");
    add(store, other.org, &key).await;
    let keys = store.api_keys();
    for id in [key.id, tenant.id()] {
        let refused = keys
            .revoke(tenant.org, id, at(100), journal("revoked"))
            .await;
        assert_missing(refused, "api_key");
    }
    assert_eq!(
        find(store, "abcdefgh").await,
        Some(key),
        "the key is as it was"
    );
    assert_journals(store, tenant.org, 0).await;
    assert_journals(store, other.org, 0).await;
}

/// The latest use wins, whichever is noted last.
pub async fn use_is_noted_and_never_moves_back(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let key = tenant.new_api_key("abcdefgh");
    add(store, tenant.org, &key).await;
    for seconds in [100, 300, 200] {
        let noted = store
            .api_keys()
            .touch(tenant.org, key.id, at(seconds))
            .await;
        noted.unwrap_or_else(fail);
    }
    let found = find(store, "abcdefgh")
        .await
        .and_then(|key| key.last_used_at);
    assert_eq!(found, Some(at(300)), "last use never moves back");
}

/// Whatever it is answered, another organization's call leaves a key alone.
pub async fn another_organization_cannot_note_use(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let key = tenant.new_api_key("abcdefgh");
    add(store, tenant.org, &key).await;
    let _refused_or_ignored = store.api_keys().touch(other.org, key.id, at(100)).await;
    assert_eq!(
        find(store, "abcdefgh").await,
        Some(key),
        "the key is as it was"
    );
}

/// A race for a prefix has one winner, and only the winner is journaled.
pub async fn of_two_with_one_prefix_exactly_one_is_made(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let keys = store.api_keys();
    let (one, two) = tokio::join!(
        keys.create(tenant.org, tenant.new_api_key("abcdefgh"), journal("one")),
        keys.create(tenant.org, tenant.new_api_key("abcdefgh"), journal("two")),
    );
    assert_one_wins(&[one, two]);
    assert_journals(store, tenant.org, 1).await;
}

/// Both are good for a while, the old one never longer than it was; an ended key has no successor, and
/// another organization's is unknown.
pub async fn a_rotated_key_ends_when_its_successor_has_taken_over(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let keys = store.api_keys();
    let (old, mut new) = (
        tenant.new_api_key("oldoldol"),
        tenant.new_api_key("newnewne"),
    );
    add(store, tenant.org, &old).await;
    let refused = keys.supersede(other.org, old.id, new.clone(), at(100), journal("theirs"));
    assert_missing(refused.await, "api_key");
    let rotated = keys
        .supersede(tenant.org, old.id, new.clone(), at(100), journal("rotated"))
        .await
        .unwrap_or_else(fail);
    assert_eq!(rotated.expires_at, Some(at(100)), "the old one ends");
    assert_eq!(find(store, "oldoldol").await, Some(rotated));
    new.rotated_from = Some(old.id);
    assert_eq!(find(store, "newnewne").await, Some(new.clone()));
    let mut third = tenant.new_api_key("thirdthi");
    let later = keys
        .supersede(
            tenant.org,
            old.id,
            third.clone(),
            at(200),
            Journal::default(),
        )
        .await
        .unwrap_or_else(fail);
    assert_eq!(
        later.expires_at,
        Some(at(100)),
        "but never later than it did"
    );
    (third.prefix, third.created_at) = ("fourthfo".to_owned(), at(100));
    third.id = tenant.id();
    let refused = keys.supersede(tenant.org, old.id, third.clone(), at(300), journal("late"));
    assert_refused(refused.await, "key_ended");
    let revoked = keys.revoke(tenant.org, new.id, at(50), Journal::default());
    revoked.await.unwrap_or_else(fail);
    let refused = keys.supersede(tenant.org, new.id, third, at(300), journal("late"));
    assert_refused(refused.await, "key_ended");
    assert_journals(store, tenant.org, 1).await;
}
