//! The step allocates nothing for a reading that changes nothing: a counting allocator says so.
//!
//! A binary of its own, because its allocator counts for the whole process. What changes something
//! (an alert raised, a state told) may allocate: it is rare, and it is written down. So may the first
//! reading of a day, which closes the mean of the day before for the drift.

use allocation_counter::{AllocationInfo, measure};
use freshtrack_alerts::cascade::EffectiveRules;
use freshtrack_alerts::monitor::Monitor;
use freshtrack_alerts::replay::Replay;
use freshtrack_alerts::step::{Facts, Input, Observation, step};
use freshtrack_core::hierarchy::{Unit, UnitType};
use freshtrack_core::ids::{AlertId, UserId};
use freshtrack_core::reading::DoorState;
use freshtrack_core::temperature::Temperature;
use freshtrack_core::testkit::sample::{Tenant, at};
use freshtrack_core::time::Timestamp;
use std::hint::black_box;
use uuid::Uuid;

/// Readings that are measured, after as many that are not.
const READINGS: i64 = 2_000;

struct Case {
    unit: Unit,
    rules: EffectiveRules,
    monitor: Monitor,
    interval: i64,
    sent: i64,
}

impl Case {
    fn new(unit_type: UnitType, interval: u32) -> Self {
        let (tenant, _) = Tenant::new("allocations");
        let mut unit = tenant.new_unit("Unit");
        unit.unit_type = unit_type;
        unit.monitoring_started_at = at(0);
        Self {
            unit,
            rules: EffectiveRules {
                check_in_interval_seconds: interval,
                ..EffectiveRules::built_in(unit_type)
            },
            monitor: Monitor::default(),
            interval: i64::from(interval),
            sent: 0,
        }
    }

    fn now(&self) -> Timestamp {
        at(self.sent * self.interval)
    }

    fn facts(unit: &Unit) -> Facts<'_> {
        Facts {
            unit,
            site_name: "Kitchen",
            site_timezone: "UTC",
            corrective_action_required: false,
            devices: &[],
        }
    }

    fn tell(&mut self, input: Input<'_>, now: Timestamp) {
        let facts = Self::facts(&self.unit);
        let mut decided = step(&mut self.monitor, &self.rules, &facts, input, now);
        decided.name_alerts(&mut self.monitor, || AlertId::from_uuid(Uuid::from_u128(1)));
        black_box(decided);
    }

    fn read(&mut self, milli: i32) {
        self.sent += 1;
        let now = self.now();
        let value = Temperature::from_milli_celsius(milli);
        self.tell(
            Input::Readings(&mut [Observation::temperature(now, value)]),
            now,
        );
        self.tell(Input::Tick, now);
    }

    fn run(&mut self, value: fn(i64) -> i32) {
        for _ in 0..READINGS {
            self.read(value(self.sent));
        }
    }

    /// Allocations of the second run of readings.
    fn measured(&mut self, value: fn(i64) -> i32) -> u64 {
        self.run(value);
        let mut allocations = 0;
        for _ in 0..READINGS {
            let (before, value) = (self.now(), value(self.sent));
            let counted = measure(|| self.read(value));
            allocations += within_a_day(before, self.now(), &counted);
        }
        allocations
    }
}

/// What counts of a reading: nothing of the first of a day.
fn within_a_day(before: Timestamp, now: Timestamp, counted: &AllocationInfo) -> u64 {
    let day = |at: Timestamp| at.as_micros().div_euclid(86_400_000_000);
    if day(before) == day(now) {
        counted.count_total
    } else {
        0
    }
}

#[track_caller]
fn none(name: &str, allocations: u64) {
    assert_eq!(allocations, 0, "{name}");
}

/// A compressor's cycle around the mean.
fn cycling(n: i64, mean: i32, swing: i32) -> i32 {
    let phase = i32::try_from(n % 20).unwrap_or(0) - 10;
    mean + phase.abs() * swing / 10
}

#[test]
fn the_counter_counts() {
    let counted = measure(|| drop(black_box(vec![1_u8; 100])));
    assert_eq!((counted.count_total, counted.bytes_total), (1, 100));
}

/// What the other tests forbid is seen where it happens.
#[test]
fn an_alert_that_is_raised_allocates_and_is_counted() {
    let mut fridge = Case::new(UnitType::Fridge, 60);
    fridge.run(|_| 3_000);
    let counted = measure(|| fridge.read(9_000));
    assert_eq!(fridge.monitor.alerts.len(), 1);
    assert!(counted.count_total > 0, "{counted:?}");
}

#[test]
fn a_reading_in_range_allocates_nothing() {
    for interval in [60, 300, 900] {
        let mut fridge = Case::new(UnitType::Fridge, interval);
        none("fridge", fridge.measured(|n| cycling(n, 2_000, 1_500)));
        let mut freezer = Case::new(UnitType::Freezer, interval);
        none("freezer", freezer.measured(|n| cycling(n, -22_000, 2_500)));
        assert!(
            freezer.monitor.defrost.is_some(),
            "the defrost-aware pack ran"
        );
    }
}

#[test]
fn a_reading_inside_the_hysteresis_allocates_nothing() {
    let mut fridge = Case::new(UnitType::Fridge, 60);
    none("margin", fridge.measured(|_| 4_800));
}

#[test]
fn a_reading_of_an_alarm_that_somebody_took_allocates_nothing() {
    let mut fridge = Case::new(UnitType::Fridge, 60);
    for _ in 0..90 {
        fridge.read(9_000);
    }
    let key = fridge.monitor.alerts[0].key;
    let by = UserId::from_uuid(Uuid::from_u128(2));
    let now = fridge.now();
    let keys: Vec<_> = fridge
        .monitor
        .alerts
        .iter()
        .map(|alert| alert.key)
        .collect();
    assert!(keys.contains(&key) && keys.len() == 2, "{keys:?}");
    for key in keys {
        fridge.tell(
            Input::Acknowledge {
                key,
                by,
                note: None,
            },
            now,
        );
    }
    none("alarm", fridge.measured(|n| cycling(n, 7_000, 2_000)));
}

#[test]
fn an_open_door_and_a_device_that_reports_allocate_nothing() {
    let mut fridge = Case::new(UnitType::Fridge, 60);
    fridge.sent = 1;
    let now = fridge.now();
    fridge.tell(
        Input::Readings(&mut [Observation::door(now, DoorState::Closed)]),
        now,
    );
    fridge.run(|_| 3_000);
    let counted = measure(|| {
        for _ in 0..READINGS {
            fridge.sent += 1;
            let now = fridge.now();
            let mut seen = [Observation {
                battery_percent: Some(80),
                battery_mv: Some(3_000),
                door: Some(DoorState::Closed),
                ..Observation::temperature(now, Temperature::from_milli_celsius(3_000))
            }];
            fridge.tell(Input::Readings(&mut seen), now);
        }
    });
    none("device", counted.count_total);
}

#[test]
fn a_replayed_reading_allocates_nothing() {
    let case = Case::new(UnitType::Freezer, 60);
    let mut replay = Replay::new(Case::facts(&case.unit), case.rules);
    let mut allocations = 0;
    for minute in 1..=2 * READINGS {
        let value = Temperature::from_milli_celsius(cycling(minute, -22_000, 2_500));
        let (before, now) = (at((minute - 1) * 60), at(minute * 60));
        let counted = measure(|| {
            let told = replay.push(Observation::temperature(now, value));
            assert!(told.is_empty(), "{told:?}");
        });
        if minute > READINGS {
            allocations += within_a_day(before, now, &counted);
        }
    }
    none("replay", allocations);
}
