//! Decentlab DL-SHT35 and DL-DS18: flags say which words follow.
//!
//! Source: Decentlab LoRaWAN protocol, version 2.

use super::cursor::Cursor;
use super::frame::{Outcome, Sensor, finish, truncated, volts};
use super::{Family, NativeProfile};
use crate::canonical::{Decoded, Rejected, Role, SensorKind};

const VERSION: u8 = 2;
const FULL_SCALE: i32 = 65_535;

/// Any port; the usual one is 1.
pub(super) fn decode(profile: &NativeProfile, _: Option<u8>, bytes: &[u8]) -> Outcome {
    let mut cursor = Cursor::new(bytes);
    match cursor.u8() {
        None => return Err(Rejected::BadLength),
        Some(VERSION) => {}
        Some(_) => return Err(Rejected::WrongVersion),
    }
    let mut decoded = Decoded::default();
    let complete = read(profile, &mut cursor, &mut decoded);
    Ok(finish(if complete.is_some() {
        decoded
    } else {
        truncated(decoded)
    }))
}

/// A clear flag means that the words are not there, not that they are zero.
fn read(profile: &NativeProfile, cursor: &mut Cursor<'_>, decoded: &mut Decoded) -> Option<()> {
    decoded.fact("device_id", cursor.u16()?);
    let flags = cursor.u16()?;
    if flags & 0b01 != 0 {
        if profile.family == Family::DecentlabDs18 {
            let sensor = Sensor::only(Role::Cabinet, SensorKind::Ds18b20);
            let sixteenths = i32::from(cursor.u16()?) - 32_768;
            decoded
                .measurements
                .push(sensor.milli(rounded(sixteenths * 1_000, 16)));
        } else {
            let sensor = Sensor::only(Role::Cabinet, SensorKind::Sht);
            let temperature = i32::from(cursor.u16()?);
            let humidity = i32::from(cursor.u16()?);
            let milli = rounded(175_000 * i64::from(temperature), FULL_SCALE) - 45_000;
            decoded.measurements.push(sensor.milli(milli));
            let milli = rounded(100_000 * i64::from(humidity), FULL_SCALE);
            decoded.measurements.push(sensor.humidity_milli(milli));
        }
    }
    if flags & 0b10 != 0 {
        decoded.measurements.push(volts(cursor.u16()?));
    }
    if flags & !0b11 != 0 {
        decoded.warn(format!("unknown sensors {:04X}", flags & !0b11));
    }
    Some(())
}

fn rounded(numerator: impl Into<i64>, denominator: i32) -> i32 {
    let quotient =
        freshtrack_core::temperature::div_round_half_away(numerator.into(), i64::from(denominator));
    i32::try_from(quotient).unwrap_or(i32::MAX)
}
