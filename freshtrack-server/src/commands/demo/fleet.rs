//! The demo's fleet: what each unit does in three hours, and what must be alerted.
//!
//! Pure: the same seed gives the same temperatures.

use super::client::Client;
use crate::onboarding::Onboarded;
use freshtrack_core::time::Timestamp;
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

/// Simulated minutes.
pub(super) const MINUTES: u32 = 180;

/// When the compressor fails, and when somebody has it repaired.
const COMPRESSOR_FAILS: u32 = 60;
const COMPRESSOR_REPAIRED: u32 = 120;
/// When the silent sensor sends its last reading.
const SENSOR_FALLS_SILENT: u32 = 70;

/// A door is opened so often.
const DOOR_EVERY: u32 = 40;

/// The unit that an organization begins with.
const FIRST_UNIT: &str = "First fridge";

/// A fault that was put into the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    /// What happens.
    pub(super) what: &'static str,
    /// Minute at which it begins.
    pub(super) minute: u32,
    /// Type of the alert that must come.
    pub(super) alert_type: &'static str,
    /// Types of alerts that may come with it.
    pub(super) also: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    /// Only the compressor's cycle.
    Normal,
    /// A door opened for some minutes, now and then; its sensor tells.
    DoorOpenings,
    /// A door opened for some minutes, now and then, that has no sensor.
    UnseenDoor,
    /// A defrost that is over within the confirmation time.
    ShortDefrosts,
    /// A defrost of three quarters of an hour above the limit.
    LongDefrost,
    /// The compressor fails and is repaired.
    CompressorFailure,
    /// The sensor stops sending.
    SilentSensor,
}

/// One unit of the fleet.
pub(super) struct SimulatedUnit {
    /// Its name.
    pub(super) name: &'static str,
    /// Its kind.
    pub(super) unit_type: &'static str,
    /// Its id, once it is made.
    pub(super) id: Uuid,
    behaviour: Behaviour,
    /// Middle of its cycle, °C.
    middle: f64,
    /// Half the height of its cycle, °C.
    swing: f64,
    /// Minutes of one cycle.
    cycle: f64,
}

/// All of them.
pub(super) struct Fleet {
    /// The units.
    pub(super) units: Vec<SimulatedUnit>,
    noise: Noise,
}

impl Fleet {
    /// The fleet of a seed.
    pub(super) fn new(seed: u64) -> Self {
        use Behaviour as B;
        let unit = |name, unit_type, behaviour, middle, swing, cycle| SimulatedUnit {
            name,
            unit_type,
            id: Uuid::nil(),
            behaviour,
            middle,
            swing,
            cycle,
        };
        Self {
            units: vec![
                unit(FIRST_UNIT, "fridge", B::Normal, 2.7, 0.6, 24.0),
                unit(
                    "Walk-in cooler",
                    "walk_in_cooler",
                    B::Normal,
                    3.0,
                    0.7,
                    22.0,
                ),
                unit("Line fridge", "fridge", B::DoorOpenings, 2.8, 0.5, 18.0),
                unit(
                    "Reach-in freezer",
                    "freezer",
                    B::UnseenDoor,
                    -21.0,
                    0.9,
                    28.0,
                ),
                unit(
                    "Chest freezer",
                    "freezer",
                    B::ShortDefrosts,
                    -21.5,
                    0.8,
                    30.0,
                ),
                unit(
                    "Walk-in freezer",
                    "walk_in_freezer",
                    B::LongDefrost,
                    -21.0,
                    0.7,
                    32.0,
                ),
                unit(
                    "Prep fridge",
                    "fridge",
                    B::CompressorFailure,
                    3.2,
                    0.6,
                    20.0,
                ),
                unit("Back freezer", "freezer", B::SilentSensor, -22.0, 0.9, 26.0),
                unit(
                    "Blast chiller",
                    "blast_chiller",
                    B::Normal,
                    -30.0,
                    1.5,
                    40.0,
                ),
            ],
            noise: Noise(seed),
        }
    }

    /// Makes the units on the server, beside the one that is there from the start.
    pub(super) async fn install(
        &mut self,
        client: &Client,
        made: &Onboarded,
    ) -> anyhow::Result<()> {
        for unit in &mut self.units {
            unit.id = if unit.name == FIRST_UNIT {
                made.unit.as_uuid()
            } else {
                client
                    .create_unit(made.area.as_uuid(), unit.name, unit.unit_type)
                    .await?
            };
        }
        Ok(())
    }

    /// Names by id.
    pub(super) fn names(&self) -> HashMap<Uuid, &'static str> {
        self.units.iter().map(|unit| (unit.id, unit.name)).collect()
    }

    /// What the sensors send at a minute.
    pub(super) fn readings(&mut self, minute: u32, at: Timestamp) -> Vec<Value> {
        let noise = &mut self.noise;
        self.units
            .iter()
            .filter(|unit| {
                unit.behaviour != Behaviour::SilentSensor || minute <= SENSOR_FALLS_SILENT
            })
            .map(|unit| {
                let celsius = unit.celsius(minute) + noise.next() * 0.08;
                let mut reading = json!({
                    "unit_id": unit.id,
                    "recorded_at": at,
                    "temperature": format!("{celsius:.2}"),
                    "humidity_percent": 62,
                });
                if let Some(door) = unit.door(minute) {
                    reading["door"] = json!(door);
                }
                reading
            })
            .collect()
    }
}

impl SimulatedUnit {
    /// The fault that this unit has, if any.
    pub(super) const fn fault(&self) -> Option<Fault> {
        match self.behaviour {
            Behaviour::CompressorFailure => Some(Fault {
                what: "compressor failure",
                minute: COMPRESSOR_FAILS,
                alert_type: "temp_excursion",
                also: &["suspected_cooling_failure"],
            }),
            Behaviour::SilentSensor => Some(Fault {
                what: "sensor falls silent",
                minute: SENSOR_FALLS_SILENT,
                alert_type: "monitoring_interrupted",
                also: &[],
            }),
            _ => None,
        }
    }

    /// What its door sensor says at a minute, if it has one.
    const fn door(&self, minute: u32) -> Option<&'static str> {
        match (self.behaviour, minute % DOOR_EVERY) {
            (Behaviour::DoorOpenings, 25..27) => Some("open"),
            (Behaviour::DoorOpenings, _) => Some("closed"),
            _ => None,
        }
    }

    /// True air temperature at a minute.
    fn celsius(&self, minute: u32) -> f64 {
        let now = f64::from(minute);
        let usual = self.middle + self.swing * (now / self.cycle * std::f64::consts::TAU).sin();
        match self.behaviour {
            Behaviour::Normal | Behaviour::SilentSensor => usual,
            // 6 minutes of warm air every 40: over the limit for about 3.
            Behaviour::DoorOpenings => usual + pulse(minute % DOOR_EVERY, 25, 6, 3.4),
            // 12 minutes of warm air every 40: over the limit for about 9.
            Behaviour::UnseenDoor => usual + pulse(minute % DOOR_EVERY, 20, 12, 9.0),
            Behaviour::LongDefrost => usual + long_defrost(minute),
            // 8 minutes of heater every 75: over the limit for about 5.
            Behaviour::ShortDefrosts => usual + pulse(minute % 75, 50, 8, 6.0),
            Behaviour::CompressorFailure => self.failing(minute, usual),
        }
    }

    /// Newton's law towards the kitchen, and back once the compressor runs again.
    fn failing(&self, minute: u32, usual: f64) -> f64 {
        const KITCHEN: f64 = 22.0;
        const WARMS_IN: f64 = 180.0;
        const COOLS_IN: f64 = 10.0;
        if minute < COMPRESSOR_FAILS {
            return usual;
        }
        let warm = |minutes: u32| {
            KITCHEN + (self.middle - KITCHEN) * (-f64::from(minutes) / WARMS_IN).exp()
        };
        if minute < COMPRESSOR_REPAIRED {
            return warm(minute - COMPRESSOR_FAILS);
        }
        let peak = warm(COMPRESSOR_REPAIRED - COMPRESSOR_FAILS);
        let since = f64::from(minute - COMPRESSOR_REPAIRED);
        self.middle + (peak - self.middle) * (-since / COOLS_IN).exp()
    }
}

/// What a defrost adds: 25 minutes of heater, up to 17 °C more, then back by half every 7 minutes.
fn long_defrost(minute: u32) -> f64 {
    const BEGINS: u32 = 40;
    const HEATS: u32 = 25;
    const WARMER: f64 = 17.0;
    let after = f64::from(minute.saturating_sub(BEGINS));
    let heats = f64::from(HEATS);
    if after <= heats {
        WARMER * after / heats
    } else {
        WARMER * (-(after - heats) / 10.0).exp()
    }
}

/// A half sine of `height` that begins at minute `from` and lasts `length` minutes.
fn pulse(minute: u32, from: u32, length: u32, height: f64) -> f64 {
    if (from..from + length).contains(&minute) {
        height * (f64::from(minute - from + 1) / f64::from(length + 1) * std::f64::consts::PI).sin()
    } else {
        0.0
    }
}

/// Deterministic noise between −1 and 1 (`SplitMix64`).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let top = u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(0);
        f64::from(top) / f64::from(u32::MAX) * 2.0 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longest_run(unit: &SimulatedUnit, out: impl Fn(f64) -> bool) -> u32 {
        let (mut longest, mut run) = (0, 0);
        for minute in 0..MINUTES {
            run = if out(unit.celsius(minute)) {
                run + 1
            } else {
                0
            };
            longest = longest.max(run);
        }
        longest
    }

    #[test]
    fn healthy_units_recover_within_the_confirmation_time_and_failing_ones_do_not() {
        let fleet = Fleet::new(1);
        let by_name = |name| fleet.units.iter().find(|unit| unit.name == name).unwrap();
        let door = longest_run(by_name("Line fridge"), |c| c > 5.0);
        let defrost = longest_run(by_name("Chest freezer"), |c| c > -17.778);
        assert!((1..8).contains(&door), "{door}");
        assert!((1..8).contains(&defrost), "{defrost}");
        // a plain limit of half an hour would call somebody for this one
        let long = longest_run(by_name("Walk-in freezer"), |c| c > -17.778);
        assert!((35..60).contains(&long), "{long}");
        let unseen = longest_run(by_name("Reach-in freezer"), |c| c > -17.778);
        assert!((5..13).contains(&unseen), "{unseen}");
        assert_eq!(longest_run(by_name("Walk-in cooler"), |c| c > 5.0), 0);
        assert!(longest_run(by_name("Prep fridge"), |c| c > 5.0) > 30);
    }

    #[test]
    fn the_same_seed_tells_the_same_story() {
        let story = |seed| Fleet::new(seed).readings(5, Timestamp::EPOCH);
        assert_eq!(story(1), story(1));
        assert_ne!(story(1), story(2));
    }
}
