//! The stored state of one unit under the rule, and the function that moves it.

use super::episode::{Episode, Grace};
use super::history::History;
use super::{Cause, Denial, GraceChange, Outcome, Params, Raise, Reading};
use crate::food_safety::series::Quality;
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// Most graces the budget can count.
const CHARGES_MAX: usize = 12;
const DAY: Span = Span::from_minutes(24 * 60);
/// After a power loss there is no grace until the unit was within limits for so long.
const AFTER_POWER_LOSS: Span = Span::from_minutes(120);

/// State of one unit. Small, storable, and equal after equal input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tracker {
    history: History,
    last: Option<Timestamp>,
    episode: Option<Episode>,
    standing: Option<Standing>,
    charges: [Option<Timestamp>; CHARGES_MAX],
    door_open: bool,
    door_last_open: Option<Timestamp>,
    cooling_off: bool,
    last_suspect: Option<Timestamp>,
    power_loss: Option<PowerLoss>,
}

/// An alarm that was raised and not cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Standing {
    clear_since: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct PowerLoss {
    within_since: Option<Timestamp>,
}

impl Tracker {
    /// A unit of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether an alarm stands.
    #[must_use]
    pub const fn is_raised(&self) -> bool {
        self.standing.is_some()
    }

    /// First reading above the limit of the episode that is running.
    #[must_use]
    pub fn episode_since(&self) -> Option<Timestamp> {
        self.episode.map(|episode| episode.since)
    }

    /// When the alarm comes at the latest while a grace is on: "defrost suspected, alarm at hh:mm".
    #[must_use]
    pub fn grace_until(&self, params: &Params) -> Option<Timestamp> {
        let episode = self.episode.filter(|e| e.has_grace() && !e.raised)?;
        Some(episode.grace_over(params))
    }

    /// When to [`tick`](Self::tick) though nothing new arrives.
    #[must_use]
    pub fn next_deadline(&self, params: &Params) -> Option<Timestamp> {
        let episode = self.episode.filter(|episode| !episode.raised)?;
        Some(episode.silence_deadline(params))
    }

    /// Takes a reading. One that is older than the newest is ignored, as is a Bad one.
    ///
    /// A deadline at or before the reading fires first, so ticking or not makes no difference.
    pub fn observe(&mut self, params: &Params, reading: &Reading) -> Outcome {
        if reading.quality == Quality::Bad || self.last.is_some_and(|last| reading.at < last) {
            return Outcome::default();
        }
        let mut outcome = self.tick(params, reading.at);
        if reading.quality == Quality::Suspect {
            self.last_suspect = Some(reading.at);
            self.reconsider(Denial::SuspectData, &mut outcome);
            return outcome;
        }
        let previous = self.last;
        if params.limit.is_above(reading.air) {
            self.above(params, reading, previous, &mut outcome);
        } else {
            self.episode = None;
        }
        self.note_power(params, reading, previous);
        outcome.cleared = self.clears(params, reading, previous);
        self.history.push(reading.at, reading.air);
        self.last = Some(reading.at);
        outcome
    }

    /// Lets time pass: raises if a deadline was reached without data.
    pub fn tick(&mut self, params: &Params, now: Timestamp) -> Outcome {
        let due = self
            .next_deadline(params)
            .filter(|deadline| *deadline <= now);
        let raise = due.and_then(|deadline| {
            let over = self
                .grace_until(params)
                .is_some_and(|over| over <= deadline);
            self.raise(
                deadline,
                if over {
                    Cause::GraceOver
                } else {
                    Cause::Silence
                },
            )
        });
        Outcome {
            raise,
            ..Outcome::default()
        }
    }

    /// Takes a door report.
    pub fn door(&mut self, params: &Params, open: DoorReport, at: Timestamp) -> Outcome {
        let mut outcome = self.tick(params, at);
        if self.door_open || open == DoorReport::Open {
            self.door_last_open = Some(at);
        }
        self.door_open = open == DoorReport::Open;
        if let Some(episode) = self.episode.as_mut().filter(|_| self.door_open) {
            episode.door = true;
            self.reconsider(Denial::DoorOpen, &mut outcome);
        }
        outcome
    }

    /// Takes a report that compressor or mains are off, or on again.
    pub fn cooling(&mut self, params: &Params, cooling: Cooling, at: Timestamp) -> Outcome {
        let mut outcome = self.tick(params, at);
        self.cooling_off = cooling == Cooling::Off;
        if self.cooling_off {
            self.reconsider(Denial::CoolingOff, &mut outcome);
        }
        outcome
    }

    /// Notes a power loss (an alarm of [`power_loss`](crate::food_safety::power_loss), or a report): no
    /// grace until the unit was within limits for two hours.
    pub fn power_lost(&mut self) -> Outcome {
        let mut outcome = Outcome::default();
        self.power_loss = Some(PowerLoss { within_since: None });
        self.reconsider(Denial::PowerLoss, &mut outcome);
        outcome
    }

    /// Forgets a standing alarm that was ended elsewhere, so that the next episode can raise again.
    pub fn forget_alarm(&mut self) {
        self.standing = None;
    }

    /// Forgets the stay above the limit that is running, because the limit moved away from it.
    pub fn end_episode(&mut self) {
        self.episode = None;
    }

    fn above(
        &mut self,
        params: &Params,
        reading: &Reading,
        previous: Option<Timestamp>,
        outcome: &mut Outcome,
    ) {
        let standing = self.standing.is_some();
        let new_peak = if let Some((episode, previous)) = self.episode.as_mut().zip(previous) {
            episode.follow(params, previous, reading.at, reading.air)
        } else {
            self.episode = Some(Episode::new(reading.at, reading.air, standing));
            false
        };
        let Some(mut episode) = self.episode else {
            return;
        };
        episode.door |= self.door_was_open(params, episode.since);
        let denial = self.denial(params, &episode, reading, new_peak);
        if let Some(cause) = denial.filter(|_| episode.has_grace()) {
            outcome.grace = Some(GraceChange::Denied { cause });
            episode.grace = Grace::Denied(cause);
        }
        if episode.grace == Grace::None
            && params.recognises_defrost()
            && let Some(slope) = self.steep_rise(params, reading)
        {
            (episode.grace, outcome.grace) =
                self.grant(params, &episode, reading.at, slope, denial);
        }
        self.episode = Some(episode);
        self.charge(params, reading.at);
        let on_delay = episode.on_delay(params);
        let cause = if reading.air >= params.ceiling {
            Some(Cause::Ceiling)
        } else if episode.has_grace() {
            (reading.at >= episode.grace_over(params)).then_some(Cause::GraceOver)
        } else {
            (episode.credit >= on_delay).then_some(Cause::OnDelay)
        };
        if let Some(cause) = cause {
            outcome.raise = self.raise(reading.at, cause).or(outcome.raise);
        }
    }

    fn grant(
        &self,
        params: &Params,
        episode: &Episode,
        at: Timestamp,
        slope: i64,
        denial: Option<Denial>,
    ) -> (Grace, Option<GraceChange>) {
        let recent = |charged: &&Timestamp| at - **charged < DAY;
        let used = self.charges.iter().flatten().filter(recent).count();
        let spent = used >= usize::from(params.grace_budget);
        if let Some(cause) = denial.or(spent.then_some(Denial::Budget)) {
            return (Grace::Denied(cause), Some(GraceChange::Denied { cause }));
        }
        let (since, alarm_at) = (episode.since, episode.grace_over(params));
        let granted = GraceChange::Granted {
            since,
            alarm_at,
            slope,
        };
        (Grace::On { charged: false }, Some(granted))
    }

    fn denial(
        &self,
        params: &Params,
        episode: &Episode,
        reading: &Reading,
        new_peak: bool,
    ) -> Option<Denial> {
        let recent = episode.since - params.rise_window;
        let too_long = new_peak && reading.at - episode.since >= params.rise_max;
        let stuck_warm =
            !episode.recovered && reading.at - episode.peak_at >= params.recovery_limit();
        [
            (reading.air >= params.ceiling, Denial::Ceiling),
            (
                reading.product.is_some_and(|p| p >= params.product_ceiling),
                Denial::ProductCeiling,
            ),
            (too_long, Denial::RiseTooLong),
            (stuck_warm, Denial::NoRecovery),
            (episode.door, Denial::DoorOpen),
            (self.cooling_off, Denial::CoolingOff),
            (
                self.last_suspect.is_some_and(|at| at >= recent),
                Denial::SuspectData,
            ),
            (self.power_loss.is_some(), Denial::PowerLoss),
        ]
        .into_iter()
        .find_map(|(holds, cause)| holds.then_some(cause))
    }

    /// The slope in milli-°C per minute if it is steep enough for a defrost.
    fn steep_rise(&self, params: &Params, reading: &Reading) -> Option<i64> {
        const MINUTE: i64 = 60_000_000;
        let (rise, span) =
            self.history
                .rise(reading.at, reading.air, params.rise_window, params.lookback)?;
        let (rise, span) = (
            i128::from(rise) * i128::from(MINUTE),
            i128::from(span.as_micros()),
        );
        let steep = rise > i128::from(params.rise_milli_per_minute) * span;
        steep.then(|| i64::try_from(rise / span).unwrap_or(i64::MAX))
    }

    fn door_was_open(&self, params: &Params, since: Timestamp) -> bool {
        let recent = since - params.rise_window;
        self.door_open || self.door_last_open.is_some_and(|at| at >= recent)
    }

    /// Cancels a grace that is on, for a cause that came without a reading.
    fn reconsider(&mut self, cause: Denial, outcome: &mut Outcome) {
        if let Some(episode) = self.episode.as_mut().filter(|e| e.has_grace()) {
            episode.grace = Grace::Denied(cause);
            outcome.grace = Some(GraceChange::Denied { cause });
        }
    }

    /// Counts a grace that held an alarm back, once per episode. One that nothing would have come of
    /// without it (a door opening between two readings) costs nothing.
    fn charge(&mut self, params: &Params, at: Timestamp) {
        let Some(episode) = self.episode.as_mut() else {
            return;
        };
        let outlived = episode.credit >= params.effective_on_delay();
        if episode.grace == (Grace::On { charged: false }) && outlived {
            episode.grace = Grace::On { charged: true };
            self.charges.rotate_right(1);
            self.charges[0] = Some(at);
        }
    }

    fn raise(&mut self, at: Timestamp, cause: Cause) -> Option<Raise> {
        let episode = self.episode.as_mut().filter(|episode| !episode.raised)?;
        episode.raised = true;
        self.standing = Some(Standing { clear_since: None });
        Some(Raise {
            at,
            since: episode.since,
            cause,
            denied: episode.denial(),
        })
    }

    fn note_power(&mut self, params: &Params, reading: &Reading, previous: Option<Timestamp>) {
        let Some(loss) = self.power_loss.as_mut() else {
            return;
        };
        let followed = previous.is_some_and(|at| reading.at - at <= params.gap_limit());
        if params.limit.is_above(reading.air) {
            loss.within_since = None;
        } else if let Some(since) = loss.within_since.filter(|_| followed) {
            if reading.at - since >= AFTER_POWER_LOSS {
                self.power_loss = None;
            }
        } else {
            loss.within_since = Some(reading.at);
        }
    }

    /// Silence never clears: the readings themselves must span the off-delay without a gap.
    fn clears(&mut self, params: &Params, reading: &Reading, previous: Option<Timestamp>) -> bool {
        let Some(standing) = self.standing.as_mut() else {
            return false;
        };
        let limit = params.limit.temperature().milli_celsius();
        let clear_at = limit.saturating_sub(params.deadband.milli_celsius());
        if reading.air > Temperature::from_milli_celsius(clear_at) {
            standing.clear_since = None;
            return false;
        }
        let followed = previous.is_some_and(|at| reading.at - at <= params.gap_limit());
        let since = standing
            .clear_since
            .filter(|_| followed)
            .unwrap_or(reading.at);
        standing.clear_since = Some(since);
        let cleared = reading.at - since >= params.off_delay;
        if cleared {
            self.standing = None;
        }
        cleared
    }
}

/// What a door sensor says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoorReport {
    /// Open.
    Open,
    /// Closed.
    Closed,
}

/// Whether the unit is known to be without cooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cooling {
    /// Compressor and mains on, as far as is known.
    On,
    /// Compressor or mains off.
    Off,
}
