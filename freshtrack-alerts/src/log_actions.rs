//! Writing into the log book: each entry in one change with all it brings about.

use crate::alert::{Alert, AlertStatus};
use crate::cascade;
use crate::change::{Change, Record, UnitContext};
use crate::engine::{ATTEMPTS, Engine, UnitError, unanswered};
use crate::journal;
use crate::lifecycle::{Refusal, note_action};
use crate::log_book::{
    ACTION_CHARS_MAX, CLIENT_REF_CHARS_MAX, CorrectiveAction, LOG_AGE_MAX, LOG_AHEAD_MAX,
    LOG_TEMPERATURES, ManualLog, NOTES_CHARS_MAX, PHOTOS_MAX, is_safe_url,
};
use crate::ports::{AlertStore, LogBook};
use crate::step::Input;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{AlertId, CorrectiveActionId, ManualLogId, OrgId, UnitId, UserId};
use freshtrack_core::reading::Zone;
use freshtrack_core::temperature::{Temperature, TemperatureUnit};
use freshtrack_core::time::Timestamp;
use std::sync::Arc;

/// Records manual logs and corrective actions.
#[derive(Clone)]
pub struct LogActions {
    engine: Engine,
    book: Arc<dyn LogBook>,
    alerts: Arc<dyn AlertStore>,
}

impl std::fmt::Debug for LogActions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogActions").finish_non_exhaustive()
    }
}

/// Why nothing was recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// No such unit, alert, log or action in this organization.
    #[error("no such {what}")]
    NotFound {
        /// What is not there.
        what: &'static str,
    },
    /// A field is not acceptable.
    #[error("{field} {detail}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What would be right.
        detail: &'static str,
    },
    /// The value is out of range, and nobody said what was done about it.
    #[error("a corrective action is required")]
    CorrectiveActionRequired,
    /// The store did not answer; nothing was changed.
    #[error("the store did not answer")]
    Unavailable(#[from] StoreError),
}

/// A value to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLog {
    /// Who measured.
    pub by: UserId,
    /// The value.
    pub temperature: Temperature,
    /// The scale it was typed in.
    pub reported_unit: TemperatureUnit,
    /// Relative humidity in hundredths of a percent.
    pub humidity_centi: Option<i32>,
    /// What they noted.
    pub notes: Option<String>,
    /// Where a photo lies.
    pub photo_url: Option<String>,
    /// When they measured; now if they do not say.
    pub recorded_at: Option<Timestamp>,
    /// The client's own name for it.
    pub client_ref: Option<String>,
    /// What was done about it; required if the value is out of range.
    pub corrective_action: Option<String>,
}

/// What an action is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// An alert, open or closed.
    Alert(AlertId),
    /// A manual log.
    ManualLog(ManualLogId),
    /// A unit and nothing in particular.
    Unit(UnitId),
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAction {
    /// Who writes it down.
    pub by: UserId,
    /// About what.
    pub subject: Subject,
    /// What was wrong and what was done.
    pub description: String,
    /// The steps taken.
    pub action_taken: Option<String>,
    /// Why it came about.
    pub root_cause: Option<String>,
    /// What keeps it from coming back.
    pub preventive_measure: Option<String>,
    /// Where photos lie.
    pub photo_urls: Vec<String>,
    /// When it was done.
    pub completed_at: Option<Timestamp>,
    /// The action that it corrects.
    pub corrects: Option<CorrectiveActionId>,
}

/// A log, and whether this call made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Logged {
    /// It is new.
    Now(ManualLog),
    /// A call before this one made it, under the same `client_ref`.
    Before(ManualLog),
}

impl LogActions {
    /// Actions over these ports.
    #[must_use]
    pub fn new(engine: Engine, book: Arc<dyn LogBook>, alerts: Arc<dyn AlertStore>) -> Self {
        Self {
            engine,
            book,
            alerts,
        }
    }

    /// Logs a value: it clears the unit's manual duty in the same change, and never moves its
    /// temperature. A repeat of a `client_ref` changes nothing.
    ///
    /// # Errors
    /// Why not.
    pub async fn log(&self, org: OrgId, unit: UnitId, new: NewLog) -> Result<Logged, LogError> {
        let (context, in_range) = self.judge(org, unit, new.temperature).await?;
        if let Some(known) = self.known(org, new.client_ref.as_deref()).await? {
            return Ok(Logged::Before(known));
        }
        let now = self.engine.clock.now();
        let action = trimmed(new.corrective_action.as_deref());
        let log = ManualLog {
            id: self.engine.ids.uuid().into(),
            unit,
            by: new.by,
            temperature: new.temperature,
            reported_unit: new.reported_unit,
            humidity_centi: new.humidity_centi,
            notes: trimmed(new.notes.as_deref()),
            photo_url: new.photo_url,
            recorded_at: new.recorded_at.unwrap_or(now),
            received_at: now,
            client_ref: new.client_ref,
            in_range,
            corrective_action: action.is_some().then(|| self.engine.ids.uuid().into()),
        };
        check_log(&log, now)?;
        check_text("corrective_action", action.as_deref(), ACTION_CHARS_MAX)?;
        if !in_range && action.is_none() {
            return Err(LogError::CorrectiveActionRequired);
        }
        let action = log.corrective_action.zip(action);
        let action = action.map(|(id, description)| CorrectiveAction {
            manual_log: Some(log.id),
            ..plain_action(id, unit, new.by, description, now)
        });
        let extra = |change: &mut Change| {
            journal::manual_logged(change, &log, &context.unit, &context.site_name);
            change.records.push(Record::ManualLog(log.clone()));
            if let Some(action) = &action {
                journal::action_recorded(change, action, &context.unit, &context.site_name);
                change
                    .records
                    .push(Record::CorrectiveAction(action.clone()));
            }
        };
        let recorded_at = log.recorded_at;
        let input = |_: &UnitContext| Ok(Input::ManualLog { recorded_at });
        match self.engine.evaluate_unit(org, unit, input, extra).await {
            Ok(_) => Ok(Logged::Now(log)),
            Err(UnitError::Store(StoreError::Conflict)) => {
                // perhaps the same log came twice at once
                let known = self.known(org, log.client_ref.as_deref()).await?;
                known
                    .map(Logged::Before)
                    .ok_or_else(|| StoreError::Conflict.into())
            }
            Err(error) => Err(of_unit(error)),
        }
    }

    /// Writes down what was done. An alert that waited for it waits no longer.
    ///
    /// # Errors
    /// Why not.
    pub async fn act(&self, org: OrgId, new: NewAction) -> Result<CorrectiveAction, LogError> {
        check_action(&new)?;
        if let Some(corrects) = new.corrects {
            let known = self.book.find_action(org, corrects).await?;
            known.ok_or(LogError::NotFound { what: "corrects" })?;
        }
        match new.subject {
            Subject::Alert(alert) => self.act_on_alert(org, alert, &new).await,
            Subject::ManualLog(log) => {
                let log = self.book.find_log(org, log).await?;
                let log = log.ok_or(LogError::NotFound {
                    what: "manual_log_id",
                })?;
                let mut action = self.written(&new, log.unit);
                action.manual_log = Some(log.id);
                self.act_on_unit(org, action, "manual_log_id").await
            }
            Subject::Unit(unit) => {
                let action = self.written(&new, unit);
                self.act_on_unit(org, action, "unit_id").await
            }
        }
    }

    async fn act_on_alert(
        &self,
        org: OrgId,
        id: AlertId,
        new: &NewAction,
    ) -> Result<CorrectiveAction, LogError> {
        for _ in 0..ATTEMPTS {
            let alert = self.alerts.find(org, id).await?;
            let alert = alert.ok_or(LogError::NotFound { what: "alert_id" })?;
            let mut action = self.written(new, alert.unit);
            action.alert = Some(id);
            let done = match alert.status {
                AlertStatus::Resolved => self.act_on_closed(org, alert, &action).await,
                AlertStatus::Active | AlertStatus::Acknowledged => {
                    self.act_on_open(org, &alert, &action).await
                }
            };
            match done {
                Ok(()) => return Ok(action),
                // it was closed or changed meanwhile
                Err(UnitError::Refused(_) | UnitError::Store(StoreError::Conflict)) => {}
                Err(error) => return Err(of_unit(error)),
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn act_on_open(
        &self,
        org: OrgId,
        alert: &Alert,
        action: &CorrectiveAction,
    ) -> Result<(), UnitError> {
        let key = alert.key;
        let input = |unit: &UnitContext| {
            if unit.monitor.alerts.iter().any(|open| open.id == alert.id) {
                Ok(Input::ActionRecorded { key })
            } else {
                Err(Refusal::NotOpen)
            }
        };
        let extra = |change: &mut Change| {
            journal::alert_action_recorded(change, action);
            change
                .records
                .push(Record::CorrectiveAction(action.clone()));
        };
        let done = self.engine.evaluate_unit(org, alert.unit, input, extra);
        done.await.map(|_| ())
    }

    async fn act_on_closed(
        &self,
        org: OrgId,
        mut alert: Alert,
        action: &CorrectiveAction,
    ) -> Result<(), UnitError> {
        note_action(&mut alert);
        alert.version += 1;
        let mut change = Change::empty(org, self.engine.clock.now());
        change.alerts.push(alert);
        journal::alert_action_recorded(&mut change, action);
        change
            .records
            .push(Record::CorrectiveAction(action.clone()));
        Ok(self.commit(&change).await?)
    }

    async fn act_on_unit(
        &self,
        org: OrgId,
        action: CorrectiveAction,
        what: &'static str,
    ) -> Result<CorrectiveAction, LogError> {
        let loaded = self.engine.store.load(org, &[action.unit]).await?;
        let context = loaded.and_then(|loaded| loaded.units.into_iter().next());
        let context = context.ok_or(LogError::NotFound { what })?;
        let mut change = Change::empty(org, self.engine.clock.now());
        journal::action_recorded(&mut change, &action, &context.unit, &context.site_name);
        change
            .records
            .push(Record::CorrectiveAction(action.clone()));
        self.commit(&change).await?;
        Ok(action)
    }

    async fn commit(&self, change: &Change) -> Result<(), StoreError> {
        let committed = self
            .engine
            .store
            .commit(std::slice::from_ref(change))
            .await?;
        committed
            .into_iter()
            .next()
            .unwrap_or_else(|| Err(unanswered()))
    }

    /// The unit as it is, and whether a value is inside its limits.
    async fn judge(
        &self,
        org: OrgId,
        unit: UnitId,
        value: Temperature,
    ) -> Result<(UnitContext, bool), LogError> {
        let missing = || LogError::NotFound { what: "unit" };
        let loaded = self.engine.store.load(org, &[unit]).await?;
        let mut loaded = loaded.ok_or_else(missing)?;
        let context = loaded.units.pop().ok_or_else(missing)?;
        let (rules, _) = cascade::resolve(&loaded.rule_sets, org, &context.unit, &context.devices);
        Ok((context, rules.zone(value) != Zone::Out))
    }

    async fn known(
        &self,
        org: OrgId,
        client_ref: Option<&str>,
    ) -> Result<Option<ManualLog>, StoreError> {
        match client_ref {
            Some(client_ref) => self.book.find_log_by_ref(org, client_ref).await,
            None => Ok(None),
        }
    }

    fn written(&self, new: &NewAction, unit: UnitId) -> CorrectiveAction {
        let now = self.engine.clock.now();
        let description = new.description.trim().to_owned();
        CorrectiveAction {
            action_taken: trimmed(new.action_taken.as_deref()),
            root_cause: trimmed(new.root_cause.as_deref()),
            preventive_measure: trimmed(new.preventive_measure.as_deref()),
            photo_urls: new.photo_urls.clone(),
            completed_at: new.completed_at,
            corrects: new.corrects,
            ..plain_action(
                self.engine.ids.uuid().into(),
                unit,
                new.by,
                description,
                now,
            )
        }
    }
}

/// An action of nothing but a description.
pub(crate) const fn plain_action(
    id: CorrectiveActionId,
    unit: UnitId,
    by: UserId,
    description: String,
    now: Timestamp,
) -> CorrectiveAction {
    CorrectiveAction {
        id,
        unit,
        alert: None,
        manual_log: None,
        by,
        description,
        action_taken: None,
        root_cause: None,
        preventive_measure: None,
        photo_urls: Vec::new(),
        completed_at: None,
        corrects: None,
        recorded_at: now,
    }
}

/// Text without the space around it; nothing if nothing is left.
pub(crate) fn trimmed(text: Option<&str>) -> Option<String> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    text.map(ToOwned::to_owned)
}

fn check_log(log: &ManualLog, now: Timestamp) -> Result<(), LogError> {
    let invalid = |field, detail| Err(LogError::Invalid { field, detail });
    if !LOG_TEMPERATURES.contains(&log.temperature) {
        return invalid("temperature", "must be from -100 to 200 °F");
    }
    if log
        .humidity_centi
        .is_some_and(|humidity| !(0..=10_000).contains(&humidity))
    {
        return invalid("humidity_percent", "must be from 0 to 100");
    }
    if log.recorded_at > now + LOG_AHEAD_MAX {
        return invalid("recorded_at", "lies more than 5 minutes ahead");
    }
    if log.recorded_at < now - LOG_AGE_MAX {
        return invalid("recorded_at", "lies more than 7 days back");
    }
    let reference = log.client_ref.as_deref();
    if reference.is_some_and(|text| text.trim().is_empty() || text.contains('\0')) {
        return invalid("client_ref", "must not be empty");
    }
    check_text("client_ref", reference, CLIENT_REF_CHARS_MAX)?;
    check_text("notes", log.notes.as_deref(), NOTES_CHARS_MAX)?;
    check_url("photo_url", log.photo_url.as_deref())
}

fn check_action(new: &NewAction) -> Result<(), LogError> {
    if new.description.trim().is_empty() {
        let detail = "must not be empty";
        return Err(LogError::Invalid {
            field: "description",
            detail,
        });
    }
    check_text("description", Some(&new.description), ACTION_CHARS_MAX)?;
    check_text(
        "action_taken",
        new.action_taken.as_deref(),
        ACTION_CHARS_MAX,
    )?;
    check_text("root_cause", new.root_cause.as_deref(), ACTION_CHARS_MAX)?;
    check_text(
        "preventive_measure",
        new.preventive_measure.as_deref(),
        ACTION_CHARS_MAX,
    )?;
    if new.photo_urls.len() > PHOTOS_MAX {
        let detail = "must hold at most 10";
        return Err(LogError::Invalid {
            field: "photo_urls",
            detail,
        });
    }
    new.photo_urls
        .iter()
        .try_for_each(|url| check_url("photo_urls", Some(url)))
}

fn check_text(field: &'static str, text: Option<&str>, max: usize) -> Result<(), LogError> {
    if text.is_some_and(|text| text.trim().chars().count() > max) {
        return Err(LogError::Invalid {
            field,
            detail: "is too long",
        });
    }
    Ok(())
}

/// An address is kept as it is and shown as a link, so it must be one that is safe to click.
fn check_url(field: &'static str, url: Option<&str>) -> Result<(), LogError> {
    let Some(url) = url else { return Ok(()) };
    if is_safe_url(url) {
        Ok(())
    } else {
        Err(LogError::Invalid {
            field,
            detail: "must be an https address",
        })
    }
}

fn of_unit(error: UnitError) -> LogError {
    match error {
        UnitError::Unknown => LogError::NotFound { what: "unit" },
        // only wishes about alerts are refused, and those are tried again
        UnitError::Refused(refusal) => StoreError::unavailable(refusal).into(),
        UnitError::Store(error) => error.into(),
    }
}
