//! The audit log: who changed what, proofs of it, and whether it is whole.

use super::Tags;
use super::audit_wire::{
    AuditEventList, AuditEventView, AuditHeadList, AuditHeadView, AuditVerification,
    ConsistencyView, InclusionView, of_bundle, of_tree,
};
use super::journal;
use crate::app::App;
use crate::http::auth::{Access, Caller};
use crate::http::page;
use crate::http::permissions::Operation;
use crate::http::problem::Problem;
use crate::http::wire::{Time, Wire};
use crate::{audit_bundle, audit_chain};
use freshtrack_alerts::change::Change;
use freshtrack_core::audit::{AuditCategory, AuditEvent, AuditSeverity};
use freshtrack_core::ids::{AlertId, DeviceId, OrgId, UnitId, UserId};
use freshtrack_core::ports::{AuditQuery, AuditRange};
use freshtrack_core::principal::{Actor, Role};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::{Attachment, AttachmentType, Json};
use std::sync::Arc;
use uuid::Uuid;

/// Most heads of one answer.
const HEADS_MAX: u16 = 200;

/// Who changed what.
#[derive(Debug)]
pub struct AuditApi;

#[OpenApi(tag = "Tags::Audit")]
impl AuditApi {
    /// Audit events, newest first; members below admin see their own
    #[oai(
        path = "/organizations/:org_id/audit",
        method = "get",
        operation_id = "list_audit_events"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "one argument per documented parameter"
    )]
    async fn list_audit_events(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        /// Only by this person.
        user_id: Query<Option<Uuid>>,
        /// Only about this.
        category: Query<Option<Wire<AuditCategory>>>,
        /// Only as loud as this.
        severity: Query<Option<Wire<AuditSeverity>>>,
        /// Only of this type, like `alert.acknowledged`.
        #[oai(validator(max_length = 64))]
        r#type: Query<Option<String>>,
        /// Only about this unit.
        unit_id: Query<Option<Uuid>>,
        /// Only about this device.
        device_id: Query<Option<Uuid>>,
        /// Only about this alert.
        alert_id: Query<Option<Uuid>>,
        /// At or after.
        from: Query<Option<Time>>,
        /// Before.
        to: Query<Option<Time>>,
        /// Rows wanted, 1–200; 50 if left out.
        limit: Query<Option<u16>>,
        /// `next` of the page before.
        after: Query<Option<String>>,
    ) -> Result<Json<AuditEventList>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller
            .authorize(&app, org, Operation::ListAuditEvents)
            .await?;
        let request = page::request("audit", limit.0, after.0.as_deref())?;
        let asked = user_id.0.map(|id| Actor::User(UserId::from_uuid(id)));
        let Some(actor) = visible_actor(&access, asked) else {
            return Ok(Json(AuditEventList::empty()));
        };
        let query = AuditQuery {
            actor,
            category: category.0.map(|wire| wire.0),
            severity: severity.0.map(|wire| wire.0),
            kind: r#type.0,
            unit: unit_id.0.map(UnitId::from_uuid),
            device: device_id.0.map(DeviceId::from_uuid),
            alert: alert_id.0.map(AlertId::from_uuid),
            from: from.0.map(|time| time.0),
            to: to.0.map(|time| time.0),
        };
        let found = app.store.audit_log.search(org, &query, request).await?;
        Ok(Json(AuditEventList::page(found)))
    }

    /// One audit event; members below admin see their own
    #[oai(
        path = "/organizations/:org_id/audit/:seq",
        method = "get",
        operation_id = "get_audit_event"
    )]
    async fn get_audit_event(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        seq: Path<i64>,
    ) -> Result<Json<AuditEventView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller
            .authorize(&app, org, Operation::GetAuditEvent)
            .await?;
        let event = super::found(event(&app, org, seq.0).await?)?;
        if visible_actor(&access, Some(event.draft.actor)).is_none() {
            return Err(Problem::not_found());
        }
        Ok(Json(event.into()))
    }

    /// Proves that an event is in the log (RFC 6962)
    #[oai(
        path = "/organizations/:org_id/audit/:seq/proof",
        method = "get",
        operation_id = "prove_audit_event"
    )]
    async fn prove_audit_event(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        seq: Path<i64>,
        /// Size of the tree to prove it in, such as that of a signed head; all events if left out.
        size: Query<Option<i64>>,
    ) -> Result<Json<InclusionView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller
            .authorize(&app, org, Operation::ProveAuditEvent)
            .await?;
        let event = super::found(event(&app, org, seq.0).await?)?;
        let proof = app.audit_trees.inclusion(org, seq.0, size.0).await;
        Ok(Json(InclusionView::of(&event, &proof.map_err(of_tree)?)))
    }

    /// Proves that the log extends an earlier state of itself (RFC 6962)
    #[oai(
        path = "/organizations/:org_id/audit/consistency",
        method = "get",
        operation_id = "prove_audit_consistency"
    )]
    async fn prove_audit_consistency(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        /// Size of the earlier state; 0 if left out.
        first: Query<Option<i64>>,
        /// Size of the later state; all events if left out.
        second: Query<Option<i64>>,
    ) -> Result<Json<ConsistencyView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller
            .authorize(&app, org, Operation::ProveAuditConsistency)
            .await?;
        let first = first.0.unwrap_or(0);
        let proof = app.audit_trees.consistency(org, first, second.0).await;
        Ok(Json(proof.map_err(of_tree)?.into()))
    }

    /// Signed heads of the log, oldest first, and the keys that signed them
    #[oai(
        path = "/organizations/:org_id/audit/heads",
        method = "get",
        operation_id = "list_audit_heads"
    )]
    async fn list_audit_heads(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        /// Only heads of more than so many events.
        #[oai(validator(minimum(value = "0")))]
        after_size: Query<Option<i64>>,
    ) -> Result<Json<AuditHeadList>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller
            .authorize(&app, org, Operation::ListAuditHeads)
            .await?;
        let after = u64::try_from(after_size.0.unwrap_or(0)).unwrap_or(0);
        let heads = app.store.audit_heads.heads(org, after, HEADS_MAX).await?;
        let keys = app.store.audit_heads.head_keys().await?;
        Ok(Json(AuditHeadList {
            items: heads.into_iter().map(AuditHeadView::from).collect(),
            keys: keys.into_iter().map(Into::into).collect(),
        }))
    }

    /// A bundle of events, signed heads and keys that `freshtrack verify-audit` checks offline
    ///
    /// Signs a head for the events so far. The export is itself an audit event, with the SHA-256 of the
    /// bundle.
    #[oai(
        path = "/organizations/:org_id/audit/export",
        method = "post",
        operation_id = "export_audit"
    )]
    async fn export_audit(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        /// Begin after this signed head; with the first event if left out.
        #[oai(validator(minimum(value = "0")))]
        after_size: Query<Option<i64>>,
        /// End with this signed head; with the newest event if left out.
        #[oai(validator(minimum(value = "0")))]
        size: Query<Option<i64>>,
    ) -> Result<Attachment<Vec<u8>>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::ExportAudit).await?;
        let after = u64::try_from(after_size.0.unwrap_or(0)).unwrap_or(0);
        let to = size.0.map(|size| u64::try_from(size).unwrap_or(0));
        let bundle = audit_bundle::make(&app.audit_trees, org, after, to)
            .await
            .map_err(of_bundle)?;
        let now = app.clock.now();
        let mut change = Change::empty(org, now);
        change.journal = journal::audit_exported(&access, now, &bundle);
        for answer in app.store.monitors.commit(&[change]).await? {
            answer?;
        }
        let name = format!(
            "audit-{}-{}.zip",
            bundle.manifest.after, bundle.manifest.size
        );
        Ok(Attachment::new(bundle.archive)
            .attachment_type(AttachmentType::Attachment)
            .filename(name))
    }

    /// Recomputes the organization's audit log
    #[oai(
        path = "/organizations/:org_id/audit/verification",
        method = "get",
        operation_id = "verify_audit"
    )]
    async fn verify_audit(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        /// First event to check; the first of all, together with every signed head, if both are left out.
        #[oai(validator(minimum(value = "1")))]
        from: Query<Option<i64>>,
        /// Last event to check; the newest if left out.
        #[oai(validator(minimum(value = "1")))]
        to: Query<Option<i64>>,
    ) -> Result<Json<AuditVerification>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller.authorize(&app, org, Operation::VerifyAudit).await?;
        let log = app.store.audit_log.as_ref();
        let found = match (from.0, to.0) {
            (None, None) => audit_chain::verify(log, app.store.audit_heads.as_ref(), org).await?,
            (from, to) => {
                let (from, to) = (from.unwrap_or(1), to.unwrap_or(i64::MAX));
                audit_chain::verify_stretch(log, org, from, to).await?
            }
        };
        Ok(Json(found.into()))
    }
}

/// Whose events the caller may see of those asked for: all, one actor's, or none at all.
#[expect(
    clippy::option_option,
    reason = "nobody's events and everybody's events are two answers"
)]
fn visible_actor(access: &Access, asked: Option<Actor>) -> Option<Option<Actor>> {
    if access.role >= Role::Admin {
        return Some(asked);
    }
    match asked {
        Some(other) if other != access.actor => None,
        Some(_) | None => Some(Some(access.actor)),
    }
}

async fn event(app: &App, org: OrgId, seq: i64) -> Result<Option<AuditEvent>, Problem> {
    if seq < 1 {
        return Ok(None);
    }
    let range = AuditRange {
        from: seq,
        limit: 1,
    };
    let events = app.store.audit_log.list(org, range).await?;
    Ok(events.into_iter().find(|event| event.seq == seq))
}
