//! The connectivity axis: whether readings still arrive.
//!
//! A pure function of the newest check-in and the clock; what is stored is only its last answer, so
//! that a change can be told from no change.

use super::micros;
use crate::cascade::{EffectiveRules, seconds};
use freshtrack_core::hierarchy::{MonitoringMode, Unit};
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// How much later than expected a reading may arrive without counting as missed.
pub const CHECK_IN_BUFFER: Span = Span::from_seconds(30);
/// How long a unit may be without its first reading.
pub const COMMISSIONING_GRACE: Span = Span::from_minutes(60);

/// State of the connectivity axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectivityAxis {
    /// No reading yet and none owed, or watched by people.
    #[default]
    NeverSeen,
    /// Readings arrive.
    Online,
    /// Some are missing.
    Late {
        /// Since when.
        #[serde(with = "micros")]
        since: Timestamp,
    },
    /// Too many are missing.
    Silent {
        /// Since when.
        #[serde(with = "micros")]
        since: Timestamp,
    },
}

impl ConnectivityAxis {
    /// The wire name: `never_seen`, `online`, `late` or `silent`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NeverSeen => "never_seen",
            Self::Online => "online",
            Self::Late { .. } => "late",
            Self::Silent { .. } => "silent",
        }
    }

    /// The axis at `now`, and when it will differ if nothing arrives.
    #[must_use]
    pub fn at(
        now: Timestamp,
        last_check_in: Option<Timestamp>,
        rules: &EffectiveRules,
        unit: &Unit,
    ) -> (Self, Option<Timestamp>) {
        match unit.monitoring_mode {
            MonitoringMode::Manual => return (Self::NeverSeen, None),
            MonitoringMode::Sensor => {}
        }
        let Some(last) = last_check_in else {
            let since = unit.monitoring_started_at + COMMISSIONING_GRACE;
            return if now >= since {
                (Self::Silent { since }, None)
            } else {
                (Self::NeverSeen, Some(since))
            };
        };
        let late = boundary(last, rules, rules.offline_warning_missed);
        let silent = boundary(last, rules, rules.offline_critical_missed);
        if now >= silent {
            (Self::Silent { since: silent }, None)
        } else if now >= late {
            (Self::Late { since: late }, Some(silent))
        } else {
            (Self::Online, Some(late))
        }
    }
}

/// Check-ins missed at `now`: the one function engine, API and clients use.
#[must_use]
pub fn missed(now: Timestamp, last_check_in: Timestamp, interval: Span) -> i64 {
    let overdue = (now - last_check_in - CHECK_IN_BUFFER).max(Span::ZERO);
    overdue.as_micros() / interval.as_micros().max(1)
}

/// The instant at which `count` check-ins are missed: the inverse of [`missed`].
#[must_use]
pub fn boundary(last_check_in: Timestamp, rules: &EffectiveRules, count: u32) -> Timestamp {
    last_check_in
        + CHECK_IN_BUFFER
        + seconds(rules.check_in_interval_seconds).times(i64::from(count))
}
