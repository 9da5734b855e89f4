//! Section 7: names and fields, and the payload contract of the outbox.

use crate::world::place;
use freshtrack_core::event::{EventKind, OutboxEvent};
use freshtrack_core::temperature::TemperatureUnit::{self, C, F};
use freshtrack_realtime::testkit::sample::{
    alert, alert_raised, alert_value, at, event, org, site, state_changed, unit, user,
};
use freshtrack_realtime::{
    Content, Control, Envelope, Principal, ServerEvent, render, render_or_hint,
};
use serde_json::{Value, json};

fn shown(event: &OutboxEvent, unit: TemperatureUnit) -> (&'static str, Value) {
    match render(event, unit).expect("a good payload").content {
        Content::Ordered(message) => {
            let data = serde_json::from_str(message.text()).expect("JSON");
            (message.event().as_str(), data)
        }
        other => panic!("not one message: {other:?}"),
    }
}

fn about_alert(kind: EventKind, change: &Value) -> OutboxEvent {
    let mut alert = alert_value(1);
    let (Some(alert_fields), Some(more)) = (alert.as_object_mut(), change.as_object()) else {
        panic!("objects")
    };
    alert_fields.extend(more.clone());
    let mut out = event(org(1), kind, place(1), json!({ "alert": alert }));
    out.seq = 7;
    out
}

#[test]
fn alert_triggered_has_every_field_in_both_units() {
    let mut raised = alert_raised(org(1), place(1), 1);
    raised.seq = 7;
    let (name, data) = shown(&raised, F);
    assert_eq!(name, "alert:triggered");
    let expected = json!({
        "alertId": alert(1), "unitId": unit(1), "siteId": site(1), "alertType": "temp_excursion",
        "severity": "warning", "message": "Fridge 1 is at 9.4 °C", "triggerTemperature": 490,
        "thresholdViolated": "max", "triggeredAt": "2026-03-14T06:40:00.000Z", "temperature": 49.0,
        "temperatureUnit": "F", "conditionSince": "2026-03-14T06:39:00.000Z",
        "raiseReason": "condition_started", "seq": 7,
    });
    assert_eq!(data, expected);
    let (_, data) = shown(&raised, C);
    assert_eq!(
        (&data["temperature"], &data["triggerTemperature"]),
        (&json!(9.444), &json!(94))
    );
}

#[test]
fn trigger_temperature_rounds_half_away_from_zero() {
    for (milli, unit, tenths) in [
        (50, C, 1),
        (-50, C, -1),
        (49, C, 0),
        (-18_050, C, -181),
        (-18_000, F, -4),
        (3_250, C, 33),
    ] {
        let trigger = json!({"trigger": {"temperature": milli, "recorded_at": at(0)}});
        let (_, data) = shown(&about_alert(EventKind::AlertRaised, &trigger), unit);
        assert_eq!(
            data["triggerTemperature"], tenths,
            "{milli} m°C in {unit:?}"
        );
    }
}

#[test]
fn an_alert_without_a_value_has_nulls() {
    let bare = json!({"trigger": null, "violated": null, "alert_type": "monitoring_interrupted"});
    let (_, data) = shown(&about_alert(EventKind::AlertRaised, &bare), C);
    for field in ["triggerTemperature", "temperature", "thresholdViolated"] {
        assert_eq!(
            data.get(field),
            Some(&Value::Null),
            "{field} is present and null"
        );
    }
}

#[test]
fn escalations_say_why_and_count_from_one() {
    for (kind, reason) in [
        (EventKind::AlertConfirmed, "confirmed"),
        (EventKind::AlertSeverityRaised, "severity_raised"),
        (EventKind::AlertEscalated, "step"),
        (EventKind::AlertEscalationExhausted, "exhausted"),
    ] {
        let (name, data) = shown(&about_alert(kind, &json!({"escalation_level": 2})), C);
        assert_eq!(name, "alert:escalated");
        let expected = json!({
            "alertId": alert(1), "unitId": unit(1), "siteId": site(1), "escalationLevel": 3, "level": 2,
            "reason": reason, "severity": "warning", "at": "2026-03-14T06:40:00.000Z", "seq": 7,
        });
        assert_eq!(data, expected);
    }
}

#[test]
fn acknowledging_and_resolving_name_the_person() {
    let taken = json!({"acknowledged": {"by": user(3), "at": at(5), "note": "on it"}});
    let mut event = about_alert(EventKind::AlertAcknowledged, &taken);
    event.payload["name"] = json!("Ana");
    let (name, data) = shown(&event, C);
    assert_eq!(name, "alert:acknowledged");
    let expected = json!({
        "alertId": alert(1), "acknowledgedBy": user(3), "timestamp": "2026-03-14T06:40:05.000Z",
        "unitId": unit(1), "siteId": site(1), "name": "Ana", "note": "on it", "seq": 7,
    });
    assert_eq!(data, expected);
    let closed =
        json!({"resolved": {"kind": "manual", "by": user(3), "at": at(9), "note": "shut"}});
    let (name, data) = shown(&about_alert(EventKind::AlertResolved, &closed), C);
    assert_eq!(name, "alert:resolved");
    let expected = json!({
        "alertId": alert(1), "unitId": unit(1), "resolvedAt": "2026-03-14T06:40:09.000Z",
        "siteId": site(1), "kind": "manual", "resolvedBy": user(3), "seq": 7,
    });
    assert_eq!(data, expected);
}

#[test]
fn incidents_name_at_most_a_hundred_units() {
    let units: Vec<_> = (1..=150).map(unit).collect();
    let payload = json!({"incident_id": alert(9), "kind": "site_outage", "unit_ids": units});
    let (name, data) = shown(
        &event(org(1), EventKind::IncidentOpened, place(1), payload),
        C,
    );
    assert_eq!(
        (name, &data["kind"]),
        ("incident:opened", &json!("site_outage"))
    );
    assert_eq!(data["unitIds"].as_array().map(Vec::len), Some(100));
}

#[test]
fn everything_else_is_a_hint_to_fetch_again() {
    for (kind, entity, change) in [
        (EventKind::SuppressionStarted, "suppression", "started"),
        (EventKind::ManualLogRecorded, "manual_log", "recorded"),
        (
            EventKind::CorrectiveActionRecorded,
            "corrective_action",
            "recorded",
        ),
        (EventKind::RulesChanged, "rules", "changed"),
        (EventKind::DeviceChanged, "device", "changed"),
        (EventKind::GatewayStatusChanged, "gateway", "changed"),
    ] {
        let payload = json!({format!("{entity}_id"): "the-id"});
        let (name, data) = shown(&event(org(1), kind, place(1), payload), C);
        assert_eq!(name, "entity:changed");
        assert_eq!(
            (
                &data["entity"],
                &data["id"],
                &data["change"],
                &data["unitId"]
            ),
            (
                &json!(entity),
                &json!("the-id"),
                &json!(change),
                &json!(unit(1))
            )
        );
    }
}

#[test]
fn rights_make_no_message_but_act() {
    let payload = json!({"user_id": user(1), "change": "removed"});
    let removed = render(
        &event(org(1), EventKind::MembershipChanged, place(1), payload),
        C,
    );
    let envelope = removed.expect("a good payload");
    assert_eq!(envelope.content, Content::Silent);
    let expected = Control::Revoke {
        principal: Principal::User(user(1)),
        reason: "member_removed".to_owned(),
    };
    assert_eq!(envelope.control, Some(expected));
    let decided = event(org(1), EventKind::NotificationDecided, place(1), json!({}));
    assert_eq!(render(&decided, C).expect("good").content, Content::Silent);
}

#[test]
fn every_kind_survives_an_unreadable_payload() {
    for kind in EventKind::ALL {
        let mut broken = event(
            org(1),
            *kind,
            place(1),
            json!({"alert": 5, "readings": "x"}),
        );
        broken.seq = 3;
        let rendered = render_or_hint(&broken, C);
        assert_eq!(rendered.envelope.seq, 3, "the sequence goes on");
        if let Some(fault) = rendered.fault {
            assert_eq!(fault.kind, *kind);
            let Content::Ordered(message) = rendered.envelope.content else {
                panic!("{kind}: a hint is a message")
            };
            assert_eq!(message.event(), ServerEvent::EntityChanged);
        }
    }
}

#[test]
fn an_envelope_survives_the_bus_and_a_foreign_version_does_not() {
    for mut original in [
        alert_raised(org(1), place(1), 1),
        state_changed(org(1), place(1), ("ok", "offline"), ("normal", "offline")),
        event(
            org(1),
            EventKind::ApiKeyChanged,
            place(1),
            json!({"id": user(1), "change": "revoked"}),
        ),
    ] {
        original.seq = 12;
        let envelope = render(&original, C).expect("a good payload");
        let bytes = envelope.encode().expect("JSON");
        assert_eq!(
            Envelope::decode(&bytes.clone().into()).expect("decodes"),
            envelope
        );
        let text = String::from_utf8(bytes).expect("text");
        let foreign = text.replacen("\"v\":1", "\"v\":2", 1);
        let refused = Envelope::decode(&foreign.into_bytes().into());
        assert!(
            matches!(refused, Err(freshtrack_realtime::DecodeError::Version(2))),
            "{refused:?}"
        );
        assert!(Envelope::decode(&text[..text.len() - 1].to_owned().into_bytes().into()).is_err());
    }
}

#[test]
fn rt_26_a_change_that_no_client_shows_makes_no_message() {
    let same = state_changed(org(1), place(1), ("ok", "ok"), ("normal", "normal"));
    let envelope = render(&same, C).expect("a good payload");
    assert_eq!(envelope.content, Content::Silent);
    let (name, _) = shown(
        &state_changed(org(1), place(1), ("ok", "late"), ("normal", "normal")),
        C,
    );
    assert_eq!(name, "unit:status:changed");
}
