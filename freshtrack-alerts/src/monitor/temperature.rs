//! The temperature axis: when a unit is out of range, when that is believed, when it is over.
//!
//! Driven by readings, its own two timers, the door (length of confirmation and hold) and rule
//! changes; by nothing else. Silence leaves every state as it is.

use super::defrost::Confirmation;
use super::door::DoorAxis;
use super::micros;
use crate::alert::{Trigger, Violated};
use crate::cascade::{EffectiveRules, seconds};
use freshtrack_core::reading::Zone;
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a sender has to deliver the rest of a backlog before an old out-of-range value is
/// confirmed by the timer.
pub const BACKLOG_SETTLE: Span = Span::from_seconds(60);

/// State of the temperature axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemperatureAxis {
    /// No reading yet.
    #[default]
    Unknown,
    /// Not out of range.
    Normal,
    /// Normal as far as anybody is told: an open door holds an excursion back.
    Held(Held),
    /// Out of range, unconfirmed.
    Excursion {
        /// What is out of range.
        episode: Episode,
        /// When the timer confirms it.
        #[serde(with = "micros")]
        confirm_at: Timestamp,
    },
    /// Confirmed excursion.
    Alarm {
        /// What is out of range.
        episode: Episode,
        /// When it was confirmed.
        #[serde(with = "micros")]
        confirmed_at: Timestamp,
    },
    /// In range again, not yet proven.
    Restoring {
        /// What was out of range.
        episode: Episode,
        /// Consecutive in-band readings.
        good_count: u32,
        /// The state that was left, and is returned to.
        from: Origin,
    },
}

/// An excursion that an open door holds back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// First out-of-range reading.
    #[serde(with = "micros")]
    pub since: Timestamp,
    /// When the door's grace ends.
    #[serde(with = "micros")]
    pub until: Timestamp,
}

/// The state a restoring unit came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// An unconfirmed excursion.
    Excursion,
    /// An alarm.
    Alarm {
        /// When it was confirmed.
        #[serde(with = "micros")]
        confirmed_at: Timestamp,
    },
}

/// One time out of range, from its opening to normal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    /// Since when (condition time); never moves.
    #[serde(with = "micros")]
    pub since: Timestamp,
    /// When the engine learned of it (record time); never moves.
    #[serde(with = "micros")]
    pub opened_at: Timestamp,
    /// First out-of-range reading, held ones included.
    #[serde(with = "micros")]
    pub first_out_at: Timestamp,
    /// Which limit it violated first.
    pub violated: Violated,
    /// The reading that opened it.
    pub trigger: Trigger,
    /// Worst value on the violated side.
    pub extreme: Temperature,
}

/// The newest evaluated reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluated {
    /// Effective time.
    #[serde(with = "micros")]
    pub at: Timestamp,
    /// Corrected temperature.
    pub temperature: Temperature,
}

/// What the axis is judged under.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judge<'a> {
    pub(crate) rules: &'a EffectiveRules,
    pub(crate) door: DoorAxis,
    pub(crate) now: Timestamp,
    /// What the rule pack says about confirmation; nothing if the fixed delays of the rules hold.
    pub(crate) pack: Option<Confirmation>,
    /// The reading at hand may not be believed: it clears nothing.
    pub(crate) doubtful: bool,
    /// The reading at hand is the first after a gap in which nobody looked: neither delay nor grace.
    pub(crate) after_gap: Option<Timestamp>,
}

impl Judge<'_> {
    fn zone(&self, t: Temperature) -> Zone {
        match self.rules.zone(t) {
            Zone::In if self.doubtful => Zone::Margin,
            zone => zone,
        }
    }

    fn confirm(&self) -> Span {
        seconds(match self.door {
            DoorAxis::Open { .. } => self.rules.confirm_open_seconds,
            DoorAxis::Closed | DoorAxis::Unknown => self.rules.confirm_closed_seconds,
        })
    }

    fn hold_until(&self) -> Option<Timestamp> {
        match self.door {
            DoorAxis::Open { since, .. } => Some(since + seconds(self.rules.door_hold_seconds)),
            DoorAxis::Closed | DoorAxis::Unknown => None,
        }
    }

    /// An excursion, unless the rule pack says that it is confirmed.
    fn unconfirmed(&self, episode: Episode) -> TemperatureAxis {
        if let Some(confirmed_at) = self.after_gap {
            return TemperatureAxis::Alarm {
                episode,
                confirmed_at,
            };
        }
        let due = match self.pack {
            Some(Confirmation {
                raised: Some(raised),
                ..
            }) => {
                return TemperatureAxis::Alarm {
                    episode,
                    confirmed_at: raised.max(episode.since),
                };
            }
            Some(Confirmation { due, raised: None }) => due,
            None => episode.since + self.confirm(),
        };
        TemperatureAxis::Excursion {
            episode,
            confirm_at: due.max(episode.opened_at + BACKLOG_SETTLE),
        }
    }

    fn is_raised(&self) -> bool {
        self.pack.is_some_and(|pack| pack.raised.is_some())
    }

    fn open(&self, opening: Opening, reading: Evaluated) -> TemperatureAxis {
        let above = self
            .rules
            .temp_max
            .is_some_and(|max| max.is_above(reading.temperature));
        self.unconfirmed(Episode {
            since: opening.since,
            opened_at: opening.opened_at,
            first_out_at: opening.first_out_at,
            violated: if above { Violated::Max } else { Violated::Min },
            trigger: Trigger {
                temperature: reading.temperature,
                recorded_at: reading.at,
            },
            extreme: reading.temperature,
        })
    }

    /// Judges an unconfirmed excursion by an out-of-range reading at `at`.
    fn judge_out(&self, episode: Episode, at: Timestamp) -> TemperatureAxis {
        if self.pack.is_none() && at - episode.since >= self.confirm() {
            TemperatureAxis::Alarm {
                episode,
                confirmed_at: at,
            }
        } else {
            self.unconfirmed(episode)
        }
    }

    fn out_while_normal(
        &self,
        reading: Evaluated,
        at: Timestamp,
        held: Option<Held>,
    ) -> TemperatureAxis {
        let first_out_at = held.map_or(at, |held| held.since);
        match self.hold_until() {
            Some(until) if at < until && !self.is_raised() && self.after_gap.is_none() => {
                TemperatureAxis::Held(Held {
                    since: first_out_at,
                    until,
                })
            }
            _ => self.open(
                Opening {
                    since: at,
                    opened_at: self.now,
                    first_out_at,
                },
                reading,
            ),
        }
    }
}

/// The three times that are fixed when an excursion opens.
#[derive(Clone, Copy)]
struct Opening {
    since: Timestamp,
    opened_at: Timestamp,
    first_out_at: Timestamp,
}

impl Episode {
    fn with(mut self, t: Temperature) -> Self {
        self.extreme = match self.violated {
            Violated::Max => self.extreme.max(t),
            Violated::Min => self.extreme.min(t),
        };
        self
    }
}

impl TemperatureAxis {
    /// The wire name: `unknown`, `normal`, `excursion`, `alarm` or `restoring`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Normal | Self::Held(_) => "normal",
            Self::Excursion { .. } => "excursion",
            Self::Alarm { .. } => "alarm",
            Self::Restoring { .. } => "restoring",
        }
    }

    /// The time out of range that is not over yet.
    #[must_use]
    pub const fn episode(&self) -> Option<&Episode> {
        match self {
            Self::Unknown | Self::Normal | Self::Held(_) => None,
            Self::Excursion { episode, .. }
            | Self::Alarm { episode, .. }
            | Self::Restoring { episode, .. } => Some(episode),
        }
    }

    /// When the episode was confirmed, if it was.
    #[must_use]
    pub const fn confirmed_at(&self) -> Option<Timestamp> {
        match self {
            Self::Alarm { confirmed_at, .. }
            | Self::Restoring {
                from: Origin::Alarm { confirmed_at },
                ..
            } => Some(*confirmed_at),
            Self::Unknown
            | Self::Normal
            | Self::Held(_)
            | Self::Excursion { .. }
            | Self::Restoring { .. } => None,
        }
    }

    /// When the axis moves though nothing happens.
    #[must_use]
    pub const fn deadline(&self) -> Option<Timestamp> {
        match self {
            Self::Held(held) => Some(held.until),
            Self::Excursion { confirm_at, .. } => Some(*confirm_at),
            Self::Unknown | Self::Normal | Self::Alarm { .. } | Self::Restoring { .. } => None,
        }
    }

    pub(crate) fn on_reading(self, reading: Evaluated, judge: &Judge<'_>) -> Self {
        let at = reading.at;
        match (self, judge.zone(reading.temperature)) {
            (Self::Unknown | Self::Normal, Zone::In | Zone::Margin) | (Self::Held(_), Zone::In) => {
                Self::Normal
            }
            (Self::Excursion { episode, .. }, Zone::Margin) if judge.pack.is_some() => {
                judge.unconfirmed(episode)
            }
            (Self::Held(_) | Self::Alarm { .. } | Self::Excursion { .. }, Zone::Margin) => self,
            (Self::Unknown | Self::Normal, Zone::Out) => judge.out_while_normal(reading, at, None),
            (Self::Held(held), Zone::Out) => judge.out_while_normal(reading, at, Some(held)),
            (Self::Excursion { episode, .. }, Zone::Out) => {
                judge.judge_out(episode.with(reading.temperature), at)
            }
            (
                Self::Alarm {
                    episode,
                    confirmed_at,
                },
                Zone::Out,
            ) => Self::Alarm {
                episode: episode.with(reading.temperature),
                confirmed_at,
            },
            (Self::Excursion { episode, .. }, Zone::In) => {
                Self::restored(episode, 1, Origin::Excursion, judge)
            }
            (
                Self::Alarm {
                    episode,
                    confirmed_at,
                },
                Zone::In,
            ) => Self::restored(episode, 1, Origin::Alarm { confirmed_at }, judge),
            (
                Self::Restoring {
                    episode,
                    good_count,
                    from,
                },
                Zone::In,
            ) => Self::restored(episode, good_count.saturating_add(1), from, judge),
            (Self::Restoring { episode, from, .. }, Zone::Margin) => Self::Restoring {
                episode,
                good_count: 0,
                from,
            },
            (Self::Restoring { episode, from, .. }, Zone::Out) => {
                let episode = episode.with(reading.temperature);
                match from {
                    Origin::Excursion => judge.judge_out(episode, at),
                    Origin::Alarm { confirmed_at } => Self::Alarm {
                        episode,
                        confirmed_at,
                    },
                }
            }
        }
    }

    fn restored(episode: Episode, good_count: u32, from: Origin, judge: &Judge<'_>) -> Self {
        if good_count >= judge.rules.restore_readings {
            Self::Normal
        } else {
            Self::Restoring {
                episode,
                good_count,
                from,
            }
        }
    }

    /// The axis after its own timer, which took effect at `at`.
    pub(crate) fn on_timer(
        self,
        at: Timestamp,
        newest: Option<Evaluated>,
        judge: &Judge<'_>,
    ) -> Self {
        match self {
            Self::Excursion { episode, .. } => Self::Alarm {
                episode,
                confirmed_at: at,
            },
            Self::Held(held) => Self::hold_ended(held, (at, at), newest, judge),
            Self::Unknown | Self::Normal | Self::Alarm { .. } | Self::Restoring { .. } => self,
        }
    }

    /// The axis after the door changed at `at`; `judge` sees the door as it is now.
    pub(crate) fn on_door(
        self,
        at: Timestamp,
        newest: Option<Evaluated>,
        judge: &Judge<'_>,
    ) -> Self {
        match self {
            Self::Held(held) if judge.hold_until().is_none() => {
                Self::hold_ended(held, (at, judge.now), newest, judge)
            }
            Self::Excursion { episode, .. } => judge.unconfirmed(episode),
            Self::Unknown
            | Self::Normal
            | Self::Held(_)
            | Self::Alarm { .. }
            | Self::Restoring { .. } => self,
        }
    }

    fn hold_ended(
        held: Held,
        (since, opened_at): (Timestamp, Timestamp),
        newest: Option<Evaluated>,
        judge: &Judge<'_>,
    ) -> Self {
        match newest {
            Some(reading) if judge.rules.zone(reading.temperature) == Zone::Out => judge.open(
                Opening {
                    since,
                    opened_at,
                    first_out_at: held.since,
                },
                reading,
            ),
            _ => Self::Normal,
        }
    }

    /// The axis after rules changed: the newest reading is judged again, as of now.
    pub(crate) fn on_rules(self, newest: Option<Evaluated>, judge: &Judge<'_>) -> Self {
        let Some(reading) = newest else { return self };
        match (self, judge.rules.zone(reading.temperature)) {
            (Self::Unknown, _)
            | (Self::Normal | Self::Restoring { .. }, Zone::In | Zone::Margin)
            | (Self::Alarm { .. }, Zone::Margin | Zone::Out) => self,
            (Self::Held(_), Zone::In) => Self::Normal,
            (Self::Held(held), Zone::Margin | Zone::Out) => match judge.hold_until() {
                Some(until) => Self::Held(Held { until, ..held }),
                None => self,
            },
            (Self::Normal, Zone::Out) => judge.out_while_normal(reading, judge.now, None),
            (Self::Excursion { episode, .. }, Zone::In) => Self::Restoring {
                episode,
                good_count: 0,
                from: Origin::Excursion,
            },
            (
                Self::Alarm {
                    episode,
                    confirmed_at,
                },
                Zone::In,
            ) => Self::Restoring {
                episode,
                good_count: 0,
                from: Origin::Alarm { confirmed_at },
            },
            (Self::Excursion { episode, .. }, Zone::Margin | Zone::Out) => {
                judge.unconfirmed(episode)
            }
            (Self::Restoring { episode, from, .. }, Zone::Out) => match from {
                Origin::Excursion => judge.unconfirmed(episode),
                Origin::Alarm { confirmed_at } => Self::Alarm {
                    episode,
                    confirmed_at,
                },
            },
        }
    }
}
