//! What people write down and ask for, through the services, on the memory store.

use crate::fixture::at;
use crate::house::{Failure, House};
use freshtrack_alerts::alert::{AlertEventKind, AlertType, Severity};
use freshtrack_alerts::lifecycle::ResolveWish;
use freshtrack_alerts::log_actions::{LogActions, LogError, Logged, NewAction, NewLog, Subject};
use freshtrack_alerts::log_book::ManualLog;
use freshtrack_alerts::ports::{
    ActionFilter, AlertStore, LogBook, LogFilter, MonitorStore, Suppressions,
};
use freshtrack_alerts::suppression::SuppressionKind;
use freshtrack_core::audit::Journal;
use freshtrack_core::event::EventKind;
use freshtrack_core::hierarchy::UnitStatus;
use freshtrack_core::page::PageRequest;
use freshtrack_core::temperature::{Temperature, TemperatureUnit};
use freshtrack_core::time::Span;
use std::sync::Arc;

const fn all<K>() -> PageRequest<K> {
    PageRequest {
        limit: 200,
        after: None,
    }
}

fn book(house: &House) -> LogActions {
    let store = Arc::new(house.store.inner.clone());
    LogActions::new(
        house.engine.clone(),
        Arc::clone(&store) as Arc<dyn LogBook>,
        store,
    )
}

fn log_of(house: &House, milli: i32) -> NewLog {
    NewLog {
        by: house.own.owner.id,
        temperature: Temperature::from_milli_celsius(milli),
        reported_unit: TemperatureUnit::C,
        humidity_centi: None,
        notes: None,
        photo_url: None,
        recorded_at: None,
        client_ref: None,
        corrective_action: None,
    }
}

fn action_of(house: &House, subject: Subject) -> NewAction {
    NewAction {
        by: house.own.owner.id,
        subject,
        description: "moved the food".to_owned(),
        action_taken: None,
        root_cause: None,
        preventive_measure: None,
        photo_urls: Vec::new(),
        completed_at: None,
        corrects: None,
    }
}

/// Makes a log one that cannot be.
type Spoil = fn(&mut NewLog);

async fn logs(house: &House) -> Vec<ManualLog> {
    let filter = LogFilter::default();
    let logs = LogBook::logs(&house.store.inner, house.own.org, &filter, all()).await;
    logs.unwrap().items
}

async fn actions(house: &House) -> usize {
    let filter = ActionFilter::default();
    let actions = LogBook::actions(&house.store.inner, house.own.org, &filter, all()).await;
    actions.unwrap().items.len()
}

async fn status(house: &House) -> UnitStatus {
    let loaded = house
        .store
        .inner
        .load(house.own.org, &[house.own.unit])
        .await;
    loaded.unwrap().unwrap().units[0].monitor.status()
}

/// A-70, L-15, L-91.
#[tokio::test]
async fn a_log_out_of_range_needs_an_action_and_is_stored_once_with_it() {
    let house = House::new().await;
    house.read("0:00", "3.5").await;
    house.clock.set(at("240:00"));
    house.sweeper().sweep().await.unwrap();
    assert_eq!(status(&house).await, UnitStatus::ManualRequired);
    let mut new = log_of(&house, 9_000);
    new.client_ref = Some("phone-7".to_owned());
    let (org, unit) = (house.own.org, house.own.unit);
    let refused = book(&house).log(org, unit, new.clone()).await;
    assert!(
        matches!(refused, Err(LogError::CorrectiveActionRequired)),
        "{refused:?}"
    );
    assert_eq!((logs(&house).await.len(), actions(&house).await), (0, 0));
    assert_eq!(
        status(&house).await,
        UnitStatus::ManualRequired,
        "nothing was cleared"
    );
    new.corrective_action = Some("moved the food".to_owned());
    house
        .store
        .failures
        .lock()
        .unwrap()
        .push_back(Failure::Conflict);
    let Ok(Logged::Now(log)) = book(&house).log(org, unit, new.clone()).await else {
        panic!("the log is new");
    };
    assert!(!log.in_range);
    house.clock.set(at("241:00"));
    let again = book(&house).log(org, unit, new).await.unwrap();
    assert_eq!(again, Logged::Before(log.clone()));
    assert_eq!((logs(&house).await, actions(&house).await), (vec![log], 1));
    assert_eq!(
        status(&house).await,
        UnitStatus::MonitoringInterrupted,
        "the duty is done"
    );
    let kinds = house.event_kinds().await;
    let told = |kind| kinds.iter().filter(|known| **known == kind).count();
    assert_eq!(told(EventKind::ManualLogRecorded), 1);
    assert_eq!(told(EventKind::CorrectiveActionRecorded), 1);
}

#[tokio::test]
async fn logs_that_cannot_be_are_refused_and_clear_nothing() {
    let house = House::new().await;
    house.clock.set(at("60:00"));
    let now = at("60:00");
    let cases: [(&str, Spoil); 5] = [
        ("temperature", |log| {
            log.temperature = Temperature::from_milli_celsius(93_334);
        }),
        ("temperature", |log| {
            log.temperature = Temperature::from_milli_celsius(-73_334);
        }),
        ("humidity_percent", |log| log.humidity_centi = Some(10_001)),
        ("photo_url", |log| {
            log.photo_url = Some("javascript:alert(1)".to_owned());
        }),
        ("client_ref", |log| log.client_ref = Some(" ".to_owned())),
    ];
    for (wanted, change) in cases {
        let mut new = log_of(&house, 4_000);
        new.corrective_action = Some("checked".to_owned());
        change(&mut new);
        let refused = book(&house).log(house.own.org, house.own.unit, new).await;
        let field = match refused {
            Err(LogError::Invalid { field, .. }) => field,
            other => panic!("{wanted}: {other:?}"),
        };
        assert_eq!(field, wanted);
    }
    for (seconds, ok) in [
        (300, true),
        (301, false),
        (-604_800, true),
        (-604_801, false),
    ] {
        let mut new = log_of(&house, 4_000);
        new.recorded_at = Some(now + Span::from_seconds(seconds));
        let logged = book(&house).log(house.own.org, house.own.unit, new).await;
        assert_eq!(logged.is_ok(), ok, "{seconds} s from now");
    }
    let foreign = log_of(&house, 4_000);
    let refused = book(&house)
        .log(house.other.org, house.own.unit, foreign)
        .await;
    assert!(
        matches!(refused, Err(LogError::NotFound { what: "unit" })),
        "{refused:?}"
    );
}

/// An alarm at a site that wants actions, confirmed and open.
async fn in_alarm(house: &House) -> freshtrack_alerts::alert::Alert {
    house.read("0:00", "7.2").await;
    house.read("10:00", "7.2").await;
    let alert = house.alerts().await.remove(0);
    assert_eq!(alert.severity, Severity::Critical);
    alert
}

#[tokio::test]
async fn an_action_written_during_the_alarm_is_not_owed_after_it() {
    let house = House::new().await;
    let alert = in_alarm(&house).await;
    let new = action_of(&house, Subject::Alert(alert.id));
    let action = book(&house).act(house.own.org, new).await.unwrap();
    assert_eq!((action.alert, action.unit), (Some(alert.id), alert.unit));
    house.read("15:00", "4.0").await;
    house.read("20:00", "4.0").await;
    let closed = house.alerts().await.remove(0);
    assert!(closed.resolved.is_some() && !closed.corrective_action_pending);
}

#[tokio::test]
async fn an_action_written_after_the_alarm_is_owed_no_longer() {
    let house = House::new().await;
    let alert = in_alarm(&house).await;
    house.read("15:00", "4.0").await;
    house.read("20:00", "4.0").await;
    assert!(house.alerts().await[0].corrective_action_pending);
    let new = action_of(&house, Subject::Alert(alert.id));
    book(&house).act(house.own.org, new).await.unwrap();
    let closed = house.alerts().await.remove(0);
    assert!(!closed.corrective_action_pending);
    let history = AlertStore::history(&house.store.inner, house.own.org, alert.id, 50).await;
    let last = history.unwrap().pop().unwrap();
    assert_eq!(last.kind, AlertEventKind::CorrectiveActionAdded);
    house.read("25:00", "4.0").await;
    assert_eq!(
        house.alerts().await[0],
        closed,
        "a closed alert stays closed"
    );
}

#[tokio::test]
async fn an_action_given_with_the_resolution_is_in_the_log_book() {
    let house = House::new().await;
    let alert = in_alarm(&house).await;
    let wish = ResolveWish {
        by: house.own.owner.id,
        note: "fixed",
        corrective_action: Some("moved the food"),
    };
    let resolved = house.actions().resolve(house.own.org, alert.id, wish).await;
    assert!(resolved.unwrap().resolved.is_some());
    let filter = ActionFilter {
        alert: Some(alert.id),
        ..ActionFilter::default()
    };
    let found = LogBook::actions(&house.store.inner, house.own.org, &filter, all()).await;
    let found = found.unwrap().items;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].description, "moved the food");
}

#[tokio::test]
async fn actions_about_what_is_not_there_are_refused() {
    let house = House::new().await;
    let foreign = action_of(&house, Subject::Unit(house.other.unit));
    let refused = book(&house).act(house.own.org, foreign).await;
    assert!(
        matches!(refused, Err(LogError::NotFound { what: "unit_id" })),
        "{refused:?}"
    );
    let mut corrects = action_of(&house, Subject::Unit(house.own.unit));
    corrects.corrects = Some(house.own.id());
    let refused = book(&house).act(house.own.org, corrects.clone()).await;
    assert!(
        matches!(refused, Err(LogError::NotFound { what: "corrects" })),
        "{refused:?}"
    );
    corrects.corrects = None;
    corrects.description = "  ".to_owned();
    let refused = book(&house).act(house.own.org, corrects).await;
    assert!(matches!(
        refused,
        Err(LogError::Invalid {
            field: "description",
            ..
        })
    ));
    assert_eq!(actions(&house).await, 0);
}

/// The call that waited for the planned end comes at the real one.
#[tokio::test]
async fn a_snooze_that_ends_early_calls_at_once() {
    let house = House::new().await;
    let alert = in_alarm(&house).await;
    house.clock.set(at("12:00"));
    let until = at("132:00");
    let operate = house.actions();
    let snoozed = operate.snooze(house.own.org, alert.id, house.own.owner.id, until);
    snoozed.await.unwrap();
    let (store, org) = (&house.store.inner, house.own.org);
    let stored = Suppressions::list(store, org, None, all())
        .await
        .unwrap()
        .items;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].kind, SuppressionKind::Snooze);
    assert_eq!(stored[0].alert_types, [AlertType::TempExcursion]);
    house.clock.set(at("30:00"));
    house.sweeper().sweep().await.unwrap();
    assert_eq!(house.alerts().await[0].escalation_level, 0, "quiet");
    house.clock.set(at("40:00"));
    let ended = Suppressions::end(store, org, stored[0].id, at("40:00"), Journal::default());
    ended.await.unwrap();
    house.sweeper().sweep().await.unwrap();
    let called = house.alerts().await.remove(0);
    assert_eq!(called.escalation_level, 1, "one call at the early end");
}
