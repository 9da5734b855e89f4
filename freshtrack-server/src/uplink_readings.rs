//! From canonical readings of an uplink to posted readings of a unit.
//!
//! One posted reading per temperature, with the humidity of its probe; the cabinet's carries battery,
//! door and radio as well. Roles come from the device's profile. Where nobody has said what a device is,
//! its only temperature is the cabinet's, because a person put this device on this unit; of several, none
//! is taken for it.

use freshtrack_alerts::change::Target;
use freshtrack_alerts::posted::{PostedReading, PostedTemperature, ProbeRole, Quality};
use freshtrack_core::device::Device;
use freshtrack_core::reading::{DoorState, ReadingSource};
use freshtrack_core::temperature::{InvalidTemperature, TemperatureUnit};
use freshtrack_core::time::Timestamp;
use freshtrack_ttn::canonical::{
    Battery, CanonicalReading, Contact, Flag, Quality as CanonicalQuality, Quantity, Role, Value,
};
use freshtrack_ttn::codec::native::{Family, NativeProfile};
use freshtrack_ttn::decode::{DecodePolicy, DecodedEvent};
use freshtrack_ttn::event::{EventBody, LnsEvent};

/// How a device's frames are decoded: by the model a person gave it, else by what the network says it is.
#[must_use]
pub fn policy(device: &Device, event: &LnsEvent) -> DecodePolicy {
    let family = device
        .model
        .as_deref()
        .map_or_else(|| network_model(event), family_of);
    DecodePolicy {
        native: family.map(NativeProfile::new),
        registered_at: Some(device.created_at),
        ..DecodePolicy::default()
    }
}

fn network_model(event: &LnsEvent) -> Option<Family> {
    match &event.body {
        EventBody::Uplink(frame) => frame.hardware.model.as_deref().and_then(family_of),
        _ => None,
    }
}

/// The family a model name stands for; `maker-model` and `maker/model` count as `model`.
fn family_of(model: &str) -> Option<Family> {
    let model = model.trim().to_lowercase();
    model
        .parse()
        .ok()
        .or_else(|| model.split_once(['-', '/'])?.1.parse().ok())
}

/// An uplink whose payload nobody can read: evidence, and a fault of the device.
#[must_use]
pub fn undecodable(device: &Device, event: &LnsEvent, at: Timestamp) -> PostedReading {
    let mut posted = posted(device, event, at);
    posted.quality = Quality::DecoderError;
    posted.temperature = Some(without_value("undecodable"));
    posted
}

/// What an uplink says about the unit its device watches.
#[must_use]
pub fn readings(device: &Device, event: &LnsEvent, decoded: &DecodedEvent) -> Vec<PostedReading> {
    let of = |quantity: Quantity| {
        decoded
            .readings
            .iter()
            .filter(move |reading| reading.quantity == quantity)
    };
    let temperatures: Vec<_> = of(Quantity::Temperature)
        .filter(|reading| reading.role != Role::Board)
        .collect();
    let only_one = temperatures.len() == 1;
    let mut others = 0;
    let mut list: Vec<PostedReading> = temperatures
        .into_iter()
        .map(|reading| {
            let mut posted = posted(device, event, reading.event_time);
            let drives =
                reading.role == Role::Cabinet || (reading.role == Role::Unassigned && only_one);
            posted.role = if drives {
                ProbeRole::Cabinet
            } else {
                ProbeRole::Other
            };
            posted.probe = if drives {
                0
            } else {
                others = u8::saturating_add(others, 1);
                others
            };
            posted.temperature = Some(temperature(reading));
            posted.quality = quality(reading);
            posted.humidity_centi = of(Quantity::Humidity)
                .filter(|humidity| humidity.probe == reading.probe || only_one)
                .find_map(humidity_centi);
            posted
        })
        .collect();
    let door = of(Quantity::Contact).find_map(|reading| match reading.value {
        Some(Value::Contact(Contact::Open)) => Some(DoorState::Open),
        Some(Value::Contact(Contact::Closed)) => Some(DoorState::Closed),
        _ => None,
    });
    let battery: Vec<_> = of(Quantity::Battery).collect();
    if list.is_empty() && (door.is_some() || !battery.is_empty()) {
        list.push(posted(device, event, decoded.contact.at));
    }
    let main = list
        .iter()
        .position(|p| p.role == ProbeRole::Cabinet)
        .unwrap_or(0);
    if let Some(main) = list.get_mut(main) {
        main.door = door;
        for reading in battery {
            match reading.value {
                Some(Value::Battery(Battery::Volts(mv))) => {
                    main.battery_mv = u16::try_from(mv).ok();
                }
                Some(Value::Battery(Battery::Percent(percent))) => {
                    main.battery_percent = Some(percent);
                }
                _ => {}
            }
        }
        main.rssi_dbm = decoded.contact.rssi_dbm.and_then(whole_dbm);
        main.snr_centi = decoded.contact.snr_db.and_then(centi);
        main.warnings.clone_from(&decoded.warnings);
    }
    list
}

fn posted(device: &Device, event: &LnsEvent, at: Timestamp) -> PostedReading {
    let source = if event.simulated {
        ReadingSource::Simulator
    } else {
        ReadingSource::Ttn
    };
    PostedReading {
        source,
        ..PostedReading::new(Target::Device(device.id), at)
    }
}

fn temperature(reading: &CanonicalReading) -> PostedTemperature {
    match reading.value {
        Some(Value::Temperature(value)) => PostedTemperature {
            raw: value.to_string(),
            unit: TemperatureUnit::C,
            value: Ok(value),
        },
        // A faulted probe has no value: the text is the evidence.
        _ => without_value("fault"),
    }
}

/// Evidence in the place of a temperature. It counts as impossible, not as unreadable: what is
/// unreadable is rejected and leaves no trace, and a fault must leave one.
fn without_value(evidence: &str) -> PostedTemperature {
    PostedTemperature {
        raw: evidence.to_owned(),
        unit: TemperatureUnit::C,
        value: Err(InvalidTemperature::OutOfRange),
    }
}

fn quality(reading: &CanonicalReading) -> Quality {
    match reading.quality {
        CanonicalQuality::Fault(_) => Quality::Fault,
        CanonicalQuality::OutOfRange => Quality::OutOfRange,
        CanonicalQuality::Suspect => Quality::Suspect,
        CanonicalQuality::TimeUnknown => Quality::TimeUnknown,
        CanonicalQuality::Ok if reading.flags.contains(Flag::WrongModel) => Quality::Suspect,
        CanonicalQuality::Ok => Quality::Ok,
    }
}

fn humidity_centi(reading: &CanonicalReading) -> Option<i32> {
    match (reading.quality, &reading.value) {
        (CanonicalQuality::Ok, Some(Value::Humidity(humidity))) => {
            Some(humidity.milli_percent() / 10)
        }
        _ => None,
    }
}

/// Radio figures are floats at the network; what does not fit is left out.
#[expect(
    clippy::cast_possible_truncation,
    reason = "checked against the range before"
)]
fn whole_dbm(dbm: f64) -> Option<i16> {
    (-150.0..=0.0).contains(&dbm).then(|| dbm.round() as i16)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "checked against the range before"
)]
fn centi(db: f64) -> Option<i32> {
    (-100.0..=100.0)
        .contains(&db)
        .then(|| (db * 100.0).round() as i32)
}
