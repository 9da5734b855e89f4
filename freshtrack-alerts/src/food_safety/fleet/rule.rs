//! What a rule must do to be tried, and the two that are compared.

use crate::food_safety::defrost::{Params, Reading, Tracker};
use crate::food_safety::series::Quality;
use freshtrack_core::temperature::{Limit, Temperature};
use freshtrack_core::time::{Span, Timestamp};

/// An alarm rule over one sensor. Raises are the instants their condition was met.
pub trait AlarmRule {
    /// Takes a reading, firing what was due before it.
    fn observe(&mut self, at: Timestamp, air: Temperature) -> Option<Timestamp>;

    /// Lets time pass without data.
    fn tick(&mut self, now: Timestamp) -> Option<Timestamp>;

    /// How often somebody was called for anything but the temperature.
    fn other_calls(&self) -> u32 {
        0
    }
}

/// The common rule: above the limit for the on-delay without a conforming reading in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlainThreshold {
    limit: Limit,
    on_delay: Span,
    since: Option<Timestamp>,
    raised: bool,
}

impl PlainThreshold {
    /// A rule that has seen nothing.
    #[must_use]
    pub const fn new(limit: Limit, on_delay: Span) -> Self {
        Self {
            limit,
            on_delay,
            since: None,
            raised: false,
        }
    }
}

impl AlarmRule for PlainThreshold {
    fn observe(&mut self, at: Timestamp, air: Temperature) -> Option<Timestamp> {
        let fired = self.tick(at);
        if self.limit.is_above(air) {
            self.since.get_or_insert(at);
            fired.or_else(|| self.tick(at))
        } else {
            (self.since, self.raised) = (None, false);
            fired
        }
    }

    fn tick(&mut self, now: Timestamp) -> Option<Timestamp> {
        let due = self.since.map(|since| since + self.on_delay)?;
        (!self.raised && due <= now).then(|| {
            self.raised = true;
            due
        })
    }
}

/// The defrost-aware rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefrostAware {
    params: Params,
    tracker: Tracker,
}

impl DefrostAware {
    /// A rule that has seen nothing.
    #[must_use]
    pub fn new(params: Params) -> Self {
        Self {
            params,
            tracker: Tracker::new(),
        }
    }
}

impl AlarmRule for DefrostAware {
    fn observe(&mut self, at: Timestamp, air: Temperature) -> Option<Timestamp> {
        let reading = Reading {
            at,
            air,
            quality: Quality::Good,
            product: None,
        };
        self.tracker
            .observe(&self.params, &reading)
            .raise
            .map(|raise| raise.at)
    }

    fn tick(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.tracker
            .tick(&self.params, now)
            .raise
            .map(|raise| raise.at)
    }
}
