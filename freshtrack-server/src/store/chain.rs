//! The sequences of an organization: outbox numbers and the audit hash chain.
//!
//! Both databases keep them in `organization_head`, hold that row while they write for the
//! organization, and take the next numbers from here.

use super::column::{At, to_json};
use super::rows::{AuditRow, OutboxRow};
use freshtrack_core::audit::{AuditDraft, CHAIN_START, Journal, chain_hash};
use freshtrack_core::error::StoreError;
use freshtrack_core::event::OutboxDraft;
use freshtrack_core::ids::OrgId;
use sqlx::FromRow;

/// A row of `organization_head`.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct Head {
    pub(crate) org_key: i64,
    pub(crate) outbox_seq: i64,
    pub(crate) audit_seq: i64,
    pub(crate) audit_hash: String,
}

/// What a journal became: rows to insert.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    pub(crate) audit: Vec<(i64, AuditRow)>,
    pub(crate) outbox: Vec<(i64, OutboxRow)>,
}

impl Head {
    /// The head of an organization without history.
    pub(crate) fn new(org_key: i64) -> Self {
        Self {
            org_key,
            outbox_seq: 0,
            audit_seq: 0,
            audit_hash: CHAIN_START.to_owned(),
        }
    }

    /// Gives the journal its numbers and hashes, adds its rows to `entries` and moves the head on.
    pub(crate) fn append(
        &mut self,
        org: OrgId,
        journal: &Journal,
        entries: &mut Entries,
    ) -> Result<(), StoreError> {
        for draft in &journal.audit {
            let row = self.next_audit(org, draft)?;
            entries.audit.push((self.org_key, row));
        }
        for draft in &journal.outbox {
            let row = self.next_outbox(draft)?;
            entries.outbox.push((self.org_key, row));
        }
        Ok(())
    }

    fn next_audit(&mut self, org: OrgId, draft: &AuditDraft) -> Result<AuditRow, StoreError> {
        self.audit_seq += 1;
        let hash = chain_hash(&self.audit_hash, &draft.canonical(org, self.audit_seq));
        let previous_hash = std::mem::replace(&mut self.audit_hash, hash.clone());
        Ok(AuditRow {
            seq: self.audit_seq,
            at: At(draft.at),
            actor: to_json(&draft.actor)?,
            category: draft.category.as_str().to_owned(),
            kind: draft.kind.clone(),
            severity: draft.severity.as_str().to_owned(),
            title: draft.title.clone(),
            refs: to_json(&draft.refs)?,
            data: to_json(&draft.data)?,
            previous_hash,
            hash,
        })
    }

    fn next_outbox(&mut self, draft: &OutboxDraft) -> Result<OutboxRow, StoreError> {
        self.outbox_seq += 1;
        Ok(OutboxRow {
            seq: self.outbox_seq,
            kind: draft.kind.as_str().to_owned(),
            occurred_at: At(draft.occurred_at),
            site_id: draft.site.map(|id| id.as_uuid()),
            unit_id: draft.unit.map(|id| id.as_uuid()),
            alert_id: draft.alert.map(|id| id.as_uuid()),
            user_id: draft.user.map(|id| id.as_uuid()),
            payload: to_json(&draft.payload)?,
        })
    }
}
