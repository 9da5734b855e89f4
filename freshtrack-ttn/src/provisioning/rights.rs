//! What a key may do, and what a job needs.
//!
//! Source: The Things Stack, rights of an application API key.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// A right of a key on an application.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Right {
            $($(#[$doc])* #[serde(rename = $text)] $name,)+
        }

        impl Right {
            /// Every right that is told apart.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name in the network's API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

rights! {
    /// Seeing the application.
    Info = "RIGHT_APPLICATION_INFO",
    /// Its settings, webhooks among them.
    SettingsBasic = "RIGHT_APPLICATION_SETTINGS_BASIC",
    /// Making keys.
    SettingsApiKeys = "RIGHT_APPLICATION_SETTINGS_API_KEYS",
    /// Packages, the storage integration among them.
    SettingsPackages = "RIGHT_APPLICATION_SETTINGS_PACKAGES",
    /// Seeing devices.
    DevicesRead = "RIGHT_APPLICATION_DEVICES_READ",
    /// Changing devices.
    DevicesWrite = "RIGHT_APPLICATION_DEVICES_WRITE",
    /// Writing their root keys.
    DevicesWriteKeys = "RIGHT_APPLICATION_DEVICES_WRITE_KEYS",
    /// Reading uplinks.
    TrafficRead = "RIGHT_APPLICATION_TRAFFIC_READ",
    /// Simulating uplinks.
    TrafficUpWrite = "RIGHT_APPLICATION_TRAFFIC_UP_WRITE",
    /// Sending downlinks.
    TrafficDownWrite = "RIGHT_APPLICATION_TRAFFIC_DOWN_WRITE",
}

/// What we do with a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Live uplinks over MQTT, stored ones, and looking at a webhook.
    ReadTraffic,
    /// Creating, changing and removing a webhook.
    ManageWebhook,
    /// Creating, changing and removing devices, keys included.
    ManageDevices,
    /// Sending downlinks.
    Downlink,
    /// Simulating an uplink.
    Simulate,
    /// Turning the storage integration on.
    EnableStorage,
}

impl Job {
    /// Every job.
    pub const ALL: [Self; 6] = [
        Self::ReadTraffic,
        Self::ManageWebhook,
        Self::ManageDevices,
        Self::Downlink,
        Self::Simulate,
        Self::EnableStorage,
    ];

    /// The rights it needs.
    #[must_use]
    pub const fn needs(self) -> &'static [Right] {
        match self {
            Self::ReadTraffic => &[Right::TrafficRead],
            Self::ManageWebhook => &[
                Right::SettingsBasic,
                Right::TrafficRead,
                Right::TrafficDownWrite,
            ],
            Self::ManageDevices => &[
                Right::DevicesRead,
                Right::DevicesWrite,
                Right::DevicesWriteKeys,
            ],
            Self::Downlink => &[Right::TrafficDownWrite],
            Self::Simulate => &[Right::TrafficUpWrite],
            Self::EnableStorage => &[Right::SettingsPackages],
        }
    }

    /// The rights it needs and `held` has not.
    #[must_use]
    pub fn missing(self, held: &BTreeSet<Right>) -> BTreeSet<Right> {
        self.needs()
            .iter()
            .copied()
            .filter(|right| !held.contains(right))
            .collect()
    }
}

/// Reads the names of the API; `ALL` is every right, `LINK` is information and both directions of traffic.
/// Names not told apart here are passed over: they give nothing that a job needs.
#[must_use]
pub fn held<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for name in names {
        match name {
            "RIGHT_ALL" | "RIGHT_APPLICATION_ALL" => rights.extend(Right::ALL),
            "RIGHT_APPLICATION_LINK" => {
                rights.extend([Right::Info, Right::TrafficRead, Right::TrafficDownWrite]);
            }
            name => rights.extend(Right::ALL.iter().filter(|right| right.as_str() == name)),
        }
    }
    rights
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RL-16, over every subset of the ten rights and every job.
    #[test]
    fn rl_16_the_check_names_exactly_what_is_missing() {
        for bits in 0..1_u32 << Right::ALL.len() {
            let names: Vec<&str> = Right::ALL
                .iter()
                .enumerate()
                .filter(|(i, _)| bits & (1 << i) != 0)
                .map(|(_, right)| right.as_str())
                .collect();
            let held = held(names.iter().copied());
            for job in Job::ALL {
                let missing = job.missing(&held);
                for right in job.needs() {
                    assert_eq!(missing.contains(right), !names.contains(&right.as_str()));
                }
                assert!(missing.len() <= job.needs().len());
            }
        }
    }

    #[test]
    fn one_right_may_imply_others() {
        assert_eq!(held(["RIGHT_APPLICATION_ALL"]).len(), Right::ALL.len());
        let link = held(["RIGHT_APPLICATION_LINK", "RIGHT_GATEWAY_INFO"]);
        assert!(Job::ReadTraffic.missing(&link).is_empty());
        assert_eq!(
            Job::ManageWebhook.missing(&link),
            [Right::SettingsBasic].into()
        );
    }
}
