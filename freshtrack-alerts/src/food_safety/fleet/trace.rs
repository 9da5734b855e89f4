//! The air of one freezer, minute by minute.

use super::Rng;
use crate::food_safety::product_model::nearest;
use freshtrack_core::temperature::Temperature;
use serde::{Deserialize, Serialize};

const MINUTES_PER_DAY: u32 = 24 * 60;
/// A failure starts only after so many quiet minutes.
const QUIET_BEFORE_FAILURE: usize = 120;
/// The limit quiet is judged by, °C.
const LIMIT: f64 = -18.0;
/// A healthy defrost is back within the limit after so many minutes of mean air, cycle and lag on top: a
/// longer one is what the rule's grace, which is absolute, is there to end.
const LONGEST_DEFROST: f64 = 65.0;
const KITCHEN: f64 = 22.0;

/// Expected door openings per hour, by hour of the day.
const DOOR_RATE: [f64; 24] = [
    0.0, 0.0, 0.0, 0.0, 0.0, 0.2, 0.8, 1.2, 1.0, 1.0, 1.8, 2.6, 2.6, 1.4, 0.8, 0.8, 1.4, 2.6, 2.6,
    1.8, 1.0, 0.5, 0.2, 0.0,
];

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// No cooling, small mass: τ 2 h.
    CompressorFast,
    /// No cooling, τ 6 h.
    CompressorMedium,
    /// No cooling, large mass: τ 12 h.
    CompressorSlow,
    /// The door stays open while the compressor runs.
    DoorLeftOpen,
    /// A defrost after which no cooling comes back.
    NoReturnFromDefrost,
    /// Too little cooling: it settles at −14…−8 °C, τ 3 h.
    WeakCooling,
    /// The sensor repeats its last value while cooling fails. No limit rule can see it; the stuck-value
    /// check must.
    SensorStuck,
}

impl FailureKind {
    /// All kinds that show in the air temperature.
    pub const VISIBLE: [Self; 6] = [
        Self::CompressorFast,
        Self::CompressorMedium,
        Self::CompressorSlow,
        Self::DoorLeftOpen,
        Self::NoReturnFromDefrost,
        Self::WeakCooling,
    ];
}

/// How the air warms while a defrost heats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefrostShape {
    /// Fast at first, then slower.
    Bulging,
    /// Evenly.
    Steady,
    /// Fast, then level while ice melts, then on to the peak.
    Plateau,
}

impl DefrostShape {
    /// Share of the way to the peak after a share of the time, both from 0 to 1.
    fn heating(self, share: f64) -> f64 {
        match self {
            Self::Bulging => (1.0 - (-3.0 * share).exp()) / (1.0 - (-3.0_f64).exp()),
            Self::Steady => share,
            Self::Plateau if share < 0.3 => share / 0.3 * 0.65,
            Self::Plateau if share < 0.75 => 0.65 + (share - 0.3) / 0.45 * 0.05,
            Self::Plateau => 0.7 + (share - 0.75) / 0.25 * 0.3,
        }
    }
}

/// What a healthy unit's air shows, as a label of its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A defrost began.
    Defrost,
    /// A door was opened.
    Door,
}

/// A freezer as drawn from a seed. Temperatures in °C, times in minutes.
#[derive(Debug, Clone, PartialEq)]
pub struct Freezer {
    /// Seed of everything below and of its traces.
    pub seed: u64,
    /// Mean air.
    pub setpoint: f64,
    /// Half the compressor's swing.
    pub swing: f64,
    /// Compressor period.
    pub cycle: f64,
    /// Time between defrosts, 6–48 h.
    pub defrost_period: f64,
    /// Peak of a defrost, −12…+8 °C.
    pub defrost_peak: f64,
    /// Time of heating.
    pub defrost_rise: f64,
    /// Course of heating.
    pub defrost_shape: DefrostShape,
    /// Time constant of coming back.
    pub defrost_return: f64,
    /// Time constant of the probe in its housing; 0 for a bare one.
    pub lag: f64,
    /// Standard deviation of the sensor.
    pub noise: f64,
    /// Share of readings lost, 0–0.1.
    pub loss: f64,
    /// Factor on the door openings of the hour; 0 for none.
    pub door_use: f64,
}

/// Air by the minute, and the truth about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// One value a minute from [`super::START`].
    pub air: Vec<Temperature>,
    /// What happened in a healthy unit, by minute.
    pub events: Vec<(u32, Event)>,
    /// What went wrong, and the minute it began.
    pub failure: Option<(FailureKind, usize)>,
}

impl Freezer {
    /// Draws a freezer.
    #[must_use]
    pub fn drawn(seed: u64) -> Self {
        let mut rng = Rng::seeded(seed);
        let mut drawn = Self {
            seed,
            setpoint: rng.between(-23.0, -19.8),
            swing: rng.between(0.3, 1.6),
            cycle: rng.between(20.0, 60.0),
            defrost_period: rng.between(6.0, 48.0) * 60.0,
            defrost_peak: rng.between(-12.0, 8.0),
            defrost_rise: rng.between(10.0, 45.0),
            defrost_shape: match rng.next_u64() % 3 {
                0 => DefrostShape::Bulging,
                1 => DefrostShape::Steady,
                _ => DefrostShape::Plateau,
            },
            defrost_return: rng.between(5.0, 25.0),
            noise: rng.between(0.03, 0.25),
            loss: rng.between(0.0, 0.1),
            door_use: 1.0,
            lag: rng.between(0.0, 6.0),
        };
        let longest = LONGEST_DEFROST - drawn.defrost_rise;
        drawn.defrost_return = drawn.defrost_return.min(longest / drawn.way_back());
        drawn
    }

    /// How many time constants it takes from the peak of a defrost to the limit.
    fn way_back(&self) -> f64 {
        ((self.defrost_peak - self.setpoint) / (LIMIT - self.setpoint)).ln()
    }

    /// So many healthy days.
    #[must_use]
    pub fn healthy(&self, days: u32) -> Trace {
        let mut air = Air::new(self);
        let minutes = days * MINUTES_PER_DAY;
        let values = (0..minutes).map(|minute| nearest(air.healthy(self, minute)));
        Trace {
            air: values.collect(),
            events: air.events,
            failure: None,
        }
    }

    /// A healthy day, then a failure at a seeded quiet instant of the second, followed for a day.
    #[must_use]
    pub fn failing(&self, kind: FailureKind) -> Trace {
        let mut pick = Rng::seeded(self.seed ^ kind_salt(kind));
        let wanted = MINUTES_PER_DAY as usize + as_index(pick.between(0.0, 1_440.0));
        let mut air = Air::new(self);
        let mut values: Vec<Temperature> = Vec::new();
        let mut quiet = 0;
        let mut minute = 0;
        loop {
            let value = air.healthy(self, minute);
            quiet = if value > LIMIT { 0 } else { quiet + 1 };
            values.push(nearest(value));
            minute += 1;
            let ready = kind != FailureKind::NoReturnFromDefrost || air.defrosts_at(minute);
            if values.len() >= wanted && quiet >= QUIET_BEFORE_FAILURE && ready {
                break;
            }
        }
        let begin = values.len();
        let last = values
            .last()
            .copied()
            .unwrap_or(Temperature::from_milli_celsius(-20_000));
        let start = f64::from(last.milli_celsius()) / 1_000.0;
        let open_to = pick.between(-4.0, 8.0);
        for after in 1..=MINUTES_PER_DAY {
            let value = self.failed(kind, start, f64::from(after), open_to);
            let stuck = kind == FailureKind::SensorStuck;
            let noise = self.noise * air.rng.normal();
            values.push(if stuck { last } else { nearest(value + noise) });
        }
        Trace {
            air: values,
            events: air.events,
            failure: Some((kind, begin)),
        }
    }

    /// Air so many minutes after the failure.
    fn failed(&self, kind: FailureKind, start: f64, after: f64, open_to: f64) -> f64 {
        let newton =
            |from: f64, to: f64, minutes: f64, tau: f64| to + (from - to) * (-minutes / tau).exp();
        match kind {
            FailureKind::CompressorFast => newton(start, KITCHEN, after, 120.0),
            FailureKind::CompressorMedium | FailureKind::SensorStuck => {
                newton(start, KITCHEN, after, 360.0)
            }
            FailureKind::CompressorSlow => newton(start, KITCHEN, after, 720.0),
            FailureKind::DoorLeftOpen => newton(start, open_to, after, 25.0),
            FailureKind::WeakCooling => newton(start, open_to / 2.0 - 12.0, after, 180.0),
            FailureKind::NoReturnFromDefrost if after <= self.defrost_rise => {
                let share = self.defrost_shape.heating(after / self.defrost_rise);
                start + (self.defrost_peak - start) * share
            }
            FailureKind::NoReturnFromDefrost => {
                newton(self.defrost_peak, KITCHEN, after - self.defrost_rise, 360.0)
            }
        }
    }
}

const fn kind_salt(kind: FailureKind) -> u64 {
    match kind {
        FailureKind::CompressorFast => 0x11,
        FailureKind::CompressorMedium => 0x22,
        FailureKind::CompressorSlow => 0x33,
        FailureKind::DoorLeftOpen => 0x44,
        FailureKind::NoReturnFromDefrost => 0x55,
        FailureKind::SensorStuck => 0x66,
        FailureKind::WeakCooling => 0x77,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a minute of the day, drawn between 0 and 1440"
)]
fn as_index(minute: f64) -> usize {
    minute as usize
}

/// What the healthy air is made of, moved on minute by minute.
struct Air {
    rng: Rng,
    phase: f64,
    next_defrost: f64,
    defrost_began: Option<f64>,
    /// Extra warmth by doors.
    door_excess: f64,
    door_open_until: f64,
    door_warmth: f64,
    door_return: f64,
    /// What the probe shows, without noise.
    probe: Option<f64>,
    events: Vec<(u32, Event)>,
}

impl Air {
    fn new(freezer: &Freezer) -> Self {
        let mut rng = Rng::seeded(freezer.seed ^ 0xa1f0);
        let phase = rng.unit();
        let next_defrost = rng.between(120.0, 120.0 + freezer.defrost_period);
        let door_return = rng.between(2.5, 5.0);
        Self {
            rng,
            phase,
            next_defrost,
            defrost_began: None,
            door_excess: 0.0,
            door_open_until: 0.0,
            door_warmth: 0.0,
            door_return,
            probe: None,
            events: Vec::new(),
        }
    }

    fn defrosts_at(&self, minute: u32) -> bool {
        f64::from(minute) >= self.next_defrost
    }

    fn healthy(&mut self, freezer: &Freezer, minute: u32) -> f64 {
        let now = f64::from(minute);
        let cycle = (std::f64::consts::TAU * (now / freezer.cycle + self.phase)).sin();
        let base = freezer.setpoint + freezer.swing * cycle;
        let share = self.defrost(freezer, now, minute);
        let defrost = share * (freezer.defrost_peak - freezer.setpoint);
        self.door(freezer.door_use, now, minute);
        let air = base + defrost + self.door_excess;
        let before = self.probe.unwrap_or(air);
        let probe = air + (before - air) * (-1.0 / freezer.lag.max(0.01)).exp();
        self.probe = Some(probe);
        probe + freezer.noise * self.rng.normal()
    }

    /// Share of the way from base to peak.
    fn defrost(&mut self, freezer: &Freezer, now: f64, minute: u32) -> f64 {
        if now >= self.next_defrost {
            self.events.push((minute, Event::Defrost));
            self.defrost_began = Some(now);
            self.next_defrost = now + freezer.defrost_period + self.rng.between(-5.0, 5.0);
        }
        let Some(began) = self.defrost_began else {
            return 0.0;
        };
        let after = now - began;
        if after <= freezer.defrost_rise {
            freezer.defrost_shape.heating(after / freezer.defrost_rise)
        } else {
            (-(after - freezer.defrost_rise) / freezer.defrost_return).exp()
        }
    }

    fn door(&mut self, door_use: f64, now: f64, minute: u32) {
        let hour = (minute / 60 % 24) as usize;
        let opens = self.rng.unit() < door_use * DOOR_RATE[hour] / 60.0;
        if opens && now >= self.door_open_until {
            // Mostly seconds to minutes; the delivery of one in sixty stays longer.
            let long = self.rng.unit() < 1.0 / 60.0;
            let minutes = if long {
                self.rng.between(4.0, 10.0)
            } else {
                self.rng.between(0.2, 2.5)
            };
            self.events.push((minute, Event::Door));
            self.door_open_until = now + minutes;
            self.door_warmth = self.rng.between(4.0, 14.0);
        }
        let open = (self.door_open_until - now).clamp(0.0, 1.0);
        self.door_excess +=
            (self.door_warmth - self.door_excess).max(0.0) * (1.0 - (-open / 2.0).exp());
        self.door_excess *= (-(1.0 - open) / self.door_return).exp();
    }
}
