//! Quiet: snoozes of one alert and windows at a place, each with an end.

use crate::house::{House, Person};
use crate::log_book::alert;
use freshtrack_core::event::EventKind;
use freshtrack_core::principal::Role;
use freshtrack_core::time::Span;
use serde_json::{Value, json};
use std::time::Duration;

fn in_minutes(house: &House, minutes: i64) -> String {
    (house.now() + Span::from_minutes(minutes)).to_string()
}

fn window(house: &House, scope: &str, id: impl serde::Serialize, minutes: i64) -> Value {
    json!({
        "scope": scope, "scope_id": id, "kind": "maintenance", "note": "new seals",
        "ends_at": in_minutes(house, minutes),
    })
}

async fn snooze(house: &House, who: &Person, id: &str, body: Value) -> crate::house::Answer {
    house
        .post(who, &house.path(&format!("/alerts/{id}/snooze")), body)
        .await
}

pub(crate) async fn a_snoozed_alert_stays_open_and_shows_until_when(house: &House) {
    let cook = house.member("cook", Role::Staff).await;
    let id = alert(house).await;
    let path = house.path(&format!("/alerts/{id}"));
    let before = house.get(&cook, &path).await.with(200);
    assert_eq!(before["isa"]["state"], "unacked", "{before}");
    assert!(before.get("snoozed_until").is_none(), "{before}");
    let snoozed = snooze(house, &cook, &id, json!({ "for": "1h" }))
        .await
        .with(200);
    assert_eq!(snoozed["status"], "active");
    assert_eq!(snoozed["isa"]["state"], "shelved", "{snoozed}");
    let until = snoozed["snoozed_until"].as_str().unwrap();
    assert!(until > in_minutes(house, 58).as_str() && until <= in_minutes(house, 60).as_str());
    let listed = house.get(&cook, &house.path("/alerts")).await.with(200);
    assert_eq!(
        listed["items"][0]["snoozed_until"],
        snoozed["snoozed_until"]
    );
    let quiet = house
        .get(&cook, &house.path("/suppressions"))
        .await
        .with(200);
    let made = &quiet["items"][0];
    assert_eq!(made["kind"], "snooze", "{made}");
    assert_eq!(made["alert_types"], json!(["temp_excursion"]));
    let end = house.path(&format!(
        "/suppressions/{}/end",
        made["id"].as_str().unwrap()
    ));
    let ended = house
        .send(&cook, reqwest::Method::POST, &end, None, &[])
        .await
        .with(200);
    assert!(ended.get("ended_early_at").is_some(), "{ended}");
    let after = house.get(&cook, &path).await.with(200);
    assert_eq!(after["isa"]["state"], "unacked", "{after}");
    let resolve = house.path(&format!("/alerts/{id}/resolve"));
    house
        .post(&cook, &resolve, json!({ "note": "over" }))
        .await
        .with(200);
    let refused = snooze(house, &cook, &id, json!({ "for": "1h" })).await;
    refused.problem(409, "alert-resolved");
}

pub(crate) async fn a_snooze_has_an_end_within_its_bounds(house: &House) {
    let cook = house.member("cook", Role::Staff).await;
    let id = alert(house).await;
    for body in [
        json!({}),
        json!({ "for": "1h", "until": in_minutes(house, 60) }),
    ] {
        snooze(house, &cook, &id, body)
            .await
            .problem(422, "window-without-end");
    }
    let past = json!({ "until": in_minutes(house, -1) });
    snooze(house, &cook, &id, past)
        .await
        .problem(422, "validation-failed");
    snooze(house, &cook, &id, json!({ "for": "2h" }))
        .await
        .problem(422, "validation-failed");
    let long = json!({ "until": in_minutes(house, 9 * 60) });
    snooze(house, &cook, &id, long.clone())
        .await
        .problem(403, "role-too-low");
    snooze(house, &house.owner, &id, long).await.with(200);
    let longer = json!({ "until": in_minutes(house, 25 * 60) });
    snooze(house, &house.owner, &id, longer)
        .await
        .problem(422, "window-too-long");
}

/// A-43 over HTTP, but for the waiting.
pub(crate) async fn what_holds_when_a_window_ends_is_raised_then(house: &House) {
    let manager = house.member("manager", Role::Manager).await;
    let path = house.path("/suppressions");
    let body = window(house, "area", house.made.area, 60);
    let answer = house.post(&manager, &path, body).await;
    let location = answer
        .header("location")
        .trim_start_matches("/api/v1")
        .to_owned();
    let made = answer.with(201);
    assert_eq!(house.get(&manager, &location).await.with(200), made);
    let reading = json!({ "readings": [{
        "unit_id": house.made.unit, "recorded_at": house.now().to_string(), "temperature": 20,
    }]});
    house.ingest(reading).await.with(200);
    let alerts = house.path("/alerts?type=temp_excursion");
    let quiet = house.get(&manager, &alerts).await.with(200);
    assert_eq!(quiet["items"], json!([]), "nothing is raised");
    let unit = house.path(&format!("/units/{}/state", house.made.unit));
    let state = house.get(&manager, &unit).await.with(200);
    assert_eq!(
        state["temperature"]["state"], "excursion",
        "but it is watched: {state}"
    );
    assert_eq!(state["suppressions"][0]["id"], made["id"]);
    let active = house.path(&format!("/suppressions?at={}", in_minutes(house, 1)));
    let active = house.get(&manager, &active).await.with(200);
    assert_eq!(active["items"][0]["id"], made["id"], "{active}");
    let end = format!("{location}/end");
    let ended = house
        .send(&manager, reqwest::Method::POST, &end, None, &[])
        .await
        .with(200);
    assert_eq!(ended["ends_at"], made["ends_at"], "nothing is erased");
    let again = house
        .send(&manager, reqwest::Method::POST, &end, None, &[])
        .await
        .with(200);
    assert_eq!(again, ended, "ending it again changes nothing");
    for _ in 0..50 {
        let raised = house.get(&manager, &alerts).await.with(200);
        if let Some(raised) = raised["items"].get(0) {
            assert_eq!(raised["raise_reason"], "suppression_ended", "{raised}");
            let events = house
                .store()
                .outbox
                .since(house.org(), 0, 1_000)
                .await
                .unwrap();
            let told = |kind| events.iter().filter(|event| event.kind == kind).count();
            assert_eq!(told(EventKind::SuppressionStarted), 1);
            assert_eq!(told(EventKind::SuppressionEnded), 1);
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not raised within five seconds");
}

pub(crate) async fn the_wider_the_place_the_higher_the_role(house: &House) {
    let manager = house.member("manager", Role::Manager).await;
    let path = house.path("/suppressions");
    let site = window(house, "site", house.made.site, 60);
    let refused = house.post(&manager, &path, site.clone()).await;
    refused.problem(403, "role-too-low");
    let organization = window(house, "organization", house.org(), 60);
    let refused = house.post(&manager, &path, organization).await;
    refused.problem(403, "role-too-low");
    let made = house.post(&house.owner, &path, site).await.with(201);
    let end = house.path(&format!(
        "/suppressions/{}/end",
        made["id"].as_str().unwrap()
    ));
    let refused = house
        .send(&manager, reqwest::Method::POST, &end, None, &[])
        .await;
    refused.problem(403, "role-too-low");
    house
        .post(&manager, &path, window(house, "unit", house.made.unit, 60))
        .await
        .with(201);
}

pub(crate) async fn every_window_has_an_end_within_its_bounds(house: &House) {
    let path = house.path("/suppressions");
    let unit = house.made.unit;
    let mut endless = window(house, "unit", unit, 60);
    endless.as_object_mut().unwrap().remove("ends_at");
    let refused = house.post(&house.owner, &path, endless).await;
    refused.problem(422, "window-without-end");
    let mut defrost = window(house, "unit", unit, 241);
    defrost["kind"] = json!("defrost");
    for body in [defrost, window(house, "unit", unit, 30 * 24 * 60 + 1)] {
        let refused = house.post(&house.owner, &path, body).await;
        refused.problem(422, "window-too-long");
    }
    let mut snooze = window(house, "unit", unit, 60);
    snooze["kind"] = json!("snooze");
    for body in [snooze, window(house, "unit", unit, -1)] {
        let refused = house.post(&house.owner, &path, body).await;
        refused.problem(422, "validation-failed");
    }
    let refused = house
        .post(
            &house.owner,
            &path,
            window(house, "unit", house.made.site, 60),
        )
        .await;
    let problem = refused.problem(404, "not-found");
    assert_eq!(problem["errors"][0]["pointer"], "/scope_id", "{problem}");
    let listed = house.get(&house.owner, &path).await.with(200);
    assert_eq!(listed["items"], json!([]), "nothing was stored");
}
