//! Daily means of one unit, for the slow drift that no limit notices.
//!
//! Days are counted from the one in which monitoring began, in UTC. A reading holds to the next one if
//! that is at most 1.5 check-in intervals away, else one interval; the rest of the day is unobserved, and
//! a day with too little observed does not count.

use super::temperature::Evaluated;
use crate::food_safety::drift::{Advisory, Drift};
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

const DAY: i64 = 86_400_000_000;
const SECOND: i64 = 1_000_000;

/// The day under way, and what closed days have shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DayMeans {
    /// Days since monitoring began.
    #[serde(rename = "n")]
    day: i32,
    /// Σ milli-°C × seconds.
    #[serde(rename = "s")]
    sum: i64,
    /// Seconds observed, each stretch rounded down.
    #[serde(rename = "o")]
    observed: i64,
    #[serde(rename = "d")]
    drift: Drift,
}

impl DayMeans {
    /// Takes the time from `before` to `reading`; answers what days that closed have shown, with the
    /// mean of each.
    pub(crate) fn observe(
        &mut self,
        began: Timestamp,
        before: Evaluated,
        reading: Evaluated,
        cadence: Span,
        limit: Option<Temperature>,
    ) -> Vec<(Advisory, Temperature)> {
        let interval = (reading.at - before.at).as_micros();
        let cadence = cadence.as_micros();
        let held = if interval <= cadence.saturating_mul(3) / 2 {
            interval
        } else {
            cadence
        };
        let first = began.as_micros().div_euclid(DAY);
        let mut advisories = Vec::new();
        let (mut from, to) = (before.at.as_micros(), before.at.as_micros() + held);
        while from < to {
            self.turn_to(from.div_euclid(DAY) - first, limit, &mut advisories);
            let end = to.min((from.div_euclid(DAY) + 1) * DAY);
            self.observed += (end - from) / SECOND;
            self.sum += i64::from(before.temperature.milli_celsius()) * ((end - from) / SECOND);
            from = end;
        }
        let day = reading.at.as_micros().div_euclid(DAY) - first;
        self.turn_to(day, limit, &mut advisories);
        advisories
    }

    fn turn_to(
        &mut self,
        day: i64,
        limit: Option<Temperature>,
        advisories: &mut Vec<(Advisory, Temperature)>,
    ) {
        let day = i32::try_from(day).unwrap_or(i32::MAX);
        if day <= self.day {
            return;
        }
        if self.observed > 0 {
            let mean = i32::try_from(self.sum / self.observed).unwrap_or(i32::MAX);
            let mean = Temperature::from_milli_celsius(mean);
            let coverage = self.observed * 10_000 / (DAY / SECOND);
            let found = self.drift.close_day(self.day, mean, coverage, limit);
            advisories.extend(found.into_iter().map(|advisory| (advisory, mean)));
        }
        (self.day, self.sum, self.observed) = (day, 0, 0);
    }
}
