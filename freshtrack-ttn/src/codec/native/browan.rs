//! Browan TBHH100 (temperature and humidity) and TBDW100 (door).
//!
//! Source: Browan tabs reference manuals.

use super::NativeProfile;
use super::cursor::Cursor;
use super::frame::{Outcome, Sensor, extra, finish, on_port, truncated};
use crate::canonical::{
    Battery, Contact, Decoded, FaultCause, Flag, Measurement, Probe, Quantity, Rejected, Role,
    SensorKind,
};

/// Seven bits set: the sensor gave nothing.
const NO_HUMIDITY: u8 = 0x7F;

/// Port 103.
pub(super) fn tbhh100(_: &NativeProfile, port: Option<u8>, bytes: &[u8]) -> Outcome {
    on_port(port, 103)?;
    let sensor = Sensor::only(Role::Cabinet, SensorKind::Housing);
    read(bytes, |cursor, decoded| {
        decoded.fact("status", cursor.u8()?);
        decoded.measurements.push(battery(cursor.u8()?));
        let milli = whole_degrees(cursor.u8()?);
        decoded
            .measurements
            .push(sensor.milli(milli).flagged(Flag::Coarse));
        // seven bits: six would read 70 % as 6 %
        decoded.measurements.push(match cursor.u8()? & 0x7F {
            NO_HUMIDITY => {
                let probe = sensor.probe.clone();
                Measurement::fault(probe, sensor.role, Quantity::Humidity, FaultCause::Sentinel)
            }
            percent => sensor.humidity_milli(i32::from(percent) * 1_000),
        });
        Some(())
    })
}

/// Port 100.
pub(super) fn tbdw100(_: &NativeProfile, port: Option<u8>, bytes: &[u8]) -> Outcome {
    on_port(port, 100)?;
    let board = Sensor::channel("board", Role::Board, SensorKind::Housing);
    read(bytes, |cursor, decoded| {
        let contact = if cursor.u8()? & 1 == 0 {
            Contact::Closed
        } else {
            Contact::Open
        };
        decoded
            .measurements
            .push(Measurement::contact(Probe::named("door"), contact));
        decoded.measurements.push(battery(cursor.u8()?));
        let milli = whole_degrees(cursor.u8()?);
        decoded
            .measurements
            .push(board.milli(milli).flagged(Flag::Coarse));
        decoded
            .measurements
            .push(extra("last_event_minutes", cursor.u16_le()?));
        decoded
            .measurements
            .push(extra("event_count", cursor.u24_le()?));
        Some(())
    })
}

fn read(bytes: &[u8], layout: impl FnOnce(&mut Cursor<'_>, &mut Decoded) -> Option<()>) -> Outcome {
    if bytes.is_empty() {
        return Err(Rejected::BadLength);
    }
    let mut decoded = Decoded::default();
    let complete = layout(&mut Cursor::new(bytes), &mut decoded);
    Ok(finish(if complete.is_some() {
        decoded
    } else {
        truncated(decoded)
    }))
}

fn battery(byte: u8) -> Measurement {
    Measurement::battery(Battery::Volts((25 + i32::from(byte & 0x0F)) * 100))
}

fn whole_degrees(byte: u8) -> i32 {
    (i32::from(byte & 0x7F) - 32) * 1_000
}
