//! Incidents: many silent sensors with one cause are one page, not many.
//!
//! A pure component of one organization. It speaks for silences only: a temperature, fault or door alert
//! never joins, so an incident can neither block nor delay one. Stored as one document with a version
//! and changed in the commit of the evaluation that noticed; what it means for a single unit is handed to
//! that unit's step as its [`Role`].

use crate::monitor::micros;
use freshtrack_core::ids::{AlertId, GatewayId, IncidentId, SiteId, UnitId};
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_core::wire_enum;
use serde::{Deserialize, Serialize};

/// How close together two units of a site must fall silent to be one outage.
pub const SITE_WINDOW: Span = Span::from_minutes(5);
/// Shortest time between an incident's last page and the page of a new lead.
pub const HAND_OVER_AFTER: Span = Span::from_minutes(15);
/// How long evaluation may stand still before silences are blamed on it.
pub const STANDSTILL: Span = Span::from_seconds(120);

wire_enum! {
    /// What the alerts of an incident have in common.
    IncidentKind {
        /// Units of one site fell silent together.
        SiteOutage = "site_outage",
        /// Their gateway went away.
        GatewayOffline = "gateway_offline",
        /// FreshTrack itself stood still.
        PlatformOutage = "platform_outage",
    }
}

/// A unit that is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Its alert.
    pub alert: AlertId,
    /// The unit.
    pub unit: UnitId,
    /// Its site.
    pub site: SiteId,
    /// Since when it is silent.
    pub since: Timestamp,
}

/// An alert of an incident, and its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The alert.
    pub alert: AlertId,
    /// Its unit.
    pub unit: UnitId,
}

/// What an incident means for one unit: whether its silence pages for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// The unit's open alert.
    #[serde(rename = "a")]
    pub alert: AlertId,
    /// The incident it belongs to.
    #[serde(rename = "i")]
    pub incident: IncidentId,
    /// The alert that pages for all.
    #[serde(rename = "l")]
    pub lead: AlertId,
    /// When the lead, a new one, may page.
    #[serde(
        rename = "p",
        default,
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub pages_at: Option<Timestamp>,
    /// Whether this alert has paged, for itself or as the lead.
    #[serde(rename = "s", default)]
    pub spoke: bool,
}

impl Role {
    /// The role as the step is told it, given the one it remembers.
    #[must_use]
    pub fn after(self, remembered: Option<&Self>) -> Self {
        let same = |old: &&Self| old.alert == self.alert && old.incident == self.incident;
        let spoke = remembered.filter(same).map_or(self.spoke, |old| old.spoke);
        Self { spoke, ..self }
    }

    /// Whether this alert is the one that pages.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.lead == self.alert
    }
}

/// Alerts with one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Id.
    pub id: IncidentId,
    /// The cause.
    pub kind: IncidentKind,
    /// The site, unless the whole organization is meant.
    pub site: Option<SiteId>,
    /// The gateway that went away, with the instant it was last seen.
    pub gateway: Option<(GatewayId, Timestamp)>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The alert that pages for all.
    pub lead: Option<AlertId>,
    /// Open alerts, in the order they joined; the lead is one of them.
    pub children: Vec<Member>,
    /// Every alert that ever joined, the first [`MEMBERS_MAX`] of them.
    #[serde(default)]
    pub members: Vec<Member>,
    /// When it last paged.
    pub last_paged_at: Option<Timestamp>,
    /// When a new lead may page that has not yet.
    pub lead_pages_at: Option<Timestamp>,
    /// For a gateway: whether it is back.
    pub gateway_back: bool,
    /// For the platform: from when to when nothing was evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stood_still: Option<(Timestamp, Timestamp)>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
}

/// Most alerts an incident remembers by name.
pub const MEMBERS_MAX: usize = 1_000;

/// Something that happened to an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncidentChange {
    /// It was opened.
    Opened(IncidentId),
    /// An alert joined it.
    Joined(IncidentId, AlertId),
    /// This alert pages for it from now on, and does so now.
    Leads(IncidentId, AlertId),
    /// It is over.
    Closed(IncidentId),
}

/// The silences and incidents of one organization.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Outages {
    /// Open incidents.
    pub incidents: Vec<Incident>,
    /// Silences in no incident.
    pub alone: Vec<Silence>,
    /// Until when silences are blamed on a standstill of FreshTrack, see [`Outages::resumed`].
    pub standstill: Option<(Timestamp, Timestamp)>,
    /// Incidents that closed and are not taken yet, see [`Outages::take_closed`].
    #[serde(skip)]
    pub(crate) closed: Vec<Incident>,
}

/// [`Outages`] as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredOutages {
    /// The silences and incidents.
    pub outages: Outages,
    /// Raised by one with each change; 0 before the first.
    pub version: i64,
}

impl Outages {
    /// A unit fell silent. Answers what that means; nothing if it is alone, and then it pages itself.
    pub fn fell_silent(
        &mut self,
        silence: Silence,
        now: Timestamp,
        fresh: &mut dyn FnMut() -> IncidentId,
    ) -> Vec<IncidentChange> {
        let mut changes = Vec::new();
        if let Some(still) = self.standstill.filter(|(_, resumed_at)| *resumed_at == now) {
            let known = |incident: &Incident| incident.kind == IncidentKind::PlatformOutage;
            let index = self.incidents.iter().position(known).unwrap_or_else(|| {
                let kind = IncidentKind::PlatformOutage;
                self.open(kind, None, None, now, fresh(), &mut changes)
            });
            self.incidents[index].stood_still.get_or_insert(still);
            self.join(index, silence, now, &mut changes);
            return changes;
        }
        if let Some(index) = self.incident_for(silence) {
            self.join(index, silence, now, &mut changes);
            return changes;
        }
        let near = |other: &Silence| {
            let apart = silence.since - other.since;
            other.site == silence.site && apart.max(Span::ZERO - apart) <= SITE_WINDOW
        };
        let Some(first) = self.alone.iter().position(near) else {
            self.alone.push(silence);
            return changes;
        };
        let first = self.alone.remove(first);
        let site = Some(silence.site);
        let index = self.open(
            IncidentKind::SiteOutage,
            site,
            None,
            now,
            fresh(),
            &mut changes,
        );
        // the first one paged when it fell silent, alone
        self.incidents[index].last_paged_at = Some(first.since.min(now));
        self.incidents[index].lead = Some(first.alert);
        self.join(index, first, now, &mut changes);
        self.join(index, silence, now, &mut changes);
        changes
    }

    /// A gateway has not been seen since `last_seen_at`. Units that fell silent after it join.
    pub fn gateway_lost(
        &mut self,
        gateway: GatewayId,
        site: SiteId,
        last_seen_at: Timestamp,
        now: Timestamp,
        fresh: &mut dyn FnMut() -> IncidentId,
    ) -> Vec<IncidentChange> {
        let mut changes = Vec::new();
        let known = self
            .incidents
            .iter()
            .any(|incident| incident.gateway.is_some_and(|(id, _)| id == gateway));
        if known {
            return changes;
        }
        let lost = Some((gateway, last_seen_at));
        let kind = IncidentKind::GatewayOffline;
        let index = self.open(kind, Some(site), lost, now, fresh(), &mut changes);
        let (joining, alone): (Vec<Silence>, Vec<Silence>) = self
            .alone
            .iter()
            .partition(|silence| silence.site == site && silence.since >= last_seen_at);
        self.alone = alone;
        for silence in joining {
            self.incidents[index].lead.get_or_insert(silence.alert);
            self.incidents[index].last_paged_at = Some(silence.since.min(now));
            self.join(index, silence, now, &mut changes);
        }
        changes
    }

    /// A gateway is seen again: its incident ends with its last alert.
    pub fn gateway_seen(&mut self, gateway: GatewayId, now: Timestamp) -> Vec<IncidentChange> {
        for incident in &mut self.incidents {
            if incident.gateway.is_some_and(|(id, _)| id == gateway) {
                incident.gateway_back = true;
            }
        }
        self.close_finished(now)
    }

    /// Evaluation goes on at `now` after the one at `before`. After a standstill of more than
    /// [`STANDSTILL`], units that fall silent in this very evaluation have one cause: FreshTrack.
    pub fn resumed(&mut self, before: Timestamp, now: Timestamp) {
        self.standstill = (now - before > STANDSTILL).then_some((before, now));
    }

    /// An alert was closed. A new lead takes over where the lead is gone.
    pub fn alert_closed(&mut self, alert: AlertId, now: Timestamp) -> Vec<IncidentChange> {
        self.alone.retain(|silence| silence.alert != alert);
        for incident in &mut self.incidents {
            incident.children.retain(|child| child.alert != alert);
            if incident.lead == Some(alert) {
                incident.lead = incident.children.first().map(|child| child.alert);
                let waited = incident.last_paged_at.map(|at| at + HAND_OVER_AFTER);
                incident.lead_pages_at = incident.lead.map(|_| waited.unwrap_or(now).max(now));
            }
        }
        let mut changes = self.hand_over(now);
        changes.extend(self.close_finished(now));
        changes
    }

    /// The lead of an incident paged: a first page, a step or a repetition.
    pub fn paged(&mut self, alert: AlertId, now: Timestamp) {
        for incident in &mut self.incidents {
            if incident.lead == Some(alert) {
                incident.last_paged_at = incident.last_paged_at.max(Some(now));
                incident.lead_pages_at = incident.lead_pages_at.filter(|at| *at > now);
            }
        }
    }

    /// New leads that may page by now.
    pub fn hand_over(&mut self, now: Timestamp) -> Vec<IncidentChange> {
        let mut changes = Vec::new();
        for incident in &mut self.incidents {
            if let (Some(lead), Some(at)) = (incident.lead, incident.lead_pages_at)
                && at <= now
            {
                incident.lead_pages_at = None;
                incident.last_paged_at = Some(now);
                changes.push(IncidentChange::Leads(incident.id, lead));
            }
        }
        changes
    }

    /// When a new lead may page.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let waiting = self
            .incidents
            .iter()
            .filter_map(|incident| incident.lead_pages_at);
        waiting.min()
    }

    /// The incident of an alert.
    #[must_use]
    pub fn of(&self, alert: AlertId) -> Option<&Incident> {
        let mut incidents = self.incidents.iter();
        incidents.find(|incident| incident.has(alert))
    }

    /// Whether this alert's silence is noted already, alone or in an incident.
    #[must_use]
    pub fn knows(&self, alert: AlertId) -> bool {
        self.alone.iter().any(|silence| silence.alert == alert) || self.of(alert).is_some()
    }

    /// What the incident of an alert means for the alert's unit, if it is in one.
    #[must_use]
    pub fn role(&self, alert: AlertId) -> Option<Role> {
        let incident = self.of(alert)?;
        let lead = incident.lead?;
        Some(Role {
            alert,
            incident: incident.id,
            lead,
            pages_at: incident.lead_pages_at,
            spoke: lead == alert && incident.lead_pages_at.is_none(),
        })
    }

    /// Units for which something is different from `before`: they joined, or lead from now on.
    #[must_use]
    pub fn concerned(&self, before: &Self) -> Vec<UnitId> {
        let mut units = Vec::new();
        for incident in &self.incidents {
            for member in &incident.children {
                let was = before.of(member.alert);
                let joined = was.is_none_or(|was| was.id != incident.id);
                let leads = |incident: &Incident| incident.lead == Some(member.alert);
                let took_over = leads(incident) && !was.is_some_and(leads);
                if joined || took_over {
                    units.push(member.unit);
                }
            }
        }
        units.sort_unstable();
        units.dedup();
        units
    }

    /// Incidents that closed since this was last asked, with the instant.
    pub fn take_closed(&mut self) -> Vec<Incident> {
        std::mem::take(&mut self.closed)
    }

    /// Whether another alert pages for this one.
    #[must_use]
    pub fn is_spoken_for(&self, alert: AlertId) -> bool {
        self.of(alert).is_some_and(|incident| {
            incident.lead != Some(alert) || incident.lead_pages_at.is_some()
        })
    }

    fn incident_for(&self, silence: Silence) -> Option<usize> {
        self.incidents
            .iter()
            .position(|incident| match incident.kind {
                IncidentKind::SiteOutage => incident.site == Some(silence.site),
                IncidentKind::GatewayOffline => {
                    incident.site == Some(silence.site)
                        && incident
                            .gateway
                            .is_some_and(|(_, last)| silence.since >= last)
                }
                IncidentKind::PlatformOutage => false,
            })
    }

    fn open(
        &mut self,
        kind: IncidentKind,
        site: Option<SiteId>,
        gateway: Option<(GatewayId, Timestamp)>,
        now: Timestamp,
        id: IncidentId,
        changes: &mut Vec<IncidentChange>,
    ) -> usize {
        self.incidents.push(Incident {
            id,
            kind,
            site,
            gateway,
            opened_at: now,
            lead: None,
            children: Vec::new(),
            members: Vec::new(),
            last_paged_at: None,
            lead_pages_at: None,
            gateway_back: false,
            stood_still: None,
            closed_at: None,
        });
        changes.push(IncidentChange::Opened(id));
        self.incidents.len() - 1
    }

    fn join(
        &mut self,
        index: usize,
        silence: Silence,
        now: Timestamp,
        changes: &mut Vec<IncidentChange>,
    ) {
        let incident = &mut self.incidents[index];
        let member = Member {
            alert: silence.alert,
            unit: silence.unit,
        };
        incident.children.push(member);
        if incident.members.len() < MEMBERS_MAX {
            incident.members.push(member);
        }
        changes.push(IncidentChange::Joined(incident.id, silence.alert));
        if incident.lead.is_none() {
            incident.lead = Some(silence.alert);
            incident.last_paged_at = Some(now);
            changes.push(IncidentChange::Leads(incident.id, silence.alert));
        }
    }

    fn close_finished(&mut self, now: Timestamp) -> Vec<IncidentChange> {
        let over = |incident: &Incident| {
            let gateway_missing = incident.gateway.is_some() && !incident.gateway_back;
            incident.children.is_empty() && !gateway_missing
        };
        let (closed, open): (Vec<Incident>, Vec<Incident>) = std::mem::take(&mut self.incidents)
            .into_iter()
            .partition(over);
        self.incidents = open;
        let mut changes = Vec::new();
        for mut incident in closed {
            incident.closed_at = Some(now);
            changes.push(IncidentChange::Closed(incident.id));
            self.closed.push(incident);
        }
        changes
    }
}

impl Incident {
    /// Whether this open alert belongs to it.
    #[must_use]
    pub fn has(&self, alert: AlertId) -> bool {
        self.children.iter().any(|child| child.alert == alert)
    }
}
