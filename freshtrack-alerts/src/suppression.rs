//! Suppressions: windows with an end in which nothing is raised or paged.

use crate::alert::AlertType;
use crate::monitor::micros;
use freshtrack_core::ids::SuppressionId;
use freshtrack_core::time::Timestamp;
use freshtrack_core::wire_enum;
use serde::{Deserialize, Serialize};

wire_enum! {
    /// Why it is quiet.
    SuppressionKind {
        /// Somebody asked for quiet about one alert.
        Snooze = "snooze",
        /// Somebody works on the unit.
        Maintenance = "maintenance",
        /// The unit defrosts.
        Defrost = "defrost",
        /// The unit is being moved.
        Relocation = "relocation",
        /// Something else, said in the note.
        Other = "other",
    }
}

/// A suppression as it reaches one unit: half-open `[starts_at, ends_at)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The suppression.
    pub id: SuppressionId,
    /// Why.
    pub kind: SuppressionKind,
    /// Types it covers; empty covers all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alert_types: Vec<AlertType>,
    /// First instant.
    #[serde(with = "micros")]
    pub starts_at: Timestamp,
    /// First instant after it; ending early moves it.
    #[serde(with = "micros")]
    pub ends_at: Timestamp,
}

impl Window {
    /// Whether it keeps alerts of this type quiet at `now`.
    #[must_use]
    pub fn covers(&self, alert_type: AlertType, now: Timestamp) -> bool {
        (self.starts_at..self.ends_at).contains(&now)
            && (self.alert_types.is_empty() || self.alert_types.contains(&alert_type))
    }
}
