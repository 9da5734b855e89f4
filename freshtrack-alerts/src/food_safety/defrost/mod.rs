//! The defrost-aware rule: a freezer that warms fast may be defrosting, and is given time to come back.
//!
//! An *episode* lasts from the first reading above the limit to the next one that is not. It raises once
//! the time above the limit is proven for the on-delay, unless a fast rise earned it a *grace*; a grace
//! is shown, bounded, and cancelled by anything a defrost does not do. Silence can postpone an alarm by
//! a known bound and never cancel it. Suppressing a message never edits the record: compliance verdicts
//! and excursion minutes ignore grace.
//!
//! [`Tracker`] is the stored state of one unit; it is driven by readings, door and mains reports and
//! ticks, allocates nothing per reading, and its result does not depend on how often it is ticked.

mod episode;
mod history;
mod params;
mod tracker;

pub use params::{Learned, Params};
pub use tracker::{Cooling, DoorReport, Tracker};

use super::series::Quality;
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One reading of the unit's air sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Effective time.
    pub at: Timestamp,
    /// Air temperature, calibrated.
    pub air: Temperature,
    /// Bad readings must not be passed on at all; they are ignored.
    pub quality: Quality,
    /// Modelled product temperature at that time; none until the unit's time constant is known.
    pub product: Option<Temperature>,
}

/// Why a grace was cancelled, or not given though the rise was fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Denial {
    /// The air reached the ceiling.
    Ceiling,
    /// The modelled product reached its ceiling.
    ProductCeiling,
    /// Still warming, too long after the crossing.
    RiseTooLong,
    /// Not come back from its peak in time.
    NoRecovery,
    /// The door was open shortly before or during the episode.
    DoorOpen,
    /// Compressor or mains are known to be off.
    CoolingOff,
    /// A reading that may not be believed.
    SuspectData,
    /// After a power loss, until back within limits for two hours.
    PowerLoss,
    /// More graces in 24 hours than a defrost clock would need: `defrost_abnormal`.
    Budget,
}

/// A change of the grace that the page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "grace")]
pub enum GraceChange {
    /// Defrost suspected: no alarm before `alarm_at` if all goes well.
    Granted {
        /// First reading above the limit.
        since: Timestamp,
        /// When the alarm comes at the latest.
        alarm_at: Timestamp,
        /// Rise in milli-°C per minute, rounded down.
        slope: i64,
    },
    /// No longer, or not at all, for the rest of the episode.
    Denied {
        /// Why.
        cause: Denial,
    },
}

/// What made the alarm come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A reading at or above the ceiling.
    Ceiling,
    /// Proven above the limit for the on-delay.
    OnDelay,
    /// The grace ran out.
    GraceOver,
    /// Readings stopped while above the limit.
    Silence,
}

/// An alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raise {
    /// When its condition was met: a reading's time, or the timer's deadline.
    pub at: Timestamp,
    /// First reading above the limit.
    pub since: Timestamp,
    /// What made it come.
    pub cause: Cause,
    /// Why there was no grace any more, if one was cancelled or refused.
    pub denied: Option<Denial>,
}

/// What one reading, report or tick changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// An alarm, if one comes now. It stays until cleared and does not come twice.
    pub raise: Option<Raise>,
    /// A change of the grace.
    pub grace: Option<GraceChange>,
    /// The alarm ended: `T ≤ limit − deadband` throughout the off-delay.
    pub cleared: bool,
}
