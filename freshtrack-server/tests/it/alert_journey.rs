//! One excursion from its first reading to its end, as people and their programs see it.

use crate::running::Running;
use freshtrack_core::principal::Role;
use serde_json::{Value, json};

/// A fridge at 8 °C: the alert it opens.
async fn excursion(run: &Running) -> String {
    let answer = run
        .ingest(&[run.reading(r#""temperature":8"#)])
        .await
        .expect(200);
    assert_eq!(answer["counts"]["accepted"], 1, "{answer}");
    let alerts = run.alerts("temp_excursion").await;
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    alerts[0]["id"].as_str().expect("an id").to_owned()
}

async fn get(run: &Running, alert: &str) -> Value {
    run.get(&run.at_home(&format!("/alerts/{alert}?temperature_unit=C")))
        .await
        .expect(200)
}

async fn kinds(run: &Running, alert: &str) -> Vec<String> {
    let path = run.at_home(&format!("/alerts/{alert}/history"));
    let history = run.get(&path).await.expect(200);
    let items = history["items"].as_array().expect("a list");
    items
        .iter()
        .map(|item| item["kind"].as_str().expect("a kind").to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_excursion_is_confirmed_by_time_alone_taken_and_closed() {
    let run = Running::start().await;
    let since = run.now();
    let id = excursion(&run).await;

    let raised = get(&run, &id).await;
    assert_eq!(raised["severity"], "warning", "{raised}");
    assert_eq!(raised["status"], "active");
    assert_eq!(raised["type"], "temp_excursion");
    assert_eq!(raised["violated"], "max");
    assert_eq!(
        raised["limit"],
        json!({ "value": 41.0, "unit": "F", "celsius": 5.0 })
    );
    assert_eq!(raised["trigger"]["temperature"], 8.0);
    assert_eq!(raised["condition_since"], since.to_string());
    assert!(raised.get("confirmed_at").is_none(), "{raised}");
    assert_eq!(kinds(&run, &id).await, ["raised"]);

    // One second before the ten minutes are over nothing may happen, however often it is looked at.
    run.advance(599);
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    assert_eq!(get(&run, &id).await["severity"], "warning");
    // No reading comes any more: the sweeper alone confirms.
    run.advance(1);
    let confirmed = run
        .alert_when("temp_excursion", |alert| alert["severity"] == "critical")
        .await;
    assert_eq!(confirmed["id"], id.as_str());
    let at = since + freshtrack_core::time::Span::from_seconds(600);
    assert_eq!(confirmed["confirmed_at"], at.to_string());
    assert!(kinds(&run, &id).await.contains(&"confirmed".to_owned()));

    take(&run, &id).await;
    close(&run, &id).await;
    let history = kinds(&run, &id).await;
    assert_eq!(history.first().unwrap(), "raised");
    assert!(history.contains(&"acknowledged".to_owned()), "{history:?}");
    assert_eq!(history.last().unwrap(), "resolved_manual");
}

/// Acknowledged once; again by the same person changes nothing, by another is a conflict.
async fn take(run: &Running, id: &str) {
    let ann = run.member("ann@home.example", Role::Staff).await;
    let bob = run.member("bob@home.example", Role::Staff).await;
    let path = run.at_home(&format!("/alerts/{id}/acknowledge"));
    let long = json!({ "note": "x".repeat(1_001) });
    run.post_as(&ann, &path, &long)
        .await
        .problem(422, "validation-failed");
    let note = json!({ "note": "on my way" });
    let taken = run.post_as(&ann, &path, &note).await.expect(200);
    assert_eq!(taken["status"], "acknowledged");
    assert_eq!(taken["acknowledged"]["note"], "on my way");
    run.advance(5);
    let again = run
        .post_as(&ann, &path, &json!({ "note": "still me" }))
        .await
        .expect(200);
    assert_eq!(again, taken, "unchanged");
    let other = run.post_as(&bob, &path, &json!({})).await;
    let problem = other.problem(409, "alert-already-acknowledged");
    let who = taken["acknowledged"]["by"].as_str().expect("a person");
    assert!(
        problem["detail"].as_str().expect("words").contains(who),
        "{problem}"
    );
}

/// Closed with a note and not without; then it is over for good.
async fn close(run: &Running, id: &str) {
    let path = run.at_home(&format!("/alerts/{id}/resolve"));
    for body in [json!({}), json!({ "note": "" }), json!({ "note": "  " })] {
        run.post(&path, &body)
            .await
            .problem(422, "resolution-required");
    }
    let long = json!({ "note": "x".repeat(2_001) });
    run.post(&path, &long)
        .await
        .problem(422, "validation-failed");
    assert_eq!(get(run, id).await["status"], "acknowledged");
    let closed = run
        .post(&path, &json!({ "note": "door was ajar" }))
        .await
        .expect(200);
    assert_eq!(closed["status"], "resolved");
    assert_eq!(closed["resolved"]["kind"], "manual");
    assert_eq!(closed["resolved"]["by"], run.home.owner.id.to_string());
    run.post(&path, &json!({ "note": "again" }))
        .await
        .problem(409, "alert-resolved");
    let acknowledge = run.at_home(&format!("/alerts/{id}/acknowledge"));
    run.post(&acknowledge, &json!({}))
        .await
        .problem(409, "alert-resolved");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_readings_in_band_resolve_an_excursion_by_itself() {
    let run = Running::start().await;
    let id = excursion(&run).await;
    run.advance(60);
    run.ingest(&[run.reading(r#""temperature":3"#)])
        .await
        .expect(200);
    assert_eq!(
        get(&run, &id).await["status"],
        "active",
        "one is not enough"
    );
    run.advance(60);
    run.ingest(&[run.reading(r#""temperature":3.1"#)])
        .await
        .expect(200);
    let over = get(&run, &id).await;
    assert_eq!(over["status"], "resolved", "{over}");
    assert_eq!(over["resolved"]["kind"], "auto");
    assert!(over["resolved"].get("by").is_none(), "{over}");
    assert_eq!(over["severity"], "warning", "it was never confirmed");
    assert_eq!(kinds(&run, &id).await, ["raised", "resolved_auto"]);
    let unit = run
        .get(&run.at_home(&format!("/units/{}", run.home.unit)))
        .await;
    assert_eq!(unit.expect(200)["status"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_wants_to_know_what_was_done_gets_no_close_without_it() {
    let run = Running::start().await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let site = json!({ "name": "Strict", "corrective_action_required": true });
    let site = run.post(&run.at_home("/sites"), &site).await.expect(201);
    let area = json!({ "name": "Cellar", "site_id": site["id"] });
    let area = run.post(&run.at_home("/areas"), &area).await.expect(201);
    let unit = json!({ "name": "Fridge", "area_id": area["id"], "unit_type": "fridge" });
    let unit = text(&run.post(&run.at_home("/units"), &unit).await.expect(201)["id"]);
    let hot = run
        .reading(r#""temperature":9"#)
        .replace(&run.home.unit.to_string(), &unit);
    run.ingest(&[hot]).await.expect(200);
    run.advance(601);
    let alert = run
        .alert_when("temp_excursion", |alert| alert["severity"] == "critical")
        .await;
    let path = run.at_home(&format!("/alerts/{}/resolve", text(&alert["id"])));
    run.post(&path, &json!({ "note": "fixed" }))
        .await
        .problem(422, "corrective-action-required");
    let body = json!({ "note": "fixed", "corrective_action": "moved the stock" });
    let closed = run.post(&path, &body).await.expect(200);
    assert_eq!(closed["status"], "resolved");
    assert_eq!(closed["corrective_action_pending"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn temperatures_come_in_the_scale_that_is_asked_for() {
    let run = Running::start().await;
    let id = excursion(&run).await;
    let alert = run.at_home(&format!("/alerts/{id}"));
    let readings = run.at_home(&format!("/units/{}/readings", run.home.unit));
    for (query, unit, shown) in [
        ("?temperature_unit=C", "C", 8.0),
        ("?temperature_unit=F", "F", 46.4),
        ("", "F", 46.4),
    ] {
        let one = run.get(&format!("{alert}{query}")).await.expect(200);
        assert_eq!(one["temperature_unit"], unit);
        assert_eq!(one["trigger"]["temperature"], shown);
        assert_eq!(one["limit"]["value"], 41.0, "limits stay as authored");
        let list = run.get(&format!("{readings}{query}")).await.expect(200);
        assert_eq!(list["items"][0]["temperature"], shown);
        let latest = run
            .get(&format!("{readings}/latest{query}"))
            .await
            .expect(200);
        assert_eq!(latest, list["items"][0]);
    }
    run.get(&format!("{alert}?temperature_unit=K"))
        .await
        .problem(422, "validation-failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_without_gap_or_repeat_while_rows_arrive() {
    let run = Running::start().await;
    let now = run.now();
    let second = freshtrack_core::time::Span::from_seconds;
    let batch: Vec<_> = (0..25)
        .map(|i| {
            run.reading_at(
                now - second(100 - i),
                &format!(r#""temperature":{}"#, i % 4 + 1),
            )
        })
        .collect();
    run.ingest(&batch).await.expect(200);
    let base = run.at_home(&format!("/units/{}/readings?limit=10", run.home.unit));
    for order in ["asc", "desc"] {
        let mut seen: Vec<String> = Vec::new();
        let mut path = format!("{base}&order={order}");
        let mut pages = 0;
        loop {
            let page = run.get(&path).await.expect(200);
            let items = page["items"].as_array().unwrap();
            seen.extend(
                items
                    .iter()
                    .map(|i| i["recorded_at"].as_str().unwrap().to_owned()),
            );
            pages += 1;
            let Some(next) = page.get("next").and_then(Value::as_str) else {
                break;
            };
            path = format!("{base}&order={order}&after={next}");
            let other = if order == "asc" { "desc" } else { "asc" };
            let misused = format!("{base}&order={other}&after={next}");
            run.get(&misused).await.problem(400, "cursor-invalid");
            let elsewhere = run.at_home(&format!("/alerts?after={next}"));
            run.get(&elsewhere).await.problem(400, "cursor-invalid");
            // A row that arrives on a page already read moves nothing.
            if order == "desc" && pages == 1 {
                run.advance(1);
                run.ingest(&[run.reading(r#""temperature":4"#)])
                    .await
                    .expect(200);
            }
        }
        assert_eq!((pages, seen.len()), (3, 25), "{order}");
        let mut sorted = seen.clone();
        sorted.sort();
        sorted.dedup();
        if order == "desc" {
            sorted.reverse();
        }
        assert_eq!(seen, sorted, "{order}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_filtered_by_what_the_query_names() {
    let run = Running::start().await;
    excursion(&run).await;
    let count = async |query: &str| {
        let list = run
            .get(&run.at_home(&format!("/alerts?{query}")))
            .await
            .expect(200);
        list["items"].as_array().unwrap().len()
    };
    let (unit, site) = (run.home.unit, run.home.site);
    for (query, found) in [
        (String::new(), 1),
        ("status=active".to_owned(), 1),
        ("status=resolved".to_owned(), 0),
        ("status=resolved&status=active".to_owned(), 1),
        ("severity=critical".to_owned(), 0),
        ("severity=critical&severity=warning".to_owned(), 1),
        ("type=door_open".to_owned(), 0),
        (format!("unit_id={unit}&site_id={site}"), 1),
        (format!("unit_id={site}"), 0),
        ("from=2026-03-02T12:00:00Z".to_owned(), 1),
        ("from=2026-03-02T12:00:01Z".to_owned(), 0),
        ("to=2026-03-02T12:00:00Z".to_owned(), 0),
    ] {
        assert_eq!(count(&query).await, found, "{query}");
    }
}
