//! What the rule is set to, and the start values tuned on the simulated fleet.
//!
//! One start value differs from the first draft, within what its published vectors fix: the rise is 0.17
//! instead of 0.2 °C/min. At a cadence of 15 min a defrost that began between two readings is recognised at
//! the first more often (two thirds fewer false alarms without grace, detection unchanged), and a warm-up of
//! τ 4 h still rises slower. `rise_max` was 35 min for a time, on a fleet whose defrosts heated for at most
//! 30; heaters of 45 min made that a false alarm every week, for compressor failures of τ 2 h found 10 min
//! earlier. Whole table: `cargo xtask alarm-quality`.

use freshtrack_core::temperature::{Limit, Temperature, TemperatureDelta};
use freshtrack_core::time::Span;
use serde::{Deserialize, Serialize};

/// Beyond this cadence a defrost cannot be told from a failure: no grace.
const GRACE_CADENCE_MAX: Span = Span::from_minutes(15);
/// Door-open confirmation is never longer.
const DOOR_DELAY_MAX: Span = Span::from_minutes(20);
/// Largest cadence that counts for the slack of a silence timer.
const SLACK_CADENCE_MAX: Span = Span::from_minutes(20);
const SETTLE_MAX: Span = Span::from_minutes(5);

/// Settings of one unit. All start values are choices of this project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Params {
    /// Upper limit of the air.
    pub limit: Limit,
    /// Clears at `limit − deadband`.
    pub deadband: TemperatureDelta,
    /// So long below that.
    pub off_delay: Span,
    /// Proven time above the limit until an alarm.
    pub on_delay: Span,
    /// The same if the door was open; at most 20 minutes.
    pub door_delay: Span,
    /// Intended time between readings.
    pub cadence: Span,
    /// Whether there may be grace at all: not for medicines, not for product probes.
    pub grace_allowed: bool,
    /// The slope is taken from the oldest reading inside this.
    pub rise_window: Span,
    /// If there is none: from the newest inside this.
    pub lookback: Span,
    /// A steeper rise suggests a defrost; milli-°C per minute.
    pub rise_milli_per_minute: i32,
    /// From the crossing, absolute, never extended.
    pub grace: Span,
    /// Any reading at or above raises at once.
    pub ceiling: Temperature,
    /// A modelled product at or above cancels grace.
    pub product_ceiling: Temperature,
    /// A new peak this long after the crossing cancels grace.
    pub rise_max: Span,
    /// Back from the peak by this much is a recovery.
    pub recovery: TemperatureDelta,
    /// A peak needs its recovery within this, or 2.5 × cadence if longer.
    pub recovery_within: Span,
    /// Graces per 24 hours; at most 12.
    pub grace_budget: u8,
}

/// What was learned of a unit: it may only shorten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Learned {
    /// 95th percentile of recovered excursions.
    pub grace: Option<Span>,
    /// Same, of the time from peak to recovery.
    pub recovery_within: Option<Span>,
    /// Same, of the time from crossing to peak.
    pub rise_max: Option<Span>,
}

impl Params {
    /// Start values for a freezer with this limit and cadence.
    #[must_use]
    pub const fn freezer(limit: Limit, cadence: Span) -> Self {
        Self {
            limit,
            deadband: TemperatureDelta::from_milli_celsius(1_000),
            off_delay: Span::from_minutes(15),
            on_delay: Span::from_minutes(15),
            door_delay: DOOR_DELAY_MAX,
            cadence,
            grace_allowed: true,
            rise_window: Span::from_minutes(15),
            lookback: Span::from_minutes(45),
            rise_milli_per_minute: 170,
            grace: Span::from_minutes(90),
            ceiling: Temperature::from_milli_celsius(10_000),
            product_ceiling: Temperature::from_milli_celsius(-12_000),
            rise_max: Span::from_minutes(45),
            recovery: TemperatureDelta::from_milli_celsius(2_000),
            recovery_within: Span::from_minutes(30),
            grace_budget: 6,
        }
    }

    /// These settings shortened by what was learned of the unit.
    #[must_use]
    pub fn shortened_by(mut self, learned: Learned) -> Self {
        let shorter = |set: Span, learned: Option<Span>| learned.map_or(set, |l| l.min(set));
        self.grace = shorter(self.grace, learned.grace);
        self.recovery_within = shorter(self.recovery_within, learned.recovery_within);
        self.rise_max = shorter(self.rise_max, learned.rise_max);
        self
    }

    /// Whether the cadence lets a defrost be recognised. Otherwise the quality claim is withdrawn: there
    /// is no grace and the on-delay is two cadences.
    #[must_use]
    pub fn recognises_defrost(&self) -> bool {
        self.grace_allowed && self.cadence <= GRACE_CADENCE_MAX
    }

    /// The on-delay in force.
    #[must_use]
    pub fn effective_on_delay(&self) -> Span {
        if self.cadence > GRACE_CADENCE_MAX {
            self.cadence.times(2)
        } else {
            self.on_delay
        }
    }

    /// The on-delay in force after the door was open.
    #[must_use]
    pub fn effective_door_delay(&self) -> Span {
        self.effective_on_delay()
            .max(self.door_delay.min(DOOR_DELAY_MAX))
    }

    /// Longest interval that counts as time above the limit.
    #[must_use]
    pub const fn gap_limit(&self) -> Span {
        Span::from_micros(self.cadence.as_micros().saturating_mul(3) / 2)
    }

    /// Time from a peak within which it must have recovered.
    #[must_use]
    pub fn recovery_limit(&self) -> Span {
        let cadences = Span::from_micros(self.cadence.as_micros().saturating_mul(5) / 2);
        self.recovery_within.max(cadences)
    }

    /// Extra time a silence timer waits: two readings and their lateness.
    #[must_use]
    pub fn slack(&self) -> Span {
        let settle = Span::from_micros(self.cadence.as_micros() / 3).min(SETTLE_MAX);
        self.cadence.min(SLACK_CADENCE_MAX).times(2) + settle
    }
}
