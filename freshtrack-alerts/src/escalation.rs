//! Escalation: when to call again about an alert that nobody takes.
//!
//! A timeline of fixed delays on the record's clock: steps, then the last step again and again, then a
//! last word. It ends when the alert is acknowledged or resolved, and never closes, hides or downgrades
//! anything itself.

use crate::alert::{Alert, AlertStatus, AlertType, Severity};
use crate::cascade::seconds;
use freshtrack_core::time::Timestamp;

/// Most steps a plan has.
pub const STEPS_MAX: usize = 8;

/// Delays of an escalation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    delays: [u32; STEPS_MAX],
    steps: u16,
    /// How often the last step is repeated.
    pub repeat_cap: u16,
}

/// The plan of each severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plans {
    /// For critical alerts.
    pub critical: Plan,
    /// For warnings.
    pub warning: Plan,
    /// For the rest.
    pub info: Plan,
}

/// What is due on a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Step `level` (from 1), or the last one again if `repeat` is above 0.
    Step {
        /// Which step.
        level: u16,
        /// Which repetition of the last step.
        repeat: u16,
    },
    /// Nobody is left to call: owners are told once.
    Exhausted,
}

impl Plan {
    /// Nobody is called again.
    pub const NONE: Self = Self {
        delays: [0; STEPS_MAX],
        steps: 0,
        repeat_cap: 0,
    };

    /// Steps, each so many seconds after the one before, the last one repeated `repeat_cap` times. Only
    /// the first [`STEPS_MAX`] count.
    #[must_use]
    pub fn new(delays_seconds: &[u32], repeat_cap: u16) -> Self {
        let mut plan = Self {
            repeat_cap,
            ..Self::NONE
        };
        for (slot, delay) in plan.delays.iter_mut().zip(delays_seconds) {
            *slot = *delay;
            plan.steps += 1;
        }
        plan
    }

    /// Steps before repetition begins.
    #[must_use]
    pub const fn steps(&self) -> u16 {
        self.steps
    }

    /// Delay between the `made`-th call and the next.
    fn delay(&self, made: u16) -> Option<u32> {
        let last = self.steps.checked_sub(1)?;
        self.delays.get(usize::from(made.min(last))).copied()
    }

    /// When the first call is due after the page at `t0`.
    #[must_use]
    pub fn first(&self, t0: Timestamp) -> Option<Timestamp> {
        Some(t0 + seconds(self.delay(0)?))
    }

    /// The call after `made` calls have been made.
    #[must_use]
    pub fn call(&self, made: u16) -> Call {
        if made < self.steps {
            return Call::Step {
                level: made + 1,
                repeat: 0,
            };
        }
        let repeat = (made - self.steps).saturating_add(1);
        if repeat <= self.repeat_cap {
            Call::Step {
                level: self.steps,
                repeat,
            }
        } else {
            Call::Exhausted
        }
    }

    /// When the next call is due, the `made`-th having been due at `due_at` and made at `now`.
    ///
    /// Delays count from when a call was due. One that was made a whole delay late, after an outage,
    /// counts from when it was made, so that calls do not pile up.
    #[must_use]
    pub fn next(&self, made: u16, due_at: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let delay = seconds(self.delay(made)?);
        let next = due_at + delay;
        Some(if next > now { next } else { now + delay })
    }
}

impl Default for Plans {
    /// Critical: 15, 30, 45 minutes and 12 repetitions. Warning: 30, 60 and 4. Info: nobody.
    fn default() -> Self {
        Self {
            critical: Plan::new(&[900, 900, 900], 12),
            warning: Plan::new(&[1_800, 1_800], 4),
            info: Plan::NONE,
        }
    }
}

impl Plans {
    /// The plan of a severity.
    #[must_use]
    pub const fn of(&self, severity: Severity) -> &Plan {
        match severity {
            Severity::Critical => &self.critical,
            Severity::Warning => &self.warning,
            Severity::Info => &self.info,
        }
    }
}

/// Whether anybody is called about an alert as it stands: an unconfirmed excursion calls nobody.
#[must_use]
pub fn calls_somebody(alert: &Alert) -> bool {
    let unconfirmed =
        alert.key.alert_type == AlertType::TempExcursion && alert.severity < Severity::Critical;
    alert.status == AlertStatus::Active && !unconfirmed
}

/// Whether an alert of this type keeps quiet while the alert it is correlated with is open.
#[must_use]
pub const fn yields_to_parent(alert_type: AlertType) -> bool {
    match alert_type {
        AlertType::SuspectedCoolingFailure | AlertType::MonitoringInterrupted => true,
        // a door explains a temperature, but holds nothing back
        AlertType::TempExcursion
        | AlertType::MissedManualEntry
        | AlertType::DoorOpen
        | AlertType::LowBattery
        | AlertType::SensorFault
        | AlertType::CalibrationDue => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use freshtrack_core::time::Span;

    /// Minutes after t0 at which calls are made, and the one at which nobody is left.
    fn timeline(plan: &Plan) -> (Vec<i64>, i64) {
        let t0 = Timestamp::EPOCH;
        let mut due = plan.first(t0).unwrap();
        let mut calls = Vec::new();
        for made in 0.. {
            let minute = (due - t0).as_seconds() / 60;
            if plan.call(made) == Call::Exhausted {
                return (calls, minute);
            }
            calls.push(minute);
            due = plan.next(made + 1, due, due).unwrap();
        }
        unreachable!("the loop ends by returning")
    }

    #[test]
    fn the_default_plans_are_those_of_the_specification() {
        let plans = Plans::default();
        let critical: Vec<i64> = (1..=15).map(|step| step * 15).collect();
        assert_eq!(timeline(&plans.critical), (critical, 240));
        let warning: Vec<i64> = (1..=6).map(|step| step * 30).collect();
        assert_eq!(timeline(&plans.warning), (warning, 210));
        assert_eq!(plans.info.first(Timestamp::EPOCH), None);
    }

    #[test]
    fn calls_do_not_pile_up_behind_an_outage() {
        let plan = Plans::default().critical;
        let due = plan.first(Timestamp::EPOCH).unwrap();
        let late = due + Span::from_minutes(14);
        assert_eq!(plan.next(1, due, late), Some(due + Span::from_minutes(15)));
        let outage = due + Span::from_minutes(100);
        assert_eq!(
            plan.next(1, due, outage),
            Some(outage + Span::from_minutes(15))
        );
    }
}
