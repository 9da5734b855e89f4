//! RT-27: the checked-in schema and types name everything that can be sent, and nothing else.

use crate::world::place;
use freshtrack_core::event::EventKind;
use freshtrack_core::temperature::TemperatureUnit::C;
use freshtrack_realtime::testkit::sample::{alert_raised, alert_value, event, org, state_changed};
use freshtrack_realtime::{
    Content, ServerEvent, events_schema, events_typescript, render, replayed_body,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Compares a generated file with the checked-in one, or writes it when asked to.
fn is_current(path: &str, text: &str) {
    let file = in_repository(path);
    if std::env::vars().any(|(name, value)| name == "UPDATE_EVENTS" && value == "1") {
        std::fs::write(&file, text).expect("the file can be written");
    }
    let have = std::fs::read_to_string(&file).expect("the file is there");
    assert!(
        have == text,
        "{path} is not current: run the tests of freshtrack-realtime with UPDATE_EVENTS=1"
    );
}

#[test]
fn rt_27_the_checked_in_schema_and_types_are_current() {
    let schema = serde_json::to_string_pretty(&events_schema()).expect("JSON");
    is_current("openapi/events-v1.json", &(schema + "\n"));
    is_current("examples/live-client/src/events.ts", &events_typescript());
}

#[test]
fn rt_27_every_event_has_a_payload_in_the_schema() {
    let schema = events_schema();
    for event in ServerEvent::ALL {
        let reference = schema["properties"][event.as_str()]["$ref"].as_str();
        let name = reference
            .expect("a reference")
            .trim_start_matches("#/$defs/");
        assert!(schema["$defs"][name].is_object(), "{event}: {name}");
    }
}

/// What of `value` is not as `shape` says.
fn faults(schema: &Value, shape: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(name) = shape["$ref"].as_str() {
        let definition = &schema["$defs"][name.trim_start_matches("#/$defs/")];
        return faults(schema, definition, value, at);
    }
    if let Some(kinds) = shape["anyOf"].as_array() {
        let fits = kinds
            .iter()
            .any(|kind| faults(schema, kind, value, at).is_empty());
        return if fits {
            Vec::new()
        } else {
            vec![format!("{at}: none of the kinds")]
        };
    }
    let good = match shape["type"].as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => shape.get("const") == Some(value),
    };
    let listed = shape["enum"]
        .as_array()
        .is_none_or(|names| names.contains(value));
    if !good || !listed {
        return vec![format!("{at}: {value} is not {shape}")];
    }
    let mut found = Vec::new();
    for item in value.as_array().into_iter().flatten() {
        found.extend(faults(schema, &shape["items"], item, at));
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        match shape["properties"].get(name) {
            Some(shape) => found.extend(faults(schema, shape, member, &format!("{at}.{name}"))),
            None => found.push(format!("{at}.{name} is not in the schema")),
        }
    }
    for name in shape["required"].as_array().into_iter().flatten() {
        if value.get(name.as_str().expect("a name")).is_none() {
            found.push(format!("{at}.{name} is missing"));
        }
    }
    found
}

#[test]
fn rt_27_what_is_rendered_is_as_the_schema_says_live_and_replayed() {
    let schema = events_schema();
    let about = |kind, more: Value| {
        let mut alert = alert_value(1);
        let (Some(fields), Some(more)) = (alert.as_object_mut(), more.as_object()) else {
            panic!("objects")
        };
        fields.extend(more.clone());
        event(org(1), kind, place(1), json!({ "alert": alert }))
    };
    let user = uuid_of(3);
    let at = "2026-03-14T06:40:05Z";
    for event in [
        alert_raised(org(1), place(1), 1),
        about(EventKind::AlertConfirmed, json!({})),
        about(
            EventKind::AlertAcknowledged,
            json!({"acknowledged": {"by": user, "at": at, "note": "on it"}}),
        ),
        about(
            EventKind::AlertResolved,
            json!({"resolved": {"kind": "manual", "by": user, "at": at}}),
        ),
        state_changed(org(1), place(1), ("ok", "late"), ("normal", "offline")),
        event(
            org(1),
            EventKind::IncidentOpened,
            place(1),
            json!({"incident_id": uuid_of(4), "kind": "power", "unit_ids": [uuid_of(5)]}),
        ),
        event(org(1), EventKind::RulesChanged, place(1), json!({})),
    ] {
        let Content::Ordered(message) = render(&event, C).expect("a good payload").content else {
            panic!("not one message")
        };
        let shape = &schema["properties"][message.event().as_str()];
        for body in [message.body().clone(), replayed_body(message.body())] {
            let value: Value = serde_json::from_slice(&body).expect("JSON");
            let found = faults(&schema, shape, &value, message.event().as_str());
            assert!(found.is_empty(), "{found:?}");
        }
    }
}

fn uuid_of(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

#[test]
fn rt_27_a_field_that_is_missing_or_too_many_is_found() {
    let schema = events_schema();
    let shape = &schema["properties"]["resume:complete"];
    let check = |value: Value| faults(&schema, shape, &value, "x").len();
    assert_eq!(check(json!({"from": 1, "to": 2})), 0);
    assert_eq!(check(json!({"from": 1})), 1);
    assert_eq!(check(json!({"from": 1, "to": 2, "more": 3})), 1);
    assert_eq!(check(json!({"from": "1", "to": 2})), 1);
}
