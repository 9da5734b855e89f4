//! Members, roles, ownership, and organizations themselves.

use crate::house::{House, Person};
use freshtrack_core::event::EventKind;
use freshtrack_core::principal::Role;
use reqwest::Method;
use serde_json::json;

fn of(house: &House, person: &Person) -> String {
    house.path(&format!("/members/{}", person.id))
}

async fn role_of(house: &House, person: &Person) -> Option<Role> {
    let memberships = house.store().organizations.memberships(person.id).await;
    let memberships = memberships.unwrap().into_iter();
    memberships
        .into_iter()
        .find(|m| m.org == house.org())
        .map(|m| m.role)
}

pub(crate) async fn an_admin_changes_roles_up_to_their_own(house: &House) {
    let admin = house.member("admin", Role::Admin).await;
    let ann = house.member("ann", Role::Viewer).await;
    let to = |role: &str| json!({ "role": role });
    let manager = house.member("manager", Role::Manager).await;
    let refused = house.patch(&manager, &of(house, &ann), to("staff")).await;
    refused.problem(403, "role-too-low");
    let answer = house.patch(&admin, &of(house, &ann), to("admin")).await;
    assert_eq!(answer.with(200)["role"], "admin");
    let refused = house.patch(&admin, &of(house, &ann), to("owner")).await;
    refused.problem(403, "grant-above-own-role");
    let refused = house
        .patch(&admin, &of(house, &house.owner), to("viewer"))
        .await;
    refused.problem(403, "grant-above-own-role");
    let refused = house.delete(&admin, &of(house, &house.owner)).await;
    refused.problem(403, "grant-above-own-role");
    let refused = house.patch(&admin, &of(house, &ann), to("king")).await;
    refused.problem(422, "validation-failed");
    let listed = house.get(&ann, &house.path("/members")).await.with(200);
    let roles: Vec<_> = listed["items"].as_array().unwrap().iter().collect();
    assert_eq!(roles.len(), 4, "{listed}");
    assert_eq!(roles[0]["role"], "owner", "oldest membership first");
    assert_eq!(roles[0]["email"], "owner@example.test");
}

pub(crate) async fn the_last_owner_stays(house: &House) {
    let own = of(house, &house.owner);
    let refused = house.delete(&house.owner, &own).await;
    refused.problem(409, "last-owner");
    let refused = house
        .patch(&house.owner, &own, json!({ "role": "admin" }))
        .await;
    refused.problem(409, "last-owner");
    house.member("second", Role::Owner).await;
    let answer = house
        .patch(&house.owner, &own, json!({ "role": "admin" }))
        .await;
    assert_eq!(answer.with(200)["role"], "admin");
}

pub(crate) async fn two_owners_who_demote_each_other_leave_one(house: &House) {
    for round in 0..5 {
        let second = house.member(&format!("second{round}"), Role::Owner).await;
        let body = json!({ "role": "staff" });
        let (one, two) = (of(house, &second), of(house, &house.owner));
        let (one, two) = tokio::join!(
            house.patch(&house.owner, &one, body.clone()),
            house.patch(&second, &two, body.clone()),
        );
        let made = [&one, &two].iter().filter(|a| a.status == 200).count();
        assert_eq!(made, 1, "{one:?} {two:?}");
        let roles = [
            role_of(house, &house.owner).await,
            role_of(house, &second).await,
        ];
        let owners = roles.iter().filter(|r| **r == Some(Role::Owner)).count();
        assert_eq!(owners, 1, "{roles:?}");
        house.member("owner", Role::Owner).await;
    }
}

pub(crate) async fn everybody_may_leave_and_loses_access_at_once(house: &House) {
    let viewer = house.member("viewer", Role::Viewer).await;
    let other = house.member("other", Role::Viewer).await;
    let refused = house.delete(&viewer, &of(house, &other)).await;
    refused.problem(403, "role-too-low");
    let left = house.delete(&viewer, &of(house, &viewer)).await;
    left.with(204);
    let gone = house.get(&viewer, &house.path("")).await;
    gone.problem(404, "not-found");
    let again = house.delete(&house.owner, &of(house, &viewer)).await;
    again.problem(404, "not-found");
}

pub(crate) async fn ownership_changes_hands_in_one_step(house: &House) {
    let path = house.path("/ownership-transfer");
    let admin = house.member("admin", Role::Admin).await;
    let to = |person: &Person| json!({ "user_id": person.id });
    let refused = house.post(&admin, &path, to(&admin)).await;
    refused.problem(403, "role-too-low");
    let stranger = house.stranger("stranger").await;
    let refused = house.post(&house.owner, &path, to(&stranger)).await;
    let problem = refused.problem(404, "not-found");
    assert_eq!(problem["errors"][0]["pointer"], "/user_id");
    let refused = house.post(&house.owner, &path, to(&house.owner)).await;
    refused.problem(422, "validation-failed");
    let answer = house.post(&house.owner, &path, to(&admin)).await.with(200);
    assert_eq!(answer["former_owner"]["role"], "admin");
    assert_eq!(role_of(house, &admin).await, Some(Role::Owner));
    assert_eq!(role_of(house, &house.owner).await, Some(Role::Admin));
    let refused = house.post(&house.owner, &path, to(&admin)).await;
    refused.problem(403, "role-too-low");
}

pub(crate) async fn a_change_is_in_the_audit_chain_and_in_the_outbox(house: &House) {
    let ann = house.member("ann", Role::Viewer).await;
    let (before, _) = house.store().audit_log.head(house.org()).await.unwrap();
    let path = of(house, &ann);
    let same = house
        .patch(&house.owner, &path, json!({ "role": "viewer" }))
        .await;
    same.with(200);
    let (head, _) = house.store().audit_log.head(house.org()).await.unwrap();
    assert_eq!(head, before, "what changes nothing is not recorded");
    let changed = house
        .patch(&house.owner, &path, json!({ "role": "staff" }))
        .await;
    changed.with(200);
    house.delete(&house.owner, &path).await.with(204);
    let range = freshtrack_core::ports::AuditRange {
        from: before + 1,
        limit: 10,
    };
    let recorded = house
        .store()
        .audit_log
        .list(house.org(), range)
        .await
        .unwrap();
    let kinds: Vec<_> = recorded.iter().map(|e| e.draft.kind.as_str()).collect();
    assert_eq!(kinds, ["member.role_changed", "member.removed"]);
    let events = house
        .store()
        .outbox
        .since(house.org(), 0, 1_000)
        .await
        .unwrap();
    let told: Vec<_> = events
        .into_iter()
        .filter(|event| event.kind == EventKind::MembershipChanged)
        .map(|event| event.payload)
        .collect();
    assert_eq!(
        told,
        [
            json!({ "user_id": ann.id, "role": "staff", "change": "role_changed" }),
            json!({ "user_id": ann.id, "change": "removed" }),
        ]
    );
}

pub(crate) async fn a_new_organization_belongs_to_its_maker(house: &House) {
    let ann = house.stranger("ann").await;
    let me = house.get(&ann, "/me").await.with(200);
    assert_eq!(me["memberships"], json!([]));
    let body = json!({ "name": "Ann's Café", "timezone": "Europe/Paris", "display_unit": "C" });
    let answer = house.post(&ann, "/organizations", body).await;
    let location = answer.header("location").to_owned();
    let made = answer.with(201);
    assert_eq!(made["slug"], "ann-s-caf");
    let path = location.strip_prefix("/api/v1").unwrap();
    let found = house.get(&ann, path).await.with(200);
    assert_eq!(found, made);
    let refused = house.get(&house.owner, path).await;
    refused.problem(404, "not-found");
    let own = house.get(&ann, "/organizations").await.with(200);
    assert_eq!(own["items"][0]["organization"], made);
    assert_eq!(own["items"][0]["role"], "owner");
    let me = house.get(&ann, "/me").await.with(200);
    assert_eq!(me["memberships"], own["items"]);
    assert_eq!(me["email"], "ann@example.test");
}

pub(crate) async fn a_taken_slug_comes_with_suggestions(house: &House) {
    let ann = house.stranger("ann").await;
    let refused = house
        .post(&ann, "/organizations", json!({ "name": "Joe's Diner" }))
        .await;
    let problem = refused.problem(409, "slug-taken");
    let suggestions = problem["errors"].as_array().unwrap();
    assert_eq!(suggestions.len(), 3, "{problem}");
    let slug = &suggestions[0]["detail"];
    let body = json!({ "name": "Joe's Diner", "slug": slug });
    let made = house.post(&ann, "/organizations", body).await.with(201);
    assert_eq!(&made["slug"], slug);
    for slug in ["", "Joe", "joe_s", &"a".repeat(65)] {
        let body = json!({ "name": "Joe", "slug": slug });
        let refused = house.post(&ann, "/organizations", body).await;
        refused.problem(422, "validation-failed");
    }
}

pub(crate) async fn an_organization_is_changed_from_the_version_the_caller_saw(house: &House) {
    let admin = house.member("admin", Role::Admin).await;
    let path = house.path("");
    let refused = house.patch(&admin, &path, json!({ "name": "Mine" })).await;
    refused.problem(403, "role-too-low");
    let seen = house.get(&house.owner, &path).await;
    let tag = seen.header("etag").to_owned();
    let body = json!({ "name": "Joe's", "timezone": "America/Chicago" });
    let answer = house
        .send(
            &house.owner,
            Method::PATCH,
            &path,
            Some(&body),
            &[("if-match", &tag)],
        )
        .await;
    assert_eq!(answer.header("etag"), "\"2\"");
    let changed = answer.with(200);
    assert_eq!(changed["name"], "Joe's");
    assert_eq!(changed["display_unit"], "F", "what is left out stays");
    let late = house
        .send(
            &house.owner,
            Method::PATCH,
            &path,
            Some(&body),
            &[("if-match", &tag)],
        )
        .await;
    late.problem(412, "version-mismatch");
    for body in [
        json!({ "timezone": "Mars/Base" }),
        json!({ "name": " " }),
        json!({ "slug": "x" }),
    ] {
        let refused = house.patch(&house.owner, &path, body).await;
        refused.problem(422, "validation-failed");
    }
}

pub(crate) async fn another_organizations_members_are_not_there(house: &House) {
    let ann = house.stranger("ann").await;
    let made = house
        .post(&ann, "/organizations", json!({ "name": "Other" }))
        .await;
    made.with(201);
    let refused = house.get(&ann, &house.path("/members")).await;
    refused.problem(404, "not-found");
    for body in [json!({ "role": "viewer" }), json!({ "role": "owner" })] {
        let refused = house.patch(&house.owner, &of(house, &ann), body).await;
        refused.problem(404, "not-found");
    }
    let refused = house.delete(&ann, &of(house, &house.owner)).await;
    refused.problem(404, "not-found");
}
