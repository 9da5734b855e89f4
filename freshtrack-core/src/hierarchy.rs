//! Places: organization → site → area → unit.

use crate::ids::{AreaId, OrgId, SiteId, UnitId, UserId};
use crate::temperature::{Limit, TemperatureUnit};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Declares an enum with wire names, `as_str`, `FromStr` and the list of all values.
#[macro_export]
macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $wire:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $wire)] $variant,)+ }

        impl $name {
            /// Every value, in declared order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The wire name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $wire,)+ }
            }
        }

        impl $crate::hierarchy::WireEnum for $name {
            const NAME: &'static str = stringify!($name);
            const VALUES: &'static [Self] = Self::ALL;

            fn wire_name(self) -> &'static str {
                self.as_str()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::hierarchy::UnknownName;
            fn from_str(text: &str) -> Result<Self, $crate::hierarchy::UnknownName> {
                match text {
                    $($wire => Ok(Self::$variant),)+
                    _ => Err($crate::hierarchy::UnknownName { expected: &[$($wire,)+] }),
                }
            }
        }
    };
}

/// An enumeration with wire names: what API documents and parsers need of it.
pub trait WireEnum: Copy + Sized + Send + Sync + 'static {
    /// Name of the type.
    const NAME: &'static str;
    /// Every value, in declared order.
    const VALUES: &'static [Self];

    /// The wire name.
    fn wire_name(self) -> &'static str;

    /// The value with this wire name.
    #[must_use]
    fn from_wire(name: &str) -> Option<Self> {
        Self::VALUES
            .iter()
            .copied()
            .find(|value| value.wire_name() == name)
    }
}

/// The text is none of an enumeration's wire names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of {}", expected.join(", "))]
pub struct UnknownName {
    /// The names that would have been accepted.
    pub expected: &'static [&'static str],
}

wire_enum! {
    /// Kind of appliance; decides the built-in limits.
    UnitType {
        /// Refrigerator.
        Fridge = "fridge",
        /// Freezer.
        Freezer = "freezer",
        /// Open or glazed display case.
        DisplayCase = "display_case",
        /// Walk-in cooler.
        WalkInCooler = "walk_in_cooler",
        /// Walk-in freezer.
        WalkInFreezer = "walk_in_freezer",
        /// Blast chiller.
        BlastChiller = "blast_chiller",
    }
}

wire_enum! {
    /// Whether a unit is watched by a sensor or by people with thermometers.
    MonitoringMode {
        /// By a sensor; silence is an alert.
        Sensor = "sensor",
        /// By manual logs only.
        Manual = "manual",
    }
}

wire_enum! {
    /// Displayed status of a unit, derived from its axes and written by the engine only.
    UnitStatus {
        /// Nothing to do.
        Ok = "ok",
        /// Out of range, unconfirmed.
        Excursion = "excursion",
        /// Confirmed excursion.
        AlarmActive = "alarm_active",
        /// The sensor has been silent for five intervals or more.
        MonitoringInterrupted = "monitoring_interrupted",
        /// A person has to measure.
        ManualRequired = "manual_required",
        /// Back in range, not yet proven.
        Restoring = "restoring",
        /// The sensor is late.
        Offline = "offline",
    }
}

impl UnitStatus {
    /// The dashboard group: `normal`, `warning`, `critical` or `offline`.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::Ok | Self::Restoring => "normal",
            Self::Excursion | Self::ManualRequired => "warning",
            Self::AlarmActive => "critical",
            Self::MonitoringInterrupted | Self::Offline => "offline",
        }
    }
}

impl UnitType {
    /// Built-in upper and lower limit, authored in °F on the safe side.
    ///
    /// **Source**: FDA Food Code 2022 §3-501.16 for 41 °F; the others are FreshTrack's defaults.
    #[must_use]
    pub const fn default_limits(self) -> (Limit, Limit) {
        match self {
            Self::Fridge | Self::WalkInCooler | Self::DisplayCase => {
                (Limit::fahrenheit(41_000), Limit::fahrenheit(33_000))
            }
            Self::Freezer | Self::WalkInFreezer => {
                (Limit::fahrenheit(0), Limit::fahrenheit(-20_000))
            }
            Self::BlastChiller => (Limit::fahrenheit(-10_000), Limit::fahrenheit(-40_000)),
        }
    }
}

/// An organization: the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Id.
    pub id: OrgId,
    /// Display name, 1–256 characters.
    pub name: String,
    /// Unique handle, `^[a-z0-9-]+$`; fixed at creation.
    pub slug: String,
    /// IANA zone.
    pub timezone: String,
    /// Scale of temperatures in answers and live events.
    pub display_unit: TemperatureUnit,
    /// Whether simulated readings may raise alerts.
    pub simulator_alerts: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Raised by one with each change.
    pub version: i64,
}

/// That something was put into the archive: it is kept, but nothing looks at it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archived {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Option<UserId>,
    /// Names what was archived together, and comes back together.
    pub batch: Uuid,
}

/// Where a site is, for people; nothing is computed from it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SiteDetails {
    /// Street and number, at most 500 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// City, at most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// State or province, at most 64 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Postal code, at most 20 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Country, at most 64 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Latitude in millionths of a degree, north positive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude_micro: Option<i32>,
    /// Longitude in millionths of a degree, east positive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude_micro: Option<i32>,
}

/// What people say of an area.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AreaDetails {
    /// At most 1,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What people say of an appliance.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitDetails {
    /// Who built it, at most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub make: Option<String>,
    /// Which model it is, at most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Serial number, at most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// At most 2,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Position in lists.
    pub sort_order: i32,
}

/// A site of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Id.
    pub id: SiteId,
    /// Name, unique in the organization.
    pub name: String,
    /// IANA zone; the organization's unless set.
    pub timezone: String,
    /// Whether a confirmed temperature alert needs a corrective action to be closed.
    pub corrective_action_required: bool,
    /// What people say of it.
    pub details: SiteDetails,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed, by people.
    pub updated_at: Timestamp,
    /// Raised by one with each change.
    pub version: i64,
    /// Whether and when it was archived.
    pub archived: Option<Archived>,
}

/// An area of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// Id.
    pub id: AreaId,
    /// The site it belongs to.
    pub site_id: SiteId,
    /// Name, unique in the site.
    pub name: String,
    /// Position in lists.
    pub sort_order: i32,
    /// What people say of it.
    pub details: AreaDetails,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed, by people.
    pub updated_at: Timestamp,
    /// Raised by one with each change.
    pub version: i64,
    /// Whether and when it was archived.
    pub archived: Option<Archived>,
}

/// A monitored appliance. Its limits and timings are rules, not fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Id.
    pub id: UnitId,
    /// The site it stands in.
    pub site_id: SiteId,
    /// The area it stands in.
    pub area_id: AreaId,
    /// Name, unique in the area.
    pub name: String,
    /// Kind of appliance.
    pub unit_type: UnitType,
    /// How it is watched.
    pub monitoring_mode: MonitoringMode,
    /// Since when it is watched: creation, change of mode, or restore.
    pub monitoring_started_at: Timestamp,
    /// Displayed status, as the engine last wrote it.
    pub status: UnitStatus,
    /// What people say of it.
    pub details: UnitDetails,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed, by people.
    pub updated_at: Timestamp,
    /// Raised by one with each change.
    pub version: i64,
    /// Whether and when it was archived.
    pub archived: Option<Archived>,
}

/// Longest name, in characters.
pub const NAME_CHARS_MAX: usize = 256;

/// Trims a name and checks it: 1–256 characters, no control characters.
///
/// # Errors
/// [`InvalidName`] for anything else.
pub fn parse_name(text: &str) -> Result<String, InvalidName> {
    let name = text.trim();
    let length = name.chars().count();
    if length == 0 || length > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(InvalidName);
    }
    Ok(name.to_owned())
}

/// The text cannot be a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 256 characters and no control characters")]
pub struct InvalidName;

/// A handle made from a name: lower-case ASCII letters, digits and single hyphens.
#[must_use]
pub fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() {
        "organization".to_owned()
    } else {
        slug.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(parse_name("  Walk-in 2 "), Ok("Walk-in 2".to_owned()));
        assert_eq!(parse_name("  "), Err(InvalidName));
        assert_eq!(parse_name("a\u{7}b"), Err(InvalidName));
        assert!(parse_name(&"ü".repeat(256)).is_ok());
        assert_eq!(parse_name(&"ü".repeat(257)), Err(InvalidName));
    }

    #[test]
    fn wire_names_parse_back_and_others_name_what_is_allowed() {
        for status in UnitStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
        }
        let error = "toaster".parse::<UnitType>().unwrap_err();
        assert!(error.to_string().contains("walk_in_freezer"));
    }

    #[test]
    fn slugs_hold_only_lower_case_letters_digits_and_single_hyphens() {
        assert_eq!(slug_of("Joe's  Diner & Grill!"), "joe-s-diner-grill");
        assert_eq!(slug_of("日本"), "organization");
    }
}
