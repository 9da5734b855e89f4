//! Rules: set, inherited, cleared, remembered, and judged by at once.

use crate::house::{House, Person};
use freshtrack_core::event::EventKind;
use freshtrack_core::principal::Role;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

fn at(house: &House, scope: &str, id: impl std::fmt::Display, rest: &str) -> String {
    house.path(&format!("/rules/{scope}/{id}{rest}"))
}

async fn put(house: &House, who: &Person, path: &str, body: Value) -> crate::house::Answer {
    house.send(who, Method::PUT, path, Some(&body), &[]).await
}

async fn effective(house: &House) -> Value {
    let path = house.path(&format!("/units/{}/effective-rules", house.made.unit));
    house.get(&house.owner, &path).await.with(200)
}

fn max(value: f64, unit: &str) -> Value {
    json!({ "fields": { "temp_max": { "value": value, "unit": unit } } })
}

pub(crate) async fn the_nearest_rule_wins_and_says_where_it_came_from(house: &House) {
    let built_in = effective(house).await;
    assert_eq!(built_in["rules"]["temp_max"]["value"], 41.0);
    assert_eq!(built_in["rules"]["temp_max"]["unit"], "F");
    assert_eq!(built_in["rules"]["temp_max"]["celsius"], 5.0);
    assert_eq!(built_in["sources"]["temp_max"]["level"], "default");
    let org = at(house, "organization", house.org(), "?unit_type=fridge");
    put(house, &house.owner, &org, max(8.0, "C"))
        .await
        .with(200);
    let site = at(house, "site", house.made.site, "");
    let body =
        json!({ "fields": { "restore_readings": 3, "hysteresis": { "value": 1.8, "unit": "F" } } });
    let answer = put(house, &house.owner, &site, body).await.with(200);
    assert_eq!(
        answer["fields"]["hysteresis"],
        json!({ "value": 1.0, "unit": "C" })
    );
    let unit = at(house, "unit", house.made.unit, "");
    let body = json!({ "fields": { "temp_min": "none", "restore_readings": 4 } });
    let answer = put(house, &house.owner, &unit, body).await;
    assert_eq!(answer.header("etag"), "\"1\"");
    answer.with(200);
    let now = effective(house).await;
    assert_eq!(now["rules"]["temp_max"]["value"], 8.0);
    assert_eq!(now["sources"]["temp_max"]["level"], "organization");
    assert_eq!(now["sources"]["temp_max"]["unit_type"], "fridge");
    assert_eq!(now["rules"]["temp_min"], "none");
    assert_eq!(now["rules"]["restore_readings"], 4);
    assert_eq!(now["sources"]["hysteresis"]["level"], "site");
    let field = at(house, "unit", house.made.unit, "/fields/restore_readings");
    house.delete(&house.owner, &field).await.with(204);
    let now = effective(house).await;
    assert_eq!(now["rules"]["restore_readings"], 3);
    assert_eq!(now["sources"]["restore_readings"]["level"], "site");
    let stored = house.get(&house.owner, &unit).await.with(200);
    assert_eq!(stored["fields"], json!({ "temp_min": "none" }));
    assert_eq!(stored["version"], 2);
}

pub(crate) async fn unacceptable_rules_are_refused_and_not_stored(house: &House) {
    let site = at(house, "site", house.made.site, "");
    let refused = put(house, &house.owner, &site, max(8.0, "C")).await;
    refused.problem(422, "unit-type-required");
    let typed = at(house, "site", house.made.site, "?unit_type=fridge");
    let refused = put(house, &house.owner, &typed, max(33.0, "F")).await;
    let problem = refused.problem(422, "rules-inconsistent");
    assert_eq!(problem["errors"][0]["detail"], json!(house.made.unit));
    let freezers = at(house, "site", house.made.site, "?unit_type=freezer");
    put(house, &house.owner, &freezers, max(-5.0, "C"))
        .await
        .with(200);
    for fields in [
        json!({ "restore_readings": 11 }),
        json!({ "confirm_closed_seconds": 59 }),
        json!({ "hysteresis": { "value": 6, "unit": "C" } }),
        json!({ "temp_min": { "value": -101, "unit": "C" } }),
        json!({ "temp_max": { "value": 8 } }),
        json!({ "temp_max": "nothing" }),
        json!({ "daily_door_mask": 1 }),
    ] {
        let refused = put(house, &house.owner, &typed, json!({ "fields": fields })).await;
        refused.problem(422, "validation-failed");
    }
    let unit = at(house, "unit", house.made.unit, "");
    let body = json!({ "fields": { "confirm_closed_seconds": 1300 } });
    let refused = put(house, &house.owner, &unit, body).await;
    refused.problem(422, "rules-inconsistent");
    let stored = house.get(&house.owner, &typed).await.with(200);
    assert_eq!(stored["version"], 0, "nothing was stored: {stored}");
    let unit_typed = at(house, "unit", house.made.unit, "?unit_type=fridge");
    let refused = house.get(&house.owner, &unit_typed).await;
    refused.problem(422, "validation-failed");
}

pub(crate) async fn rules_need_an_admin_and_their_own_organization(house: &House) {
    let manager = house.member("manager", Role::Manager).await;
    let unit = at(house, "unit", house.made.unit, "");
    house.get(&manager, &unit).await.with(200);
    let refused = put(house, &manager, &unit, max(8.0, "C")).await;
    refused.problem(403, "role-too-low");
    let field = at(house, "unit", house.made.unit, "/fields/temp_max");
    house
        .delete(&manager, &field)
        .await
        .problem(403, "role-too-low");
    let ann = house.stranger("ann").await;
    let made = house
        .post(&ann, "/organizations", json!({ "name": "Other" }))
        .await;
    let other = made.with(201)["id"].as_str().unwrap().to_owned();
    for (scope, id) in [
        ("unit", house.made.unit.to_string()),
        ("area", house.made.area.to_string()),
        ("site", house.made.site.to_string()),
        ("organization", house.org().to_string()),
    ] {
        let path = format!("/organizations/{other}/rules/{scope}/{id}");
        house.get(&ann, &path).await.problem(404, "not-found");
        let body = json!({ "fields": { "restore_readings": 3 } });
        put(house, &ann, &path, body)
            .await
            .problem(404, "not-found");
        house
            .get(&ann, &format!("{path}/history"))
            .await
            .problem(404, "not-found");
    }
    let path = format!(
        "/organizations/{other}/units/{}/effective-rules",
        house.made.unit
    );
    house.get(&ann, &path).await.problem(404, "not-found");
    let odd = at(house, "unit", house.made.unit, "/fields/rule_schedule");
    house
        .delete(&house.owner, &odd)
        .await
        .problem(404, "not-found");
    let odd = at(house, "galaxy", house.made.unit, "");
    house
        .get(&house.owner, &odd)
        .await
        .problem(404, "not-found");
}

pub(crate) async fn each_change_is_remembered_with_its_author(house: &House) {
    let unit = at(house, "unit", house.made.unit, "");
    let mut body = json!({ "fields": { "restore_readings": 3 }, "note": "too many pages" });
    put(house, &house.owner, &unit, body.clone())
        .await
        .with(200);
    let again = put(house, &house.owner, &unit, body.clone())
        .await
        .with(200);
    assert_eq!(again["version"], 1, "what changes nothing is no change");
    body["fields"]["restore_readings"] = json!(5);
    let stale = house
        .send(
            &house.owner,
            Method::PUT,
            &unit,
            Some(&body),
            &[("if-match", "\"0\"")],
        )
        .await;
    stale.problem(412, "version-mismatch");
    put(house, &house.owner, &unit, body).await.with(200);
    let path = at(house, "unit", house.made.unit, "/history?limit=1");
    let first = house.get(&house.owner, &path).await.with(200);
    let line = &first["items"][0];
    assert_eq!((&line["old"], &line["new"]), (&json!(3), &json!(5)));
    assert_eq!(line["note"], "too many pages");
    assert_eq!(line["actor_id"], json!(house.owner.id));
    let path = format!("{path}&after={}", first["next"].as_str().unwrap());
    let second = house.get(&house.owner, &path).await.with(200);
    assert_eq!(second["items"][0]["new"], json!(3));
    assert_eq!(second["items"][0].get("old"), None, "it was inherited");
    assert_eq!(second.get("next"), None);
    let events = house
        .store()
        .outbox
        .since(house.org(), 0, 1_000)
        .await
        .unwrap();
    let told = events.iter().filter(|e| e.kind == EventKind::RulesChanged);
    assert_eq!(told.count(), 2);
    let (head, _) = house.store().audit_log.head(house.org()).await.unwrap();
    let range = freshtrack_core::ports::AuditRange {
        from: head,
        limit: 1,
    };
    let recorded = house
        .store()
        .audit_log
        .list(house.org(), range)
        .await
        .unwrap();
    assert_eq!(recorded[0].draft.kind, "rules.changed");
    assert_eq!(
        recorded[0].draft.data["fields"]["restore_readings"]["new"],
        5
    );
}

/// the newest reading is judged again by the new limit, though nothing arrives.
pub(crate) async fn units_are_judged_by_new_rules_within_five_seconds(house: &House) {
    let unit = house.made.unit;
    let reading = json!({ "readings": [{
        "unit_id": unit, "temperature": 4.8, "temperature_unit": "C",
        "recorded_at": house.now().to_string(),
    }] });
    house.ingest(reading).await.with(200);
    let path = house.path(&format!("/units/{unit}"));
    let before = house.get(&house.owner, &path).await.with(200);
    assert_eq!(before["status"], "ok");
    let rules = at(house, "unit", unit, "");
    put(house, &house.owner, &rules, max(4.0, "C"))
        .await
        .with(200);
    let mut status = Value::Null;
    for _ in 0..50 {
        status = house.get(&house.owner, &path).await.with(200)["status"].take();
        if status == "excursion" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(status, "excursion");
    let alerts = house
        .get(&house.owner, &house.path("/alerts"))
        .await
        .with(200);
    assert_eq!(
        alerts["items"][0]["raise_reason"], "rules_changed",
        "{alerts}"
    );
}
