//! Health of the devices of a unit: battery and probe, each with its own way back.

use super::{is_default, micros};
use crate::food_safety::sensor_truth::{
    Plausibility, Reset, STUCK_AIR, SensorModel, Siblings, StuckValue,
};
use crate::food_safety::series::Quality;
use freshtrack_core::device::{BATTERY_LOW_MV_DEFAULT, Device};
use freshtrack_core::ids::DeviceId;
use freshtrack_core::reading::PLAUSIBLE;
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::Timestamp;
use serde::{Deserialize, Serialize};

const LOW_PERCENT: u8 = 10;
const CLEAR_PERCENT: u8 = 20;
/// How far above its threshold a voltage must rise to count as a new battery, in millivolts.
const CLEAR_MV_ABOVE: u16 = 200;

/// What is remembered of one device, or of the readings that name none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceHealth {
    /// The device.
    #[serde(rename = "d", skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// Effective time of its newest observation.
    #[serde(rename = "s", with = "micros")]
    pub seen: Timestamp,
    /// Since when the battery is low.
    #[serde(
        rename = "b",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub battery_low: Option<Timestamp>,
    /// Since when the probe is at fault.
    #[serde(
        rename = "f",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub fault: Option<Timestamp>,
    /// Whether the newest value was suspect: two in a row are a fault.
    #[serde(rename = "u", skip_serializing_if = "std::ops::Not::not")]
    pub suspect: bool,
    /// Whether its values follow one another.
    #[serde(rename = "p", skip_serializing_if = "is_default")]
    pub plausibility: Plausibility,
    /// Whether they repeat more often than they should.
    #[serde(rename = "k", skip_serializing_if = "is_default")]
    pub stuck: StuckValue,
}

/// What an observation says about the probe that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProbeSignal {
    /// Nothing: it carries no temperature.
    #[default]
    None,
    /// A plausible temperature.
    Plausible,
    /// An impossible one, an error code, or a payload that cannot be decoded.
    Fault,
    /// One that may or may not be true.
    Suspect,
}

/// Air, as far as a reading that came this far is concerned: codes of models were put aside before.
const AIR: SensorModel = SensorModel {
    min: *PLAUSIBLE.start(),
    max: *PLAUSIBLE.end(),
    fault_codes: &[],
    reset_codes: &[],
};

impl DeviceHealth {
    /// Judges a plausible raw value by those before it: what it may be used for, and what it says about
    /// the probe. A jump is doubted until the next value confirms it; a value that repeats too often is
    /// a fault and proves nothing.
    pub(crate) fn judge(
        &mut self,
        at: Timestamp,
        raw: Temperature,
        siblings: Siblings,
    ) -> (Quality, ProbeSignal) {
        if at < self.seen {
            return (Quality::Good, ProbeSignal::Plausible);
        }
        let judged = self
            .plausibility
            .judge(&AIR, at, raw, Reset::None, siblings);
        if self.stuck.step(at, raw, STUCK_AIR) {
            return (Quality::Suspect, ProbeSignal::Fault);
        }
        match judged.quality {
            Quality::Good => (Quality::Good, ProbeSignal::Plausible),
            Quality::Suspect => (Quality::Suspect, ProbeSignal::Suspect),
            Quality::Bad => (Quality::Bad, ProbeSignal::Fault),
        }
    }

    /// Applies what an observation at `at` says about battery and probe.
    pub(crate) fn observe(
        &mut self,
        at: Timestamp,
        signal: ProbeSignal,
        battery: (Option<u8>, Option<u16>),
        device: Option<&Device>,
    ) {
        if at < self.seen {
            return;
        }
        self.seen = at;
        self.observe_battery(at, battery, device);
        match signal {
            ProbeSignal::None => {}
            ProbeSignal::Plausible => {
                self.fault = None;
                self.suspect = false;
            }
            ProbeSignal::Fault => {
                self.fault.get_or_insert(at);
                self.suspect = false;
            }
            ProbeSignal::Suspect => {
                if self.suspect {
                    self.fault.get_or_insert(at);
                }
                self.suspect = true;
            }
        }
    }

    fn observe_battery(
        &mut self,
        at: Timestamp,
        (percent, mv): (Option<u8>, Option<u16>),
        device: Option<&Device>,
    ) {
        let threshold = device.map_or(BATTERY_LOW_MV_DEFAULT, |device| device.battery_low_mv);
        let percent = percent.filter(|percent| *percent > 0);
        let mv = mv.filter(|mv| *mv > 0);
        let low = percent.is_some_and(|percent| percent <= LOW_PERCENT)
            || mv.is_some_and(|mv| mv < threshold);
        let recovered = match (percent, mv) {
            (Some(percent), _) => percent > CLEAR_PERCENT,
            (None, Some(mv)) => mv >= threshold.saturating_add(CLEAR_MV_ABOVE),
            (None, None) => false,
        };
        if low {
            self.battery_low.get_or_insert(at);
        } else if recovered {
            self.battery_low = None;
        }
    }
}
