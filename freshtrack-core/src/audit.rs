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
use sha2::{Digest, Sha256};
use std::fmt::Write;

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
#[serde(deny_unknown_fields)]
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

impl AuditEvent {
    /// The event that `draft` becomes as number `seq` of a chain whose newest hash is `previous_hash`.
    #[must_use]
    pub fn append(org: OrgId, seq: i64, previous_hash: String, draft: AuditDraft) -> Self {
        let hash = chain_hash(&previous_hash, &draft.canonical(org, seq));
        Self {
            org,
            seq,
            draft,
            previous_hash,
            hash,
        }
    }

    /// Whether the stored hash is the hash of the stored content.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.hash
            == chain_hash(
                &self.previous_hash,
                &self.draft.canonical(self.org, self.seq),
            )
    }
}

/// `SHA-256(previous ‖ canonical)` as 64 lower-case hex digits; `previous` goes in as its hex text.
///
/// This one function makes and checks every chain, whatever the store.
#[must_use]
pub fn chain_hash(previous: &str, canonical: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(previous.as_bytes());
    hash.update(canonical.as_bytes());
    let mut hex = String::with_capacity(64);
    for byte in hash.finalize() {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
    }
    hex
}

/// Recomputes a stretch of a chain that follows event `after` (its number and hash; `(0, `
/// [`CHAIN_START`]`)` for the beginning), and answers the number of the first event that does not fit.
///
/// An event fits if its number and previous hash continue the one before and its own hash is right.
#[must_use]
pub fn first_unsound(after: (i64, &str), events: &[AuditEvent]) -> Option<i64> {
    let (mut seq, mut hash) = (after.0, after.1);
    for event in events {
        seq += 1;
        if event.seq != seq || event.previous_hash != hash || !event.is_sound() {
            return Some(seq);
        }
        hash = &event.hash;
    }
    None
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use uuid::Uuid;

    fn draft(data: serde_json::Value) -> AuditDraft {
        AuditDraft {
            at: Timestamp::from_seconds(1_700_000_000),
            actor: Actor::System,
            category: AuditCategory::System,
            kind: "test.happened".to_owned(),
            severity: AuditSeverity::Info,
            title: "Something happened".to_owned(),
            refs: AuditRefs::default(),
            data,
        }
    }

    fn chain(length: i64) -> Vec<AuditEvent> {
        let org = OrgId::from_uuid(Uuid::from_u128(1));
        let mut events: Vec<AuditEvent> = Vec::new();
        for seq in 1..=length {
            let previous = events
                .last()
                .map_or_else(|| CHAIN_START.to_owned(), |e| e.hash.clone());
            events.push(AuditEvent::append(
                org,
                seq,
                previous,
                draft(json!({"n": seq})),
            ));
        }
        events
    }

    /// Worked out with `printf '%064d%s' 0 '{}' | sha256sum`.
    #[test]
    fn the_hash_is_over_the_hex_text_and_the_canonical_json() {
        assert_eq!(
            chain_hash(CHAIN_START, "{}"),
            "5508d2b710e64bc470079e1b211d9c58e21011e59d0559e422345dc19d659a75"
        );
    }

    #[test]
    fn members_that_are_null_do_not_change_the_hash_and_order_does_not_matter() {
        let org = OrgId::from_uuid(Uuid::from_u128(1));
        let one = draft(json!({"a": 1, "b": null, "c": [{"d": null}]}));
        let other = draft(json!({"c": [{}], "a": 1}));
        assert_eq!(one.canonical(org, 1), other.canonical(org, 1));
        assert_ne!(one.canonical(org, 1), one.canonical(org, 2));
    }

    #[test]
    fn a_chain_verifies_whole_and_in_stretches() {
        let events = chain(5);
        assert_eq!(first_unsound((0, CHAIN_START), &events), None);
        assert_eq!(first_unsound((2, &events[1].hash), &events[2..]), None);
    }

    /// Acceptance example A-69.
    #[test]
    fn one_changed_byte_in_a_thousand_events_is_found_where_it_is() {
        let mut events = chain(1_000);
        events[416].draft.title.push('.');
        assert_eq!(first_unsound((0, CHAIN_START), &events), Some(417));
        let mut relinked = chain(10);
        CHAIN_START.clone_into(&mut relinked[6].previous_hash);
        assert_eq!(first_unsound((0, CHAIN_START), &relinked), Some(7));
    }

    #[test]
    fn a_reference_that_is_none_is_refused() {
        assert!(serde_json::from_str::<AuditRefs>(r#"{"pet":1}"#).is_err());
    }

    #[test]
    fn changing_removing_or_moving_an_event_is_found_where_it_was_done() {
        let mut changed = chain(5);
        changed[2].draft.title = "Nothing happened".to_owned();
        assert_eq!(first_unsound((0, CHAIN_START), &changed), Some(3));

        let mut rehashed = chain(5);
        rehashed[2].draft.title = "Nothing happened".to_owned();
        rehashed[2] = AuditEvent::append(
            rehashed[2].org,
            3,
            rehashed[2].previous_hash.clone(),
            rehashed[2].draft.clone(),
        );
        assert_eq!(first_unsound((0, CHAIN_START), &rehashed), Some(4));

        let mut shortened = chain(5);
        shortened.remove(1);
        assert_eq!(first_unsound((0, CHAIN_START), &shortened), Some(2));

        let mut moved = chain(5);
        moved.swap(1, 2);
        assert_eq!(first_unsound((0, CHAIN_START), &moved), Some(2));
    }
}
