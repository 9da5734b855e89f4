//! What the defrost-aware rule pack remembers of a unit, and what it says about confirmation.
//!
//! The [`Tracker`] decides when time above the upper limit is an alarm; the temperature axis keeps its
//! states, its `since` and its way back. In between stands one bound: a unit that was not back in range
//! since it first left it is confirmed when a grace counted from there would be over, so that neither
//! readings just inside the limit nor one short episode after the other postpone an alarm for ever.

use super::micros;
use super::temperature::{Evaluated, TemperatureAxis};
use crate::cascade::EffectiveRules;
use crate::food_safety::defrost::{DoorReport, Params, Reading, Tracker};
use crate::food_safety::series::Quality;
use freshtrack_core::reading::{DoorState, Zone};
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// A silence of so long was one as far as grace goes, wherever it ended.
const GAP_TRUSTED: Span = Span::from_minutes(120);

/// State of one unit under the defrost-aware pack. Equal after equal input, and never touched by a tick
/// that no deadline asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Defrost {
    #[serde(rename = "k")]
    tracker: Tracker,
    /// First reading out of range since the newest one in range.
    #[serde(
        rename = "o",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    out_since: Option<Timestamp>,
    /// When the tracker raised an alarm that the axis has yet to end.
    #[serde(
        rename = "r",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    raised_at: Option<Timestamp>,
    /// As last shown.
    #[serde(
        rename = "g",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    grace_until: Option<Timestamp>,
}

/// What is known of a reading beside its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evidence {
    /// Whether it may be believed.
    pub(crate) quality: Quality,
    /// Length of the gap it ended, if the power may have been gone in it.
    pub(crate) after_gap: Option<Span>,
    /// The product as modelled, where its time constant is set.
    pub(crate) product: Option<Temperature>,
}

/// How an excursion is confirmed, in place of a fixed delay.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Confirmation {
    /// When the timer does it.
    pub(crate) due: Timestamp,
    /// When it happened, if it did.
    pub(crate) raised: Option<Timestamp>,
}

impl Defrost {
    /// First reading out of range since the newest one in range.
    #[must_use]
    pub const fn out_since(&self) -> Option<Timestamp> {
        self.out_since
    }

    /// "Defrost suspected, alarm at hh:mm": when the grace that is on will be over.
    #[must_use]
    pub const fn grace_until(&self) -> Option<Timestamp> {
        self.grace_until
    }

    /// Whether a grace is on as of the newest reading.
    pub(crate) fn suspects_defrost(&self, params: &Params) -> bool {
        self.tracker.grace_until(params).is_some()
    }

    /// Longest time out of range until the timer confirms, readings inside the hysteresis included.
    #[must_use]
    pub fn bound(params: &Params) -> Span {
        params
            .grace
            .max(params.effective_door_delay() + params.slack())
    }

    /// Takes an evaluated reading.
    pub(crate) fn observe(
        &mut self,
        params: &Params,
        reading: Evaluated,
        zone: Zone,
        evidence: Evidence,
    ) {
        if evidence
            .after_gap
            .is_some_and(|silence| denies_grace(silence, zone))
        {
            self.tracker.power_lost();
        }
        let observed = Reading {
            at: reading.at,
            air: reading.temperature,
            quality: evidence.quality,
            product: evidence.product,
        };
        let outcome = self.tracker.observe(params, &observed);
        self.raised_at = self.raised_at.or(outcome.raise.map(|raise| raise.at));
        match zone {
            Zone::In => self.out_since = None,
            Zone::Margin => {}
            Zone::Out => {
                self.out_since.get_or_insert(reading.at);
            }
        }
    }

    /// Takes a door report.
    pub(crate) fn door(&mut self, params: &Params, state: DoorState, at: Timestamp) {
        let report = match state {
            DoorState::Open => DoorReport::Open,
            DoorState::Closed | DoorState::Unknown => DoorReport::Closed,
        };
        let outcome = self.tracker.door(params, report, at);
        self.raised_at = self.raised_at.or(outcome.raise.map(|raise| raise.at));
    }

    /// The axis' own timer fired.
    pub(crate) fn tick(&mut self, params: &Params, at: Timestamp) {
        let outcome = self.tracker.tick(params, at);
        self.raised_at = self.raised_at.or(outcome.raise.map(|raise| raise.at));
    }

    /// Rules changed: what the newest reading means now counts from now.
    pub(crate) fn follow_rules(&mut self, zone: Option<Zone>, now: Timestamp) {
        match zone {
            Some(Zone::Out) => {
                self.out_since.get_or_insert(now);
            }
            Some(Zone::In) => {
                self.tracker.end_episode();
                self.out_since = None;
            }
            Some(Zone::Margin) => self.tracker.end_episode(),
            None => {}
        }
    }

    /// What the tracker says about an excursion whose newest reading lies in `zone`.
    pub(crate) fn confirmation(&self, params: &Params, zone: Zone, now: Timestamp) -> Confirmation {
        let out_since = self.out_since.unwrap_or(now);
        let last = out_since + Self::bound(params);
        let due = match (self.tracker.next_deadline(params), zone) {
            (Some(due), _) => due.min(last),
            // a rule made it an excursion, or it began before the pack was chosen
            (None, Zone::Out) => out_since + params.effective_on_delay() + params.slack(),
            (None, Zone::In | Zone::Margin) => last,
        };
        Confirmation {
            due,
            raised: self.raised_at,
        }
    }

    /// Brings the tracker in line with the axis: an alarm the axis does not have is none.
    pub(crate) fn settle(&mut self, params: &Params, axis: &TemperatureAxis, zone: Option<Zone>) {
        if axis.confirmed_at().is_none() && zone != Some(Zone::Out) {
            self.tracker.forget_alarm();
            self.raised_at = None;
        }
        self.grace_until = match axis {
            TemperatureAxis::Excursion { .. } => self.tracker.grace_until(params),
            TemperatureAxis::Unknown
            | TemperatureAxis::Normal
            | TemperatureAxis::Held(_)
            | TemperatureAxis::Alarm { .. }
            | TemperatureAxis::Restoring { .. } => None,
        };
    }
}

/// Whether a silence that ended with a reading in `zone` may hide a power loss, after which a fast rise is
/// no defrost.
///
/// A short one that ended in range hides none that matters: the unit is cold, and the two readings a radio
/// loses in a row twice a week would take the grace of the next defrost (on the simulated fleet, most false
/// alarms at 10 and 15 min).
fn denies_grace(silence: Span, zone: Zone) -> bool {
    zone != Zone::In || silence >= GAP_TRUSTED
}

/// Whether the pack has a say about this reading: below the lower limit it has none.
pub(crate) fn concerns(rules: &EffectiveRules, reading: Evaluated) -> bool {
    !rules
        .temp_min
        .is_some_and(|min| min.is_below(reading.temperature))
}
