//! Who is connected, what they can listen to, and whom an event is for.
//!
//! The organization part of a topic always comes from the connection, never from the client, so it is
//! not part of [`Topic`] at all.

use freshtrack_core::ids::{ApiKeyId, SiteId, UnitId, UserId};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Whose credential a connection was opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
pub enum Principal {
    /// A person.
    User(UserId),
    /// A machine credential.
    ApiKey(ApiKeyId),
}

impl Principal {
    /// The person, if it is one.
    #[must_use]
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::ApiKey(_) => None,
        }
    }
}

/// A room of the connection's own organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "entity", content = "id", rename_all = "snake_case")]
pub enum Topic {
    /// Everything of the organization.
    Organization,
    /// One site and its units.
    Site(SiteId),
    /// One unit.
    Unit(UnitId),
}

impl Topic {
    /// The word a client sees: `organization`, `site` or `unit`.
    #[must_use]
    pub const fn entity(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Site(_) => "site",
            Self::Unit(_) => "unit",
        }
    }
}

/// Whom an event is for, inside its organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Audience {
    /// The site it concerns.
    pub site: Option<SiteId>,
    /// The unit it concerns.
    pub unit: Option<UnitId>,
    /// The only person it is for.
    pub user: Option<UserId>,
}

/// The rooms one connection is in.
///
/// Deciding by membership in the *union* of an event's rooms, connection by connection, is what makes
/// each event arrive once however many of its rooms the connection is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rooms {
    organization: bool,
    sites: HashSet<SiteId>,
    units: HashSet<UnitId>,
}

impl Rooms {
    /// The automatic room: everything of the organization.
    #[must_use]
    pub fn organization() -> Self {
        Self {
            organization: true,
            sites: HashSet::new(),
            units: HashSet::new(),
        }
    }

    /// Exactly these topics; the organization's room only if it is among them.
    #[must_use]
    pub fn of(topics: &[Topic]) -> Self {
        let mut rooms = Self {
            organization: false,
            ..Self::organization()
        };
        for topic in topics {
            rooms.join(*topic);
        }
        rooms
    }

    /// Enters a room; entering twice changes nothing.
    pub fn join(&mut self, topic: Topic) {
        match topic {
            Topic::Organization => self.organization = true,
            Topic::Site(site) => {
                self.sites.insert(site);
            }
            Topic::Unit(unit) => {
                self.units.insert(unit);
            }
        }
    }

    /// Leaves a room and tells whether the connection was in it.
    pub fn leave(&mut self, topic: Topic) -> bool {
        match topic {
            Topic::Organization => std::mem::take(&mut self.organization),
            Topic::Site(site) => self.sites.remove(&site),
            Topic::Unit(unit) => self.units.remove(&unit),
        }
    }

    /// Whether the connection is in this room.
    #[must_use]
    pub fn contains(&self, topic: Topic) -> bool {
        match topic {
            Topic::Organization => self.organization,
            Topic::Site(site) => self.sites.contains(&site),
            Topic::Unit(unit) => self.units.contains(&unit),
        }
    }

    /// Number of sites and units, which is what the limit counts.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.sites.len() + self.units.len()
    }

    /// Whether an event for `audience` reaches `principal` in these rooms.
    #[must_use]
    pub fn receive(&self, principal: Principal, audience: Audience) -> bool {
        if let Some(user) = audience.user {
            return principal.user() == Some(user);
        }
        self.organization
            || audience.site.is_some_and(|site| self.sites.contains(&site))
            || audience.unit.is_some_and(|unit| self.units.contains(&unit))
    }
}
