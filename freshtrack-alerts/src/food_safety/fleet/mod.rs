//! A simulated fleet of freezers with known truth, to try an alarm rule on.
//!
//! A missed alarm is worse than a false one, and false ones are why alarms are missed; so both are
//! counted before a rule ships. The fleet is a function of its seed alone. It is what start values are
//! tuned on, at *every* sampling phase, never on the trace a rule will be judged by.
//!
//! The air of a healthy unit cycles with its compressor, defrosts on a clock and warms when a door is
//! opened; a failed one follows Newton's law from a random instant. [`report()`] runs a rule
//! over both and counts.

mod engine;
mod report;
mod rng;
mod rule;
mod trace;

pub use engine::{ThroughEngine, freezer_unit};
pub use report::{Report, Row, report};
pub use rng::Rng;
pub use rule::{AlarmRule, DefrostAware, PlainThreshold};
pub use trace::{DefrostShape, Event, FailureKind, Freezer, Trace};

use freshtrack_core::time::{Span, Timestamp};

/// Cadences a fleet is read at, in minutes.
pub const CADENCES: [i64; 5] = [1, 5, 10, 15, 30];

/// First instant of every trace: 2026-01-05T00:00:00Z, a Monday.
pub const START: i64 = 1_767_571_200;

/// What fleet to simulate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fleet {
    /// Everything follows from it.
    pub seed: u64,
    /// Units per cadence.
    pub units: u32,
    /// Healthy days per unit.
    pub days: u32,
    /// Whether people open doors.
    pub doors: Doors,
}

/// How a fleet's doors are used. No unit has a door sensor: the hard case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doors {
    /// By hour, as in a kitchen.
    Busy,
    /// Never: what is left is compressor, defrost, noise and loss.
    Shut,
}

impl Fleet {
    /// The fleet start values were tuned on.
    pub const TUNING: Self = Self {
        seed: 0x5eed_f00d_0000_0001,
        units: 24,
        days: 14,
        doors: Doors::Busy,
    };
    /// Another one, for judging them.
    pub const HOLDOUT: Self = Self {
        seed: 0x5eed_f00d_0000_0002,
        units: 24,
        days: 14,
        doors: Doors::Busy,
    };

    /// The units read every `cadence` minutes.
    pub fn freezers(self, cadence: i64) -> impl Iterator<Item = Freezer> {
        (0..self.units).map(move |unit| {
            let salt = u64::from(unit) << 8 | cadence.unsigned_abs();
            let drawn = Freezer::drawn(self.seed ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            match self.doors {
                Doors::Busy => drawn,
                Doors::Shut => Freezer {
                    door_use: 0.0,
                    ..drawn
                },
            }
        })
    }
}

/// `minute` minutes after [`START`].
#[must_use]
pub fn minute(minute: i64) -> Timestamp {
    Timestamp::from_seconds(START) + Span::from_minutes(minute)
}
