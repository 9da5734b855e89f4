//! The life of one alert: the only moves there are, each a function on the alert.

use crate::alert::{
    Acknowledgement, Alert, AlertStatus, AlertType, Resolution, ResolutionKind, Severity,
};
use freshtrack_core::ids::UserId;
use freshtrack_core::time::{Span, Timestamp};

/// Longest note of an acknowledgement, in characters.
pub const ACK_NOTE_CHARS_MAX: usize = 1_000;
/// Longest note or corrective action of a resolution, in characters.
pub const RESOLVE_TEXT_CHARS_MAX: usize = 2_000;
/// How long after a person's resolve a condition that still holds is raised again.
pub const RERAISE_AFTER: Span = Span::from_minutes(15);

/// Why an operator's wish is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No alert of this key is open.
    #[error("alert is resolved")]
    NotOpen,
    /// Somebody else has taken it.
    #[error("alert is acknowledged by somebody else")]
    AlreadyAcknowledged {
        /// Who.
        by: UserId,
        /// When.
        at: Timestamp,
    },
    /// A person's resolve says why.
    #[error("a note is required")]
    NoteRequired,
    /// The note or the action is too long.
    #[error("the note is too long")]
    NoteTooLong,
    /// The site wants to know what was done.
    #[error("a corrective action is required")]
    CorrectiveActionRequired,
    /// A critical control point may not be quiet for so long.
    #[error("a snooze of this alert lasts at most {max_seconds} s")]
    SnoozeTooLong {
        /// The longest allowed.
        max_seconds: i64,
    },
}

/// What a person says when closing an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResolveWish<'a> {
    /// Who.
    pub by: UserId,
    /// Why, 1–2,000 characters after trimming.
    pub note: &'a str,
    /// What was done, at most 2,000 characters.
    pub corrective_action: Option<&'a str>,
}

/// Takes `alert` for `by`. Answers whether anything changed: taking it again changes nothing.
///
/// # Errors
/// Why not; the alert is as before.
pub fn acknowledge(
    alert: &mut Alert,
    by: UserId,
    note: Option<&str>,
    now: Timestamp,
) -> Result<bool, Refusal> {
    match (alert.status, &alert.acknowledged) {
        (AlertStatus::Resolved, _) => return Err(Refusal::NotOpen),
        (AlertStatus::Acknowledged, Some(held)) if held.by == by => return Ok(false),
        (AlertStatus::Acknowledged, Some(held)) => {
            return Err(Refusal::AlreadyAcknowledged {
                by: held.by,
                at: held.at,
            });
        }
        (AlertStatus::Active | AlertStatus::Acknowledged, _) => {}
    }
    let note = note.map(str::trim).filter(|note| !note.is_empty());
    if note.is_some_and(|note| note.chars().count() > ACK_NOTE_CHARS_MAX) {
        return Err(Refusal::NoteTooLong);
    }
    alert.status = AlertStatus::Acknowledged;
    alert.acknowledged = Some(Acknowledgement {
        by,
        at: now,
        note: note.map(ToOwned::to_owned),
        temperature: None,
    });
    alert.next_escalation_at = None;
    Ok(true)
}

/// Closes `alert` as a person wishes.
///
/// # Errors
/// Why not; the alert is as before.
pub fn resolve_manually(
    alert: &mut Alert,
    wish: &ResolveWish<'_>,
    action_required: bool,
    now: Timestamp,
) -> Result<(), Refusal> {
    if alert.status == AlertStatus::Resolved {
        return Err(Refusal::NotOpen);
    }
    let note = wish.note.trim();
    if note.is_empty() {
        return Err(Refusal::NoteRequired);
    }
    let action = wish
        .corrective_action
        .map(str::trim)
        .filter(|action| !action.is_empty());
    if [Some(note), action]
        .into_iter()
        .flatten()
        .any(|text| text.chars().count() > RESOLVE_TEXT_CHARS_MAX)
    {
        return Err(Refusal::NoteTooLong);
    }
    let recorded = alert.corrective_action_recorded || action.is_some();
    if action_required && needs_action(alert) && !recorded {
        return Err(Refusal::CorrectiveActionRequired);
    }
    alert.corrective_action_recorded = recorded;
    close(
        alert,
        Resolution {
            kind: ResolutionKind::Manual,
            by: Some(wish.by),
            at: now,
            note: Some(note.to_owned()),
        },
    );
    Ok(())
}

/// Closes `alert` because its condition ended at `cleared_at`.
pub(crate) fn resolve_by_itself(
    alert: &mut Alert,
    cleared_at: Timestamp,
    action_required: bool,
    now: Timestamp,
) {
    alert.cleared_at = Some(cleared_at);
    alert.corrective_action_pending =
        action_required && needs_action(alert) && !alert.corrective_action_recorded;
    close(
        alert,
        Resolution {
            kind: ResolutionKind::Auto,
            by: None,
            at: now,
            note: None,
        },
    );
}

/// Closes `alert` for a reason that is neither its condition nor a wish, such as an archived unit.
pub(crate) fn resolve_administratively(
    alert: &mut Alert,
    by: Option<UserId>,
    note: &str,
    now: Timestamp,
) {
    close(
        alert,
        Resolution {
            kind: ResolutionKind::Manual,
            by,
            at: now,
            note: Some(note.to_owned()),
        },
    );
}

fn close(alert: &mut Alert, resolution: Resolution) {
    alert.status = AlertStatus::Resolved;
    alert.resolved = Some(resolution);
    alert.next_escalation_at = None;
}

/// Notes that somebody wrote down what was done about `alert`, open or closed.
pub(crate) const fn note_action(alert: &mut Alert) {
    alert.corrective_action_recorded = true;
    alert.corrective_action_pending = false;
}

fn needs_action(alert: &Alert) -> bool {
    alert.key.alert_type == AlertType::TempExcursion && alert.confirmed_at.is_some()
}

/// Takes an acknowledgement back, because it holds no longer: escalation begins anew.
pub(crate) fn lapse(alert: &mut Alert) -> Option<Acknowledgement> {
    alert.status = AlertStatus::Active;
    alert.escalation_level = 0;
    alert.next_escalation_at = None;
    alert.escalation_exhausted_at = None;
    alert.acknowledged.take()
}

/// Makes an open alert more severe. An acknowledgement lapses, because what was taken was less: it is
/// answered, and escalation begins anew.
pub(crate) fn raise_severity(alert: &mut Alert, severity: Severity) -> Option<Acknowledgement> {
    alert.severity = alert.severity.max(severity);
    alert.escalation_level = 0;
    alert.next_escalation_at = None;
    alert.escalation_exhausted_at = None;
    if alert.status == AlertStatus::Acknowledged {
        alert.status = AlertStatus::Active;
        alert.acknowledged.take()
    } else {
        None
    }
}
