//! Short ways to write down what the vectors say.

use freshtrack_alerts::food_safety::lattice::Measured;
use freshtrack_alerts::food_safety::series::{Sample, Series, Window};
use freshtrack_core::time::{Span, Timestamp};

/// Some instant with nothing special about it.
pub(crate) const START: i64 = 1_767_225_600;

/// `minutes` after [`START`].
pub(crate) fn at(minutes: i64) -> Timestamp {
    Timestamp::from_seconds(START) + Span::from_minutes(minutes)
}

pub(crate) const fn minutes(minutes: i64) -> Span {
    Span::from_minutes(minutes)
}

pub(crate) fn celsius(milli: i32) -> Measured {
    Measured::Celsius { milli }
}

/// A series from (minute, milli-°C) pairs.
pub(crate) fn series(samples: &[(i64, i32)], cadence: i64) -> Series {
    let samples = samples
        .iter()
        .map(|(minute, milli)| Sample::good(at(*minute), celsius(*milli)));
    Series::new(samples.collect(), minutes(cadence))
}

pub(crate) fn window(from: i64, to: i64) -> Window {
    Window {
        from: at(from),
        to: at(to),
    }
}
