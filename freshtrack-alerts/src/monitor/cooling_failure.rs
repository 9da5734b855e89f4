//! Suspected cooling failure: out of range on one side for 45 minutes, door closed, not recovering.
//!
//! Only readings of an unbroken run on one side matter: one reading that is not out keeps the
//! suspicion away until it has left the window, and by then everything before it has left too. So
//! nothing is kept while a unit is in range.

use super::micros;
use super::temperature::Evaluated;
use crate::alert::Violated;
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

const WINDOW: Span = Span::from_minutes(45);
const READINGS: usize = 5;
const RECOVERING_MILLI: i32 = 500;
const SAMPLE_EVERY: Span = Span::from_seconds(30);
const SAMPLES_MAX: usize = 90;

/// An unbroken run of readings out on one side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutRun {
    /// Which side.
    pub side: Violated,
    /// The last reading that was not out on this side.
    #[serde(
        default,
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub after: Option<Timestamp>,
    /// Readings of the window, oldest first, at most one per 30 s.
    pub samples: Vec<Evaluated>,
}

impl OutRun {
    /// A run that begins after the reading `before`.
    pub(crate) const fn begin(side: Violated, before: Option<Timestamp>) -> Self {
        Self {
            side,
            after: before,
            samples: Vec::new(),
        }
    }

    /// Adds a reading and forgets what has left the window.
    pub(crate) fn push(&mut self, reading: Evaluated) {
        let start = reading.at - WINDOW;
        self.samples.retain(|sample| sample.at > start);
        let crowded = self
            .samples
            .last()
            .is_some_and(|last| reading.at - last.at < SAMPLE_EVERY);
        if !crowded && self.samples.len() < SAMPLES_MAX {
            self.samples.push(reading);
        }
    }

    /// Whether a cooling failure is suspected as of the newest reading.
    pub(crate) fn is_suspicious(&self, newest: Evaluated) -> bool {
        let start = newest.at - WINDOW;
        let (Some(oldest), true) = (self.samples.first(), self.samples.len() >= READINGS) else {
            return false;
        };
        self.after.is_none_or(|after| after <= start)
            && !is_recovering(self.side, oldest.temperature, newest.temperature)
    }
}

fn is_recovering(side: Violated, oldest: Temperature, newest: Temperature) -> bool {
    let (oldest, newest) = (
        i64::from(oldest.milli_celsius()),
        i64::from(newest.milli_celsius()),
    );
    match side {
        Violated::Max => newest < oldest - i64::from(RECOVERING_MILLI),
        Violated::Min => newest > oldest + i64::from(RECOVERING_MILLI),
    }
}
