//! Notification policy: who is told, on which channel, how often; inherited field by field like rules.

use crate::alert::{AlertType, Severity};
use crate::escalation::Plan;
use crate::quiet_hours::QuietHours;
use crate::rules::RuleScope;
use freshtrack_core::hierarchy::Unit;
use freshtrack_core::ids::OrgId;
use freshtrack_core::principal::Role;
use freshtrack_core::wire_enum;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

wire_enum! {
    /// How somebody is reached.
    Channel {
        /// A notice in the application; not a page.
        InApp = "in_app",
        /// E-mail.
        Email = "email",
        /// Text message.
        Sms = "sms",
        /// Push; reserved.
        Push = "push",
    }
}

/// One step of escalation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyStep {
    /// Seconds after the step before.
    pub delay_seconds: u32,
    /// Contacts up to this priority (0 is called first); none of them if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_priority_max: Option<u32>,
    /// Members with one of these roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// On which channels.
    pub channels: Vec<Channel>,
}

/// The fields of a policy; an absent field is inherited.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyFields {
    /// Channels of the first message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_channels: Option<Vec<Channel>>,
    /// Members it goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify_roles: Option<Vec<Role>>,
    /// Steps of escalation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<PolicyStep>>,
    /// How often the last step is repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat_cap: Option<u16>,
    /// When messages wait; never for critical alerts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
    /// Channels of the message that it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_resolved: Option<Vec<Channel>>,
}

/// Policy fields set at one scope, for some alerts or for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySet {
    /// Where it is set.
    pub scope: RuleScope,
    /// The unit, area, site or organization.
    pub scope_id: Uuid,
    /// Only for alerts of this type, if given.
    pub alert_type: Option<AlertType>,
    /// Only for alerts of this severity, if given.
    pub severity: Option<Severity>,
    /// The fields.
    pub fields: PolicyFields,
    /// Raised by one with each change.
    pub version: i64,
}

/// The policy of one alert, every field decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectivePolicy {
    /// Channels of the first message.
    pub initial_channels: Vec<Channel>,
    /// Members it goes to.
    pub notify_roles: Vec<Role>,
    /// Steps of escalation.
    pub steps: Vec<PolicyStep>,
    /// How often the last step is repeated.
    pub repeat_cap: u16,
    /// When messages wait.
    pub quiet_hours: Option<QuietHours>,
    /// Channels of the message that it is over.
    pub send_resolved: Vec<Channel>,
}

impl EffectivePolicy {
    /// The built-in policy of a severity.
    #[must_use]
    pub fn built_in(severity: Severity) -> Self {
        use Channel::{Email, InApp, Sms};
        let chiefs = vec![Role::Owner, Role::Admin];
        let step = |minutes: u32, priority, roles: &[Role], channels: &[Channel]| PolicyStep {
            delay_seconds: minutes * 60,
            contact_priority_max: Some(priority),
            roles: roles.to_vec(),
            channels: channels.to_vec(),
        };
        let (initial_channels, steps, repeat_cap, send_resolved) = match severity {
            Severity::Critical => (
                vec![InApp, Email, Sms],
                vec![
                    step(15, 0, &[], &[Sms, Email]),
                    step(15, 1, &[], &[Sms, Email]),
                    step(15, u32::MAX, &chiefs, &[Sms, Email]),
                ],
                12,
                vec![InApp, Email],
            ),
            Severity::Warning => (
                vec![InApp],
                vec![step(30, 0, &[], &[Email]), step(30, 1, &[], &[Email])],
                4,
                vec![InApp],
            ),
            Severity::Info => (vec![InApp], Vec::new(), 0, Vec::new()),
        };
        Self {
            initial_channels,
            notify_roles: chiefs,
            steps,
            repeat_cap,
            quiet_hours: None,
            send_resolved,
        }
    }

    /// The delays of its escalation, as the engine keeps them.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let delays: Vec<u32> = self.steps.iter().map(|step| step.delay_seconds).collect();
        Plan::new(&delays, self.repeat_cap)
    }
}

/// The policy of alerts of one type and severity at `unit`: nearest scope first, and at the same scope
/// the more specific set first.
#[must_use]
pub fn resolve(
    sets: &[PolicySet],
    org: OrgId,
    unit: &Unit,
    alert_type: AlertType,
    severity: Severity,
) -> EffectivePolicy {
    let distance = |set: &PolicySet| {
        let scope = match set.scope {
            RuleScope::Unit => (set.scope_id == unit.id.as_uuid()).then_some(0),
            RuleScope::Area => (set.scope_id == unit.area_id.as_uuid()).then_some(1),
            RuleScope::Site => (set.scope_id == unit.site_id.as_uuid()).then_some(2),
            RuleScope::Organization => (set.scope_id == org.as_uuid()).then_some(3),
        }?;
        let fits = set.alert_type.is_none_or(|own| own == alert_type)
            && set.severity.is_none_or(|own| own == severity);
        fits.then_some((scope, set.alert_type.is_none(), set.severity.is_none()))
    };
    let mut reach: Vec<_> = sets
        .iter()
        .filter_map(|set| Some((distance(set)?, &set.fields)))
        .collect();
    reach.sort_by_key(|(distance, _)| *distance);
    let base = EffectivePolicy::built_in(severity);
    macro_rules! nearest {
        ($field:ident) => {
            reach.iter().find_map(|(_, fields)| fields.$field.clone())
        };
    }
    EffectivePolicy {
        initial_channels: nearest!(initial_channels).unwrap_or(base.initial_channels),
        notify_roles: nearest!(notify_roles).unwrap_or(base.notify_roles),
        steps: nearest!(steps).unwrap_or(base.steps),
        repeat_cap: nearest!(repeat_cap).unwrap_or(base.repeat_cap),
        quiet_hours: match severity {
            Severity::Critical => None,
            Severity::Warning | Severity::Info => nearest!(quiet_hours),
        },
        send_resolved: nearest!(send_resolved).unwrap_or(base.send_resolved),
    }
}
