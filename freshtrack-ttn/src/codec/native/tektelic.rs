//! Tektelic Comfort (Vivid) and Tundra: channel, type, big-endian value.
//!
//! Port 100 answers questions about registers, among them the device's keys: such a frame is dropped and
//! marked so that no copy of it is kept.
//!
//! Source: Tektelic technical reference manuals.

use super::cursor::Cursor;
use super::frame::{DECI, Outcome, Sensor, extra, finish, truncated};
use super::{Family, NativeProfile};
use crate::canonical::{
    Battery, Contact, Decoded, Measurement, NoMeasurement, Probe, Rejected, Role, SensorKind,
};

/// Ports 10 and 100.
pub(super) fn decode(profile: &NativeProfile, port: Option<u8>, bytes: &[u8]) -> Outcome {
    match port {
        Some(10) | None => {}
        Some(100) => {
            let answer = Decoded::nothing(NoMeasurement::Configuration);
            return Ok(Decoded {
                sensitive: true,
                ..answer
            });
        }
        Some(_) => return Err(Rejected::UnknownPort),
    }
    let mut decoded = Decoded::default();
    let mut cursor = Cursor::new(bytes);
    while !cursor.is_empty() {
        match field(profile, &mut decoded, &mut cursor) {
            Some(true) => {}
            Some(false) => {
                decoded.warn("unknown field");
                return Ok(finish(decoded));
            }
            None => return Ok(finish(truncated(decoded))),
        }
    }
    Ok(finish(decoded))
}

fn field(profile: &NativeProfile, decoded: &mut Decoded, cursor: &mut Cursor<'_>) -> Option<bool> {
    let sensor = Sensor::only(Role::Cabinet, SensorKind::Housing);
    let measurement = match (cursor.u8()?, cursor.u8()?) {
        (0x00, 0xFF) => Measurement::battery(Battery::Volts(i32::from(cursor.i16()?) * 10)),
        (0x03, 0x67) => sensor.raw(cursor.i16()?, DECI),
        (0x04, 0x68) => sensor.humidity_milli(i32::from(cursor.u8()?) * 500),
        (0x0B, 0x67) => {
            Sensor::channel("mcu", Role::Board, SensorKind::Housing).raw(cursor.i16()?, DECI)
        }
        (0x01, 0x00) => {
            // unconfirmed; the device's policy can invert it
            let contact = if cursor.u8()? == 0 {
                Contact::Closed
            } else {
                Contact::Open
            };
            Measurement::contact(Probe::named("door"), contact)
        }
        (0x02, 0x00) => extra("light_detected", cursor.u8()?),
        (0x05, 0x02) => extra("impact_mv", cursor.i16()?),
        (0x07, 0x71) => {
            let axes = [cursor.i16()?, cursor.i16()?, cursor.i16()?];
            decoded.fact("acceleration", axes.to_vec());
            return Some(true);
        }
        (0x08, 0x04) => extra("reed_count", cursor.u16()?),
        (0x09, 0x00) => extra("moisture", cursor.u8()?),
        (0x0A, 0x00) => extra("activity", cursor.u8()?),
        (0x0C, 0x00) => extra("impact_alarm", cursor.u8()?),
        (0x0D, 0x04) => extra("activity_count", cursor.u16()?),
        (0x0E, 0x00) => extra("external_input", cursor.u8()?),
        (0x0F, 0x04) => extra("external_input_count", cursor.u16()?),
        (0x10, 0x02) => extra("light_level", cursor.u8()?),
        (0x11, 0x02) => {
            // a thermistor's voltage is no temperature without its table
            let name = if profile.family == Family::TektelicTundra {
                "thermistor_mv"
            } else {
                "external_input_mv"
            };
            extra(name, cursor.i16()?)
        }
        _ => return Some(false),
    };
    decoded.measurements.push(measurement);
    Some(true)
}
