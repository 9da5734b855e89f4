//! What sensors send, and when it arrives.

use crate::change::Target;
use crate::food_safety::fleet::Rng;
use crate::posted::{PostedReading, PostedTemperature};
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::reading::DoorState;
use freshtrack_core::temperature::{Temperature, TemperatureUnit};
use freshtrack_core::time::{Span, Timestamp};

/// Whole numbers below `n` from a generator of fractions.
pub(super) fn below(rng: &mut Rng, n: u64) -> u64 {
    rng.next_u64() % n.max(1)
}

/// True `percent` times in a hundred.
pub(super) fn chance(rng: &mut Rng, percent: u64) -> bool {
    below(rng, 100) < percent
}

/// A span of at least `from` and less than `to` seconds.
pub(super) fn span(rng: &mut Rng, from: u32, to: u32) -> Span {
    let extra = below(rng, u64::from(to.saturating_sub(from)));
    Span::from_seconds(i64::from(from) + i64::try_from(extra).unwrap_or(0))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Good,
    Margin,
    Warm,
    Silent,
}

/// A sensor in a unit.
#[derive(Debug)]
pub(super) struct Sensor {
    pub(super) org: OrgId,
    pub(super) unit: UnitId,
    next_at: Timestamp,
    mood: Mood,
    mood_until: Timestamp,
    door: DoorState,
}

/// A reading as it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) org: OrgId,
    pub(super) unit: UnitId,
    pub(super) recorded_at: Timestamp,
    pub(super) milli: i32,
    pub(super) door: Option<DoorState>,
}

impl Sent {
    pub(super) fn posted(&self) -> PostedReading {
        PostedReading {
            temperature: Some(PostedTemperature {
                raw: self.milli.to_string(),
                unit: TemperatureUnit::C,
                value: Ok(Temperature::from_milli_celsius(self.milli)),
            }),
            door: self.door,
            ..PostedReading::new(Target::Unit(self.unit), self.recorded_at)
        }
    }
}

/// A reading on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivery {
    pub(super) sent: Sent,
    pub(super) at: Timestamp,
}

impl Sensor {
    pub(super) const fn new(org: OrgId, unit: UnitId, now: Timestamp) -> Self {
        Self {
            org,
            unit,
            next_at: now,
            mood: Mood::Good,
            mood_until: now,
            door: DoorState::Unknown,
        }
    }

    /// Adds what is sent until `now` to what is on its way.
    pub(super) fn send_until(
        &mut self,
        now: Timestamp,
        rng: &mut Rng,
        on_its_way: &mut Vec<Delivery>,
    ) {
        while self.next_at <= now {
            let at = self.next_at;
            self.next_at = at + span(rng, 280, 321);
            if at >= self.mood_until {
                self.change_mood(at, rng);
            }
            let (low, width) = match self.mood {
                Mood::Good => (1_500, 1_500),
                Mood::Margin => (4_600, 300),
                Mood::Warm => (6_500, 2_500),
                Mood::Silent => continue,
            };
            let milli = low + i32::try_from(below(rng, width)).unwrap_or(0);
            let sent = Sent {
                org: self.org,
                unit: self.unit,
                recorded_at: at,
                milli,
                door: self.door_report(rng),
            };
            post(sent, rng, on_its_way);
        }
    }

    fn change_mood(&mut self, at: Timestamp, rng: &mut Rng) {
        self.mood = match below(rng, 10) {
            0..4 => Mood::Good,
            4 => Mood::Margin,
            5..9 => Mood::Warm,
            _ => Mood::Silent,
        };
        self.mood_until = at + span(rng, 200, 5_400);
    }

    fn door_report(&mut self, rng: &mut Rng) -> Option<DoorState> {
        if !chance(rng, 10) {
            return None;
        }
        self.door = match self.door {
            DoorState::Open => DoorState::Closed,
            DoorState::Closed | DoorState::Unknown => DoorState::Open,
        };
        Some(self.door)
    }
}

/// Sends a reading through a network that delays, reorders and repeats.
fn post(sent: Sent, rng: &mut Rng, on_its_way: &mut Vec<Delivery>) {
    let delay = match below(rng, 20) {
        0..14 => span(rng, 0, 5),
        14..18 => span(rng, 5, 700),
        _ => span(rng, 700, 3_000),
    };
    let at = sent.recorded_at + delay;
    on_its_way.push(Delivery { sent, at });
    if chance(rng, 10) {
        let at = at + span(rng, 0, 900);
        on_its_way.push(Delivery { sent, at });
    }
}
