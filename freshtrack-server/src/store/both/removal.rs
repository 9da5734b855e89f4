//! What the removal of readings leaves in the audit chains, on either database.

use super::{WriteTx, journal};
use crate::store::retention::Month;
use freshtrack_core::audit::{AuditCategory, AuditDraft, AuditRefs, AuditSeverity, Journal};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::principal::Actor;
use freshtrack_core::time::Timestamp;
use serde_json::json;

/// Writes an audit event for each organization that loses readings; `lost` is in order of key, as
/// everybody takes the heads.
pub(super) async fn record(
    tx: &mut WriteTx,
    month: Month,
    now: Timestamp,
    lost: &[(OrgId, i64)],
) -> Result<u64, StoreError> {
    let mut total = 0;
    for (org, readings) in lost {
        let head = journal::hold_head(tx, *org).await?;
        let journal = Journal {
            audit: vec![draft(month, now, *readings)],
            outbox: Vec::new(),
        };
        journal::append(tx, *org, head, &journal).await?;
        total += u64::try_from(*readings).unwrap_or(0);
    }
    Ok(total)
}

fn draft(month: Month, now: Timestamp, readings: i64) -> AuditDraft {
    AuditDraft {
        at: now,
        actor: Actor::System,
        category: AuditCategory::Data,
        kind: "readings.removed".to_owned(),
        severity: AuditSeverity::Info,
        title: "readings removed after their time".to_owned(),
        refs: AuditRefs::default(),
        data: json!({ "month": month.to_string(), "readings": readings }),
    }
}
