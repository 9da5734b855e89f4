//! What four planes together say of a device, and of all devices of an application.

use super::enrolment::{DeviceRef, Enrolment};
use super::fault::LnsFault;
use super::plane::{Plane, PlaneSet};
use crate::ids::{DevEui, DeviceName};
use crate::ports::DevicePlanes;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How a device stands on its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Diagnosis {
    /// On all four planes.
    FullyProvisioned,
    /// On none.
    NotProvisioned,
    /// It has an identity and no keys: it can never join.
    SplitBrainNoKeys,
    /// It has no identity, and others still have it: it takes its ids' place.
    SplitBrainOrphaned,
    /// Identity and keys, and some of the rest is missing.
    Partial,
    /// What stands under its name is another device.
    ForeignConflict,
}

/// A diagnosis with what it was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examination {
    /// The verdict.
    pub diagnosis: Diagnosis,
    /// The planes that have the device.
    pub present: PlaneSet,
}

/// Reads all four planes.
///
/// # Errors
/// [`LnsFault`] if one does not answer: half an examination is none.
pub async fn examine(
    planes: &dyn DevicePlanes,
    enrolment: &Enrolment,
) -> Result<Examination, LnsFault> {
    let mut present = PlaneSet::default();
    let mut foreign = false;
    for plane in Plane::ALL {
        if let Some(record) = planes.read(plane, &enrolment.device).await? {
            present.insert(plane);
            foreign |= !record.is_of(enrolment);
        }
    }
    Ok(Examination {
        diagnosis: diagnose(present, foreign),
        present,
    })
}

/// The verdict on some planes having a device.
#[must_use]
pub fn diagnose(present: PlaneSet, foreign: bool) -> Diagnosis {
    if foreign {
        return Diagnosis::ForeignConflict;
    }
    match (
        present.contains(Plane::Identity),
        present.contains(Plane::Join),
        present.iter().count(),
    ) {
        (_, _, 0) => Diagnosis::NotProvisioned,
        (_, _, 4) => Diagnosis::FullyProvisioned,
        (false, _, _) => Diagnosis::SplitBrainOrphaned,
        (true, false, _) => Diagnosis::SplitBrainNoKeys,
        (true, true, _) => Diagnosis::Partial,
    }
}

/// A device as an application lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name there.
    pub name: DeviceName,
    /// Its identifier in the radio, if it has one yet.
    pub dev_eui: Option<DevEui>,
}

/// A difference between our table and an application's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Discrepancy {
    /// The network has a device that we do not: somebody made it by hand; it may be adopted.
    Unknown {
        /// Its name there.
        name: DeviceName,
        /// Its identifier.
        dev_eui: DevEui,
    },
    /// We have a device that the network does not.
    Missing {
        /// The name we stored.
        name: DeviceName,
        /// Its identifier.
        dev_eui: DevEui,
    },
    /// Both have it, under two names.
    Renamed {
        /// Its identifier.
        dev_eui: DevEui,
        /// The name we stored.
        ours: DeviceName,
        /// The network's.
        theirs: DeviceName,
    },
}

/// Compares what we think is there with what is. Devices without a `DevEUI` have never joined and are
/// nobody's.
#[must_use]
pub fn reconcile(ours: &[DeviceIn], listed: &[Listed]) -> Vec<Discrepancy> {
    let theirs: BTreeMap<DevEui, &DeviceName> = listed
        .iter()
        .filter_map(|device| Some((device.dev_eui?, &device.name)))
        .collect();
    let known: BTreeSet<DevEui> = ours.iter().map(|device| device.dev_eui).collect();
    let missing = ours
        .iter()
        .filter_map(|device| match theirs.get(&device.dev_eui) {
            None => Some(Discrepancy::Missing {
                name: device.device.name.clone(),
                dev_eui: device.dev_eui,
            }),
            Some(name) if **name != device.device.name => Some(Discrepancy::Renamed {
                dev_eui: device.dev_eui,
                ours: device.device.name.clone(),
                theirs: (*name).clone(),
            }),
            Some(_) => None,
        });
    let unknown = theirs
        .iter()
        .filter(|(dev_eui, _)| !known.contains(dev_eui))
        .map(|(dev_eui, name)| Discrepancy::Unknown {
            name: (*name).clone(),
            dev_eui: *dev_eui,
        });
    missing.chain(unknown).collect()
}

/// A device of ours on a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceIn {
    /// Where it is.
    pub device: DeviceRef,
    /// Its identifier.
    pub dev_eui: DevEui,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_planes_has_one_verdict() {
        for bits in 0..16_u8 {
            let present: PlaneSet = Plane::ALL
                .into_iter()
                .filter(|plane| bits & (1 << *plane as u8) != 0)
                .collect();
            let expected = match bits {
                0 => Diagnosis::NotProvisioned,
                0b1111 => Diagnosis::FullyProvisioned,
                b if b & 1 == 0 => Diagnosis::SplitBrainOrphaned,
                b if b & 2 == 0 => Diagnosis::SplitBrainNoKeys,
                _ => Diagnosis::Partial,
            };
            assert_eq!(diagnose(present, false), expected, "{bits:04b}");
            assert_eq!(diagnose(present, true), Diagnosis::ForeignConflict);
        }
    }

    #[test]
    fn our_table_and_the_network_s_list_differ_in_three_ways() {
        let eui = |n: u8| DevEui::from_bytes([1, 1, 1, 1, 1, 1, 1, n]);
        let ours = |n: u8, name: &str| DeviceIn {
            device: DeviceRef {
                application: "kitchen".parse().unwrap(),
                name: name.parse().unwrap(),
            },
            dev_eui: eui(n),
        };
        let listed = |n: Option<u8>, name: &str| Listed {
            name: name.parse().unwrap(),
            dev_eui: n.map(eui),
        };
        let found = reconcile(
            &[ours(1, "same"), ours(2, "gone"), ours(3, "old-name")],
            &[
                listed(Some(1), "same"),
                listed(Some(3), "new-name"),
                listed(Some(4), "by-hand"),
                listed(None, "never-joined"),
            ],
        );
        let name = |text: &str| text.parse().unwrap();
        assert_eq!(
            found,
            [
                Discrepancy::Missing {
                    name: name("gone"),
                    dev_eui: eui(2)
                },
                Discrepancy::Renamed {
                    dev_eui: eui(3),
                    ours: name("old-name"),
                    theirs: name("new-name")
                },
                Discrepancy::Unknown {
                    name: name("by-hand"),
                    dev_eui: eui(4)
                },
            ]
        );
    }
}
