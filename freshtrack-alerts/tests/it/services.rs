//! The sweeper and what people do with alerts.

use crate::fixture::{ann, at, bob};
use crate::house::{Failure, House};
use freshtrack_alerts::actions::ActionError;
use freshtrack_alerts::alert::{AlertEventKind, AlertStatus, AlertType, Severity};
use freshtrack_alerts::lifecycle::ResolveWish;
use freshtrack_alerts::ports::AlertStore;
use freshtrack_alerts::rules::{LimitRule, RuleFields, RuleScope, RuleSet};
use freshtrack_alerts::sweep::SweepReport;
use freshtrack_alerts::unit_actions::{UnitActionError, UnitActions, UnitInput};
use freshtrack_core::event::EventKind;
use freshtrack_core::hierarchy::UnitStatus;
use freshtrack_core::temperature::Limit;

const fn wish(note: &str) -> ResolveWish<'_> {
    ResolveWish {
        by: freshtrack_core::ids::UserId::from_uuid(uuid::Uuid::from_u128(0xb)),
        note,
        corrective_action: Some("moved the food"),
    }
}

#[tokio::test]
async fn l_03_a_timer_fires_without_data_as_soon_as_somebody_sweeps() {
    let house = House::new().await;
    house.sweeper().sweep().await.unwrap();
    house.read("0:00", "7.2").await;
    house.clock.set(at("5:30"));
    assert_eq!(house.sweeper().sweep().await.unwrap().evaluated, 1, "late");
    house.clock.set(at("10:01"));
    let report = house.sweeper().sweep().await.unwrap();
    assert_eq!(report.evaluated, 1);
    let alert = &house.alerts().await[0];
    assert_eq!(alert.severity, Severity::Critical);
    assert_eq!(alert.confirmed_at, Some(at("10:00")));
    assert_eq!(
        house.sweeper().sweep().await.unwrap(),
        SweepReport::default(),
        "nothing is due twice"
    );
}

#[tokio::test]
async fn a_sweep_that_meets_a_conflict_leaves_the_unit_for_the_next_round() {
    let house = House::new().await;
    house.sweeper().sweep().await.unwrap();
    house.read("0:00", "7.2").await;
    house.clock.set(at("10:00"));
    house
        .store
        .failures
        .lock()
        .unwrap()
        .push_back(Failure::Conflict);
    let report = house.sweeper().sweep().await.unwrap();
    assert_eq!((report.conflicts, report.evaluated), (1, 0));
    assert_eq!(house.sweeper().sweep().await.unwrap().evaluated, 1);
}

#[tokio::test]
async fn a_new_unit_is_due_at_once_and_learns_its_real_deadline() {
    let house = House::new().await;
    house.clock.set(freshtrack_core::testkit::sample::at(10));
    let report = house.sweeper().sweep().await.unwrap();
    assert_eq!(report.evaluated, 2, "one unit of each organization");
    assert_eq!(house.sweeper().sweep().await.unwrap().due, 0);
}

#[tokio::test]
async fn taking_and_closing_an_alert_goes_through_the_engine() {
    let house = House::new().await;
    house.read("0:00", "7.2").await;
    let (org, id) = (house.own.org, house.alerts().await[0].id);
    let actions = house.actions();
    house.clock.set(at("1:00"));
    let taken = actions
        .acknowledge(org, id, ann(), Some(" on it "))
        .await
        .unwrap();
    assert_eq!(
        (taken.status, taken.version),
        (AlertStatus::Acknowledged, 2)
    );
    assert_eq!(
        taken.acknowledged.as_ref().unwrap().note.as_deref(),
        Some("on it")
    );
    house.clock.set(at("2:00"));
    let again = actions.acknowledge(org, id, ann(), None).await.unwrap();
    assert_eq!(again, taken, "the same person changes nothing");
    let other = actions.acknowledge(org, id, bob(), None).await;
    let held = matches!(other, Err(ActionError::AlreadyAcknowledged { by, at: when })
        if by == ann() && when == at("1:00"));
    assert!(held, "{other:?}");
    let closed = actions
        .resolve(org, id, wish("door was ajar"))
        .await
        .unwrap();
    assert_eq!(closed.status, AlertStatus::Resolved);
    assert_eq!(closed.acknowledged, taken.acknowledged, "l_38");
    for refused in [
        actions.acknowledge(org, id, ann(), None).await,
        actions.resolve(org, id, wish("again")).await,
    ] {
        assert!(
            matches!(refused, Err(ActionError::AlreadyResolved)),
            "{refused:?}"
        );
    }
    let history = house.store.inner.history(org, id, 100).await.unwrap();
    let kinds: Vec<_> = history.iter().map(|line| line.kind).collect();
    assert_eq!(
        kinds,
        [
            AlertEventKind::Raised,
            AlertEventKind::Acknowledged,
            AlertEventKind::ResolvedManual,
            AlertEventKind::CorrectiveActionAdded
        ]
    );
    let kinds = house.event_kinds().await;
    assert_eq!(
        kinds[kinds.len() - 3..],
        [
            EventKind::AlertAcknowledged,
            EventKind::AlertResolved,
            EventKind::CorrectiveActionRecorded
        ]
    );
}

#[tokio::test]
async fn an_alert_of_another_organization_is_not_found() {
    let house = House::new().await;
    house.read("0:00", "7.2").await;
    let id = house.alerts().await[0].id;
    let refused = house
        .actions()
        .acknowledge(house.other.org, id, ann(), None)
        .await;
    assert!(matches!(refused, Err(ActionError::NotFound)), "{refused:?}");
    let refused = house
        .actions()
        .resolve(house.other.org, id, wish("x"))
        .await;
    assert!(matches!(refused, Err(ActionError::NotFound)), "{refused:?}");
    assert_eq!(house.alerts().await[0].status, AlertStatus::Active);
}

#[tokio::test]
async fn a_wish_is_repeated_over_a_conflict_and_refused_when_the_store_is_away() {
    let house = House::new().await;
    house.read("0:00", "7.2").await;
    let (org, id) = (house.own.org, house.alerts().await[0].id);
    house
        .store
        .failures
        .lock()
        .unwrap()
        .push_back(Failure::Unavailable);
    let away = house.actions().acknowledge(org, id, ann(), None).await;
    assert!(matches!(away, Err(ActionError::Unavailable(_))), "{away:?}");
    house
        .store
        .failures
        .lock()
        .unwrap()
        .push_back(Failure::Conflict);
    assert!(
        house
            .actions()
            .acknowledge(org, id, ann(), None)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_closed_alert_that_persists_comes_back_under_a_new_id() {
    let house = House::new().await;
    for time in ["0:00", "5:00", "10:00"] {
        house.read(time, "7.2").await;
    }
    let first = house.alerts().await[0].id;
    house
        .actions()
        .resolve(house.own.org, first, wish("enough"))
        .await
        .unwrap();
    house.clock.set(at("25:00"));
    house.sweeper().sweep().await.unwrap();
    let alerts = house.alerts().await;
    let again = alerts
        .iter()
        .find(|alert| alert.reraised_from == Some(first))
        .expect("raised again");
    assert_eq!(again.key.alert_type, AlertType::TempExcursion);
    assert_ne!(again.id, first);
    assert_eq!(again.severity, Severity::Critical);
}

#[tokio::test]
async fn a_snooze_keeps_an_open_alert_quiet_and_open_within_its_limits() {
    let house = House::new().await;
    for time in ["0:00", "10:00"] {
        house.read(time, "7.2").await;
    }
    let (org, id) = (house.own.org, house.alerts().await[0].id);
    let actions = house.actions();
    for until in ["10:00", "250:01"] {
        let refused = actions.snooze(org, id, ann(), at(until)).await;
        let most = matches!(
            refused,
            Err(ActionError::SnoozeOutOfRange {
                max_seconds: 14_400
            })
        );
        assert!(most, "{refused:?}");
    }
    let snoozed = actions.snooze(org, id, ann(), at("70:00")).await.unwrap();
    assert_eq!(snoozed.status, AlertStatus::Active);
    assert!(
        house
            .event_kinds()
            .await
            .contains(&EventKind::SuppressionStarted)
    );
    for minute in (15..=65).step_by(5) {
        house.read(&format!("{minute}:00"), "7.2").await;
        house.sweeper().sweep().await.unwrap();
    }
    assert_eq!(
        house.alerts().await[0].escalation_level,
        0,
        "no call while it is quiet"
    );
    house.read("70:00", "7.2").await;
    let alert = &house.alerts().await[0];
    assert_eq!(
        (alert.id, alert.escalation_level),
        (id, 1),
        "one call when it ends"
    );
}

#[tokio::test]
async fn l_15_a_manual_log_clears_the_duty_in_its_own_evaluation() {
    let house = House::new().await;
    house.read("0:00", "3.5").await;
    house.clock.set(at("240:00"));
    house.sweeper().sweep().await.unwrap();
    let units = UnitActions::new(house.engine.clone());
    let tick = UnitInput::DevicesChanged;
    let apply = async |input: &UnitInput| {
        let journal = freshtrack_core::audit::Journal::default();
        units
            .apply(house.own.org, house.own.unit, input, &journal)
            .await
    };
    assert_eq!(apply(&tick).await.unwrap(), UnitStatus::ManualRequired);
    let recorded_at = at("240:00");
    let log = UnitInput::ManualLog { recorded_at };
    assert_eq!(
        apply(&log).await.unwrap(),
        UnitStatus::MonitoringInterrupted
    );
    let journal = freshtrack_core::audit::Journal::default();
    let foreign = units
        .apply(house.other.org, house.own.unit, &log, &journal)
        .await;
    assert!(
        matches!(foreign, Err(UnitActionError::NotFound)),
        "{foreign:?}"
    );
}

#[tokio::test]
async fn l_29_changed_rules_are_noticed_by_the_next_evaluation_without_new_data() {
    let house = House::new().await;
    house.read("0:00", "4.8").await;
    let rule = RuleSet {
        scope: RuleScope::Unit,
        scope_id: house.own.unit.as_uuid(),
        unit_type: None,
        fields: RuleFields {
            temp_max: Some(LimitRule::At(Limit::celsius(4_000))),
            ..RuleFields::default()
        },
        version: 1,
    };
    house.store.inner.set_rules(house.own.org, vec![rule]);
    house.clock.set(at("2:00"));
    let units = UnitActions::new(house.engine.clone());
    let journal = freshtrack_core::audit::Journal::default();
    let changed = UnitInput::RulesChanged;
    let status = units
        .apply(house.own.org, house.own.unit, &changed, &journal)
        .await;
    assert_eq!(status.unwrap(), UnitStatus::Excursion);
    let alert = &house.alerts().await[0];
    assert_eq!(
        (alert.condition_since, alert.rules_version),
        (at("2:00"), 1)
    );
    assert_eq!(alert.limit, Some(Limit::celsius(4_000)));
}
