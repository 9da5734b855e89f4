//! Random lives of one unit, for laws that hold for every life.

use crate::fixture::{F1, StepFn, T0, ann, bob, device, device_id};
use freshtrack_alerts::alert::AlertKey;
use freshtrack_alerts::lifecycle::ResolveWish;
use freshtrack_alerts::monitor::device_health::ProbeSignal;
use freshtrack_alerts::step::{Input, Observation};
use freshtrack_core::reading::DoorState;
use freshtrack_core::temperature::{Limit, Temperature};
use freshtrack_core::time::{Span, Timestamp};
use proptest::prelude::*;

/// Something that happens to a unit.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// Readings: seconds before arrival, milli-degrees.
    Readings(Vec<(i64, i32)>),
    Door(DoorState),
    Battery(u8),
    Fault,
    ManualLog,
    /// Upper limit, milli-degrees.
    Limit(i32),
    /// Takes whatever is open.
    Acknowledge,
    /// Closes whatever is open.
    Resolve,
}

/// What happens, and how many seconds after the event before.
pub(crate) type Script = Vec<(i64, Event)>;

fn milli() -> impl Strategy<Value = i32> {
    prop_oneof![
        3 => Just(7_200),
        3 => Just(3_500),
        2 => Just(4_800),
        1 => Just(0),
        1 => 0..9_000i32,
    ]
}

fn readings() -> impl Strategy<Value = Event> {
    let one = (0..60i64, milli()).prop_map(|reading| vec![reading]);
    let backlog = prop::collection::vec((0..4_000i64, milli()), 1..6);
    prop_oneof![4 => one, 1 => backlog].prop_map(Event::Readings)
}

fn pause() -> impl Strategy<Value = i64> {
    prop_oneof![5 => 1..400i64, 2 => 400..1_300i64, 1 => 1_300..20_000i64]
}

/// Only what sensors and the clock do.
pub(crate) fn sensed() -> impl Strategy<Value = Script> {
    let door = prop_oneof![
        Just(DoorState::Open),
        Just(DoorState::Closed),
        Just(DoorState::Unknown)
    ];
    let event = prop_oneof![
        6 => readings(),
        1 => door.prop_map(Event::Door),
        1 => (0..30u8).prop_map(Event::Battery),
        1 => Just(Event::Fault),
    ];
    prop::collection::vec((pause(), event), 1..40)
}

/// Everything.
pub(crate) fn anything() -> impl Strategy<Value = Script> {
    let event = prop_oneof![
        8 => readings(),
        1 => Just(Event::Door(DoorState::Open)),
        1 => Just(Event::Door(DoorState::Closed)),
        1 => (0..30u8).prop_map(Event::Battery),
        1 => Just(Event::Fault),
        1 => Just(Event::ManualLog),
        1 => (3_000..9_000i32).prop_map(Event::Limit),
        1 => Just(Event::Acknowledge),
        1 => Just(Event::Resolve),
    ];
    prop::collection::vec((pause(), event), 1..40)
}

/// When ticks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ticks {
    /// At every deadline.
    Due,
    /// Never, but at the very end.
    Dropped,
    /// At every deadline, twice, and every 97 s beside.
    Excessive,
}

/// A unit that lives through scripts.
pub(crate) struct Player {
    pub(crate) f: F1,
    pub(crate) now: Timestamp,
    ticks: Ticks,
}

impl Player {
    pub(crate) fn new(engine: StepFn, ticks: Ticks) -> Self {
        let mut f = F1::new();
        f.engine = engine;
        f.devices.push(device(device_id()));
        Self { f, now: T0, ticks }
    }

    pub(crate) fn play(engine: StepFn, ticks: Ticks, script: &Script) -> F1 {
        let mut player = Self::new(engine, ticks);
        for (pause, event) in script {
            player.happen(*pause, event);
        }
        player.f.step_at(player.now, Input::Tick);
        player.f
    }

    pub(crate) fn happen(&mut self, pause: i64, event: &Event) {
        self.pass(Span::from_seconds(pause));
        match event {
            Event::Readings(readings) => {
                let mut observations: Vec<Observation> = readings
                    .iter()
                    .map(|(ago, milli)| {
                        let at = self.now - Span::from_seconds(*ago);
                        Observation::temperature(at, Temperature::from_milli_celsius(*milli))
                    })
                    .collect();
                observations.sort_by_key(|observation| observation.recorded_at);
                self.f.step_at(self.now, Input::Readings(&mut observations));
            }
            Event::Door(state) => self.observe(Observation {
                device: Some(device_id()),
                ..Observation::door(self.now, *state)
            }),
            Event::Battery(percent) => self.observe(Observation {
                battery_percent: Some(*percent),
                ..self.of_device(ProbeSignal::None)
            }),
            Event::Fault => self.observe(self.of_device(ProbeSignal::Fault)),
            Event::ManualLog => {
                let recorded_at = self.now;
                self.f.step_at(self.now, Input::ManualLog { recorded_at });
            }
            Event::Limit(milli) => {
                self.f.rules.temp_max = Some(Limit::celsius(*milli));
                self.f.rules.version += 1;
                self.f.step_at(self.now, Input::RulesChanged);
            }
            Event::Acknowledge => {
                for key in self.open() {
                    let (by, note) = (ann(), None);
                    self.f
                        .step_at(self.now, Input::Acknowledge { key, by, note });
                }
            }
            Event::Resolve => {
                for key in self.open() {
                    let wish = ResolveWish {
                        by: bob(),
                        note: "closed",
                        corrective_action: None,
                    };
                    self.f.step_at(self.now, Input::Resolve { key, wish });
                }
            }
        }
    }

    fn of_device(&self, signal: ProbeSignal) -> Observation {
        Observation {
            device: Some(device_id()),
            signal,
            ..Observation::temperature(self.now, Temperature::from_milli_celsius(0))
        }
        .without_temperature()
    }

    fn observe(&mut self, observation: Observation) {
        self.f
            .step_at(self.now, Input::Readings(&mut [observation]));
    }

    fn open(&self) -> Vec<AlertKey> {
        self.f
            .monitor
            .alerts
            .iter()
            .map(|alert| alert.key)
            .collect()
    }

    fn pass(&mut self, span: Span) {
        let end = self.now + span;
        match self.ticks {
            Ticks::Dropped => {}
            Ticks::Due => {
                self.f.until(end);
            }
            Ticks::Excessive => {
                while self.now < end {
                    let next = (self.now + Span::from_seconds(97)).min(end);
                    while let Some(due) = self.f.deadline.filter(|due| *due <= next) {
                        self.f.step_at(due, Input::Tick);
                        self.f.step_at(due, Input::Tick);
                    }
                    self.f.step_at(next, Input::Tick);
                    self.now = next;
                }
            }
        }
        self.now = end;
    }
}

trait WithoutTemperature {
    fn without_temperature(self) -> Self;
}

impl WithoutTemperature for Observation {
    fn without_temperature(self) -> Self {
        Self {
            temperature: None,
            drives: false,
            ..self
        }
    }
}
