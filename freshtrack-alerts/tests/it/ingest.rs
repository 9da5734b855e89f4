//! Ingest: what is believed, what is stored together, what happens when the store or the load does not
//! cooperate.

use crate::fixture::at;
use crate::house::{Failure, House, reading_of};
use freshtrack_alerts::alert::{AlertStatus, AlertType, Severity};
use freshtrack_alerts::change::Target;
use freshtrack_alerts::ingest::{Ingest, IngestConfig, IngestError};
use freshtrack_alerts::posted::{
    PostedReading, PostedTemperature, ProbeRole, Quality, ReadingOutcome, Rejected,
};
use freshtrack_core::error::StoreError;
use freshtrack_core::event::EventKind;
use freshtrack_core::ids::LnsEventId;
use freshtrack_core::reading::{DoorState, QuarantineReason, ReadingSource, RejectReason, Zone};
use freshtrack_core::temperature::{Temperature, TemperatureUnit};
use uuid::Uuid;

fn is_accepted(outcome: &ReadingOutcome) -> bool {
    matches!(outcome, ReadingOutcome::Accepted { late: false, .. })
}

fn is_duplicate(outcome: &ReadingOutcome) -> bool {
    matches!(outcome, ReadingOutcome::Duplicate { .. })
}

const fn rejected(reason: RejectReason) -> ReadingOutcome {
    ReadingOutcome::Rejected { reason }
}

const fn quarantined(reason: QuarantineReason) -> ReadingOutcome {
    ReadingOutcome::Quarantined { reason }
}

#[tokio::test]
async fn a_52_l_33_two_nodes_that_see_the_same_condition_raise_one_alert() {
    let house = House::new().await;
    house.read("0:00", "3.5").await;
    house.clock.set(at("5:00"));
    let config = IngestConfig::default();
    let (one, writer_one) = Ingest::new(house.engine.clone(), config);
    let (two, writer_two) = Ingest::new(house.engine.clone(), config);
    let org = house.own.org;
    let done = async {
        tokio::join!(
            one.ingest(org, vec![Ok(house.reading("5:00", "7.2"))], None),
            two.ingest(org, vec![Ok(house.reading("4:59", "7.3"))], None),
        )
    };
    let (first, second) = tokio::select! {
        done = done => done,
        () = writer_one.run(std::future::pending()) => panic!("stopped"),
        () = writer_two.run(std::future::pending()) => panic!("stopped"),
    };
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(house.alerts().await.len(), 1);
}

#[tokio::test]
async fn a_61_a_batch_posted_again_changes_nothing() {
    let house = House::new().await;
    house.clock.set(at("12:00"));
    let batch = || {
        ["0:00", "5:00", "10:00"]
            .map(|time| Ok(house.reading(time, "7.2")))
            .to_vec()
    };
    assert!(house.post(batch()).await.iter().all(is_accepted));
    let (readings, alerts) = (house.readings().await, house.alerts().await);
    let events = house.events(house.own.org).await;
    let commits = house.store.commits.lock().unwrap().len();
    let again = house.post(batch()).await;
    assert!(again.iter().all(is_duplicate), "{again:?}");
    assert_eq!(house.readings().await, readings);
    assert_eq!(house.alerts().await, alerts);
    assert_eq!(house.events(house.own.org).await, events);
    assert_eq!(
        house.store.commits.lock().unwrap().len(),
        commits,
        "nothing to write"
    );
}

#[tokio::test]
async fn the_first_value_wins_and_the_answer_says_whether_it_differs() {
    let house = House::new().await;
    let outcomes = house
        .post(vec![
            Ok(house.reading("0:00", "3.5")),
            Ok(house.reading("0:00", "3.6")),
            Ok(house.reading("0:00", "3.5")),
        ])
        .await;
    let id = house.readings().await[0].id();
    let duplicate = |value_differs| ReadingOutcome::Duplicate {
        reading_id: id,
        value_differs,
    };
    assert_eq!(outcomes[1..], [duplicate(true), duplicate(false)]);
    let later = house.post(vec![Ok(house.reading("0:00", "3.7"))]).await;
    assert_eq!(later, [duplicate(true)]);
    assert_eq!(
        house.readings().await[0].temperature,
        Some(Temperature::from_milli_celsius(3_500))
    );
}

#[tokio::test]
async fn a_62_five_minutes_ahead_is_tolerated_and_no_microsecond_more() {
    let house = House::new().await;
    let outcomes = house
        .post(vec![
            Ok(house.reading("5:00", "3.5")),
            Ok(house.reading("5:00.000001", "3.5")),
        ])
        .await;
    assert!(is_accepted(&outcomes[0]));
    assert_eq!(outcomes[1], quarantined(QuarantineReason::ClockAhead));
    let stored = &house.readings().await[0];
    assert_eq!(stored.effective_at, at("0:00"));
    assert!(stored.flags.clock_ahead);
    assert!(
        house.alerts().await.is_empty(),
        "a wrong clock is no sensor fault"
    );
}

#[tokio::test]
async fn a_63_a_foreign_unit_is_unknown_and_untouched() {
    let house = House::new().await;
    let before = house.events(house.other.org).await;
    let foreign = reading_of(Target::Unit(house.other.unit), "0:00", "9.9");
    let outcomes = house
        .post(vec![
            Ok(house.reading("0:00", "3.5")),
            Ok(foreign),
            Ok(house.reading("0:01", "3.5")),
        ])
        .await;
    assert!(is_accepted(&outcomes[0]) && is_accepted(&outcomes[2]));
    assert_eq!(outcomes[1], rejected(RejectReason::UnknownUnit));
    assert_eq!(house.events(house.other.org).await, before);
    let org = house.other.org;
    let units = [house.other.unit];
    let latest = freshtrack_core::ports::ReadingStore::latest(&house.store.inner, org, &units);
    assert!(latest.await.unwrap().is_empty());
}

#[tokio::test]
async fn a_64_l_19_a_failing_write_leaves_nothing_and_a_retry_succeeds() {
    let house = House::new().await;
    house
        .store
        .failures
        .lock()
        .unwrap()
        .push_back(Failure::Unavailable);
    let batch = || vec![Ok(house.reading("0:00", "7.2"))];
    let refused = house.try_post(batch()).await;
    assert!(
        matches!(refused, Err(IngestError::Unavailable(_))),
        "{refused:?}"
    );
    assert!(house.readings().await.is_empty() && house.alerts().await.is_empty());
    assert!(house.events(house.own.org).await.is_empty());
    assert!(is_accepted(&house.post(batch()).await[0]));
    assert_eq!(house.alerts().await.len(), 1);
}

#[tokio::test]
async fn a_conflict_is_repeated_five_times_and_then_refused() {
    let house = House::new().await;
    let conflicts = |n| std::iter::repeat_n(Failure::Conflict, n);
    house.store.failures.lock().unwrap().extend(conflicts(4));
    assert!(is_accepted(&house.read("0:00", "3.5").await[0]));
    house.store.failures.lock().unwrap().extend(conflicts(5));
    let refused = house.try_post(vec![Ok(house.reading("0:01", "3.5"))]).await;
    let Err(IngestError::Unavailable(cause)) = refused else {
        panic!("expected a refusal, got {refused:?}");
    };
    assert!(matches!(*cause, StoreError::Conflict));
    assert_eq!(house.readings().await.len(), 1);
}

#[tokio::test]
async fn l_17_every_reading_of_a_batch_is_evaluated_in_order_of_time() {
    let house = House::new().await;
    house.clock.set(at("26:00"));
    let batch = [
        ("25:00", "4.0"),
        ("5:00", "7.2"),
        ("20:00", "4.0"),
        ("15:00", "7.2"),
    ];
    house
        .post(
            batch
                .map(|(time, value)| Ok(house.reading(time, value)))
                .to_vec(),
        )
        .await;
    let alerts = house.alerts().await;
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0].confirmed_at, Some(at("15:00")));
    assert_eq!(alerts[0].cleared_at, Some(at("25:00")));
    assert_eq!(
        (alerts[0].status, alerts[0].version),
        (AlertStatus::Resolved, 1)
    );
    assert_eq!(
        house.event_kinds().await,
        [
            EventKind::ReadingAccepted,
            EventKind::UnitStateChanged,
            EventKind::UnitStateChanged,
            EventKind::UnitStateChanged,
            EventKind::UnitStateChanged,
            EventKind::UnitStateChanged,
            EventKind::AlertRaised,
            EventKind::AlertConfirmed,
            EventKind::AlertResolved,
        ]
    );
}

#[tokio::test]
async fn l_18_a_late_reading_is_stored_and_moves_nothing() {
    let house = House::new().await;
    house.read("10:00", "3.5").await;
    house.clock.set(at("11:00"));
    let outcome = house.post(vec![Ok(house.reading("5:00", "9.0"))]).await;
    assert!(matches!(
        outcome[0],
        ReadingOutcome::Accepted { late: true, .. }
    ));
    let stored = &house.readings().await[0];
    assert!(stored.flags.late && stored.zone.is_none());
    assert!(house.alerts().await.is_empty());
}

#[tokio::test]
async fn l_24_a_quarantined_value_raises_a_fault_and_is_no_check_in() {
    let house = House::new().await;
    let device = house.device(|_| {}).await;
    let of_device = |time, value| Ok(reading_of(Target::Device(device), time, value));
    house.post(vec![of_device("0:00", "3.5")]).await;
    house.clock.set(at("1:00"));
    let outcomes = house
        .post(vec![
            of_device("0:30", "327.67"),
            of_device("0:40", "-100.001"),
            of_device("0:50", "1e300"),
        ])
        .await;
    assert_eq!(
        outcomes,
        vec![quarantined(QuarantineReason::Implausible); 3]
    );
    assert_eq!(house.quarantined().await.len(), 3);
    let fault = &house.alerts().await[0];
    assert_eq!(fault.key.alert_type, AlertType::SensorFault);
    assert_eq!(
        (fault.key.device, fault.severity),
        (Some(device), Severity::Critical)
    );
    assert_eq!(fault.condition_since, at("0:30"));
    house.clock.set(at("2:00"));
    let again = house.post(vec![of_device("0:30", "327.67")]).await;
    assert!(is_duplicate(&again[0]), "put aside once");
    house.post(vec![of_device("2:00", "3.5")]).await;
    assert_eq!(house.alerts().await[0].status, AlertStatus::Resolved);
    assert_eq!(house.readings().await.len(), 2);
}

#[tokio::test]
async fn sentinels_of_the_model_and_the_decoders_doubts_are_put_aside() {
    use QuarantineReason::{DecoderError, Implausible, Sentinel};
    let house = House::new().await;
    let sentinel = Temperature::from_milli_celsius(-46_850);
    let device = house
        .device(|device| device.sentinel_temperatures.push(sentinel))
        .await;
    let post = |time, value, quality| {
        let reading = reading_of(Target::Device(device), time, value);
        Ok(PostedReading {
            quality,
            source: ReadingSource::Ttn,
            ..reading
        })
    };
    house.clock.set(at("10:00"));
    let outcomes = house
        .post(vec![
            post("0:00", "-46.85", Quality::Ok),
            post("1:00", "3.5", Quality::Fault),
            post("2:00", "3.5", Quality::OutOfRange),
            post("3:00", "3.5", Quality::Suspect),
            post("4:00", "3.5", Quality::DecoderError),
            post("5:00", "3.5", Quality::TimeUnknown),
        ])
        .await;
    let reasons = [Sentinel, Sentinel, Implausible, Implausible, DecoderError];
    assert_eq!(outcomes[..5], reasons.map(quarantined));
    assert!(is_accepted(&outcomes[5]));
    assert_eq!(
        house.readings().await[0].zone,
        None,
        "a time nobody knows is never evaluated"
    );
}

#[tokio::test]
async fn the_latest_calibration_corrects_and_both_values_are_kept() {
    let house = House::new().await;
    let device = house.device(|_| {}).await;
    house
        .post(vec![Ok(reading_of(Target::Device(device), "0:00", "5.2"))])
        .await;
    let stored = &house.readings().await[0];
    assert_eq!(
        stored.temperature,
        Some(Temperature::from_milli_celsius(4_950))
    );
    assert_eq!(
        stored.raw_temperature,
        Some(Temperature::from_milli_celsius(5_200))
    );
    assert_eq!(
        stored.zone,
        Some(Zone::Margin),
        "the corrected value is judged"
    );
}

#[tokio::test]
async fn only_the_primary_devices_cabinet_probe_drives_a_unit() {
    let house = House::new().await;
    let primary = house.device(|_| {}).await;
    let second = house
        .device(|device| device.name = "Second".to_owned())
        .await;
    let of = |device, time: &str, role| {
        Ok(PostedReading {
            role,
            probe: u8::from(role == ProbeRole::Other),
            ..reading_of(Target::Device(device), time, "9.0")
        })
    };
    house.clock.set(at("10:00"));
    house
        .post(vec![
            of(primary, "1:00", ProbeRole::Other),
            of(second, "2:00", ProbeRole::Cabinet),
        ])
        .await;
    assert!(house.alerts().await.is_empty());
    house
        .post(vec![of(primary, "3:00", ProbeRole::Cabinet)])
        .await;
    assert_eq!(
        house.alerts().await[0].key.alert_type,
        AlertType::TempExcursion
    );
}

#[tokio::test]
async fn history_is_stored_and_never_evaluated() {
    let house = House::new().await;
    let imported = PostedReading {
        source: ReadingSource::Import,
        ..house.reading("-10:00", "20.0")
    };
    assert!(is_accepted(&house.post(vec![Ok(imported)]).await[0]));
    assert!(house.alerts().await.is_empty());
    assert_eq!(house.readings().await[0].zone, None);
}

#[tokio::test]
async fn what_is_of_nothing_is_refused_and_says_why() {
    use RejectReason::{
        DeviceUnitMismatch, InvalidField, TooOld, UnassignedDevice, UnknownDevice, UnknownUnit,
    };
    let house = House::new().await;
    let device = house.device(|_| {}).await;
    let loose = house.device(|device| device.unit_id = None).await;
    let nobody = Uuid::from_u128(404);
    let claimed = |unit: Uuid| PostedReading {
        claimed_unit: Some(unit.into()),
        ..reading_of(Target::Device(device), "0:00", "3.5")
    };
    let further = house.own.new_unit("Fridge 2");
    let further_id = further.id.as_uuid();
    freshtrack_core::ports::Places::create_unit(
        &house.store.inner,
        house.own.org,
        further,
        freshtrack_core::audit::Journal::default(),
    )
    .await
    .unwrap();
    let bare = PostedReading::new(Target::Unit(house.own.unit), at("0:00"));
    let text = PostedTemperature::parse("warm", TemperatureUnit::C);
    let outcomes = house
        .post(vec![
            Ok(reading_of(Target::Unit(nobody.into()), "0:00", "3.5")),
            Ok(reading_of(Target::Device(nobody.into()), "0:00", "3.5")),
            Ok(reading_of(
                Target::DevEui("70B3D57ED0000001".to_owned()),
                "0:00",
                "3.5",
            )),
            Ok(claimed(nobody)),
            Ok(claimed(further_id)),
            Ok(reading_of(Target::Device(loose), "0:00", "3.5")),
            Ok(PostedReading {
                temperature: Some(text),
                ..bare.clone()
            }),
            Ok(bare.clone()),
            Ok(house.reading("-1100000:00", "3.5")),
            Err(Rejected {
                reason: RejectReason::InvalidField,
            }),
            Ok(PostedReading {
                door: Some(DoorState::Open),
                ..bare
            }),
        ])
        .await;
    let reasons = [
        UnknownUnit,
        UnknownDevice,
        UnknownDevice,
        UnknownUnit,
        DeviceUnitMismatch,
        UnassignedDevice,
        InvalidField,
        InvalidField,
        TooOld,
        InvalidField,
    ];
    assert_eq!(outcomes[..10], reasons.map(rejected));
    assert!(is_accepted(&outcomes[10]), "a door needs no temperature");
}

#[tokio::test]
async fn one_write_serves_every_caller_and_each_gets_its_own_answer() {
    let house = House::new().await;
    house.clock.set(at("10:00"));
    let org = house.own.org;
    let outcomes = house
        .ingesting(IngestConfig::default(), |ingest| {
            let house = &house;
            async move {
                let gate = house.store.gate.lock().await;
                let first = ingest.ingest(org, vec![Ok(house.reading("0:00", "3.5"))], None);
                let others = async {
                    // the first commit is under way then, and cannot finish
                    tokio::task::yield_now().await;
                    let release = async {
                        tokio::task::yield_now().await;
                        drop(gate);
                    };
                    let event = LnsEventId::from_uuid(Uuid::from_u128(5));
                    let bad = reading_of(Target::Unit(Uuid::nil().into()), "1:00", "3.5");
                    tokio::join!(
                        ingest.ingest(org, vec![Ok(house.reading("1:00", "3.5"))], Some(event)),
                        ingest.ingest(org, vec![Ok(bad), Ok(house.reading("2:00", "3.5"))], None),
                        ingest.ingest(house.other.org, vec![], None),
                        release,
                    )
                };
                tokio::join!(first, others)
            }
        })
        .await;
    let (first, (second, third, empty, ())) = outcomes;
    assert!(is_accepted(&first.unwrap()[0]) && is_accepted(&second.unwrap()[0]));
    let third = third.unwrap();
    assert_eq!(third[0], rejected(RejectReason::UnknownUnit));
    assert!(is_accepted(&third[1]));
    assert!(empty.unwrap().is_empty());
    assert_eq!(
        *house.store.commits.lock().unwrap(),
        [1, 1],
        "two writes for four calls"
    );
    assert_eq!(
        house.store.inner.consumed(org),
        [LnsEventId::from_uuid(Uuid::from_u128(5))]
    );
}

#[tokio::test]
async fn l_71_overload_is_refused_with_advice_and_nothing_accepted_is_lost() {
    let house = House::new().await;
    let config = IngestConfig {
        waiting_readings_max: 3,
        ..IngestConfig::default()
    };
    let org = house.own.org;
    house
        .ingesting(config, |ingest| {
            let house = &house;
            async move {
                let gate = house.store.gate.lock().await;
                let two = vec![
                    Ok(house.reading("-2:00", "3.5")),
                    Ok(house.reading("-1:00", "3.5")),
                ];
                let waiting = ingest.ingest(org, two, None);
                let refused = async {
                    tokio::task::yield_now().await;
                    let two = vec![
                        Ok(house.reading("-0:02", "3.5")),
                        Ok(house.reading("-0:01", "3.5")),
                    ];
                    let refused = ingest.ingest(org, two.clone(), None).await;
                    assert!(
                        matches!(
                            refused,
                            Err(IngestError::Overloaded {
                                retry_after_seconds: 1..
                            })
                        ),
                        "{refused:?}"
                    );
                    drop(gate);
                    two
                };
                let (accepted, again) = tokio::join!(waiting, refused);
                assert!(accepted.unwrap().iter().all(is_accepted));
                assert_eq!(ingest.room(), 3, "room is given back");
                assert!(ingest.ingest(org, again, None).await.is_ok());
            }
        })
        .await;
    assert_eq!(house.readings().await.len(), 4);
}

#[tokio::test]
async fn a_stopping_writer_finishes_what_it_took() {
    let house = House::new().await;
    let (ingest, writer) = Ingest::new(house.engine.clone(), IngestConfig::default());
    let org = house.own.org;
    let posts = async {
        tokio::join!(
            ingest.ingest(org, vec![Ok(house.reading("-2:00", "3.5"))], None),
            ingest.ingest(org, vec![Ok(house.reading("-1:00", "3.5"))], None),
        )
    };
    let (posted, ()) = tokio::join!(posts, writer.run(std::future::ready(())));
    assert!(posted.0.is_ok() && posted.1.is_ok(), "{posted:?}");
    assert_eq!(house.readings().await.len(), 2);
    let late = ingest.ingest(org, vec![], None).await;
    assert!(matches!(late, Err(IngestError::Stopped)), "{late:?}");
}

#[tokio::test]
async fn more_than_a_call_may_bring_is_refused_as_such() {
    let house = House::new().await;
    let many = vec![Ok(house.reading("0:00", "3.5")); 1_001];
    let refused = house.try_post(many).await;
    assert!(
        matches!(refused, Err(IngestError::TooMany { max: 1_000 })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn events_say_what_the_live_view_needs() {
    let house = House::new().await;
    house.read("0:00", "7.2").await;
    let events = house.events(house.own.org).await;
    let reading = &events[0].payload["readings"][0];
    assert_eq!(reading["temperature_milli_celsius"], 7_200);
    assert_eq!(reading["zone"], "out");
    assert_eq!(reading["recorded_at"], at("0:00").to_string());
    assert_eq!(reading["late"], false);
    let state = events
        .iter()
        .find(|event| event.kind == EventKind::UnitStateChanged)
        .unwrap();
    assert_eq!(state.payload["to"], "excursion");
    assert_eq!(state.payload["to_group"], "warning");
    assert_eq!(state.payload["reason"], "reading");
    let raised = events
        .iter()
        .find(|event| event.kind == EventKind::AlertRaised)
        .unwrap();
    assert_eq!(raised.payload["alert"]["status"], "active");
    assert_eq!(
        raised.payload["alert"]["id"],
        serde_json::json!(house.alerts().await[0].id)
    );
    assert_eq!(raised.payload["reason"], "condition_started");
    assert_eq!(raised.alert, Some(house.alerts().await[0].id));
}

#[tokio::test]
async fn a_batch_takes_no_more_readings_than_it_may_and_the_rest_is_the_next() {
    let house = House::new().await;
    let config = IngestConfig {
        batch_readings_max: 3,
        ..IngestConfig::default()
    };
    let org = house.own.org;
    let call = |times: [&str; 2]| times.map(|time| Ok(house.reading(time, "3.5"))).to_vec();
    house
        .ingesting(config, |ingest| async move {
            let (one, two, three) = tokio::join!(
                ingest.ingest(org, call(["-9:00", "-8:00"]), None),
                ingest.ingest(org, call(["-7:00", "-6:00"]), None),
                ingest.ingest(org, call(["-5:00", "-4:00"]), None),
            );
            assert!(one.is_ok() && two.is_ok() && three.is_ok());
        })
        .await;
    assert_eq!(house.store.commits.lock().unwrap().len(), 3);
    assert_eq!(house.readings().await.len(), 6);
}
