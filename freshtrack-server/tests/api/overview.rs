//! The overview: counts, what needs somebody, and that nothing unobserved is called safe.

use crate::house::House;
use freshtrack_core::principal::Role;
use freshtrack_core::time::Span;
use reqwest::Method;
use serde_json::{Value, json};

async fn overview(house: &House) -> Value {
    let path = house.path("/overview");
    house.get(&house.owner, &path).await.with(200)
}

/// Posts a reading of so many minutes ago.
async fn post(house: &House, minutes_ago: i64, celsius: f64) {
    let at = house.now() - Span::from_minutes(minutes_ago);
    let body = json!({ "readings": [
        { "unit_id": house.made.unit, "recorded_at": at.to_string(), "temperature": celsius }
    ]});
    let answer = house.ingest(body).await.with(200);
    assert_eq!(answer["counts"]["accepted"], 1, "{answer}");
}

fn units(overview: &Value, status: &str) -> Value {
    let counts = overview["by_status"].as_array().unwrap();
    let found = counts.iter().find(|count| count["status"] == status);
    found.unwrap()["units"].clone()
}

pub(crate) async fn a_unit_that_nobody_sees_is_not_safe(house: &House) {
    let found = overview(house).await;
    assert_eq!(found["units"], 1);
    assert_eq!(units(&found, "ok"), 1, "the engine has nothing against it");
    assert_eq!(found["safe"], 0, "but nobody has seen it");
    assert_eq!(found["unobserved"], 1);
    assert_eq!(found["worst"], "unobserved");
    assert_eq!(found["attention_count"], 1);
    assert_eq!(found["attention"][0]["observed"], false);
    let day = &found["last_24h"];
    assert!(day.get("in_range").is_none(), "no data is no share: {day}");
    assert_eq!(day["verdict"], "indeterminate");
    assert_eq!(day["units_without_data"], 1);
}

pub(crate) async fn a_unit_in_range_is_safe_while_it_is_observed(house: &House) {
    post(house, 1, 3.0).await;
    let found = overview(house).await;
    assert_eq!(found["worst"], "ok", "{found}");
    assert_eq!(
        (&found["safe"], &found["unobserved"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(found["attention"], json!([]));
    assert_eq!(found["last_24h"]["in_range"], 1.0);
}

pub(crate) async fn an_excursion_needs_somebody_until_it_is_taken(house: &House) {
    post(house, 11, 8.0).await;
    post(house, 6, 8.1).await;
    post(house, 0, 8.2).await;
    let found = overview(house).await;
    assert_eq!(found["worst"], "alarm_active", "{found}");
    assert_eq!(units(&found, "alarm_active"), 1);
    assert_eq!(found["safe"], 0);
    let critical = &found["by_severity"][0];
    assert_eq!(critical["severity"], "critical");
    assert_eq!(
        (&critical["active"], &critical["acknowledged"]),
        (&json!(1), &json!(0))
    );
    let unit = &found["attention"][0];
    assert_eq!(unit["unit_id"], house.made.unit.to_string());
    assert_eq!(unit["alerts"][0]["type"], "temp_excursion");
    let day = &found["last_24h"];
    assert_eq!(day["verdict"], "fail");
    assert_eq!(day["in_range"], 0.0);
    assert_eq!(day["worst_unit_id"], house.made.unit.to_string());
    let alert = unit["alerts"][0]["id"].as_str().unwrap();
    let path = house.path(&format!("/alerts/{alert}/acknowledge"));
    let taken = house
        .send(&house.owner, Method::POST, &path, Some(&json!({})), &[])
        .await;
    taken.with(200);
    let found = overview(house).await;
    let critical = &found["by_severity"][0];
    assert_eq!(
        (&critical["active"], &critical["acknowledged"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(found["attention"][0]["alerts"][0]["status"], "acknowledged");
}

pub(crate) async fn units_of_people_with_thermometers_are_counted_apart(house: &House) {
    post(house, 1, 3.0).await;
    let body = json!({
        "name": "Display", "area_id": house.made.area, "unit_type": "display_case",
        "monitoring_mode": "manual"
    });
    house
        .post(&house.owner, &house.path("/units"), body)
        .await
        .with(201);
    let found = overview(house).await;
    assert_eq!(found["units"], 2);
    let counts = ["safe", "unobserved", "manual"].map(|name| found[name].clone());
    assert_eq!(counts, [json!(1), json!(0), json!(1)], "{found}");
    assert_eq!(found["last_24h"]["units_without_data"], 0);
}

pub(crate) async fn an_overview_is_of_ones_own_organization(house: &House) {
    let stranger = house.stranger("stranger").await;
    let path = house.path("/overview");
    house.get(&stranger, &path).await.problem(404, "not-found");
    let viewer = house.member("viewer", Role::Viewer).await;
    house.get(&viewer, &path).await.with(200);
}
