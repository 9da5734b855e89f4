//! Figures of alerts.

use crate::house::House;
use crate::log_book::alert;
use freshtrack_core::time::Span;
use serde_json::json;

pub(crate) async fn alerts_are_counted_and_timed(house: &House) {
    let path = house.path("/alerts/statistics");
    let none = house.get(&house.owner, &path).await.with(200);
    assert_eq!(
        (&none["raised"], &none["by_type"]),
        (&json!(0), &json!([])),
        "{none}"
    );
    assert!(none.get("acknowledged_after").is_none(), "{none}");
    let id = alert(house).await;
    let take = house.path(&format!("/alerts/{id}/acknowledge"));
    house.post(&house.owner, &take, json!({})).await.with(200);
    let one = house.get(&house.owner, &path).await.with(200);
    assert_eq!(one["raised"], 1, "{one}");
    assert_eq!(
        one["by_type"],
        json!([{ "of": "temp_excursion", "raised": 1 }])
    );
    assert_eq!(one["by_severity"][0]["of"], "warning");
    assert_eq!(
        one["by_site"],
        json!([{ "of": house.made.site, "raised": 1 }])
    );
    assert_eq!(one["per_ten_minutes"]["max"], 1, "{one}");
    assert!(one["acknowledged_after"]["p95_seconds"].is_i64(), "{one}");
    assert!(one.get("resolved_after").is_none(), "{one}");
    assert_eq!(one["open_over_24_hours"], 0);
    assert_eq!(one["top_sources"][0]["unit_id"], json!(house.made.unit));
    let elsewhere = format!("{path}?site_id={}", house.made.unit);
    let elsewhere = house.get(&house.owner, &elsewhere).await.with(200);
    assert_eq!(elsewhere["raised"], 0, "{elsewhere}");
    let area = house.path(&format!("/alerts?area_id={}", house.made.area));
    let listed = house.get(&house.owner, &area).await.with(200);
    assert_eq!(listed["items"][0]["id"], json!(id), "{listed}");
    let area = house.path(&format!("/alerts?area_id={}", house.made.site));
    let listed = house.get(&house.owner, &area).await.with(200);
    assert_eq!(listed["items"], json!([]), "{listed}");
    let from = house.now() - Span::from_minutes(93 * 24 * 60);
    let long = house
        .get(&house.owner, &format!("{path}?from={from}"))
        .await;
    long.problem(422, "window-too-long");
}
