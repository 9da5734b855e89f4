//! What a unit is like, and what it went through.

use crate::house::House;
use freshtrack_core::time::{Span, Timestamp};
use serde_json::{Value, json};

fn unit(house: &House, rest: &str) -> String {
    house.path(&format!("/units/{}{rest}", house.made.unit))
}

async fn post(house: &House, readings: &[(Timestamp, Value)]) {
    let readings: Vec<Value> = readings
        .iter()
        .map(|(at, fields)| {
            let mut reading = fields.clone();
            reading["unit_id"] = json!(house.made.unit);
            reading["recorded_at"] = json!(at.to_string());
            reading
        })
        .collect();
    let answer = house
        .ingest(json!({ "readings": readings }))
        .await
        .with(200);
    assert_eq!(answer["counts"]["accepted"], readings.len(), "{answer}");
}

fn ago(house: &House, minutes: i64) -> Timestamp {
    house.now() - Span::from_minutes(minutes)
}

pub(crate) async fn a_state_says_why_axis_by_axis(house: &House) {
    let new = house
        .get(&house.owner, &unit(house, "/state"))
        .await
        .with(200);
    assert_eq!(
        (&new["status"], &new["because"]),
        (&json!("ok"), &json!("nothing_wrong"))
    );
    assert_eq!(new["commissioning"], true, "{new}");
    assert_eq!(new["temperature"], json!({ "state": "unknown" }));
    assert_eq!(new["connectivity"], json!({ "state": "never_seen" }));
    assert!(new["next_deadline"].is_string(), "{new}");
    let (first, second) = (ago(house, 15), ago(house, 4));
    post(
        house,
        &[
            (first, json!({ "temperature": 8.0 })),
            (second, json!({ "temperature": 8.4, "door": "closed" })),
        ],
    )
    .await;
    let path = unit(house, "/state?temperature_unit=C");
    let hot = house.get(&house.owner, &path).await.with(200);
    assert_eq!(hot["because"], "temperature_alarm", "{hot}");
    assert_eq!(hot["status"], "alarm_active");
    assert_eq!(hot["temperature"]["since"], first.to_string());
    assert_eq!(hot["temperature"]["confirmed_at"], second.to_string());
    assert_eq!(hot["newest_reading"]["temperature"], 8.4);
    assert_eq!(hot["newest_reading"]["zone"], "out");
    assert_eq!(hot["connectivity"]["missed"], 0, "{hot}");
    assert_eq!(hot["door"], json!({ "state": "closed" }));
    assert_eq!(hot["manual_duty"], json!({ "state": "not_due" }));
    let alerts = house
        .get(&house.owner, &house.path("/alerts"))
        .await
        .with(200);
    assert_eq!(hot["open_alert_ids"], json!([alerts["items"][0]["id"]]));
    let elsewhere = house.path(&format!("/units/{}/state", house.made.site));
    house
        .get(&house.owner, &elsewhere)
        .await
        .problem(404, "not-found");
}

pub(crate) async fn a_timeline_shows_gaps_as_gaps(house: &House) {
    let from = ago(house, 120);
    let at = |minute: i64| from + Span::from_minutes(minute);
    let mut readings: Vec<(Timestamp, Value)> = (0..=6)
        .map(|n| (at(n * 5), json!({ "temperature": 3.5 })))
        .collect();
    readings.push((at(40), json!({ "temperature": 3.5, "door": "open" })));
    readings.push((at(42), json!({ "door": "closed" })));
    readings.push((at(75), json!({ "temperature": 9.0 })));
    readings.push((at(80), json!({ "temperature": 9.0 })));
    post(house, &readings).await;
    let path =
        |from: Timestamp, to: Timestamp| unit(house, &format!("/timeline?from={from}&to={to}"));
    let told = house
        .get(&house.owner, &path(at(0), at(90)))
        .await
        .with(200);
    // a reading covers 5 minutes if the next one is more than 7.5 minutes away
    let gaps: Vec<(String, String)> = told["gaps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|gap| {
            (
                gap["from"].as_str().unwrap().to_owned(),
                gap["to"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let wanted: Vec<(String, String)> = [(35, 40), (45, 75), (85, 90)]
        .map(|(a, b)| (at(a).to_string(), at(b).to_string()))
        .into();
    assert_eq!(gaps, wanted, "{told}");
    assert_eq!(told["coverage_percent"], 55.55, "{told}");
    let doors: Vec<&Value> = told["door_events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| &d["state"])
        .collect();
    assert_eq!(doors, ["closed", "open"], "{told}");
    assert_eq!(told["door_events"][0]["duration_seconds"], 120);
    assert_eq!(told["truncated"], false);
    // changes of state bear the time they were found; out of range after a gap is an alarm at once
    let now = house
        .get(&house.owner, &unit(house, "/timeline"))
        .await
        .with(200);
    assert!(
        now["state_changes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|s| s["to"] == "alarm_active"),
        "{now}"
    );
    let doors = unit(house, &format!("/door-events?to={}&limit=1", at(42)));
    let doors = house.get(&house.owner, &doors).await.with(200);
    assert_eq!(doors["items"].as_array().unwrap().len(), 1, "{doors}");
    assert_eq!(doors["items"][0]["recorded_at"], at(40).to_string());
    let silent = house
        .get(&house.owner, &path(at(-100), at(-10)))
        .await
        .with(200);
    assert_eq!(silent["coverage_percent"], 0.0, "{silent}");
    let backwards = house.get(&house.owner, &path(at(5), at(5))).await;
    backwards.problem(422, "validation-failed");
    let long = house.get(&house.owner, &path(at(-45_000), at(0))).await;
    long.problem(422, "window-too-long");
}
