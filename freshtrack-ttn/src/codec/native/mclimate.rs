//! `MClimate` HT sensor.
//!
//! Source: `MClimate` HT sensor documentation, keep-alive message.

use super::NativeProfile;
use super::frame::{Outcome, Sensor, finish, push_external, truncated};
use crate::canonical::{
    Battery, Decoded, FaultCause, Measurement, NoMeasurement, Rejected, SensorKind,
};

const KEEP_ALIVE: u8 = 1;
const LONG: usize = 7;
const SHORT: usize = 5;

/// Any port; the usual one is 2. Answers to commands may stand before the keep-alive.
pub(super) fn decode(profile: &NativeProfile, _: Option<u8>, bytes: &[u8]) -> Outcome {
    let first = *bytes.first().ok_or(Rejected::BadLength)?;
    if first == KEEP_ALIVE {
        return Ok(keep_alive(profile, bytes));
    }
    for length in [LONG, SHORT] {
        let tail = bytes
            .len()
            .checked_sub(length)
            .and_then(|at| bytes.get(at..));
        if let Some(tail) = tail
            && tail.first() == Some(&KEEP_ALIVE)
        {
            return Ok(keep_alive(profile, tail));
        }
    }
    Ok(Decoded::nothing(NoMeasurement::Configuration))
}

fn keep_alive(profile: &NativeProfile, bytes: &[u8]) -> Decoded {
    let mut decoded = Decoded::default();
    let built_in = Sensor::built_in(profile, SensorKind::Housing);
    let [_, rest @ ..] = bytes else {
        return truncated(decoded);
    };
    if let [high, low, ..] = rest {
        let raw = i32::from(u16::from_be_bytes([*high, *low]));
        decoded.measurements.push(built_in.milli((raw - 400) * 100));
    }
    if let Some(raw) = rest.get(2) {
        decoded
            .measurements
            .push(built_in.humidity_milli(i32::from(*raw) * 100_000 / 256));
    }
    if let Some(byte) = rest.get(3) {
        let millivolts = 2_000 + i32::from(byte >> 4) * 100;
        decoded
            .measurements
            .push(Measurement::battery(Battery::Volts(millivolts)));
    }
    if let Some(state) = rest.get(4) {
        let probe = Sensor::external(profile, SensorKind::Sht);
        if state & 0x04 != 0 {
            push_external(&mut decoded, profile, probe.fault(FaultCause::Disconnected));
        } else if let Some(low) = rest.get(5) {
            let raw = i32::from(u16::from_be_bytes([state & 0x03, *low]));
            push_external(&mut decoded, profile, probe.milli(raw * 100));
        }
    }
    let complete = bytes.len() == SHORT || bytes.len() >= LONG;
    finish(if complete {
        decoded
    } else {
        truncated(decoded)
    })
}
