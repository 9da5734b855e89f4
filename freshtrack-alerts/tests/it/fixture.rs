//! Fixture F1: a fridge in sensor mode with one good reading of 3.5 °C five minutes before t0, every
//! tick run at its deadline. Times are written as in the specification, `min:sec` from t0.

use freshtrack_alerts::alert::{Alert, AlertEventKind, AlertKey, AlertStatus, AlertType, Severity};
use freshtrack_alerts::cascade::EffectiveRules;
use freshtrack_alerts::lifecycle::{Refusal, ResolveWish};
use freshtrack_alerts::monitor::Monitor;
use freshtrack_alerts::step::{AlertChange, Facts, Input, Observation, Step, UnitEvent, step};
use freshtrack_core::device::{BATTERY_LOW_MV_DEFAULT, Device, DeviceKind, Transport};
use freshtrack_core::hierarchy::{MonitoringMode, Unit, UnitDetails, UnitStatus, UnitType};
use freshtrack_core::ids::{AlertId, AreaId, DeviceId, SiteId, UnitId, UserId};
use freshtrack_core::reading::DoorState;
use freshtrack_core::temperature::{Temperature, TemperatureDelta, TemperatureUnit};
use freshtrack_core::time::{Span, Timestamp};
use std::collections::BTreeMap;
use uuid::Uuid;

/// t0 of every example: noon in winter, so that no zone changes its clock nearby.
pub(crate) const T0: Timestamp = Timestamp::from_seconds(1_770_000_000);

/// `min:sec` with an optional fraction, from t0; may be negative.
pub(crate) fn at(text: &str) -> Timestamp {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (minutes, seconds) = text.split_once(':').expect("min:sec");
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let micros: i64 = format!("{fraction:0<6}").parse().unwrap();
    let whole = minutes.parse::<i64>().unwrap() * 60 + seconds.parse::<i64>().unwrap();
    T0 + Span::from_micros(sign * (whole * 1_000_000 + micros))
}

pub(crate) fn celsius(text: &str) -> Temperature {
    Temperature::parse(text, TemperatureUnit::C).unwrap()
}

pub(crate) const fn key(alert_type: AlertType) -> AlertKey {
    AlertKey {
        alert_type,
        device: None,
    }
}

pub(crate) const TEMP: AlertKey = key(AlertType::TempExcursion);
pub(crate) const SILENCE: AlertKey = key(AlertType::MonitoringInterrupted);
pub(crate) const MANUAL: AlertKey = key(AlertType::MissedManualEntry);
pub(crate) const DOOR: AlertKey = key(AlertType::DoorOpen);

pub(crate) fn ann() -> UserId {
    UserId::from_uuid(Uuid::from_u128(0xa))
}

pub(crate) fn bob() -> UserId {
    UserId::from_uuid(Uuid::from_u128(0xb))
}

pub(crate) fn device_id() -> DeviceId {
    DeviceId::from_uuid(Uuid::from_u128(0xd))
}

pub(crate) fn unit() -> Unit {
    Unit {
        id: UnitId::from_uuid(Uuid::from_u128(3)),
        site_id: SiteId::from_uuid(Uuid::from_u128(1)),
        area_id: AreaId::from_uuid(Uuid::from_u128(2)),
        name: "Fridge 1".to_owned(),
        unit_type: UnitType::Fridge,
        monitoring_mode: MonitoringMode::Sensor,
        monitoring_started_at: T0 - Span::from_minutes(30),
        status: UnitStatus::Ok,
        details: UnitDetails::default(),
        created_at: T0 - Span::from_minutes(600),
        updated_at: T0 - Span::from_minutes(600),
        version: 1,
        archived: None,
    }
}

pub(crate) fn device(id: DeviceId) -> Device {
    Device {
        id,
        dev_eui: None,
        name: "Probe 1".to_owned(),
        kind: DeviceKind::Combo,
        transport: Transport::Lora,
        model: None,
        unit_id: Some(unit().id),
        is_primary: true,
        uplink_interval_seconds: None,
        battery_low_mv: BATTERY_LOW_MV_DEFAULT,
        sentinel_temperatures: Vec::new(),
        temperature_offset: TemperatureDelta::ZERO,
        calibration_due_at: None,
        last_seen_at: None,
        created_at: T0,
        updated_at: T0,
        version: 1,
        archived: None,
    }
}

/// The engine's step, or a broken one that a law must catch.
pub(crate) type StepFn =
    fn(&mut Monitor, &EffectiveRules, &Facts<'_>, Input<'_>, Timestamp) -> Step;

/// One unit on its own, with everything it ever told.
#[derive(Clone)]
pub(crate) struct F1 {
    pub(crate) engine: StepFn,
    pub(crate) unit: Unit,
    pub(crate) devices: Vec<Device>,
    pub(crate) rules: EffectiveRules,
    pub(crate) monitor: Monitor,
    pub(crate) action_required: bool,
    pub(crate) deadline: Option<Timestamp>,
    /// Rows of alerts, as a store would hold them, in order of their raising.
    pub(crate) rows: BTreeMap<AlertId, Alert>,
    pub(crate) told: Vec<AlertChange>,
    pub(crate) events: Vec<UnitEvent>,
    pub(crate) last: Option<Step>,
    raised: u128,
}

impl F1 {
    pub(crate) fn new() -> Self {
        let mut f = Self::unseen();
        f.read("-5:00", "3.5");
        f.told.clear();
        f.events.clear();
        f
    }

    /// A unit that was never heard of.
    pub(crate) fn unseen() -> Self {
        Self {
            engine: step,
            unit: unit(),
            devices: Vec::new(),
            rules: EffectiveRules::built_in(UnitType::Fridge),
            monitor: Monitor::default(),
            action_required: false,
            deadline: None,
            rows: BTreeMap::new(),
            told: Vec::new(),
            events: Vec::new(),
            last: None,
            raised: 0,
        }
    }

    /// Confirmed at 10:00 by 7.2 °C at 0:00, 5:00 and 10:00.
    pub(crate) fn in_alarm() -> Self {
        let mut f = Self::new();
        for time in ["0:00", "5:00", "10:00"] {
            f.read(time, "7.2");
        }
        f.expect_axis("alarm");
        f
    }

    /// One step, now; no tick before it.
    pub(crate) fn step_at(&mut self, now: Timestamp, input: Input<'_>) -> Option<Refusal> {
        let facts = Facts {
            unit: &self.unit,
            site_name: "Main Street",
            site_timezone: "America/New_York",
            corrective_action_required: self.action_required,
            devices: &self.devices,
        };
        let mut monitor = self.monitor.clone();
        let mut decided = (self.engine)(&mut monitor, &self.rules, &facts, input, now);
        decided.name_alerts(&mut monitor, || {
            self.raised += 1;
            AlertId::from_uuid(Uuid::from_u128(self.raised))
        });
        let refused = decided.refused;
        if refused.is_none() {
            self.monitor = monitor;
            self.deadline = decided.next_deadline;
            self.store(&decided);
        }
        self.last = Some(decided);
        refused
    }

    /// What a store enforces: versions follow on, one open alert per key, resolved is the end.
    fn store(&mut self, decided: &Step) {
        for alert in &decided.alerts {
            let before = self.rows.insert(alert.id, alert.clone());
            assert_eq!(
                alert.version,
                before.as_ref().map_or(0, |row| row.version) + 1
            );
            assert!(before.is_none_or(|row| row.status != AlertStatus::Resolved));
        }
        let open: Vec<&Alert> = self
            .rows
            .values()
            .filter(|row| row.status != AlertStatus::Resolved)
            .collect();
        for alert in &open {
            let same = open.iter().filter(|other| other.key == alert.key).count();
            assert_eq!(same, 1, "two open alerts of {:?}", alert.key);
            assert!(
                self.monitor.alerts.contains(alert),
                "row and monitor differ"
            );
        }
        assert_eq!(open.len(), self.monitor.alerts.len());
        self.told.extend(decided.alert_changes.iter().cloned());
        self.events.extend(decided.events.iter().cloned());
    }

    /// Lets time pass: every tick at its deadline, the last one at `now` only if it is due.
    pub(crate) fn until(&mut self, now: Timestamp) -> &mut Self {
        while let Some(deadline) = self.deadline.filter(|deadline| *deadline <= now) {
            self.step_at(deadline, Input::Tick);
            assert!(
                self.deadline.is_none_or(|next| next > deadline),
                "a timer that fired is due again"
            );
        }
        self
    }

    pub(crate) fn wait(&mut self, time: &str) -> &mut Self {
        self.until(at(time))
    }

    pub(crate) fn batch(&mut self, now: &str, readings: &[(&str, &str)]) -> Vec<Observation> {
        let mut observations: Vec<Observation> = readings
            .iter()
            .map(|(time, value)| Observation::temperature(at(time), celsius(value)))
            .collect();
        self.observe(now, &mut observations);
        observations
    }

    pub(crate) fn observe(&mut self, now: &str, observations: &mut [Observation]) {
        self.until(at(now));
        self.step_at(at(now), Input::Readings(observations));
    }

    pub(crate) fn read(&mut self, time: &str, value: &str) -> &mut Self {
        self.batch(time, &[(time, value)]);
        self
    }

    pub(crate) fn door(&mut self, time: &str, state: DoorState) -> &mut Self {
        self.observe(time, &mut [Observation::door(at(time), state)]);
        self
    }

    pub(crate) fn rules(
        &mut self,
        time: &str,
        change: impl FnOnce(&mut EffectiveRules),
    ) -> &mut Self {
        self.until(at(time));
        change(&mut self.rules);
        self.rules.version += 1;
        self.step_at(at(time), Input::RulesChanged);
        self
    }

    pub(crate) fn acknowledge(&mut self, time: &str, key: AlertKey, by: UserId) -> Option<Refusal> {
        self.until(at(time));
        let note = Some("on my way");
        self.step_at(at(time), Input::Acknowledge { key, by, note })
    }

    pub(crate) fn resolve(&mut self, time: &str, key: AlertKey) -> Option<Refusal> {
        self.resolve_as(time, key, "checked", None)
    }

    pub(crate) fn resolve_as(
        &mut self,
        time: &str,
        key: AlertKey,
        note: &str,
        corrective_action: Option<&str>,
    ) -> Option<Refusal> {
        self.until(at(time));
        let wish = ResolveWish {
            by: bob(),
            note,
            corrective_action,
        };
        self.step_at(at(time), Input::Resolve { key, wish })
    }

    /// A restart: the state goes through its document.
    pub(crate) fn restart(&mut self) -> &mut Self {
        let text = serde_json::to_string(&self.monitor).unwrap();
        self.monitor = serde_json::from_str(&text).unwrap();
        self
    }

    pub(crate) fn open(&self, key: AlertKey) -> Option<&Alert> {
        self.monitor.open_alert(key)
    }

    /// Every alert there ever was of this key, oldest first.
    pub(crate) fn all(&self, key: AlertKey) -> Vec<&Alert> {
        self.rows.values().filter(|row| row.key == key).collect()
    }

    #[track_caller]
    pub(crate) fn only(&self, key: AlertKey) -> &Alert {
        let all = self.all(key);
        assert_eq!(all.len(), 1, "alerts of {key:?}: {all:#?}");
        all[0]
    }

    pub(crate) fn history(&self, key: AlertKey) -> Vec<AlertEventKind> {
        let of_key = self.told.iter().filter(|told| told.alert.key == key);
        of_key.map(|told| told.kind).collect()
    }

    pub(crate) fn severity(&self, key: AlertKey) -> Option<Severity> {
        self.open(key).map(|alert| alert.severity)
    }

    #[track_caller]
    pub(crate) fn expect_axis(&self, name: &str) -> &Self {
        assert_eq!(self.monitor.temperature.name(), name, "{:?}", self.monitor);
        self
    }

    #[track_caller]
    pub(crate) fn expect_status(&self, status: UnitStatus) -> &Self {
        assert_eq!(self.monitor.status(), status, "{:?}", self.monitor);
        self
    }

    #[track_caller]
    pub(crate) fn expect_excursion(&self, since: &str) -> &Self {
        self.expect_axis("excursion");
        let episode = self.monitor.temperature.episode().unwrap();
        assert_eq!(episode.since, at(since), "since");
        self
    }

    #[track_caller]
    pub(crate) fn expect_alarm(&self, since: &str, confirmed: &str) -> &Self {
        self.expect_axis("alarm");
        let axis = &self.monitor.temperature;
        assert_eq!(axis.episode().unwrap().since, at(since), "since");
        assert_eq!(axis.confirmed_at(), Some(at(confirmed)), "confirmed");
        self
    }
}
