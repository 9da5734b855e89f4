//! Presets: shown with their marks, adopted as written, and not without a check.

use crate::house::House;
use reqwest::Method;
use serde_json::{Value, json};

async fn put(house: &House, body: Value) -> crate::house::Answer {
    let path = house.path(&format!("/rules/unit/{}", house.made.unit));
    house
        .send(&house.owner, Method::PUT, &path, Some(&body), &[])
        .await
}

async fn preset(house: &House, id: &str) -> Value {
    let listed = house.get(&house.owner, "/rule-presets").await.with(200);
    let items = listed["items"].as_array().unwrap();
    items
        .iter()
        .find(|preset| preset["id"] == id)
        .unwrap()
        .clone()
}

pub(crate) async fn a_preset_is_adopted_as_it_is_written(house: &House) {
    let cold = preset(house, "us.fc2022.cold").await;
    assert_eq!(cold["enabled"], true, "{cold}");
    assert_eq!(cold["temp_max"]["value"], 41.0, "{cold}");
    assert_eq!(cold["criteria"][0]["mark"], "verified", "{cold}");
    let body = json!({ "preset": { "id": "us.fc2022.cold" }, "fields": { "restore_readings": 3 } });
    let set = put(house, body).await.with(200);
    assert_eq!(set["fields"]["temp_max"]["value"], 41.0, "{set}");
    assert_eq!(set["fields"]["temp_max"]["unit"], "F");
    assert_eq!(set["fields"]["restore_readings"], 3);
    let history = house.path(&format!("/rules/unit/{}/history", house.made.unit));
    let history = house.get(&house.owner, &history).await.with(200);
    let note = history["items"][0]["note"].as_str().unwrap();
    let hash = cold["content_hash"].as_str().unwrap();
    assert!(
        note.contains("us.fc2022.cold") && note.contains(hash),
        "{note}"
    );
}

pub(crate) async fn a_preset_nobody_checked_needs_somebody_who_did(house: &House) {
    let listed = house.get(&house.owner, "/rule-presets").await.with(200);
    let disabled = listed["items"].as_array().unwrap().iter().find(|preset| {
        preset["enabled"] == false
            && preset.get("temp_max").is_some()
            && preset.get("temp_min").is_none()
    });
    let disabled = disabled.unwrap();
    assert!(disabled.get("checked").is_none(), "{disabled}");
    let id = &disabled["id"];
    put(house, json!({ "preset": { "id": id } }))
        .await
        .problem(422, "preset-not-enabled");
    let blank = json!({ "preset": { "id": id, "override": { "checked_by": " ", "text": "x" } } });
    put(house, blank).await.problem(422, "validation-failed");
    let named = json!({
        "preset": { "id": id, "override": { "checked_by": "Ann Lee", "text": "the act, 2024" } },
        "fields": { "temp_min": "none" }, "note": "for the audit",
    });
    put(house, named).await.with(200);
    let history = house.path(&format!("/rules/unit/{}/history", house.made.unit));
    let history = house.get(&house.owner, &history).await.with(200);
    let note = history["items"][0]["note"].as_str().unwrap();
    for part in [
        id.as_str().unwrap(),
        "Ann Lee",
        "the act, 2024",
        "for the audit",
    ] {
        assert!(note.contains(part), "{part}: {note}");
    }
}

pub(crate) async fn presets_that_cannot_be_adopted_are_refused(house: &House) {
    for body in [
        json!({ "preset": { "id": "us.fc1999.cold" } }),
        json!({ "preset": { "id": "us.fc2022.tphc4" } }),
        json!({
            "preset": { "id": "us.fc2022.cold" },
            "fields": { "temp_max": { "value": 9, "unit": "C" } },
        }),
    ] {
        put(house, body).await.problem(422, "validation-failed");
    }
    let path = house.path(&format!("/rules/unit/{}", house.made.unit));
    let stored = house.get(&house.owner, &path).await.with(200);
    assert_eq!(stored["version"], 0, "nothing was stored: {stored}");
}
