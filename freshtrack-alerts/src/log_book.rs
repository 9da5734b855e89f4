//! What people write down: values they measured, and what they did about what was wrong.
//!
//! Both are append-only. A correction of an action is a new one that names the old.

use freshtrack_core::ids::{AlertId, CorrectiveActionId, ManualLogId, UnitId, UserId};
use freshtrack_core::temperature::{Temperature, TemperatureUnit};
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// Temperatures a person may log: −100…200 °F. Beyond that somebody mistyped.
pub const LOG_TEMPERATURES: RangeInclusive<Temperature> =
    Temperature::from_milli_celsius(-73_333)..=Temperature::from_milli_celsius(93_333);
/// How old a log may be when it arrives: phones without a network keep them.
pub const LOG_AGE_MAX: Span = Span::from_minutes(7 * 24 * 60);
/// How far ahead of our clock a log may be dated.
pub const LOG_AHEAD_MAX: Span = Span::from_minutes(5);
/// Longest notes of a log, in characters.
pub const NOTES_CHARS_MAX: usize = 1_000;
/// Longest text of a corrective action, in characters; each of its texts.
pub const ACTION_CHARS_MAX: usize = 2_000;
/// Longest address of a photo, in characters.
pub const PHOTO_URL_CHARS_MAX: usize = 2_048;
/// Most photos of a corrective action.
pub const PHOTOS_MAX: usize = 10;
/// Longest reference a client makes up, in characters.
pub const CLIENT_REF_CHARS_MAX: usize = 128;

/// A value that a person measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualLog {
    /// Id.
    pub id: ManualLogId,
    /// The unit.
    pub unit: UnitId,
    /// Who measured.
    pub by: UserId,
    /// The value.
    pub temperature: Temperature,
    /// The scale it was typed in.
    pub reported_unit: TemperatureUnit,
    /// Relative humidity in hundredths of a percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub humidity_centi: Option<i32>,
    /// What they noted, at most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Where a photo lies; never fetched by us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo_url: Option<String>,
    /// When they measured.
    pub recorded_at: Timestamp,
    /// When it arrived.
    pub received_at: Timestamp,
    /// The client's own name for it, unique in the organization: a repeat is the same log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ref: Option<String>,
    /// Whether it was inside the limits, by the rules as it arrived.
    pub in_range: bool,
    /// What was done about it; always there when it was out of range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrective_action: Option<CorrectiveActionId>,
}

/// What a person did about what was wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrectiveAction {
    /// Id.
    pub id: CorrectiveActionId,
    /// The unit.
    pub unit: UnitId,
    /// The alert it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<AlertId>,
    /// The manual log it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manual_log: Option<ManualLogId>,
    /// Who wrote it down.
    pub by: UserId,
    /// What was wrong and what was done, 1–2,000 characters.
    pub description: String,
    /// The steps taken, at most 2,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_taken: Option<String>,
    /// Why it came about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_cause: Option<String>,
    /// What keeps it from coming back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preventive_measure: Option<String>,
    /// Where photos lie; never fetched by us.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photo_urls: Vec<String>,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// The action that this one corrects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<CorrectiveActionId>,
    /// When it was written down.
    pub recorded_at: Timestamp,
}

/// Whether an address that somebody sends may be kept and shown as a link. It is never fetched.
#[must_use]
pub fn is_safe_url(url: &str) -> bool {
    url.starts_with("https://")
        && url.chars().count() <= PHOTO_URL_CHARS_MAX
        && !url.chars().any(|c| c.is_whitespace() || c.is_control())
}
