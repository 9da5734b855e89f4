//! A commit as rows: what a batch of changes writes, with integer keys in place of ids.
//!
//! Both databases look the keys up, ask here for the rows, and write them table by table, so one
//! commit costs one statement per table whatever the number of changes.

use super::chain::{Entries, Head};
use super::column::{At, to_json};
use super::keys::Keys;
use super::rows::codes;
use freshtrack_alerts::alert::Alert;
use freshtrack_alerts::change::{Change, OutagesChange, Record, UnitChange};
use freshtrack_alerts::incident::Incident;
use freshtrack_alerts::log_book::{CorrectiveAction, ManualLog};
use freshtrack_alerts::suppression::Suppression;
use freshtrack_core::device::DeviceSeen;
use freshtrack_core::error::StoreError;
use freshtrack_core::reading::{QuarantinedReading, Reading};
use freshtrack_core::temperature::Temperature;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// New columns of a row of `unit_monitor`.
#[derive(Debug)]
pub(crate) struct MonitorOut {
    pub(crate) unit_key: i64,
    pub(crate) expected: i64,
    pub(crate) body: String,
    pub(crate) status: &'static str,
    pub(crate) next_deadline: Option<At>,
    pub(crate) stored_until: Option<At>,
}

/// Where a reading stands in its series; unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SeriesKey {
    pub(crate) unit_key: i64,
    pub(crate) recorded_at: At,
    pub(crate) device_key: i64,
    pub(crate) probe: i16,
}

/// A row of `reading`.
#[derive(Debug)]
pub(crate) struct ReadingOut {
    pub(crate) key: SeriesKey,
    pub(crate) org_key: i64,
    pub(crate) effective_at: At,
    pub(crate) received_at: At,
    pub(crate) temperature: Option<i32>,
    pub(crate) raw_temperature: Option<i32>,
    pub(crate) reported_unit: i16,
    pub(crate) humidity_centi: Option<i32>,
    pub(crate) battery_percent: Option<i16>,
    pub(crate) battery_mv: Option<i32>,
    pub(crate) rssi_dbm: Option<i16>,
    pub(crate) snr_centi: Option<i32>,
    pub(crate) door: Option<i16>,
    pub(crate) zone: Option<i16>,
    pub(crate) source: i16,
    pub(crate) flags: i16,
}

/// A row of `quarantined_reading`.
#[derive(Debug)]
pub(crate) struct QuarantinedOut {
    pub(crate) key: SeriesKey,
    pub(crate) org_key: i64,
    pub(crate) received_at: At,
    pub(crate) reason: &'static str,
    pub(crate) raw_value: String,
}

/// A row of `door_event`.
#[derive(Debug)]
pub(crate) struct DoorOut {
    pub(crate) org_key: i64,
    pub(crate) unit_key: i64,
    pub(crate) device_key: i64,
    pub(crate) recorded_at: At,
    pub(crate) state: &'static str,
    pub(crate) duration_seconds: Option<i64>,
}

/// What an uplink told about its device.
#[derive(Debug)]
pub(crate) struct SeenOut {
    pub(crate) device_key: i64,
    pub(crate) at: At,
    pub(crate) battery_percent: Option<i16>,
    pub(crate) battery_mv: Option<i32>,
    pub(crate) rssi_dbm: Option<i16>,
}

impl SeenOut {
    fn over(mut self, older: &Self) -> Self {
        self.battery_percent = self.battery_percent.or(older.battery_percent);
        self.battery_mv = self.battery_mv.or(older.battery_mv);
        self.rssi_dbm = self.rssi_dbm.or(older.rssi_dbm);
        self
    }
}

/// A row of `alert`, new or afterwards.
#[derive(Debug)]
pub(crate) struct AlertOut {
    pub(crate) org_key: i64,
    pub(crate) id: Uuid,
    pub(crate) site_key: i64,
    pub(crate) unit_key: i64,
    pub(crate) alert_type: &'static str,
    pub(crate) device_key: i64,
    pub(crate) severity: &'static str,
    pub(crate) status: &'static str,
    pub(crate) raised_at: At,
    pub(crate) body: String,
    pub(crate) version: i64,
}

/// A row of `alert_event`.
#[derive(Debug)]
pub(crate) struct AlertEventOut {
    pub(crate) org_key: i64,
    pub(crate) alert_id: Uuid,
    pub(crate) at: At,
    pub(crate) kind: &'static str,
    pub(crate) actor: String,
    pub(crate) details: String,
}

/// An organization's row of `outages`, and the rows of `incident` that go with it.
#[derive(Debug)]
pub(crate) struct OutagesOut {
    pub(crate) org_key: i64,
    pub(crate) expected: i64,
    pub(crate) body: String,
    pub(crate) incidents: Vec<IncidentOut>,
}

/// A row of `incident`, new or afterwards.
#[derive(Debug)]
pub(crate) struct IncidentOut {
    pub(crate) id: Uuid,
    pub(crate) site: Option<Uuid>,
    pub(crate) opened_at: At,
    pub(crate) closed_at: Option<At>,
    pub(crate) body: String,
}

/// A row of `state_change`.
#[derive(Debug)]
pub(crate) struct StateOut {
    pub(crate) org_key: i64,
    pub(crate) unit_key: i64,
    pub(crate) at: At,
    pub(crate) body: String,
}

/// A row of `suppression`.
#[derive(Debug)]
pub(crate) struct SuppressionOut {
    pub(crate) id: Uuid,
    pub(crate) scope: &'static str,
    pub(crate) scope_id: Uuid,
    pub(crate) starts_at: At,
    pub(crate) ends_at: At,
    pub(crate) over_at: At,
    pub(crate) body: String,
    pub(crate) version: i64,
}

impl SuppressionOut {
    pub(crate) fn of(row: &Suppression) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.as_uuid(),
            scope: row.scope.as_str(),
            scope_id: row.scope_id,
            starts_at: At(row.starts_at),
            ends_at: At(row.ends_at),
            over_at: At(row.ends()),
            body: to_json(row)?,
            version: row.version,
        })
    }
}

/// A row of what people write down or ask for.
#[derive(Debug)]
pub(crate) enum RecordOut {
    ManualLog {
        org_key: i64,
        unit_key: i64,
        log: ManualLog,
        body: String,
    },
    CorrectiveAction {
        org_key: i64,
        unit_key: i64,
        action: CorrectiveAction,
        body: String,
    },
    Suppression {
        org_key: i64,
        row: SuppressionOut,
    },
}

/// Everything some changes write.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) monitors: Vec<MonitorOut>,
    pub(crate) readings: Vec<ReadingOut>,
    pub(crate) quarantined: Vec<QuarantinedOut>,
    pub(crate) doors: Vec<DoorOut>,
    /// By device, the latest of all that was told.
    pub(crate) seen: BTreeMap<i64, SeenOut>,
    pub(crate) alerts_changed: Vec<AlertOut>,
    pub(crate) alerts_raised: Vec<AlertOut>,
    pub(crate) alert_events: Vec<AlertEventOut>,
    pub(crate) outages: Vec<OutagesOut>,
    /// Organization, unit, and the instant it is due at the latest.
    pub(crate) wake: Vec<(i64, Uuid, At)>,
    pub(crate) state_changes: Vec<StateOut>,
    pub(crate) records: Vec<RecordOut>,
    pub(crate) entries: Entries,
    pub(crate) consumed: Vec<(i64, Uuid)>,
    /// The organizations' heads once the batch is written.
    pub(crate) heads: HashMap<i64, Head>,
}

impl Batch {
    /// Adds the rows of a change behind those already here.
    ///
    /// # Errors
    /// Those of [`Keys::check`]; the batch then holds half a change and is of no use.
    pub(crate) fn add(&mut self, change: &Change, keys: &Keys) -> Result<(), StoreError> {
        let org_key = keys.org(change.org)?;
        for unit in &change.units {
            self.monitors
                .push(monitor(keys.unit(org_key, unit.unit)?, unit)?);
        }
        for row in &change.readings {
            self.readings.push(reading(keys, org_key, row)?);
        }
        for row in &change.quarantined {
            self.quarantined.push(quarantined(keys, org_key, row)?);
        }
        for row in &change.door_events {
            self.doors.push(DoorOut {
                org_key,
                unit_key: keys.unit(org_key, row.unit)?,
                device_key: keys.device(org_key, row.device)?,
                recorded_at: At(row.recorded_at),
                state: row.state.as_str(),
                duration_seconds: row.duration_seconds,
            });
        }
        for row in &change.devices_seen {
            // A device that is gone has nothing to keep its latest uplink in.
            if let Ok(device_key) = keys.device(org_key, Some(row.device)) {
                self.see(seen(device_key, row));
            }
        }
        self.add_alerts(change, keys, org_key)?;
        if let Some(changed) = &change.outages {
            self.outages.push(outages(org_key, changed)?);
        }
        let woken = change.wake.iter();
        self.wake
            .extend(woken.map(|unit| (org_key, unit.as_uuid(), At(change.now))));
        for row in &change.state_changes {
            self.state_changes.push(StateOut {
                org_key,
                unit_key: keys.unit(org_key, row.unit)?,
                at: At(row.at),
                body: to_json(row)?,
            });
        }
        for row in &change.records {
            self.records.push(record(keys, org_key, row)?);
        }
        self.consumed
            .extend(change.consumed.iter().map(|id| (org_key, id.as_uuid())));
        let head = match self.heads.entry(org_key) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let head = keys.heads.get(&org_key);
                entry.insert(head.cloned().ok_or(StoreError::Missing {
                    what: "organization",
                })?)
            }
        };
        head.append(change.org, &change.journal, &mut self.entries)
    }

    fn add_alerts(&mut self, change: &Change, keys: &Keys, org_key: i64) -> Result<(), StoreError> {
        for row in &change.alerts {
            let row = alert(keys, org_key, row)?;
            if row.version == 1 {
                self.alerts_raised.push(row);
            } else {
                self.alerts_changed.push(row);
            }
        }
        for row in &change.alert_events {
            self.alert_events.push(AlertEventOut {
                org_key,
                alert_id: row.alert.as_uuid(),
                at: At(row.at),
                kind: row.kind.as_str(),
                actor: to_json(&row.actor)?,
                details: to_json(&row.details)?,
            });
        }
        Ok(())
    }

    /// Merges what an uplink told into what others of the batch told about the device: the newer value
    /// wins, and one that is absent leaves the older.
    fn see(&mut self, row: SeenOut) {
        let newer = match self.seen.remove(&row.device_key) {
            None => row,
            Some(known) if known.at <= row.at => row.over(&known),
            Some(known) => known.over(&row),
        };
        self.seen.insert(newer.device_key, newer);
    }

    /// Units with new readings, accepted or put aside.
    pub(crate) fn reading_units(&self) -> BTreeSet<i64> {
        self.series_keys().map(|key| key.unit_key).collect()
    }

    /// First and last instant of those readings.
    pub(crate) fn reading_window(&self) -> Option<(At, At)> {
        let first = self.series_keys().map(|key| key.recorded_at).min()?;
        let last = self.series_keys().map(|key| key.recorded_at).max()?;
        Some((first, last))
    }

    /// Whether a reading of this batch stands at one of `taken`, or an accepted one where another is
    /// put aside.
    pub(crate) fn collides(&self, taken: impl IntoIterator<Item = SeriesKey>) -> bool {
        let mut taken: HashSet<SeriesKey> = taken.into_iter().collect();
        !self.series_keys().all(|key| taken.insert(key))
    }

    fn series_keys(&self) -> impl Iterator<Item = SeriesKey> {
        let accepted = self.readings.iter().map(|row| row.key);
        accepted.chain(self.quarantined.iter().map(|row| row.key))
    }

    /// Sorts the readings as their index is, so that neighbours are written together.
    pub(crate) fn sort_readings(&mut self) {
        self.readings.sort_unstable_by_key(|row| row.key);
    }
}

fn monitor(unit_key: i64, change: &UnitChange) -> Result<MonitorOut, StoreError> {
    Ok(MonitorOut {
        unit_key,
        expected: change.expected_version,
        body: to_json(&change.monitor)?,
        status: change.status.as_str(),
        next_deadline: change.next_deadline.map(At),
        stored_until: change.stored_until.map(At),
    })
}

fn reading(keys: &Keys, org_key: i64, row: &Reading) -> Result<ReadingOut, StoreError> {
    Ok(ReadingOut {
        key: SeriesKey {
            unit_key: keys.unit(org_key, row.unit)?,
            recorded_at: At(row.recorded_at),
            device_key: keys.device(org_key, row.device)?,
            probe: i16::from(row.probe),
        },
        org_key,
        effective_at: At(row.effective_at),
        received_at: At(row.received_at),
        temperature: row.temperature.map(Temperature::milli_celsius),
        raw_temperature: row.raw_temperature.map(Temperature::milli_celsius),
        reported_unit: codes::scale(row.reported_unit),
        humidity_centi: row.humidity_centi,
        battery_percent: row.battery_percent.map(i16::from),
        battery_mv: row.battery_mv.map(i32::from),
        rssi_dbm: row.rssi_dbm,
        snr_centi: row.snr_centi,
        door: row.door.map(codes::door),
        zone: row.zone.map(codes::zone),
        source: codes::source(row.source),
        flags: codes::flags(row.flags),
    })
}

fn quarantined(
    keys: &Keys,
    org_key: i64,
    row: &QuarantinedReading,
) -> Result<QuarantinedOut, StoreError> {
    Ok(QuarantinedOut {
        key: SeriesKey {
            unit_key: keys.unit(org_key, row.unit)?,
            recorded_at: At(row.recorded_at),
            device_key: keys.device(org_key, row.device)?,
            probe: i16::from(row.probe),
        },
        org_key,
        received_at: At(row.received_at),
        reason: row.reason.as_str(),
        // PostgreSQL's text cannot hold NUL, and what was sent must never refuse the evidence of it.
        raw_value: row.raw_value.replace('\0', "\u{fffd}"),
    })
}

fn outages(org_key: i64, changed: &OutagesChange) -> Result<OutagesOut, StoreError> {
    let row = |incident: &Incident| {
        Ok(IncidentOut {
            id: incident.id.as_uuid(),
            site: incident.site.map(|site| site.as_uuid()),
            opened_at: At(incident.opened_at),
            closed_at: incident.closed_at.map(At),
            body: to_json(incident)?,
        })
    };
    Ok(OutagesOut {
        org_key,
        expected: changed.expected_version,
        body: to_json(&changed.outages)?,
        incidents: changed
            .incidents
            .iter()
            .map(row)
            .collect::<Result<_, StoreError>>()?,
    })
}

fn seen(device_key: i64, row: &DeviceSeen) -> SeenOut {
    SeenOut {
        device_key,
        at: At(row.at),
        battery_percent: row.battery_percent.map(i16::from),
        battery_mv: row.battery_mv.map(i32::from),
        rssi_dbm: row.rssi_dbm,
    }
}

fn record(keys: &Keys, org_key: i64, row: &Record) -> Result<RecordOut, StoreError> {
    Ok(match row {
        Record::ManualLog(log) => RecordOut::ManualLog {
            org_key,
            unit_key: keys.unit(org_key, log.unit)?,
            body: to_json(log)?,
            log: log.clone(),
        },
        Record::CorrectiveAction(action) => RecordOut::CorrectiveAction {
            org_key,
            unit_key: keys.unit(org_key, action.unit)?,
            body: to_json(action)?,
            action: action.clone(),
        },
        Record::Suppression(suppression) => RecordOut::Suppression {
            org_key,
            row: SuppressionOut::of(suppression)?,
        },
    })
}

fn alert(keys: &Keys, org_key: i64, row: &Alert) -> Result<AlertOut, StoreError> {
    Ok(AlertOut {
        org_key,
        id: row.id.as_uuid(),
        site_key: keys.site(org_key, row.site)?,
        unit_key: keys.unit(org_key, row.unit)?,
        alert_type: row.key.alert_type.as_str(),
        device_key: keys.device(org_key, row.key.device)?,
        severity: row.severity.as_str(),
        status: row.status.as_str(),
        raised_at: At(row.raised_at),
        body: to_json(row)?,
        version: row.version,
    })
}
