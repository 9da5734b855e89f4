//! Elsys ERS (Lite, CO2, EXT), ELT-2 and EMS Door: type, big-endian value.
//!
//! Source: Elsys payload description.

use super::cursor::Cursor;
use super::frame::{DECI, Outcome, Sensor, extra, finish, truncated, volts};
use super::{Family, NativeProfile};
use crate::canonical::{Contact, Decoded, Leak, Measurement, Probe, Rejected, Role, SensorKind};

/// Any port.
pub(super) fn decode(profile: &NativeProfile, _: Option<u8>, bytes: &[u8]) -> Outcome {
    if bytes.is_empty() {
        return Err(Rejected::BadLength);
    }
    let mut decoded = Decoded::default();
    let mut cursor = Cursor::new(bytes);
    let mut state = State { seconds: 0 };
    while let Some(kind) = cursor.u8() {
        match field(profile, kind, &mut decoded, &mut cursor, &mut state) {
            Some(true) => {}
            Some(false) => {
                decoded.warn(format!("unknown type {kind:02X}"));
                return Ok(finish(decoded));
            }
            None => return Ok(finish(truncated(decoded))),
        }
    }
    Ok(finish(decoded))
}

/// How many second probes were seen: the type may repeat.
struct State {
    seconds: u8,
}

fn field(
    profile: &NativeProfile,
    kind: u8,
    decoded: &mut Decoded,
    cursor: &mut Cursor<'_>,
    state: &mut State,
) -> Option<bool> {
    let built_in = || Sensor::built_in(profile, SensorKind::Housing);
    let measurement = match kind {
        0x01 => built_in().raw(cursor.i16()?, DECI),
        0x02 => built_in().humidity_milli(i32::from(cursor.u8()?) * 1_000),
        0x07 => volts(cursor.u16()?),
        0x0C => Sensor::external(profile, SensorKind::Ds18b20).raw(cursor.i16()?, DECI),
        0x0D => digital(profile, cursor.u8()?),
        0x10 => {
            let own = Sensor::channel("infrared_own", Role::Unassigned, SensorKind::Unknown);
            let surface =
                Sensor::channel("infrared_surface", Role::Unassigned, SensorKind::Unknown);
            let first = cursor.i16()?;
            let second = cursor.i16()?;
            decoded.measurements.push(own.raw(first, DECI));
            surface.raw(second, DECI)
        }
        0x12 => {
            let leak = if cursor.u8()? == 0 {
                Leak::Dry
            } else {
                Leak::Wet
            };
            Measurement::leak(Probe::named("leak"), leak)
        }
        0x19 => {
            let mut sensor = Sensor::second(profile, SensorKind::Ds18b20);
            let raw = cursor.i16()?;
            if state.seconds > 0 {
                sensor.role = Role::Unassigned;
                sensor.probe = Probe::from(format!("probe_{}", u16::from(state.seconds) + 2));
            }
            state.seconds = state.seconds.saturating_add(1);
            sensor.raw(raw, DECI)
        }
        _ => return other(kind, decoded, cursor),
    };
    decoded.measurements.push(measurement);
    Some(true)
}

/// Fields that are neither temperature, humidity, battery, contact nor leak.
fn other(kind: u8, decoded: &mut Decoded, cursor: &mut Cursor<'_>) -> Option<bool> {
    let measurement = match kind {
        0x03 => {
            let axes = cursor.array::<3>()?.map(u8::cast_signed);
            decoded.fact("acceleration", axes.to_vec());
            return Some(true);
        }
        0x04 => extra("illuminance_lux", cursor.u16()?),
        0x05 => extra("motion_count", cursor.u8()?),
        0x06 => extra("co2_ppm", cursor.u16()?),
        0x08 => extra("analog_1_mv", cursor.u16()?),
        0x0A => extra("pulses_1", cursor.u16()?),
        0x0B => extra("pulses_1_total", cursor.u32()?),
        0x0E => extra("distance_mm", cursor.u16()?),
        0x0F => extra("acceleration_events", cursor.u8()?),
        0x11 => extra("occupancy", cursor.u8()?),
        0x14 => extra("pressure_hpa", f64::from(cursor.i32()?) / 1_000.0),
        0x16 => extra("pulses_2", cursor.u16()?),
        0x17 => extra("pulses_2_total", cursor.u32()?),
        0x18 => extra("analog_2_mv", cursor.u16()?),
        0x1A => extra("digital_2", cursor.u8()?),
        0x1B => extra("analog_external_uv", cursor.i32()?),
        0x1C => extra("tvoc_ppb", cursor.u16()?),
        0x09 | 0x13 | 0x15 => {
            let length = match kind {
                0x09 => 6,
                0x13 => 65,
                _ => 2,
            };
            return cursor.skip(length).map(|_| true);
        }
        _ => return Some(false),
    };
    decoded.measurements.push(measurement);
    Some(true)
}

/// On the door sensor the digital input is the door; which way round is unconfirmed.
fn digital(profile: &NativeProfile, level: u8) -> Measurement {
    if profile.family == Family::EmsDoor {
        let contact = if level == 1 {
            Contact::Open
        } else {
            Contact::Closed
        };
        Measurement::contact(Probe::named("door"), contact)
    } else {
        extra("digital_1", level)
    }
}
