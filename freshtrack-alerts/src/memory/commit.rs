//! Applying one change: everything is checked before anything is written.

use super::rows::{AlertRows, MonitorRow, is_open};
use crate::alert::{Alert, AlertKey};
use crate::change::{Change, Record};
use crate::incident::StoredOutages;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::UnitId;
use freshtrack_core::memory::TenantRows;
use freshtrack_core::reading::{Reading, ReadingKey};
use std::collections::BTreeSet;

/// Applies `change` whole, or says why not and leaves everything as it was.
pub(super) fn apply(
    rows: &mut AlertRows,
    core: &mut TenantRows,
    change: &Change,
) -> Result<(), StoreError> {
    check_units(rows, core, change)?;
    let outages = change.outages.as_ref();
    if outages.is_some_and(|outages| outages.expected_version != rows.outages.version) {
        return Err(StoreError::Conflict);
    }
    check_alerts(rows, core, change)?;
    check_readings(core, change)?;
    check_records(rows, core, change)?;
    write(rows, core, change);
    Ok(())
}

fn check_units(rows: &AlertRows, core: &TenantRows, change: &Change) -> Result<(), StoreError> {
    let mut named = BTreeSet::new();
    for unit in &change.units {
        core.unit(unit.unit).ok_or(UNKNOWN_UNIT)?;
        let version = rows.version(core, unit.unit);
        if version != unit.expected_version || !named.insert(unit.unit) {
            return Err(StoreError::Conflict);
        }
    }
    Ok(())
}

/// Versions must follow on, and afterwards no key of a unit may have two open alerts.
fn check_alerts(rows: &AlertRows, core: &TenantRows, change: &Change) -> Result<(), StoreError> {
    let mut named = BTreeSet::new();
    let mut open: BTreeSet<(UnitId, AlertKey)> = BTreeSet::new();
    for alert in &change.alerts {
        core.unit(alert.unit).ok_or(UNKNOWN_UNIT)?;
        let stored = rows.alerts.get(&alert.id).map_or(0, |row| row.version);
        if alert.version != stored + 1 || !named.insert(alert.id) {
            return Err(StoreError::Conflict);
        }
        if is_open(alert) && !open.insert((alert.unit, alert.key)) {
            return Err(StoreError::Conflict);
        }
    }
    let stays_open = |row: &Alert| !named.contains(&row.id);
    for (unit, key) in open {
        if rows.open(unit, key).is_some_and(stays_open) {
            return Err(StoreError::Conflict);
        }
    }
    let known = |id| named.contains(id) || rows.alerts.contains_key(id);
    if change.alert_events.iter().all(|line| known(&line.alert)) {
        Ok(())
    } else {
        Err(StoreError::Missing { what: "alert" })
    }
}

fn check_readings(core: &TenantRows, change: &Change) -> Result<(), StoreError> {
    let accepted = change.readings.iter().map(Reading::key);
    let put_aside = change.quarantined.iter().map(|value| ReadingKey {
        unit: value.unit,
        device: value.device,
        probe: value.probe,
        recorded_at: value.recorded_at,
    });
    let mut named = BTreeSet::new();
    for key in accepted.chain(put_aside) {
        core.unit(key.unit).ok_or(UNKNOWN_UNIT)?;
        let stored = core.reading(&key).is_some() || core.is_quarantined(&key);
        if stored || !named.insert(key) {
            return Err(StoreError::Conflict);
        }
    }
    Ok(())
}

fn check_records(rows: &AlertRows, core: &TenantRows, change: &Change) -> Result<(), StoreError> {
    for record in &change.records {
        if let Some(unit) = record.unit() {
            core.unit(unit).ok_or(UNKNOWN_UNIT)?;
        }
        if let Record::ManualLog(log) = record
            && log.client_ref.is_some()
            && rows
                .manual_logs
                .iter()
                .any(|known| known.client_ref == log.client_ref)
        {
            return Err(StoreError::Conflict);
        }
    }
    Ok(())
}

fn write(rows: &mut AlertRows, core: &mut TenantRows, change: &Change) {
    for unit in &change.units {
        let row = MonitorRow {
            monitor: unit.monitor.clone(),
            version: unit.expected_version + 1,
            next_deadline: unit.next_deadline,
            stored_until: unit.stored_until,
        };
        rows.monitors.insert(unit.unit, row);
        core.set_status(unit.unit, unit.status);
        core.note_evaluated(unit.unit);
    }
    for reading in &change.readings {
        core.insert_reading(reading.clone());
    }
    for value in &change.quarantined {
        core.insert_quarantined(value.clone());
    }
    for seen in &change.devices_seen {
        core.note_seen(seen);
    }
    for alert in &change.alerts {
        rows.alerts.insert(alert.id, alert.clone());
    }
    for line in &change.alert_events {
        rows.history
            .entry(line.alert)
            .or_default()
            .push(line.clone());
    }
    if let Some(changed) = &change.outages {
        rows.outages = StoredOutages {
            outages: changed.outages.clone(),
            version: changed.expected_version + 1,
        };
        let incidents = changed.incidents.iter();
        rows.incidents
            .extend(incidents.map(|row| (row.id, row.clone())));
    }
    for unit in change.wake.iter().filter_map(|unit| core.unit(*unit)) {
        rows.make_due(core, unit, change.now);
    }
    for record in &change.records {
        match record.clone() {
            Record::ManualLog(log) => rows.manual_logs.push(log),
            Record::CorrectiveAction(action) => rows.actions.push(action),
            Record::Suppression(suppression) => rows.suppressions.push(suppression),
        }
    }
    rows.state_changes.extend_from_slice(&change.state_changes);
    rows.door_events.extend_from_slice(&change.door_events);
    rows.consumed.extend(change.consumed.iter().copied());
    core.append_journal(change.journal.clone());
}

const UNKNOWN_UNIT: StoreError = StoreError::Missing { what: "unit" };
