//! Audit and outbox events. The same struct is written and read back.

use crate::store::column::{At, from_json, parse, to_json};
use crate::store::error::corrupt;
use freshtrack_core::audit::{AuditDraft, AuditEvent};
use freshtrack_core::error::StoreError;
use freshtrack_core::event::OutboxEvent;
use freshtrack_core::ids::OrgId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::FromRow;
use uuid::Uuid;

/// A row of `audit_event` beside its organization.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct AuditRow {
    pub(crate) seq: i64,
    pub(crate) at: At,
    pub(crate) actor: String,
    pub(crate) category: String,
    pub(crate) kind: String,
    pub(crate) severity: String,
    pub(crate) title: String,
    pub(crate) refs: String,
    pub(crate) data: String,
    pub(crate) previous_hash: String,
    pub(crate) hash: String,
}

impl AuditRow {
    pub(crate) fn into_event(self, org: OrgId) -> Result<AuditEvent, StoreError> {
        const TABLE: &str = "audit_event";
        Ok(AuditEvent {
            org,
            seq: self.seq,
            draft: AuditDraft {
                at: self.at.0,
                actor: as_written(TABLE, "actor", &self.actor)?,
                category: parse(TABLE, "category", &self.category)?,
                kind: self.kind,
                severity: parse(TABLE, "severity", &self.severity)?,
                title: self.title,
                refs: as_written(TABLE, "refs", &self.refs)?,
                data: as_written(TABLE, "data", &self.data)?,
            },
            previous_hash: self.previous_hash,
            hash: self.hash,
        })
    }
}

/// A row of `outbox_event` beside its organization.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct OutboxRow {
    pub(crate) seq: i64,
    pub(crate) kind: String,
    pub(crate) occurred_at: At,
    pub(crate) site_id: Option<Uuid>,
    pub(crate) unit_id: Option<Uuid>,
    pub(crate) alert_id: Option<Uuid>,
    pub(crate) user_id: Option<Uuid>,
    pub(crate) payload: String,
}

impl OutboxRow {
    pub(crate) fn into_event(self, org: OrgId) -> Result<OutboxEvent, StoreError> {
        Ok(OutboxEvent {
            org,
            seq: self.seq,
            kind: parse("outbox_event", "kind", &self.kind)?,
            occurred_at: self.occurred_at.0,
            site: self.site_id.map(Into::into),
            unit: self.unit_id.map(Into::into),
            alert: self.alert_id.map(Into::into),
            user: self.user_id.map(Into::into),
            payload: from_json("outbox_event", "payload", &self.payload)?,
        })
    }
}

/// Reads a JSON column that must be byte for byte what this program writes: what hashes alike without
/// being alike is not as it was written either.
fn as_written<T: Serialize + DeserializeOwned>(
    table: &'static str,
    column: &str,
    text: &str,
) -> Result<T, StoreError> {
    let value: T = from_json(table, column, text)?;
    if to_json(&value)? == text {
        Ok(value)
    } else {
        Err(corrupt(table, column))
    }
}
