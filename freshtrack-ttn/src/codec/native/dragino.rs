//! Dragino LHT65, LHT65N, LHT52, LDS02 (LDS01, LWL02) and LTC2.
//!
//! Source: Dragino user manuals, uplink payload tables.

use super::cursor::Cursor;
use super::frame::{
    CENTI, DECI, Outcome, Sensor, clock, extra, finish, on_port, push_external, stored, truncated,
    volts,
};
use super::{Family, NativeProfile};
use crate::canonical::{
    Battery, Contact, Decoded, FaultCause, Leak, Measurement, NoMeasurement, Probe, Rejected, Role,
    SensorKind,
};

const RECORD: usize = 11;
const EXT_NONE: u8 = 0;
const EXT_DS18B20: u8 = 1;
const EXT_TMP117: u8 = 2;
const EXT_DS18B20_TIMED: u8 = 9;
const EXT_SHT31: u8 = 11;

/// LHT65 and LHT65N.
pub(super) fn lht65(profile: &NativeProfile, port: Option<u8>, bytes: &[u8]) -> Outcome {
    let newer = profile.family == Family::Lht65n;
    match port {
        Some(5) if newer => Ok(lht65n_status(bytes)),
        Some(2) | None if bytes.is_empty() => Err(Rejected::BadLength),
        Some(2) | None => {
            let flags = bytes.get(6).copied().unwrap_or(0);
            let from_memory = flags & 0x40 != 0 || (newer && flags & 0x80 != 0);
            if from_memory {
                Ok(lht65_memory(profile, bytes))
            } else {
                Ok(lht65_live(profile, bytes))
            }
        }
        Some(_) => Err(Rejected::UnknownPort),
    }
}

fn lht65_live(profile: &NativeProfile, bytes: &[u8]) -> Decoded {
    let mut decoded = Decoded::default();
    let mut cursor = Cursor::new(bytes);
    let built_in = Sensor::built_in(profile, SensorKind::Sht);
    let complete = (|| {
        let first = cursor.u16()?;
        decoded
            .measurements
            .push(built_in.raw(cursor.i16()?, CENTI));
        let humid = cursor.u16()?;
        decoded
            .measurements
            .push(built_in.humidity(humid & 0x0FFF, DECI));
        let flags = cursor.u8()?;
        lht65_battery(&mut decoded, flags & 0x0F, first, humid);
        lht65_external(profile, &mut decoded, flags, first, &mut cursor)
    })();
    finish(if complete.is_some() {
        decoded
    } else {
        truncated(decoded)
    })
}

/// The meaning of the first two bytes is known only once the kind of probe is.
fn lht65_battery(decoded: &mut Decoded, ext: u8, first: u16, humid: u16) {
    let grade = if ext == EXT_DS18B20_TIMED {
        humid >> 14
    } else {
        decoded.measurements.push(volts(first & 0x3FFF));
        first >> 14
    };
    let grade = u8::try_from(grade).unwrap_or(0);
    decoded
        .measurements
        .push(Measurement::battery(Battery::Grade(grade)));
}

fn lht65_external(
    profile: &NativeProfile,
    decoded: &mut Decoded,
    flags: u8,
    first: u16,
    cursor: &mut Cursor<'_>,
) -> Option<()> {
    let probe = Sensor::external(profile, SensorKind::Ds18b20);
    let unplugged = profile.family == Family::Lht65 && flags & 0x80 != 0;
    let ext = flags & 0x0F;
    match ext {
        EXT_NONE => push_external(decoded, profile, probe.fault(FaultCause::Disconnected)),
        EXT_DS18B20 | EXT_TMP117 | EXT_SHT31 | EXT_DS18B20_TIMED if unplugged => {
            push_external(decoded, profile, probe.fault(FaultCause::Disconnected));
        }
        EXT_DS18B20 | EXT_TMP117 => {
            let reading = probe.raw(cursor.i16()?, CENTI);
            push_external(decoded, profile, reading);
        }
        EXT_DS18B20_TIMED => {
            let at = clock(cursor.u32()?);
            push_external(decoded, profile, probe.raw(first.cast_signed(), CENTI));
            decoded.measurements.iter_mut().for_each(|m| m.at = at);
        }
        EXT_SHT31 => {
            let probe = Sensor {
                kind: SensorKind::Sht,
                ..probe
            };
            let reading = probe.raw(cursor.i16()?, CENTI);
            push_external(decoded, profile, reading);
            let humidity = probe.humidity(cursor.u16()? & 0x0FFF, DECI);
            push_external(decoded, profile, humidity);
        }
        4 => decoded.fact("interrupt_level", cursor.u8()?),
        5 => decoded
            .measurements
            .push(extra("illuminance_lux", cursor.u16()?)),
        6 => decoded
            .measurements
            .push(extra("adc_volts", f64::from(cursor.u16()?) / 1_000.0)),
        7 => decoded.measurements.push(extra("count", cursor.u16()?)),
        8 => decoded.measurements.push(extra("count", cursor.u32()?)),
        14 => decoded.fact("motion", cursor.u8()?),
        15 => decoded.fact("probe_id_sent", true),
        _ => decoded.warn(format!("unknown external sensor {ext}")),
    }
    Some(())
}

/// Answers to a poll, and frames sent again: every record carries its own time.
fn lht65_memory(profile: &NativeProfile, bytes: &[u8]) -> Decoded {
    let mut decoded = Decoded::default();
    let built_in = Sensor::built_in(profile, SensorKind::Sht);
    let probe = Sensor::external(profile, SensorKind::Ds18b20);
    let records = bytes.chunks_exact(RECORD);
    let rest = records.remainder();
    for record in records {
        let mut cursor = Cursor::new(record);
        let (Some(outer), Some(inner), Some(humid), Some(flags), Some(unix)) = (
            cursor.i16(),
            cursor.i16(),
            cursor.u16(),
            cursor.u8(),
            cursor.u32(),
        ) else {
            continue;
        };
        if matches!(
            flags & 0x0F,
            EXT_DS18B20 | EXT_TMP117 | EXT_DS18B20_TIMED | EXT_SHT31
        ) {
            let unplugged = profile.family == Family::Lht65 && flags & 0x80 != 0;
            let reading = if unplugged {
                probe.fault(FaultCause::Disconnected)
            } else {
                probe.raw(outer, CENTI)
            };
            push_external(&mut decoded, profile, stored(reading, unix));
        }
        decoded
            .measurements
            .push(stored(built_in.raw(inner, CENTI), unix));
        decoded
            .measurements
            .push(stored(built_in.humidity(humid & 0x0FFF, DECI), unix));
    }
    finish(if rest.is_empty() {
        decoded
    } else {
        truncated(decoded)
    })
}

fn lht65n_status(bytes: &[u8]) -> Decoded {
    let mut decoded = Decoded::nothing(NoMeasurement::Status);
    let mut cursor = Cursor::new(bytes);
    let complete = (|| {
        decoded.fact("sensor_model", cursor.u8()?);
        decoded.fact("firmware", format!("{:04X}", cursor.u16()?));
        decoded.fact("band", cursor.u8()?);
        decoded.fact("sub_band", cursor.u8()?);
        decoded.measurements.push(volts(cursor.u16()?));
        Some(())
    })();
    if complete.is_some() {
        decoded
    } else {
        truncated(decoded)
    }
}

/// LHT52.
pub(super) fn lht52(profile: &NativeProfile, port: Option<u8>, bytes: &[u8]) -> Outcome {
    match port {
        Some(2) | None if bytes.len() == RECORD => Ok(lht52_live(profile, bytes)),
        // a data frame has one length only
        Some(2 | 4) => Ok(Decoded::nothing(NoMeasurement::Status)),
        Some(3) => Ok(Decoded::nothing(NoMeasurement::StoredData)),
        Some(5) | None => Ok(lht65n_status(bytes)),
        Some(_) => Err(Rejected::UnknownPort),
    }
}

fn lht52_live(profile: &NativeProfile, bytes: &[u8]) -> Decoded {
    let mut decoded = Decoded::default();
    let mut cursor = Cursor::new(bytes);
    let built_in = Sensor::built_in(profile, SensorKind::Sht);
    let probe = Sensor::external(profile, SensorKind::Ds18b20);
    let complete = (|| {
        decoded
            .measurements
            .push(built_in.raw(cursor.i16()?, CENTI));
        decoded
            .measurements
            .push(built_in.humidity(cursor.u16()?, DECI));
        push_external(&mut decoded, profile, probe.raw(cursor.i16()?, CENTI));
        decoded.fact("external_sensor", cursor.u8()?);
        let at = clock(cursor.u32()?);
        decoded.measurements.iter_mut().for_each(|m| m.at = at);
        Some(())
    })();
    finish(if complete.is_some() {
        decoded
    } else {
        truncated(decoded)
    })
}

/// LDS02, LDS01 and LWL02.
pub(super) fn lds02(_: &NativeProfile, port: Option<u8>, bytes: &[u8]) -> Outcome {
    on_port(port, 10)?;
    let mut decoded = Decoded::default();
    let mut cursor = Cursor::new(bytes);
    let complete = (|| {
        let state = cursor.u16()?;
        decoded.measurements.push(volts(state & 0x3FFF));
        let mode = cursor.u8()?;
        let contact = if state & 0x8000 == 0 {
            Contact::Closed
        } else {
            Contact::Open
        };
        let leak = if state & 0x4000 == 0 {
            Leak::Dry
        } else {
            Leak::Wet
        };
        if matches!(mode, 1 | 3) {
            decoded
                .measurements
                .push(Measurement::contact(Probe::named("door"), contact));
        }
        if matches!(mode, 2 | 3) {
            decoded
                .measurements
                .push(Measurement::leak(Probe::named("leak"), leak));
        }
        if !matches!(mode, 1..=3) {
            decoded.warn(format!("unknown mode {mode}"));
        }
        decoded
            .measurements
            .push(extra("event_count", cursor.u24()?));
        decoded
            .measurements
            .push(extra("last_event_minutes", cursor.u24()?));
        decoded.fact("alarm", cursor.u8()? & 1 == 1);
        Some(())
    })();
    match (complete, bytes.is_empty()) {
        (_, true) => Err(Rejected::BadLength),
        (Some(()), false) => Ok(finish(decoded)),
        (None, false) => Ok(finish(truncated(decoded))),
    }
}

/// LTC2, two PT100 inputs.
pub(super) fn ltc2(_: &NativeProfile, port: Option<u8>, bytes: &[u8]) -> Outcome {
    on_port(port, 2)?;
    let mut decoded = Decoded::default();
    let mut cursor = Cursor::new(bytes);
    let channels = [
        Sensor::channel("channel_1", Role::Cabinet, SensorKind::Pt100),
        Sensor::channel("channel_2", Role::Product, SensorKind::Pt100),
    ];
    let complete = (|| {
        let battery = volts(cursor.u16()? & 0x3FFF);
        let flags = cursor.u8()?;
        if flags & 0x40 != 0 {
            decoded.no_measurement = Some(NoMeasurement::StoredData);
            return Some(());
        }
        decoded.measurements.push(battery);
        for (sensor, ohms) in channels.iter().zip(["channel_1_ohms", "channel_2_ohms"]) {
            let raw = cursor.i16()?;
            match flags & 0x0F {
                1 => decoded.measurements.push(sensor.raw(raw, CENTI)),
                2 => decoded.measurements.push(sensor.raw(raw, DECI)),
                3 => {
                    let hundredths = f64::from(raw.cast_unsigned());
                    decoded.measurements.push(extra(ohms, hundredths / 100.0));
                }
                other => decoded.warn(format!("unknown external sensor {other}")),
            }
        }
        let at = clock(cursor.u32()?);
        decoded.measurements.iter_mut().for_each(|m| m.at = at);
        Some(())
    })();
    match (complete, bytes.is_empty()) {
        (_, true) => Err(Rejected::BadLength),
        (Some(()), false) => Ok(finish(decoded)),
        (None, false) => Ok(finish(truncated(decoded))),
    }
}
