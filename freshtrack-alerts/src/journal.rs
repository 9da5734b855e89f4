//! What a step leaves behind for people, clients and the record: history lines, audit and outbox.
//!
//! The payloads of outbox events are a contract with the real-time part; they are built here and
//! nowhere else. Temperatures are integers named `*_milli_celsius`, because audit and signatures need
//! a form without floats.

use crate::alert::{Alert, AlertEvent, AlertEventKind, Severity};
use crate::change::{Change, DoorEvent, StateChange};
use crate::incident::{Incident, IncidentKind};
use crate::log_book::{CorrectiveAction, ManualLog};
use crate::step::{Advice, AlertChange, Facts, UnitEvent};
use freshtrack_core::audit::{AuditCategory, AuditDraft, AuditRefs, AuditSeverity};
use freshtrack_core::event::{EventKind, OutboxDraft};
use freshtrack_core::hierarchy::{Unit, UnitStatus};
use freshtrack_core::principal::Actor;
use freshtrack_core::reading::Reading;
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::Timestamp;
use serde_json::{Map, Value, json};

/// Writes what happened to an alert into `change`.
pub(crate) fn alert_changed(change: &mut Change, told: AlertChange, now: Timestamp) {
    let AlertChange {
        kind,
        actor,
        alert,
        details,
    } = told;
    change.journal.audit.push(AuditDraft {
        at: now,
        actor,
        category: AuditCategory::Alert,
        kind: format!("alert.{kind}"),
        severity: audit_severity(kind, alert.severity),
        title: alert.title.clone(),
        refs: AuditRefs {
            site: Some(alert.site),
            area: Some(alert.area),
            unit: Some(alert.unit),
            device: alert.key.device,
            alert: Some(alert.id),
        },
        data: json!({ "type": alert.key.alert_type, "details": details }),
    });
    if let Some(event) = event_kind(kind) {
        change.journal.outbox.push(OutboxDraft {
            kind: event,
            occurred_at: now,
            site: Some(alert.site),
            unit: Some(alert.unit),
            alert: Some(alert.id),
            user: None,
            payload: alert_payload(&alert, actor, &details),
        });
    }
    change.alert_events.push(AlertEvent {
        alert: alert.id,
        at: now,
        kind,
        actor,
        details,
    });
}

/// The outbox event that an alert's history line is also told as.
const fn event_kind(kind: AlertEventKind) -> Option<EventKind> {
    match kind {
        AlertEventKind::Raised => Some(EventKind::AlertRaised),
        AlertEventKind::Confirmed => Some(EventKind::AlertConfirmed),
        AlertEventKind::SeverityRaised => Some(EventKind::AlertSeverityRaised),
        AlertEventKind::Acknowledged => Some(EventKind::AlertAcknowledged),
        AlertEventKind::ResolvedAuto | AlertEventKind::ResolvedManual => {
            Some(EventKind::AlertResolved)
        }
        AlertEventKind::Escalated => Some(EventKind::AlertEscalated),
        AlertEventKind::EscalationExhausted => Some(EventKind::AlertEscalationExhausted),
        AlertEventKind::NotificationDecided => Some(EventKind::NotificationDecided),
        AlertEventKind::CorrectiveActionAdded => Some(EventKind::CorrectiveActionRecorded),
        AlertEventKind::Snoozed => Some(EventKind::SuppressionStarted),
        AlertEventKind::AckLapsed
        | AlertEventKind::Suppressed
        | AlertEventKind::SuppressionEnded
        | AlertEventKind::Correlated
        | AlertEventKind::MaxExcursion
        | AlertEventKind::Reraised => None,
    }
}

const fn audit_severity(kind: AlertEventKind, severity: Severity) -> AuditSeverity {
    match kind {
        AlertEventKind::ResolvedAuto | AlertEventKind::ResolvedManual => AuditSeverity::Success,
        AlertEventKind::Acknowledged | AlertEventKind::CorrectiveActionAdded => AuditSeverity::Info,
        _ => match severity {
            Severity::Info => AuditSeverity::Info,
            Severity::Warning => AuditSeverity::Warning,
            Severity::Critical => AuditSeverity::Critical,
        },
    }
}

/// `alert.*`: the alert as it was right after, who did it, and what the history line says.
fn alert_payload(alert: &Alert, actor: Actor, details: &Value) -> Value {
    let mut payload = Map::new();
    payload.insert("alert".to_owned(), json!(alert));
    if actor != Actor::System {
        payload.insert("actor".to_owned(), json!(actor));
    }
    if let Value::Object(details) = details {
        for name in ["reason", "level", "until", "id"] {
            if let Some(value) = details.get(name) {
                payload.insert(name.to_owned(), value.clone());
            }
        }
    }
    Value::Object(payload)
}

/// Writes what happened to a unit into `change`.
pub(crate) fn unit_changed(
    change: &mut Change,
    event: &UnitEvent,
    facts: &Facts<'_>,
    now: Timestamp,
) {
    let unit = facts.unit;
    match *event {
        UnitEvent::StateChanged {
            from,
            to,
            temperature,
            connectivity,
            reason,
            grace_until,
        } => {
            change.state_changes.push(StateChange {
                unit: unit.id,
                at: now,
                from,
                to,
                temperature: temperature.to_owned(),
                connectivity: connectivity.to_owned(),
                reason: reason.to_owned(),
            });
            let mut payload = json!({
                "from": from,
                "to": to,
                "from_group": from.group(),
                "to_group": to.group(),
                "temperature": temperature,
                "connectivity": connectivity,
                "reason": reason,
            });
            let mut title = format!("{}, {}: {to}", unit.name, facts.site_name);
            if let Some(until) = grace_until {
                payload["grace_until"] = json!(until);
                title = format!("{title}, defrost_grace until {until}");
            }
            change.journal.audit.push(AuditDraft {
                at: now,
                actor: Actor::System,
                category: AuditCategory::Alert,
                kind: EventKind::UnitStateChanged.as_str().to_owned(),
                severity: state_severity(to),
                title,
                refs: unit_refs(unit),
                data: payload.clone(),
            });
            change
                .journal
                .outbox
                .push(unit_event(EventKind::UnitStateChanged, unit, now, payload));
        }
        UnitEvent::DoorChanged {
            device,
            state,
            at,
            open_seconds,
        } => change.door_events.push(DoorEvent {
            unit: unit.id,
            device,
            state,
            recorded_at: at,
            duration_seconds: open_seconds,
        }),
        UnitEvent::Advised(advice) => advised(change, advice, facts, now),
        UnitEvent::AlertHeldBack { key, until } => change.journal.audit.push(AuditDraft {
            at: now,
            actor: Actor::System,
            category: AuditCategory::Alert,
            kind: "alert.suppressed".to_owned(),
            severity: AuditSeverity::Warning,
            title: format!(
                "{}, {}: {} kept quiet",
                unit.name, facts.site_name, key.alert_type
            ),
            refs: AuditRefs {
                device: key.device,
                ..unit_refs(unit)
            },
            data: json!({ "type": key.alert_type, "until": until }),
        }),
    }
}

/// Something to look at that is no alert goes on the record.
fn advised(change: &mut Change, advice: Advice, facts: &Facts<'_>, now: Timestamp) {
    let (kind, what, data) = match advice {
        Advice::ProductCheck {
            gap_from,
            length,
            possible,
        } => (
            "unit.product_check",
            "check the product, it may have warmed while nobody could see",
            json!({
                "gap_from": gap_from,
                "gap_seconds": length.as_seconds(),
                "possible_milli_celsius": possible.milli_celsius(),
            }),
        ),
        Advice::Drift { advisory, mean } => (
            "unit.drift",
            "warmer than it used to be",
            json!({ "advisory": advisory, "mean_milli_celsius": mean.milli_celsius() }),
        ),
    };
    change.journal.audit.push(AuditDraft {
        at: now,
        actor: Actor::System,
        category: AuditCategory::Alert,
        kind: kind.to_owned(),
        severity: AuditSeverity::Warning,
        title: format!("{}, {}: {what}", facts.unit.name, facts.site_name),
        refs: unit_refs(facts.unit),
        data,
    });
}

const fn state_severity(status: UnitStatus) -> AuditSeverity {
    match status {
        UnitStatus::Ok => AuditSeverity::Success,
        UnitStatus::Restoring => AuditSeverity::Info,
        UnitStatus::AlarmActive | UnitStatus::MonitoringInterrupted => AuditSeverity::Critical,
        UnitStatus::Excursion | UnitStatus::ManualRequired | UnitStatus::Offline => {
            AuditSeverity::Warning
        }
    }
}

const fn unit_refs(unit: &Unit) -> AuditRefs {
    AuditRefs {
        site: Some(unit.site_id),
        area: Some(unit.area_id),
        unit: Some(unit.id),
        device: None,
        alert: None,
    }
}

fn unit_event(kind: EventKind, unit: &Unit, now: Timestamp, payload: Value) -> OutboxDraft {
    OutboxDraft {
        kind,
        occurred_at: now,
        site: Some(unit.site_id),
        unit: Some(unit.id),
        alert: None,
        user: None,
        payload,
    }
}

/// Alerts were grouped under one cause.
pub(crate) fn incident_opened(change: &mut Change, incident: &Incident) {
    incident_changed(change, incident, EventKind::IncidentOpened);
}

/// A group of alerts ended.
pub(crate) fn incident_closed(change: &mut Change, incident: &Incident) {
    incident_changed(change, incident, EventKind::IncidentClosed);
}

fn incident_changed(change: &mut Change, incident: &Incident, kind: EventKind) {
    let units: Vec<_> = incident.members.iter().map(|member| member.unit).collect();
    let what = match incident.kind {
        IncidentKind::SiteOutage => "units of one site fell silent together",
        IncidentKind::GatewayOffline => "a gateway is offline",
        IncidentKind::PlatformOutage => "FreshTrack was down",
    };
    let still = incident
        .stood_still
        .map(|(from, to)| format!(" from {from} to {to}"));
    let over = if incident.closed_at.is_some() {
        ", over"
    } else {
        ""
    };
    let data = json!({
        "incident_id": incident.id,
        "kind": incident.kind,
        "unit_ids": units,
        "lead_alert_id": incident.lead,
        "opened_at": incident.opened_at,
        "closed_at": incident.closed_at,
    });
    change.journal.audit.push(AuditDraft {
        at: change.now,
        actor: Actor::System,
        category: AuditCategory::Alert,
        kind: kind.as_str().to_owned(),
        severity: match kind {
            EventKind::IncidentClosed => AuditSeverity::Success,
            _ => AuditSeverity::Critical,
        },
        title: format!("Incident: {what}{}{over}", still.unwrap_or_default()),
        refs: AuditRefs {
            site: incident.site,
            ..AuditRefs::default()
        },
        data: data.clone(),
    });
    change.journal.outbox.push(OutboxDraft {
        kind,
        occurred_at: change.now,
        site: incident.site,
        unit: None,
        alert: incident.lead,
        user: None,
        payload: data,
    });
}

/// `reading.accepted`: the readings of one unit that one commit stored.
pub(crate) fn readings_accepted(readings: &[Reading], unit: &Unit, now: Timestamp) -> OutboxDraft {
    let readings: Vec<Value> = readings.iter().map(reading_payload).collect();
    let payload = json!({ "readings": readings });
    unit_event(EventKind::ReadingAccepted, unit, now, payload)
}

fn reading_payload(reading: &Reading) -> Value {
    json!({
        "id": reading.id(),
        "device_id": reading.device,
        "temperature_milli_celsius": reading.temperature.map(Temperature::milli_celsius),
        "humidity_centi": reading.humidity_centi,
        "battery_percent": reading.battery_percent,
        "battery_mv": reading.battery_mv,
        "rssi_dbm": reading.rssi_dbm,
        "recorded_at": reading.recorded_at,
        "source": reading.source,
        "late": reading.flags.late,
        "simulated": reading.flags.simulated,
        "zone": reading.zone,
    })
}

/// A person measured.
pub(crate) fn manual_logged(change: &mut Change, log: &ManualLog, unit: &Unit, site_name: &str) {
    let word = if log.in_range {
        "in range"
    } else {
        "out of range"
    };
    let payload = json!({
        "id": log.id,
        "temperature_milli_celsius": log.temperature.milli_celsius(),
        "recorded_at": log.recorded_at,
        "in_range": log.in_range,
        "corrective_action": log.corrective_action,
    });
    change.journal.audit.push(AuditDraft {
        at: change.now,
        actor: Actor::User(log.by),
        category: AuditCategory::Data,
        kind: EventKind::ManualLogRecorded.as_str().to_owned(),
        severity: if log.in_range {
            AuditSeverity::Info
        } else {
            AuditSeverity::Warning
        },
        title: format!(
            "{}, {site_name}: {} logged, {word}",
            unit.name, log.temperature
        ),
        refs: unit_refs(unit),
        data: payload.clone(),
    });
    let event = unit_event(EventKind::ManualLogRecorded, unit, change.now, payload);
    change.journal.outbox.push(event);
}

/// A person wrote down what was done, not about an alert: those tell it themselves.
pub(crate) fn action_recorded(
    change: &mut Change,
    action: &CorrectiveAction,
    unit: &Unit,
    site_name: &str,
) {
    let payload = json!({
        "id": action.id,
        "manual_log": action.manual_log,
        "corrects": action.corrects,
    });
    change.journal.audit.push(AuditDraft {
        at: change.now,
        actor: Actor::User(action.by),
        category: AuditCategory::Data,
        kind: EventKind::CorrectiveActionRecorded.as_str().to_owned(),
        severity: AuditSeverity::Info,
        title: format!("{}, {site_name}: corrective action recorded", unit.name),
        refs: unit_refs(unit),
        data: payload.clone(),
    });
    let event = unit_event(
        EventKind::CorrectiveActionRecorded,
        unit,
        change.now,
        payload,
    );
    change.journal.outbox.push(event);
}

/// A person wrote down what was done about an alert that is part of `change`.
pub(crate) fn alert_action_recorded(change: &mut Change, action: &CorrectiveAction) {
    let about = |alert: &&Alert| Some(alert.id) == action.alert;
    let Some(alert) = change.alerts.iter().find(about).cloned() else {
        return;
    };
    let told = AlertChange {
        kind: AlertEventKind::CorrectiveActionAdded,
        actor: Actor::User(action.by),
        alert,
        details: json!({ "id": action.id, "corrects": action.corrects }),
    };
    alert_changed(change, told, change.now);
}
