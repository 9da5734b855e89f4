//! Netvox R7xx and R3xx: one head, three bodies.
//!
//! Source: Netvox LoRaWAN application command documents.

use super::cursor::Cursor;
use super::frame::{CENTI, DECI, Outcome, Sensor, finish, truncated};
use super::{Family, NativeProfile};
use crate::canonical::{
    Battery, Contact, Decoded, Flag, Measurement, NoMeasurement, Probe, Rejected, Role, SensorKind,
};

/// What follows the head.
#[derive(Clone, Copy)]
enum Body {
    TemperatureHumidity,
    TwoChannels,
    OneChannel,
    Contact,
}

/// The byte a model names itself by, and its body.
const fn model(family: Family) -> (u8, Body) {
    match family {
        Family::R718ab => (0x13, Body::TemperatureHumidity),
        Family::R711 => (0x01, Body::TemperatureHumidity),
        Family::R720a => (0x6E, Body::TemperatureHumidity),
        Family::R718ck2 => (0x16, Body::TwoChannels),
        Family::R718b2 => (0x14, Body::TwoChannels),
        Family::R718ct2 => (0x17, Body::TwoChannels),
        Family::R718ck => (0x91, Body::OneChannel),
        Family::R718ct => (0x92, Body::OneChannel),
        Family::R718b => (0x95, Body::OneChannel),
        Family::R311a => (0x02, Body::Contact),
        Family::R718f => (0x1D, Body::Contact),
        Family::R730f => (0x7D, Body::Contact),
        _ => (0x0B, Body::TemperatureHumidity),
    }
}

/// Port 6 reports; 7, 13 and 14 answer commands.
pub(super) fn decode(profile: &NativeProfile, port: Option<u8>, bytes: &[u8]) -> Outcome {
    // without a port, the high bit of an answer to a command gives it away
    let answer = port.is_none() && bytes.first().is_some_and(|first| first & 0x80 != 0);
    match port {
        Some(7 | 13) => return Ok(Decoded::nothing(NoMeasurement::Configuration)),
        Some(14) => return Ok(Decoded::nothing(NoMeasurement::Calibration)),
        Some(6) | None => {}
        Some(_) => return Err(Rejected::UnknownPort),
    }
    if answer {
        return Ok(Decoded::nothing(NoMeasurement::Configuration));
    }
    if bytes.is_empty() {
        return Err(Rejected::BadLength);
    }
    let mut decoded = Decoded::default();
    let complete = report(profile, &mut Cursor::new(bytes), &mut decoded);
    Ok(finish(if complete.is_some() {
        decoded
    } else {
        truncated(decoded)
    }))
}

fn report(profile: &NativeProfile, cursor: &mut Cursor<'_>, decoded: &mut Decoded) -> Option<()> {
    let (expected, body) = model(profile.family);
    cursor.u8()?;
    let seen = cursor.u8()?;
    decoded.wrong_model = seen != expected;
    if decoded.wrong_model {
        decoded.warn(format!(
            "the frame is of model {seen:02X}, not {expected:02X}"
        ));
    }
    match cursor.u8()? {
        0 => {
            decoded.no_measurement = Some(NoMeasurement::Version);
            return Some(());
        }
        1 => {}
        kind => {
            decoded.warn(format!("unknown report {kind:02X}"));
            return Some(());
        }
    }
    let head = cursor.u8()?;
    let battery = Measurement::battery(Battery::Volts(i32::from(head & 0x7F) * 100));
    let battery = if head & 0x80 == 0 {
        battery
    } else {
        battery.flagged(Flag::LowBattery)
    };
    if decoded.wrong_model {
        // the head is common to all models; what follows would be a guess
        decoded.measurements.push(battery.flagged(Flag::WrongModel));
        return Some(());
    }
    decoded.measurements.push(battery);
    match body {
        Body::TemperatureHumidity => {
            let sensor = Sensor::only(Role::Cabinet, SensorKind::Sht);
            decoded.measurements.push(sensor.raw(cursor.i16()?, CENTI));
            decoded
                .measurements
                .push(sensor.humidity(cursor.u16()?, CENTI));
        }
        Body::TwoChannels => {
            channel(decoded, "channel_1", Role::Cabinet, cursor.i16()?);
            channel(decoded, "channel_2", Role::Product, cursor.i16()?);
        }
        Body::OneChannel => channel(decoded, "channel_1", Role::Cabinet, cursor.i16()?),
        Body::Contact => {
            let contact = if cursor.u8()? == 0 {
                Contact::Closed
            } else {
                Contact::Open
            };
            decoded
                .measurements
                .push(Measurement::contact(Probe::named("door"), contact));
        }
    }
    Some(())
}

fn channel(decoded: &mut Decoded, name: &'static str, role: Role, raw: i16) {
    decoded
        .measurements
        .push(Sensor::channel(name, role, SensorKind::Pt100).raw(raw, DECI));
}
