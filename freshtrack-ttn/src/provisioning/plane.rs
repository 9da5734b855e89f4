//! The four registries a device is in.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One registry of a device; called IS, JS, NS and AS in The Things Stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plane {
    /// Who it is: ids, name, where the others are.
    Identity,
    /// Its root keys.
    Join,
    /// Its radio.
    Network,
    /// Its payload.
    Application,
}

impl Plane {
    /// The order of creation: identity first, or the others refuse.
    pub const ALL: [Self; 4] = [Self::Identity, Self::Join, Self::Network, Self::Application];
    /// The order of removal: identity last, or the others become unreachable.
    pub const REMOVAL: [Self; 4] = [Self::Application, Self::Network, Self::Join, Self::Identity];

    /// The plane after this one in creation.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Identity => Some(Self::Join),
            Self::Join => Some(Self::Network),
            Self::Network => Some(Self::Application),
            Self::Application => None,
        }
    }

    /// The plane after this one in removal.
    #[must_use]
    pub const fn previous(self) -> Option<Self> {
        match self {
            Self::Identity => None,
            Self::Join => Some(Self::Identity),
            Self::Network => Some(Self::Join),
            Self::Application => Some(Self::Network),
        }
    }

    /// The word in records and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Join => "join",
            Self::Network => "network",
            Self::Application => "application",
        }
    }
}

impl fmt::Display for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Some of the planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Plane>", into = "Vec<Plane>")]
pub struct PlaneSet([bool; 4]);

impl PlaneSet {
    /// None of them.
    #[must_use]
    pub const fn from_none() -> Self {
        Self([false; 4])
    }

    /// Adds one.
    pub const fn insert(&mut self, plane: Plane) {
        self.0[plane as usize] = true;
    }

    /// Takes one out.
    pub const fn remove(&mut self, plane: Plane) {
        self.0[plane as usize] = false;
    }

    /// Whether it is among them.
    #[must_use]
    pub const fn contains(self, plane: Plane) -> bool {
        self.0[plane as usize]
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// The first of them in the order of removal.
    #[must_use]
    pub fn next_to_remove(self) -> Option<Plane> {
        Plane::REMOVAL.into_iter().find(|p| self.contains(*p))
    }

    /// All of them, in the order of creation.
    pub fn iter(self) -> impl Iterator<Item = Plane> {
        Plane::ALL.into_iter().filter(move |p| self.contains(*p))
    }
}

impl From<Vec<Plane>> for PlaneSet {
    fn from(planes: Vec<Plane>) -> Self {
        planes.into_iter().collect()
    }
}

impl From<PlaneSet> for Vec<Plane> {
    fn from(set: PlaneSet) -> Self {
        set.iter().collect()
    }
}

impl FromIterator<Plane> for PlaneSet {
    fn from_iter<I: IntoIterator<Item = Plane>>(planes: I) -> Self {
        let mut set = Self::default();
        for plane in planes {
            set.insert(plane);
        }
        set
    }
}
