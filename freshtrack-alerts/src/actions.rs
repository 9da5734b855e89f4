//! What people do with alerts: take them, close them. It goes through the same step as everything.

use crate::alert::{Alert, AlertStatus, Severity};
use crate::change::{Change, Record};
use crate::engine::{Engine, UnitError};
use crate::journal;
use crate::lifecycle::{Refusal, ResolveWish};
use crate::log_actions::{plain_action, trimmed};
use crate::log_book::CorrectiveAction;
use crate::ports::AlertStore;
use crate::rules::RuleScope;
use crate::step::Input;
use crate::suppression::{Suppression, SuppressionKind};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{AlertId, OrgId, SuppressionId, UserId};
use freshtrack_core::principal::Actor;
use freshtrack_core::time::{Span, Timestamp};
use std::sync::Arc;

/// Acknowledges, snoozes and resolves alerts.
#[derive(Clone)]
pub struct AlertActions {
    engine: Engine,
    alerts: Arc<dyn AlertStore>,
}

impl std::fmt::Debug for AlertActions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AlertActions").finish_non_exhaustive()
    }
}

/// Why an alert is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// No such alert in this organization.
    #[error("no such alert")]
    NotFound,
    /// It is closed, and stays so.
    #[error("alert is resolved")]
    AlreadyResolved,
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
    /// A text is too long.
    #[error("the note is too long")]
    NoteTooLong,
    /// The site wants to know what was done.
    #[error("a corrective action is required")]
    CorrectiveActionRequired,
    /// Quiet is asked for longer than allowed, or not into the future.
    #[error("a snooze of this alert lasts at most {max_seconds} s")]
    SnoozeOutOfRange {
        /// The longest allowed.
        max_seconds: i64,
    },
    /// The store did not answer; nothing was changed.
    #[error("the store did not answer")]
    Unavailable(#[source] StoreError),
}

/// Longest snooze of an alert that is not critical.
pub const SNOOZE_MAX: Span = Span::from_minutes(24 * 60);
/// Longest snooze of a critical alert.
pub const SNOOZE_CRITICAL_MAX: Span = Span::from_minutes(4 * 60);

impl From<Refusal> for ActionError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotOpen => Self::AlreadyResolved,
            Refusal::AlreadyAcknowledged { by, at } => Self::AlreadyAcknowledged { by, at },
            Refusal::NoteRequired => Self::NoteRequired,
            Refusal::NoteTooLong => Self::NoteTooLong,
            Refusal::CorrectiveActionRequired => Self::CorrectiveActionRequired,
            Refusal::SnoozeTooLong { max_seconds } => Self::SnoozeOutOfRange { max_seconds },
        }
    }
}

impl AlertActions {
    /// Actions over these ports.
    #[must_use]
    pub fn new(engine: Engine, alerts: Arc<dyn AlertStore>) -> Self {
        Self { engine, alerts }
    }

    /// Takes the alert for `by` and answers it as it is then. Taking it again changes nothing.
    ///
    /// # Errors
    /// Why not.
    pub async fn acknowledge(
        &self,
        org: OrgId,
        id: AlertId,
        by: UserId,
        note: Option<&str>,
    ) -> Result<Alert, ActionError> {
        let alert = self.find_open(org, id).await?;
        if let (AlertStatus::Acknowledged, Some(held)) = (alert.status, &alert.acknowledged)
            && held.by == by
        {
            return Ok(alert);
        }
        let key = alert.key;
        self.act(org, alert, &|| Input::Acknowledge { key, by, note }, &[])
            .await
    }

    /// Closes the alert as a person wishes and answers it as it is then.
    ///
    /// If its condition still holds in 15 minutes, a new alert is raised. A corrective action goes into
    /// the log book with it.
    ///
    /// # Errors
    /// Why not.
    pub async fn resolve(
        &self,
        org: OrgId,
        id: AlertId,
        wish: ResolveWish<'_>,
    ) -> Result<Alert, ActionError> {
        let alert = self.find_open(org, id).await?;
        let key = alert.key;
        let action = trimmed(wish.corrective_action).map(|description| {
            let (id, now) = (self.engine.ids.uuid().into(), self.engine.clock.now());
            Record::CorrectiveAction(CorrectiveAction {
                alert: Some(alert.id),
                ..plain_action(id, alert.unit, wish.by, description, now)
            })
        });
        self.act(
            org,
            alert,
            &|| Input::Resolve { key, wish },
            action.as_slice(),
        )
        .await
    }

    /// Keeps an open alert quiet until `until`: it stays open, and nothing of its type is raised or
    /// escalated at its unit meanwhile.
    ///
    /// # Errors
    /// Why not.
    pub async fn snooze(
        &self,
        org: OrgId,
        id: AlertId,
        by: UserId,
        until: Timestamp,
    ) -> Result<Alert, ActionError> {
        let alert = self.find_open(org, id).await?;
        let starts_at = self.engine.clock.now();
        let max = match alert.severity {
            Severity::Critical => SNOOZE_CRITICAL_MAX,
            Severity::Info | Severity::Warning => SNOOZE_MAX,
        };
        if until <= starts_at || until - starts_at > max {
            let max_seconds = max.as_seconds();
            return Err(ActionError::SnoozeOutOfRange { max_seconds });
        }
        let key = alert.key;
        let suppression = Suppression {
            id: SuppressionId::from_uuid(self.engine.ids.uuid()),
            scope: RuleScope::Unit,
            scope_id: alert.unit.as_uuid(),
            alert_types: vec![key.alert_type],
            kind: SuppressionKind::Snooze,
            note: None,
            starts_at,
            ends_at: until,
            ended_early_at: None,
            created_by: Actor::User(by),
            created_at: starts_at,
            version: 1,
        };
        let input = || {
            let window = suppression.window();
            Input::Snooze { key, by, window }
        };
        let record = Record::Suppression(suppression.clone());
        self.act(org, alert, &input, &[record]).await
    }

    async fn find_open(&self, org: OrgId, id: AlertId) -> Result<Alert, ActionError> {
        let found = self.alerts.find(org, id).await;
        let alert = found
            .map_err(ActionError::Unavailable)?
            .ok_or(ActionError::NotFound)?;
        if alert.status == AlertStatus::Resolved {
            return Err(ActionError::AlreadyResolved);
        }
        Ok(alert)
    }

    async fn act<'i>(
        &self,
        org: OrgId,
        alert: Alert,
        input: &(dyn Fn() -> Input<'i> + Send + Sync),
        records: &[Record],
    ) -> Result<Alert, ActionError> {
        // between the two looks the alert may have been closed and another one of its key raised
        let same = |open: &Alert| open.id == alert.id;
        let outcome = self
            .engine
            .evaluate_unit(
                org,
                alert.unit,
                |unit| {
                    if unit.monitor.alerts.iter().any(same) {
                        Ok(input())
                    } else {
                        Err(Refusal::NotOpen)
                    }
                },
                |change: &mut Change| {
                    for record in records {
                        if let Record::CorrectiveAction(action) = record {
                            journal::alert_action_recorded(change, action);
                        }
                    }
                    change.records.extend_from_slice(records);
                },
            )
            .await;
        match outcome {
            Ok(change) => {
                let changed = change.alerts.into_iter().find(same);
                Ok(changed.unwrap_or(alert))
            }
            Err(UnitError::Unknown) => Err(ActionError::NotFound),
            Err(UnitError::Refused(refusal)) => Err(refusal.into()),
            Err(UnitError::Store(error)) => Err(ActionError::Unavailable(error)),
        }
    }
}
