//! Whether a sensor tells the truth: fault codes, jumps, stuck values.
//!
//! Judged on the raw value before calibration. A *Bad* reading is kept on the record and out of every
//! evaluator; a *Suspect* one clears no alarm and earns no grace, but a fire is not a sensor fault: a
//! jump is Good again from the moment the next reading confirms the level.

use super::series::Quality;
use crate::monitor::temperature::Evaluated;
use crate::monitor::{is_default, micros};
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// What a model's datasheet says about its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SensorModel {
    /// Lowest value it can measure.
    pub min: Temperature,
    /// Highest value it can measure.
    pub max: Temperature,
    /// Values inside that range that mean a fault.
    pub fault_codes: &'static [Temperature],
    /// Values that mean nothing right after the sensor was reset (85.0 °C of a DS18B20).
    pub reset_codes: &'static [Temperature],
}

impl SensorModel {
    /// Whether the raw value cannot be a measurement.
    #[must_use]
    pub fn is_impossible(&self, raw: Temperature, reset: Reset) -> bool {
        raw < self.min
            || raw > self.max
            || self.fault_codes.contains(&raw)
            || (reset == Reset::Recent && self.reset_codes.contains(&raw))
    }
}

/// Whether the sensor was reset just before the reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// It was, so its reset codes are no measurement.
    Recent,
    /// It was not.
    None,
}

/// What else an uplink said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Siblings {
    /// All channels of the uplink are plausible.
    Sound,
    /// An error code on another channel: 97.8 % of impossible main-probe values came with one (field
    /// data), so this reading is Suspect.
    Faulty,
}

/// Fastest believable change of air, milli-°C per minute; a choice of this project.
const JUMP_PER_MINUTE: i64 = 10_000;
/// Readings closer than this are compared as if so far apart, so that two at one instant are not a jump.
const JUMP_INTERVAL_MIN: Span = Span::from_minutes(1);
/// Suspect readings in a row that make a fault.
const SUSPECTS_MAX: u8 = 2;

/// Follows the plausibility of one channel; storable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Plausibility {
    #[serde(rename = "g", skip_serializing_if = "Option::is_none")]
    good: Option<Evaluated>,
    #[serde(rename = "s", skip_serializing_if = "Option::is_none")]
    suspect: Option<Evaluated>,
    #[serde(rename = "n", skip_serializing_if = "is_default")]
    suspects_in_a_row: u8,
}

/// What is thought of one reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// Its quality.
    pub quality: Quality,
    /// Whether `sensor_fault` is raised by it.
    pub sensor_fault: bool,
}

impl Plausibility {
    /// Judges the next reading of the channel.
    pub fn judge(
        &mut self,
        model: &SensorModel,
        at: Timestamp,
        raw: Temperature,
        reset: Reset,
        siblings: Siblings,
    ) -> Judgement {
        if model.is_impossible(raw, reset) {
            return Judgement {
                quality: Quality::Bad,
                sensor_fault: true,
            };
        }
        let now = Evaluated {
            at,
            temperature: raw,
        };
        let follows = |before: Evaluated| !is_jump(before, now);
        let confirmed = self.suspect.is_some_and(follows) || self.good.is_none_or(follows);
        if confirmed && siblings == Siblings::Sound {
            *self = Self {
                good: Some(now),
                ..Self::default()
            };
            return Judgement {
                quality: Quality::Good,
                sensor_fault: false,
            };
        }
        self.suspect = Some(now);
        self.suspects_in_a_row = self.suspects_in_a_row.saturating_add(1);
        let sensor_fault = self.suspects_in_a_row == SUSPECTS_MAX;
        Judgement {
            quality: Quality::Suspect,
            sensor_fault,
        }
    }
}

fn is_jump(from: Evaluated, to: Evaluated) -> bool {
    let milli = |reading: Evaluated| i128::from(reading.temperature.milli_celsius());
    let change = milli(to) - milli(from);
    let interval = (to.at - from.at).max(JUMP_INTERVAL_MIN).as_micros();
    change.abs() * 60_000_000 > i128::from(JUMP_PER_MINUTE) * i128::from(interval)
}

/// Least probability that a value repeats; learning may only raise it.
const REPEAT_FLOOR: f64 = 0.5;
/// Probability below which a run of repeats is no accident.
const STUCK_PROBABILITY: f64 = 1e-6;
/// A run shorter than this is never called stuck.
pub const STUCK_AIR: Span = Span::from_minutes(6 * 60);
/// The same for buffered probes.
pub const STUCK_BUFFERED: Span = Span::from_minutes(24 * 60);

/// How many identical values in a row are no accident: the least k with `p^(k−1) ≤ 1e-6`.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the logarithm is positive, and saturates for a value that always repeats"
)]
pub fn stuck_after(repeat_probability: f64) -> u32 {
    let p = repeat_probability.max(REPEAT_FLOOR);
    let repeats = (STUCK_PROBABILITY.ln() / p.ln()).ceil();
    if repeats.is_finite() && repeats > 0.0 {
        (repeats as u32).saturating_add(1)
    } else {
        u32::MAX
    }
}

/// Finds a value that no longer moves; storable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StuckValue {
    #[serde(rename = "r", skip_serializing_if = "Option::is_none")]
    run: Option<Run>,
    /// Pairs of neighbours in finished runs, and how many of them were equal.
    #[serde(rename = "p", skip_serializing_if = "is_default")]
    pairs: u32,
    #[serde(rename = "e", skip_serializing_if = "is_default")]
    repeats: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    #[serde(rename = "v")]
    value: Temperature,
    #[serde(rename = "s", with = "micros")]
    since: Timestamp,
    #[serde(rename = "n")]
    count: u32,
}

/// Pairs after which what was learned is halved, so that it follows the unit.
const PAIRS_MAX: u32 = 100_000;

impl StuckValue {
    /// Learned probability that a value repeats, at least 0.5.
    #[must_use]
    pub fn repeat_probability(&self) -> f64 {
        // One imagined change keeps a young average below 1.
        let learned = f64::from(self.repeats) / (f64::from(self.pairs) + 1.0);
        learned.max(REPEAT_FLOOR)
    }

    /// Takes the next raw value; returns whether the sensor is stuck. A stuck value resolves nothing.
    pub fn step(&mut self, at: Timestamp, raw: Temperature, at_least: Span) -> bool {
        let Some(run) = self.run.as_mut().filter(|run| run.value == raw) else {
            if let Some(finished) = self.run {
                self.learn(finished.count);
            }
            self.run = Some(Run {
                value: raw,
                since: at,
                count: 1,
            });
            return false;
        };
        run.count = run.count.saturating_add(1);
        let (count, since) = (run.count, run.since);
        count >= stuck_after(self.repeat_probability()) && at - since >= at_least
    }

    fn learn(&mut self, count: u32) {
        self.pairs = self.pairs.saturating_add(count);
        self.repeats = self.repeats.saturating_add(count - 1);
        if self.pairs > PAIRS_MAX {
            (self.pairs, self.repeats) = (self.pairs / 2, self.repeats / 2);
        }
    }
}
