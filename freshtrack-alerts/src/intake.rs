//! Believing a batch: which readings are new, which are evidence only, and what they mean together.
//!
//! All readings of one organization that are committed together are judged together: one input per
//! unit, one change. Nothing here writes; the answer to each reading is only true once the change is
//! committed.

use crate::change::{Change, Loaded, Resolved, Stored, Target, UnitContext};
use crate::engine::Engine;
use crate::evaluate::evaluate;
use crate::journal;
use crate::monitor::device_health::ProbeSignal;
use crate::outage_watch::OutageWatch;
use crate::posted::{PostedReading, ProbeRole, Quality, ReadingOutcome, Rejected};
use crate::step::{Input, Judged, Observation};
use chrono::Months;
use freshtrack_core::device::{Device, DeviceSeen};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{DeviceId, LnsEventId, OrgId, UnitId};
use freshtrack_core::reading::{
    PLAUSIBLE, QuarantineReason, QuarantinedReading, Reading, ReadingFlags, ReadingKey,
    ReadingSource, RejectReason,
};
use freshtrack_core::temperature::{InvalidTemperature, Temperature, TemperatureUnit};
use freshtrack_core::time::{Span, Timestamp};
use std::collections::HashMap;

/// How far ahead of the server's clock a reading may be dated.
pub const CLOCK_AHEAD_TOLERANCE: Span = Span::from_minutes(5);
/// How long the record is kept; older readings are refused.
const RECORD_MONTHS: u32 = 24;

/// A posted reading, or why there is none.
pub type Posted = Result<PostedReading, Rejected>;

/// What is about to be committed for one organization, and what to answer once it is.
pub(crate) struct Prepared {
    pub(crate) change: Change,
    /// In the order of the readings given.
    pub(crate) outcomes: Vec<ReadingOutcome>,
}

/// A reading whose unit is known and which is not stored yet.
struct Candidate<'p> {
    /// Position in the batch.
    index: usize,
    posted: &'p PostedReading,
    key: ReadingKey,
}

/// Judges the readings of one organization as of now.
pub(crate) async fn prepare(
    engine: &Engine,
    org: OrgId,
    batch: &[&Posted],
    consumed: Vec<LnsEventId>,
) -> Result<Prepared, StoreError> {
    let now = engine.clock.now();
    let mut outcomes: Vec<Option<ReadingOutcome>> = vec![None; batch.len()];
    let mut candidates = place(engine, org, batch, now, &mut outcomes).await?;
    let mut change = Change::empty(org, now);
    change.consumed = consumed;
    let mut units: Vec<UnitId> = candidates.iter().map(|c| c.key.unit).collect();
    units.sort_unstable();
    units.dedup();
    if !units.is_empty() {
        let loaded = engine.store.load(org, &units).await?;
        let mut loaded = loaded.ok_or_else(|| {
            StoreError::unavailable("units were resolved in an organization that does not load")
        })?;
        drop_unloaded(&loaded, &mut candidates, &mut outcomes);
        drop_known(engine, org, &loaded, &mut candidates, &mut outcomes).await?;
        judge(
            engine,
            &mut loaded,
            &mut candidates,
            &mut change,
            &mut outcomes,
        )?;
    }
    Ok(Prepared {
        change,
        outcomes: outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or_else(|| rejected(RejectReason::InvalidField)))
            .collect(),
    })
}

const fn rejected(reason: RejectReason) -> ReadingOutcome {
    ReadingOutcome::Rejected { reason }
}

/// Finds out what each reading is of; those that are of nothing are answered.
async fn place<'p>(
    engine: &Engine,
    org: OrgId,
    batch: &[&'p Posted],
    now: Timestamp,
    outcomes: &mut [Option<ReadingOutcome>],
) -> Result<Vec<Candidate<'p>>, StoreError> {
    let mut targets: Vec<Target> = Vec::new();
    let mut slots: HashMap<Target, usize> = HashMap::new();
    for posted in batch.iter().filter_map(|posted| posted.as_ref().ok()) {
        let claimed = posted.claimed_unit.map(Target::Unit);
        for target in [Some(posted.target.clone()), claimed].into_iter().flatten() {
            slots.entry(target.clone()).or_insert_with(|| {
                targets.push(target);
                targets.len() - 1
            });
        }
    }
    let mut resolved = Vec::with_capacity(targets.len());
    for targets in targets.chunks(crate::ports::BATCH_MAX) {
        resolved.extend(engine.store.resolve(org, targets).await?);
    }
    let find = |target: &Target| slots.get(target).and_then(|slot| *resolved.get(*slot)?);
    let oldest = oldest_accepted(now);
    let mut candidates = Vec::with_capacity(batch.len());
    for (index, posted) in batch.iter().enumerate() {
        let placed = match posted {
            Ok(posted) => locate(posted, &find, oldest).map(|key| (posted, key)),
            Err(refused) => Err(refused.reason),
        };
        match placed {
            Ok((posted, key)) => candidates.push(Candidate { index, posted, key }),
            Err(reason) => outcomes[index] = Some(rejected(reason)),
        }
    }
    Ok(candidates)
}

fn oldest_accepted(now: Timestamp) -> Timestamp {
    now.to_datetime()
        .checked_sub_months(Months::new(RECORD_MONTHS))
        .map_or(Timestamp::MIN, |at| {
            Timestamp::from_micros(at.timestamp_micros())
        })
}

fn locate(
    posted: &PostedReading,
    find: &impl Fn(&Target) -> Option<Resolved>,
    oldest: Timestamp,
) -> Result<ReadingKey, RejectReason> {
    check_required(posted)?;
    let unknown = match posted.target {
        Target::Unit(_) => RejectReason::UnknownUnit,
        Target::Device(_) | Target::DevEui(_) => RejectReason::UnknownDevice,
    };
    let found = find(&posted.target).ok_or(unknown)?;
    if let Some(claimed) = posted.claimed_unit {
        find(&Target::Unit(claimed)).ok_or(RejectReason::UnknownUnit)?;
    }
    let unit = found.unit.ok_or(RejectReason::UnassignedDevice)?;
    if posted.claimed_unit.is_some_and(|claimed| claimed != unit) {
        return Err(RejectReason::DeviceUnitMismatch);
    }
    if posted.recorded_at < oldest {
        return Err(RejectReason::TooOld);
    }
    Ok(ReadingKey {
        unit,
        device: found.device,
        probe: posted.probe,
        recorded_at: posted.recorded_at,
    })
}

/// A program posts a temperature or a door; an uplink may carry less.
fn check_required(posted: &PostedReading) -> Result<(), RejectReason> {
    match &posted.temperature {
        Some(temperature) => match temperature.value {
            Err(InvalidTemperature::NotANumber) => Err(RejectReason::InvalidField),
            Ok(_) | Err(_) => Ok(()),
        },
        None if posted.door.is_some() => Ok(()),
        None => match posted.source {
            ReadingSource::Ttn => Ok(()),
            ReadingSource::Api | ReadingSource::Import | ReadingSource::Simulator => {
                Err(RejectReason::InvalidField)
            }
        },
    }
}

/// A unit that went away between the two questions is an unknown one.
fn drop_unloaded(
    loaded: &Loaded,
    candidates: &mut Vec<Candidate<'_>>,
    outcomes: &mut [Option<ReadingOutcome>],
) {
    candidates.retain(|candidate| {
        let known = find_unit(loaded, candidate.key.unit).is_some();
        if !known {
            outcomes[candidate.index] = Some(rejected(match candidate.posted.target {
                Target::Unit(_) => RejectReason::UnknownUnit,
                Target::Device(_) | Target::DevEui(_) => RejectReason::UnknownDevice,
            }));
        }
        known
    });
}

fn find_unit(loaded: &Loaded, unit: UnitId) -> Option<&UnitContext> {
    let index = loaded
        .units
        .binary_search_by_key(&unit, |context| context.unit.id);
    Some(&loaded.units[index.ok()?])
}

/// Answers readings that are known: earlier in this batch, or stored. Only keys that are not above a
/// unit's newest one can be stored, so in steady state nobody is asked.
async fn drop_known(
    engine: &Engine,
    org: OrgId,
    loaded: &Loaded,
    candidates: &mut Vec<Candidate<'_>>,
    outcomes: &mut [Option<ReadingOutcome>],
) -> Result<(), StoreError> {
    let mut first: HashMap<ReadingKey, Option<Temperature>> = HashMap::new();
    candidates.retain(|candidate| {
        let value = raw_value(candidate.posted);
        if let Some(known) = first.get(&candidate.key) {
            outcomes[candidate.index] = Some(duplicate(&candidate.key, *known != value));
            false
        } else {
            first.insert(candidate.key, value);
            true
        }
    });
    let doubtful: Vec<ReadingKey> = candidates
        .iter()
        .map(|candidate| candidate.key)
        .filter(|key| {
            find_unit(loaded, key.unit)
                .and_then(|unit| unit.stored_until)
                .is_some_and(|until| key.recorded_at <= until)
        })
        .collect();
    let mut known: HashMap<ReadingKey, Stored> = HashMap::new();
    for keys in doubtful.chunks(crate::ports::BATCH_MAX) {
        let stored = engine.store.stored(org, keys).await?;
        let found = keys.iter().zip(stored);
        known.extend(found.filter_map(|(key, stored)| Some((*key, stored?))));
    }
    candidates.retain(|candidate| {
        let Some(stored) = known.get(&candidate.key) else {
            return true;
        };
        let differs = match stored {
            Stored::Accepted(value) => *value != raw_value(candidate.posted),
            Stored::Quarantined => false,
        };
        outcomes[candidate.index] = Some(duplicate(&candidate.key, differs));
        false
    });
    Ok(())
}

fn duplicate(key: &ReadingKey, value_differs: bool) -> ReadingOutcome {
    ReadingOutcome::Duplicate {
        reading_id: key.id(),
        value_differs,
    }
}

fn raw_value(posted: &PostedReading) -> Option<Temperature> {
    posted.temperature.as_ref()?.value.ok()
}

/// Evaluates every unit with all its new readings and writes the change.
fn judge(
    engine: &Engine,
    loaded: &mut Loaded,
    candidates: &mut [Candidate<'_>],
    change: &mut Change,
    outcomes: &mut [Option<ReadingOutcome>],
) -> Result<(), StoreError> {
    let simulator_alerts = loaded.organization.simulator_alerts;
    let mut watch = OutageWatch::new(std::mem::take(&mut loaded.outages), &*engine.ids);
    candidates.sort_by_cached_key(|c| (c.key.unit, c.key.recorded_at, c.key.id()));
    for of_unit in candidates.chunk_by(|a, b| a.key.unit == b.key.unit) {
        let found = loaded
            .units
            .binary_search_by_key(&of_unit[0].key.unit, |context| context.unit.id);
        let Some(unit) = found.ok().and_then(|index| loaded.units.get_mut(index)) else {
            continue;
        };
        let of_unit: Vec<(&Candidate<'_>, Verdict)> = of_unit
            .iter()
            .map(|candidate| {
                let device = find_device(unit, candidate.key.device);
                (candidate, verdict(candidate.posted, device, change.now))
            })
            .collect();
        let mut observations: Vec<Observation> = Vec::with_capacity(of_unit.len());
        let mut observed: Vec<Option<usize>> = Vec::with_capacity(of_unit.len());
        for (candidate, verdict) in &of_unit {
            let device = find_device(unit, candidate.key.device);
            let seen = observation(candidate, verdict, device, simulator_alerts);
            observed.push(seen.map(|observation| {
                observations.push(observation);
                observations.len() - 1
            }));
            unit.stored_until = unit.stored_until.max(Some(candidate.key.recorded_at));
        }
        let place = change.journal.outbox.len();
        let before = change.readings.len();
        let input = Input::Readings(&mut observations);
        // only wishes of people are refused; if this ever is, the readings must not be lost
        let ids = &*engine.ids;
        evaluate(unit, &loaded.rule_sets, input, change, ids, &mut watch)
            .map_err(StoreError::unavailable)?;
        for ((candidate, verdict), observed) in of_unit.iter().zip(observed) {
            let judged = observed.map(|index| observations[index].judged);
            let outcome = store(candidate, verdict, judged, change);
            outcomes[candidate.index] = Some(outcome);
            note_device(candidate, change);
        }
        if change.readings.len() > before {
            let event =
                journal::readings_accepted(&change.readings[before..], &unit.unit, change.now);
            change.journal.outbox.insert(place, event);
        }
    }
    watch.settle(change);
    Ok(())
}

fn find_device(unit: &UnitContext, device: Option<DeviceId>) -> Option<&Device> {
    unit.devices.iter().find(|known| Some(known.id) == device)
}

/// Whether a reading is believed.
enum Verdict {
    Accepted {
        /// After calibration.
        temperature: Option<Temperature>,
    },
    Quarantined {
        reason: QuarantineReason,
        signal: ProbeSignal,
    },
}

fn verdict(posted: &PostedReading, device: Option<&Device>, now: Timestamp) -> Verdict {
    use QuarantineReason::{ClockAhead, DecoderError, Implausible, Sentinel};
    let aside = |reason, signal| Verdict::Quarantined { reason, signal };
    if posted.recorded_at > now + CLOCK_AHEAD_TOLERANCE {
        return aside(ClockAhead, ProbeSignal::None);
    }
    match posted.quality {
        Quality::Ok | Quality::TimeUnknown => {}
        Quality::Fault => return aside(Sentinel, ProbeSignal::Fault),
        Quality::OutOfRange => return aside(Implausible, ProbeSignal::Fault),
        Quality::Suspect => return aside(Implausible, ProbeSignal::Suspect),
        Quality::DecoderError => return aside(DecoderError, ProbeSignal::Fault),
    }
    let Some(temperature) = &posted.temperature else {
        return Verdict::Accepted { temperature: None };
    };
    match temperature.value {
        Ok(raw) if PLAUSIBLE.contains(&raw) => {
            if device.is_some_and(|device| device.sentinel_temperatures.contains(&raw)) {
                return aside(Sentinel, ProbeSignal::Fault);
            }
            let corrected = device.map_or(raw, |device| raw.offset_by(device.temperature_offset));
            Verdict::Accepted {
                temperature: Some(corrected),
            }
        }
        Ok(_) | Err(_) => aside(Implausible, ProbeSignal::Fault),
    }
}

/// What the engine is told of a reading; nothing of history, of unwanted simulations, and of times
/// that nobody knows.
fn observation(
    candidate: &Candidate<'_>,
    verdict: &Verdict,
    device: Option<&Device>,
    simulator_alerts: bool,
) -> Option<Observation> {
    let posted = candidate.posted;
    let live = match posted.source {
        ReadingSource::Ttn | ReadingSource::Api => true,
        ReadingSource::Simulator => simulator_alerts,
        ReadingSource::Import => false,
    };
    let cabinet = posted.role == ProbeRole::Cabinet;
    let (temperature, signal) = match verdict {
        Verdict::Accepted { temperature: None } => (None, ProbeSignal::None),
        Verdict::Accepted { temperature } => (*temperature, ProbeSignal::Plausible),
        Verdict::Quarantined {
            reason: QuarantineReason::ClockAhead,
            ..
        } => return None,
        Verdict::Quarantined { signal, .. } => (None, *signal),
    };
    (live && posted.quality != Quality::TimeUnknown).then_some(Observation {
        recorded_at: posted.recorded_at,
        device: candidate.key.device,
        temperature,
        drives: cabinet && device.is_none_or(|device| device.is_primary),
        door: posted.door,
        battery_percent: posted.battery_percent,
        battery_mv: posted.battery_mv,
        signal: if cabinet { signal } else { ProbeSignal::None },
        judged: Judged::default(),
    })
}

/// Adds the row of a reading to the change and answers what became of it.
fn store(
    candidate: &Candidate<'_>,
    verdict: &Verdict,
    judged: Option<Judged>,
    change: &mut Change,
) -> ReadingOutcome {
    let (posted, key, now) = (candidate.posted, candidate.key, change.now);
    let temperature = match verdict {
        Verdict::Accepted { temperature } => *temperature,
        Verdict::Quarantined { reason, .. } => {
            let raw = posted.temperature.as_ref();
            change.quarantined.push(QuarantinedReading {
                unit: key.unit,
                device: key.device,
                probe: key.probe,
                recorded_at: key.recorded_at,
                received_at: now,
                reason: *reason,
                raw_value: raw
                    .map(|temperature| temperature.raw.clone())
                    .unwrap_or_default(),
            });
            return ReadingOutcome::Quarantined { reason: *reason };
        }
    };
    let raw = raw_value(posted);
    let late = judged.is_some_and(|judged| judged.late);
    change.readings.push(Reading {
        unit: key.unit,
        device: key.device,
        probe: key.probe,
        recorded_at: key.recorded_at,
        effective_at: key.recorded_at.min(now),
        received_at: now,
        temperature,
        raw_temperature: raw.filter(|raw| Some(*raw) != temperature),
        reported_unit: posted
            .temperature
            .as_ref()
            .map_or(TemperatureUnit::C, |temperature| temperature.unit),
        humidity_centi: posted.humidity_centi,
        battery_percent: posted.battery_percent,
        battery_mv: posted.battery_mv,
        rssi_dbm: posted.rssi_dbm,
        snr_centi: posted.snr_centi,
        door: posted.door,
        zone: judged.and_then(|judged| judged.zone),
        source: posted.source,
        flags: ReadingFlags {
            late,
            clock_ahead: key.recorded_at > now,
            simulated: posted.source == ReadingSource::Simulator,
        },
    });
    ReadingOutcome::Accepted {
        reading_id: key.id(),
        late,
        warnings: posted.warnings.clone(),
    }
}

/// Keeps the newest word of each device.
fn note_device(candidate: &Candidate<'_>, change: &mut Change) {
    let Some(device) = candidate.key.device else {
        return;
    };
    let posted = candidate.posted;
    let at = candidate.key.recorded_at.min(change.now);
    let known = change
        .devices_seen
        .iter_mut()
        .find(|seen| seen.device == device);
    match known {
        // readings come in order of time, so this one is not older
        Some(seen) => {
            seen.at = seen.at.max(at);
            seen.battery_percent = posted.battery_percent.or(seen.battery_percent);
            seen.battery_mv = posted.battery_mv.or(seen.battery_mv);
            seen.rssi_dbm = posted.rssi_dbm.or(seen.rssi_dbm);
        }
        None => change.devices_seen.push(DeviceSeen {
            device,
            at,
            battery_percent: posted.battery_percent,
            battery_mv: posted.battery_mv,
            rssi_dbm: posted.rssi_dbm,
        }),
    }
}
