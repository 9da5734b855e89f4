//! From what readings say they are of to what that is.

use freshtrack_alerts::change::{Resolved, Target};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// What a list of targets asks for, by kind.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) units: HashSet<Uuid>,
    pub(crate) devices: HashSet<Uuid>,
    pub(crate) dev_euis: HashSet<String>,
}

impl Wanted {
    pub(crate) fn of(targets: &[Target]) -> Self {
        let mut wanted = Self::default();
        for target in targets {
            match target {
                Target::Unit(unit) => wanted.units.insert(unit.as_uuid()),
                Target::Device(device) => wanted.devices.insert(device.as_uuid()),
                Target::DevEui(eui) => wanted.dev_euis.insert(eui.clone()),
            };
        }
        wanted
    }
}

/// A device: its id, its `DevEUI`, its unit.
pub(crate) type FoundDevice = (Uuid, Option<String>, Option<Uuid>);

/// What was found, one list per statement.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) units: Vec<Uuid>,
    pub(crate) devices: Vec<FoundDevice>,
    pub(crate) dev_euis: Vec<FoundDevice>,
}

impl Answers {
    /// The answer to each target.
    pub(crate) fn in_order_of(&self, targets: &[Target]) -> Vec<Option<Resolved>> {
        let units: HashSet<Uuid> = self.units.iter().copied().collect();
        let by_id: HashMap<Uuid, Resolved> = self.devices.iter().map(|d| (d.0, of(d))).collect();
        let by_eui: HashMap<&str, Resolved> = self
            .dev_euis
            .iter()
            .filter_map(|device| Some((device.1.as_deref()?, of(device))))
            .collect();
        let answer = |target: &Target| match target {
            Target::Unit(unit) => units.contains(&unit.as_uuid()).then_some(Resolved {
                unit: Some(*unit),
                device: None,
            }),
            Target::Device(device) => by_id.get(&device.as_uuid()).copied(),
            Target::DevEui(eui) => by_eui.get(eui.as_str()).copied(),
        };
        targets.iter().map(answer).collect()
    }
}

fn of(device: &FoundDevice) -> Resolved {
    Resolved {
        unit: device.2.map(Into::into),
        device: Some(device.0.into()),
    }
}
