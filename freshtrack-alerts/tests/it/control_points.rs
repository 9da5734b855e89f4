//! Critical control points, and acknowledgements that lapse.

use crate::fixture::{F1, TEMP, ann, at, bob};
use freshtrack_alerts::alert::{AlertEventKind, AlertStatus};
use freshtrack_alerts::lifecycle::Refusal;
use freshtrack_alerts::step::Input;
use freshtrack_alerts::suppression::{SuppressionKind, Window};
use freshtrack_core::ids::SuppressionId;
use freshtrack_core::time::Span;
use uuid::Uuid;

fn at_control_point() -> F1 {
    let mut f = F1::in_alarm();
    f.rules("10:30", |rules| rules.ccp = true);
    f
}

fn take(f: &mut F1, time: &str, note: Option<&str>) -> Option<Refusal> {
    f.wait(time);
    let (key, by) = (TEMP, ann());
    f.step_at(at(time), Input::Acknowledge { key, by, note })
}

fn lapses(f: &F1) -> usize {
    let kinds = f.history(TEMP);
    kinds
        .iter()
        .filter(|kind| **kind == AlertEventKind::AckLapsed)
        .count()
}

#[test]
fn taking_the_alarm_of_a_control_point_needs_a_reason() {
    let mut f = at_control_point();
    for note in [None, Some("  ")] {
        assert_eq!(take(&mut f, "11:00", note), Some(Refusal::NoteRequired));
    }
    assert_eq!(take(&mut f, "11:00", Some("moving the food")), None);
    let mut plain = F1::in_alarm();
    assert_eq!(
        take(&mut plain, "11:00", None),
        None,
        "elsewhere none is asked for"
    );
}

#[test]
fn an_acknowledgement_of_a_control_point_lapses_after_half_an_hour_without_an_action() {
    let mut f = at_control_point();
    take(&mut f, "11:00", Some("moving the food"));
    f.wait("40:59.9");
    assert_eq!(f.only(TEMP).status, AlertStatus::Acknowledged);
    f.restart().wait("41:00");
    let alert = f.only(TEMP).clone();
    assert_eq!((alert.status, lapses(&f)), (AlertStatus::Active, 1));
    assert_eq!(alert.next_escalation_at, Some(at("56:00")), "it pages anew");
    assert_eq!(alert.acknowledged, None);
    let last = f.told.last().unwrap();
    assert_eq!(last.kind, AlertEventKind::Escalated);
    assert_eq!(last.details["level"], 0);

    let mut plain = F1::in_alarm();
    take(&mut plain, "11:00", None);
    plain.wait("200:00");
    assert_eq!(lapses(&plain), 0, "elsewhere it holds");
}

#[test]
fn an_acknowledgement_lapses_when_it_is_two_degrees_worse() {
    let mut f = F1::in_alarm();
    take(&mut f, "11:00", None);
    f.read("15:00", "9.199");
    assert_eq!(lapses(&f), 0);
    f.read("20:00", "9.2");
    assert_eq!((f.only(TEMP).status, lapses(&f)), (AlertStatus::Active, 1));
    take(&mut f, "21:00", None);
    f.read("25:00", "10.0")
        .read("30:00", "7.2")
        .read("35:00", "9.2");
    assert_eq!(
        lapses(&f),
        1,
        "worse than what was taken, not than what came between"
    );
    let mut better = F1::in_alarm();
    take(&mut better, "11:00", None);
    better.read("15:00", "5.1");
    assert_eq!(lapses(&better), 0);
}

#[test]
fn a_control_point_closes_with_an_action_and_is_quiet_for_an_hour_at_most() {
    let mut f = at_control_point();
    let refused = f.resolve_as("11:00", TEMP, "done", None);
    assert_eq!(refused, Some(Refusal::CorrectiveActionRequired));
    let snooze = |f: &mut F1, minutes: i64| {
        let starts_at = at("12:00");
        let window = Window {
            id: SuppressionId::from_uuid(Uuid::from_u128(1)),
            kind: SuppressionKind::Snooze,
            alert_types: vec![TEMP.alert_type],
            starts_at,
            ends_at: starts_at + Span::from_minutes(minutes),
        };
        let (key, by) = (TEMP, bob());
        f.step_at(starts_at, Input::Snooze { key, by, window })
    };
    let too_long = Some(Refusal::SnoozeTooLong { max_seconds: 3_600 });
    assert_eq!(snooze(&mut f, 61), too_long);
    assert_eq!(snooze(&mut f, 60), None);
    let action = Some("moved the food to the walk-in");
    assert_eq!(f.resolve_as("13:00", TEMP, "done", action), None);

    let mut over = at_control_point();
    over.read("15:00", "4.0").read("20:00", "4.0");
    let alert = over.only(TEMP);
    assert_eq!(alert.status, AlertStatus::Resolved);
    assert!(
        alert.corrective_action_pending,
        "its end by itself still owes an action"
    );
}
