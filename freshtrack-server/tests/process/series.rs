//! A series of readings whose alerts do not depend on when it is posted.
//!
//! Every reading lies weeks in the past. Each hour of a unit holds one excursion that recovers within
//! the confirmation time and one that is confirmed by its own readings, so that no timer of the present
//! decides anything.

use freshtrack_core::time::{Span, Timestamp};
use serde_json::{Value, json};

/// Readings after which a unit is calm again.
pub(crate) const HOUR: u32 = 60;
const SHORT: std::ops::Range<u32> = 8..14;
const LONG: std::ops::Range<u32> = 30..46;

/// Reproducible chance (`SplitMix64`).
#[derive(Debug, Clone)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}

/// What the sensor of a unit says in its `minute`-th minute, in milli-degrees Celsius.
pub(crate) fn milli_celsius(unit: u32, minute: u32) -> u32 {
    let wave = (minute + 3 * unit) % 17 * 10;
    let of_hour = minute % HOUR;
    if SHORT.contains(&of_hour) || LONG.contains(&of_hour) {
        7_000 + wave
    } else {
        2_500 + wave
    }
}

/// When it says so.
pub(crate) fn recorded_at(start: Timestamp, minute: u32) -> Timestamp {
    start + Span::from_minutes(i64::from(minute))
}

/// Minutes of some units, as indices; posted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) units: Vec<u32>,
    pub(crate) minutes: std::ops::Range<u32>,
    /// Every reading is out of range: the end of a series, whose alert stays open.
    pub(crate) hot: bool,
}

impl Batch {
    /// How many readings it has.
    pub(crate) fn len(&self) -> usize {
        self.minutes.len() * self.units.len()
    }

    /// Its readings: unit, minute, value.
    pub(crate) fn readings(&self) -> impl Iterator<Item = (u32, u32, u32)> {
        self.minutes.clone().flat_map(move |minute| {
            self.units.iter().map(move |unit| {
                let value = if self.hot {
                    9_000
                } else {
                    milli_celsius(*unit, minute)
                };
                (*unit, minute, value)
            })
        })
    }

    /// As it is posted to a server where the units have these ids.
    pub(crate) fn body(&self, ids: &[String], start: Timestamp) -> Value {
        let readings: Vec<Value> = self
            .readings()
            .map(|(unit, minute, value)| {
                json!({
                    "unit_id": ids[unit as usize],
                    "recorded_at": recorded_at(start, minute),
                    "temperature": format!("{}.{:03}", value / 1_000, value % 1_000),
                })
            })
            .collect();
        json!({ "readings": readings })
    }
}
