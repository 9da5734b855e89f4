//! Pure rendering: a committed outbox event becomes what clients of its organization receive.
//!
//! One ordered event makes exactly one message. Readings are only validated here; they become a message
//! when their window closes ([`render_batch`]).

use crate::coalesce::Batch;
use crate::envelope::{Content, Control, Envelope, ReadingsBody};
use crate::event::{Message, ServerEvent, encode};
use crate::outbox_view::{
    AlertPayload, ApiKeyPayload, EntityPayload, IncidentPayload, MembershipPayload, ReadingView,
    ReadingsPayload, StatePayload,
};
use crate::payload::{
    AlertAcknowledged, AlertEscalated, AlertResolved, AlertTriggered, BatchReading, EntityChanged,
    IncidentChanged, Millis, ReadingsBatch, UnitChanged,
};
use crate::topic::{Audience, Principal, Topic};
use freshtrack_core::event::{EventKind, OutboxEvent};
use freshtrack_core::temperature::{Temperature, TemperatureUnit, div_round_half_away};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Most units an incident names.
const INCIDENT_UNITS_MAX: usize = 100;

/// An outbox payload that does not keep its contract.
#[derive(Debug, thiserror::Error)]
#[error("payload of {kind} {seq} cannot be rendered: {detail}")]
pub struct RenderError {
    /// The kind.
    pub kind: EventKind,
    /// Its place in the sequence.
    pub seq: i64,
    /// Which field; never a value.
    pub detail: String,
}

/// An envelope, and what was wrong with its payload.
#[derive(Debug)]
pub struct Rendered {
    /// The envelope; a hint to fetch again where the payload could not be read.
    pub envelope: Envelope,
    /// Why it is only a hint.
    pub fault: Option<RenderError>,
}

/// Renders `event` with temperatures in `unit`, the organization's display unit.
///
/// # Errors
/// [`RenderError`] if the payload does not keep its contract.
pub fn render(event: &OutboxEvent, unit: TemperatureUnit) -> Result<Envelope, RenderError> {
    use EventKind as K;
    let mut control = None;
    let content = match event.kind {
        K::ReadingAccepted => readings(event, unit)?,
        K::UnitStateChanged => unit_changed(event)?,
        K::AlertRaised => alert_triggered(event, unit)?,
        K::AlertConfirmed => alert_escalated(event, "confirmed")?,
        K::AlertSeverityRaised => alert_escalated(event, "severity_raised")?,
        K::AlertEscalated => alert_escalated(event, "step")?,
        K::AlertEscalationExhausted => alert_escalated(event, "exhausted")?,
        K::AlertAcknowledged => alert_acknowledged(event)?,
        K::AlertResolved => alert_resolved(event)?,
        K::IncidentOpened => incident(event, ServerEvent::IncidentOpened)?,
        K::IncidentClosed => incident(event, ServerEvent::IncidentClosed)?,
        K::SuppressionStarted => entity(event, "suppression", "started"),
        K::SuppressionEnded => entity(event, "suppression", "ended"),
        K::ManualLogRecorded => entity(event, "manual_log", "recorded"),
        K::CorrectiveActionRecorded => entity(event, "corrective_action", "recorded"),
        K::RulesChanged => entity(event, "rules", "changed"),
        K::DeviceChanged => entity(event, "device", "changed"),
        K::GatewayStatusChanged => entity(event, "gateway", "changed"),
        K::PlaceChanged => {
            control = place_gone(event);
            entity(event, "place", "changed")
        }
        K::MembershipChanged => {
            control = membership(event)?;
            Content::Silent
        }
        K::ApiKeyChanged => {
            control = api_key(event)?;
            Content::Silent
        }
        K::NotificationDecided => Content::Silent,
    };
    Ok(wrap(event, content).with_control(control))
}

/// Renders `event`; an unreadable payload becomes `entity:changed`, so that no client is left with an
/// old picture because of one bad row.
#[must_use]
pub fn render_or_hint(event: &OutboxEvent, unit: TemperatureUnit) -> Rendered {
    match render(event, unit) {
        Ok(envelope) => Rendered {
            envelope,
            fault: None,
        },
        Err(fault) => {
            let (entity, change) = event
                .kind
                .as_str()
                .split_once('.')
                .unwrap_or(("record", "changed"));
            Rendered {
                envelope: wrap(
                    event,
                    hint(event, entity.to_owned(), None, change.to_owned()),
                ),
                fault: Some(fault),
            }
        }
    }
}

/// The one message of a unit's window.
#[must_use]
pub fn render_batch(batch: &Batch) -> Message {
    let unit = batch.temperature_unit;
    let readings: Vec<BatchReading> = batch.readings.iter().map(|r| reading(r, unit)).collect();
    let payload = ReadingsBatch {
        unit_id: batch.unit,
        count: readings.len(),
        readings,
        seq: batch.seq_to,
        seq_from: batch.seq_from,
        site_id: batch.site,
        temperature_unit: unit,
        truncated: (batch.truncated > 0).then_some(batch.truncated),
    };
    Message::readings(
        batch.unit,
        payload.count + batch.truncated,
        batch.seq_to,
        &payload,
    )
}

fn wrap(event: &OutboxEvent, content: Content) -> Envelope {
    let audience = Audience {
        site: event.site,
        unit: event.unit,
        user: event.user,
    };
    let (org, seq) = (event.org, event.seq);
    Envelope::new(org, seq, event.kind, event.occurred_at, audience, content)
}

fn ordered(event: &OutboxEvent, name: ServerEvent, payload: &impl Serialize) -> Content {
    Content::Ordered(Arc::new(Message::ordered(
        name,
        event.seq,
        encode(payload),
        Some(event.occurred_at),
    )))
}

fn view<T: DeserializeOwned>(event: &OutboxEvent) -> Result<T, RenderError> {
    T::deserialize(&event.payload).map_err(|error| fault(event, error.to_string()))
}

fn fault(event: &OutboxEvent, detail: impl Into<String>) -> RenderError {
    RenderError {
        kind: event.kind,
        seq: event.seq,
        detail: detail.into(),
    }
}

fn reading(view: &ReadingView, unit: TemperatureUnit) -> BatchReading {
    BatchReading {
        id: view.id,
        temperature: view
            .temperature_milli_celsius
            .map(|t| Temperature::from_milli_celsius(t).in_unit(unit)),
        humidity: view.humidity_centi.map(|h| f64::from(h) / 100.0),
        battery: view.battery_percent,
        signal_strength: view.rssi_dbm,
        timestamp: Millis(view.recorded_at),
        recorded_at: Millis(view.recorded_at),
        device_id: view.device_id,
        source: view.source,
        late: view.late,
        simulated: view.simulated,
    }
}

/// Tenths of a degree in `unit`, rounded half away from zero from the value shown.
fn tenths(temperature: Temperature, unit: TemperatureUnit) -> i64 {
    match unit {
        TemperatureUnit::C => div_round_half_away(i64::from(temperature.milli_celsius()), 100),
        TemperatureUnit::F => div_round_half_away(temperature.centi_fahrenheit(), 10),
    }
}

fn readings(event: &OutboxEvent, unit: TemperatureUnit) -> Result<Content, RenderError> {
    if event.unit.is_none() {
        return Err(fault(event, "readings without a unit"));
    }
    let payload: ReadingsPayload = view(event)?;
    Ok(Content::Readings(Arc::new(ReadingsBody {
        temperature_unit: unit,
        readings: payload.readings,
    })))
}

fn unit_changed(event: &OutboxEvent) -> Result<Content, RenderError> {
    let state: StatePayload = view(event)?;
    if state.from == state.to && state.from_group == state.to_group {
        // Only an axis behind the status changed: nothing that a client shows.
        return Ok(Content::Silent);
    }
    // Existing clients toast every `unit:state:changed`, so a change inside a group has its own name.
    let name = if state.from_group == state.to_group {
        ServerEvent::UnitStatusChanged
    } else {
        ServerEvent::UnitStateChanged
    };
    let payload = UnitChanged {
        unit_id: event.unit,
        previous_state: state.from_group,
        new_state: state.to_group,
        timestamp: Millis(event.occurred_at),
        reason: state.reason,
        site_id: event.site,
        previous_status: state.from,
        status: state.to,
        seq: event.seq,
    };
    Ok(ordered(event, name, &payload))
}

fn alert_triggered(event: &OutboxEvent, unit: TemperatureUnit) -> Result<Content, RenderError> {
    let alert = view::<AlertPayload>(event)?.alert;
    let trigger = alert.trigger.map(|t| t.temperature);
    let payload = AlertTriggered {
        alert_id: alert.id,
        unit_id: event.unit,
        alert_type: alert.alert_type,
        severity: alert.severity,
        message: alert.title,
        trigger_temperature: trigger.map(|t| tenths(t, unit)),
        threshold_violated: alert.violated,
        triggered_at: Millis(alert.raised_at),
        site_id: event.site,
        temperature: trigger.map(|t| t.in_unit(unit)),
        temperature_unit: unit,
        condition_since: Millis(alert.condition_since),
        raise_reason: alert.raise_reason,
        incident_id: alert.incident,
        correlated_with: alert.correlated_with,
        seq: event.seq,
    };
    Ok(ordered(event, ServerEvent::AlertTriggered, &payload))
}

fn alert_escalated(event: &OutboxEvent, reason: &'static str) -> Result<Content, RenderError> {
    let AlertPayload { alert, level, .. } = view(event)?;
    let level = level.unwrap_or(alert.escalation_level);
    let payload = AlertEscalated {
        alert_id: alert.id,
        unit_id: event.unit,
        escalation_level: u32::from(level) + 1,
        level,
        reason,
        severity: alert.severity,
        site_id: event.site,
        at: Millis(event.occurred_at),
        seq: event.seq,
    };
    Ok(ordered(event, ServerEvent::AlertEscalated, &payload))
}

fn alert_acknowledged(event: &OutboxEvent) -> Result<Content, RenderError> {
    let AlertPayload { alert, name, .. } = view(event)?;
    let taken = alert
        .acknowledged
        .ok_or_else(|| fault(event, "missing field `acknowledged`"))?;
    let payload = AlertAcknowledged {
        alert_id: alert.id,
        acknowledged_by: taken.by,
        timestamp: Millis(taken.at),
        unit_id: event.unit,
        site_id: event.site,
        name,
        note: taken.note,
        seq: event.seq,
    };
    Ok(ordered(event, ServerEvent::AlertAcknowledged, &payload))
}

fn alert_resolved(event: &OutboxEvent) -> Result<Content, RenderError> {
    let alert = view::<AlertPayload>(event)?.alert;
    let end = alert
        .resolved
        .ok_or_else(|| fault(event, "missing field `resolved`"))?;
    let payload = AlertResolved {
        alert_id: alert.id,
        unit_id: event.unit,
        resolved_at: Millis(end.at),
        site_id: event.site,
        kind: end.kind,
        resolved_by: end.by,
        seq: event.seq,
    };
    Ok(ordered(event, ServerEvent::AlertResolved, &payload))
}

fn incident(event: &OutboxEvent, name: ServerEvent) -> Result<Content, RenderError> {
    let mut view: IncidentPayload = view(event)?;
    view.unit_ids.truncate(INCIDENT_UNITS_MAX);
    let payload = IncidentChanged {
        incident_id: view.incident_id,
        kind: view.kind,
        site_id: event.site,
        unit_ids: view.unit_ids,
        at: Millis(event.occurred_at),
        seq: event.seq,
    };
    Ok(ordered(event, name, &payload))
}

/// A hint asks for no more than the event's own columns, so a payload of any shape will do.
fn entity(event: &OutboxEvent, entity: &str, change: &str) -> Content {
    let seen: EntityPayload = view(event).unwrap_or_default();
    let own_id = event.payload.get(format!("{entity}_id"));
    let id = seen.id.or_else(|| own_id?.as_str().map(str::to_owned));
    hint(
        event,
        seen.entity.unwrap_or_else(|| entity.to_owned()),
        id,
        seen.change.unwrap_or_else(|| change.to_owned()),
    )
}

fn hint(event: &OutboxEvent, entity: String, id: Option<String>, change: String) -> Content {
    let own = event.alert.map(|id| id.to_string());
    let place = event.unit.map(|id| id.to_string());
    let site = event.site.map(|id| id.to_string());
    let payload = EntityChanged {
        entity,
        id: id.or(own).or(place).or(site),
        unit_id: event.unit,
        site_id: event.site,
        change,
        seq: event.seq,
    };
    ordered(event, ServerEvent::EntityChanged, &payload)
}

fn place_gone(event: &OutboxEvent) -> Option<Control> {
    let seen: EntityPayload = view(event).unwrap_or_default();
    if seen.change.as_deref() != Some("archived") {
        return None;
    }
    let topic = match seen.entity.as_deref() {
        Some("organization") => {
            return Some(Control::RevokeOrganization {
                reason: "organization_archived".to_owned(),
            });
        }
        Some("site") => Topic::Site(event.site?),
        Some("unit") => Topic::Unit(event.unit?),
        _ => return None,
    };
    Some(Control::TopicGone { topic })
}

fn membership(event: &OutboxEvent) -> Result<Option<Control>, RenderError> {
    let seen: MembershipPayload = view(event)?;
    let user = seen
        .user_id
        .or(event.user)
        .ok_or_else(|| fault(event, "missing field `user_id`"))?;
    let revoke = |reason: &str| Control::Revoke {
        principal: Principal::User(user),
        reason: reason.to_owned(),
    };
    Ok(match seen.change.as_str() {
        "removed" | "left" => Some(revoke("member_removed")),
        "disabled" => Some(revoke("user_disabled")),
        "impersonation_ended" => Some(revoke("impersonation_ended")),
        "role_changed" => {
            let role = seen
                .role
                .ok_or_else(|| fault(event, "missing field `role`"))?;
            Some(Control::RoleChanged { user, role })
        }
        _ => None,
    })
}

fn api_key(event: &OutboxEvent) -> Result<Option<Control>, RenderError> {
    let seen: ApiKeyPayload = view(event)?;
    Ok(
        matches!(seen.change.as_str(), "revoked" | "replaced").then(|| Control::Revoke {
            principal: Principal::ApiKey(seen.api_key_id),
            reason: "key_revoked".to_owned(),
        }),
    )
}
