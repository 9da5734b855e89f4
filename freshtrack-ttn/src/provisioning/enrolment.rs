//! What a device is registered with.

use crate::ids::{ApplicationId, DevEui, DeviceName, JoinEui};
use serde::{Deserialize, Serialize};

/// A device inside an application of a network: what every call about it names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeviceRef {
    /// The application.
    pub application: ApplicationId,
    /// The device's id there. Chosen once ([`device_name`]), stored, and used from storage ever after.
    pub name: DeviceName,
}

/// The id we give to a device that has none yet: `sensor-` and its `DevEUI` in lower case.
#[must_use]
pub fn device_name(dev_eui: DevEui) -> DeviceName {
    let name = format!("sensor-{}", dev_eui.to_string().to_lowercase());
    match name.parse() {
        Ok(name) => name,
        Err(_) => unreachable!("`sensor-` and sixteen hexadecimal digits are a device name"),
    }
}

/// LoRaWAN versions, each with the regional parameters that go with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LorawanVersion {
    /// 1.0.2, regional parameters 1.0.2 revision B.
    V1_0_2,
    /// 1.0.3, regional parameters 1.0.3 revision A.
    V1_0_3,
    /// 1.0.4, regional parameters RP002-1.0.3.
    V1_0_4,
}

impl LorawanVersion {
    /// The name of the version in the network's API.
    #[must_use]
    pub const fn mac(self) -> &'static str {
        match self {
            Self::V1_0_2 => "MAC_V1_0_2",
            Self::V1_0_3 => "MAC_V1_0_3",
            Self::V1_0_4 => "MAC_V1_0_4",
        }
    }

    /// The name of its regional parameters in the network's API.
    #[must_use]
    pub const fn phy(self) -> &'static str {
        match self {
            Self::V1_0_2 => "PHY_V1_0_2_REV_B",
            Self::V1_0_3 => "PHY_V1_0_3_REV_A",
            Self::V1_0_4 => "RP002_V1_0_3",
        }
    }
}

/// How a device uses the radio.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Radio {
    /// What it speaks.
    pub version: LorawanVersion,
    /// The network's name of its frequencies, `EU_863_870_TTN` or `US_902_928_FSB_2`.
    pub frequency_plan: String,
    /// Whether it listens all the time.
    pub class_c: bool,
}

/// Why an enrolment cannot be made of the given values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEnrolment {
    /// The network refuses it, and a `DevEUI` of zeros is nobody's.
    #[error("a DevEUI of zeros identifies no device")]
    ZeroDevEui,
    /// Zeros are some makers' placeholder; a join request with them goes nowhere.
    #[error("a JoinEUI of zeros names no join server")]
    ZeroJoinEui,
    /// Not `A-Z 0-9 _`, or too long.
    #[error("a frequency plan is up to 40 of `A-Z 0-9 _`")]
    FrequencyPlan,
    /// More than 50 characters.
    #[error("a device's label has at most 50 characters")]
    Label,
}

/// A device as it shall stand on all four planes. Its key is not here: it is handed to the one call that
/// needs it, and may be dropped afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// Which device of which application.
    pub device: DeviceRef,
    /// Its identifier in the radio.
    pub dev_eui: DevEui,
    /// The identifier of its join server.
    pub join_eui: JoinEui,
    /// What people call it.
    pub label: String,
    /// How it uses the radio.
    pub radio: Radio,
}

impl Enrolment {
    /// Checks what a network would refuse, or worse, accept.
    ///
    /// # Errors
    /// [`InvalidEnrolment`] says which value is wrong.
    pub fn checked(self) -> Result<Self, InvalidEnrolment> {
        if self.dev_eui.as_bytes() == &[0; 8] {
            return Err(InvalidEnrolment::ZeroDevEui);
        }
        if self.join_eui.as_bytes() == &[0; 8] {
            return Err(InvalidEnrolment::ZeroJoinEui);
        }
        let plan = &self.radio.frequency_plan;
        let allowed = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        if plan.is_empty() || plan.len() > 40 || !plan.bytes().all(allowed) {
            return Err(InvalidEnrolment::FrequencyPlan);
        }
        if self.label.chars().count() > 50 {
            return Err(InvalidEnrolment::Label);
        }
        Ok(self)
    }
}
