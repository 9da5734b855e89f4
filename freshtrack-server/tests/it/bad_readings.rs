//! Single bad readings: each gets its own result at its own place, and what was good beside it is kept.

use crate::running::Running;
use freshtrack_core::time::Span;
use serde_json::Value;

/// Posts a good reading, the bad ones, and a good reading; returns the results of the bad ones.
async fn between_good_ones(run: &Running, bad: &[String]) -> Vec<Value> {
    let now = run.now();
    let mut batch = vec![run.reading_at(now - Span::from_seconds(20), r#""temperature":4.1"#)];
    batch.extend_from_slice(bad);
    batch.push(run.reading_at(now - Span::from_seconds(10), r#""temperature":4.2"#));
    let answer = run.ingest(&batch).await.expect(200);
    let results = answer["results"].as_array().expect("results").clone();
    assert_eq!(results.len(), batch.len(), "one per posted reading");
    for (index, result) in results.iter().enumerate() {
        assert_eq!(result["index"], index);
    }
    assert_eq!(results[0]["result"], "accepted", "{answer}");
    assert_eq!(results[batch.len() - 1]["result"], "accepted", "{answer}");
    assert_eq!(run.stored().await, [4.2, 4.1], "the good ones are kept");
    results[1..batch.len() - 1].to_vec()
}

fn rejected(result: &Value, reason: &str) {
    assert_eq!(result["result"], "rejected", "{result}");
    assert_eq!(result["reason"], reason, "{result}");
    assert!(result.get("reading_id").is_none(), "{result}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_types_are_rejected_by_field() {
    let run = Running::start().await;
    let unit = run.home.unit;
    let at = run.now();
    let bad: Vec<(String, &str)> = vec![
        (run.reading(r#""temperature":"NaN""#), "temperature"),
        (run.reading(r#""temperature":"inf""#), "temperature"),
        (run.reading(r#""temperature":true"#), "temperature"),
        (run.reading(r#""temperature":[4]"#), "temperature"),
        (run.reading(r#""temperature":{"c":4}"#), "temperature"),
        (run.reading(r#""temperature":"""#), "temperature"),
        (run.reading(r#""temperature":"4 degrees""#), "temperature"),
        (run.reading(r#""temperature":null"#), "temperature"),
        (run.reading(r#""humidity_percent":50"#), "temperature"),
        (
            run.reading(r#""temperature":4,"temperature_unit":"K""#),
            "temperature_unit",
        ),
        (
            run.reading(r#""temperature":4,"temperature":9"#),
            "temperature",
        ),
        (run.reading(r#""door":"ajar""#), "door"),
        (
            format!(r#"{{"unit_id":"{unit}","temperature":4}}"#),
            "recorded_at",
        ),
        (
            format!(r#"{{"unit_id":"{unit}","recorded_at":1700000000,"temperature":4}}"#),
            "recorded_at",
        ),
        (
            format!(
                r#"{{"unit_id":"{unit}","recorded_at":"2026-03-02T12:00:00","temperature":4}}"#
            ),
            "recorded_at",
        ),
        (
            format!(r#"{{"recorded_at":"{at}","temperature":4}}"#),
            "unit_id",
        ),
        (
            format!(r#"{{"unit_id":"fridge","recorded_at":"{at}","temperature":4}}"#),
            "unit_id",
        ),
        (
            format!(r#"{{"dev_eui":"xyz","recorded_at":"{at}","temperature":4}}"#),
            "dev_eui",
        ),
        ("7".to_owned(), "readings"),
        ("null".to_owned(), "readings"),
        ("[]".to_owned(), "readings"),
    ];
    let texts: Vec<String> = bad.iter().map(|(text, _)| text.clone()).collect();
    let results = between_good_ones(&run, &texts).await;
    for ((text, field), result) in bad.iter().zip(&results) {
        rejected(result, "invalid_field");
        let named = result["warnings"][0].as_str().unwrap_or_default();
        assert!(named.starts_with(&format!("`{field}`")), "{text}: {result}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_that_is_unknown_and_one_of_somebody_else_look_the_same() {
    let run = Running::start().await;
    let (next_door, _) = run.neighbour().await;
    let at = run.now();
    let of =
        |unit: String| format!(r#"{{"unit_id":"{unit}","recorded_at":"{at}","temperature":4}}"#);
    let bad = [
        of(uuid::Uuid::new_v4().to_string()),
        of(next_door.unit.to_string()),
    ];
    let results = between_good_ones(&run, &bad).await;
    let mut first = results[0].clone();
    first["index"] = results[1]["index"].clone();
    assert_eq!(first, results[1], "nothing tells them apart");
    rejected(&results[0], "unknown_unit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_unknown_or_nowhere_is_rejected() {
    let run = Running::start().await;
    let at = run.now();
    let device = serde_json::json!({ "name": "spare", "dev_eui": "70B3D57ED0000099" });
    let spare = run
        .post(&run.at_home("/devices"), &device)
        .await
        .expect(201);
    let spare = spare["id"].as_str().unwrap();
    let bad = [
        format!(r#"{{"dev_eui":"70B3D57ED0000098","recorded_at":"{at}","temperature":4}}"#),
        format!(r#"{{"device_id":"{spare}","recorded_at":"{at}","temperature":4}}"#),
        format!(
            r#"{{"device_id":"{spare}","unit_id":"{}","recorded_at":"{at}","temperature":4}}"#,
            run.home.unit
        ),
    ];
    let results = between_good_ones(&run, &bad).await;
    rejected(&results[0], "unknown_device");
    rejected(&results[1], "unassigned_device");
    assert_eq!(results[2]["result"], "rejected", "{}", results[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_future_is_put_aside_from_five_minutes_on_and_the_ancient_past_refused() {
    let run = Running::start().await;
    let now = run.now();
    let bad = [
        run.reading_at(now + Span::from_seconds(301), r#""temperature":4"#),
        run.reading_at(
            now + Span::from_minutes(60 * 24 * 365),
            r#""temperature":4"#,
        ),
        run.reading_at(
            now - Span::from_minutes(60 * 24 * 365 * 3),
            r#""temperature":4"#,
        ),
        run.reading_at(
            freshtrack_core::time::Timestamp::EPOCH,
            r#""temperature":4"#,
        ),
    ];
    let results = between_good_ones(&run, &bad).await;
    for result in &results[..2] {
        assert_eq!(result["result"], "quarantined", "{result}");
        assert_eq!(result["reason"], "clock_ahead", "{result}");
    }
    for result in &results[2..] {
        rejected(result, "too_old");
    }
    assert!(
        run.alerts("sensor_fault").await.is_empty(),
        "a wrong clock is no fault"
    );
    let ahead = run.reading_at(now + Span::from_seconds(300), r#""temperature":4"#);
    let answer = run.ingest(&[ahead]).await.expect(200);
    assert_eq!(answer["results"][0]["result"], "accepted", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_values_are_kept_as_evidence_and_raise_a_fault() {
    let run = Running::start().await;
    let now = run.now();
    let values = [
        "1e308",
        "-1e308",
        "327.67",
        "-327.68",
        "150.001",
        "-100.001",
        r#""99999""#,
    ];
    let bad: Vec<String> = values
        .iter()
        .zip(30..)
        .map(|(value, ago)| {
            run.reading_at(
                now - Span::from_seconds(ago),
                &format!(r#""temperature":{value}"#),
            )
        })
        .collect();
    let results = between_good_ones(&run, &bad).await;
    for result in &results {
        assert_eq!(result["result"], "quarantined", "{result}");
        assert_eq!(result["reason"], "implausible", "{result}");
    }
    let path = run.at_home(&format!("/quarantined-readings?unit_id={}", run.home.unit));
    let aside = run.get(&path).await.expect(200);
    let mut kept: Vec<_> = aside["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["raw_value"].as_str().unwrap().to_owned())
        .collect();
    let mut posted: Vec<_> = values
        .iter()
        .map(|v| v.trim_matches('"').to_owned())
        .collect();
    kept.sort();
    posted.sort();
    assert_eq!(kept, posted, "as they were written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnected_probe_raises_sensor_fault_and_no_temperature_alert() {
    let run = Running::start().await;
    let answer = run
        .ingest(&[run.reading(r#""temperature":327.67"#)])
        .await
        .expect(200);
    assert_eq!(answer["counts"]["quarantined"], 1, "{answer}");
    assert!(run.stored().await.is_empty());
    let faults = run.alerts("sensor_fault").await;
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0]["severity"], "critical");
    assert!(run.alerts("temp_excursion").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_edges_of_the_plausible_band_are_readings() {
    let run = Running::start().await;
    let now = run.now();
    let batch = [
        run.reading_at(now - Span::from_seconds(2), r#""temperature":150"#),
        run.reading_at(now - Span::from_seconds(1), r#""temperature":-100"#),
        run.reading_at(now, r#""temperature":"302","temperature_unit":"F""#),
    ];
    let answer = run.ingest(&batch).await.expect(200);
    assert_eq!(answer["counts"]["accepted"], 3, "{answer}");
    assert_eq!(run.stored().await, [150.0, -100.0, 150.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_elements_are_duplicates_and_the_first_value_stands() {
    let run = Running::start().await;
    let first = run.reading(r#""temperature":4"#);
    let other = run.reading(r#""temperature":9"#);
    let answer = run
        .ingest(&[first.clone(), first.clone(), other])
        .await
        .expect(200);
    let results = &answer["results"];
    assert_eq!(results[0]["result"], "accepted", "{answer}");
    for index in [1, 2] {
        assert_eq!(results[index]["result"], "duplicate", "{answer}");
        assert_eq!(results[index]["reading_id"], results[0]["reading_id"]);
    }
    assert!(results[1].get("value_differs").is_none(), "{answer}");
    assert_eq!(results[2]["value_differs"], true);
    assert_eq!(run.stored().await, [4.0]);
    assert!(
        run.alerts("temp_excursion").await.is_empty(),
        "9 °C never counted"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn posting_a_batch_again_changes_nothing() {
    let run = Running::start().await;
    let now = run.now();
    let batch = [
        run.reading_at(now - Span::from_seconds(2), r#""temperature":8"#),
        run.reading_at(now - Span::from_seconds(1), r#""temperature":400"#),
        run.reading_at(now, r#""temperature":8.5"#),
    ];
    let first = run.ingest(&batch).await.expect(200);
    let alerts = run.alerts("temp_excursion").await;
    let stored = run.stored().await;
    let chain = run
        .get(&run.at_home("/audit/verification"))
        .await
        .expect(200);
    let again = run.ingest(&batch).await.expect(200);
    assert_eq!(again["counts"]["duplicate"], 3, "{again}");
    for index in [0, 2] {
        assert_eq!(
            again["results"][index]["reading_id"],
            first["results"][index]["reading_id"]
        );
    }
    assert_eq!(run.stored().await, stored);
    assert_eq!(run.alerts("temp_excursion").await, alerts);
    let after = run
        .get(&run.at_home("/audit/verification"))
        .await
        .expect(200);
    assert_eq!(after, chain, "not even the audit chain grew");
    assert_eq!(after["ok"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_optional_field_and_an_unknown_one_cost_a_warning_only() {
    let run = Running::start().await;
    let odd = run.reading(
        r#""temperature":4,"humidity_percent":"wet","battery_percent":101,"colour":"blue""#,
    );
    let answer = run.ingest(&[odd]).await.expect(200);
    assert_eq!(answer["results"][0]["result"], "accepted", "{answer}");
    let warnings = answer["results"][0]["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 3, "{answer}");
    assert_eq!(run.stored().await, [4.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_nothing_but_rejected_readings_is_answered_with_200() {
    let run = Running::start().await;
    let answer = run
        .ingest(&["7".to_owned(), "{}".to_owned()])
        .await
        .expect(200);
    assert_eq!(answer["counts"]["rejected"], 2, "{answer}");
    assert_eq!(answer["results"].as_array().unwrap().len(), 2);
}
