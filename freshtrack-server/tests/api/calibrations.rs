//! Calibrations: the newest one's offset is added to what comes in, and the raw value stays.

use crate::house::House;
use freshtrack_core::principal::Role;
use freshtrack_core::time::Span;
use serde_json::{Value, json};
use std::time::Duration;

async fn device(house: &House) -> String {
    let body = json!({ "name": "Probe", "unit_id": house.made.unit });
    let made = house
        .post(&house.owner, &house.path("/devices"), body)
        .await
        .with(201);
    made["id"].as_str().unwrap().to_owned()
}

fn at(house: &House, days: i64) -> String {
    (house.now() + Span::from_minutes(days * 24 * 60)).to_string()
}

async fn reading(house: &House, device: &str) -> Value {
    let body = json!({ "readings": [{
        "device_id": device, "recorded_at": house.now().to_string(), "temperature": 4.0,
    }]});
    house.ingest(body).await.with(200);
    let latest = format!(
        "/units/{}/readings/latest?temperature_unit=C",
        house.made.unit
    );
    house
        .get(&house.owner, &house.path(&latest))
        .await
        .with(200)
}

pub(crate) async fn the_newest_offset_is_added_and_the_raw_value_kept(house: &House) {
    let manager = house.member("manager", Role::Manager).await;
    let device = device(house).await;
    assert_eq!(reading(house, &device).await["temperature"], 4.0);
    let path = house.path(&format!("/devices/{device}/calibrations"));
    let body = json!({
        "calibrated_at": at(house, -1), "temperature_offset": { "value": 0.45, "unit": "F" },
        "reference_temperature": { "value": 0.0, "unit": "C" },
        "certificate_url": "https://lab.example.test/1", "notes": "ice bath",
    });
    let made = house.post(&manager, &path, body).await.with(201);
    assert_eq!(
        made["temperature_offset"],
        json!({ "value": 0.25, "unit": "C" }),
        "{made}"
    );
    let old = json!({ "calibrated_at": at(house, -30), "temperature_offset": { "value": 3, "unit": "C" } });
    let old = house.post(&manager, &path, old).await.with(201);
    let read = reading(house, &device).await;
    assert_eq!(
        (&read["temperature"], &read["raw_temperature"]),
        (&json!(4.25), &json!(4.0))
    );
    let listed = house.get(&manager, &path).await.with(200);
    assert_eq!(
        listed["items"],
        json!([made, old]),
        "newest first, both on record"
    );
    let log = house.audit().await;
    let told = log
        .iter()
        .filter(|event| event.draft.kind == "device.calibrated")
        .count();
    assert_eq!(told, 2);
}

pub(crate) async fn a_calibration_that_is_due_is_an_alert_until_the_next_one(house: &House) {
    let device = device(house).await;
    let path = house.path(&format!("/devices/{device}/calibrations"));
    let overdue = json!({ "calibrated_at": at(house, -400) });
    house.post(&house.owner, &path, overdue).await.with(201);
    let alerts = house.path("/alerts?type=calibration_due");
    let status = async |wanted: &str| {
        for _ in 0..50 {
            let listed = house.get(&house.owner, &alerts).await.with(200);
            if listed["items"][0]["status"] == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("not {wanted} within five seconds");
    };
    status("active").await;
    house.post(&house.owner, &path, json!({})).await.with(201);
    status("resolved").await;
}

pub(crate) async fn calibrations_that_cannot_be_are_refused(house: &House) {
    let device = device(house).await;
    let path = house.path(&format!("/devices/{device}/calibrations"));
    for (body, pointer) in [
        (
            json!({ "temperature_offset": { "value": 10.1, "unit": "C" } }),
            "/temperature_offset",
        ),
        (json!({ "calibrated_at": at(house, 1) }), "/calibrated_at"),
        (json!({ "due_at": at(house, -1) }), "/due_at"),
        (json!({ "due_at": at(house, 6 * 365) }), "/due_at"),
        (
            json!({ "certificate_url": "file:///etc/passwd" }),
            "/certificate_url",
        ),
    ] {
        let refused = house.post(&house.owner, &path, body.clone()).await;
        let problem = refused.problem(422, "validation-failed");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
    }
    let cook = house.member("cook", Role::Staff).await;
    house
        .post(&cook, &path, json!({}))
        .await
        .problem(403, "role-too-low");
    let elsewhere = house.path(&format!("/devices/{}/calibrations", house.made.unit));
    house.get(&cook, &elsewhere).await.problem(404, "not-found");
    house
        .post(&house.owner, &elsewhere, json!({}))
        .await
        .problem(404, "not-found");
    let listed = house.get(&cook, &path).await.with(200);
    assert_eq!(listed["items"], json!([]), "nothing was stored");
}
