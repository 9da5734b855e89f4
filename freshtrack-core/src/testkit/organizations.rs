//! Laws of [`Organizations`](crate::ports::Organizations).

use super::sample::{START, Tenant, at, journal};
use super::{
    Stores, assert_conflict, assert_journals, assert_missing, assert_one_wins, assert_refused,
    assert_taken, fail,
};
use crate::audit::Journal;
use crate::ids::{OrgId, UserId};
use crate::page::PageRequest;
use crate::ports::MemberChange;
use crate::principal::{Membership, Role};

/// Runs every law of [`Organizations`](crate::ports::Organizations) on what `$fresh` makes.
#[macro_export]
macro_rules! organizations_contract {
    ($fresh:path) => {
        $crate::core_contract! { organizations, $fresh;
            a_new_organization_is_there_with_its_first_rows
            a_taken_slug_is_refused_and_leaves_nothing
            a_first_row_that_does_not_fit_leaves_nothing
            an_owner_who_is_known_keeps_id_and_record
            a_person_is_made_once_per_issuer_and_subject
            memberships_are_listed_oldest_first
            a_role_is_given_then_changed
            setting_the_role_a_member_has_writes_no_journal
            a_role_needs_a_known_organization_and_a_known_person
            members_are_the_organizations_own_oldest_first_and_bounded
            of_two_who_want_one_slug_exactly_one_gets_it
            one_person_arriving_twice_at_once_is_one_person
            organizations_of_a_person_come_with_the_membership
            an_organization_changes_from_the_expected_version_only
            members_change_all_or_none_and_from_the_expected_role_only
            an_organization_keeps_an_owner
            of_two_owners_who_demote_each_other_one_stays_owner
        }
    };
}

/// Organization, owner's membership, places, keys and journal are all there, to the microsecond.
pub async fn a_new_organization_is_there_with_its_first_rows(store: &dyn Stores) {
    let (tenant, mut new) = Tenant::new("alpha");
    new.api_keys.push(tenant.new_api_key("alphakey"));
    let wanted = new.clone();
    let created = store.organizations().create(new, journal("made")).await;
    created.unwrap_or_else(fail);

    let found = store.organizations().find(tenant.org).await;
    assert_eq!(found.unwrap_or_else(fail), Some(wanted.organization));
    let memberships = store.organizations().memberships(tenant.owner.id).await;
    let owner = Membership {
        org: tenant.org,
        user: tenant.owner.id,
        role: Role::Owner,
        created_at: START,
    };
    assert_eq!(memberships.unwrap_or_else(fail), [owner]);
    let site = store.places().find_site(tenant.org, tenant.site).await;
    assert_eq!(site.unwrap_or_else(fail).as_ref(), wanted.sites.first());
    let page = PageRequest {
        limit: 10,
        after: None,
    };
    let areas = store.places().list_areas(tenant.org, None, page).await;
    assert_eq!(areas.unwrap_or_else(fail).items, wanted.areas);
    let unit = store.places().find_unit(tenant.org, tenant.unit).await;
    assert_eq!(unit.unwrap_or_else(fail).as_ref(), wanted.units.first());
    let key = store.api_keys().find_by_prefix("alphakey").await;
    assert_eq!(key.unwrap_or_else(fail).as_ref(), wanted.api_keys.first());
    assert_journals(store, tenant.org, 1).await;
}

/// The second organization with a slug is refused whole.
pub async fn a_taken_slug_is_refused_and_leaves_nothing(store: &dyn Stores) {
    Tenant::create(store, "alpha").await;
    let (tenant, mut new) = Tenant::new("beta");
    "alpha".clone_into(&mut new.organization.slug);
    let refused = store.organizations().create(new, journal("made")).await;
    assert_taken(refused, "slug");
    assert_no_trace(store, &tenant).await;
}

/// A first row that is refused takes the organization with it.
pub async fn a_first_row_that_does_not_fit_leaves_nothing(store: &dyn Stores) {
    let (tenant, mut new) = Tenant::new("alpha");
    new.sites.push(tenant.new_site("KITCHEN"));
    let refused = store.organizations().create(new, journal("made")).await;
    assert_taken(refused, "name");
    assert_no_trace(store, &tenant).await;

    let other = Tenant::create(store, "beta").await;
    let key = other.new_api_key("betakey1");
    let created = store.api_keys().create(other.org, key, Journal::default());
    created.await.unwrap_or_else(fail);
    let (tenant, mut new) = Tenant::new("alpha");
    new.api_keys.push(tenant.new_api_key("betakey1"));
    let refused = store.organizations().create(new, journal("made")).await;
    assert_taken(refused, "prefix");
    assert_no_trace(store, &tenant).await;
}

async fn assert_no_trace(store: &dyn Stores, tenant: &Tenant) {
    let found = store.organizations().find(tenant.org).await;
    let found = found.unwrap_or_else(fail);
    assert_eq!(found, None, "a refused organization must not be found");
    let memberships = store.organizations().memberships(tenant.owner.id).await;
    let memberships = memberships.unwrap_or_else(fail);
    assert_eq!(memberships, [], "nobody belongs to a refused organization");
    let unit = store.places().find_unit(tenant.org, tenant.unit).await;
    let unit = unit.unwrap_or_else(fail);
    assert_eq!(unit, None, "a refused organization has no units");
    assert_journals(store, tenant.org, 0).await;
}

/// Somebody who owns one organization owns the next under the same id.
pub async fn an_owner_who_is_known_keeps_id_and_record(store: &dyn Stores) {
    let first = Tenant::create(store, "alpha").await;
    let (second, mut new) = Tenant::new("beta");
    new.owner = second.new_person("alpha");
    new.owner.created_at = at(60);
    let created = store.organizations().create(new, Journal::default()).await;
    created.unwrap_or_else(fail);

    let members = store.organizations().members(second.org, 10).await;
    let members = members.unwrap_or_else(fail);
    assert_eq!(members.len(), 1, "the owner is the only member");
    assert_eq!(members[0].user, first.owner, "the known record stays");
    let memberships = store.organizations().memberships(first.owner.id).await;
    assert_eq!(memberships.unwrap_or_else(fail).len(), 2);
}

/// Issuer and subject name a person; a changed e-mail address is taken over, nothing else is.
pub async fn a_person_is_made_once_per_issuer_and_subject(store: &dyn Stores) {
    let (tenant, _) = Tenant::new("alpha");
    let person = tenant.new_person("ann");
    let people = store.organizations();
    let made = people.ensure_user(person.clone()).await;
    assert_eq!(made.unwrap_or_else(fail), person);

    let mut again = tenant.new_person("ann");
    again.email = Some("ann@new.example.test".to_owned());
    again.created_at = at(60);
    let known = people.ensure_user(again).await.unwrap_or_else(fail);
    assert_eq!(known.id, person.id, "the same subject is the same person");
    assert_eq!(known.created_at, person.created_at);
    assert_eq!(known.email.as_deref(), Some("ann@new.example.test"));

    let mut elsewhere = tenant.new_person("ann");
    "https://other.example.test/".clone_into(&mut elsewhere.issuer);
    let other = people.ensure_user(elsewhere.clone()).await;
    assert_eq!(
        other.unwrap_or_else(fail),
        elsewhere,
        "the same subject of another issuer is another person"
    );
}

/// Memberships come by time, then by organization.
pub async fn memberships_are_listed_oldest_first(store: &dyn Stores) {
    let person = Tenant::create(store, "home").await.new_person("ann");
    let user = store.organizations().ensure_user(person).await;
    let user = user.unwrap_or_else(fail).id;
    let mut wanted = Vec::new();
    for (name, seconds) in [("alpha", 30), ("beta", 10), ("gamma", 20), ("delta", 10)] {
        let tenant = Tenant::create(store, name).await;
        set_role(store, tenant.org, user, Role::Staff, seconds).await;
        wanted.push((at(seconds), tenant.org));
    }
    wanted.sort_unstable();
    let found = store.organizations().memberships(user).await;
    let found = found.unwrap_or_else(fail);
    let found: Vec<_> = found.iter().map(|m| (m.created_at, m.org)).collect();
    assert_eq!(found, wanted, "memberships are oldest first, then by id");
}

async fn set_role(store: &dyn Stores, org: OrgId, user: UserId, role: Role, seconds: i64) {
    let people = store.organizations();
    let set = people.set_role(org, user, role, at(seconds), journal("role"));
    set.await.unwrap_or_else(fail);
}

/// The first role makes a membership, the next one changes it; each is journaled once.
pub async fn a_role_is_given_then_changed(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let person = store.organizations().ensure_user(tenant.new_person("ann"));
    let user = person.await.unwrap_or_else(fail).id;
    set_role(store, tenant.org, user, Role::Viewer, 10).await;
    set_role(store, tenant.org, user, Role::Manager, 20).await;
    let found = store.organizations().memberships(user).await;
    let found = found.unwrap_or_else(fail);
    assert_eq!(found.len(), 1, "one membership per person and organization");
    assert_eq!(found[0].role, Role::Manager);
    assert_journals(store, tenant.org, 2).await;
    assert_journals(store, other.org, 0).await;
}

/// Nothing changed, nothing journaled.
pub async fn setting_the_role_a_member_has_writes_no_journal(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    set_role(store, tenant.org, tenant.owner.id, Role::Owner, 10).await;
    assert_journals(store, tenant.org, 0).await;
    let found = store.organizations().memberships(tenant.owner.id).await;
    let found = found.unwrap_or_else(fail);
    assert_eq!(found[0].created_at, START, "the membership is as it was");
}

/// Unknown on either side is refused, and nothing is journaled.
pub async fn a_role_needs_a_known_organization_and_a_known_person(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let people = store.organizations();
    let nobody = tenant.id();
    let refused = people.set_role(tenant.org, nobody, Role::Staff, START, journal("role"));
    assert_missing(refused.await, "user");
    let nowhere = tenant.id();
    let refused = people.set_role(
        nowhere,
        tenant.owner.id,
        Role::Staff,
        START,
        journal("role"),
    );
    assert_missing(refused.await, "organization");
    assert_journals(store, tenant.org, 0).await;
}

/// Members come by time and never from another organization.
pub async fn members_are_the_organizations_own_oldest_first_and_bounded(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let mut wanted = vec![tenant.owner.id];
    for (name, seconds) in [("late", 30), ("early", 10), ("middle", 20)] {
        let person = store.organizations().ensure_user(other.new_person(name));
        let user = person.await.unwrap_or_else(fail).id;
        set_role(store, tenant.org, user, Role::Staff, seconds).await;
        wanted.push(user);
    }
    wanted.swap(1, 2);
    wanted.swap(2, 3);
    let found = store.organizations().members(tenant.org, 10).await;
    let found = found.unwrap_or_else(fail);
    assert!(
        found
            .iter()
            .all(|m| m.user.id == m.membership.user && m.membership.org == tenant.org),
        "person and membership belong together, got {found:?}"
    );
    let found: Vec<UserId> = found.iter().map(|member| member.user.id).collect();
    assert_eq!(
        found, wanted,
        "members are the organization's own, oldest first"
    );
    let bounded = store.organizations().members(tenant.org, 2).await;
    assert_eq!(
        bounded.unwrap_or_else(fail).len(),
        2,
        "no more than asked for"
    );
    let apart = store.organizations().members(other.org, 10).await;
    assert_eq!(
        apart.unwrap_or_else(fail).len(),
        1,
        "the other has its owner only"
    );
}

/// A race for a slug has one winner, and the loser leaves nothing.
pub async fn of_two_who_want_one_slug_exactly_one_gets_it(store: &dyn Stores) {
    let (first, one) = Tenant::new("alpha");
    let (second, mut two) = Tenant::new("beta");
    "alpha".clone_into(&mut two.organization.slug);
    let people = store.organizations();
    let (one, two) = tokio::join!(
        people.create(one, journal("made")),
        people.create(two, journal("made")),
    );
    assert_one_wins(&[one, two]);
    let mut found = 0;
    for org in [first.org, second.org] {
        let organization = people.find(org).await.unwrap_or_else(fail);
        found += usize::from(organization.is_some());
    }
    assert_eq!(found, 1, "the loser of the race must leave nothing");
}

/// A race of two first requests of one person makes one record.
pub async fn one_person_arriving_twice_at_once_is_one_person(store: &dyn Stores) {
    let (tenant, _) = Tenant::new("alpha");
    let people = store.organizations();
    let (one, two) = tokio::join!(
        people.ensure_user(tenant.new_person("ann")),
        people.ensure_user(tenant.new_person("ann")),
    );
    let (one, two) = (one.unwrap_or_else(fail), two.unwrap_or_else(fail));
    assert_eq!(one.id, two.id, "both must be answered the same person");
}

/// Each organization of a person, and the role there, in the order of memberships.
pub async fn organizations_of_a_person_come_with_the_membership(store: &dyn Stores) {
    let first = Tenant::create(store, "alpha").await;
    let second = Tenant::create(store, "beta").await;
    Tenant::create(store, "gamma").await;
    set_role(store, second.org, first.owner.id, Role::Staff, -10).await;
    let found = store.organizations().organizations_of(first.owner.id).await;
    let found: Vec<_> = found
        .unwrap_or_else(fail)
        .into_iter()
        .map(|(organization, membership)| {
            assert_eq!(
                organization.id, membership.org,
                "row and membership belong together"
            );
            (organization.slug, membership.role)
        })
        .collect();
    let wanted = [
        ("beta".to_owned(), Role::Staff),
        ("alpha".to_owned(), Role::Owner),
    ];
    assert_eq!(
        found, wanted,
        "the person's own organizations, oldest membership first"
    );
}

/// Name, zone and scale change together, from the version the caller saw; the slug stays.
pub async fn an_organization_changes_from_the_expected_version_only(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let people = store.organizations();
    let found = people.find(tenant.org).await.unwrap_or_else(fail);
    let mut wanted = found.unwrap_or_else(|| panic!("the organization must be found"));
    "Renamed".clone_into(&mut wanted.name);
    "Asia/Tokyo".clone_into(&mut wanted.timezone);
    wanted.display_unit = crate::temperature::TemperatureUnit::C;
    wanted.version += 1;
    let changed = people.update(wanted.clone(), journal("renamed")).await;
    changed.unwrap_or_else(fail);
    let found = people.find(tenant.org).await.unwrap_or_else(fail);
    assert_eq!(found, Some(wanted.clone()), "what was stored reads back");
    let mut late = wanted.clone();
    "Too late".clone_into(&mut late.name);
    assert_conflict(people.update(late, journal("late")).await);
    let found = people.find(tenant.org).await.unwrap_or_else(fail);
    assert_eq!(found, Some(wanted), "a refused change changes nothing");
    assert_journals(store, tenant.org, 1).await;
}

/// Changes the role from what it is expected to be, or ends the membership.
const fn change(user: UserId, expected: Role, to: Option<Role>) -> MemberChange {
    MemberChange { user, expected, to }
}

/// A second owner of the organization.
async fn second_owner(store: &dyn Stores, tenant: &Tenant) -> UserId {
    let person = store.organizations().ensure_user(tenant.new_person("ann"));
    let user = person.await.unwrap_or_else(fail).id;
    set_role(store, tenant.org, user, Role::Owner, 10).await;
    user
}

async fn role_of(store: &dyn Stores, org: OrgId, user: UserId) -> Option<Role> {
    let found = store.organizations().memberships(user).await;
    let found = found.unwrap_or_else(fail);
    found.into_iter().find(|m| m.org == org).map(|m| m.role)
}

/// One change that cannot be made holds back the others and the journal.
pub async fn members_change_all_or_none_and_from_the_expected_role_only(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let (org, owner) = (tenant.org, tenant.owner.id);
    let ann = second_owner(store, &tenant).await;
    let people = store.organizations();
    let handover = [
        change(ann, Role::Owner, Some(Role::Owner)),
        change(owner, Role::Owner, Some(Role::Admin)),
    ];
    let made = people
        .change_members(org, &handover, journal("handover"))
        .await;
    made.unwrap_or_else(fail);
    assert_eq!(role_of(store, org, owner).await, Some(Role::Admin));
    let stale = [
        change(owner, Role::Admin, None),
        change(ann, Role::Staff, Some(Role::Viewer)),
    ];
    assert_conflict(people.change_members(org, &stale, journal("stale")).await);
    assert_eq!(
        role_of(store, org, owner).await,
        Some(Role::Admin),
        "all or none"
    );
    let stranger = [
        change(owner, Role::Admin, None),
        change(tenant.id(), Role::Staff, None),
    ];
    let refused = people
        .change_members(org, &stranger, journal("stranger"))
        .await;
    assert_missing(refused, "member");
    assert_eq!(
        role_of(store, org, owner).await,
        Some(Role::Admin),
        "all or none"
    );
    let leaves = [change(owner, Role::Admin, None)];
    let left = people.change_members(org, &leaves, journal("left")).await;
    left.unwrap_or_else(fail);
    assert_eq!(
        role_of(store, org, owner).await,
        None,
        "who left is no member"
    );
    assert_journals(store, org, 3).await;
}

/// Neither way of changing roles leaves an organization without owner.
pub async fn an_organization_keeps_an_owner(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let (org, owner) = (tenant.org, tenant.owner.id);
    let people = store.organizations();
    for to in [None, Some(Role::Admin)] {
        let changes = [change(owner, Role::Owner, to)];
        let refused = people
            .change_members(org, &changes, journal("ownerless"))
            .await;
        assert_refused(refused, "last_owner");
    }
    let refused = people.set_role(org, owner, Role::Viewer, at(5), journal("ownerless"));
    assert_refused(refused.await, "last_owner");
    assert_eq!(role_of(store, org, owner).await, Some(Role::Owner));
    assert_journals(store, org, 0).await;
}

/// The two checks see each other: one demotion is made, the other refused.
pub async fn of_two_owners_who_demote_each_other_one_stays_owner(store: &dyn Stores) {
    let tenant = Tenant::create(store, "alpha").await;
    let (org, owner) = (tenant.org, tenant.owner.id);
    let ann = second_owner(store, &tenant).await;
    let people = store.organizations();
    let (one, two) = (
        [change(ann, Role::Owner, Some(Role::Staff))],
        [change(owner, Role::Owner, Some(Role::Staff))],
    );
    let (one, two) = tokio::join!(
        people.change_members(org, &one, journal("demoted")),
        people.change_members(org, &two, journal("demoted")),
    );
    assert_one_wins(&[one, two]);
    let roles = [
        role_of(store, org, owner).await,
        role_of(store, org, ann).await,
    ];
    let owners = roles
        .iter()
        .filter(|role| **role == Some(Role::Owner))
        .count();
    assert_eq!(owners, 1, "exactly one stays owner, got {roles:?}");
}
