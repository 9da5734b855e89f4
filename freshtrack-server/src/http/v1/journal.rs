//! What changes made through the API leave in the audit chain and the outbox.

use crate::http::auth::Access;
use freshtrack_core::audit::{AuditCategory, AuditDraft, AuditRefs, AuditSeverity, Journal};
use freshtrack_core::device::Device;
use freshtrack_core::event::{EventKind, OutboxDraft};
use freshtrack_core::ids::{SiteId, UnitId};
use freshtrack_core::time::Timestamp;
use serde_json::json;

/// A site, area or unit was made or changed.
pub(crate) fn place(
    access: &Access,
    now: Timestamp,
    kind: &str,
    name: &str,
    site: Option<SiteId>,
    unit: Option<UnitId>,
) -> Journal {
    let refs = AuditRefs {
        site,
        unit,
        ..AuditRefs::default()
    };
    let draft = audit(
        access,
        now,
        AuditCategory::Settings,
        kind,
        refs,
        json!({ "name": name }),
    );
    Journal {
        audit: vec![draft],
        outbox: vec![OutboxDraft {
            kind: EventKind::PlaceChanged,
            occurred_at: now,
            site,
            unit,
            alert: None,
            user: None,
            payload: changed(kind, site, unit),
        }],
    }
}

/// What live clients are told: which entity, which id, and what happened to it.
fn changed(kind: &str, site: Option<SiteId>, unit: Option<UnitId>) -> serde_json::Value {
    let (entity, change) = kind.split_once('.').unwrap_or((kind, "changed"));
    let id = unit
        .map(|unit| unit.as_uuid())
        .or_else(|| site.map(|site| site.as_uuid()));
    json!({ "entity": entity, "id": id, "change": change })
}

/// A device was made, changed or assigned.
pub(crate) fn device(access: &Access, now: Timestamp, kind: &str, device: &Device) -> Journal {
    let refs = AuditRefs {
        unit: device.unit_id,
        device: Some(device.id),
        ..AuditRefs::default()
    };
    let data =
        json!({ "name": device.name, "dev_eui": device.dev_eui, "is_primary": device.is_primary });
    Journal {
        audit: vec![audit(access, now, AuditCategory::Device, kind, refs, data)],
        outbox: vec![OutboxDraft {
            kind: EventKind::DeviceChanged,
            occurred_at: now,
            site: None,
            unit: device.unit_id,
            alert: None,
            user: None,
            payload: json!({ "entity": "device", "id": device.id, "change": kind }),
        }],
    }
}

/// A credential was made or revoked; the outbox tells live connections to close.
pub(crate) fn access(
    caller: &Access,
    now: Timestamp,
    kind: &str,
    data: serde_json::Value,
    outbox: Option<EventKind>,
) -> Journal {
    let payload = data.clone();
    Journal {
        audit: vec![audit(
            caller,
            now,
            AuditCategory::Access,
            kind,
            AuditRefs::default(),
            data,
        )],
        outbox: outbox
            .map(|kind| OutboxDraft {
                kind,
                occurred_at: now,
                site: None,
                unit: None,
                alert: None,
                user: None,
                payload,
            })
            .into_iter()
            .collect(),
    }
}

fn audit(
    access: &Access,
    at: Timestamp,
    category: AuditCategory,
    kind: &str,
    refs: AuditRefs,
    data: serde_json::Value,
) -> AuditDraft {
    AuditDraft {
        at,
        actor: access.actor,
        category,
        kind: kind.to_owned(),
        severity: AuditSeverity::Info,
        title: kind.replace(['.', '_'], " "),
        refs,
        data,
    }
}
