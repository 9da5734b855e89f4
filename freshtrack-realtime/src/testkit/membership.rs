//! Laws of [`Membership`].

use crate::ports::Membership;
use crate::testkit::sample;
use crate::topic::{Principal, Topic};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::principal::Role;

/// An adapter and the way its members and places are written.
#[async_trait]
pub trait MembershipUnderTest: Send + Sync {
    /// The adapter.
    fn membership(&self) -> &dyn Membership;
    /// Makes a person a member; calls come in the order of joining.
    async fn join(&self, principal: Principal, org: OrgId, role: Role);
    /// Ends a membership.
    async fn leave(&self, principal: Principal, org: OrgId);
    /// Makes a site or unit; a unit stands at `sample::site` of its own number.
    async fn add_place(&self, org: OrgId, topic: Topic);
    /// Archives a site or unit.
    async fn archive_place(&self, org: OrgId, topic: Topic);
}

/// One test per law: `membership_contract!(fresh)`, `fresh` an
/// `async fn() -> Option<impl MembershipUnderTest>`.
#[macro_export]
macro_rules! membership_contract {
    ($fresh:path) => {
        $crate::membership_contract!($fresh;
            without_a_wish_the_oldest_membership_answers_every_time,
            a_wish_is_granted_only_to_members,
            strangers_and_unknown_organizations_answer_the_same,
            members_see_living_places_of_their_organization_only,
            an_archived_place_is_not_seen,
            only_members_stay_valid,
        );
    };
    ($fresh:path; $($law:ident,)+) => {$(
        #[tokio::test]
        async fn $law() {
            match $fresh().await {
                Some(adapter) => $crate::testkit::membership::$law(adapter).await,
                None => $crate::testkit::skip(stringify!($law)),
            }
        }
    )+};
}

fn must<T>(answer: Result<T, StoreError>) -> T {
    match answer {
        Ok(value) => value,
        Err(error) => unreachable!("a healthy store answers: {error}"),
    }
}

fn person(number: u32) -> Principal {
    Principal::User(sample::user(number))
}

/// RT-18: a stable choice.
pub async fn without_a_wish_the_oldest_membership_answers_every_time(
    adapter: impl MembershipUnderTest,
) {
    adapter.join(person(1), sample::org(2), Role::Viewer).await;
    adapter.join(person(1), sample::org(1), Role::Admin).await;
    for _ in 0..5 {
        let standing = must(adapter.membership().resolve(person(1), None).await);
        let found = standing.map(|s| (s.org, s.role, s.several));
        assert_eq!(found, Some((sample::org(2), Role::Viewer, true)));
    }
}

/// The organization named, with the role held there.
pub async fn a_wish_is_granted_only_to_members(adapter: impl MembershipUnderTest) {
    adapter.join(person(1), sample::org(1), Role::Manager).await;
    adapter.join(person(2), sample::org(2), Role::Owner).await;
    let membership = adapter.membership();
    let own = must(membership.resolve(person(1), Some(sample::org(1))).await);
    let found = own.map(|s| (s.org, s.role, s.several));
    assert_eq!(found, Some((sample::org(1), Role::Manager, false)));
    let foreign = must(membership.resolve(person(1), Some(sample::org(2))).await);
    assert_eq!(foreign, None);
}

/// Nothing tells an organization that exists from one that does not.
pub async fn strangers_and_unknown_organizations_answer_the_same(
    adapter: impl MembershipUnderTest,
) {
    adapter.join(person(1), sample::org(1), Role::Viewer).await;
    let membership = adapter.membership();
    let stranger = must(membership.resolve(person(9), Some(sample::org(1))).await);
    let unknown = must(membership.resolve(person(1), Some(sample::org(99))).await);
    let nobody = must(membership.resolve(person(9), None).await);
    assert_eq!((stranger, unknown, nobody), (None, None, None));
}

/// RT-4: ids of another organization are denied like ids of nothing.
pub async fn members_see_living_places_of_their_organization_only(
    adapter: impl MembershipUnderTest,
) {
    adapter.join(person(1), sample::org(1), Role::Viewer).await;
    adapter.join(person(2), sample::org(2), Role::Viewer).await;
    let (own, foreign) = (Topic::Unit(sample::unit(1)), Topic::Unit(sample::unit(2)));
    adapter.add_place(sample::org(1), own).await;
    adapter.add_place(sample::org(2), foreign).await;
    let unknown = Topic::Unit(sample::unit(3));
    for (principal, topic, expected) in [
        (person(1), own, true),
        (person(1), foreign, false),
        (person(1), unknown, false),
        (person(2), own, false),
    ] {
        let seen = adapter
            .membership()
            .may_see(principal, sample::org(1), topic)
            .await;
        assert_eq!(must(seen), expected, "{principal:?} {topic:?}");
    }
}

/// Archiving ends the room.
pub async fn an_archived_place_is_not_seen(adapter: impl MembershipUnderTest) {
    adapter.join(person(1), sample::org(1), Role::Viewer).await;
    let site = Topic::Site(sample::site(1));
    adapter.add_place(sample::org(1), site).await;
    let membership = adapter.membership();
    assert!(must(
        membership.may_see(person(1), sample::org(1), site).await
    ));
    adapter.archive_place(sample::org(1), site).await;
    assert!(!must(
        membership.may_see(person(1), sample::org(1), site).await
    ));
}

/// The second wall of revocation.
pub async fn only_members_stay_valid(adapter: impl MembershipUnderTest) {
    adapter.join(person(1), sample::org(1), Role::Viewer).await;
    adapter.join(person(2), sample::org(1), Role::Viewer).await;
    adapter.join(person(3), sample::org(2), Role::Viewer).await;
    adapter.leave(person(2), sample::org(1)).await;
    let asked = [person(1), person(2), person(3)];
    let valid = must(
        adapter
            .membership()
            .still_valid(sample::org(1), &asked)
            .await,
    );
    assert_eq!(valid, [person(1)]);
}
