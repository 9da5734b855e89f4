//! Audit: who changed what, in an order that cannot be rearranged unnoticed.
//!
//! Every change hands its [`Journal`] to the store, which writes it in the transaction of the change:
//! audit events into the organization's hash chain, outbox events into its sequence.

use crate::event::OutboxDraft;
use crate::ids::{AlertId, AreaId, DeviceId, OrgId, SiteId, UnitId};
use crate::principal::Actor;
use crate::time::Timestamp;
use crate::wire_enum;
use serde::{Deserialize, Serialize};

wire_enum! {
    /// What an audit event is about.
    AuditCategory {
        /// Alerts and unit states.
        Alert = "alert",
        /// Rules and policies.
        Rule = "rule",
        /// Settings of organization and places.
        Settings = "settings",
        /// Members and roles.
        Member = "member",
        /// Devices, assignments, calibrations.
        Device = "device",
        /// Logs, actions, exports.
        Data = "data",
        /// Billing.
        Billing = "billing",
        /// Keys, links, impersonation.
        Access = "access",
        /// FreshTrack itself.
        System = "system",
    }
}

wire_enum! {
    /// How loud an audit event is shown.
    AuditSeverity {
        /// For the record.
        Info = "info",
        /// Something ended well.
        Success = "success",
        /// Worth a look.
        Warning = "warning",
        /// Worth a look now.
        Critical = "critical",
    }
}

/// The rows an audit event refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AuditRefs {
    /// Site.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub site: Option<SiteId>,
    /// Area.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub area: Option<AreaId>,
    /// Unit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<UnitId>,
    /// Device.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device: Option<DeviceId>,
    /// Alert.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alert: Option<AlertId>,
}

/// An audit event to be written with a change; the store gives it sequence and hashes.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditDraft {
    /// When, by the record's clock.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// About what.
    pub category: AuditCategory,
    /// Stable type name, e.g. `alert.acknowledged`, `unit.created`.
    pub kind: String,
    /// How loud.
    pub severity: AuditSeverity,
    /// One line for people; holds no personal data and no secret.
    pub title: String,
    /// Rows concerned.
    pub refs: AuditRefs,
    /// Details: integers, strings, booleans, objects and lists; never a float, so that its canonical
    /// form is the same everywhere.
    pub data: serde_json::Value,
}

/// A committed audit event.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEvent {
    /// The organization.
    pub org: OrgId,
    /// Place in the organization's chain: gapless from 1.
    pub seq: i64,
    /// What was recorded.
    pub draft: AuditDraft,
    /// Hash of the event before, 64 hex digits; zeros for the first.
    pub previous_hash: String,
    /// This event's hash, 64 hex digits.
    pub hash: String,
}

/// `previous_hash` of the first event of a chain.
pub const CHAIN_START: &str = "0000000000000000000000000000000000000000000000000000000000000000";

impl AuditDraft {
    /// The event without its hash fields as RFC 8785 canonical JSON: what the chain hashes.
    ///
    /// # Panics
    /// Never: every JSON value has a canonical form.
    #[must_use]
    pub fn canonical(&self, org: OrgId, seq: i64) -> String {
        let mut value = serde_json::json!({
            "org": org,
            "seq": seq,
            "at": self.at,
            "actor": self.actor,
            "category": self.category,
            "type": self.kind,
            "severity": self.severity,
            "title": self.title,
            "refs": self.refs,
            "data": self.data,
        });
        drop_nulls(&mut value);
        serde_json_canonicalizer::to_string(&value).expect("a JSON value has a canonical form")
    }
}

/// Removes null members: absent and null must hash alike, whichever a store gives back.
fn drop_nulls(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// What a change leaves behind beside its rows, written in the same transaction.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Journal {
    /// Audit events, in order.
    pub audit: Vec<AuditDraft>,
    /// Outbox events, in order.
    pub outbox: Vec<OutboxDraft>,
}
