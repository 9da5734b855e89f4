//! Requests that are wrong as a whole: nothing of them is stored, and the answer says what to mend.

use crate::reply::send;
use crate::running::Running;
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_json_is_400_and_stores_nothing() {
    let run = Running::start().await;
    let good = run.reading(r#""temperature":4"#);
    for body in [
        String::new(),
        "not json".to_owned(),
        format!(r#"{{"readings":[{good}"#),
        format!(r#"{{"readings":[{good}]}} trailing"#),
        // NaN and infinity are no JSON, wherever they stand.
        format!(
            r#"{{"readings":[{good},{}]}}"#,
            run.reading(r#""temperature":NaN"#)
        ),
        format!(
            r#"{{"readings":[{good},{}]}}"#,
            run.reading(r#""temperature":Infinity"#)
        ),
        format!(
            r#"{{"readings":[{good},{}]}}"#,
            run.reading(r#""temperature":+4"#)
        ),
    ] {
        let problem = run
            .ingest_text(body)
            .await
            .problem(400, "malformed-request");
        assert!(
            problem["detail"].as_str().unwrap().contains("line"),
            "{problem}"
        );
    }
    assert!(run.stored().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_are_400() {
    let run = Running::start().await;
    run.ingest_text(vec![b'{', 0xff, 0xfe, b'}'])
        .await
        .problem(400, "malformed-request");
    let nested = format!(r#"{{"readings":{}"#, "[".repeat(100_000));
    run.ingest_text(nested)
        .await
        .problem(400, "malformed-request");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_is_no_batch_is_422() {
    let run = Running::start().await;
    for body in [
        "{}",
        "[]",
        "7",
        "null",
        r#""text""#,
        r#"{"readings":{}}"#,
        r#"{"readings":"many"}"#,
        r#"{"readings":null}"#,
        r#"{"readings":[]}"#,
        r#"{"readings":[],"readings":[]}"#,
        r#"{"temperature_unit":"K","readings":[{}]}"#,
    ] {
        run.ingest_text(body)
            .await
            .problem(422, "validation-failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_readings_are_taken_and_one_more_is_422() {
    let run = Running::start().await;
    let start = run.now() - freshtrack_core::time::Span::from_seconds(2_000);
    let readings: Vec<String> = (0..1_001)
        .map(|second| {
            let at = start + freshtrack_core::time::Span::from_seconds(second);
            run.reading_at(at, r#""temperature":4"#)
        })
        .collect();
    let problem = run
        .ingest(&readings)
        .await
        .problem(422, "validation-failed");
    assert_eq!(problem["errors"][0]["pointer"], "/readings");
    assert!(run.stored().await.is_empty(), "nothing of it is kept");
    let answer = run.ingest(&readings[..1_000]).await.expect(200);
    assert_eq!(answer["counts"]["accepted"], 1_000);
    assert_eq!(answer["results"][999]["index"], 999);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_mebibytes_are_413_whether_or_not_the_length_is_told() {
    let run = Running::start().await;
    let large = " ".repeat(2 << 20);
    run.ingest_text(large.clone())
        .await
        .problem(413, "payload-too-large");
    let pieces: Vec<Result<String, std::io::Error>> =
        (0..32).map(|_| Ok(" ".repeat(64 << 10))).collect();
    let chunked = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    run.ingest_text(chunked)
        .await
        .problem(413, "payload-too-large");
    // Every other path takes 64 KiB.
    let site = json!({ "name": "x".repeat(65 << 10) });
    run.post(&run.at_home("/sites"), &site)
        .await
        .problem(413, "payload-too-large");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_media_type_is_415() {
    let run = Running::start().await;
    for media in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
    ] {
        let request = run
            .request(Method::POST, "/api/v1/ingest/readings")
            .header("x-api-key", &run.home.api_key)
            .header("content-type", media)
            .body("{}");
        send(request).await.problem(415, "unsupported-media-type");
        let request = run
            .request(Method::POST, &run.at_home("/sites"))
            .bearer_auth(&run.owner)
            .header("content-type", media)
            .body(r#"{"name":"x"}"#);
        send(request).await.problem(415, "unsupported-media-type");
    }
    // Parameters of the right one are fine.
    let request = run
        .request(Method::POST, &run.at_home("/sites"))
        .bearer_auth(&run.owner)
        .header("content-type", "application/json; charset=utf-8")
        .body(r#"{"name":"Annex"}"#);
    send(request).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_are_404_and_unknown_methods_405() {
    let run = Running::start().await;
    for path in [
        "/nothing".to_owned(),
        "/api/v1/nothing".to_owned(),
        "/api/v2/organizations".to_owned(),
        run.at_home("/nothing"),
        // An id that is none names nothing.
        "/api/v1/organizations/7/sites".to_owned(),
        run.at_home("/units/x"),
    ] {
        run.get(&path).await.problem(404, "not-found");
    }
    for (method, path) in [
        (Method::PUT, "/api/v1/ingest/readings".to_owned()),
        (Method::GET, "/api/v1/ingest/readings".to_owned()),
        (Method::DELETE, run.at_home("/sites")),
        (Method::POST, "/health/live".to_owned()),
        (Method::POST, "/api/v1/stream".to_owned()),
        (
            Method::PUT,
            format!("/api/v1/ttn/{}/uplink", "x".repeat(22)),
        ),
    ] {
        let request = run.request(method.clone(), &path).bearer_auth(&run.owner);
        let answer = send(request.json(&json!({}))).await;
        assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text);
        answer.problem(405, "method-not-allowed");
        let allowed = answer.header("allow");
        assert!(!allowed.is_empty(), "{method} {path}: what it takes");
        assert!(!allowed.contains(method.as_str()), "{method}: {allowed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_and_parameters_that_are_wrong_are_422_and_named() {
    let run = Running::start().await;
    let sites = run.at_home("/sites");
    for body in [
        json!({}),
        json!({ "name": 7 }),
        json!({ "name": true }),
        json!({ "name": ["x"] }),
        json!({ "name": "x", "timezone": 7 }),
        json!({ "name": "x", "corrective_action_required": "yes" }),
        json!({ "name": "x", "corrective_action_required": 1 }),
        json!({ "name": "" }),
        json!({ "name": "x", "status": "ok" }),
        json!({ "name": "x", "timezone": "Mars/Base" }),
        json!([]),
        json!(null),
    ] {
        run.post(&sites, &body)
            .await
            .problem(422, "validation-failed");
    }
    let unit = json!({ "name": "x", "area_id": run.home.area, "unit_type": "oven" });
    run.post(&run.at_home("/units"), &unit)
        .await
        .problem(422, "validation-failed");
    for query in [
        "limit=0",
        "limit=201",
        "limit=x",
        "status=closed",
        "from=yesterday",
    ] {
        let path = run.at_home(&format!("/alerts?{query}"));
        let problem = run.get(&path).await.problem(422, "validation-failed");
        let name = query.split('=').next().unwrap();
        assert_eq!(
            problem["errors"][0]["pointer"],
            format!("?{name}"),
            "{problem}"
        );
    }
    for cursor in ["x", "", "W10"] {
        let path = run.at_home(&format!("/sites?after={cursor}"));
        run.get(&path).await.problem(400, "cursor-invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allowance_that_is_used_up_is_429_and_says_when_to_come_back() {
    let run = Running::start_with(|settings| settings.limits.requests_per_minute = 3).await;
    let path = run.at_home("");
    for _ in 0..3 {
        run.get(&path).await.expect(200);
    }
    let refused = run.get(&path).await;
    refused.problem(429, "rate-limited");
    assert!((1..=60).contains(&refused.header("retry-after").parse::<u32>().unwrap()));
    // Readings have an allowance of their own.
    let reading = run.reading(r#""temperature":4"#);
    run.ingest(&[reading]).await.expect(200);
}
