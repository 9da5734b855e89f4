//! The audit chain: is it whole?

use super::Tags;
use crate::app::App;
use crate::audit_chain;
use crate::http::auth::Caller;
use crate::http::permissions::Operation;
use crate::http::problem::Problem;
use freshtrack_core::ids::OrgId;
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// What a check of the whole chain found.
#[derive(Debug, Object)]
pub struct AuditVerification {
    /// Whether every event is where it was written and as it was written.
    ok: bool,
    /// Events looked at.
    checked: i64,
    /// Number of the newest event.
    head_seq: i64,
    /// Hash of the newest event.
    head_hash: String,
    /// Number of the first event that is missing, moved or changed.
    #[oai(skip_serializing_if_is_none)]
    first_bad_seq: Option<i64>,
}

/// Who changed what.
#[derive(Debug)]
pub struct AuditApi;

#[OpenApi(tag = "Tags::Audit")]
impl AuditApi {
    /// Recomputes the organization's audit chain
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
    ) -> Result<Json<AuditVerification>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller.authorize(&app, org, Operation::VerifyAudit).await?;
        let found = audit_chain::verify(app.store.audit_log.as_ref(), org).await?;
        Ok(Json(AuditVerification {
            ok: found.first_bad_seq.is_none(),
            checked: found.checked,
            head_seq: found.head_seq,
            head_hash: found.head_hash,
            first_bad_seq: found.first_bad_seq,
        }))
    }
}
