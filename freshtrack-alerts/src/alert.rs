//! An alert: what was wrong, since when, who took it, how it ended.

use freshtrack_core::ids::{AlertId, AreaId, DeviceId, IncidentId, SiteId, UnitId, UserId};
use freshtrack_core::principal::Actor;
use freshtrack_core::temperature::{Limit, Temperature};
use freshtrack_core::time::Timestamp;
use freshtrack_core::wire_enum;
use serde::{Deserialize, Serialize};

wire_enum! {
    /// What is wrong.
    AlertType {
        /// Out of range.
        TempExcursion = "temp_excursion",
        /// Out of range and not recovering with the door closed.
        SuspectedCoolingFailure = "suspected_cooling_failure",
        /// The sensor is late or silent.
        MonitoringInterrupted = "monitoring_interrupted",
        /// A person should have measured.
        MissedManualEntry = "missed_manual_entry",
        /// The door is open too long.
        DoorOpen = "door_open",
        /// A battery is low.
        LowBattery = "low_battery",
        /// A sensor says something impossible.
        SensorFault = "sensor_fault",
        /// A calibration has run out.
        CalibrationDue = "calibration_due",
    }
}

wire_enum! {
    /// How bad.
    Severity {
        /// For the record.
        Info = "info",
        /// Worth a look.
        Warning = "warning",
        /// Pages people.
        Critical = "critical",
    }
}

wire_enum! {
    /// Where an alert is in its life.
    AlertStatus {
        /// Nobody has taken it.
        Active = "active",
        /// Somebody has.
        Acknowledged = "acknowledged",
        /// Closed; never opens again.
        Resolved = "resolved",
    }
}

wire_enum! {
    /// How an alert was closed.
    ResolutionKind {
        /// The condition cleared.
        Auto = "auto",
        /// A person closed it.
        Manual = "manual",
    }
}

wire_enum! {
    /// Why an alert was raised when it was.
    RaiseReason {
        /// The condition began.
        ConditionStarted = "condition_started",
        /// It began under a suppression that has ended.
        SuppressionEnded = "suppression_ended",
        /// It went on after somebody closed the alert before.
        ConditionPersists = "condition_persists",
        /// A rule changed.
        RulesChanged = "rules_changed",
        /// The unit came back from the archive.
        UnitRestored = "unit_restored",
    }
}

wire_enum! {
    /// Which limit is violated.
    Violated {
        /// The lower one.
        Min = "min",
        /// The upper one.
        Max = "max",
    }
}

wire_enum! {
    /// What happened to an alert; the history is append-only.
    AlertEventKind {
        /// It was raised.
        Raised = "raised",
        /// The excursion was confirmed.
        Confirmed = "confirmed",
        /// It became more severe.
        SeverityRaised = "severity_raised",
        /// A person took it.
        Acknowledged = "acknowledged",
        /// It became worse than what the person had taken.
        AckLapsed = "ack_lapsed",
        /// A person asked for quiet.
        Snoozed = "snoozed",
        /// A window keeps it quiet.
        Suppressed = "suppressed",
        /// The window ended.
        SuppressionEnded = "suppression_ended",
        /// It belongs to another alert or incident.
        Correlated = "correlated",
        /// An escalation step fired.
        Escalated = "escalated",
        /// Escalation has nobody left to call.
        EscalationExhausted = "escalation_exhausted",
        /// The excursion lasts longer than allowed.
        MaxExcursion = "max_excursion",
        /// Somebody was notified, or not, and why.
        NotificationDecided = "notification_decided",
        /// The condition cleared.
        ResolvedAuto = "resolved_auto",
        /// A person closed it.
        ResolvedManual = "resolved_manual",
        /// It took the place of one closed too early.
        Reraised = "reraised",
        /// Somebody wrote down what was done.
        CorrectiveActionAdded = "corrective_action_added",
    }
}

/// Names an open alert inside its unit; at most one is open per key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AlertKey {
    /// What is wrong.
    pub alert_type: AlertType,
    /// With which device, for types that are per device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
}

/// The reading that opened an excursion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// Its temperature.
    pub temperature: Temperature,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// Who took an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// What they said, at most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How an alert ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// By itself or by a person.
    pub kind: ResolutionKind,
    /// The person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// When.
    pub at: Timestamp,
    /// What they said, 1–2,000 characters; the reason where there was no person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One alert. Condition times say when it was true, record times when the system knew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Id; nil only between a step and the service that assigns it.
    pub id: AlertId,
    /// Site of the unit.
    pub site: SiteId,
    /// Area of the unit.
    pub area: AreaId,
    /// The unit.
    pub unit: UnitId,
    /// Type and device.
    #[serde(flatten)]
    pub key: AlertKey,
    /// How bad; only ever rises.
    pub severity: Severity,
    /// Where it is in its life.
    pub status: AlertStatus,
    /// One line for people: unit, value and limit in the authored scale.
    pub title: String,
    /// Since when the condition held (condition time).
    pub condition_since: Timestamp,
    /// The first out-of-range reading, readings held back by an open door included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_out_at: Option<Timestamp>,
    /// When the excursion was confirmed (condition time).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Timestamp>,
    /// When the condition ended (condition time).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleared_at: Option<Timestamp>,
    /// When it was raised (record time).
    pub raised_at: Timestamp,
    /// Why it was raised then.
    pub raise_reason: RaiseReason,
    /// Which limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub violated: Option<Violated>,
    /// The reading that opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// The limit as authored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// The worst value so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extreme: Option<Temperature>,
    /// Who took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Resolution>,
    /// Escalation steps that have fired.
    #[serde(default)]
    pub escalation_level: u16,
    /// When a page was first handed to a provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paged_at: Option<Timestamp>,
    /// When the next escalation step is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_escalation_at: Option<Timestamp>,
    /// When escalation ran out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation_exhausted_at: Option<Timestamp>,
    /// The incident it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// The alert it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlated_with: Option<AlertId>,
    /// The alert that was closed too early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reraised_from: Option<AlertId>,
    /// Whether somebody still has to write down what was done.
    #[serde(default)]
    pub corrective_action_pending: bool,
    /// Whether somebody has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub corrective_action_recorded: bool,
    /// Version of the rules it was judged by.
    #[serde(default)]
    pub rules_version: i64,
    /// Raised by one with each change.
    pub version: i64,
}

/// One line of an alert's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertEvent {
    /// The alert.
    pub alert: AlertId,
    /// When (record time).
    pub at: Timestamp,
    /// What happened.
    pub kind: AlertEventKind,
    /// Who.
    pub actor: Actor,
    /// The rest, as JSON object.
    pub details: serde_json::Value,
}
