//! The door axis: open, closed or unknown, and for how long.

use super::micros;
use crate::alert::Severity;
use crate::cascade::{EffectiveRules, seconds};
use freshtrack_core::reading::DoorState;
use freshtrack_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// State of the door axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoorAxis {
    /// No report, or none any more.
    #[default]
    Unknown,
    /// Closed.
    Closed,
    /// Open.
    Open {
        /// Since the change to open; repeated reports never move it.
        #[serde(with = "micros")]
        since: Timestamp,
        /// How far the warnings have gone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        alert: Option<Severity>,
    },
}

impl DoorAxis {
    /// The reported state.
    #[must_use]
    pub const fn state(&self) -> DoorState {
        match self {
            Self::Unknown => DoorState::Unknown,
            Self::Closed => DoorState::Closed,
            Self::Open { .. } => DoorState::Open,
        }
    }

    pub(crate) const fn reported(state: DoorState, at: Timestamp) -> Self {
        match state {
            DoorState::Unknown => Self::Unknown,
            DoorState::Closed => Self::Closed,
            DoorState::Open => Self::Open {
                since: at,
                alert: None,
            },
        }
    }

    /// When the next warning is due, and which.
    pub(crate) fn deadline(&self, rules: &EffectiveRules) -> Option<(Timestamp, Severity)> {
        match *self {
            Self::Open { since, alert: None } => Some((
                since + seconds(rules.door_warning_seconds),
                Severity::Warning,
            )),
            Self::Open {
                since,
                alert: Some(Severity::Info | Severity::Warning),
            } => Some((
                since + seconds(rules.door_critical_seconds),
                Severity::Critical,
            )),
            Self::Open { .. } | Self::Closed | Self::Unknown => None,
        }
    }
}
