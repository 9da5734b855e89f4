//! Changing, archiving and restoring places and devices.

use crate::house::House;
use freshtrack_core::principal::Role;
use freshtrack_core::time::Span;
use reqwest::Method;
use serde_json::{Value, json};

/// A path of the first unit, area or site.
fn unit(house: &House) -> String {
    house.path(&format!("/units/{}", house.made.unit))
}

fn area(house: &House) -> String {
    house.path(&format!("/areas/{}", house.made.area))
}

fn site(house: &House) -> String {
    house.path(&format!("/sites/{}", house.made.site))
}

async fn device(house: &House, body: Value) -> (String, Value) {
    let path = house.path("/devices");
    let device = house.post(&house.owner, &path, body).await.with(201);
    let id = device["id"].as_str().unwrap();
    (house.path(&format!("/devices/{id}")), device)
}

async fn reading(house: &House, ago: i64, celsius: f64) -> Value {
    let at = house.now() - Span::from_seconds(ago);
    let body = json!({ "readings": [{
        "unit_id": house.made.unit, "recorded_at": at.to_string(), "temperature": celsius
    }]});
    house.ingest(body).await.with(200)
}

async fn names(house: &House, path: &str) -> Vec<String> {
    let list = house.get(&house.owner, path).await.with(200);
    let names = list["items"].as_array().unwrap().iter();
    names
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect()
}

pub(crate) async fn places_and_devices_are_changed_field_by_field(house: &House) {
    let owner = &house.owner;
    let body = json!({ "address": "1 Main Street", "city": "Springfield", "latitude": 39.799_017,
                       "corrective_action_required": true });
    let answer = house.patch(owner, &site(house), body).await;
    assert_eq!(answer.header("etag"), "\"2\"");
    let changed = answer.with(200);
    assert_eq!(changed["latitude"], 39.799_017);
    assert_eq!(changed["name"], "Main site", "what is left out stays");
    let again = house.get(owner, &site(house)).await;
    assert_eq!(again.header("etag"), "\"2\"");
    assert_eq!(again.with(200), changed);

    let body = json!({ "description": "behind the bar", "sort_order": 4 });
    let changed = house.patch(owner, &area(house), body).await.with(200);
    assert_eq!(changed["description"], "behind the bar");

    let body = json!({ "make": "Frigidaire", "notes": "hums", "monitoring_mode": "manual" });
    let before = house.get(owner, &unit(house)).await.with(200);
    let changed = house.patch(owner, &unit(house), body).await.with(200);
    assert_eq!(
        (&changed["make"], &changed["version"]),
        (&json!("Frigidaire"), &json!(2))
    );
    assert_ne!(
        changed["monitoring_started_at"], before["monitoring_started_at"],
        "another mode begins the watch anew"
    );

    let (path, _) = device(
        house,
        json!({ "name": "probe", "unit_id": house.made.unit }),
    )
    .await;
    let body = json!({ "uplink_interval_seconds": 900, "battery_low_mv": 3_000,
                       "sentinel_temperatures": [-127.0, 85.0] });
    let changed = house.patch(owner, &path, body).await.with(200);
    assert_eq!(changed["sentinel_temperatures"], json!([-127.0, 85.0]));
    assert_eq!(changed["uplink_interval_seconds"], 900);
    assert_eq!(changed["is_primary"], true, "what is left out stays");
}

pub(crate) async fn a_change_is_based_on_the_version_the_caller_saw(house: &House) {
    let owner = &house.owner;
    let body = json!({ "name": "Renamed" });
    let (path, _) = device(house, json!({ "name": "probe" })).await;
    for path in [unit(house), area(house), site(house), path] {
        let change = |tag: &'static str, method: Method| {
            let (path, body) = (path.clone(), body.clone());
            async move {
                let body = (method == Method::PATCH).then_some(&body);
                let headers = [("if-match", tag)];
                house.send(owner, method, &path, body, &headers).await
            }
        };
        change("\"1\"", Method::PATCH).await.with(200);
        change("\"1\"", Method::PATCH)
            .await
            .problem(412, "version-mismatch");
        change("\"1\"", Method::DELETE)
            .await
            .problem(412, "version-mismatch");
        change("\"2\"", Method::DELETE).await.with(204);
        let restore = format!("{path}/restore");
        let stale = [("if-match", "\"2\"")];
        let answer = house
            .send(owner, Method::POST, &restore, None, &stale)
            .await;
        answer.problem(412, "version-mismatch");
        let answer = house.post(owner, &restore, json!({})).await;
        assert_eq!(answer.header("etag"), "\"4\"");
        answer.with(200);
        let late = house.patch(owner, &path, body.clone()).await;
        assert_eq!(
            late.with(200)["version"],
            5,
            "without a tag the newest is changed"
        );
    }
    let (path, _) = device(house, json!({ "name": "other" })).await;
    let assignment = json!({ "unit_id": house.made.unit });
    let stale = [("if-match", "\"7\"")];
    let path = format!("{path}/assignment");
    let answer = house.send(owner, Method::PUT, &path, Some(&assignment), &stale);
    answer.await.problem(412, "version-mismatch");
}

pub(crate) async fn null_clears_what_can_be_cleared_and_nothing_else(house: &House) {
    let owner = &house.owner;
    let body = json!({ "make": "Frigidaire", "serial": "S/1" });
    house.patch(owner, &unit(house), body).await.with(200);
    let changed = house
        .patch(owner, &unit(house), json!({ "make": null }))
        .await;
    let changed = changed.with(200);
    assert_eq!(
        (changed.get("make"), &changed["serial"]),
        (None, &json!("S/1"))
    );
    for field in ["name", "unit_type", "monitoring_mode", "sort_order"] {
        let answer = house
            .patch(owner, &unit(house), json!({ field: null }))
            .await;
        let problem = answer.problem(422, "validation-failed");
        assert_eq!(problem["errors"][0]["pointer"], format!("/{field}"));
    }
    for (path, body) in [
        (unit(house), json!({ "status": "ok" })),
        (unit(house), json!({ "serial": "x".repeat(129) })),
        (unit(house), json!({ "notes": "nul \u{0}" })),
        (site(house), json!({ "latitude": 90.1 })),
        (site(house), json!({ "timezone": "Mars/Olympus" })),
        (area(house), json!({ "sort_order": -1 })),
    ] {
        let answer = house.patch(owner, &path, body.clone()).await;
        assert_eq!(answer.status.as_u16(), 422, "{body}: {}", answer.body);
    }
}

pub(crate) async fn lists_show_what_was_asked_for(house: &House) {
    let owner = &house.owner;
    let freezer = json!({ "name": "Freezer", "area_id": house.made.area, "unit_type": "freezer" });
    house
        .post(owner, &house.path("/units"), freezer)
        .await
        .with(201);
    let units = house.path("/units");
    let first = house.get(owner, &unit(house)).await.with(200)["name"].clone();
    let first = first.as_str().unwrap();
    assert_eq!(names(house, &units).await, [first, "Freezer"]);
    let of = async |query: &str| names(house, &format!("{units}?{query}")).await;
    assert_eq!(of("unit_type=freezer").await, ["Freezer"]);
    assert_eq!(of("status=alarm_active").await, [""; 0]);
    assert_eq!(
        of(&format!("area_id={}&status=ok", house.made.area)).await,
        [first, "Freezer"]
    );
    assert_eq!(of(&format!("area_id={}", house.made.site)).await, [""; 0]);
    house.delete(owner, &unit(house)).await.with(204);
    assert_eq!(of("").await, ["Freezer"]);
    assert_eq!(of("archived=true").await, [first]);
    let page = house
        .get(owner, &format!("{units}?limit=1"))
        .await
        .with(200);
    assert_eq!(page.get("next"), None);
}

pub(crate) async fn an_archived_unit_closes_its_alerts_and_takes_no_readings(house: &House) {
    let owner = &house.owner;
    let (_, probe) = device(
        house,
        json!({ "name": "probe", "unit_id": house.made.unit }),
    )
    .await;
    reading(house, 5, 20.0).await;
    let open = house.path("/alerts?status=active");
    let alerts = house.get(owner, &open).await.with(200);
    assert_eq!(alerts["items"][0]["type"], "temp_excursion", "{alerts}");
    house.delete(owner, &unit(house)).await.with(204);
    let alerts = house.get(owner, &open).await.with(200);
    assert_eq!(alerts["items"], json!([]), "nothing is open at once");
    let alerts = house.get(owner, &house.path("/alerts")).await.with(200);
    let resolved = &alerts["items"][0]["resolved"];
    assert_eq!(
        (&resolved["kind"], &resolved["note"]),
        (&json!("manual"), &json!("unit archived"))
    );
    assert_eq!(resolved["by"], owner.id.to_string());

    let refused = reading(house, 4, 20.0).await;
    assert_eq!(refused["results"][0]["reason"], "unknown_unit");
    let at = house.now().to_string();
    let body = json!({ "readings": [
        { "device_id": probe["id"], "recorded_at": at, "temperature": 20 }
    ]});
    let refused = house.ingest(body).await.with(200);
    assert_eq!(refused["results"][0]["reason"], "unassigned_device");
    let shown = house.get(owner, &unit(house)).await.with(200);
    assert_eq!(shown["archived_by"], owner.id.to_string());
    house
        .delete(owner, &unit(house))
        .await
        .problem(409, "already-archived");
    let answer = house
        .patch(owner, &unit(house), json!({ "name": "x" }))
        .await;
    answer.problem(409, "already-archived");
    let readings = format!("{}/readings", unit(house));
    let kept = house.get(owner, &readings).await.with(200);
    assert_eq!(
        kept["items"].as_array().unwrap().len(),
        1,
        "what was measured stays"
    );
}

pub(crate) async fn a_restored_unit_starts_as_new(house: &House) {
    let owner = &house.owner;
    reading(house, 5, 20.0).await;
    house.delete(owner, &unit(house)).await.with(204);
    let restore = format!("{}/restore", unit(house));
    let restored = house.post(owner, &restore, json!({})).await.with(200);
    assert_eq!(restored["status"], "ok");
    assert_eq!(restored.get("archived_at"), None);
    assert_eq!(restored["monitoring_started_at"], restored["updated_at"]);
    house
        .post(owner, &restore, json!({}))
        .await
        .problem(409, "not-archived");
    let taken = reading(house, 0, 20.0).await;
    assert_eq!(taken["counts"]["accepted"], 1);
    let shown = house.get(owner, &unit(house)).await.with(200);
    assert_eq!(shown["status"], "excursion", "it is watched again");
}

pub(crate) async fn a_site_takes_everything_with_it_and_brings_exactly_that_back(house: &House) {
    let owner = &house.owner;
    let second = json!({ "name": "Second", "area_id": house.made.area, "unit_type": "fridge" });
    let second = house
        .post(owner, &house.path("/units"), second)
        .await
        .with(201);
    let second = house.path(&format!("/units/{}", second["id"].as_str().unwrap()));
    house.delete(owner, &second).await.with(204);
    reading(house, 5, 20.0).await;
    house.delete(owner, &site(house)).await.with(204);
    for list in ["/sites", "/areas", "/units"] {
        assert_eq!(names(house, &house.path(list)).await, [""; 0], "{list}");
    }
    let area_restore = format!("{}/restore", area(house));
    let answer = house.post(owner, &area_restore, json!({})).await;
    answer.problem(409, "parent-archived");
    let below = json!({ "name": "Cellar", "site_id": house.made.site });
    house
        .post(owner, &house.path("/areas"), below)
        .await
        .problem(404, "not-found");
    // the units below are evaluated by the sweeper
    let open = house.path("/alerts?status=active");
    for attempt in 0.. {
        let alerts = house.get(owner, &open).await.with(200);
        if alerts["items"] == json!([]) {
            break;
        }
        assert!(
            attempt < 50,
            "alerts below are closed within five seconds: {alerts}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let restore = format!("{}/restore", site(house));
    house.post(owner, &restore, json!({})).await.with(200);
    assert_eq!(names(house, &house.path("/units")).await.len(), 1);
    assert_eq!(
        names(house, &house.path("/units?archived=true")).await,
        ["Second"]
    );
    // somebody took the place of the other one
    let again = json!({ "name": "SECOND", "area_id": house.made.area, "unit_type": "fridge" });
    house
        .post(owner, &house.path("/units"), again)
        .await
        .with(201);
    let answer = house
        .post(owner, &format!("{second}/restore"), json!({}))
        .await;
    answer.problem(409, "name-taken");
}

pub(crate) async fn an_archived_device_frees_its_radio(house: &House) {
    let owner = &house.owner;
    let eui = "A84041000181BFD4";
    let body = json!({ "name": "probe", "dev_eui": eui, "unit_id": house.made.unit });
    let (path, _) = device(house, body.clone()).await;
    let answer = house
        .post(owner, &house.path("/devices"), body.clone())
        .await;
    answer.problem(409, "device-exists");
    house.delete(owner, &path).await.with(204);
    let shown = house.get(owner, &path).await.with(200);
    assert_eq!(shown["dev_eui"], eui, "it remembers its radio");
    let (successor, made) = device(house, body).await;
    assert_eq!(made["is_primary"], true);
    let restore = format!("{path}/restore");
    house
        .post(owner, &restore, json!({}))
        .await
        .problem(409, "device-exists");
    house.delete(owner, &successor).await.with(204);
    let restored = house.post(owner, &restore, json!({})).await.with(200);
    assert_eq!(restored["is_primary"], true, "alone on its unit again");
}

pub(crate) async fn another_type_of_unit_is_judged_by_its_own_limits_at_once(house: &House) {
    let owner = &house.owner;
    reading(house, 5, 3.0).await;
    let shown = house.get(owner, &unit(house)).await.with(200);
    assert_eq!(shown["status"], "ok", "3 °C suits a fridge");
    let body = json!({ "unit_type": "freezer" });
    let changed = house.patch(owner, &unit(house), body).await.with(200);
    assert_eq!(changed["status"], "excursion", "and no freezer");
}

pub(crate) async fn the_archive_is_audited(house: &House) {
    let manager = house.member("manager", Role::Manager).await;
    let before = house.store().audit_log.head(house.org()).await.unwrap().0;
    house
        .patch(&manager, &unit(house), json!({ "name": "Renamed" }))
        .await
        .with(200);
    house.delete(&manager, &unit(house)).await.with(204);
    let restore = format!("{}/restore", unit(house));
    house.post(&manager, &restore, json!({})).await.with(200);
    let range = freshtrack_core::ports::AuditRange {
        from: before + 1,
        limit: 100,
    };
    let events = house
        .store()
        .audit_log
        .list(house.org(), range)
        .await
        .unwrap();
    let kinds: Vec<_> = events
        .iter()
        .map(|event| event.draft.kind.as_str())
        .filter(|kind| kind.starts_with("unit.") && *kind != "unit.state_changed")
        .collect();
    assert_eq!(kinds, ["unit.changed", "unit.archived", "unit.restored"]);
    for event in events
        .iter()
        .filter(|event| event.draft.kind == "unit.archived")
    {
        let actor = freshtrack_core::principal::Actor::User(manager.id);
        assert_eq!(event.draft.actor, actor);
    }
    house
        .delete(&manager, &site(house))
        .await
        .problem(403, "role-too-low");
}
