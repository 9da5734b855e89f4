//! Milesight EM300-TH (SLD, ZLD, MCS) and EM500-PT100: channel, type, little-endian value.
//!
//! Source: Milesight EM300 and EM500 user guides, payload chapters.

use super::cursor::Cursor;
use super::frame::{DECI, Outcome, Sensor, finish, stored, truncated};
use super::{Family, NativeProfile};
use crate::canonical::{
    Battery, Contact, Decoded, Leak, Measurement, Probe, Rejected, Role, SensorKind,
};

/// Half percents of humidity.
const HALF: i32 = 500;

/// Any port; the usual one is 85.
pub(super) fn decode(profile: &NativeProfile, _: Option<u8>, bytes: &[u8]) -> Outcome {
    if bytes.is_empty() {
        return Err(Rejected::BadLength);
    }
    let mut decoded = Decoded::default();
    let mut cursor = Cursor::new(bytes);
    while !cursor.is_empty() {
        match field(profile, &mut decoded, &mut cursor) {
            Some(Field::Read) => {}
            Some(Field::Unknown(channel, kind)) => {
                decoded.warn(format!("unknown field {channel:02X} {kind:02X}"));
                return Ok(finish(decoded));
            }
            None => return Ok(finish(truncated(decoded))),
        }
    }
    Ok(finish(decoded))
}

enum Field {
    Read,
    Unknown(u8, u8),
}

fn field(profile: &NativeProfile, decoded: &mut Decoded, cursor: &mut Cursor<'_>) -> Option<Field> {
    let platinum = profile.family == Family::Em500Pt100;
    let kind = if platinum {
        SensorKind::Pt100
    } else {
        SensorKind::Sht
    };
    let sensor = Sensor::only(Role::Cabinet, kind);
    match (cursor.u8()?, cursor.u8()?) {
        (0x01, 0x75) => match cursor.u8()? {
            percent @ 0..=100 => {
                decoded
                    .measurements
                    .push(Measurement::battery(Battery::Percent(percent)));
            }
            other => decoded.warn(format!("battery of {other} %")),
        },
        (0x03, 0x67) => decoded
            .measurements
            .push(sensor.raw(cursor.i16_le()?, DECI)),
        (0x83, 0x67) if !platinum => {
            let raw = cursor.i16_le()?;
            decoded.fact("temperature_alarm", cursor.u8()?);
            decoded.measurements.push(sensor.raw(raw, DECI));
        }
        (0x83, 0xD7) if platinum => {
            let raw = cursor.i16_le()?;
            decoded.fact("temperature_mutation", f64::from(cursor.i16_le()?) / 10.0);
            decoded.fact("temperature_alarm", cursor.u8()?);
            decoded.measurements.push(sensor.raw(raw, DECI));
        }
        (0x04, 0x68) if !platinum => {
            let raw = cursor.u8()?;
            decoded
                .measurements
                .push(sensor.humidity_milli(i32::from(raw) * HALF));
        }
        (0x05, 0x00) if !platinum => {
            let leak = if cursor.u8()? == 0 {
                Leak::Dry
            } else {
                Leak::Wet
            };
            decoded
                .measurements
                .push(Measurement::leak(Probe::named("leak"), leak));
        }
        // which way round is unconfirmed; the device's policy can invert it
        (0x06, 0x00) if !platinum => {
            let contact = if cursor.u8()? == 0 {
                Contact::Closed
            } else {
                Contact::Open
            };
            decoded
                .measurements
                .push(Measurement::contact(Probe::named("door"), contact));
        }
        (0x20, 0xCE) => {
            let unix = cursor.u32_le()?;
            let temperature = sensor.raw(cursor.i16_le()?, DECI);
            if platinum {
                decoded.measurements.push(stored(temperature, unix));
            } else {
                let humidity = sensor.humidity_milli(i32::from(cursor.u8()?) * HALF);
                cursor.u8()?;
                decoded.measurements.push(stored(temperature, unix));
                decoded.measurements.push(stored(humidity, unix));
            }
        }
        (0xFF, kind) => match device_fact_length(kind) {
            Some((name, length)) => {
                let value = cursor.skip(length)?;
                decoded.fact(name, hex(value));
            }
            None => return Some(Field::Unknown(0xFF, kind)),
        },
        (channel, kind) => return Some(Field::Unknown(channel, kind)),
    }
    Some(Field::Read)
}

/// What the device says about itself, with its length.
const fn device_fact_length(kind: u8) -> Option<(&'static str, usize)> {
    Some(match kind {
        0x01 => ("protocol_version", 1),
        0x02 => ("ff02", 2),
        0x03 => ("report_interval", 2),
        0x09 => ("hardware_version", 2),
        0x0A => ("firmware_version", 2),
        0x0B => ("power_on", 1),
        0x0F => ("device_class", 1),
        0x16 => ("serial_number", 8),
        0x1B => ("ff1b", 5),
        0xFE => ("reset", 1),
        0xFF => ("tsl_version", 2),
        _ => return None,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
