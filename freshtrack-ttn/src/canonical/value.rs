//! Quantities, values, roles and the state of a reading.

use freshtrack_core::temperature::{Temperature, TemperatureUnit};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// The name of one probe within its device, such as `built_in`, `probe`, `channel_2` or a JSON pointer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Probe(Cow<'static, str>);

impl Probe {
    /// The sensor inside the housing.
    pub const BUILT_IN: Self = Self::named("built_in");
    /// The external probe.
    pub const EXTERNAL: Self = Self::named("probe");
    /// The second external probe.
    pub const EXTERNAL_2: Self = Self::named("probe_2");
    /// The device itself: battery and the like.
    pub const DEVICE: Self = Self::named("device");

    /// A probe with a name known at compile time.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Probe {
    fn from(name: String) -> Self {
        Self(Cow::Owned(name))
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a probe's values mean to us.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The air in the appliance: what is watched.
    Cabinet,
    /// The air around the sensor's housing.
    Ambient,
    /// Inside the goods.
    Product,
    /// The electronics; never shown as a temperature reading.
    Board,
    /// Nobody confirmed it; never alarms until a person does.
    Unassigned,
}

/// What is measured.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Temperature in °C.
    Temperature,
    /// Relative humidity in %.
    Humidity,
    /// State of the battery, of any kind.
    Battery,
    /// A door or contact.
    Contact,
    /// Water where none should be.
    Leak,
    /// Anything else, by its name.
    Extra(Cow<'static, str>),
}

/// A measured value, in the one unit its kind has.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// Degrees Celsius.
    Temperature(Temperature),
    /// Percent.
    Humidity(Humidity),
    /// State of the battery.
    Battery(Battery),
    /// A door or contact.
    Contact(Contact),
    /// Water.
    Leak(Leak),
    /// Anything else; finite.
    Extra(f64),
}

/// Relative humidity in thousandths of a percent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Humidity(i32);

impl Humidity {
    /// From thousandths of a percent.
    #[must_use]
    pub const fn from_milli_percent(milli: i32) -> Self {
        Self(milli)
    }

    /// Thousandths of a percent.
    #[must_use]
    pub const fn milli_percent(self) -> i32 {
        self.0
    }
}

/// State of a battery, in the kind its device reports; one kind is never turned into another here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Battery {
    /// Millivolts.
    Volts(i32),
    /// Percent.
    Percent(u8),
    /// Somewhere between these percentages.
    Band(u8, u8),
    /// 0 (empty) to 3 (good); not a percentage.
    Grade(u8),
}

/// A door or contact.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contact {
    /// Open.
    Open,
    /// Closed.
    Closed,
}

/// Water where none should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leak {
    /// Water.
    Wet,
    /// None.
    Dry,
}

/// Whether a reading may be used, and for what.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "quality", content = "cause")]
pub enum Quality {
    /// Good.
    Ok,
    /// The probe is broken or not there: no value. No other probe ever stands in for it.
    Fault(FaultCause),
    /// Beyond what the sensor can measure: kept for diagnosis, never current, alarm or compliance.
    OutOfRange,
    /// A number that is more likely an artefact.
    Suspect,
    /// Real, but nobody knows from when.
    TimeUnknown,
}

/// Why a probe has no value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultCause {
    /// The device sent the number that means "no sensor".
    Sentinel,
    /// The device says the probe is not connected.
    Disconnected,
}

/// Circumstances of a reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// Made by a simulator.
    Simulated,
    /// Older than what is already current.
    Late,
    /// From the device's memory, not its present.
    History,
    /// The frame was shorter than its layout.
    Truncated,
    /// The device says its battery is low.
    LowBattery,
    /// No unit was given.
    UnitAssumed,
    /// The sensor has steps of a degree or more.
    Coarse,
    /// The frame comes from another model than the profile says.
    WrongModel,
}

const ALL_FLAGS: [Flag; 8] = [
    Flag::Simulated,
    Flag::Late,
    Flag::History,
    Flag::Truncated,
    Flag::LowBattery,
    Flag::UnitAssumed,
    Flag::Coarse,
    Flag::WrongModel,
];

/// A set of [`Flag`]s.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u16);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);

    /// With `flag` set.
    #[must_use]
    pub const fn with(self, flag: Flag) -> Self {
        Self(self.0 | 1 << flag as u16)
    }

    /// Whether `flag` is set.
    #[must_use]
    pub const fn contains(self, flag: Flag) -> bool {
        self.0 & 1 << flag as u16 != 0
    }

    /// All set flags, in a fixed order.
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        ALL_FLAGS
            .into_iter()
            .filter(move |flag| self.contains(*flag))
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        self.iter()
            .try_for_each(|flag| seq.serialize_element(&flag))?;
        seq.end()
    }
}

impl Value {
    /// The unit numbers of this kind have, as it is written.
    #[must_use]
    pub const fn unit(&self) -> Option<&'static str> {
        match self {
            Self::Temperature(_) => Some("°C"),
            Self::Humidity(_) => Some("%RH"),
            Self::Battery(Battery::Volts(_)) => Some("V"),
            Self::Battery(Battery::Percent(_) | Battery::Band(..)) => Some("%"),
            Self::Battery(Battery::Grade(_)) => Some("grade"),
            Self::Contact(_) | Self::Leak(_) | Self::Extra(_) => None,
        }
    }
}

impl Serialize for Value {
    /// `{"value": …, "unit": …}`; a band has two values, a contact and a leak are words.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Temperature(t) => map.serialize_entry("value", &t.in_unit(TemperatureUnit::C))?,
            Self::Humidity(h) => map.serialize_entry("value", &(f64::from(h.0) / 1_000.0))?,
            Self::Battery(Battery::Volts(mv)) => {
                map.serialize_entry("value", &(f64::from(*mv) / 1_000.0))?;
            }
            Self::Battery(Battery::Percent(n) | Battery::Grade(n)) => {
                map.serialize_entry("value", n)?;
            }
            Self::Battery(Battery::Band(low, high)) => {
                map.serialize_entry("value", &[low, high])?;
            }
            Self::Contact(contact) => map.serialize_entry("value", contact)?,
            Self::Leak(leak) => map.serialize_entry("value", leak)?,
            Self::Extra(number) => map.serialize_entry("value", number)?,
        }
        if let Some(unit) = self.unit() {
            map.serialize_entry("unit", unit)?;
        }
        map.end()
    }
}
