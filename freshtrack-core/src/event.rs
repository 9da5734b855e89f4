//! Outbox events: what other parts of the system, and live clients, learn about a committed change.

use crate::ids::{AlertId, OrgId, SiteId, UnitId, UserId};
use crate::time::Timestamp;
use crate::wire_enum;
use serde::{Deserialize, Serialize};

wire_enum! {
    /// Kind of an outbox event. The list is append-only.
    EventKind {
        /// Readings of one unit were committed.
        ReadingAccepted = "reading.accepted",
        /// A unit's displayed status or an axis changed.
        UnitStateChanged = "unit.state_changed",
        /// An alert was raised.
        AlertRaised = "alert.raised",
        /// A temperature alert was confirmed.
        AlertConfirmed = "alert.confirmed",
        /// An open alert became more severe.
        AlertSeverityRaised = "alert.severity_raised",
        /// A person took an alert.
        AlertAcknowledged = "alert.acknowledged",
        /// An alert was closed.
        AlertResolved = "alert.resolved",
        /// An escalation step fired.
        AlertEscalated = "alert.escalated",
        /// The last escalation step was repeated as often as allowed.
        AlertEscalationExhausted = "alert.escalation_exhausted",
        /// Alerts were grouped under one cause.
        IncidentOpened = "incident.opened",
        /// A group of alerts ended.
        IncidentClosed = "incident.closed",
        /// A suppression window began.
        SuppressionStarted = "suppression.started",
        /// A suppression window ended.
        SuppressionEnded = "suppression.ended",
        /// A person logged a value.
        ManualLogRecorded = "manual_log.recorded",
        /// Somebody wrote down what was done.
        CorrectiveActionRecorded = "corrective_action.recorded",
        /// A rule changed.
        RulesChanged = "rules.changed",
        /// A device was made, changed, assigned or archived.
        DeviceChanged = "device.changed",
        /// A gateway was seen again or went missing.
        GatewayStatusChanged = "gateway.status_changed",
        /// A decision to notify or not.
        NotificationDecided = "notification.decided",
        /// A member joined, left or changed role; closes or changes live connections.
        MembershipChanged = "membership.changed",
        /// An API key was revoked or replaced; closes live connections.
        ApiKeyChanged = "api_key.changed",
        /// A site, area or unit was made, changed or archived.
        PlaceChanged = "place.changed",
    }
}

/// An event to be written with a change; the store gives it its place in the sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxDraft {
    /// What happened.
    pub kind: EventKind,
    /// When, by the record's clock.
    pub occurred_at: Timestamp,
    /// The site concerned.
    pub site: Option<SiteId>,
    /// The unit concerned.
    pub unit: Option<UnitId>,
    /// The alert concerned.
    pub alert: Option<AlertId>,
    /// The only person it is meant for; everybody of the organization if none.
    pub user: Option<UserId>,
    /// The rest, as JSON object.
    pub payload: serde_json::Value,
}

/// A committed event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutboxEvent {
    /// The organization.
    pub org: OrgId,
    /// Place in the organization's sequence: gapless from 1, in commit order.
    pub seq: i64,
    /// What happened.
    pub kind: EventKind,
    /// When, by the record's clock.
    pub occurred_at: Timestamp,
    /// The site concerned.
    pub site: Option<SiteId>,
    /// The unit concerned.
    pub unit: Option<UnitId>,
    /// The alert concerned.
    pub alert: Option<AlertId>,
    /// The only person it is meant for.
    pub user: Option<UserId>,
    /// The rest, as JSON object.
    pub payload: serde_json::Value,
}
