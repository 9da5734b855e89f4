//! From measurements to canonical readings: role, time, limits, flags, index.

use super::policy::{DecodePolicy, DoorPolarity};
use crate::canonical::{
    Battery, CanonicalReading, Contact, DecodedBy, Flag, MeasuredAt, Measurement, Quality,
    TimeSource, Value,
};
use crate::event::LnsEvent;
use crate::event_time::{DeviceClock, place};
use freshtrack_core::time::Timestamp;

/// Gives every measurement its place in the record.
pub(super) fn place_all(
    measurements: Vec<Measurement>,
    event: &LnsEvent,
    message: (Timestamp, TimeSource),
    policy: &DecodePolicy,
    by: &DecodedBy,
) -> Vec<CanonicalReading> {
    let percent = policy.chemistry.and_then(|chemistry| {
        measurements.iter().find_map(|m| match m.value {
            Some(Value::Battery(Battery::Volts(millivolts))) => chemistry.percent(millivolts),
            _ => None,
        })
    });
    let percent = percent.map(|n| Measurement::battery(Battery::Percent(n)));
    let numbered = (0_u32..).zip(measurements.into_iter().chain(percent));
    numbered
        .map(|(index, m)| place_one(m, index, event, message, policy, by))
        .collect()
}

fn place_one(
    measurement: Measurement,
    index: u32,
    event: &LnsEvent,
    message: (Timestamp, TimeSource),
    policy: &DecodePolicy,
    by: &DecodedBy,
) -> CanonicalReading {
    let clock = policy.clock.unwrap_or(match by {
        DecodedBy::Native(_) => DeviceClock::Trusted,
        DecodedBy::Script | DecodedBy::Network | DecodedBy::Cayenne => DeviceClock::Ignored,
    });
    let placed = place(measurement.at, message, clock, policy.registered_at);
    let role = policy
        .roles
        .get(&measurement.probe)
        .copied()
        .unwrap_or(measurement.role);
    let beyond = measurement.temperature_value().is_some_and(|t| {
        policy
            .limits
            .get(&role)
            .is_some_and(|(low, high)| !(*low..=*high).contains(&t.milli_celsius()))
    });
    let quality = match measurement.quality {
        Quality::Fault(cause) => Quality::Fault(cause),
        Quality::OutOfRange => Quality::OutOfRange,
        Quality::Ok | Quality::Suspect | Quality::TimeUnknown if beyond => Quality::OutOfRange,
        Quality::Suspect => Quality::Suspect,
        Quality::Ok | Quality::TimeUnknown if !placed.known => Quality::TimeUnknown,
        other @ (Quality::Ok | Quality::TimeUnknown) => other,
    };
    let mut flags = measurement.flags;
    if event.simulated {
        flags = flags.with(Flag::Simulated);
    }
    if matches!(
        measurement.at,
        MeasuredAt::Stored(_) | MeasuredAt::Before(_)
    ) {
        flags = flags.with(Flag::History);
    }
    CanonicalReading {
        dev_eui: event.device.dev_eui,
        probe: measurement.probe,
        role,
        quantity: measurement.quantity,
        value: measurement.value.map(|value| mounted(value, policy.door)),
        event_time: placed.time,
        time_source: placed.source,
        index,
        quality,
        flags,
        decoded_by: by.clone(),
    }
}

fn mounted(value: Value, door: DoorPolarity) -> Value {
    match (value, door) {
        (Value::Contact(Contact::Open), DoorPolarity::Inverted) => Value::Contact(Contact::Closed),
        (Value::Contact(Contact::Closed), DoorPolarity::Inverted) => Value::Contact(Contact::Open),
        (value, DoorPolarity::Documented | DoorPolarity::Inverted) => value,
    }
}
