//! Alerts and their history.

use crate::store::column::{At, from_json, parse};
use freshtrack_alerts::alert::{Alert, AlertEvent};
use freshtrack_alerts::incident::StoredOutages;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::AlertId;
use sqlx::FromRow;

/// The body of a row of `alert`: the columns beside it only serve look-ups.
#[derive(FromRow)]
pub(crate) struct AlertRow {
    body: String,
}

impl AlertRow {
    pub(crate) fn into_alert(self) -> Result<Alert, StoreError> {
        from_json("alert", "body", &self.body)
    }
}

/// The row of `outages` beside an organization's, if there is one.
#[derive(FromRow)]
pub(crate) struct OutagesRow {
    outages: Option<String>,
    outages_version: Option<i64>,
}

impl OutagesRow {
    pub(crate) fn into_outages(self) -> Result<StoredOutages, StoreError> {
        let Some(body) = self.outages else {
            return Ok(StoredOutages::default());
        };
        Ok(StoredOutages {
            outages: from_json("outages", "body", &body)?,
            version: self.outages_version.unwrap_or_default(),
        })
    }
}

/// A row of `alert_event`.
#[derive(FromRow)]
pub(crate) struct AlertEventRow {
    at: At,
    kind: String,
    actor: String,
    details: String,
}

impl AlertEventRow {
    pub(crate) fn into_event(self, alert: AlertId) -> Result<AlertEvent, StoreError> {
        Ok(AlertEvent {
            alert,
            at: self.at.0,
            kind: parse("alert_event", "kind", &self.kind)?,
            actor: from_json("alert_event", "actor", &self.actor)?,
            details: from_json("alert_event", "details", &self.details)?,
        })
    }
}
