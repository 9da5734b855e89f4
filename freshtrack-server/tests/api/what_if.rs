//! What if: a proposed rule on a unit's own history.

use crate::house::House;
use freshtrack_core::principal::Role;
use freshtrack_core::time::{Span, Timestamp};
use serde_json::{Value, json};

/// Ten hours at 3 °C every five minutes, with twenty minutes at 7 °C.
async fn history(house: &House) -> Timestamp {
    let from = house.now() - Span::from_minutes(600);
    let reading = |n: i64| {
        let value = if (60..64).contains(&n) { 7.0 } else { 3.0 };
        json!({
            "unit_id": house.made.unit, "temperature": value,
            "recorded_at": (from + Span::from_minutes(n * 5)).to_string(),
        })
    };
    let readings: Vec<Value> = (0..120).map(reading).collect();
    let answer = house
        .ingest(json!({ "readings": readings }))
        .await
        .with(200);
    assert_eq!(answer["counts"]["accepted"], 120, "{answer}");
    from
}

fn path(house: &House) -> String {
    house.path(&format!("/units/{}/what-if", house.made.unit))
}

fn body(from: Timestamp) -> Value {
    json!({
        "rule": { "temp_max": { "value": 8, "unit": "C" } }, "from": from.to_string(),
        "injection": { "count": 5, "tau_hours": [1.0] }, "seed": 7,
    })
}

pub(crate) async fn a_proposed_rule_is_tried_and_nothing_written(house: &House) {
    let from = history(house).await;
    let before = house.audit().await.len();
    let answer = house
        .post(&house.owner, &path(house), body(from))
        .await
        .with(200);
    assert_eq!(answer["current"]["raises"], 1, "{answer}");
    assert_eq!(answer["current"]["confirmed"], 1, "{answer}");
    assert_eq!(
        answer["current"]["alerts"][0]["at"],
        (from + Span::from_minutes(300)).to_string()
    );
    assert_eq!(answer["proposed"]["raises"], 0, "{answer}");
    assert!(
        answer["proposed"]["per_day"]["high"].as_f64().unwrap() > 2.9,
        "a bound, not none"
    );
    assert_eq!(answer["detection"][0]["trials"], 5, "{answer}");
    assert_eq!(answer["provenance"]["readings"], 120, "{answer}");
    let again = house
        .post(&house.owner, &path(house), body(from))
        .await
        .with(200);
    assert_eq!(
        again["detection"], answer["detection"],
        "the same seed, the same answer"
    );
    assert_eq!(house.audit().await.len(), before, "nothing is written");
    let rules = house.path(&format!("/rules/unit/{}", house.made.unit));
    let rules = house.get(&house.owner, &rules).await.with(200);
    assert_eq!(rules["version"], 0, "{rules}");
}

pub(crate) async fn what_cannot_be_answered_is_refused(house: &House) {
    let from = history(house).await;
    let mut sparse = body(from);
    sparse["from"] = json!((from - Span::from_minutes(10)).to_string());
    sparse["to"] = json!(from.to_string());
    let refused = house.post(&house.owner, &path(house), sparse).await;
    refused.problem(422, "coverage-too-low");
    let mut long = body(from);
    long["from"] = json!((house.now() - Span::from_minutes(93 * 24 * 60)).to_string());
    house
        .post(&house.owner, &path(house), long)
        .await
        .problem(422, "window-too-long");
    let mut absurd = body(from);
    absurd["rule"] = json!({ "temp_max": { "value": 33, "unit": "F" } });
    house
        .post(&house.owner, &path(house), absurd)
        .await
        .problem(422, "rules-inconsistent");
    for injection in [
        json!({ "count": 501 }),
        json!({ "tau_hours": [0.0] }),
        json!({ "tau_hours": [1, 2, 3, 4, 5, 6] }),
    ] {
        let mut many = body(from);
        many["injection"] = injection;
        house
            .post(&house.owner, &path(house), many)
            .await
            .problem(422, "validation-failed");
    }
    let manager = house.member("manager", Role::Manager).await;
    let refused = house.post(&manager, &path(house), body(from)).await;
    refused.problem(403, "role-too-low");
    let elsewhere = house.path(&format!("/units/{}/what-if", house.made.site));
    house
        .post(&house.owner, &elsewhere, body(from))
        .await
        .problem(404, "not-found");
}
