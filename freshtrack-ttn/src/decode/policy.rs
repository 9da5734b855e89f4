//! What is configured for one device.

use crate::canonical::{Chemistry, Probe, Role};
#[cfg(feature = "cayenne")]
use crate::codec::cayenne::CayenneProfile;
#[cfg(feature = "native-codecs")]
use crate::codec::native::NativeProfile;
use crate::event_time::DeviceClock;
use crate::mapping::MappingProfile;
use freshtrack_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How the frames of one device are decoded.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DecodePolicy {
    /// Whose word counts.
    pub mode: DecodeMode,
    /// The built-in decoder of the device's family.
    #[cfg(feature = "native-codecs")]
    pub native: Option<NativeProfile>,
    /// Declared to send `CayenneLPP`; never guessed.
    #[cfg(feature = "cayenne")]
    pub cayenne: Option<CayenneProfile>,
    /// How a formatter's output (script or network) is read; `None` uses the family's own profile, and
    /// without a family the generic rule.
    pub mapping: Option<MappingProfile>,
    /// Roles a person gave to probes; what is not here keeps its codec's role.
    pub roles: BTreeMap<Probe, Role>,
    /// Tighter limits than the sensor's own; beyond them a temperature is `out_of_range`.
    pub limits: RoleLimits,
    /// Which way round the door's contact was mounted.
    pub door: DoorPolarity,
    /// The battery's chemistry, which lets volts be shown as percent; never assumed.
    pub chemistry: Option<Chemistry>,
    /// Whether the device's clock is believed; `None` follows the codec's family.
    pub clock: Option<DeviceClock>,
    /// When the device was registered here; stored values from before are not its own.
    pub registered_at: Option<Timestamp>,
}

/// Whose word counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecodeMode {
    /// Native, own script, the network's fields, then a declared `CayenneLPP`.
    #[default]
    Own,
    /// As `own`, and the network's fields are compared with ours.
    Compare,
    /// The network's fields first.
    PreferNetwork,
    /// Nothing is decoded; the device is still seen.
    Off,
}

/// Which way round a contact was mounted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoorPolarity {
    /// As the codec documents it.
    #[default]
    Documented,
    /// The other way round.
    Inverted,
}

/// Lowest and highest believable temperature per role, milli-degrees Celsius, ends included.
pub type RoleLimits = BTreeMap<Role, (i32, i32)>;
