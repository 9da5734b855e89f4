//! Live authority: what a committed change of rights, or the end of a token, does to open connections.

use crate::counters::count;
use crate::envelope::Control;
use crate::event::{Message, SeqEffect, ServerEvent};
use crate::hub::connection::{CloseReason, ConnectionId};
use crate::hub::org::Entry;
use crate::hub::registry::Registry;
use crate::hub::{Hub, Shared};
use crate::payload::{
    AuthChanged, AuthExpired, AuthExpiring, AuthRevoked, Millis, SubscriptionError,
};
use crate::topic::{Principal, Topic};
use freshtrack_core::ids::{OrgId, UserId};
use freshtrack_core::principal::Role;
use freshtrack_core::time::{Span, Timestamp};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Most callers one question to the store names.
const PRINCIPALS_PER_QUESTION: usize = 1_000;

impl Hub {
    /// Ends the connections of `principal` in `org`: `auth:revoked`, then a final close.
    ///
    /// Committed changes do this by themselves on every node; this is for what is not an event.
    pub fn revoke(&self, org: OrgId, principal: Principal, reason: &str) {
        let control = Control::Revoke {
            principal,
            reason: reason.to_owned(),
        };
        self.obey(org, &control);
    }

    /// Ends every connection of `org`.
    pub fn revoke_organization(&self, org: OrgId, reason: &str) {
        let reason = reason.to_owned();
        self.obey(org, &Control::RevokeOrganization { reason });
    }

    /// Carries on with another role: `auth:changed`.
    pub fn change_role(&self, org: OrgId, user: UserId, role: Role) {
        self.obey(org, &Control::RoleChanged { user, role });
    }

    /// Takes everybody out of a room that no longer holds: `subscription:error` for each.
    pub fn end_topic(&self, org: OrgId, topic: Topic) {
        self.obey(org, &Control::TopicGone { topic });
    }

    fn obey(&self, org: OrgId, control: &Control) {
        let mut registry = self.shared.registry();
        registry.obey(&self.shared, org, control, Instant::now());
    }
}

impl Registry {
    /// Acts on open connections of one organization; answers how many it ended.
    pub(crate) fn obey(
        &mut self,
        cx: &Shared,
        org: OrgId,
        control: &Control,
        now: Instant,
    ) -> usize {
        let Some(state) = self.orgs.get_mut(&org) else {
            return 0;
        };
        let mut ended = 0;
        for entry in state.connections.values_mut() {
            match control {
                Control::Revoke { principal, reason } => {
                    if entry.principal == *principal {
                        ended += usize::from(revoke(cx, entry, reason, now));
                    }
                }
                Control::RevokeOrganization { reason } => {
                    ended += usize::from(revoke(cx, entry, reason, now));
                }
                Control::RoleChanged { user, role } => {
                    if entry.principal.user() == Some(*user) && entry.role != *role {
                        entry.role = *role;
                        let payload = AuthChanged { role: *role };
                        tell(entry, ServerEvent::AuthChanged, &payload, now);
                    }
                }
                Control::TopicGone { topic } => leave_gone(entry, *topic, now),
            }
        }
        ended
    }

    /// `auth:expiring` once the token has less than a minute left.
    pub(crate) fn warn_of_expiry(
        &mut self,
        cx: &Shared,
        org: OrgId,
        id: ConnectionId,
        now: Instant,
    ) {
        let wall = cx.ports.clock.now();
        if let Some(entry) = self.entry(org, id) {
            expire(cx, entry, wall, now);
        }
    }

    /// Warns of tokens that end soon and closes connections whose token has ended.
    pub(crate) fn expire_tokens(&mut self, cx: &Shared, now: Instant) {
        let wall = cx.ports.clock.now();
        for state in self.orgs.values_mut() {
            for entry in state.connections.values_mut() {
                expire(cx, entry, wall, now);
            }
        }
    }
}

impl Shared {
    /// The second wall: asks the store who still belongs to the organization.
    pub(crate) async fn revalidate(&self, org: OrgId) {
        let principals: Vec<Principal> = {
            let registry = self.registry();
            let Some(state) = registry.orgs.get(&org) else {
                return;
            };
            let own: HashSet<_> = state.connections.values().map(|e| e.principal).collect();
            own.into_iter().collect()
        };
        for asked in principals.chunks(PRINCIPALS_PER_QUESTION) {
            let valid = match self.ports.membership.still_valid(org, asked).await {
                Ok(valid) => valid,
                Err(error) => {
                    count(&self.counters.port_failures, 1);
                    tracing::warn!(%error, "connections could not be revalidated");
                    return;
                }
            };
            let mut registry = self.registry();
            for principal in asked.iter().filter(|p| !valid.contains(p)) {
                let control = Control::Revoke {
                    principal: *principal,
                    reason: "access_ended".to_owned(),
                };
                registry.obey(self, org, &control, Instant::now());
            }
        }
    }
}

fn tell(entry: &Entry, event: ServerEvent, payload: &impl serde::Serialize, now: Instant) {
    let message = Message::direct(event, payload, SeqEffect::Keep);
    entry.mail.put(Arc::new(message), now);
}

/// Whether it was open until now.
fn revoke(cx: &Shared, entry: &Entry, reason: &str, now: Instant) -> bool {
    if entry.mail.closing().is_some() {
        return false;
    }
    let payload = AuthRevoked {
        reason: reason.to_owned(),
    };
    let farewell = Message::direct(ServerEvent::AuthRevoked, &payload, SeqEffect::Keep);
    entry.mail.close(CloseReason::Revoked, Some(farewell), now);
    count(&cx.counters.revocations, 1);
    true
}

fn leave_gone(entry: &mut Entry, topic: Topic, now: Instant) {
    if !entry.rooms.leave(topic) {
        return;
    }
    let id = match topic {
        Topic::Organization => String::new(),
        Topic::Site(site) => site.to_string(),
        Topic::Unit(unit) => unit.to_string(),
    };
    let payload = SubscriptionError {
        entity: topic.entity(),
        entity_id: id,
        message: "Access denied",
        code: "access_denied",
    };
    tell(entry, ServerEvent::SubscriptionError, &payload, now);
}

fn expire(cx: &Shared, entry: &mut Entry, wall: Timestamp, now: Instant) {
    let Some(end) = entry.expires_at else {
        return;
    };
    if wall >= end + span(cx.config.expiry_skew) {
        let farewell = Message::direct(ServerEvent::AuthExpired, &AuthExpired {}, SeqEffect::Keep);
        entry.mail.close(CloseReason::Expired, Some(farewell), now);
    } else if wall + span(cx.config.expiry_notice) >= end && !entry.warned {
        entry.warned = true;
        let payload = AuthExpiring {
            expires_at: Millis(end),
        };
        tell(entry, ServerEvent::AuthExpiring, &payload, now);
    }
}

fn span(duration: Duration) -> Span {
    Span::from_micros(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
}
