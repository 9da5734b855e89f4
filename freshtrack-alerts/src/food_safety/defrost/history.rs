//! The few past readings that the slope needs, in a fixed place.

use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// Enough for a reading a minute over the rise window of 15 minutes, both ends included.
const CAPACITY: usize = 17;

/// Readings closer than this to the one before are not kept as references.
const SPACING: Span = Span::from_seconds(50);

/// The newest readings, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(i64, i32)>", into = "Vec<(i64, i32)>")]
pub(super) struct History {
    length: usize,
    items: [(i64, i32); CAPACITY],
}

impl From<Vec<(i64, i32)>> for History {
    fn from(stored: Vec<(i64, i32)>) -> Self {
        let mut history = Self::default();
        for item in stored {
            history.append(item);
        }
        history
    }
}

impl From<History> for Vec<(i64, i32)> {
    fn from(history: History) -> Self {
        history.items[..history.length].to_vec()
    }
}

impl History {
    pub(super) fn push(&mut self, at: Timestamp, air: Temperature) {
        let newest = self.items[..self.length].last();
        if newest.is_none_or(|(before, _)| at.as_micros() - before >= SPACING.as_micros()) {
            self.append((at.as_micros(), air.milli_celsius()));
        }
    }

    fn append(&mut self, item: (i64, i32)) {
        if self.length == CAPACITY {
            self.items.copy_within(1.., 0);
            self.length -= 1;
        }
        self.items[self.length] = item;
        self.length += 1;
    }

    /// Rise to `air` at `at` as (milli-°C, span): from the oldest reading inside `window`, else from the
    /// newest inside `lookback`, else unknown.
    pub(super) fn rise(
        &self,
        at: Timestamp,
        air: Temperature,
        window: Span,
        lookback: Span,
    ) -> Option<(i64, Span)> {
        let earlier = self.items[..self.length]
            .iter()
            .filter(|(t, _)| *t < at.as_micros());
        let inside = |span: Span| move |t: i64| at.as_micros() - t <= span.as_micros();
        let reference = earlier
            .clone()
            .find(|(t, _)| inside(window)(*t))
            .or_else(|| earlier.rev().find(|(t, _)| inside(lookback)(*t)))?;
        let rise = i64::from(air.milli_celsius()) - i64::from(reference.1);
        Some((rise, Span::from_micros(at.as_micros() - reference.0)))
    }
}
