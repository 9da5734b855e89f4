//! Manual logs and corrective actions: written once, read back, and what they bring about.

use crate::house::House;
use freshtrack_core::principal::Role;
use freshtrack_core::time::Span;
use serde_json::{Value, json};

fn logs(house: &House) -> String {
    house.path(&format!("/units/{}/manual-logs", house.made.unit))
}

async fn kinds_of_audit(house: &House) -> Vec<String> {
    let log = house.audit().await;
    log.into_iter().map(|event| event.draft.kind).collect()
}

pub(crate) async fn a_log_is_judged_here_and_needs_an_action_out_of_range(house: &House) {
    let cook = house.member("cook", Role::Staff).await;
    let fine = json!({ "temperature": 40.5, "temperature_unit": "F", "notes": "by hand" });
    let answer = house.post(&cook, &logs(house), fine).await;
    assert!(answer.header("location").ends_with("/manual-logs"));
    let log = answer.with(201);
    assert_eq!(log["in_range"], true, "{log}");
    assert_eq!(
        log["temperature"], 40.5,
        "shown in the organization's scale"
    );
    assert_eq!(log["reported_unit"], "F");
    let hot = json!({ "temperature": 48.2, "temperature_unit": "F" });
    let refused = house.post(&cook, &logs(house), hot).await;
    refused.problem(422, "corrective-action-required");
    let hot = json!({
        "temperature": 48.2, "temperature_unit": "F", "client_ref": "phone-1",
        "corrective_action": "moved the food",
    });
    let log = house.post(&cook, &logs(house), hot.clone()).await.with(201);
    assert_eq!(log["in_range"], false, "{log}");
    let again = house.post(&cook, &logs(house), hot).await.with(201);
    assert_eq!(again, log, "a repeat is the stored log");
    let id = log["corrective_action_id"].as_str().unwrap();
    let path = house.path(&format!("/corrective-actions/{id}"));
    let action = house.get(&cook, &path).await.with(200);
    assert_eq!(action["description"], "moved the food");
    assert_eq!(action["manual_log_id"], log["id"]);
    let out = house.path("/manual-logs?in_range=false");
    let listed = house.get(&cook, &out).await.with(200);
    assert_eq!(listed["items"], json!([log]), "{listed}");
    let listed = house.get(&cook, &logs(house)).await.with(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2, "{listed}");
    let kinds = kinds_of_audit(house).await;
    let told = |kind: &str| kinds.iter().filter(|known| *known == kind).count();
    assert_eq!(told("manual_log.recorded"), 2, "{kinds:?}");
    assert_eq!(told("corrective_action.recorded"), 1, "{kinds:?}");
}

pub(crate) async fn logs_that_cannot_be_are_refused_with_the_field(house: &House) {
    let now = house.now();
    let at = |minutes| (now + Span::from_minutes(minutes)).to_string();
    for (body, pointer) in [
        (json!({ "temperature": 94 }), "/temperature"),
        (
            json!({ "temperature": 3, "humidity_percent": 101 }),
            "/humidity_percent",
        ),
        (
            json!({ "temperature": 3, "recorded_at": at(10) }),
            "/recorded_at",
        ),
        (
            json!({ "temperature": 3, "recorded_at": at(-10_200) }),
            "/recorded_at",
        ),
        (
            json!({ "temperature": 3, "photo_url": "http://x.test/1" }),
            "/photo_url",
        ),
        (
            json!({ "temperature": 3, "notes": "x".repeat(1_001) }),
            "/notes",
        ),
    ] {
        let refused = house.post(&house.owner, &logs(house), body.clone()).await;
        let problem = refused.problem(422, "validation-failed");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
    }
    let unknown = json!({ "temperature": 3, "in_range": true });
    let refused = house.post(&house.owner, &logs(house), unknown).await;
    refused.problem(422, "validation-failed");
    let elsewhere = house.path(&format!("/units/{}/manual-logs", house.made.site));
    let refused = house
        .post(&house.owner, &elsewhere, json!({ "temperature": 3 }))
        .await;
    refused.problem(404, "not-found");
    let listed = house
        .get(&house.owner, &house.path("/manual-logs"))
        .await
        .with(200);
    assert_eq!(listed["items"], json!([]), "nothing was stored");
}

pub(crate) async fn a_phone_that_sends_twice_at_once_makes_one_log(house: &House) {
    let body = json!({ "temperature": 3.5, "client_ref": "phone-2" });
    let path = logs(house);
    let send = || house.post(&house.owner, &path, body.clone());
    let (one, two, three, four) = tokio::join!(send(), send(), send(), send());
    let one = one.with(201);
    for other in [two, three, four] {
        assert_eq!(other.with(201), one, "all answer the one log");
    }
    let listed = house.get(&house.owner, &path).await.with(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
}

/// An open alert of the fridge at 20 °C.
pub(crate) async fn alert(house: &House) -> String {
    let body = json!({ "readings": [{
        "unit_id": house.made.unit, "recorded_at": house.now().to_string(), "temperature": 20,
    }]});
    house.ingest(body).await.with(200);
    let alerts = house
        .get(&house.owner, &house.path("/alerts?type=temp_excursion"))
        .await;
    alerts.with(200)["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

pub(crate) async fn actions_answer_alerts_and_correct_each_other(house: &House) {
    let id = alert(house).await;
    let path = house.path("/corrective-actions");
    let body = json!({
        "alert_id": id, "description": "turned the dial back", "root_cause": "bumped",
        "photo_urls": ["https://photos.example.test/1.jpg"], "completed_at": house.now().to_string(),
    });
    let answer = house.post(&house.owner, &path, body).await;
    let location = answer
        .header("location")
        .trim_start_matches("/api/v1")
        .to_owned();
    let first = answer.with(201);
    assert_eq!(first["unit_id"], json!(house.made.unit));
    assert_eq!(house.get(&house.owner, &location).await.with(200), first);
    let body = json!({ "alert_id": id, "description": "not the dial", "corrects": first["id"] });
    let second = house.post(&house.owner, &path, body).await.with(201);
    let listed = house
        .get(&house.owner, &format!("{path}?alert_id={id}"))
        .await
        .with(200);
    assert_eq!(listed["items"], json!([second, first]), "the old one stays");
    let history = house.path(&format!("/alerts/{id}/history"));
    let history = house.get(&house.owner, &history).await.with(200);
    let kinds: Vec<&Value> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| &l["kind"])
        .collect();
    assert_eq!(
        kinds,
        [
            "raised",
            "corrective_action_added",
            "corrective_action_added"
        ]
    );
    let resolve = house.path(&format!("/alerts/{id}/resolve"));
    let body = json!({ "note": "over", "corrective_action": "taped the dial" });
    house.post(&house.owner, &resolve, body).await.with(200);
    let listed = house
        .get(&house.owner, &format!("{path}?alert_id={id}"))
        .await
        .with(200);
    assert_eq!(
        listed["items"][0]["description"], "taped the dial",
        "{listed}"
    );
    let body = json!({ "alert_id": id, "description": "and told the crew" });
    house.post(&house.owner, &path, body).await.with(201);
}

pub(crate) async fn actions_need_one_subject_of_the_own_organization(house: &House) {
    let path = house.path("/corrective-actions");
    let unit = house.made.unit;
    for body in [
        json!({ "description": "nothing" }),
        json!({ "description": "two", "unit_id": unit, "alert_id": unit }),
        json!({ "description": " ", "unit_id": unit }),
        json!({ "description": "x".repeat(2_001), "unit_id": unit }),
        json!({ "description": "who", "unit_id": unit, "user_id": unit }),
    ] {
        let refused = house.post(&house.owner, &path, body).await;
        refused.problem(422, "validation-failed");
    }
    for (field, pointer) in [
        ("unit_id", "/unit_id"),
        ("alert_id", "/alert_id"),
        ("manual_log_id", "/manual_log_id"),
    ] {
        let body = json!({ "description": "elsewhere", field: house.made.site });
        let refused = house.post(&house.owner, &path, body).await;
        let problem = refused.problem(404, "not-found");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    let viewer = house.member("viewer", Role::Viewer).await;
    let body = json!({ "description": "read only", "unit_id": unit });
    let refused = house.post(&viewer, &path, body).await;
    refused.problem(403, "role-too-low");
    let listed = house.get(&viewer, &path).await.with(200);
    assert_eq!(listed["items"], json!([]), "nothing was stored");
}
