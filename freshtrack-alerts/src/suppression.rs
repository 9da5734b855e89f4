//! Suppressions: windows with an end in which nothing is raised or paged.

use crate::alert::AlertType;
use crate::monitor::micros;
use crate::rules::RuleScope;
use freshtrack_core::hierarchy::Unit;
use freshtrack_core::ids::{AreaId, OrgId, SiteId, SuppressionId, UnitId};
use freshtrack_core::principal::Actor;
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_core::wire_enum;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Longest window for a defrost.
pub const DEFROST_MAX: Span = Span::from_minutes(4 * 60);
/// Longest window for anything else but a snooze.
pub const WINDOW_MAX: Span = Span::from_minutes(30 * 24 * 60);
/// Longest note, in characters.
pub const NOTE_CHARS_MAX: usize = 1_000;

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

/// A suppression: somebody asked for quiet at a place. It is never deleted, only ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// Id.
    pub id: SuppressionId,
    /// Kind of place.
    pub scope: RuleScope,
    /// The unit, area, site or organization.
    pub scope_id: Uuid,
    /// Types it covers; empty covers all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alert_types: Vec<AlertType>,
    /// Why.
    pub kind: SuppressionKind,
    /// What the person said, at most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// First instant.
    pub starts_at: Timestamp,
    /// First instant after it, as planned.
    pub ends_at: Timestamp,
    /// When somebody ended it before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_early_at: Option<Timestamp>,
    /// Who asked.
    pub created_by: Actor,
    /// When.
    pub created_at: Timestamp,
    /// Raised by one with each change.
    pub version: i64,
}

/// Why a window is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// It ends before it begins, or is over already.
    #[error("the window must end after it begins, and in the future")]
    Backwards,
    /// It is longer than its kind may be.
    #[error("a window of this kind lasts at most {max_seconds} s")]
    TooLong {
        /// The longest allowed.
        max_seconds: i64,
    },
}

impl Suppression {
    /// Whether its window is one that may be.
    ///
    /// # Errors
    /// Why not.
    pub fn check_window(&self, now: Timestamp) -> Result<(), WindowError> {
        if self.ends_at <= self.starts_at || self.ends_at <= now {
            return Err(WindowError::Backwards);
        }
        let max = match self.kind {
            SuppressionKind::Defrost => DEFROST_MAX,
            SuppressionKind::Snooze
            | SuppressionKind::Maintenance
            | SuppressionKind::Relocation
            | SuppressionKind::Other => WINDOW_MAX,
        };
        if self.ends_at - self.starts_at > max {
            return Err(WindowError::TooLong {
                max_seconds: max.as_seconds(),
            });
        }
        Ok(())
    }

    /// First instant after it as it really is.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        self.ended_early_at
            .map_or(self.ends_at, |early| early.min(self.ends_at))
    }

    /// Whether it reaches a unit of its organization.
    #[must_use]
    pub fn reaches(&self, org: OrgId, unit: &Unit) -> bool {
        self.reaches_place(org, unit.site_id, unit.area_id, unit.id)
    }

    /// Whether it reaches the unit at such a place.
    #[must_use]
    pub fn reaches_place(&self, org: OrgId, site: SiteId, area: AreaId, unit: UnitId) -> bool {
        self.scope_id
            == match self.scope {
                RuleScope::Organization => org.as_uuid(),
                RuleScope::Site => site.as_uuid(),
                RuleScope::Area => area.as_uuid(),
                RuleScope::Unit => unit.as_uuid(),
            }
    }

    /// The window as units know it.
    #[must_use]
    pub fn window(&self) -> Window {
        Window {
            id: self.id,
            kind: self.kind,
            alert_types: self.alert_types.clone(),
            starts_at: self.starts_at,
            ends_at: self.ends(),
        }
    }

    /// The same, ended at `at`; nothing if it is over by then.
    #[must_use]
    pub fn ended(&self, at: Timestamp) -> Option<Self> {
        (at < self.ends()).then(|| Self {
            ended_early_at: Some(at),
            version: self.version + 1,
            ..self.clone()
        })
    }
}
