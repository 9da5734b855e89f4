//! What changes made through the API leave in the audit chain and the outbox.

use crate::audit_bundle::Bundle;
use crate::http::auth::Access;
use freshtrack_alerts::calibration::Calibration;
use freshtrack_alerts::ports::RuleChange;
use freshtrack_alerts::rules::RuleScope;
use freshtrack_alerts::suppression::Suppression;
use freshtrack_core::audit::{AuditCategory, AuditDraft, AuditRefs, AuditSeverity, Journal};
use freshtrack_core::device::Device;
use freshtrack_core::event::{EventKind, OutboxDraft};
use freshtrack_core::evidence::Sha256Hash;
use freshtrack_core::hierarchy::{Area, Organization, Site, Unit};
use freshtrack_core::ids::{AreaId, SiteId, UnitId, UserId};
use freshtrack_core::principal::{Actor, Role};
use freshtrack_core::time::Timestamp;
use serde_json::json;
use uuid::Uuid;

/// A site was made, changed, archived or restored.
pub(crate) fn site(access: &Access, now: Timestamp, kind: &str, site: &Site) -> Journal {
    let refs = AuditRefs {
        site: Some(site.id),
        ..AuditRefs::default()
    };
    let data = json!({
        "name": site.name,
        "timezone": site.timezone,
        "corrective_action_required": site.corrective_action_required,
        "version": site.version,
    });
    place(access, now, kind, (refs, site.id.as_uuid()), data)
}

/// An area was made, changed, archived or restored.
pub(crate) fn area(access: &Access, now: Timestamp, kind: &str, area: &Area) -> Journal {
    let refs = AuditRefs {
        site: Some(area.site_id),
        area: Some(area.id),
        ..AuditRefs::default()
    };
    let data = json!({ "name": area.name, "version": area.version });
    place(access, now, kind, (refs, area.id.as_uuid()), data)
}

/// A unit was made, changed, archived or restored.
pub(crate) fn unit(access: &Access, now: Timestamp, kind: &str, unit: &Unit) -> Journal {
    let refs = AuditRefs {
        site: Some(unit.site_id),
        area: Some(unit.area_id),
        unit: Some(unit.id),
        ..AuditRefs::default()
    };
    let data = json!({
        "name": unit.name,
        "unit_type": unit.unit_type,
        "monitoring_mode": unit.monitoring_mode,
        "version": unit.version,
    });
    place(access, now, kind, (refs, unit.id.as_uuid()), data)
}

/// Live clients are told which entity, which id, and what happened to it.
fn place(
    access: &Access,
    now: Timestamp,
    kind: &str,
    (refs, id): (AuditRefs, Uuid),
    data: serde_json::Value,
) -> Journal {
    let (entity, change) = kind.split_once('.').unwrap_or((kind, "changed"));
    let category = AuditCategory::Settings;
    Journal {
        audit: vec![audit(access, now, category, kind, refs, data)],
        outbox: vec![OutboxDraft {
            kind: EventKind::PlaceChanged,
            occurred_at: now,
            site: refs.site,
            unit: refs.unit,
            alert: None,
            user: None,
            payload: json!({ "entity": entity, "id": id, "change": change }),
        }],
    }
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

/// A bundle of the audit log was handed out.
pub(crate) fn audit_exported(access: &Access, now: Timestamp, bundle: &Bundle) -> Journal {
    let manifest = &bundle.manifest;
    let data = json!({
        "after": manifest.after,
        "size": manifest.size,
        "root": manifest.root,
        "sha256": Sha256Hash::of(&[&bundle.archive]),
    });
    let refs = AuditRefs::default();
    Journal {
        audit: vec![audit(
            access,
            now,
            AuditCategory::Data,
            "audit.exported",
            refs,
            data,
        )],
        outbox: Vec::new(),
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

/// The organization itself was made or changed.
pub(crate) fn organization(
    actor: Actor,
    now: Timestamp,
    kind: &str,
    organization: &Organization,
) -> Journal {
    let data = json!({
        "name": organization.name,
        "timezone": organization.timezone,
        "display_unit": organization.display_unit,
        "version": organization.version,
    });
    let change = kind.split_once('.').map_or("changed", |(_, change)| change);
    let category = AuditCategory::Settings;
    Journal {
        audit: vec![audit_by(
            actor,
            now,
            category,
            kind,
            AuditRefs::default(),
            data,
        )],
        outbox: vec![OutboxDraft {
            kind: EventKind::PlaceChanged,
            occurred_at: now,
            site: None,
            unit: None,
            alert: None,
            user: None,
            payload: json!({
                "entity": "organization", "id": organization.id, "change": change,
            }),
        }],
    }
}

/// A member's role changed, or the membership ended; live connections of the person learn of it.
pub(crate) fn member(
    access: &Access,
    now: Timestamp,
    kind: &str,
    user: UserId,
    role: Option<Role>,
) -> Journal {
    let change = if role.is_some() {
        "role_changed"
    } else {
        "removed"
    };
    let payload = match role {
        Some(role) => json!({ "user_id": user, "role": role, "change": change }),
        None => json!({ "user_id": user, "change": change }),
    };
    let category = AuditCategory::Member;
    Journal {
        audit: vec![audit(
            access,
            now,
            category,
            kind,
            AuditRefs::default(),
            payload.clone(),
        )],
        outbox: vec![OutboxDraft {
            kind: EventKind::MembershipChanged,
            occurred_at: now,
            site: None,
            unit: None,
            alert: None,
            user: Some(user),
            payload,
        }],
    }
}

/// The rows a place names.
fn place_refs(scope: RuleScope, id: uuid::Uuid) -> AuditRefs {
    let mut refs = AuditRefs::default();
    match scope {
        RuleScope::Organization => {}
        RuleScope::Site => refs.site = Some(SiteId::from_uuid(id)),
        RuleScope::Area => refs.area = Some(AreaId::from_uuid(id)),
        RuleScope::Unit => refs.unit = Some(UnitId::from_uuid(id)),
    }
    refs
}

/// A suppression `started` or `ended`.
pub(crate) fn suppression(
    access: &Access,
    now: Timestamp,
    change: &str,
    suppression: &Suppression,
) -> Journal {
    let refs = place_refs(suppression.scope, suppression.scope_id);
    let data = json!({
        "id": suppression.id,
        "scope": suppression.scope,
        "scope_id": suppression.scope_id,
        "kind": suppression.kind,
        "alert_types": suppression.alert_types,
        "starts_at": suppression.starts_at,
        "ends_at": suppression.ends_at,
    });
    let kind = if change == "ended" {
        EventKind::SuppressionEnded
    } else {
        EventKind::SuppressionStarted
    };
    let category = AuditCategory::Alert;
    Journal {
        audit: vec![audit(
            access,
            now,
            category,
            kind.as_str(),
            refs,
            data.clone(),
        )],
        outbox: vec![OutboxDraft {
            kind,
            occurred_at: now,
            site: refs.site,
            unit: refs.unit,
            alert: None,
            user: None,
            payload: data,
        }],
    }
}

/// A device was calibrated.
pub(crate) fn calibration(access: &Access, calibration: &Calibration, device: &Device) -> Journal {
    let refs = AuditRefs {
        unit: device.unit_id,
        device: Some(device.id),
        ..AuditRefs::default()
    };
    let kind = "device.calibrated";
    let now = calibration.recorded_at;
    let data = json!({
        "id": calibration.id,
        "calibrated_at": calibration.calibrated_at,
        "offset_milli_celsius": calibration.temperature_offset.milli_celsius(),
        "due_at": calibration.due_at,
    });
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

/// Rules changed at a place.
pub(crate) fn rules(access: &Access, change: &RuleChange) -> Journal {
    let set = &change.set;
    let refs = place_refs(set.scope, set.scope_id);
    let (site, unit) = (refs.site, refs.unit);
    let fields: serde_json::Map<String, serde_json::Value> = change
        .lines
        .iter()
        .map(|line| {
            let values = json!({ "old": line.old, "new": line.new });
            (line.field.clone(), values)
        })
        .collect();
    let data = json!({
        "scope": set.scope,
        "scope_id": set.scope_id,
        "unit_type": set.unit_type,
        "version": set.version,
        "fields": fields,
    });
    let category = AuditCategory::Rule;
    Journal {
        audit: vec![audit(
            access,
            change.at,
            category,
            "rules.changed",
            refs,
            data,
        )],
        outbox: vec![OutboxDraft {
            kind: EventKind::RulesChanged,
            occurred_at: change.at,
            site,
            unit,
            alert: None,
            user: None,
            payload: json!({ "entity": "rules", "id": set.scope_id, "change": "changed" }),
        }],
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
    audit_by(access.actor, at, category, kind, refs, data)
}

fn audit_by(
    actor: Actor,
    at: Timestamp,
    category: AuditCategory,
    kind: &str,
    refs: AuditRefs,
    data: serde_json::Value,
) -> AuditDraft {
    AuditDraft {
        at,
        actor,
        category,
        kind: kind.to_owned(),
        severity: AuditSeverity::Info,
        title: kind.replace(['.', '_'], " "),
        refs,
        data,
    }
}
