//! Series of readings: buckets, extremes, gaps, days.

use crate::house::House;
use freshtrack_alerts::change::Change;
use freshtrack_alerts::testkit::sample::reading;
use freshtrack_core::principal::Role;
use freshtrack_core::reading::{Reading, Zone};
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

fn path(house: &House, query: &str) -> String {
    let unit = house.made.unit;
    house.path(&format!(
        "/units/{unit}/readings/series?temperature_unit=C&{query}"
    ))
}

async fn series(house: &House, query: &str) -> Value {
    house.get(&house.owner, &path(house, query)).await.with(200)
}

/// Stores judged readings, beside the engine.
async fn put(house: &House, readings: impl Iterator<Item = (Timestamp, i32)>) {
    let readings: Vec<Reading> = readings
        .map(|(at, milli)| Reading {
            recorded_at: at,
            effective_at: at,
            received_at: at,
            temperature: Some(Temperature::from_milli_celsius(milli)),
            zone: Some(if milli > 5_000 { Zone::Out } else { Zone::In }),
            ..reading(house.made.unit, 0)
        })
        .collect();
    for part in readings.chunks(5_000) {
        let mut change = Change::empty(house.org(), house.now());
        change.readings = part.to_vec();
        let answers = house.store().monitors.commit(&[change]).await.unwrap();
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    }
}

async fn every(house: &House, seconds: u32) {
    let rules = house.path(&format!("/rules/unit/{}", house.made.unit));
    let body = json!({ "fields": { "check_in_interval_seconds": seconds } });
    house
        .send(&house.owner, Method::PUT, &rules, Some(&body), &[])
        .await
        .with(200);
}

fn noon() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

pub(crate) async fn a_month_of_a_reading_a_minute_is_one_answer(house: &House) {
    every(house, 60).await;
    let minutes = 30 * 1_440;
    let start = noon();
    let peak = 17_777;
    put(
        house,
        (0..minutes).map(|minute| {
            let milli = if minute == peak { 9_000 } else { 3_000 };
            (start + Span::from_minutes(minute), milli)
        }),
    )
    .await;
    let end = start + Span::from_minutes(minutes);
    let begun = std::time::Instant::now();
    let answer = series(house, &format!("from={start}&to={end}&max_points=800")).await;
    let took = begun.elapsed();
    assert!(took.as_secs() < 10, "one statement, took {took:?}");
    assert_eq!(answer["bucket"], "1h");
    assert_eq!(answer["count"], 43_200);
    assert_eq!(answer["coverage"], 1.0);
    assert_eq!(answer["in_range"], 0.9999, "rounded down, never up to 1");
    let points = answer["points"].as_array().unwrap();
    assert_eq!(points.len(), 720);
    let warm: Vec<_> = points.iter().filter(|p| p["max"] == 9.0).collect();
    assert_eq!(warm.len(), 1, "the one warm minute of a month is seen");
    assert_eq!(warm[0]["out_count"], 1);
    assert_eq!(warm[0]["avg"], 3.1);
    assert_eq!(points[0]["start"], "2026-01-01T12:00:00Z");
    let days = series(house, &format!("from={start}&to={end}&bucket=1d")).await;
    let points = days["points"].as_array().unwrap();
    assert_eq!(points.len(), 31, "the first and the last are half days");
    assert_eq!(points[0]["count"], 720);
    assert_eq!(points[0]["coverage"], 1.0, "of its part of the window");
}

pub(crate) async fn a_gap_is_a_gap_and_extremes_stay(house: &House) {
    every(house, 300).await;
    let start = noon();
    let lost = |n: i64| (10..20).contains(&n);
    let readings = (0..36).filter(|n| !lost(*n));
    put(
        house,
        readings.map(|n| (start + Span::from_minutes(5 * n), -1_000)),
    )
    .await;
    let end = start + Span::from_minutes(180);
    let answer = series(house, &format!("from={start}&to={end}&bucket=15m")).await;
    let points = answer["points"].as_array().unwrap();
    let coverage: Vec<f64> = points
        .iter()
        .map(|p| p["coverage"].as_f64().unwrap())
        .collect();
    let third = 0.3333;
    assert_eq!(
        coverage,
        [
            1.0, 1.0, 1.0, third, 0.0, 0.0, third, 1.0, 1.0, 1.0, 1.0, 1.0
        ]
    );
    assert_eq!(points[4]["count"], 0);
    assert!(points[4].get("min").is_none() && points[4].get("avg").is_none());
    assert_eq!(answer["coverage"], 0.7222);
    assert_eq!(answer["in_range"], 1.0, "of what was observed");
    // Nothing at all was observed the day before: no share of it was in range.
    let before = start - Span::from_minutes(1_440);
    let answer = series(house, &format!("from={before}&to={start}&bucket=1h")).await;
    assert_eq!(answer["coverage"], 0.0);
    assert!(answer.get("in_range").is_none(), "{answer}");
}

pub(crate) async fn raw_readings_say_how_long_they_hold(house: &House) {
    every(house, 300).await;
    let start = noon();
    let at = |minute| start + Span::from_minutes(minute);
    put(
        house,
        [(at(0), 1_500), (at(5), 6_000), (at(30), 2_000)].into_iter(),
    )
    .await;
    let answer = series(house, &format!("from={start}&to={}", at(32))).await;
    assert_eq!(answer["bucket"], "raw");
    let points: Vec<_> = answer["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| json!([p["start"], p["end"], p["avg"], p["out_count"]]))
        .collect();
    assert_eq!(
        points,
        [
            json!(["2026-01-01T12:00:00Z", "2026-01-01T12:05:00Z", 1.5, 0]),
            json!(["2026-01-01T12:05:00Z", "2026-01-01T12:10:00Z", 6.0, 1]),
            json!(["2026-01-01T12:30:00Z", "2026-01-01T12:32:00Z", 2.0, 0]),
        ]
    );
    assert_eq!(answer["check_in_interval_seconds"], 300);
    assert_eq!(answer["coverage"], 0.375, "12 of 32 minutes");
    assert_eq!(answer["in_range"], 0.5833, "7 of 12 minutes");
}

pub(crate) async fn long_windows_and_odd_questions_are_refused(house: &House) {
    let owner = &house.owner;
    let week = "from=2026-01-01T00:00:00Z&to=2026-01-08T00:00:01Z";
    for query in [week.to_owned(), format!("{week}&bucket=raw")] {
        let answer = house.get(owner, &path(house, &query)).await;
        answer.problem(422, "bucket-required");
    }
    let day = "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z";
    for query in [
        "from=2026-01-02T00:00:00Z&to=2026-01-02T00:00:00Z".to_owned(),
        format!("{day}&bucket=1h&max_points=5"),
        format!("{day}&max_points=0"),
        format!("{day}&max_points=2001"),
        format!("{week}&bucket=1m"),
    ] {
        let answer = house.get(owner, &path(house, &query)).await;
        answer.problem(422, "validation-failed");
    }
    let answer = series(house, "").await;
    assert_eq!(answer["bucket"], "raw", "the last 24 hours by themselves");
    assert_eq!(answer["points"], json!([]));
    assert_eq!(answer["coverage"], 0.0);
}

pub(crate) async fn days_are_those_of_the_site(house: &House) {
    let owner = &house.owner;
    let body = json!({ "name": "Lisbon", "timezone": "Europe/Berlin" });
    let site = house
        .post(owner, &house.path("/sites"), body)
        .await
        .with(201);
    let body = json!({ "name": "Bar", "site_id": site["id"] });
    let area = house
        .post(owner, &house.path("/areas"), body)
        .await
        .with(201);
    let body = json!({ "name": "Fridge", "area_id": area["id"], "unit_type": "fridge" });
    let unit = house
        .post(owner, &house.path("/units"), body)
        .await
        .with(201);
    let unit = unit["id"].as_str().unwrap();
    let query = "from=2026-03-28T12:00:00Z&to=2026-03-30T12:00:00Z&bucket=1d";
    let path = house.path(&format!("/units/{unit}/readings/series?{query}"));
    let answer = house.get(owner, &path).await.with(200);
    let edges: Vec<_> = answer["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| json!([p["start"], p["end"]]))
        .collect();
    assert_eq!(
        edges,
        [
            json!(["2026-03-27T23:00:00Z", "2026-03-28T23:00:00Z"]),
            json!(["2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"]),
            json!(["2026-03-29T22:00:00Z", "2026-03-30T22:00:00Z"]),
        ],
        "the day on which the clocks change has 23 hours"
    );
}

pub(crate) async fn another_organizations_series_is_not_there(house: &House) {
    let stranger = house.stranger("stranger").await;
    let answer = house.get(&stranger, &path(house, "")).await;
    answer.problem(404, "not-found");
    let viewer = house.member("viewer", Role::Viewer).await;
    house.get(&viewer, &path(house, "")).await.with(200);
    let nobody = house.path("/units/00000000-0000-7000-8000-000000000000/readings/series");
    house.get(&viewer, &nobody).await.problem(404, "not-found");
}
