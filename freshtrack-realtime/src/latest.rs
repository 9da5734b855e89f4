//! The newest evaluated reading of each unit, for clients that open a page.
//!
//! A cache: lost at restart without harm, filled from the store at a miss, refreshed by every commit of
//! an organization this node listens to, forgotten when it stops listening.

use crate::outbox_view::ReadingView;
use crate::payload::{LatestPayload, Millis};
use freshtrack_core::ids::{DeviceId, OrgId, ReadingId, UnitId};
use freshtrack_core::reading::{Reading, ReadingSource};
use freshtrack_core::temperature::{Temperature, TemperatureUnit};
use freshtrack_core::time::Timestamp;
use std::collections::{BTreeMap, HashMap};

/// The newest evaluated reading of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatestReading {
    /// Its id.
    pub id: ReadingId,
    /// The unit.
    pub unit: UnitId,
    /// The device that took it.
    pub device: Option<DeviceId>,
    /// Its temperature.
    pub temperature: Option<Temperature>,
    /// Hundredths of a percent.
    pub humidity_centi: Option<i32>,
    /// Percent.
    pub battery_percent: Option<u8>,
    /// dBm.
    pub rssi_dbm: Option<i16>,
    /// When it was taken, by the sender.
    pub recorded_at: Timestamp,
    /// When it counts: never after its arrival, so a future date cannot stick.
    pub effective_at: Timestamp,
    /// Where it came from.
    pub source: ReadingSource,
}

impl LatestReading {
    /// From a stored reading.
    #[must_use]
    pub fn from_stored(reading: &Reading) -> Self {
        Self {
            id: reading.id(),
            unit: reading.unit,
            device: reading.device,
            temperature: reading.temperature,
            humidity_centi: reading.humidity_centi,
            battery_percent: reading.battery_percent,
            rssi_dbm: reading.rssi_dbm,
            recorded_at: reading.recorded_at,
            effective_at: reading.effective_at,
            source: reading.source,
        }
    }

    /// From an event committed at `at`; nothing for a reading that was late or not evaluated.
    #[must_use]
    pub fn from_event(unit: UnitId, at: Timestamp, view: &ReadingView) -> Option<Self> {
        if view.late || view.zone.is_none() {
            return None;
        }
        Some(Self {
            id: view.id,
            unit,
            device: view.device_id,
            temperature: view
                .temperature_milli_celsius
                .map(Temperature::from_milli_celsius),
            humidity_centi: view.humidity_centi,
            battery_percent: view.battery_percent,
            rssi_dbm: view.rssi_dbm,
            recorded_at: view.recorded_at,
            effective_at: view.recorded_at.min(at),
            source: view.source,
        })
    }

    /// The answer to `get:latest`.
    #[must_use]
    pub fn payload(&self, unit: TemperatureUnit) -> LatestPayload {
        LatestPayload {
            id: self.id,
            unit_id: self.unit,
            device_id: self.device,
            temperature: self.temperature.map(|t| t.in_unit(unit)),
            humidity: self.humidity_centi.map(|h| f64::from(h) / 100.0),
            battery: self.battery_percent,
            signal_strength: self.rssi_dbm,
            recorded_at: Millis(self.recorded_at),
            source: self.source,
            temperature_unit: unit,
        }
    }
}

/// Newest evaluated readings, the least recently used forgotten first.
#[derive(Debug)]
pub struct LatestMap {
    capacity: usize,
    entries: HashMap<(OrgId, UnitId), (LatestReading, u64)>,
    used: BTreeMap<u64, (OrgId, UnitId)>,
    clock: u64,
}

impl LatestMap {
    /// A map of at most `capacity` units.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            entries: HashMap::new(),
            used: BTreeMap::new(),
            clock: 0,
        }
    }

    /// Units held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Keeps `reading` if it is newer than what is held.
    pub fn offer(&mut self, org: OrgId, reading: LatestReading) {
        let key = (org, reading.unit);
        let tick = self.tick();
        if let Some((held, used)) = self.entries.get_mut(&key) {
            self.used.remove(used);
            self.used.insert(tick, key);
            *used = tick;
            let newer =
                (reading.effective_at, reading.recorded_at) > (held.effective_at, held.recorded_at);
            if newer {
                *held = reading;
            }
            return;
        }
        if self.entries.len() >= self.capacity
            && let Some((_, oldest)) = self.used.pop_first()
        {
            self.entries.remove(&oldest);
        }
        self.used.insert(tick, key);
        self.entries.insert(key, (reading, tick));
    }

    /// The newest evaluated reading of a unit of this organization, if it is held.
    pub fn get(&mut self, org: OrgId, unit: UnitId) -> Option<LatestReading> {
        let tick = self.tick();
        let (held, used) = self.entries.get_mut(&(org, unit))?;
        self.used.remove(used);
        self.used.insert(tick, (org, unit));
        *used = tick;
        Some(held.clone())
    }

    /// Forgets an organization whose commits no longer arrive here, or of which some were missed.
    pub fn forget(&mut self, org: OrgId) {
        self.entries.retain(|(other, _), _| *other != org);
        self.used.retain(|_, (other, _)| *other != org);
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }
}
