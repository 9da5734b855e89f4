//! Every alert type through the way in of readings, logs, calibrations and time: produced, cleared.
//!
//! One row per way to produce one, so that none is without a producer (L-26).

use crate::fixture::{at, celsius};
use crate::house::House;
use freshtrack_alerts::alert::{Alert, AlertStatus, AlertType, ResolutionKind, Severity};
use freshtrack_alerts::change::Target;
use freshtrack_alerts::posted::{PostedReading, PostedTemperature, Quality};
use freshtrack_alerts::unit_actions::{UnitActions, UnitInput};
use freshtrack_core::audit::Journal;
use freshtrack_core::ids::DeviceId;
use freshtrack_core::ports::{AssignDevice, Devices};
use freshtrack_core::reading::DoorState;
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_core::time::Span;

/// What happens, at a minute.
#[derive(Clone, Copy)]
enum Happens {
    Reads(&'static str),
    Decodes(&'static str, Quality),
    Door(DoorState),
    Battery(u8),
    Sweep,
    Log,
    Calibrated,
    Unassigned,
}

use Happens::{Battery, Calibrated, Decodes, Door, Log, Reads, Sweep, Unassigned};

struct Row {
    named: &'static str,
    alert_type: AlertType,
    produced: &'static [(&'static str, Happens)],
    severity: Severity,
    cleared: &'static [(&'static str, Happens)],
}

const GOOD: (&str, Happens) = ("0:00", Reads("3.5"));

const ROWS: &[Row] = &[
    Row {
        named: "out of range and confirmed",
        alert_type: AlertType::TempExcursion,
        produced: &[GOOD, ("5:00", Reads("7.2")), ("15:00", Reads("7.2"))],
        severity: Severity::Critical,
        cleared: &[("20:00", Reads("4.0")), ("25:00", Reads("4.0"))],
    },
    Row {
        named: "out of range, confirmed by the timer",
        alert_type: AlertType::TempExcursion,
        produced: &[GOOD, ("5:00", Reads("7.2")), ("15:00", Sweep)],
        severity: Severity::Critical,
        cleared: &[("20:00", Reads("4.0")), ("25:00", Reads("4.0"))],
    },
    Row {
        named: "too cold, not confirmed",
        alert_type: AlertType::TempExcursion,
        produced: &[GOOD, ("5:00", Reads("0.5"))],
        severity: Severity::Warning,
        cleared: &[("8:00", Reads("2.0")), ("9:00", Reads("2.0"))],
    },
    Row {
        named: "out of range after a gap",
        alert_type: AlertType::TempExcursion,
        produced: &[GOOD, ("45:00", Reads("7.2"))],
        severity: Severity::Critical,
        cleared: &[("50:00", Reads("4.0")), ("55:00", Reads("4.0"))],
    },
    Row {
        named: "not recovering for 45 minutes",
        alert_type: AlertType::SuspectedCoolingFailure,
        produced: &[
            GOOD,
            ("5:00", Reads("7.0")),
            ("15:00", Reads("7.1")),
            ("25:00", Reads("7.2")),
            ("35:00", Reads("7.3")),
            ("49:00", Reads("7.4")),
        ],
        severity: Severity::Warning,
        cleared: &[("54:00", Reads("4.0")), ("59:00", Reads("4.0"))],
    },
    Row {
        named: "late",
        alert_type: AlertType::MonitoringInterrupted,
        produced: &[GOOD, ("5:30", Sweep)],
        severity: Severity::Warning,
        cleared: &[("6:00", Reads("3.5"))],
    },
    Row {
        named: "silent",
        alert_type: AlertType::MonitoringInterrupted,
        produced: &[GOOD, ("5:30", Sweep), ("25:30", Sweep)],
        severity: Severity::Critical,
        cleared: &[("26:00", Reads("3.5"))],
    },
    Row {
        named: "nobody measured",
        alert_type: AlertType::MissedManualEntry,
        produced: &[GOOD, ("240:00", Sweep)],
        severity: Severity::Warning,
        cleared: &[("241:00", Log)],
    },
    Row {
        named: "nobody measured, and the sensor is back",
        alert_type: AlertType::MissedManualEntry,
        produced: &[GOOD, ("240:00", Sweep)],
        severity: Severity::Warning,
        cleared: &[("241:00", Reads("3.5"))],
    },
    Row {
        named: "door open",
        alert_type: AlertType::DoorOpen,
        produced: &[GOOD, ("1:00", Door(DoorState::Open)), ("4:00", Sweep)],
        severity: Severity::Warning,
        cleared: &[("5:00", Door(DoorState::Closed))],
    },
    Row {
        named: "door open too long",
        alert_type: AlertType::DoorOpen,
        produced: &[GOOD, ("1:00", Door(DoorState::Open)), ("11:00", Sweep)],
        severity: Severity::Critical,
        cleared: &[("12:00", Door(DoorState::Unknown))],
    },
    Row {
        named: "battery low",
        alert_type: AlertType::LowBattery,
        produced: &[GOOD, ("5:00", Battery(10))],
        severity: Severity::Warning,
        cleared: &[("6:00", Battery(21))],
    },
    Row {
        named: "battery low, device taken away",
        alert_type: AlertType::LowBattery,
        produced: &[GOOD, ("5:00", Battery(1))],
        severity: Severity::Warning,
        cleared: &[("6:00", Unassigned)],
    },
    Row {
        named: "impossible value",
        alert_type: AlertType::SensorFault,
        produced: &[GOOD, ("5:00", Reads("327.67"))],
        severity: Severity::Critical,
        cleared: &[("10:00", Reads("3.5"))],
    },
    Row {
        named: "sentinel of the model",
        alert_type: AlertType::SensorFault,
        produced: &[GOOD, ("5:00", Reads("85"))],
        severity: Severity::Critical,
        cleared: &[("10:00", Reads("3.5"))],
    },
    Row {
        named: "decoder error",
        alert_type: AlertType::SensorFault,
        produced: &[GOOD, ("5:00", Decodes("3.5", Quality::DecoderError))],
        severity: Severity::Critical,
        cleared: &[("10:00", Reads("3.5"))],
    },
    Row {
        named: "fault told by the device",
        alert_type: AlertType::SensorFault,
        produced: &[GOOD, ("5:00", Decodes("3.5", Quality::Fault))],
        severity: Severity::Critical,
        cleared: &[("10:00", Reads("3.5"))],
    },
    Row {
        named: "two suspect values in a row",
        alert_type: AlertType::SensorFault,
        produced: &[
            GOOD,
            ("5:00", Decodes("3.5", Quality::Suspect)),
            ("10:00", Decodes("3.5", Quality::Suspect)),
        ],
        severity: Severity::Critical,
        cleared: &[("15:00", Reads("3.5"))],
    },
    Row {
        named: "two jumps in a row",
        alert_type: AlertType::SensorFault,
        produced: &[GOOD, ("1:00", Reads("40.0")), ("2:00", Reads("80.0"))],
        severity: Severity::Critical,
        cleared: &[("3:00", Reads("79.0"))],
    },
    Row {
        named: "calibration run out",
        alert_type: AlertType::CalibrationDue,
        produced: &[GOOD, ("60:00", Sweep)],
        severity: Severity::Info,
        cleared: &[("61:00", Calibrated)],
    },
];

/// A house whose unit has one combined sensor, to be calibrated again at 60:00.
async fn with_sensor() -> (House, DeviceId) {
    let house = House::new().await;
    house.clock.set(at("-1:00"));
    let id = house
        .device(|device| {
            device.uplink_interval_seconds = None;
            device.calibration_due_at = Some(at("60:00"));
            device.sentinel_temperatures = vec![celsius("85")];
        })
        .await;
    (house, id)
}

async fn happens(house: &House, sensor: DeviceId, time: &str, what: Happens) {
    house.clock.set(at(time));
    let blank = || PostedReading::new(Target::Device(sensor), at(time));
    let temperature = |text| Some(PostedTemperature::parse(text, TemperatureUnit::C));
    let reading = match what {
        Reads(text) => PostedReading {
            temperature: temperature(text),
            ..blank()
        },
        Decodes(text, quality) => PostedReading {
            temperature: temperature(text),
            quality,
            ..blank()
        },
        Door(state) => PostedReading {
            door: Some(state),
            ..blank()
        },
        Battery(percent) => PostedReading {
            temperature: temperature("3.6"),
            battery_percent: Some(percent),
            ..blank()
        },
        Sweep => {
            let swept = house.sweeper().sweep().await.unwrap();
            assert_eq!((swept.failed, swept.conflicts), (0, 0));
            return;
        }
        Log => {
            let recorded_at = at(time);
            return told(house, &UnitInput::ManualLog { recorded_at }).await;
        }
        Calibrated => {
            let until = at("60:00") + Span::from_minutes(60 * 24 * 365);
            house.store.calibrated.lock().unwrap().push((sensor, until));
            return told(house, &UnitInput::DevicesChanged).await;
        }
        Unassigned => {
            let change = AssignDevice {
                device: sensor,
                unit: None,
                is_primary: false,
            };
            let store = &house.store.inner;
            let assigned = Devices::assign(store, house.own.org, change, Journal::default());
            assigned.await.unwrap();
            return told(house, &UnitInput::DevicesChanged).await;
        }
    };
    house.post(vec![Ok(reading)]).await;
}

async fn told(house: &House, input: &UnitInput) {
    let actions = UnitActions::new(house.engine.clone());
    let journal = Journal::default();
    let done = actions.apply(house.own.org, house.own.unit, input, &journal);
    done.await.unwrap();
}

async fn newest(house: &House, alert_type: AlertType) -> Option<Alert> {
    let alerts = house.alerts().await;
    alerts
        .into_iter()
        .rfind(|alert| alert.key.alert_type == alert_type)
}

#[tokio::test]
async fn every_alert_type_is_produced_and_cleared_through_the_way_in() {
    for row in ROWS {
        let (house, sensor) = with_sensor().await;
        for (time, what) in row.produced {
            happens(&house, sensor, time, *what).await;
        }
        let open = newest(&house, row.alert_type).await;
        let open = open.unwrap_or_else(|| panic!("{}: nothing was raised", row.named));
        assert_eq!(open.status, AlertStatus::Active, "{}", row.named);
        assert_eq!(open.severity, row.severity, "{}", row.named);
        for (time, what) in row.cleared {
            let before = newest(&house, row.alert_type).await.unwrap();
            assert_eq!(
                before.status,
                AlertStatus::Active,
                "{}: too early",
                row.named
            );
            happens(&house, sensor, time, *what).await;
        }
        let closed = newest(&house, row.alert_type).await.unwrap();
        assert_eq!(closed.id, open.id, "{}: updated in place", row.named);
        let end = closed.resolved.map(|end| end.kind);
        assert_eq!(end, Some(ResolutionKind::Auto), "{}", row.named);
    }
}

#[test]
fn l_26_no_alert_type_is_without_a_producer() {
    for alert_type in AlertType::ALL {
        let produced = ROWS.iter().any(|row| row.alert_type == *alert_type);
        assert!(produced, "nothing produces {alert_type}");
    }
}

#[tokio::test]
async fn a_stuck_value_is_a_fault_through_the_way_in() {
    let (house, sensor) = with_sensor().await;
    for n in 0..=73 {
        happens(&house, sensor, &format!("{}:00", n * 5), Reads("3.5")).await;
    }
    let fault = newest(&house, AlertType::SensorFault).await.unwrap();
    assert_eq!(fault.status, AlertStatus::Active);
    happens(&house, sensor, "370:00", Reads("3.6")).await;
    let fault = newest(&house, AlertType::SensorFault).await.unwrap();
    assert_eq!(fault.status, AlertStatus::Resolved);
}
